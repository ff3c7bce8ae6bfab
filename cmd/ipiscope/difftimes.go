package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/shift"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/mail"
)

// The values of --of that are no times of IPIs alone.
const (
	ofQuiet = "quiet"
	ofNoise = "noise"
)

// timesNames are the values of diff --of.
func timesNames() []string { return append(latency.TimeNames(), ofQuiet, ofNoise) }

// timesHelp is what the help of diff says of --of.
const timesHelp = `--of delivery|handler|bracket|wait|quiet|noise compares durations instead of hits:
those that latency measures, by its keys, the quiet between interruptions, by
target or none, or single noises of osnoise and timerlat, by the keys of noise
(kind,name if none are given). Median (p50) and 99th percentile (p99) of each row have a ratio with its
95 % interval and a verdict: reduced (shorter), grown (longer), unchanged (within
--margin, 1.25 by default) or unclear, with the reason. Runs of a side are
repetitions; with one run a side, run-to-run variation is not known and is
assumed to be --run-cv. docs/distributions.md has the method. Conditions of
--fail-on are then:

`

// timesFlags choose what is compared in place of hits.
type timesFlags struct {
	of, kind string
	given    func() bool // --of was
}

func (f *timesFlags) addTo(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.of, "of", "", "compare how long `WHAT` takes instead of hits: "+strings.Join(timesNames(), " "))
	fs.StringVar(&f.kind, "kind", "all", "with --of: `KIND` of events to pair: "+strings.Join(latency.Kinds(), " "))
	f.given = func() bool { return fs.Changed("of") }
	complete(cmd, "of", timesNames())
	complete(cmd, "kind", latency.Kinds())
}

// runTimes is diff --of: durations before and after.
func runTimes(ctx context.Context, t *cli.Terminal, f *diffFlags, args []string) error {
	if err := f.checkTimes(); err != nil {
		return err
	}
	f.output.Extra = []report.Format{{Name: "mail", Doc: "plain text for a cover letter, 72 columns",
		Write: func(w io.Writer, s *result.Set, o report.Options) error { return mail.WriteTimes(w, s, o.Top) }}}
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	conditions, err := f.timesConditions()
	if err != nil {
		return err
	}
	sides, cfg, readErr := f.readTimes(ctx, t, args)
	if sides == nil {
		return readErr
	}
	set := shift.Compare(sides, cfg)
	if f.output.Format() == "html" {
		set.Figures = []*result.Figure{shift.Figure(sides, cfg, pageCurves)}
	}
	if err := write(set); err != nil {
		return err
	}
	if readErr != nil {
		return readErr
	}
	return failTimes(conditions, set)
}

// pageCurves is how many rows the figure of a page shows.
const pageCurves = 2

// checkTimes refuses what only counts have.
func (f *diffFlags) checkTimes() error {
	if !slices.Contains(timesNames(), f.times.of) {
		return cli.Unknown("time", f.times.of, timesNames())
	}
	for _, x := range []struct {
		flag string
		set  bool
	}{{"--counts", f.counts != ""}, {"--work", f.work != ""}, {"--control", len(f.control) > 0}, {"--flame", f.flame != ""}} {
		if x.set {
			return cli.Usage(fmt.Errorf("--of %s compares durations: %s is for counts of hits", f.times.of, x.flag))
		}
	}
	return f.checkLevels()
}

