package quiet

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/quiet/v1"

// Result makes the tables. Where gaps were asked for, what hit them comes first.
func (c *Counts) Result() *result.Set {
	isolated := c.cfg.Isolated
	if isolated == nil {
		isolated = &c.seen
	}
	set := &result.Set{Schema: Schema, Inputs: c.inputs, Isolated: isolated.String()}
	var interruptions uint64
	var taken int64
	for _, t := range c.cpus {
		interruptions += t.interruptions
		taken = analysis.AddTimes(taken, t.taken)
	}
	set.Totals = []result.Field{
		{Name: "interruptions", Value: result.Int(interruptions)},
		{Name: "stolen_ns", Value: result.Int(taken)},
		{Name: "duration_ns", Value: result.Int(c.duration)},
	}
	set.Tables = []*result.Table{c.sourceTable(), c.anomalyTable(), c.entryTable()}
	if !c.unlike { // else a number stands for CPUs of which nothing else is the same
		set.Tables = []*result.Table{c.cpuTable(), c.sourceTable(), c.contextTable(), c.anomalyTable(), c.entryTable()}
	}
	if c.cfg.Worst > 0 {
		at := slices.IndexFunc(set.Tables, func(t *result.Table) bool { return t.Name == "sources" })
		set.Tables = slices.Insert(set.Tables, at+1, c.worstTable())
	}
	if len(c.cfg.Gaps) > 0 {
		set.Tables = append([]*result.Table{c.gapTable(), c.culpritTable()}, set.Tables...)
	}
	set.Verdict = c.verdict(isolated, interruptions, set.Excerpt() != "")
	c.warn(set)
	return set
}

func (c *Counts) sortedCPUs() []int {
	var cpus []int
	for n := range c.cpus {
		cpus = append(cpus, n)
	}
	slices.Sort(cpus)
	return cpus
}

func (c *Counts) cpuTable() *result.Table {
	t := &result.Table{Name: "cpus", Title: "The isolated CPUs", Fold: "cpu", Rank: "interruptions", Cols: []result.Col{
		{Name: "cpu", Head: "CPU"},
		{Name: "interruptions", Head: "interruptions"},
		{Name: "stolen_ns", Head: "stolen", Unit: "ns", Help: "time in interruptions; of those that overlap it counts once"},
		{Name: "stolen_share", Head: "share", Unit: "1", Whole: true},
		{Name: "longest_quiet_ns", Head: "longest quiet", Unit: "ns", Help: "longest time without an interruption, the edges of the trace included", Whole: true},
		{Name: "longest_quiet_at_ns", Head: "from", Help: "trace time at which it begins", Whole: true},
	}}
	quantiles := result.QuantileCols("quiet", "quiet", "time between interruptions")
	for i := range quantiles {
		quantiles[i].Whole = true
	}
	t.Cols = append(t.Cols, quantiles...)
	t.Cols = append(t.Cols,
		result.Col{Name: "worst_second.at_ns", Head: "worst second", Help: "trace time at which the second with the most time stolen begins", Whole: true},
		result.Col{Name: "worst_second.interruptions", Head: "interruptions in it", Whole: true},
		result.Col{Name: "worst_second.stolen_ns", Head: "stolen in it", Unit: "ns", Whole: true},
		result.Col{Name: "gaps", Head: "gaps", Help: "quiet stretches that do not count because events were lost in them"},
	)
	for _, n := range c.sortedCPUs() {
		s := c.cpus[n]
		share := 0.0
		if s.watched > 0 {
			share = float64(s.taken) / float64(s.watched)
		}
		row := []result.Value{
			result.Int(n), result.Int(s.interruptions), result.Int(s.taken), result.Float(share), result.Int(s.longest), result.Int(int64(s.longestAt)),
		}
		row = append(row, s.quiet.Quantiles().Values()...)
		t.Rows = append(t.Rows, append(row, result.Int(int64(s.worstAt)), result.Int(s.worst.count), result.Int(s.worst.taken), result.Int(s.censored)))
	}
	if c.isSampled() {
		t.Cols = append(t.Cols, result.Col{Name: "observed", Head: "observed", Unit: "1", Help: "share of the time in which an interruption would have shown"})
		for i, n := range c.sortedCPUs() {
			t.Rows[i] = append(t.Rows[i], result.Float(c.cpus[n].share()))
		}
	}
	t.Cols = append(t.Cols, result.Col{Name: "longest_quiet_bound", Head: "bound", Help: "in which way the longest quiet may be wrong: at most (interruptions may not show, or lack an end) or about (events were lost)", Whole: true})
	for i, n := range c.sortedCPUs() {
		t.Rows[i] = append(t.Rows[i], result.Str(c.cpus[n].doubt.String()))
	}
	t.Spare = []string{"quiet.p50_ns", "worst_second.interruptions"}
	t.Show = []string{"cpu", "interruptions", "stolen_ns", "stolen_share", "longest_quiet_ns", "quiet.p50_ns", "quiet.p99_ns", "worst_second.stolen_ns", "worst_second.interruptions"}
	if len(c.bounds()) > 0 {
		t.Show = slices.Insert(t.Show, 4, "longest_quiet_bound")
	}
	if c.isSampled() {
		t.Show = slices.Insert(t.Show, 2, "observed")
	}
	return t
}

