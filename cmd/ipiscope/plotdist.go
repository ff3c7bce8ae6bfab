package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A quantity is what a distribution is of.
type quantity struct {
	name, title string
	by          string // default of --by
	x           result.Axis
	counted     string // what is counted, in the plural
	read        func(*distReader) (*result.Set, []stat.Sample, error)
}

// isBetween reports a quantity of the time in which nothing was seen, which an excerpt
// of a recording does not tell.
func (q *quantity) isBetween() bool {
	return slices.Contains([]string{"quiet", "gaps", "hits-per-second"}, q.name)
}

// quantities are the values of --of; the first is the default.
func quantities() []quantity {
	time := func(label string) result.Axis { return result.Axis{Name: "time", Label: label, Unit: "ns"} }
	cost := func(t latency.Time) func(*distReader) (*result.Set, []stat.Sample, error) {
		return func(r *distReader) (*result.Set, []stat.Sample, error) { return r.latency(t) }
	}
	spread := func(of func(*ipi.Spread) *stat.Dist) func(*distReader) (*result.Set, []stat.Sample, error) {
		return func(r *distReader) (*result.Set, []stat.Sample, error) { return r.spread(of) }
	}
	return []quantity{
		{"quiet", "Quiet intervals", "target", time("time without an interruption"), "quiet intervals", (*distReader).quiet},
		{"gaps", "Gaps between hits", "target", time("time since the previous hit of the same CPU"), "gaps",
			spread(func(x *ipi.Spread) *stat.Dist { return &x.Gaps })},
		{"hits-per-second", "Hits of a CPU in a second", "target", result.Axis{Name: "hits", Label: "hits of a CPU in a second"}, "seconds",
			spread(func(x *ipi.Spread) *stat.Dist { return &x.Seconds })},
		{"targets", "Targets of a send", "function", result.Axis{Name: "targets", Label: "isolated CPUs that one send hits"}, "sends",
			spread(func(x *ipi.Spread) *stat.Dist { return &x.Targets })},
		{"delivery", "Delivery", "function", time("time from the send to the entry on the target"), "hits", cost(latency.Delivery)},
		{"handler", "Handler time", "function", time("time from entry to exit of what the IPI brought"), "runs", cost(latency.Handler)},
		{"bracket", "Interrupt time", "function", time("time from the interrupt's entry to its exit"), "interrupts", cost(latency.Bracket)},
		{"wait", "Time that callers wait", "function", time("time from queueing a call to its end"), "calls", cost(latency.Wait)},
		{"samples", "Samples of osnoise", "target", time("time that the measuring thread did not run"), "samples",
			func(r *distReader) (*result.Set, []stat.Sample, error) { return r.noise(false) }},
		{"noise", "Single noises", "kind,name", time("time of one noise, without what interrupted it"), "noises",
			func(r *distReader) (*result.Set, []stat.Sample, error) { return r.noise(true) }},
	}
}

func quantityNames() []string {
	var names []string
	for _, q := range quantities() {
		names = append(names, q.name)
	}
	return names
}

// mostCPUs is how many CPUs have a line each: more cannot be told apart.
const mostCPUs = 8

type distFlags struct {
	sends    cli.SendFlags
	picture  pictureFlags
	of, by   string
	kind     string
	top      int
	filtered func() bool
	topGiven func() bool
}

