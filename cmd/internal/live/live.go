// Package live shows what is counted while it is counted: as blocks of text, as
// JSON, and on a screen. It computes rates from what was counted at two moments, and
// counts nothing itself.
package live

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/ipi"
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
}

// A Meter makes views. It remembers the last one for rates.
type Meter struct {
	Isolated []int // the CPUs that are watched

	began  bool
	last   Moment
	counts reading
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
	Groups *result.Table
	Advice string // what to do about the first group
	Set    *result.Set
	// Hits is how many there were so far.
	Hits uint64
}

// View makes the view of a moment. lat is nil where nothing is measured.
func (m *Meter) View(at Moment, counts *ipi.Counts, lat *latency.Counts) *View {
	report := counts.Result()
	now := read(report)
	step := at.Until - m.last.Until
	if !m.began {
		step = at.Until - at.Since
	}
	w := &window{was: m.counts, now: now, step: max(step, 0)}
	m.spark(w)
	v := &View{Hits: now.hits}
	v.CPUs = m.cpuTable(report.Table("cpus"), w, deliveries(lat), at.Deliveries)
	v.Groups = groupTable(report.Table("groups"), report.By, w)
	v.Advice = advice(v.Groups, report)
	v.Notes = notes(&at)
	v.Head = m.head(&at, w)
	v.Set = m.set(&at, w, v, report)
	m.began, m.last, m.counts = true, at, now
	return v
}

// Write writes the view for people, into width columns (0 for no limit) and with top
// rows of groups (0 for all).
func (v *View) Write(w io.Writer, width, top int, colour bool) error {
	set := &result.Set{Verdict: v.Head, Notes: v.Notes, Tables: []*result.Table{v.CPUs, v.Groups}}
	if v.Advice != "" {
		set.Notes = append(slices.Clone(v.Notes), "what to do: "+v.Advice)
	}
	cpus := *v.CPUs
	if top > 0 && len(cpus.Rows) > maxCPUs {
		set.Notes = append(set.Notes, fmt.Sprintf("%d CPUs: those with the most hits are shown", len(cpus.Rows)))
		cpus.Rows = slices.Clone(cpus.Rows)
		cpus.SortDown(cpus.Index("hits_hz"), cpus.Index("hits"))
		cpus.Rows = cpus.Rows[:maxCPUs]
		set.Tables[0] = &cpus
	}
	groups := *v.Groups
	if top > 0 && top < len(groups.Rows) {
		set.Notes = append(set.Notes, fmt.Sprintf("%d groups: the first %d are shown", len(groups.Rows), top))
		groups.Rows = groups.Rows[:top]
		set.Tables[1] = &groups
	}
	return text.Write(w, set, text.Options{Width: width, Colour: colour})
}

// Reset lets totals go on and rates begin anew.
func (m *Meter) Reset() { *m = Meter{Isolated: m.Isolated} }

// A window is the time between two views.
type window struct {
	was, now reading
	step     int64 // ns
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
		row := []result.Value{result.Int(cpu), w.rate(w.was.cpus[cpu], w.now.cpus[cpu]), result.Int(w.now.cpus[cpu]), q}
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
	t.Show = []string{"hits_hz", "hits"}
	t.Show = append(t.Show, by...)
	for _, name := range []string{"self", "noise", "class", "top_cause", "cpus"} {
		if i := report.Index(name); i >= 0 {
			t.Cols = append(t.Cols, report.Cols[i])
		}
	}
	for _, name := range []string{"class", "top_cause", "self", "noise", "cpus"} {
		if t.Index(name) >= 0 {
			t.Show = append(t.Show, name)
		}
	}
	hits := report.Index("hits")
	for _, from := range report.Rows {
		if from[hits].Int == 0 {
			continue
		}
		var row []result.Value
		for _, c := range t.Cols {
			switch c.Name {
			case "hits_hz":
				row = append(row, w.rate(w.was.groups[rowKey(report, from)], uint64(from[hits].Int)))
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
		list(m.Isolated), bound, w.now.hits, float64(at.elapsed())/1e9, perSecond(w.rate(w.was.hits, w.now.hits)),
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
	return all
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
