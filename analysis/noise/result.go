package noise

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/noise/v1"

// Result makes the tables.
func (c *Counts) Result() *result.Set {
	isolated := c.cfg.Isolated
	if isolated == nil {
		isolated = &c.seen
	}
	t := &c.totals
	set := &result.Set{Schema: Schema, Inputs: c.inputs, Isolated: isolated.String()}
	set.Totals = []result.Field{
		{Name: "noises", Value: result.Int(t.noises)}, {Name: "noise_ns", Value: result.Int(t.noise)},
		{Name: "samples", Value: result.Int(t.samples)}, {Name: "explained_ns", Value: result.Int(t.explained)},
		{Name: "rest_ns", Value: result.Int(t.rest)}, {Name: "hardware_ns", Value: result.Int(t.hardware)},
		{Name: "incomplete", Value: result.Int(t.incomplete)},
		{Name: "activations", Value: result.Int(t.activations)}, {Name: "latency_ns", Value: result.Int(t.latency)},
		{Name: "latency_explained_ns", Value: result.Int(t.aExplained)}, {Name: "latency_rest_ns", Value: result.Int(t.aRest)},
		{Name: "latency_late_ns", Value: result.Int(t.aLate)},
		{Name: "duration_ns", Value: result.Int(c.duration)},
	}
	set.Tables = []*result.Table{c.cpuTable(), c.sampleTable(), c.activationTable(), c.groupTable(), c.partTable(), c.tickTable(), c.hwlatTable()}
	set.Verdict = c.verdict(isolated.String())
	c.warn(set)
	return set
}

func (c *Counts) sortedCPUs() []int { return slices.Sorted(maps.Keys(c.cpus)) }

// available is the share of the time that a measuring thread had, in percent, by
// the rows of osnoise, else by its samples; -1 if nothing measured.
func (x *cpuSum) available() float64 {
	switch {
	case x.runtime > 0:
		return 100 * (1 - float64(x.runNoise)/float64(x.runtime))
	case x.samples > 0 && x.observed > 0:
		return 100 * max(0, 1-float64(x.length)/float64(x.observed))
	}
	return -1
}

func (c *Counts) cpuTable() *result.Table {
	t := &result.Table{Name: "cpus", Title: "The isolated CPUs", Cols: []result.Col{
		{Name: "cpu", Head: "CPU"}, {Name: "tracer", Head: "tracer"}, {Name: "runs", Head: "runs"},
		{Name: "observed_ns", Head: "observed", Unit: "ns", Help: "how long noise would have shown"},
		{Name: "observed_share", Head: "of the time", Unit: "1"},
		{Name: "runtime_ns", Head: "runtime", Unit: "ns", Help: "of the runs of osnoise"},
		{Name: "noise_ns", Head: "noise", Unit: "ns", Help: "of the runs; without their rows that of the samples"},
		{Name: "available", Head: "available %", Help: "what the measuring thread had of its time"},
		{Name: "samples", Head: "samples"}, {Name: "longest_ns", Head: "longest", Unit: "ns"},
		{Name: "explained_ns", Head: "explained", Unit: "ns", Help: "by the noise events in the samples"},
		{Name: "rest_ns", Head: "rest", Unit: "ns", Help: "entry and exit code, or hardware and hypervisor"},
		{Name: "hardware_samples", Head: "hardware", Help: "samples without any interference: hardware or hypervisor"},
		{Name: "incomplete", Head: "incomplete", Help: "samples of which noise events are missing: their rest is not known"},
		{Name: "activations", Head: "activations", Help: "of timerlat"},
		{Name: "nmi", Head: "NMI"}, {Name: "irq", Head: "IRQ"}, {Name: "softirq", Head: "softirq"}, {Name: "thread", Head: "thread"},
		{Name: "bad_noise", Head: "broken", Help: "noise events whose times cannot be"},
		{Name: "clock_offset_ns", Head: "clock ahead", Unit: "ns", Help: "how far the clock of the noise is ahead of the trace's, by which its times were moved"},
	}}
	for _, n := range c.sortedCPUs() {
		x := c.cpus[n]
		share, available := 0.0, result.None()
		if x.watched > 0 {
			share = min(1, float64(x.observed)/float64(x.watched))
		}
		if a := x.available(); a >= 0 {
			available = result.Float(a)
		}
		noise := x.runNoise * 1000
		if x.runs == 0 {
			noise = x.length
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Int(n), result.Str(x.tracer), result.Int(x.runs), result.Int(x.observed), result.Float(share), result.Int(x.runtime * 1000), result.Int(noise),
			available, result.Int(x.samples), result.Int(x.longest), result.Int(x.explained), result.Int(x.rest), result.Int(x.hardware), result.Int(x.partial),
			result.Int(x.activations), result.Int(x.counts[track.NoiseNMI]), result.Int(x.counts[track.NoiseIRQ]), result.Int(x.counts[track.NoiseSoftirq]),
			result.Int(x.counts[track.NoiseThread]), result.Int(x.bad), result.Int(x.offset),
		})
	}
	t.Show = []string{"cpu", "tracer", "runs", "observed_share", "available", "samples", "longest_ns", "explained_ns", "rest_ns", "activations", "irq", "thread", "nmi", "softirq", "hardware_samples", "incomplete", "bad_noise"}
	return t
}

