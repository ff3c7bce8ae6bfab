package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/live"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/report/text"
)

func runLive(ctx context.Context, t *cli.Terminal, f *liveFlags) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	c, err := f.counting(t, end)
	if err != nil {
		return err
	}
	config, err := f.config(t)
	if err != nil {
		return err
	}
	if err := config.Machine.CheckIsolated(&config.Request.Isolated); err != nil {
		return cli.Usage(err)
	}
	c.isolate(&config.Request.Isolated)
	if err := c.budgetIsOf(&config.Request.Isolated); err != nil {
		return err
	}
	fs, err := findTracefs(t)
	if err != nil {
		return err
	}
	if err := f.settle(t, config); err != nil {
		return err
	}
	removeStale(t, fs)
	l, err := recorder.OpenLive(ctx, fs, config)
	if err != nil {
		return refusedIsUsage(err)
	}
	if f.save != "" || c.keys != nil {
		l.Keep(f.keep)
	}
	w := newWatcher(l, c, f, config)
	w.t, w.end = t, end
	err = w.serve(ctx, f, func() error { return w.run(ctx, f.forTime) })
	if f.save != "" && w.input.Path != "" {
		err = errors.Join(err, w.save(f))
	}
	err = errors.Join(err, c.show.Close(), l.Close()) // nothing is left, whatever happens below
	if w.input.Path == "" {
		return err
	}
	return errors.Join(err, w.finish(t, f.strict))
}

// config makes a configuration of the flags.
func (f *liveFlags) config(t *cli.Terminal) (*recorder.Config, error) {
	r, err := f.request("live")
	if err != nil {
		return nil, err
	}
	r.StopOn = f.stopOn
	m, err := recorder.ThisMachine()
	if err != nil {
		return nil, err
	}
	r.NrCPUs = m.CPUs
	return &recorder.Config{
		Request: r, Machine: m, Version: version(), Clock: f.clock, BufferKB: int(f.bufferBytes >> 10), BufferGiven: f.bufferGiven,
		Period: f.period, Say: t.Warnf,
	}, nil
}

// A watcher counts what a Live reads, and shows it.
type watcher struct {
	*counting
	t        *cli.Terminal
	end      func()        // ends it
	guard    *live.Guard   // nil without --check
	times    *timekeeper   // nil if it limits nothing but hits
	tooLong  string        // the handler that broke it
	metrics  *live.Metrics // nil without --metrics
	brokenAt time.Time     // when it was seen that the budget is broken
	live     *recorder.Live
	every    time.Duration
	state    *ipi.State
	latency  *latency.State // nil: not measured
	progress analysis.Progress
	meter    live.Meter
	memory   *live.Memory
	last     *live.Last // nil where nobody looks at stacks
	keep     time.Duration
	fallback *live.Fallback
	measured *live.Until // w.latency as long as arrivals are recorded
	shown    time.Time   // when it was shown last

	saved    string // what is said about --save
	stats    analysis.Stats
	input    result.Input
	standing recorder.Standing
}

func newWatcher(l *recorder.Live, c *counting, f *liveFlags, config *recorder.Config) *watcher {
	w := &watcher{counting: c, live: l, every: f.every, keep: f.keep}
	for cpu := range config.Request.Isolated.All() {
		w.meter.Isolated = append(w.meter.Isolated, cpu)
	}
	table := l.Source().Table()
	if c.keys != nil {
		w.last = live.NewLast(table)
		c.ipi.Seen = w.last.See
	}
	w.state = ipi.New(table, c.ipi)
	most := f.maxRate
	if !l.HasArrivals() {
		most = 0
	}
	w.fallback = live.NewFallback(most, l.IsArrival, l.DropArrivals)
	if c.latency != nil {
		w.latency = latency.New(table, *c.latency)
		w.measured = w.fallback.Until(w.latency)
	}
	if c.budget != nil {
		w.guard = live.NewGuard(table, c.budget, c.ipi.Catalog, c.ipi.Isolated)
		if times := c.budget.Times(); times != nil {
			w.times = newTimekeeper(table, times, c.ipi.Isolated, c.ipi.Catalog, w.fallback)
		}
	}
	l.Idle = w.idle
	return w
}

// serve runs while the figures are served to Prometheus, if they are.
func (w *watcher) serve(ctx context.Context, f *liveFlags, run func() error) error {
	if f.metrics == "" {
		return run()
	}
	w.metrics = live.NewMetrics(w.live.Source().Table(), w.ipi.Catalog, w.ipi.Isolated)
	stop, err := serveMetrics(ctx, f.metrics, w.metrics)
	if err != nil {
		return err
	}
	return errors.Join(run(), stop())
}