func newDistPlot(t *cli.Terminal, name string) *cobra.Command {
	var f distFlags
	short := "Draw how times and counts are distributed"
	if name == "cdf" {
		short = "Draw which share of times or counts does not exceed a value"
	}
	cmd := &cobra.Command{
		Use: name + " [flags] TRACE...", Short: short,
		Long: short + `: the quiet between
interruptions, the gaps between hits, hits per second, targets of a send, what
latency measures, or the samples and single noises of osnoise and timerlat.`,
		Example: "  ipiscope plot " + name + " --of quiet --isolated 2-3 trace.dat -o quiet.png\n" +
			"  ipiscope plot " + name + " --of delivery --by function --isolated 2-3 trace.dat",
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runDistPlot(cmd.Context(), t, &f, name, args) },
	}
	fs := cmd.Flags()
	fs.StringVar(&f.of, "of", quantityNames()[0], "`WHAT` is distributed: "+strings.Join(quantityNames(), " "))
	fs.StringVar(&f.by, "by", "", "a series for each value of `KEY`, or none; by default target, of sends and latencies function")
	fs.IntVar(&f.top, "top", defaultSeries, "give the first `N` a series of their own, 0 all; without it more than 8 CPUs are shown as the least, median and most of them")
	fs.StringVar(&f.kind, "kind", "all", "with latencies: `KIND` of events to pair: "+strings.Join(latency.Kinds(), " "))
	f.sends.AddTo(fs, "count only the sends")
	f.filtered = func() bool { return fs.Changed("filter") }
	f.topGiven = func() bool { return fs.Changed("top") }
	f.picture.addTo(cmd)
	complete(cmd, "of", quantityNames())
	complete(cmd, "by", append(ipi.KeyNames(), noKey))
	complete(cmd, "kind", latency.Kinds())
	return cmd
}

func runDistPlot(ctx context.Context, t *cli.Terminal, f *distFlags, name string, paths []string) error {
	i := slices.IndexFunc(quantities(), func(q quantity) bool { return q.name == f.of })
	if i < 0 {
		return cli.Unknown("quantity", f.of, quantityNames())
	}
	q := quantities()[i]
	if f.by == "" {
		f.by = q.by
	}
	write, err := f.picture.writer(t)
	if err != nil {
		return err
	}
	r := &distReader{ctx: ctx, t: t, f: f, paths: paths}
	set, samples, err := q.read(r)
	if set == nil {
		return err
	}
	return show(err, set, func() *result.Figure { return f.figure(name, &q, set, samples) }, write)
}

// figure makes the figure of samples.
func (f *distFlags) figure(name string, q *quantity, set *result.Set, samples []stat.Sample) *result.Figure {
	by, title := f.by, q.title
	if by == noKey {
		by = ""
	} else {
		title += ", by " + by
	}
	x := q.x
	if x.Unit == "ns" && slices.ContainsFunc(set.Inputs, func(in result.Input) bool { return in.Ticks }) {
		x.Unit = "ticks"
	}
	all := stat.TopSamples(samples, 0)
	pool := (by == "target" || by == "sender") && !f.topGiven() && len(all) > mostCPUs
	if samples = all; !pool {
		samples = stat.TopSamples(samples, f.top)
	}
	var fig *result.Figure
	if name == "cdf" {
		fig = stat.Cumulative(samples, by, x)
		fig.Value.Label = "share of the " + q.counted
	} else {
		fig = stat.Histogram(samples, by, x)
		fig.Value.Label = q.counted
	}
	if pool {
		title = fmt.Sprintf("%s: min, median and max of %d CPUs", q.title, len(all))
		stat.Pool(fig)
	}
	fig.Title, fig.Whole = title, q.isBetween()
	return fig
}

// A distReader reads what distributions are made of.
type distReader struct {
	ctx   context.Context
	t     *cli.Terminal
	f     *distFlags
	paths []string
}

// spread reads how hits are spread.
func (r *distReader) spread(of func(*ipi.Spread) *stat.Dist) (*result.Set, []stat.Sample, error) {
	by, err := plotKey(r.f.by)
	if err != nil {
		return nil, nil, err
	}
	sends, err := r.f.sends.Load(r.t, r.paths)
	if err != nil {
		return nil, nil, err
	}
	isolated := sends.Isolated.Targets()
	total := ipi.NewCounts(isolated, by)
	err = addUp(r.ctx, sends, total, func(t *trace.Table, counts func(*trace.Event) bool) *ipi.State {
		return ipi.New(t, ipi.Config{Isolated: isolated, By: by, Catalog: sends.Catalog, Counts: counts, Spread: true})
	})
	set := total.Result()
	sends.WarnRepeated(set)
	return set, total.Spreads(of), err
}