func partCols() []result.Col {
	return []result.Col{
		{Name: "kind"}, {Name: "name"}, {Name: "at_ns"}, {Name: "took_ns"}, {Name: "function"}, {Name: "sender"}, {Name: "comm"}, {Name: "cause"},
		{Name: "class"}, {Name: "kept_by"}, {Name: "expired"}, {Name: "work"},
	}
}

func partsOf(parts []partRow) result.Value {
	t := &result.Table{Name: "parts", Cols: partCols()}
	for i := range parts {
		p := &parts[i]
		sender := result.None()
		if p.sender >= 0 {
			sender = result.Int(p.sender)
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(p.kind), result.Str(p.name), result.Int(p.at), result.Int(p.took), result.Str(p.function), sender, result.Str(p.comm), result.Str(p.cause),
			result.Str(p.class), result.Str(p.keptBy), result.Str(p.expired), result.Str(p.work),
		})
	}
	return result.RowsOf(t)
}

func flag(b bool) result.Value {
	if b {
		return result.Int(1)
	}
	return result.Int(0)
}

func (c *Counts) sampleTable() *result.Table {
	t := &result.Table{Name: "samples", Title: "The longest samples", Brief: 10, Cols: []result.Col{
		{Name: "at", Head: "at"}, {Name: "cpu", Head: "CPU"}, {Name: "start_ns", Head: "start"},
		{Name: "length_ns", Head: "length", Unit: "ns"}, {Name: "interference", Head: "interference"},
		{Name: "explained_ns", Head: "explained", Unit: "ns"}, {Name: "rest_ns", Head: "rest", Unit: "ns"},
		{Name: "incomplete", Head: "incomplete"}, {Name: "file", Head: "file"}, {Name: "story", Head: "what it consists of"}, {Name: "parts", Head: "parts"},
	}, Show: []string{"at", "cpu", "length_ns", "story"}, Wrap: "story"}
	for i := range c.samples {
		x := &c.samples[i]
		rest := result.Int(x.length - x.explained)
		if x.incomplete {
			rest = result.None()
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(result.Moment(x.start, false)), result.Int(x.cpu), result.Int(x.start), result.Int(x.length), result.Int(x.interference), result.Int(x.explained), rest,
			flag(x.incomplete), result.Str(x.file), result.Str(x.story()), partsOf(x.parts),
		})
	}
	return t
}

func (c *Counts) activationTable() *result.Table {
	t := &result.Table{Name: "activations", Title: "The longest activations of timerlat", Brief: 10, Cols: []result.Col{
		{Name: "at", Head: "due"}, {Name: "cpu", Head: "CPU"}, {Name: "seq", Head: "seq"}, {Name: "due_ns", Head: "due"},
		{Name: "length_ns", Head: "latency", Unit: "ns"}, {Name: "irq_ns", Head: "irq", Unit: "ns"}, {Name: "thread_ns", Head: "thread", Unit: "ns"},
		{Name: "user_ns", Head: "user", Unit: "ns"}, {Name: "late_ns", Head: "late", Unit: "ns", Help: "of the interrupt's latency, what no noise explains: the timer itself was late"},
		{Name: "explained_ns", Head: "explained", Unit: "ns"}, {Name: "rest_ns", Head: "rest", Unit: "ns"}, {Name: "incomplete", Head: "incomplete"},
		{Name: "stack", Head: "stack", Help: "of the timer's interrupt, innermost frame first"}, {Name: "file", Head: "file"},
		{Name: "story", Head: "what it consists of"}, {Name: "parts", Head: "parts"},
	}, Show: []string{"at", "cpu", "length_ns", "story"}, Wrap: "story"}
	known := func(ns int64) result.Value {
		if ns < 0 {
			return result.None()
		}
		return result.Int(ns)
	}
	for i := range c.activs {
		x := &c.activs[i]
		rest := result.Int(x.length - x.explained)
		if x.incomplete {
			rest = result.None()
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(result.Moment(x.due, false)), result.Int(x.cpu), result.Int(x.seq), result.Int(x.due), result.Int(x.length), known(x.irq), known(x.thread), known(x.user),
			result.Int(x.late), result.Int(x.explained), rest, flag(x.incomplete), result.Str(x.stack), result.Str(x.file), result.Str(x.story()), partsOf(x.parts),
		})
	}
	return t
}

