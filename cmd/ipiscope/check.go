package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
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
	maxLost    uint64
	allHits    bool
	untraced   uint64
	counted    interruptsFlag
	given      func(string) bool
}

func newCheck(t *cli.Terminal) *cobra.Command {
	var f gateFlags
	cmd := &cobra.Command{
		Use:   "check [flags] TRACE...",
		Short: "Hold recordings against a budget: pass or fail for each isolated CPU",
		Long: `Hold recordings against a budget of hits, handler time and quiet time, and say
for each isolated CPU whether it passed and why. The exit status is 4 if one did
not. What was not recorded does not pass, nor does a recording that lost more
events than --max-lost. A count of none is given with its upper bound.

The budget comes from flags, or from a file:

` + indent(budget.Format),
		Example: `  ipiscope check --isolated 2-3 --max all:10 --max class=deferrable:0 trace.dat
  ipiscope check --isolated 2-3 --budget budget.yaml --format junit -o result.xml trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runCheck(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "count only the sends")
	fs.StringVar(&f.budget, "budget", "", "read the budget from `FILE`")
	fs.StringArrayVar(&f.max, "max", nil, "allow so many hits per CPU and hour: `WHAT:N` with all, class=NAME or function=NAME; may be repeated")
	fs.DurationVar(&f.maxHandler, "max-handler", 0, "allow no run longer than `TIME`")
	fs.DurationVar(&f.minQuiet, "min-quiet", 0, "want each CPU to be quiet for `TIME` once at least")
	fs.Uint64Var(&f.maxLost, "max-lost", 0, "allow `N` lost events")
	f.counted.AddTo(fs)
	fs.Uint64Var(&f.untraced, "max-untraced", 0, "with --interrupts: allow each CPU `N` interrupts of kinds that the trace shows none of")
	fs.BoolVar(&f.allHits, "all-hits", false, "count self-IPIs and hits that the recorder caused, too")
	f.given = fs.Changed
	f.output.Extra = []report.Format{
		{Name: "junit", Doc: "JUnit XML for CI servers", Write: func(w io.Writer, s *result.Set, _ report.Options) error { return junit.Write(w, s) }},
		{Name: "github", Doc: "workflow commands of GitHub Actions", Write: func(w io.Writer, s *result.Set, _ report.Options) error { return github.Write(w, s) }},
	}
	f.output.AddTo(cmd, 0)
	return cmd
}

// limits makes the budget of the file and the flags; flags win.
func (f *gateFlags) limits() (*budget.Budget, error) {
	b := &budget.Budget{}
	if f.budget != "" {
		data, err := os.ReadFile(f.budget)
		if err != nil {
			return nil, fmt.Errorf("--budget: %w", err)
		}
		var unknown *budget.UnknownKeyError
		if b, err = budget.Parse(data, f.budget); errors.As(err, &unknown) {
			return nil, fmt.Errorf("--budget: %s: %w", unknown.Where, cli.Unknown("key", unknown.Name, unknown.Valid))
		} else if err != nil {
			return nil, cli.Usage(fmt.Errorf("--budget: %w", err))
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
	}{{"max-handler", &f.maxHandler, &b.MaxHandler}, {"min-quiet", &f.minQuiet, &b.MinQuiet}} {
		if !f.given(d.flag) {
			continue
		}
		if *d.value < 0 {
			return nil, cli.Usage(fmt.Errorf("--%s %v: want a time such as 50us", d.flag, *d.value))
		}
		*d.to = d.value
	}
	if f.given("max-lost") {
		b.MaxLost = f.maxLost
	}
	if f.given("max-untraced") || f.counted.arg != "" && b.MaxUntraced == nil {
		b.MaxUntraced = &f.untraced
	}
	b.All = b.All || f.allHits
	if b.IsEmpty() {
		return nil, cli.Usage(errors.New("check: nothing is limited: give --budget, --max, --max-handler or --min-quiet"))
	}
	for _, l := range b.Classes {
		if !catalog.IsClass(l.Name) {
			return nil, cli.Unknown("class", l.Name, catalog.ClassNames())
		}
	}
	return b, nil
}

// checked is what is measured for a budget.
type checked struct {
	hits  *ipi.Counts
	times *latency.Counts
	quiet *quiet.Counts
	irqs  *irqcount.Counts
	budget.Measured
}

func runCheck(ctx context.Context, t *cli.Terminal, f *gateFlags, paths []string) error {
	limits, err := f.limits()
	if err != nil {
		return err
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
	isolated, cat := sends.Isolated.Targets(), sends.Catalog
	by := []key.Key{key.Target, key.Function, key.Class}
	lc := latency.Config{Isolated: isolated, By: []key.Key{key.Target, key.Function}, Catalog: cat}
	qc := quiet.Config{Isolated: isolated, Catalog: cat}
	c := checked{hits: ipi.NewCounts(isolated, by), times: latency.NewCounts(lc), quiet: quiet.NewCounts(qc), irqs: irqcount.NewCounts()}
	err = sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
		hits := ipi.New(src.Table(), ipi.Config{Isolated: isolated, By: by, Catalog: cat, Counts: counts})
		lc := lc
		lc.Counts = counts
		times, calm, irqs := latency.New(src.Table(), lc), quiet.New(src.Table(), qc), irqcount.New(src.Table())
		input, err := run(hits, times, calm, irqs)
		c.hits.Merge(hits.Counts(input))
		c.times.Merge(times.Counts(input))
		c.quiet.Merge(calm.Counts(input))
		c.irqs.Merge(irqs.Counts())
		c.note(src.Table())
		return err
	})
	if cli.Status(err) == cli.ExitUsage {
		return err
	}
	c.Inputs = c.hits.Inputs()
	if len(c.Inputs) == 0 {
		return err // nothing could be read, and that was said
	}
	c.fill()
	if deltas != nil {
		c.fillUntraced(deltas)
	}
	for _, name := range c.unheard(limits, sends.Catalog) {
		t.Warnf("warning", "function %q is neither in the catalogue nor in the recordings: is it spelled right?", name)
	}
	set, passed := limits.Check(&c.Measured)
	if werr := write(set); werr != nil {
		return werr // err was said already
	}
	if err == nil && !passed {
		return &cli.ExitError{Code: cli.ExitThreshold}
	}
	return err
}

// note remembers which events a recording was made with: those that its file
// describes, for text those that it holds.
func (c *checked) note(t *trace.Table) {
	has := func(names ...string) bool {
		for _, n := range names {
			if len(t.Lookup(n)) > 0 {
				return true
			}
		}
		return false
	}
	first := len(c.hits.Inputs()) == 1
	sends, handlers := has("ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"), has("csd_function_entry", "ipi_entry", "call_function_entry")
	c.HasSends = sends && (first || c.HasSends)
	c.HasHandlers = handlers && (first || c.HasHandlers)
	c.Ticks = c.Ticks || t.Meta.ClockUnit == "ticks"
}

// unheard are the limited functions that nothing knows.
func (c *checked) unheard(b *budget.Budget, cat *catalog.Catalog) []string {
	seen := map[string]bool{}
	for _, g := range c.hits.Groups() {
		for name := range strings.SplitSeq(g.Key[1], "|") {
			seen[name] = true
		}
	}
	var names []string
	for _, l := range b.Functions {
		if _, known := cat.Callback(l.Name); !known && !seen[l.Name] {
			names = append(names, l.Name)
		}
	}
	return names
}

// fill sorts the sums by CPU.
func (c *checked) fill() {
	c.Isolated, c.Duration = c.hits.Isolated().String(), c.hits.Duration()
	index := map[string]int{}
	for i, q := range c.quiet.CPUs() {
		c.CPUs = append(c.CPUs, budget.CPU{CPU: q.CPU, Quiet: q.Longest, Handler: -1})
		index[strconv.Itoa(q.CPU)] = i
	}
	for _, g := range c.hits.Groups() {
		if i, ok := index[g.Key[0]]; ok {
			c.CPUs[i].Hits = append(c.CPUs[i].Hits, budget.Hits{Function: g.Key[1], Class: g.Key[2], Hits: g.Hits, Interference: g.Hits - g.Self - g.Noise})
		}
	}
	for _, g := range c.times.Groups() {
		i, ok := index[g.Key[0]]
		if !ok {
			continue
		}
		for _, of := range []latency.Time{latency.Handler, latency.Bracket} {
			if d := &g.Times[of]; d.Count() > 0 && d.Max() > c.CPUs[i].Handler {
				c.CPUs[i].Handler, c.CPUs[i].Function = d.Max(), g.Key[1]
			}
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
