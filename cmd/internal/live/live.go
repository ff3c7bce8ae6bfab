// Package live shows what is counted while it is counted: as blocks of text, as
// JSON, and on a screen. It computes rates from what was counted at two moments, and
// counts nothing itself.
package live

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// Schema is the name of the JSON form of a View.
const Schema = "ipiscope/live/v1"

// A Moment is what is known of a live reading at one time besides counts.
type Moment struct {
	// Since and Until are the time that was counted, on the clock of the events:
	// everything before Until that was not lost is in the counts but for what waits.
	Since, Until int64
	Input        result.Input // with all losses that are known by then
	// Waiting are sends that came and are not counted yet.
	Waiting int
	// Late are events that came out of their order.
	Late    uint64
	OwnCPU  time.Duration // of this program since the begin
	OwnHits int64
	// Elapsed is the time that OwnCPU was taken in.
	Elapsed time.Duration
	// Deliveries says that arrivals are recorded, so that delivery can be measured.
	Deliveries bool
	// Fallback tells whether they still are; nil where they were never.
	Fallback *Fallback
	// Stacks are those of Last, nil where nobody looks at them.
	Stacks map[string][]string
}

// A Meter makes views. It remembers the last one for rates.
type Meter struct {
	Isolated []int // the CPUs that are watched

	began  bool
	last   Moment
	counts reading
	base   reading         // counts that were before Reset
	since  int64           // when that was, 0 if never
	sparks map[int][]int64 // by CPU: hits in each view, the newest last
	steps  []int64         // the time of each
}

// reading is what was counted at a moment.
type reading struct {
	hits   uint64
	groups map[string]uint64
	cpus   map[int]uint64
}

// sparkCells is how many views the bars of a CPU show.
const sparkCells = 60

// A View is what is shown of a moment.
type View struct {
	Head   string   // one line
	Notes  []string // what limits the figures
	CPUs   *result.Table
	Groups *result.Table // of the first grouping
	// Groupings are the same hits by other keys, that of --by first.
	Groupings []Grouping
	Advice    string // what to do about the first group
	Set       *result.Set
	// Hits is how many there were so far.
	Hits uint64

	at  Moment
	raw reading // since the begin, whatever was reset
}

// A Grouping is the groups of some keys.
type Grouping struct {
	*result.Table
	by []string
}

// Groupings are the keys that a View groups by besides those of --by: what the
// keyboard of a Screen chooses from, and what it tells of a row.
func Groupings() [][]ipi.Key {
	return [][]ipi.Key{
		{key.Function}, {key.Cause}, {key.Class, key.Function}, {key.Sender}, {key.Target}, {key.Target, key.Function}, {key.Function, key.Cause}, {key.Function, key.Sender},
	}
}

// ofCPU are the functions that hit a CPU.
func (v *View) ofCPU(cpu string) *result.Table {
	return v.where([]string{"target", "function"}, "target", cpu)
}

// where are the rows of a grouping that have a key.
func (v *View) where(by []string, name, is string) *result.Table {
	for _, g := range v.Groupings {
		if !slices.Equal(g.by, by) {
			continue
		}
		t := *g.Table
		i := t.Index(name)
		t.Rows = nil
		for _, row := range g.Rows {
			if row[i].Str == is {
				t.Rows = append(t.Rows, row)
			}
		}
		t.Show = slices.DeleteFunc(slices.Clone(t.Show), func(col string) bool { return col == name })
		return &t
	}
	return &result.Table{Name: "groups"}
}

// details are the causes and the senders of a row's function, n of each at most.
func (v *View) details(t *result.Table, row, n int) []*result.Table {
	i := t.Index("function")
	if i < 0 || row >= len(t.Rows) {
		return nil
	}
	var all []*result.Table
	for _, by := range [][]string{{"function", "cause"}, {"function", "sender"}} {
		d := v.where(by, "function", t.Rows[row][i].Str)
		d.Rows = d.Rows[:min(n, len(d.Rows))]
		all = append(all, d)
	}
	return all
}