func most(m map[string]uint64) string {
	best, n := "", uint64(0)
	for _, name := range slices.Sorted(maps.Keys(m)) {
		if m[name] > n {
			best, n = name, m[name]
		}
	}
	return best
}

func (c *Counts) groupTable() *result.Table {
	t := &result.Table{Name: "groups", Title: "The noise", Brief: 20}
	for _, k := range c.cfg.By {
		t.Cols = append(t.Cols, result.Col{Name: k.String(), Head: k.String(), Key: true, Help: k.Doc()})
	}
	t.Cols = append(t.Cols, result.Col{Name: "count", Head: "count"},
		result.Col{Name: "hits", Head: "hits", Help: "of an IPI: how many hits its interrupts served"},
		result.Col{Name: "noise_ns", Head: "noise", Unit: "ns", Help: "without what interrupted it"})
	t.Cols = append(t.Cols, result.QuantileCols("noise", "one", "time of one noise")...)
	t.Cols = append(t.Cols, result.Col{Name: "share", Head: "share", Unit: "1"}, result.Col{Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h"},
		result.Col{Name: "cpus", Head: "CPUs"}, result.Col{Name: "class", Head: "class"}, result.Col{Name: "top_cause", Head: "top cause"})
	var all int64
	for _, g := range c.groups {
		all += g.total
	}
	for _, g := range c.groups {
		var row []result.Value
		for _, k := range g.key {
			row = append(row, result.Str(k))
		}
		n, share, rate := g.times.Count(), 0.0, 0.0
		if all > 0 {
			share = float64(g.total) / float64(all)
		}
		if !c.time.IsZero() {
			rate = float64(n) * 3600 * 1e9 / c.time.Float()
		}
		row = append(row, result.Int(n), result.Int(g.hits), result.Int(g.total))
		row = append(row, g.times.Quantiles().Values()...)
		t.Rows = append(t.Rows, append(row, result.Float(share), result.Float(rate), result.Str(g.cpus.String()), result.Str(most(g.classes)), result.Str(most(g.causes))))
	}
	t.SortDown(len(c.cfg.By)+2, len(c.cfg.By))
	for _, k := range c.cfg.By {
		t.Show = append(t.Show, k.String())
	}
	t.Show = append(t.Show, "count", "noise_ns", "share", "noise.p50_ns", "noise.max_ns", "cpus", "class", "top_cause")
	return t
}

// partTable sums up what the activations of timerlat consist of.
func (c *Counts) partTable() *result.Table {
	t := &result.Table{Name: "latency_parts", Title: "What the activations consist of", Cols: []result.Col{
		{Name: "kind", Head: "kind", Key: true}, {Name: "name", Head: "name", Key: true}, {Name: "count", Head: "count"}, {Name: "took_ns", Head: "took", Unit: "ns"},
	}}
	for k, v := range c.totals.parts {
		t.Rows = append(t.Rows, []result.Value{result.Str(k[0]), result.Str(k[1]), result.Int(v.count), result.Int(v.ns)})
	}
	t.SortDown(3, 2)
	return t
}

func (c *Counts) tickTable() *result.Table {
	interrupts := "ticks"
	if !c.expires {
		interrupts = "timer interrupts"
	}
	t := &result.Table{Name: "ticks", Title: "The tick", Cols: []result.Col{
		{Name: "cpu", Head: "CPU"}, {Name: "kept_by", Head: "kept by", Help: "the first dependency that tick_stop found, stopped for the last tick, not said if no tick_stop followed"},
		{Name: "timer_interrupts", Head: "timer interrupts", Help: "of all timers: also hrtick and that of timerlat"},
		{Name: "ticks", Head: interrupts, Help: "how often the tick's own timer expired, where hrtimer_expire_entry tells"},
		{Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h"}, {Name: "checks", Head: "checks", Help: "tick_stop events that found it"},
		{Name: "stops", Head: "stops"}, {Name: "episodes", Head: "episodes"}, {Name: "kept_ns", Head: "kept", Unit: "ns"}, {Name: "longest_ns", Head: "longest", Unit: "ns"},
		{Name: "set_by", Head: "set by"}, {Name: "advice", Head: "what to do"},
	}, Wrap: "advice"}
	if !c.stops {
		return t
	}
	cat := catalog.OrEmbedded(c.cfg.Catalog)
	for _, n := range slices.Sorted(maps.Keys(c.ticks)) {
		for _, by := range slices.SortedFunc(maps.Keys(c.ticks[n]), func(a, b string) int {
			return cmp.Or(cmp.Compare(c.ticks[n][b].interrupts, c.ticks[n][a].interrupts), cmp.Compare(a, b))
		}) {
			r := c.ticks[n][by]
			ticks, rate := result.Int(r.ticks), 0.0
			if !c.expires {
				ticks = result.None()
			}
			if x := c.cpus[n]; x != nil && x.watched > 0 {
				rate = float64(r.interrupts) * 3600 * 1e9 / float64(x.watched)
			}
			t.Rows = append(t.Rows, []result.Value{
				result.Int(n), result.Str(by), result.Int(r.interrupts), ticks, result.Float(rate), result.Int(r.checks), result.Int(r.stops), result.Int(r.episodes),
				result.Int(r.kept), result.Int(r.longest), result.Str(setters(r.setBy)), result.Str(advice(cat, by)),
			})
		}
	}
	t.Show = []string{"cpu", "kept_by", "timer_interrupts", "ticks", "episodes", "kept_ns", "longest_ns", "set_by", "advice"}
	return t
}

// setters lists who set a dependency, the most frequent first.
func setters(by map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(by), func(a, b string) int { return cmp.Or(cmp.Compare(by[b], by[a]), cmp.Compare(a, b)) })
	var parts []string
	for i, name := range names {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("%d others", len(names)-i))
			break
		}
		parts = append(parts, fmt.Sprintf("%s %d", name, by[name]))
	}
	return strings.Join(parts, ", ")
}

