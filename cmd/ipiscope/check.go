package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/github"
	"github.com/ipiscope/ipiscope/report/junit"
)

type gateFlags struct {
	sends      cli.SendFlags
	output     cli.OutputFlags
	budget     string
	max        []string
	maxHandler time.Duration
	minQuiet   time.Duration
	longest    time.Duration
	delivery   time.Duration
	stolen     float64
	suggest    suggestFlags
	maxLost    uint64
	maxSample  time.Duration
	maxRest    time.Duration
	maxLatency time.Duration
	available  float64
	maxNoise   []string
	allHits    bool
	untraced   uint64
	anyName    bool
	counted    interruptsFlag
	given      func(string) bool
}

func newCheck(t *cli.Terminal) *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use:   "check [flags] TRACE...",
		Short: "Hold recordings against a budget: pass, fail or undecided for each isolated CPU",
		Long: `Hold recordings against a budget of hits, interruptions of any kind, the time that
they take, deliveries, noise and quiet time, and say of each check which isolated
CPUs passed and why. --all-rows gives a line for each CPU; JSON, CSV, JUnit and
pages have them always. A check fails by what was seen.
It is undecided if it holds only without what is not known: hits whose function
or class is not known, or is one of a set that holds the name, events that were
not recorded, and sends without a target. The exit status is 4 if a check failed
or is undecided. A recording that lost more events than --max-lost fails. A count
of none is given with its upper bound.

--recorded says which events were on where the input does not, as the text of a
quiet machine.

--suggest writes a budget that the recordings pass, with where each limit comes
from. What they leave undecided is not limited, and the file says why; so it does
if events were lost.

The budget comes from flags, or from a file:

` + indent(budget.Format),
		Example: `  ipiscope check --isolated 2-3 --max all:10 --max class=deferrable:0 trace.dat
  ipiscope check --isolated 2-3 --budget budget.yaml --format junit -o result.xml trace.dat
  ipiscope check --isolated 2-3 --suggest -o budget.yaml trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runCheck(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "count only the sends")
	f.sends.AddJobs(fs)
	fs.StringVar(&f.budget, "budget", "", "read the budget from `FILE`")
	fs.StringArrayVar(&f.max, "max", nil, "allow so many hits per CPU and hour: `WHAT:N` with all, class=NAME or function=NAME, which may be a set a|b as tables print it; or so many interruptions: interruption=KIND with "+strings.Join(budget.Interruptions(), ", ")+"; may be repeated")
	fs.DurationVar(&f.maxHandler, "max-handler", 0, "allow no run longer than `TIME`")
	fs.DurationVar(&f.longest, "max-interruption", 0, "want each CPU to be left alone again after `TIME`")
	fs.Float64Var(&f.stolen, "max-stolen", 0, "allow interruptions `PERCENT` of the time of each CPU")
	fs.DurationVar(&f.delivery, "max-delivery-p99", 0, "allow no 99th percentile above `TIME` from sends to the interrupts of each CPU")
	fs.DurationVar(&f.minQuiet, "min-quiet", 0, "want each CPU to be quiet for `TIME` once at least")
	fs.Uint64Var(&f.maxLost, "max-lost", 0, "allow `N` lost events")
	fs.DurationVar(&f.maxSample, "max-sample", 0, "allow no sample of osnoise longer than `TIME`")
	fs.DurationVar(&f.maxRest, "max-rest", 0, "allow no `TIME` longer than that in a sample which no event explains")
	fs.DurationVar(&f.maxLatency, "max-timer-latency", 0, "allow no activation of timerlat later than `TIME`")
	fs.Float64Var(&f.available, "min-available", 0, "want `PERCENT` of its time for osnoise's thread on each CPU")
	fs.StringArrayVar(&f.maxNoise, "max-noise", nil, "allow no single noise longer than that: `NAME:TIME` with the name of a function, interrupt or task; may be repeated")
	f.counted.AddTo(fs)
	fs.Uint64Var(&f.untraced, "max-untraced", 0, "with --interrupts: allow each CPU `N` interrupts of kinds that the trace shows none of")
	fs.BoolVar(&f.anyName, "allow-unknown-names", false, "take limits of functions that neither the catalogue nor the recordings know")
	fs.BoolVar(&f.allHits, "all-hits", false, "count self-IPIs and hits that the recorder caused, too")
	f.suggest.AddTo(fs)
	f.given = fs.Changed
	f.output.Extra = []report.Format{
		{Name: "junit", Doc: "JUnit XML for CI servers", Origin: report.OriginAsked, Write: func(w io.Writer, s *result.Set, o report.Options) error { return junit.Write(w, s, o.Origin) }},
		{Name: "github", Doc: "workflow commands of GitHub Actions", Write: func(w io.Writer, s *result.Set, _ report.Options) error { return github.Write(w, s) }},
	}
	f.output.Every = true
	f.output.AddTo(cmd, 0)
	return cmd
}

// limits makes the budget of the file and the flags; flags win.
func (f *gateFlags) limits() (*budget.Budget, error) {
	b := &budget.Budget{}
	if f.budget != "" {
		var err error
		if b, err = readBudget("--budget", f.budget); err != nil {
			return nil, err
		}
	}
	for _, m := range f.max {
		if err := b.AddLimit(m); err != nil {
			return nil, cli.Usage(fmt.Errorf("--max: %w", err))
		}
	}
	for _, d := range []struct {
		flag  string
		value *time.Duration
		to    **time.Duration
	}{
		{"max-handler", &f.maxHandler, &b.MaxHandler}, {"min-quiet", &f.minQuiet, &b.MinQuiet},
		{"max-interruption", &f.longest, &b.MaxInterruption}, {"max-delivery-p99", &f.delivery, &b.MaxDelivery},
		{"max-sample", &f.maxSample, &b.MaxSample}, {"max-rest", &f.maxRest, &b.MaxRest}, {"max-timer-latency", &f.maxLatency, &b.MaxLatency},
	} {
		if !f.given(d.flag) {
			continue
		}
		if *d.value < 0 {
			return nil, cli.Usage(fmt.Errorf("--%s %v: want a time such as 50us", d.flag, *d.value))
		}
		*d.to = d.value
	}
	for _, p := range []struct {
		flag  string
		value *float64
		to    **float64
	}{{"min-available", &f.available, &b.MinAvailable}, {"max-stolen", &f.stolen, &b.MaxStolen}} {
		if !f.given(p.flag) {
			continue
		}
		if !(*p.value >= 0 && *p.value <= 100) {
			return nil, cli.Usage(fmt.Errorf("--%s %v: want percent, such as 0.01", p.flag, *p.value))
		}
		*p.to = p.value
	}
	for _, l := range f.maxNoise {
		if err := b.AddNoise(l); err != nil {
			return nil, cli.Usage(fmt.Errorf("--max-noise: %w", err))
		}
	}
	if f.given("max-lost") {
		b.MaxLost = f.maxLost
	}
	if f.given("max-untraced") || f.counted.arg != "" && b.MaxUntraced == nil {
		b.MaxUntraced = &f.untraced
	}
	b.All = b.All || f.allHits
	if f.suggest.is {
		return b, f.suggest.refuse(b)
	}
	if b.IsEmpty() {
		return nil, cli.Usage(errors.New("check: nothing is limited: give --budget, --max, --max-handler or --min-quiet"))
	}
	return b, checkClasses(b)
}

// readBudget reads the file that a flag names.
func readBudget(flag, path string) (*budget.Budget, error) {
	data, err := cli.ReadFile(path, 0)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}
	var unknown *budget.UnknownKeyError
	b, err := budget.Parse(data, path)
	if errors.As(err, &unknown) {
		return nil, fmt.Errorf("%s: %s: %w", flag, unknown.Where, cli.Unknown("key", unknown.Name, unknown.Valid))
	}
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s: %w", flag, err))
	}
	return b, nil
}

// checkClasses finds classes that there are not.
func checkClasses(b *budget.Budget) error {
	for _, l := range b.AllClasses() {
		for name := range names.Members(l.Name) {
			if !catalog.IsClass(name) {
				return cli.Unknown("class", name, catalog.ClassNames())
			}
		}
	}
	return nil
}

// checked is what is measured for a budget.
type checked struct {
	hits  *ipi.Counts
	times *latency.Counts
	quiet *quiet.Counts
	irqs  *irqcount.Counts
	noise *noise.Counts // nil if it is not limited
	budget.Measured
}

// gauges are what measures for a budget.
type gauges struct {
	hits    ipi.Config
	times   latency.Config
	quiet   quiet.Config
	noise   noise.Config
	isNoisy bool
}

func newGauges(isolated *cpumask.Mask, cat *catalog.Catalog, isNoisy bool) *gauges {
	return &gauges{
		hits:    ipi.Config{Isolated: isolated, By: []key.Key{key.Target, key.Function, key.Classes}, Catalog: cat},
		times:   latency.Config{Isolated: isolated, By: []key.Key{key.Target, key.Function}, Catalog: cat},
		quiet:   quiet.Config{Isolated: isolated, Catalog: cat},
		noise:   noise.Config{Isolated: isolated, By: []key.Key{key.Target, key.Kind, key.Name}, Catalog: cat, Top: 1},
		isNoisy: isNoisy,
	}
}

// sums is the sum of no recordings.
func (g *gauges) sums() *checked {
	c := &checked{hits: ipi.NewCounts(g.hits.Isolated, g.hits.By), times: latency.NewCounts(g.times), quiet: quiet.NewCounts(g.quiet), irqs: irqcount.NewCounts()}
	if g.isNoisy {
		c.noise = noise.NewCounts(g.noise)
	}
	return c
}

// measure reads all recordings and adds them up; each is called with one alone.
func (g *gauges) measure(ctx context.Context, sends *cli.Sends, each func(*checked)) (*checked, error) {
	all := g.sums()
	err := sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
		hc, lc := g.hits, g.times
		hc.Counts, lc.Counts = counts, counts
		hits, times, calm, irqs := ipi.New(src.Table(), hc), latency.New(src.Table(), lc), quiet.New(src.Table(), g.quiet), irqcount.New(src.Table())
		present := budget.NewPresence(src.Table())
		states := []analysis.State{hits, times, calm, irqs, present}
		var loud *noise.State
		if g.isNoisy {
			loud = noise.New(src.Table(), g.noise)
			states = append(states, loud)
		}
		input, err := run(states...)
		if input.Twin != "" || cli.Status(err) == cli.ExitUsage {
			return err
		}
		recording, rerr := sends.Recording(src.Table())
		add := func(c *checked) {
			c.hits.Merge(hits.Counts(input))
			c.times.Merge(times.Counts(input))
			c.quiet.Merge(calm.Counts(input))
			c.irqs.Merge(irqs.Counts())
			if loud != nil {
				c.noise.Merge(loud.Counts(input))
			}
			c.note(&input, src.Table(), present, recording)
		}
		add(all)
		if each != nil {
			one := g.sums()
			add(one)
			one.fill()
			each(one)
		}
		return errors.Join(err, rerr)
	})
	if all.Inputs = all.hits.Inputs(); len(all.Inputs) > 0 {
		all.fill()
	}
	return all, err
}

func runCheck(ctx context.Context, t *cli.Terminal, f *gateFlags, paths []string) error {
	limits, err := f.limits()
	if err != nil {
		return err
	}
	f.sends.IsolatedBy(f.budget, limits.Isolated)
	if f.suggest.is {
		return runSuggest(ctx, t, f, limits, paths)
	}
	deltas, err := f.counted.deltas()
	if err != nil {
		return err
	}
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	c, err := newGauges(sends.Isolated.Targets(), sends.Catalog, limits.LimitsNoise()).measure(ctx, sends, nil)
	if cli.Status(err) == cli.ExitUsage || len(c.Inputs) == 0 { // nothing could be read, and that was said
		return err
	}
	if deltas != nil {
		c.fillUntraced(deltas)
	}
	if uerr := c.unheard(limits, sends.Catalog); uerr != nil && !f.anyName {
		return uerr
	}
	set, outcome := limits.Check(&c.Measured)
	sends.WarnRepeated(set)
	if f.output.AllRows() {
		showAll(set)
	}
	if werr := write(set); werr != nil {
		return werr // err was said already
	}
	if err == nil && outcome != budget.Pass {
		return &cli.ExitError{Code: cli.ExitThreshold}
	}
	return err
}

// showAll shows people each CPU of each check instead of what they come to.
func showAll(set *result.Set) {
	for _, t := range set.Tables {
		t.Detail = !t.Detail
	}
}

// note remembers what a recording can tell.
func (c *checked) note(in *result.Input, t *trace.Table, present *budget.Presence, r *track.Recording) {
	first := len(c.hits.Inputs()) == 1
	c.HasSends = (in.Sent.All() > 0 || len(in.Unrecorded) == 0) && (first || c.HasSends)
	e := &c.Evidence
	e.CSD = present.Has("csd_queue_cpu") && (first || e.CSD)
	e.Stacks = present.Has("kernel_stack") && (first || e.Stacks)
	e.Expire = present.TellsTicks(r) && (first || e.Expire)
	e.Timer = present.TellsTimers() && (first || e.Timer)
	lacks := present.Lacks(r)
	add := func(to, from []string) []string {
		for _, what := range from {
			to = append(to, in.Path+": "+what)
		}
		return to
	}
	c.Lacks.Handler, c.Lacks.Quiet = add(c.Lacks.Handler, lacks.Handler), add(c.Lacks.Quiet, lacks.Quiet)
	if c.Lacks.Kinds == nil {
		c.Lacks.Kinds = map[string][]string{}
	}
	for kind, what := range lacks.Kinds {
		c.Lacks.Kinds[kind] = add(c.Lacks.Kinds[kind], what)
	}
	c.Ticks = c.Ticks || t.Meta.ClockUnit == "ticks"
	if !t.Meta.ClockComparable() && c.Skewed == "" {
		c.Skewed = fmt.Sprintf("%s: clock %s", in.Path, cmp.Or(t.Meta.Clock, "not named"))
	}
}

// unheard finds limited functions that nothing knows: most are misspelled, and a
// limit of what never comes would always hold.
func (c *checked) unheard(b *budget.Budget, cat *catalog.Catalog) error {
	valid := map[string]bool{}
	for _, g := range c.hits.Groups() {
		for name := range names.Members(g.Key[1]) {
			valid[name] = true
		}
	}
	for _, cb := range cat.Callbacks() {
		valid[cb.Name] = true
	}
	for _, l := range b.AllFunctions() {
		for name := range names.Members(l.Name) {
			if _, known := cat.Callback(name); !known && !valid[name] {
				return cli.Unheard("function", name, "neither the catalogue nor the recordings know it (--allow-unknown-names takes it)", slices.Sorted(maps.Keys(valid)))
			}
		}
	}
	return nil
}

// fill sorts the sums by CPU.
func (c *checked) fill() {
	c.Inputs = c.hits.Inputs()
	c.Isolated, c.Duration = c.hits.Isolated().String(), c.hits.Duration()
	c.Evidence.Late = c.hits.Late()
	index := map[string]int{}
	for i, q := range c.quiet.CPUs() {
		c.CPUs = append(c.CPUs, budget.CPU{CPU: q.CPU, Watched: c.hits.Watched(q.CPU), Quiet: q.Longest, QuietBound: q.Bound, Lossy: q.Lossy, Unarrived: q.Unarrived,
			Interruption: interruption(&q),
			Handler:      -1, Sampled: q.Sampled, Observed: q.Observed, LongestRun: q.LongestRun,
			Unpaired: q.Unpaired, UnpairedCalls: q.UnpairedCalls, UnpairedSoftirqs: q.UnpairedSoftirqs})
		index[strconv.Itoa(q.CPU)] = i
	}
	c.fillNoise(index)
	for _, g := range c.hits.Groups() {
		if i, ok := index[g.Key[0]]; ok {
			c.CPUs[i].Hits = append(c.CPUs[i].Hits, budget.Hits{Function: g.Key[1], Class: g.Key[2], Hits: g.Hits, Interference: g.Hits - g.Self - g.Noise})
		}
	}
	delivery := make([]stat.Dist, len(c.CPUs))
	for _, g := range c.times.Groups() {
		i, ok := index[g.Key[0]]
		if !ok {
			continue
		}
		delivery[i].Merge(&g.Times[latency.Delivery])
		if ns := longestRun(&g); ns > c.CPUs[i].Handler {
			c.CPUs[i].Handler, c.CPUs[i].Function = ns, g.Key[1]
		}
	}
	for i := range delivery {
		c.CPUs[i].Delivery, c.CPUs[i].Deliveries = delivery[i].Quantile(0.99), delivery[i].Count()
	}
}

// longestRun is the longest time that an IPI of a group took on its target, -1 if none
// is known.
func longestRun(g *latency.Group) int64 {
	longest := int64(-1)
	for _, of := range []latency.Time{latency.Handler, latency.Bracket} {
		if d := &g.Times[of]; d.Count() > 0 {
			longest = max(longest, d.Max())
		}
	}
	return longest
}

// interruption is what interrupted a CPU, as the budget takes it.
func interruption(q *quiet.CPU) budget.Interruption {
	x := budget.Interruption{All: q.Interruptions, Taken: q.Taken, Longest: q.AtOnce, Kinds: map[string]uint64{}}
	for _, k := range q.Kinds {
		x.Kinds[k.Kind] = k.Count
	}
	return x
}

// fillNoise adds what osnoise and timerlat measured.
func (c *checked) fillNoise(index map[string]int) {
	if c.noise == nil {
		return
	}
	for _, x := range c.noise.CPUs() {
		if i, ok := index[strconv.Itoa(x.CPU)]; ok {
			c.CPUs[i].Noise = budget.Noise{
				Samples: x.Samples, Incomplete: x.Incomplete, Longest: x.Longest, Rest: x.LongestRest, Shortest: c.noise.Shortest(),
				Activations: x.Activations, Latency: x.Latency, Available: x.Available, Noises: x.Noises,
			}
		}
	}
	for _, g := range c.noise.Groups() {
		if i, ok := index[g.Key[0]]; ok && g.Key[1] != "own" && g.Key[1] != "idle" {
			c.CPUs[i].Noise.Singles = append(c.CPUs[i].Noise.Singles, budget.Single{Name: g.Key[2], Longest: g.Longest})
		}
	}
}

// fillUntraced adds what /proc/interrupts counted and no event told of.
func (c *checked) fillUntraced(deltas []irqcount.Delta) {
	c.HasInterrupts = true
	byCPU := map[int]*budget.CPU{}
	for i := range c.CPUs {
		byCPU[c.CPUs[i].CPU] = &c.CPUs[i]
	}
	for _, r := range c.irqs.Compare(deltas, c.hits.Isolated()) {
		if x := byCPU[r.CPU]; x != nil && r.Traced == 0 {
			x.Untraced += r.Counted
			x.UntracedKinds = append(x.UntracedKinds, fmt.Sprintf("%d %s", r.Counted, strings.Join(r.Lines, "+")))
		}
	}
}
