package compare

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// newSet makes the tables. All numbers of a row are in the table "rows", those
// of all hits in "total"; "sides" says what was compared, "explain" what the
// difference in hits is made of.
func newSet(sides []Side, cs []comparison, cfg Config) *result.Set {
	set := &result.Set{Schema: Schema, By: cfg.By, Sides: inputsOf(sides), Isolated: sides[0].isolated()}
	for _, s := range sides[1:] {
		if s.isolated() != set.Isolated {
			set.Isolated = ""
		}
	}
	set.Totals = []result.Field{
		{Name: "alpha", Value: result.Float(cfg.Alpha)},
		{Name: "margin", Value: result.Float(cfg.Margin)},
		{Name: "rate_unit", Value: result.Str(cfg.rateUnit())},
	}
	rows, total := cfg.rowTable("rows", cfg.By, sides), cfg.rowTable("total", nil, sides)
	for _, c := range cs {
		for _, r := range c.rows {
			rows.Rows = append(rows.Rows, cfg.cells(&r, c.after))
		}
		total.Rows = append(total.Rows, cfg.cells(&c.total, c.after))
	}
	first := len(cfg.By)
	if len(sides) > 2 {
		first++
	}
	sortRows(rows, first)
	for i := range total.Rows {
		total.Rows[i] = append(total.Rows[i], result.Str("all hits"))
	}
	set.Tables = []*result.Table{rows, total, explainTable(cs, len(sides) > 2), sideTable(sides, cfg)}
	set.Stacks = stacksOf(rows)
	set.Verdict = verdict(cs)
	warn(set, sides, cs, cfg)
	return set
}

// stacksOf takes the rows of a comparison by stack; nil if it is by other keys.
func stacksOf(rows *result.Table) *result.Stacks {
	stack, group := rows.Index("stack"), rows.Index("group")
	if stack < 0 {
		return nil
	}
	before, after := rows.Index("before.hits"), rows.Index("after.hits")
	st := &result.Stacks{Values: []result.Col{{Name: "before", Help: "hits before"}, {Name: "after", Help: "hits after"}}, Compares: true}
	if group >= 0 {
		st.Keys = []result.Col{rows.Cols[group]}
	}
	for _, row := range rows.Rows {
		x := result.Sample{Frames: strings.Split(row[stack].Str, track.FrameSep), Values: []int64{row[before].Int, row[after].Int}}
		if group >= 0 {
			x.Key = []string{row[group].Str}
		}
		st.Samples = append(st.Samples, x)
	}
	return st
}

// inputsOf names the inputs as the JSON form does: those of the first side are
// before, all others after.
func inputsOf(sides []Side) []result.Side {
	out := []result.Side{{Name: "before", Inputs: []result.Input{}}, {Name: "after", Inputs: []result.Input{}}}
	for i, s := range sides {
		for _, r := range s.Runs {
			side := &out[min(i, 1)]
			side.Inputs = append(side.Inputs, r.Input)
		}
	}
	return out
}

// isolated is the isolated set of all runs of a side, empty if they differ.
func (s *Side) isolated() string {
	for _, r := range s.Runs {
		if r.Isolated != s.Runs[0].Isolated {
			return ""
		}
	}
	return s.Runs[0].Isolated
}

func (cfg Config) rateUnit() string {
	if cfg.PerWork {
		return "hits per isolated CPU and unit of work"
	}
	return "hits per isolated CPU and hour"
}