func (c *Counts) hwlatTable() *result.Table {
	t := &result.Table{Name: "hwlat", Title: "Hardware latencies (hwlat)", Brief: 10, Cols: []result.Col{
		{Name: "cpu", Head: "CPU"}, {Name: "seq", Head: "seq"}, {Name: "inner_us", Head: "inner µs"}, {Name: "outer_us", Head: "outer µs"},
		{Name: "count", Head: "count"}, {Name: "nmi_count", Head: "NMIs"}, {Name: "realtime_ns", Head: "CLOCK_REALTIME", Help: "when the longest one was; no offset to the trace's clock is recorded"},
	}}
	list := slices.Clone(c.hwlat)
	slices.SortStableFunc(list, func(a, b latencyRow) int {
		return cmp.Or(cmp.Compare(a.realtime, b.realtime), cmp.Compare(a.seq, b.seq), cmp.Compare(a.cpu, b.cpu))
	})
	for _, x := range list {
		t.Rows = append(t.Rows, []result.Value{
			result.Int(x.cpu), result.Int(x.seq), result.Int(x.inner), result.Int(x.outer), result.Int(x.count), result.Int(x.nmis), result.Int(x.realtime),
		})
	}
	return t
}

func (c *Counts) warn(set *result.Set) {
	set.WarnSends()
	for _, in := range c.inputs {
		if in.LacksEvents() {
			set.Warn("lost-events", in.Path+": events are missing: there was more noise, and what a sample consists of is not known where some were lost")
		}
	}
	var bad uint64
	var far int64
	for _, n := range c.sortedCPUs() {
		x := c.cpus[n]
		bad += x.bad
		far = farther(far, x.offset)
	}
	if bad > 0 {
		set.Warn("bad-noise", fmt.Sprintf("%d noise events have times that cannot be (those of the thread that ran when the tracer began, or of a kernel that keeps them in 32 bits): they are not counted", bad))
	}
	if far != 0 {
		set.Warn("noise-clock", fmt.Sprintf("noise is timed by another clock than the trace, which it is ahead of by %s: its times were moved by that", result.Duration(far)))
	}
	if t := &c.totals; t.incomplete > 0 {
		set.Warn("incomplete-samples", fmt.Sprintf("of %d of %d samples noise events are missing (lost, or not recorded: record -e osnoise): what they consist of and their rest is not known, and they are not in the sums", t.incomplete, t.samples))
	}
	if c.totals.noises == 0 && c.totals.samples == 0 && c.totals.activations == 0 && len(c.hwlat) == 0 {
		set.Warn("no-noise", "no noise events in the input: record with ipiscope record --for noise, trace-cmd record -p osnoise -e osnoise, or rtla osnoise top -t")
	}
	if !c.stops {
		set.Warn("no-tick-stop", "no tick_stop events: why ticks were kept is not known; record timer:tick_stop and timer:hrtimer_expire_entry as well")
	}
	if c.moreHW > 0 {
		set.Warn("cut", fmt.Sprintf("%d more rows of hwlat are left out", c.moreHW))
	}
}