// lastStack is the newest stack of a row's function, none if rows have no functions.
func (v *View) lastStack(t *result.Table, row int) []string {
	i := t.Index("function")
	if i < 0 || row >= len(t.Rows) {
		return nil
	}
	return v.at.Stacks[t.Rows[row][i].Str]
}

// View makes the view of a moment of counts by --by and, if there are more, by
// Groupings. lat is nil where nothing is measured.
func (m *Meter) View(at Moment, counts []*ipi.Counts, lat *latency.Counts) *View {
	report := counts[0].Result()
	now := read(report)
	sets := []*result.Set{report}
	for _, c := range counts[1:] {
		set := c.Result()
		sets = append(sets, set)
		maps.Copy(now.groups, read(set).groups)
	}
	step := at.Until - m.last.Until
	if !m.began {
		step = at.Until - at.Since
	}
	w := &window{base: m.base, was: m.counts, now: now, step: max(step, 0)}
	m.spark(w)
	v := &View{Hits: now.hits, at: at, raw: now}
	v.CPUs = m.cpuTable(report.Table("cpus"), w, deliveries(lat), at.Deliveries)
	for _, set := range sets {
		v.Groupings = append(v.Groupings, Grouping{groupTable(set.Table("groups"), set.By, w), set.By})
	}
	v.Groups = v.Groupings[0].Table
	v.Advice = advice(v.Groups, report)
	v.Notes = notes(&at)
	for _, x := range report.Warnings {
		if x.Code == key.FoldedCode {
			v.Notes = append(v.Notes, x.Text)
		}
	}
	v.Head = m.head(&at, w)
	v.Set = m.set(&at, w, v, report)
	m.began, m.last, m.counts = true, at, now
	return v
}