// run counts until the end.
func (w *watcher) run(ctx context.Context, forTime time.Duration) error {
	if err := w.live.Start(forTime); err != nil {
		return err
	}
	w.shown = time.Now()
	if s, ok := w.counting.show.(*screen); ok {
		s.Start()
	}
	states := []analysis.State{w.state, w.live}
	if w.latency != nil {
		w.measured.Since(w.live.Since())
		states = append(states, w.measured)
	}
	if w.metrics != nil {
		states = append(states, w.metrics)
	}
	if w.guard != nil {
		w.guard.Since(w.live.Since())
		states = append(states, w.guard)
	}
	if w.times != nil {
		states = append(states, w.times.states(w.live.Since())...)
	}
	src := w.live.Source()
	w.memory = live.NewMemory(src.Table(), src, states...)
	if w.last != nil {
		w.memory.Add(w.last)
	}
	var err error
	// the source ends by itself when ctx does, with what was recorded until then
	w.stats, err = analysis.Run(context.WithoutCancel(ctx), w.fallback.Source(src), analysis.Options{Progress: &w.progress}, states...)
	w.input = w.stats.Input(&src.Table().Meta, err)
	w.state.Testify(&w.input)
	track.NoteUnrecorded(src.Table(), &w.input, &trace.Selection{})
	standing, serr := w.live.Standing()
	w.standing = standing
	return errors.Join(err, serr)
}

// save writes what was kept.
func (w *watcher) save(f *liveFlags) error {
	short, err := w.live.Save(f.save)
	if err != nil {
		return fmt.Errorf("--save: %w", err)
	}
	w.saved = fmt.Sprintf("the events of the last %v are in %s: ipiscope report --isolated %s %s", f.keep, f.save, w.ipi.Isolated.String(), f.save)
	if short {
		w.saved += " (of more events than fit into 256 MiB the newest)"
	}
	return nil
}

// idle shows what was counted, if it is time to.
func (w *watcher) idle() error {
	w.memory.Tidy()
	if err := w.fallback.Look(w.live.Source().Stats(), w.live.Missed); err != nil {
		return err
	}
	for len(w.keys) > 0 {
		w.obey(<-w.keys)
	}
	w.endBroken()
	if time.Since(w.shown) < w.every {
		return nil
	}
	standing, err := w.live.Standing()
	if err != nil {
		return err
	}
	if standing.Until == math.MinInt64 { // nothing is certain yet
		return nil
	}
	w.shown = w.shown.Add(w.every)
	if late := time.Since(w.shown); late > w.every {
		w.shown = time.Now()
	}
	view := w.view(&standing)
	if w.times != nil && w.tooLong == "" {
		w.tooLong = w.times.broken(w.soFar(&standing))
	}
	if w.metrics != nil {
		w.metrics.Update(view)
	}
	return w.counting.show.Show(view)
}

// afterBreak is how long it goes on when the budget is broken: what follows may tell
// more.
const afterBreak = time.Second

// endBroken ends it when the budget is broken and a little more was seen.
func (w *watcher) endBroken() {
	switch {
	case w.guard == nil, w.guard.Broken() == nil && w.tooLong == "":
	case w.brokenAt.IsZero():
		w.brokenAt = time.Now()
	case time.Since(w.brokenAt) > afterBreak:
		w.end()
	}
}

// judge says what became of the budget.
func (w *watcher) judge(t *cli.Terminal) error {
	if w.guard == nil {
		return nil
	}
	holds := true
	say := func(what string) { fmt.Fprintf(t.Err, "live: %s\n", t.Message(what)) }
	why := w.guard.Undecided(w.input.Lost, w.input.LostUnknown)
	switch b := w.guard.Broken(); {
	case b != nil:
		say("the budget is broken: " + b.String())
		holds = false
	case why != "":
		say("the budget is undecided: " + why)
		holds = false
	case w.input.Incomplete || w.input.SyntaxErrors > 0:
		say("the budget is undecided: not all events could be read")
		holds = false
	case w.guard.HasLines():
		say("no hit broke the budget: no CPU had more of them than an hour may have")
	}
	if w.times != nil {
		set, outcome := w.times.check(w.input)
		for _, line := range checkLines(set) {
			say("the budget: " + line)
		}
		if outcome == budget.Pass {
			say("the times of the budget were kept")
		}
		holds = holds && outcome == budget.Pass
	}
	if holds {
		return nil
	}
	return &cli.ExitError{Code: cli.ExitThreshold}
}