func (c *Counts) sourceTable() *result.Table {
	t := &result.Table{Name: "sources", Title: "What interrupted them", Cols: []result.Col{
		{Name: "kind", Head: "kind", Key: true, Help: "ipi, timer, tick, vector, irq, nmi, softirq or task"},
		{Name: "name", Head: "name", Key: true, Help: "an IPI's function, the interrupt, the softirq or the task"},
		{Name: "count", Head: "count"},
		{Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h"},
		{Name: "stolen_ns", Head: "stolen", Unit: "ns", Help: "sum of their times; those that overlap count each"},
	}}
	t.Cols = append(t.Cols, result.QuantileCols("taken", "timed", "time of one interruption")...)
	t.Cols = append(t.Cols, result.Col{Name: "cpus", Head: "CPUs"},
		result.Col{Name: "longest.at_ns", Head: "longest at", Help: "trace time at which the longest begins"},
		result.Col{Name: "longest.cpu", Head: "longest on", Help: "CPU of the longest"},
		result.Col{Name: "longest.file", Head: "longest in", Help: "the input that the longest is from"})
	for key, s := range c.sources {
		rate := 0.0
		if !c.time.IsZero() {
			rate = float64(s.count) * 3600 * 1e9 / c.time.Float()
		}
		row := []result.Value{result.Str(key[0]), result.Str(key[1]), result.Int(s.count), result.Float(rate), result.Int(s.total)}
		row = append(row, s.taken.Quantiles().Values()...)
		row = append(row, result.Str(s.cpus.String()))
		if p := &s.longest; p.ns < 0 {
			row = append(row, result.None(), result.None(), result.None())
		} else {
			row = append(row, result.Int(int64(p.at)), result.Int(p.cpu), result.Str(p.file))
		}
		if c.isSampled() {
			row = append(row, result.Str(s.timedBy()))
		}
		t.Rows = append(t.Rows, row)
	}
	if c.isSampled() {
		t.Cols = append(t.Cols, result.Col{Name: "timed_by", Head: "timed by", Help: "events of its own, noise events, or nothing: known by its send alone"})
	}
	t.SortDown(4, 2)
	t.Show = []string{"kind", "name", "count", "per_cpu_hour", "stolen_ns", "taken.p50_ns", "taken.p99_ns", "taken.max_ns", "cpus"}
	t.Spare = []string{"taken.p50_ns"}
	if c.isSampled() {
		t.Show = slices.Insert(t.Show, 5, "timed_by")
	}
	return t
}

// contextTable tells of context tracking: how often user mode was left, for how
// long, and what was odd about it.
func (c *Counts) contextTable() *result.Table {
	t := &result.Table{Name: "context", Title: "Context tracking", Cols: []result.Col{
		{Name: "cpu", Head: "CPU"},
		{Name: "user_enter", Head: "to user"}, {Name: "user_exit", Head: "to kernel"},
		{Name: "user_ns", Head: "in user", Unit: "ns"}, {Name: "kernel_ns", Head: "in kernel", Unit: "ns"},
		{Name: "double_enter", Head: "double enter", Help: "user_enter while marked as in user mode", Keep: true},
		{Name: "double_exit", Head: "double exit", Help: "user_exit while not marked as in user mode", Keep: true},
		{Name: "irq_in_user", Head: "irq in user", Help: "interrupts while still marked as in user mode", Keep: true},
	}}
	t.Cols = append(t.Cols, result.QuantileCols("exit", "user_exit at most", "from user_exit to the next event of the CPU: user_exit itself took no longer")...)
	t.Show = []string{"cpu", "user_enter", "user_exit", "user_ns", "kernel_ns", "double_enter", "double_exit", "irq_in_user", "exit.min_ns", "exit.p50_ns", "exit.max_ns"}
	t.Spare = []string{"exit.max_ns", "exit.min_ns", "exit.p50_ns"}
	for _, n := range c.sortedCPUs() {
		s := c.cpus[n]
		if s.enters+s.exits == 0 {
			continue
		}
		t.Rows = append(t.Rows, append([]result.Value{
			result.Int(n), result.Int(s.enters), result.Int(s.exits), result.Int(s.user), result.Int(s.kernel),
			result.Int(s.odd[doubleEnter]), result.Int(s.odd[doubleExit]), result.Int(s.odd[irqInUser]),
		}, s.exit.Quantiles().Values()...))
	}
	return t
}

// anomalyTable lists what was odd, one by one.
func (c *Counts) anomalyTable() *result.Table {
	t := &result.Table{Name: "anomalies", Title: "What context tracking should not show", Brief: 10, Cols: []result.Col{
		{Name: "at", Head: "at"}, {Name: "cpu", Head: "CPU"}, {Name: "what", Head: "what"},
		{Name: "event", Head: "event", Help: "the event that shows it"},
		{Name: "vector", Head: "vector", Help: "of the interrupt, or its number"},
		{Name: "comm", Head: "comm", Help: "the task that ran"}, {Name: "pid", Head: "pid"},
		{Name: "after_ns", Head: "next event after", Unit: "ns", Help: "user_exit itself took no longer"}, {Name: "file", Head: "file"},
	}, Show: []string{"at", "cpu", "what", "event", "vector", "comm", "pid", "after_ns"}}
	list := slices.Clone(c.odd)
	slices.SortFunc(list, func(a, b anomaly) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.what, b.what), cmp.Compare(a.file, b.file), cmp.Compare(a.event, b.event), cmp.Compare(a.vector, b.vector), cmp.Compare(a.pid, b.pid))
	})
	for _, a := range list {
		vector, after := result.None(), result.None()
		if a.vector >= 0 {
			vector = result.Int(a.vector)
		}
		if a.after >= 0 {
			after = result.Int(a.after)
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(c.moment(a.at)), result.Int(a.cpu), result.Str(a.what.String()), result.Str(a.event), vector, result.Str(a.comm), result.Int(a.pid), after, result.Str(a.file),
		})
	}
	return t
}