// readTimes reads the durations of all sides. The sides are nil if there is
// nothing to compare.
func (f *diffFlags) readTimes(ctx context.Context, t *cli.Terminal, args []string) ([]shift.Side, shift.Config, error) {
	cfg := shift.Config{Of: f.times.of, Alpha: f.alpha, RunCV: f.runCV}
	if f.marginGiven() {
		cfg.Margin = f.margin
	}
	specs, err := f.specs(args)
	if err != nil {
		return nil, cfg, err
	}
	reader, err := f.timesReader(&cfg)
	if err != nil {
		return nil, cfg, err
	}
	sets, err := f.isolatedSets(t, len(specs))
	if err != nil {
		return nil, cfg, err
	}
	if reader.latency.Catalog, err = f.catalog.Load(); err != nil {
		return nil, cfg, err
	}
	var sides []shift.Side
	var errs error
	twins := &cli.Twins{}
	for i, s := range specs {
		filters, err := f.filter.Load(sets[i])
		if err != nil {
			return nil, cfg, err
		}
		in, err := f.input.Inputs(t, s.paths)
		if err != nil {
			return nil, cfg, err
		}
		in.ShareTwins(twins)
		r := *reader
		r.in, r.isolated, r.filters, r.duplicates = in, sets[i], filters, f.duplicates
		side, err := r.read(ctx, s.name)
		if cli.Status(err) == cli.ExitUsage {
			return nil, cfg, err
		}
		if errs == nil {
			errs = err
		}
		if len(side.Runs) == 0 {
			return nil, cfg, errors.Join(errs, fmt.Errorf("%s: nothing could be read, so that there is nothing to compare", s.name))
		}
		sides = append(sides, side)
	}
	return sides, cfg, errs
}

// A timesReader reads the durations of one side.
type timesReader struct {
	in       *cli.Inputs
	isolated *cli.Isolated
	filters  *cli.Filters
	latency  latency.Config
	time     latency.Time
	quiet    bool
	byCPU    bool // quiet: a row for each CPU
	noise    *noise.Config
	// duplicates are taken as if they were recordings of their own
	duplicates bool
}

// timesReader checks what can be before anything is read, and names the keys.
func (f *diffFlags) timesReader(cfg *shift.Config) (*timesReader, error) {
	r := &timesReader{latency: latency.Config{Window: latency.DefaultWindow, MaxGroups: latency.DefaultMaxGroups, Sequences: true}}
	if f.times.of == ofQuiet {
		r.quiet = true
		switch {
		case f.filterGiven():
			return nil, cli.Usage(errors.New("--filter chooses sends, and quiet ends with interruptions of any kind"))
		case !f.byGiven() || f.by == "target":
			r.byCPU, cfg.By = true, []string{"target"}
		case f.by != noKey:
			return nil, cli.Usage(fmt.Errorf("--by %s: quiet is that of a CPU: want target or none", f.by))
		}
		return r, nil
	}
	if f.times.of == ofNoise {
		return r, f.noiseReader(r, cfg)
	}
	r.time = latency.Time(slices.Index(latency.TimeNames(), f.times.of))
	var err error
	if f.by != noKey {
		if r.latency.By, err = latency.ParseKeys(f.by); err != nil {
			return nil, states.KeyError(err)
		}
	}
	for _, k := range r.latency.By {
		cfg.By = append(cfg.By, k.String())
	}
	if r.latency.Kind, err = latency.ParseKind(f.times.kind); err != nil {
		return nil, cli.Unknown("kind", f.times.kind, latency.Kinds())
	}
	return r, nil
}

// noiseReader makes r one of noise.
func (f *diffFlags) noiseReader(r *timesReader, cfg *shift.Config) error {
	if f.filterGiven() {
		return cli.Usage(errors.New("--filter chooses sends, and noise is of any kind: choose rows with --by"))
	}
	r.noise = &noise.Config{MaxGroups: latency.DefaultMaxGroups, Sequences: true, Top: 1}
	by := "kind,name"
	if f.byGiven() {
		by = f.by
	}
	var err error
	if r.noise.By, err = noise.ParseKeys(by); err != nil {
		return states.KeyError(err)
	}
	for _, k := range r.noise.By {
		cfg.By = append(cfg.By, k.String())
	}
	return nil
}