// obey does what a key asks for.
func (w *watcher) obey(a live.Action) {
	switch a {
	case live.Reset:
		w.meter.Reset()
		w.counting.show.Say("counted anew from here; quiet times, and the report at the end, are those of all of the time")
	case live.Report:
		name := "ipiscope-live-" + time.Now().Format("20060102-150405")
		if err := w.report(name + ".txt"); err != nil {
			w.counting.show.Say(err.Error())
			return
		}
		if _, err := w.live.Save(name + ".dat"); err != nil {
			w.counting.show.Say("the report so far is in " + name + ".txt; the events are not saved: " + err.Error())
			return
		}
		w.counting.show.Say(fmt.Sprintf("the report so far is in %s.txt, the events of the last %v in %s.dat", name, w.keep, name))
	}
}

// report writes the report so far to a file.
func (w *watcher) report(name string) error {
	standing, err := w.live.Standing()
	if err != nil {
		return err
	}
	in := w.soFar(&standing)
	total := ipi.NewCounts(w.ipi.Isolated, w.ipi.By)
	total.Merge(w.state.Counts(in))
	set := total.Result()
	w.fallback.Warn(set)
	set.WarnNotes()
	for _, x := range set.Warnings {
		set.Notes = append(set.Notes, x.Text)
	}
	return cli.WriteTo(w.t, name, func(o cli.Output) error { return text.Write(o, set, text.Options{}) })
}

// soFar describes what was counted, and lets counts be of that time.
func (w *watcher) soFar(standing *recorder.Standing) result.Input {
	stats := w.progress.Stats()
	span := analysis.Span{First: standing.Since, Last: max(standing.Until, standing.Since)}
	in := stats.Input(&w.live.Source().Table().Meta, nil)
	in.First, in.Last = int64(span.First), int64(span.Last)
	in.Lost = max(in.Lost, standing.Lost)
	w.state.Until(span)
	return in
}

func (w *watcher) view(standing *recorder.Standing) *live.View {
	in := w.soFar(standing)
	at := live.Moment{
		Since: in.First, Until: in.Last, Input: in, Waiting: w.state.Waiting(), Late: standing.Late,
		OwnCPU: standing.CPUTime, OwnHits: standing.OwnHits, Elapsed: standing.Elapsed, Deliveries: w.latency != nil,
		Fallback: w.fallback,
	}
	if w.last != nil {
		at.Stacks = w.last.Stacks()
	}
	var lat *latency.Counts
	if w.latency != nil {
		lat = w.latency.Counts(w.measured.Input(in))
	}
	return w.meter.View(at, w.state.Views(in), lat)
}

// finish prints the report of all of the time, and what watching cost.
func (w *watcher) finish(t *cli.Terminal, strict bool) error {
	total := ipi.NewCounts(w.ipi.Isolated, w.ipi.By)
	total.Merge(w.state.Counts(w.input))
	set := total.Result()
	w.fallback.Warn(set)
	if err := w.write(set); err != nil {
		return err
	}
	if w.latency != nil && !w.isJSON() {
		all := latency.NewCounts(*w.counting.latency)
		all.Merge(w.latency.Counts(w.measured.Input(w.input)))
		set := all.Result()
		w.fallback.Warn(set)
		if err := w.write(set); err != nil {
			return err
		}
	}
	if why := w.live.Why(); why != "" {
		t.Warnf("note", "it ended: %s", why)
	}
	if c := w.live.Source().Table().Meta.Recorded.Covered; c != nil && w.stats.Events != c.Count {
		t.Warnf("warning", "the kernel counted %d events, %d were read: counts are not whole", c.Count, w.stats.Events)
	}
	lost := fmt.Sprintf("%d lost", w.input.Lost)
	if w.input.Lost > 0 || w.input.LostUnknown {
		lost += ": counts are at least; a larger --buffer or a shorter --period loses less"
	}
	elapsed := max(w.standing.Elapsed.Seconds(), 1e-9)
	fmt.Fprintf(t.Err, "live: %d events in %s, %s\n", w.input.Events, result.Duration(w.stats.Span.Duration()), lost)
	fmt.Fprintf(t.Err, "live: %s of CPU time (%.2f %%); %d IPIs of its own to CPUs %s meanwhile; %d IPIs of anybody arrived there while events were switched on and off\n",
		result.Duration(int64(w.standing.CPUTime)), 100*w.standing.CPUTime.Seconds()/elapsed, w.standing.OwnHits, w.ipi.Isolated.String(), w.live.Around())
	if w.saved != "" {
		fmt.Fprintf(t.Err, "live: %s\n", w.saved)
	}
	if err := w.judge(t); err != nil {
		return err
	}
	_, _, dropped := w.fallback.Dropped()
	if strict && (dropped || w.input.IsLossy() || w.input.SyntaxErrors > 0) {
		return &cli.ExitError{Code: cli.ExitPartial}
	}
	return nil
}