func (cfg Config) rowTable(name string, by []string, sides []Side) *result.Table {
	t := &result.Table{Name: name, Title: "all hits"}
	if by != nil {
		t.Title = "before and after by " + strings.Join(by, ", ")
	}
	for _, k := range by {
		t.Cols = append(t.Cols, result.Col{Name: k, Head: k, Key: true})
	}
	if len(sides) > 2 {
		t.Cols = append(t.Cols, result.Col{Name: "group", Head: "group", Help: "the group that is compared with the first one"})
	}
	before, after := sides[0].Name, "after"
	if len(sides) == 2 {
		after = sides[1].Name
	}
	per := "/CPU/hour "
	if cfg.PerWork {
		per = "/CPU/work "
	}
	for _, side := range []struct{ member, head string }{{"before", before}, {"after", after}} {
		col := func(name, head, unit, help string) {
			t.Cols = append(t.Cols, result.Col{Name: side.member + "." + name, Head: head, Unit: unit, Help: help})
		}
		col("hits", side.head, "", "hits in all runs")
		col("sends", "sends "+side.head, "", "send events with a target in the row")
		col("rate", per+side.head, "1/h", cfg.rateUnit()+"; of several runs the median")
		col("lo", "from", "1/h", "95 % interval of the rate; of fewer than six runs the smallest rate")
		col("hi", "to", "1/h", "95 % interval of the rate, one-sided if there are no hits; of fewer than six runs the largest rate")
	}
	t.Cols = append(t.Cols,
		result.Col{Name: "ratio", Head: "ratio", Unit: "ratio", Help: "rate after divided by rate before"},
		result.Col{Name: "ci.lo", Head: "95 % CI", Unit: "ratio", Array: true, Help: "95 % interval of the ratio"},
		result.Col{Name: "ci.hi", Head: "to", Unit: "ratio", Array: true},
		result.Col{Name: "p", Head: "p", Unit: "p", Help: "probability of such a difference by chance"},
		result.Col{Name: "q", Head: "q", Unit: "p", Help: "p after Benjamini-Hochberg over all rows"},
		result.Col{Name: "n.before", Head: "runs", Array: true, Help: "number of runs before"},
		result.Col{Name: "n.after", Head: "runs", Array: true, Help: "number of runs after"},
		result.Col{Name: "test", Head: "test"},
		result.Col{Name: "verdict", Head: "verdict"},
	)
	t.Show = []string{"before.hits", "after.hits", "ratio", "ci.lo", "ci.hi", "verdict"}
	t.Show = append(t.Show, by...)
	if len(sides) > 2 {
		t.Show = append(t.Show, "group")
	}
	if cfg.Control != nil {
		t.Cols = append(t.Cols, result.Col{Name: "control", Head: "control", Help: "1: nothing should have changed this row"})
		t.Show = append(t.Show, "control")
	}
	if name == "total" {
		t.Cols = append(t.Cols, result.Col{Name: "name", Head: "all rows"})
		t.Show = append(t.Show, "name")
	}
	t.Show = append(t.Show, "q", "before.rate", "after.rate", "p", "n.before", "n.after", "test")
	return t
}

func (cfg Config) cells(r *row, after *Side) []result.Value {
	var v []result.Value
	for _, k := range r.key {
		v = append(v, result.Str(k))
	}
	if after.several {
		v = append(v, result.Str(after.Name))
	}
	for _, a := range []*amount{&r.before, &r.after} {
		v = append(v, result.Int(a.hits), result.Int(a.sends), result.Float(a.rate), result.Float(a.lo), result.Float(a.hi))
	}
	v = append(v, result.Float(r.ratio), result.Float(r.lo), result.Float(r.hi), result.Float(r.p), result.Float(r.q),
		result.Int(r.n[0]), result.Int(r.n[1]), result.Str(r.test), result.Str(string(r.verdict)))
	if cfg.Control != nil {
		control := 0
		if r.control {
			control = 1
		}
		v = append(v, result.Int(control))
	}
	return v
}

// sortRows puts the rows with the most hits on either side first.
func sortRows(t *result.Table, firstValue int) {
	before, after := t.Index("before.hits"), t.Index("after.hits")
	slices.SortStableFunc(t.Rows, func(a, b []result.Value) int {
		most := func(r []result.Value) result.Value { return result.Int(max(r[before].Int, r[after].Int)) }
		if c := most(b).Compare(most(a)); c != 0 {
			return c
		}
		for i := range firstValue {
			if c := a[i].Compare(b[i]); c != 0 {
				return c
			}
		}
		return 0
	})
}

// explainTable splits the ratio of all hits, as counted, into factors: hits are
// seconds x sends_per_second x targets_per_send.
func explainTable(cs []comparison, several bool) *result.Table {
	t := &result.Table{Name: "explain", Title: "what the difference in hits is made of"}
	if several {
		t.Cols = append(t.Cols, result.Col{Name: "group", Head: "group"})
	}
	t.Cols = append(t.Cols,
		result.Col{Name: "factor", Head: "all hits"},
		result.Col{Name: "before", Head: cs[0].before.Name},
		result.Col{Name: "after", Head: "after"},
		result.Col{Name: "ratio", Head: "ratio", Unit: "ratio"},
	)
	if !several {
		t.Cols[2].Head = cs[0].after.Name
	}
	for _, c := range cs {
		a, b := c.before.sums(), c.after.sums()
		for _, f := range []struct {
			name string
			of   func(sums) float64
		}{
			{"hits", func(s sums) float64 { return s.hits }},
			{"seconds", func(s sums) float64 { return s.seconds }},
			{"sends_per_second", func(s sums) float64 { return s.sends / s.seconds }},
			{"targets_per_send", func(s sums) float64 { return s.hits / s.sends }},
			{"lost_events", func(s sums) float64 { return s.lost }},
		} {
			x, y := f.of(a), f.of(b)
			if f.name == "lost_events" && x == 0 && y == 0 || a.sends == 0 && b.sends == 0 && strings.Contains(f.name, "send") {
				continue
			}
			var row []result.Value
			if several {
				row = append(row, result.Str(c.after.Name))
			}
			t.Rows = append(t.Rows, append(row, result.Str(f.name), number(x), number(y), result.Float(ratioOf(x, y))))
		}
	}
	return t
}