func (r *timesReader) read(ctx context.Context, name string) (shift.Side, error) {
	side := shift.Side{Name: name}
	r.latency.Isolated = r.isolated.Targets()
	err := r.in.EachOf(ctx, r.isolated, func(t *cli.Terminal, src trace.Source, run cli.Run) error {
		if err := r.isolated.Check(&src.Table().Meta); err != nil {
			return err
		}
		bound, err := r.filters.BindSends(t, src)
		if err != nil {
			return err
		}
		config := r.latency
		config.Isolated, config.Counts = r.isolated.Targets(), bound.Counts()
		recorded := &recordedEvents{table: src.Table()}
		var one shift.Run
		switch {
		case r.quiet:
			one, err = r.readQuiet(src, config, recorded, run)
		case r.noise != nil:
			one, err = r.readNoise(src, config, recorded, run)
		default:
			one, err = r.readLatency(src, config, recorded, run)
		}
		if twin := refuseTwin(one.Input); twin != nil && !r.duplicates {
			return twin
		}
		one.Events, one.Stacks = recorded.names()
		if one.CPUs = 1; config.Isolated != nil {
			one.Isolated, one.CPUs = config.Isolated.String(), config.Isolated.Count()
		}
		side.Runs = append(side.Runs, one)
		return errors.Join(err, bound.End())
	})
	return side, err
}

func (r *timesReader) readLatency(src trace.Source, config latency.Config, recorded *recordedEvents, run cli.Run) (shift.Run, error) {
	state := latency.New(src.Table(), config)
	input, err := run(state, recorded)
	one := shift.Run{Input: input, Duration: recorded.span.Duration(), Missing: state.Missing(r.time), Folded: state.Folded(),
		Clock: clockOf(&src.Table().Meta, r.time == latency.Delivery || r.time == latency.Wait)}
	// a send that was lost may have had them all for targets
	if one.PerLost = uint64(max(1, input.CPUs)); config.Isolated != nil {
		one.PerLost = uint64(config.Isolated.Count())
	}
	for _, g := range state.Timed(r.time) {
		one.Groups = append(one.Groups, shift.Group{Key: g.Key, Values: g.Values, Means: g.Means})
	}
	return one, err
}

func (r *timesReader) readQuiet(src trace.Source, config latency.Config, recorded *recordedEvents, run cli.Run) (shift.Run, error) {
	state := quiet.New(src.Table(), quiet.Config{Isolated: config.Isolated, Catalog: config.Catalog, Sequences: true})
	input, err := run(state, recorded)
	counts := state.Counts(input)
	// a lost interruption made one stretch of two
	one := shift.Run{Input: input, Duration: recorded.span.Duration(), PerLost: 2, Clock: clockOf(&src.Table().Meta, false)}
	timed := state.Timed(counts)
	for _, x := range timed {
		if r.byCPU {
			one.Groups = append(one.Groups, shift.Group{Key: []string{strconv.Itoa(x.CPU)}, Values: x.Values, Missing: x.Missing, Means: counts.Means()})
		}
	}
	if !r.byCPU && len(timed) > 0 {
		one.Groups = []shift.Group{allQuiet(timed, counts.Means())}
	}
	return one, err
}

func (r *timesReader) readNoise(src trace.Source, config latency.Config, recorded *recordedEvents, run cli.Run) (shift.Run, error) {
	c := *r.noise
	c.Isolated, c.Catalog = config.Isolated, config.Catalog
	state := noise.New(src.Table(), c)
	input, err := run(state, recorded)
	state.Counts(input)
	one := shift.Run{Input: input, Duration: recorded.span.Duration(), PerLost: 1, Missing: state.Missing(), Folded: state.Folded(), Clock: clockOf(&src.Table().Meta, false)}
	for _, g := range state.Timed() {
		one.Groups = append(one.Groups, shift.Group{Key: g.Key, Values: g.Values, Means: g.Means})
	}
	return one, err
}

// allQuiet puts the quiet of all CPUs together. A CPU of which no stretch is whole
// may have had as many as the others: its buffer may be missing.
func allQuiet(timed []quiet.Timed, means string) shift.Group {
	g := shift.Group{Means: means}
	var most uint64
	for i := range timed {
		most = max(most, timed[i].Values.Count())
	}
	for i := range timed {
		g.Values.Merge(&timed[i].Values)
		g.Missing += timed[i].Missing
		if timed[i].Values.Count() == 0 {
			g.Missing += most
		}
	}
	return g
}