// entryTable tells what came behind user_exit: why user mode was left.
func (c *Counts) entryTable() *result.Table {
	t := &result.Table{Name: "entries", Title: "What user mode was left for", Cols: []result.Col{
		{Name: "event", Head: "next event", Key: true}, {Name: "count", Head: "count"}, {Name: "per_second", Head: "per second", Unit: "Hz"},
	}}
	t.Cols = append(t.Cols, result.QuantileCols("after", "after", "from user_exit to the event: a proxy for the cost of the entry")...)
	for name, e := range c.causes {
		rate := 0.0
		if c.duration > 0 {
			rate = float64(e.count) * 1e9 / float64(c.duration)
		}
		row := []result.Value{result.Str(name), result.Int(e.count), result.Float(rate)}
		t.Rows = append(t.Rows, append(row, e.after.Quantiles().Values()...))
	}
	t.SortDown(1)
	t.Show, t.Spare = []string{"event", "count", "per_second", "after.p50_ns", "after.p99_ns", "after.max_ns"}, []string{"after.p50_ns"}
	return t
}

// seconds is a time in the form in which gaps are given.
func seconds(t trace.Time) string { return result.Moment(int64(t), false) }

// gapTable says of each gap whether the trace holds something that explains it.
func (c *Counts) gapTable() *result.Table {
	t := &result.Table{Name: "gaps", Title: "The gaps", Cols: []result.Col{
		{Name: "gap", Head: "gap", Help: "number of the gap as it was asked for"}, {Name: "cpu", Head: "CPU"},
		{Name: "start", Head: "start"}, {Name: "length_ns", Head: "length", Unit: "ns"},
		{Name: "interruptions", Head: "interruptions"}, {Name: "stolen_ns", Head: "stolen", Unit: "ns", Help: "time of the interruptions that lies in the gap; where they overlap it counts once"},
		{Name: "culprits", Head: "by"},
	}}
	type hit struct {
		count uint64
		taken int64
		until trace.Time // of the gap, what is counted in taken
		names []string
	}
	hits := make([]hit, len(c.cfg.Gaps))
	for _, x := range c.sortedCulprits() {
		h, g := &hits[x.gap], &c.cfg.Gaps[x.gap]
		h.count++
		if from, to := max(x.start, g.Start, h.until), min(x.end, g.End); from < to {
			h.taken = analysis.AddTimes(h.taken, int64(to-from))
			h.until = to
		}
		if name := x.Kind + ":" + x.Name; !slices.Contains(h.names, name) {
			h.names = append(h.names, name)
		}
	}
	for i, g := range c.cfg.Gaps {
		cpu := "any"
		if g.CPU >= 0 {
			cpu = strconv.Itoa(int(g.CPU))
		}
		by := strings.Join(hits[i].names, ", ")
		if by == "" {
			by = "nothing that was recorded"
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Int(i + 1), result.Str(cpu), result.Str(seconds(g.Start)), result.Int(int64(g.End - g.Start)),
			result.Int(hits[i].count), result.Int(hits[i].taken), result.Str(by),
		})
	}
	return t
}