// latency reads one of the times that IPIs cost.
func (r *distReader) latency(time latency.Time) (*result.Set, []stat.Sample, error) {
	config := latency.Config{Window: latency.DefaultWindow}
	var err error
	if r.f.by != noKey {
		if config.By, err = latency.ParseKeys(r.f.by); err != nil {
			return nil, nil, states.KeyError(err)
		}
	}
	if config.Kind, err = latency.ParseKind(r.f.kind); err != nil {
		return nil, nil, cli.Unknown("kind", r.f.kind, latency.Kinds())
	}
	sends, err := r.f.sends.Load(r.t, r.paths)
	if err != nil {
		return nil, nil, err
	}
	config.Isolated, config.Catalog = sends.Isolated.Targets(), sends.Catalog
	total := latency.NewCounts(config)
	err = addUp(r.ctx, sends, total, func(t *trace.Table, counts func(*trace.Event) bool) *latency.State {
		c := config
		c.Counts = counts
		return latency.New(t, c)
	})
	set := total.Result()
	sends.WarnRepeated(set)
	return set, total.Samples(time), err
}

// noise reads the samples of osnoise, or the single noises.
func (r *distReader) noise(single bool) (*result.Set, []stat.Sample, error) {
	if !single && !slices.Contains([]string{"target", noise.ByPart, noKey}, r.f.by) {
		return nil, nil, cli.Usage(fmt.Errorf("--by %s: samples are those of a CPU: want target, %s (what explains them, and the rest) or none", r.f.by, noise.ByPart))
	}
	if r.f.filtered() {
		return nil, nil, cli.Usage(errors.New("--filter chooses sends, and noise is of any kind: choose series with --by"))
	}
	sends, err := r.f.sends.Load(r.t, r.paths)
	if err != nil {
		return nil, nil, err
	}
	config := noise.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Top: 1, MaxGroups: latency.DefaultMaxGroups}
	if single && r.f.by != noKey {
		if config.By, err = noise.ParseKeys(r.f.by); err != nil {
			return nil, nil, states.KeyError(err)
		}
	}
	total := noise.NewCounts(config)
	err = addUp(r.ctx, sends, total, func(t *trace.Table, _ func(*trace.Event) bool) *noise.State { return noise.New(t, config) })
	samples := total.Noises()
	if !single {
		samples = total.Samples(r.f.by)
	}
	if r.f.by == noKey {
		samples = []stat.Sample{stat.Sum(samples)}
	}
	set := total.Result()
	sends.WarnRepeated(set)
	return set, samples, err
}

// quiet reads the stretches between interruptions.
func (r *distReader) quiet() (*result.Set, []stat.Sample, error) {
	if r.f.by != "target" && r.f.by != noKey {
		return nil, nil, cli.Usage(fmt.Errorf("--by %s: quiet is that of a CPU: want target or none", r.f.by))
	}
	if r.f.filtered() {
		return nil, nil, cli.Usage(errors.New("--filter chooses sends, and quiet ends with interruptions of any kind: use --of gaps"))
	}
	sends, err := r.f.sends.Load(r.t, r.paths)
	if err != nil {
		return nil, nil, err
	}
	config := quiet.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog}
	total := quiet.NewCounts(config)
	err = addUp(r.ctx, sends, total, func(t *trace.Table, _ func(*trace.Event) bool) *quiet.State { return quiet.New(t, config) })
	samples := total.Samples()
	if r.f.by == noKey {
		samples = []stat.Sample{stat.Sum(samples)}
	}
	set := total.Result()
	sends.WarnRepeated(set)
	return set, samples, err
}
