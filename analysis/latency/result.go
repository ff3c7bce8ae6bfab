package latency

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/latency/v1"

// Result makes the tables.
func (c *Counts) Result() *result.Set {
	isolated := c.cfg.Isolated
	if isolated == nil {
		isolated = &c.seen
	}
	set := &result.Set{Schema: Schema, Inputs: c.inputs, Isolated: isolated.String()}
	for _, k := range c.cfg.By {
		set.By = append(set.By, k.String())
	}
	entries := c.entries()
	var events uint64
	for _, in := range c.inputs {
		events += in.Events
	}
	set.Totals = []result.Field{
		{Name: "events", Value: result.Int(events)},
		{Name: "entries", Value: result.Int(entries.All())},
		{Name: "matched", Value: result.Int(entries[track.Matched])},
		{Name: "hits", Value: result.Int(c.hits.All())},
		{Name: "requests", Value: result.Int(c.requests.All())},
		{Name: "negative", Value: result.Int(c.negative)},
		{Name: "duration_ns", Value: result.Int(c.duration)},
	}
	set.Tables = []*result.Table{c.groupTable(), c.outcomeTable(), c.legTable(), c.reschedTable(), c.accountTable()}
	if c.cfg.Worst > 0 {
		set.Tables = slices.Insert(set.Tables, 1, c.worstTable())
	}
	set.Objects = []result.Object{unmatched(&entries)}
	set.Verdict = c.verdict(isolated)
	set.Notes = c.notes(&entries)
	c.warn(set, &entries)
	return set
}

// entries says what became of the entry events of the kind.
func (c *Counts) entries() track.Account {
	var a track.Account
	for k := range c.arrivals {
		a.Add(&c.arrivals[k])
	}
	return a
}

func unmatched(a *track.Account) result.Object {
	o := result.Object{Name: "unmatched"}
	for r := track.Matched + 1; r < track.NumReasons; r++ {
		if a[r] > 0 {
			o.Fields = append(o.Fields, result.Field{Name: r.String(), Value: result.Int(a[r])})
		}
	}
	return o
}

func (c *Counts) keyCols() []result.Col {
	var cols []result.Col
	for _, k := range c.cfg.By {
		cols = append(cols, result.Col{Name: k.String(), Head: k.String(), Help: k.Doc(), Key: true})
	}
	return cols
}

func keyValues(key []string) []result.Value {
	row := make([]result.Value, 0, len(key)+7*int(NumTimes))
	for _, k := range key {
		row = append(row, result.Str(k))
	}
	return row
}

// timeDocs says what each time is.
func timeDocs() [NumTimes]string {
	return [NumTimes]string{
		Delivery: "from the send to the entry event on the target",
		Handler:  "from entry to exit of what the IPI brought",
		Bracket:  "from the interrupt's entry to its exit",
		Wait:     "from queueing a call to its end, where the caller waits for it",
	}
}

func (c *Counts) groupTable() *result.Table {
	t := &result.Table{Name: "groups", Cols: c.keyCols()}
	keys := len(t.Cols)
	var used [NumTimes]bool
	for _, g := range c.groups {
		for i := range g.times {
			used[i] = used[i] || g.times[i].Count() > 0
		}
	}
	for i, doc := range timeDocs() {
		t.Cols = append(t.Cols, result.QuantileCols(Time(i).String(), Time(i).String(), doc)...)
	}
	t.Cols = append(t.Cols, result.Col{Name: "doubtful", Head: "doubtful", Help: "the times that compare CPUs whose clocks are not synchronised"})
	t.Cols = append(t.Cols, result.Col{Name: "at_least", Head: "longest at least", Help: "the times that were not measured of all, so that the longest is at least what is shown"})
	for i := range NumTimes {
		t.Cols = append(t.Cols, result.Col{Name: "longest_at." + i.String() + "_ns", Head: "longest " + i.String() + " at", Help: "trace time at which the longest begins"})
	}
	for i := range NumTimes {
		t.Cols = append(t.Cols, result.Col{Name: "longest_in." + i.String(), Head: "longest " + i.String() + " in", Help: "the input that the longest is from"})
	}
	bounded := false
	for _, g := range c.groups {
		row := keyValues(g.key)
		for i := range g.times {
			row = append(row, g.times[i].Quantiles().Values()...)
		}
		bounds := c.atLeast(g)
		bounded = bounded || bounds != ""
		t.Rows = append(t.Rows, append(append(row, result.Str(c.doubtful(g)), result.Str(bounds)), g.longestValues()...))
	}
	perTime := len(result.QuantileCols("", "", ""))
	t.SortDown(keys, keys+perTime, keys+2*perTime)
	for _, k := range c.cfg.By {
		t.Show = append(t.Show, k.String())
	}
	first := true
	for i, u := range used {
		if !u {
			continue
		}
		name := Time(i).String()
		t.Show = append(t.Show, name+".count", name+".p50_ns", name+".p99_ns", name+".max_ns")
		t.Spare = append([]string{name + ".count", name + ".p50_ns"}, t.Spare...) // of the last time first
		first = false
	}
	switch {
	case first:
		t.Show = nil
	case bounded:
		t.Show = append(t.Show, "at_least")
	}
	return t
}