// clockOf says why a clock does not allow durations, of two CPUs or of one.
func clockOf(m *trace.Meta, twoCPUs bool) string {
	clock := m.Clock
	if clock == "" {
		clock = "not named by the input"
	}
	switch {
	case m.Clock == "counter":
		return "the clock counter counts events, not time"
	case twoCPUs && !m.ClockComparable():
		return "the clock (" + clock + ") is not synchronised between CPUs, and these times compare two of them: record with -C mono"
	case m.ClockUnit == "ticks":
		return "the clock (" + clock + ") does not count nanoseconds, and whether its ticks are as long in other recordings is not known: record with -C mono"
	}
	return ""
}

// recordedEvents notes which events a trace has: recording them takes time.
type recordedEvents struct {
	table *trace.Table
	seen  []bool // by EventID
	span  analysis.Span
}

var _ analysis.Selective = (*recordedEvents)(nil)

// Wants implements analysis.Selective: what latency and quiet look at.
func (r *recordedEvents) Wants() trace.Want { return track.DeliveryWants() }

// Event implements analysis.State.
func (r *recordedEvents) Event(e *trace.Event) {
	for int(e.ID) >= len(r.seen) {
		r.seen = append(r.seen, false)
	}
	r.seen[e.ID] = true
}

// Lost implements analysis.State.
func (r *recordedEvents) Lost(*trace.Lost) {}

// End implements analysis.State.
func (r *recordedEvents) End(span analysis.Span) { r.span = span }

// names lists the events in order, and says whether there were stacks.
func (r *recordedEvents) names() (events []string, stacks bool) {
	for _, s := range r.table.Schemas() {
		if int(s.ID) >= len(r.seen) || !r.seen[s.ID] {
			continue
		}
		if s.IsStack {
			stacks = true
		} else {
			events = append(events, s.Name)
		}
	}
	slices.Sort(events)
	return slices.Compact(events), stacks
}

// timesConditions parses --fail-on. Its keys are those of the rows.
func (f *diffFlags) timesConditions() ([]*shift.Condition, error) {
	if len(f.failOn) == 0 {
		return nil, nil
	}
	var cfg shift.Config
	if _, err := f.timesReader(&cfg); err != nil {
		return nil, err
	}
	var out []*shift.Condition
	for _, text := range f.failOn {
		c, err := shift.ParseCondition(text, cfg.By)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--fail-on: %w", err))
		}
		out = append(out, c)
	}
	return out, nil
}

// failTimes ends with the status of the first condition that is met, or else of
// one that cannot be decided.
func failTimes(conditions []*shift.Condition, set *result.Set) error {
	var undecided error
	for _, c := range conditions {
		met, why := c.Met(set)
		if met != "" {
			return &cli.ExitError{Code: cli.ExitThreshold, Err: errors.New(met)}
		}
		if why != "" && undecided == nil {
			undecided = &cli.ExitError{Code: cli.ExitPartial, Err: errors.New(why)}
		}
	}
	return undecided
}

// runTimesPlot is plot diff --of: the durations of both sides in one picture.
func runTimesPlot(ctx context.Context, t *cli.Terminal, f *diffPlotFlags, args []string) error {
	if err := f.diff.checkTimes(); err != nil {
		return err
	}
	write, err := f.picture.writer(t)
	if err != nil {
		return err
	}
	sides, cfg, readErr := f.diff.readTimes(ctx, t, args)
	if sides == nil {
		return readErr
	}
	set := shift.Compare(sides, cfg)
	set.Schema = plotSchema
	top := f.top
	if !f.topGiven() {
		top = 1
	}
	set.Show(shift.Figure(sides, cfg, top))
	if err := write(set); err != nil {
		return err
	}
	return readErr
}