func (c *Counts) sortedCulprits() []culprit {
	list := slices.Clone(c.culprits)
	slices.SortFunc(list, func(a, b culprit) int {
		return cmp.Or(cmp.Compare(a.gap, b.gap), cmp.Compare(a.start, b.start), cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name), cmp.Compare(a.file, b.file))
	})
	return list
}

func (c *Counts) culpritTable() *result.Table {
	t := &result.Table{Name: "culprits", Title: "What hit them", Cols: []result.Col{
		{Name: "gap", Head: "gap"}, {Name: "cpu", Head: "CPU"}, {Name: "at", Head: "at"},
		{Name: "before_ns", Head: "before", Unit: "ns", Help: "from its beginning to that of the gap; negative within the gap"},
		{Name: "taken_ns", Head: "took", Unit: "ns"},
		{Name: "kind", Head: "kind"}, {Name: "name", Head: "name"},
		{Name: "sender", Head: "sender"}, {Name: "comm", Head: "comm"}, {Name: "cause", Head: "cause"}, {Name: "file", Head: "file"},
	}, Show: []string{"gap", "cpu", "at", "before_ns", "taken_ns", "kind", "name", "sender", "comm", "cause"}}
	for _, x := range c.sortedCulprits() {
		sender := ""
		if x.Sender >= 0 {
			sender = strconv.Itoa(int(x.Sender))
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Int(x.gap + 1), result.Int(x.cpu), result.Str(seconds(x.start)), result.Int(int64(x.from - x.start)), result.Int(int64(x.end - x.start)),
			result.Str(x.Kind), result.Str(x.Name), result.Str(sender), result.Str(x.Comm), result.Str(x.Cause), result.Str(x.file),
		})
	}
	return t
}

func (c *Counts) verdict(isolated *cpumask.Mask, interruptions uint64, excerpt bool) string {
	if n := len(c.cfg.Gaps); n > 0 {
		explained := map[int]bool{}
		for _, x := range c.culprits {
			explained[x.gap] = true
		}
		return fmt.Sprintf("%d of %d gaps were hit by something that was recorded", len(explained), n)
	}
	worst, longest := "", int64(-1)
	for _, n := range c.sortedCPUs() {
		if q := c.cpus[n].longest; longest < 0 || q < longest {
			worst, longest = strconv.Itoa(n), q
		}
	}
	cpus := isolated.Named()
	if c.unlike {
		cpus += result.Unlike
	}
	if longest < 0 {
		return cpus + ": nothing recorded"
	}
	if excerpt {
		return fmt.Sprintf("%s: %s%d interruptions in an excerpt of %s", cpus, c.atLeast(), interruptions, c.length(c.duration))
	}
	never := "was never quiet"
	if n, _ := strconv.Atoi(worst); c.cpus[n].doubt.lossy {
		never = "was never seen quiet"
	}
	return fmt.Sprintf("%s: %s%d interruptions in %s; CPU %s %s for longer than %s", cpus, c.atLeast(), interruptions,
		c.length(c.duration), worst, never, c.length(longest))
}