// number keeps NaN, of a share of nothing, out of tables.
func number(f float64) result.Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return result.Float(0)
	}
	return result.Float(f)
}

type sums struct{ hits, sends, seconds, lost float64 }

func (s *Side) sums() sums {
	var x sums
	for _, r := range s.Runs {
		x.hits += float64(r.Total.Hits)
		x.sends += float64(r.Total.Sends - min(r.Missed, r.Total.Sends))
		x.seconds += float64(r.Duration) / 1e9
		x.lost += float64(r.Input.Lost)
	}
	return x
}

func sideTable(sides []Side, cfg Config) *result.Table {
	t := &result.Table{Name: "sides", Title: "what was compared", Cols: []result.Col{
		{Name: "name", Head: "side"},
		{Name: "runs", Head: "runs"},
		{Name: "duration_ns", Head: "duration", Unit: "ns"},
		{Name: "work", Head: "work", Help: "units of work, 0 if not given"},
		{Name: "isolated", Head: "isolated"},
		{Name: "hits", Head: "hits"},
		{Name: "sends", Head: "sends", Help: "sends with an isolated target"},
		{Name: "lost", Head: "lost"},
		{Name: "clock", Head: "clock"},
		{Name: "kernel", Head: "kernel"},
		{Name: "host", Head: "machine"},
	}}
	for i := range sides {
		s := &sides[i]
		x := s.sums()
		var duration int64
		work := 0.0
		for _, r := range s.Runs {
			duration += r.Duration
			work += r.Work
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(s.Name), result.Int(len(s.Runs)), result.Int(duration), result.Float(work), result.Str(s.isolated()),
			result.Int(uint64(x.hits)), result.Int(uint64(x.sends)), result.Str(s.losses()),
			result.Str(s.common(func(in *result.Input) string { return in.Clock })),
			result.Str(s.common(func(in *result.Input) string { return in.Kernel })),
			result.Str(s.common(func(in *result.Input) string { return in.Host })),
		})
	}
	t.Show = []string{"name", "runs", "duration_ns", "isolated", "hits", "sends", "lost", "kernel"}
	if cfg.PerWork {
		t.Show = slices.Insert(t.Show, 3, "work")
	}
	return t
}

// losses says how many events a side is known to lack.
func (s *Side) losses() string {
	n, unknown := uint64(0), false
	for _, r := range s.Runs {
		n += r.Input.Lost
		unknown = unknown || r.Input.LostUnknown || r.Input.Incomplete
	}
	switch {
	case unknown && n > 0:
		return fmt.Sprintf("%d or more", n)
	case unknown:
		return "unknown number"
	case n > 0:
		return fmt.Sprint(n)
	}
	return "none"
}

// common is what the inputs of a side say of themselves, one after the other if
// they differ.
func (s *Side) common(of func(*result.Input) string) string {
	var all []string
	for i := range s.Runs {
		if v := of(&s.Runs[i].Input); v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}

// verdict is the answer in one line.
func verdict(cs []comparison) string {
	var parts []string
	for _, c := range cs {
		t := c.total
		text := fmt.Sprintf("hits %d -> %d, %s %s", t.before.hits, t.after.hits, change(t.ratio), t.verdict)
		if len(c.rows) > 0 {
			text += ": " + c.tally()
		}
		if len(cs) > 1 {
			text = c.after.Name + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// change prints a ratio of rates as people say it.
func change(ratio float64) string {
	switch {
	case math.IsNaN(ratio) || math.IsInf(ratio, 0):
		return "rate"
	case ratio >= 2:
		return fmt.Sprintf("rate x %.3g", ratio)
	}
	return fmt.Sprintf("rate %+.1f %%", 100*(ratio-1))
}

// tally counts the rows by verdict.
func (c *comparison) tally() string {
	var parts []string
	for _, v := range []Verdict{Gone, Reduced, New, Grown, Unchanged, Unclear} {
		n := 0
		for _, r := range c.rows {
			if r.verdict == v {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	rows := "rows"
	if len(c.rows) == 1 {
		rows = "row"
	}
	return fmt.Sprintf("of %d %s %s", len(c.rows), rows, strings.Join(parts, ", "))
}