// longestValues say when the longest of each time began, and where.
func (g *namedGroup) longestValues() []result.Value {
	var at, in []result.Value
	for _, l := range g.longest {
		if l.ns < 0 {
			at, in = append(at, result.None()), append(in, result.None())
			continue
		}
		at, in = append(at, result.Int(int64(l.at))), append(in, result.Str(l.file))
	}
	return append(at, in...)
}

// atLeast names the times of a group whose longest is a lower bound: of some IPIs
// they were not measured.
func (c *Counts) atLeast(g *namedGroup) string {
	var names []string
	for t := Delivery; t < NumTimes; t++ {
		if g.times[t].Count() > 0 && c.isBound(t) {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, ",")
}

func (c *Counts) isBound(t Time) bool { return c.missing[t] > 0 || c.lossy }

// doubtful names the times of a group that compare CPUs, if clocks do not.
func (c *Counts) doubtful(g *namedGroup) string {
	var names []string
	for _, t := range []Time{Delivery, Wait} {
		if len(c.skewed) > 0 && g.times[t].Count() > 0 {
			names = append(names, t.String())
		}
	}
	return strings.Join(names, ",")
}

// outcomeTable tells what the hits found and what they led to.
func (c *Counts) outcomeTable() *result.Table {
	t := &result.Table{Name: "outcomes", Title: "What the hits found, and what they led to", Cols: c.keyCols()}
	keys := len(t.Cols)
	t.Cols = append(t.Cols,
		result.Col{Name: "arrived", Head: "arrived", Help: "hits whose interrupt was seen, and interrupts without a known send"},
		result.Col{Name: "user", Head: "user", Help: "interrupted user mode"},
		result.Col{Name: "kernel", Head: "kernel", Help: "interrupted the kernel"},
		result.Col{Name: "idle", Head: "idle", Help: "interrupted the idle task"},
		result.Col{Name: "unknown", Head: "unknown", Help: "the recording does not tell what they interrupted"},
		result.Col{Name: "watched", Head: "watched", Help: "hits after which nothing was lost or cut off"},
		result.Col{Name: "switched", Head: "switched", Help: "were followed by a context switch within the window", Keep: c.switches},
		result.Col{Name: "switched_share", Head: "of watched", Unit: "1", Keep: c.switches},
		result.Col{Name: "softirq", Head: "softirq", Help: "softirqs ran on the way out of the interrupt"},
		result.Col{Name: "tick", Head: "tick", Help: "it was seen to whether the tick can stop on the way out (tick_stop)"},
		result.Col{Name: "need_resched", Head: "N at entry", Help: "need-resched was set when the interrupt began"},
		result.Col{Name: "need_resched_lazy", Head: "L at entry", Help: "lazy need-resched was set when the interrupt began"},
		result.Col{Name: "joined", Head: "joined", Help: "shared the interrupt of an older hit"},
	)
	for _, g := range c.groups {
		if g.arrived == 0 {
			continue
		}
		share := 0.0
		if g.watched > 0 {
			share = float64(g.switched) / float64(g.watched)
		}
		m := &g.modes
		t.Rows = append(t.Rows, append(keyValues(g.key), result.Int(g.arrived),
			result.Int(m[track.ModeUser]), result.Int(m[track.ModeKernel]), result.Int(m[track.ModeIdle]), result.Int(m[track.ModeUnknown]),
			result.Int(g.watched), result.Int(g.switched), result.Float(share), result.Int(g.softirq), result.Int(g.tick),
			result.Int(g.need), result.Int(g.lazy), result.Int(g.joined)))
	}
	t.SortDown(keys)
	return t
}

// legTable is the way of each line's IPIs in parts.
func (c *Counts) legTable() *result.Table {
	t := &result.Table{Name: "legs", Title: "The way of an IPI", Cols: []result.Col{
		{Name: "line", Head: "line", Key: true}, {Name: "leg", Head: "leg", Key: true},
	}}
	t.Cols = append(t.Cols, flat(result.QuantileCols("", "", ""))...)
	t.Spare = result.SpareQuantiles("")[:4]
	for l := range c.chain {
		for i := range numShown {
			if d := &c.chain[l][i]; d.Count() > 0 {
				row := []result.Value{result.Str(track.Line(l).String()), result.Str(i.String())}
				t.Rows = append(t.Rows, append(row, d.Quantiles().Values()...))
			}
		}
	}
	return t
}

// flat takes the parent's name off columns and out of their heads.
func flat(cols []result.Col) []result.Col {
	for i := range cols {
		_, cols[i].Name, _ = strings.Cut(cols[i].Name, ".")
		cols[i].Head = strings.TrimSpace(cols[i].Head)
	}
	cols[0].Head = "count"
	return cols
}

const numFlags = 3

// reschedTable is the life of need-resched flags.
func (c *Counts) reschedTable() *result.Table {
	t := &result.Table{Name: "resched", Title: "Need-resched flags of the isolated CPUs", Cols: []result.Col{{Name: "flag", Head: "from", Key: true}}}
	t.Cols = append(t.Cols, flat(result.QuantileCols("", "", ""))...)
	t.Spare = result.SpareQuantiles("")[:4]
	for i, name := range [numFlags]string{"need-resched to switch", "lazy to switch", "lazy to need-resched"} {
		if d := &c.resched[i]; d.Count() > 0 {
			t.Rows = append(t.Rows, append([]result.Value{result.Str(name)}, d.Quantiles().Values()...))
		}
	}
	return t
}

// accountTable says of all events of each kind what became of them.
func (c *Counts) accountTable() *result.Table {
	t := &result.Table{Name: "accounts", Title: "What was paired", Cols: []result.Col{
		{Name: "events", Head: "events", Key: true}, {Name: "outcome", Head: "outcome", Key: true},
		{Name: "count", Head: "count"}, {Name: "meaning", Head: "meaning"},
	}}
	add := func(what string, a *track.Account) {
		for r, n := range a {
			if n > 0 {
				t.Rows = append(t.Rows, []result.Value{result.Str(what), result.Str(track.Reason(r).String()), result.Int(n), result.Str(track.Reason(r).Doc())})
			}
		}
	}
	for _, k := range c.cfg.Kind.kinds() {
		add(k.String()+" entries to sends", &c.arrivals[k])
		add(k.String()+" entries to exits", &c.runs[k])
	}
	add("hits to entries", &c.hits)
	add("requests to entries", &c.requests)
	return t
}

func (c *Counts) verdict(isolated *cpumask.Mask) string {
	parts := []string{}
	for t := Delivery; t < NumTimes; t++ {
		if d := c.Of(t); d.Count() > 0 {
			duration := result.Duration
			if len(c.ticks) > 0 {
				duration = func(n int64) string { return fmt.Sprintf("%d ticks", n) }
			}
			most := duration(d.Max())
			if c.isBound(t) {
				most = "at least " + most
			}
			part := fmt.Sprintf("%s p50 %s, p99 %s, max %s", t, duration(d.Quantile(0.5)), duration(d.Quantile(0.99)), most)
			if len(c.skewed) > 0 && (t == Delivery || t == Wait) {
				part += " (doubtful)"
			}
			parts = append(parts, part)
		}
	}
	cpus := isolated.Named()
	if c.unlike {
		cpus += result.Unlike
	}
	if len(parts) == 0 {
		return cpus + ": nothing could be timed"
	}
	return cpus + ": " + strings.Join(parts, "; ")
}

func (c *Counts) notes(entries *track.Account) []string {
	var notes []string
	if all := entries.All(); all > 0 {
		text := fmt.Sprintf("%d of %d entry events are matched", entries[track.Matched], all)
		for _, f := range unmatched(entries).Fields {
			text += fmt.Sprintf(", %d %s", f.Value.Int, f.Name)
		}
		notes = append(notes, text)
	}
	for l := range c.chain {
		body, whole := &c.chain[l][legBodyOfBoth], &c.chain[l][legWholeOfBoth]
		if whole.Count() > 0 {
			notes = append(notes, fmt.Sprintf("%s: the body takes %s of a bracket of %s (p50 of the %d that have both)", track.Line(l), result.Duration(body.Quantile(0.5)), result.Duration(whole.Quantile(0.5)), whole.Count()))
		}
	}
	return notes
}

// warnMissing says what was not measured.
func (c *Counts) warnMissing(set *result.Set) {
	for t, n := range c.missing {
		if n > 0 && c.Of(Time(t)).Count() > 0 {
			set.Warn("not-measured", fmt.Sprintf("%s of up to %d IPIs or interrupts could not be measured, as their counterpart is missing: the longest is at least what is shown", Time(t), n))
		}
	}
}

func (c *Counts) warn(set *result.Set, entries *track.Account) {
	set.WarnSends()
	for _, in := range c.inputs {
		if in.LacksEvents() {
			set.Warn("lost-events", in.Path+": events are missing: pairs that cross a gap are left out, counts are lower bounds")
		}
	}
	for _, s := range c.skewed {
		set.Warn("clock", s+": this clock is not synchronised between CPUs: delivery and wait compare two CPUs and may be off; record with -C mono")
	}
	for _, s := range c.ticks {
		set.Warn("clock-ticks", s+": this clock does not count nanoseconds: all times are in its ticks")
	}
	if c.folded {
		key.WarnFolded(set)
	}
	if c.unlike {
		set.Warn("isolated-differ", "the machines have different isolated CPUs: each was measured on its own")
	}
	c.warnMissing(set)
	track.WarnUnwatched(set, c.unseen, c.away)
	if c.negative > 0 {
		set.Warn("negative", fmt.Sprintf("%d deliveries end before they begin: the CPUs' clocks differ; they are left out", c.negative))
	}
	if entries.All() == 0 {
		set.Warn("no-entries", "no entry events on these CPUs: record irq_vectors (x86), csd:csd_function_entry and csd_function_exit, ipi:ipi_entry and ipi_exit (arm64) as well")
	} else if !c.switches {
		set.Warn("no-switches", "no sched_switch events: what the hits led to is not known")
	}
}