// atLeast is said before the number of interruptions where more are known to be
// missing.
func (c *Counts) atLeast() string {
	if slices.ContainsFunc(c.inputs, result.Input.LacksEvents) || c.points > 0 && slices.ContainsFunc(c.inputs, result.Input.IsLossy) {
		return "at least "
	}
	return ""
}

// length is a duration for the verdict.
func (c *Counts) length(d int64) string {
	if c.hasTicks() {
		return fmt.Sprintf("%d ticks", d)
	}
	return result.Duration(d)
}

// moment is a trace time.
func (c *Counts) moment(t trace.Time) string { return result.Moment(int64(t), c.hasTicks()) }

// hasTicks reports whether a clock does not count nanoseconds.
func (c *Counts) hasTicks() bool {
	return slices.ContainsFunc(c.inputs, func(in result.Input) bool { return in.Ticks })
}

func (c *Counts) warn(set *result.Set) {
	set.WarnSends()
	for _, in := range c.inputs {
		if in.LacksEvents() {
			set.Warn("lost-events", in.Path+": events are missing: there were more interruptions, and stretches in which some were lost do not count as quiet")
		}
		switch in.Clock {
		case "counter", "x86-tsc", "ppc-tb", "uptime":
			set.Warn("clock-ticks", in.Path+" ("+in.Clock+"): this clock does not count nanoseconds: all times are in its ticks")
		}
	}
	if c.unlike {
		set.Warn("isolated-differ", "the machines have different isolated CPUs: there is no table of CPUs")
	}
	c.warnNoise(set)
	if c.points > 0 {
		set.Warn("no-entries", fmt.Sprintf("%d hits are known by their sends alone: how long they took is not; record irq_vectors (arm64: ipi and irq) as well", c.points))
	}
	for _, want := range []string{anyInterrupt, "sched_switch"} {
		if !c.has[want] && len(c.cpus) > 0 {
			set.Warn("not-recorded", "no "+want+" events on these CPUs: such interruptions do not show")
		}
	}
	c.warnBounds(set)
	track.WarnUnwatched(set, c.unseen, c.away)
	c.warnGaps(set)
	if c.more > 0 {
		set.Warn("cut", fmt.Sprintf("%d more interruptions hit the gaps and are left out", c.more))
	}
}

// warnGaps says where gaps and recordings do not go together.
func (c *Counts) warnGaps(set *result.Set) {
	if len(c.cfg.Gaps) == 0 {
		return
	}
	outside, unwatched := 0, 0
	for _, g := range c.cfg.Gaps {
		if g.CPU >= 0 && c.cfg.Isolated != nil && !c.cfg.Isolated.Has(int(g.CPU)) {
			unwatched++
		}
		if !slices.ContainsFunc(c.inputs, func(in result.Input) bool {
			return (g.File == "" || g.File == in.Path) && int64(g.End) >= in.First && int64(g.Start) <= in.Last
		}) {
			outside++
		}
	}
	if outside > 0 {
		set.Warn("gaps-outside", fmt.Sprintf("%d of %d gaps lie outside of what was recorded", outside, len(c.cfg.Gaps)))
	}
	if unwatched > 0 {
		set.Warn("gaps-unwatched", fmt.Sprintf("%d of %d gaps are on CPUs that --isolated leaves out: what hit those is not looked at", unwatched, len(c.cfg.Gaps)))
	}
	for _, in := range c.inputs {
		if c.cfg.Monotonic && in.Clock != "" && in.Clock != "mono" {
			set.Warn("gaps-clock", in.Path+" ("+in.Clock+"): the gaps are times of CLOCK_MONOTONIC: record with -C mono")
		}
	}
}