// Write writes the view for people, into width columns (0 for no limit) and with top
// rows of groups (0 for all).
func (v *View) Write(w io.Writer, width, top int, colour bool) error {
	o := text.Options{Width: width, Colour: colour}
	if err := v.writeHead(w, o, top == 0); err != nil || len(v.Groups.Rows) == 0 {
		return err
	}
	groups := *v.Groups
	groups.Title = ""
	left := 0
	if top > 0 && top < len(groups.Rows) {
		left = len(groups.Rows) - top
		groups.Rows = groups.Rows[:top]
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := text.Write(w, &result.Set{Tables: []*result.Table{&groups}}, o); err != nil {
		return err
	}
	if left > 0 {
		_, err := fmt.Fprintf(w, "… and %d more (--top 0 shows all)\n", left)
		return err
	}
	return nil
}

// writeHead writes all but the groups. Of many CPUs only those that are hit most have a
// row, unless all are asked for.
func (v *View) writeHead(w io.Writer, o text.Options, all bool) error {
	set := &result.Set{Verdict: v.Head, Notes: v.Notes, Tables: []*result.Table{v.CPUs}}
	if v.Advice != "" {
		set.Notes = append(slices.Clone(v.Notes), "what to do: "+v.Advice)
	}
	if !all && len(v.CPUs.Rows) > maxCPUs {
		cpus := *v.CPUs
		cpus.Rows = slices.Clone(cpus.Rows)
		cpus.SortDown(cpus.Index("hits_hz"), cpus.Index("hits"))
		cpus.Rows = cpus.Rows[:maxCPUs]
		set.Tables = []*result.Table{&cpus}
		set.Notes = append(set.Notes, fmt.Sprintf("%d of %d CPUs have a row: those that are hit most", maxCPUs, len(v.CPUs.Rows)))
	}
	return text.Write(w, set, o)
}

// Reset lets totals begin anew with the last view. Quiet times go on.
func (m *Meter) Reset() {
	if m.began {
		m.base, m.since = m.counts, m.last.Until
	}
}

// A window is the time between two views.
type window struct {
	base, was, now reading
	step           int64 // ns
}

// rate is how many came in a second; there is none in no time.
func (w *window) rate(was, now uint64) result.Value {
	if w.step <= 0 || now < was {
		return result.None()
	}
	return result.Float(float64(now-was) * 1e9 / float64(w.step))
}

// read takes the figures of a report by the names of its rows.
func read(set *result.Set) reading {
	r := reading{groups: map[string]uint64{}, cpus: map[int]uint64{}}
	for _, f := range set.Totals {
		if f.Name == "hits" {
			r.hits = uint64(f.Value.Int)
		}
	}
	t := set.Table("groups")
	hits := t.Index("hits")
	for _, row := range t.Rows {
		r.groups[rowKey(t, row)] = uint64(row[hits].Int)
	}
	t = set.Table("cpus")
	cpu, hits := t.Index("cpu"), t.Index("hits")
	for _, row := range t.Rows {
		r.cpus[int(row[cpu].Int)] = uint64(row[hits].Int)
	}
	return r
}

func rowKey(t *result.Table, row []result.Value) string {
	var b strings.Builder
	for i, c := range t.Cols {
		if c.Key {
			b.WriteString(c.Name) // one key's value may be another one's, too
			b.WriteByte('=')
			b.WriteString(row[i].Str)
			b.WriteByte(0)
		}
	}
	return b.String()
}

// spark adds the hits of a view to the bars.
func (m *Meter) spark(w *window) {
	if m.sparks == nil {
		m.sparks = map[int][]int64{}
	}
	for _, cpu := range m.Isolated {
		n := int64(w.now.cpus[cpu] - min(w.was.cpus[cpu], w.now.cpus[cpu]))
		m.sparks[cpu] = lastOf(append(m.sparks[cpu], n), sparkCells)
	}
	m.steps = lastOf(append(m.steps, w.step), sparkCells)
}

func lastOf(list []int64, n int) []int64 {
	if over := len(list) - n; over > 0 {
		list = list[:copy(list, list[over:])]
	}
	return list
}

// deliveries finds the delivery times of each target.
func deliveries(lat *latency.Counts) map[string][]result.Value {
	if lat == nil {
		return nil
	}
	t := lat.Result().Table("groups")
	target := t.Index("target")
	by := map[string][]result.Value{}
	for _, row := range t.Rows {
		var values []result.Value
		for _, c := range []string{"count", "p50_ns", "p99_ns", "max_ns"} {
			values = append(values, row[t.Index("delivery."+c)])
		}
		by[row[target].Str] = values
	}
	return by
}

// cpuTable has a row for each isolated CPU.
func (m *Meter) cpuTable(report *result.Table, w *window, times map[string][]result.Value, measured bool) *result.Table {
	t := &result.Table{Name: "cpus", Cols: []result.Col{
		{Name: "cpu", Head: "CPU", Keep: true},
		{Name: "hits_hz", Head: "hits/s", Unit: "Hz", Keep: true, Help: "hits per second since the last look"},
		{Name: "hits", Head: "total", Keep: true, Help: "hits since the begin"},
		{Name: "longest_quiet_ns", Head: "longest quiet", Unit: "ns", Keep: true, Help: "longest time without a hit since the begin"},
	}}
	if measured {
		t.Cols = append(t.Cols,
			result.Col{Name: "delivery.count", Head: "delivered", Help: "hits whose delivery was measured"},
			result.Col{Name: "delivery.p50_ns", Head: "delivery p50", Unit: "ns"},
			result.Col{Name: "delivery.p99_ns", Head: "p99", Unit: "ns"},
			result.Col{Name: "delivery.max_ns", Head: "max", Unit: "ns"})
	}
	t.Cols = append(t.Cols, result.Col{Name: "over_time", Head: "over time", Help: "hits since each look"})
	quiet := map[int]result.Value{}
	for _, row := range report.Rows {
		quiet[int(row[report.Index("cpu")].Int)] = row[report.Index("longest_quiet_ns")]
	}
	for _, cpu := range m.Isolated {
		q, ok := quiet[cpu]
		if !ok {
			q = result.None()
		}
		row := []result.Value{result.Int(cpu), w.rate(w.was.cpus[cpu], w.now.cpus[cpu]), result.Int(w.now.cpus[cpu] - w.base.cpus[cpu]), q}
		if measured {
			d := times[fmt.Sprint(cpu)]
			if d == nil {
				d = []result.Value{result.Int(0), result.None(), result.None(), result.None()}
			}
			row = append(row, d...)
		}
		t.Rows = append(t.Rows, append(row, result.Over(m.bars(cpu))))
	}
	return t
}

// bars are the hits of a CPU in the last views.
func (m *Meter) bars(cpu int) *result.Bars {
	width := int64(1)
	for _, s := range m.steps {
		width = max(width, s)
	}
	return &result.Bars{Width: width, Counts: slices.Clone(m.sparks[cpu])}
}

// maxCPUs is how many CPUs have a row on a screen.
const maxCPUs = 16

// groupTable is that of the report, with rates, the busiest now first.
func groupTable(report *result.Table, by []string, w *window) *result.Table {
	t := &result.Table{Name: "groups"}
	for _, k := range by {
		t.Cols = append(t.Cols, report.Cols[report.Index(k)])
	}
	t.Cols = append(t.Cols,
		result.Col{Name: "hits_hz", Head: "hits/s", Unit: "Hz", Keep: true, Help: "hits per second since the last look"},
		result.Col{Name: "hits", Head: "total", Keep: true, Help: "hits since the begin"})
	spare := []string{"self", "noise", "class", "top_cause", "cpus"}
	t.Show = []string{"hits_hz", "hits"}
	t.Show = append(t.Show, by...)
	if w.base.groups != nil { // they are those since the begin
		spare = []string{"class", "top_cause"}
	}
	for _, name := range spare {
		if i := report.Index(name); i >= 0 && t.Index(name) < 0 {
			t.Cols = append(t.Cols, report.Cols[i])
		}
	}
	for _, name := range []string{"class", "top_cause", "self", "noise", "cpus"} {
		if t.Index(name) >= 0 && !slices.Contains(t.Show, name) {
			t.Show = append(t.Show, name)
		}
	}
	hits := report.Index("hits")
	for _, from := range report.Rows {
		total := from[hits].Int - int64(w.base.groups[rowKey(report, from)])
		if total == 0 {
			continue
		}
		var row []result.Value
		for _, c := range t.Cols {
			switch c.Name {
			case "hits_hz":
				row = append(row, w.rate(w.was.groups[rowKey(report, from)], uint64(from[hits].Int)))
			case "hits":
				row = append(row, result.Int(total))
			default:
				row = append(row, from[report.Index(c.Name)])
			}
		}
		t.Rows = append(t.Rows, row)
	}
	rate := t.Index("hits_hz")
	slices.SortStableFunc(t.Rows, func(a, b []result.Value) int {
		return cmp.Or(cmp.Compare(b[rate].Float, a[rate].Float), cmp.Compare(b[rate+1].Int, a[rate+1].Int))
	})
	return t
}

// advice is what the report says about the function of the first row.
func advice(groups *result.Table, report *result.Set) string {
	t := report.Table("advice")
	if t == nil || len(groups.Rows) == 0 {
		return ""
	}
	function, of := groups.Index("function"), t.Index("function")
	what := t.Index("mitigation")
	if function < 0 || of < 0 || what < 0 {
		return ""
	}
	name := groups.Rows[0][function].Str
	for _, row := range t.Rows {
		if slices.Contains(strings.Split(row[of].Str, ", "), name) && row[what].Str != "" {
			return name + ": " + row[what].Str
		}
	}
	return ""
}

// isLossy reports whether counts are lower bounds.
func (at *Moment) isLossy() bool { return at.Input.Lost > 0 || at.Input.LostUnknown || at.Waiting > 0 }

func (at *Moment) elapsed() int64 { return max(at.Until-at.Since, 0) }

// head is the first line.
func (m *Meter) head(at *Moment, w *window) string {
	bound := ""
	if at.isLossy() {
		bound = "at least "
	}
	lost := fmt.Sprint(at.Input.Lost)
	if at.Input.LostUnknown {
		lost = "at least " + lost
	}
	return fmt.Sprintf("CPUs %s: %s%d hits in %.1f s, %s/s; %s events/s, lost %s; own CPU %.1f %%, own hits %d",
		list(m.Isolated), bound, w.now.hits-w.base.hits, float64(at.Until-max(at.Since, m.since))/1e9, perSecond(w.rate(w.was.hits, w.now.hits)),
		perSecond(w.rate(m.last.Input.Events, at.Input.Events)), lost, at.ownPercent(), at.OwnHits)
}

func (at *Moment) ownPercent() float64 {
	if at.Elapsed <= 0 {
		return 0
	}
	return 100 * float64(at.OwnCPU) / float64(at.Elapsed)
}

func perSecond(v result.Value) string {
	switch {
	case v.Kind == result.KindNone:
		return "?"
	case v.Float < 10 && v.Float != 0:
		return fmt.Sprintf("%.1f", v.Float)
	}
	return fmt.Sprintf("%.0f", v.Float)
}

func notes(at *Moment) []string {
	var all []string
	if at.Input.Lost > 0 || at.Input.LostUnknown {
		all = append(all, "events were lost: every count is at least; a larger --buffer or a shorter --period loses less")
	}
	if at.Waiting > 0 {
		all = append(all, fmt.Sprintf("%d sends are not counted yet: more may become known of them", at.Waiting))
	}
	if at.Late > 0 {
		all = append(all, fmt.Sprintf("%d events came late, out of their order: they are counted, what was joined with them may be wrong", at.Late))
	}
	if at.Fallback != nil {
		if note := at.Fallback.Note(); note != "" {
			all = append(all, note)
		}
	}
	return all
}

// arrivalsUntil is up to when arrivals were recorded, none if they still are.
func (at *Moment) arrivalsUntil() result.Value {
	if at.Fallback == nil || at.Fallback.at == never {
		return result.None()
	}
	return result.Int(int64(at.Fallback.at))
}

// set is the view for machines.
func (m *Meter) set(at *Moment, w *window, v *View, report *result.Set) *result.Set {
	bound := ""
	if at.isLossy() {
		bound = "at least"
	}
	set := &result.Set{Schema: Schema, Inputs: []result.Input{at.Input}, Isolated: report.Isolated, By: report.By, Tables: []*result.Table{v.Groups, v.CPUs}}
	set.Totals = []result.Field{
		{Name: "until_ns", Value: result.Int(at.Until)},
		{Name: "elapsed_ns", Value: result.Int(at.elapsed())},
		{Name: "interval_ns", Value: result.Int(w.step)},
		{Name: "hits", Value: result.Int(w.now.hits)},
		{Name: "bound", Value: result.Str(bound)},
		{Name: "hits_hz", Value: w.rate(w.was.hits, w.now.hits)},
		{Name: "events", Value: result.Int(at.Input.Events)},
		{Name: "events_hz", Value: w.rate(m.last.Input.Events, at.Input.Events)},
		{Name: "lost", Value: result.Int(at.Input.Lost)},
		{Name: "waiting", Value: result.Int(at.Waiting)},
		{Name: "late", Value: result.Int(at.Late)},
		{Name: "arrivals_until_ns", Value: at.arrivalsUntil()},
		{Name: "own_cpu_percent", Value: result.Float(at.ownPercent())},
		{Name: "own_hits", Value: result.Int(at.OwnHits)},
	}
	for _, f := range report.Totals {
		if f.Name == "self" || f.Name == "noise" || f.Name == "unattributed" {
			set.Totals = append(set.Totals, f)
		}
	}
	set.Warnings = nil
	for _, n := range v.Notes {
		set.Warn("live", n)
	}
	return set
}

// list writes CPUs as the kernel does.
func list(cpus []int) string {
	var parts []string
	for i := 0; i < len(cpus); {
		j := i
		for j+1 < len(cpus) && cpus[j+1] == cpus[j]+1 {
			j++
		}
		if part := fmt.Sprint(cpus[i]); j > i {
			parts = append(parts, part+"-"+fmt.Sprint(cpus[j]))
		} else {
			parts = append(parts, part)
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}
