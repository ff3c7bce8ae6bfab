package compare

import (
	"cmp"
	"fmt"
	"iter"
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
		{Name: "run_cv", Value: result.Float(cfg.RunCV)},
		{Name: "rate_unit", Value: result.Str(cfg.rateUnit())},
	}
	rows, total := cfg.rowTable("rows", cfg.By, sides), cfg.rowTable("total", nil, sides)
	for _, c := range cs {
		for _, r := range c.rows {
			rows.Rows = append(rows.Rows, cfg.cells(&r, c.after))
		}
		total.Rows = append(total.Rows, cfg.cells(&c.total, c.after))
	}
	sortRows(rows, len(cfg.By))
	for i := range total.Rows {
		total.Rows[i] = append(total.Rows[i], result.Str("all hits"))
	}
	set.Tables = []*result.Table{rows, total, explainTable(cs, len(sides) > 2), sideTable(sides, cfg)}
	set.Stacks = stacksOf(rows)
	set.Verdict = verdict(cs)
	notes(set, cs)
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
		col("rate", per+side.head, "1/h", cfg.rateUnit()+", fitted to the runs")
		col("lo", "from", "1/h", "95 % interval of the rate")
		col("hi", "to", "1/h", "95 % interval of the rate, one-sided if there are no hits")
		col("most", "at most", "ratio", "hits with all those of unknown names and lost events that may be the row's; no number if they have no bound")
	}
	t.Cols = append(t.Cols, testCols()...)
	t.Show = []string{"before.hits", "after.hits", "ratio", "ci.lo", "says"}
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
	t.Show = append(t.Show, "q", "reason", "before.rate", "after.rate", "p_counts", "p_runs", "burst", "run_cv", "holds", "test")
	return t
}

// testCols are the columns of what the tests say.
func testCols() []result.Col {
	return []result.Col{
		{Name: "ratio", Head: "ratio", Unit: "ratio", Help: "fitted rate after divided by that before; no number if there were no hits before, then ratio_infinite is 1, or none at all", Whole: true},
		{Name: "ratio_infinite", Head: "new", Help: "1: there were hits after and none before"},
		{Name: "ci.lo", Head: "95 % CI", Unit: "ratio", Array: true, Keep: true, To: "ci.hi", Help: "95 % interval of the ratio, not adjusted for the number of rows", Whole: true},
		{Name: "ci.hi", Head: "to", Unit: "ratio", Array: true, Keep: true, Whole: true},
		{Name: "p", Head: "p", Unit: "p", Help: "probability of such a difference by chance: the larger of p_counts and p_runs", Whole: true},
		{Name: "q", Head: "q", Unit: "p", Help: "p after Benjamini-Hochberg over the rows that have enough hits to differ", Whole: true},
		{Name: "p_counts", Head: "p of counts", Unit: "p", Help: "probability by counting: exact test of two Poisson counts, divided by the size of a burst", Whole: true},
		{Name: "p_runs", Head: "p of runs", Unit: "p", Help: "probability by the variation between runs: negative-binomial likelihood ratio with t quantiles", Whole: true},
		{Name: "burst", Head: "burst", Unit: "ratio", Help: "the factor by which hits come in bursts", Whole: true},
		{Name: "run_cv", Head: "run CV", Unit: "1", Help: "coefficient of variation of the rate between runs, beyond counting", Whole: true},
		{Name: "df.own", Head: "df", Array: true, Help: "degrees of freedom that the run CV has from the runs"},
		{Name: "df.assumed", Head: "df assumed", Array: true, Help: "and from the assumption"},
		{Name: "holds", Head: "holds to CV", Unit: "1", Help: "one run a side: up to which run CV the verdict holds", Whole: true},
		{Name: "n.before", Head: "runs", Array: true, Help: "number of runs before"},
		{Name: "n.after", Head: "runs", Array: true, Help: "number of runs after"},
		{Name: "test", Head: "run CV from", Help: "where the run CV is from: runs, runs+assumed or assumed"},
		{Name: "verdict", Head: "verdict"},
		{Name: "says", Head: "verdict", Help: "the verdict with its bound"},
		{Name: "reason", Head: "why unclear", Help: "few-hits, one-run, scatter, not-shown, adjusted, control, unknown, lost, excerpt, not-recorded or machines"},
	}
}

func (cfg Config) cells(r *row, after *Side) []result.Value {
	var v []result.Value
	for _, k := range r.key {
		v = append(v, result.Str(k))
	}
	if after.several {
		v = append(v, result.Str(after.Name))
	}
	for i, a := range []*amount{&r.before, &r.after} {
		v = append(v, result.Int(a.hits), result.Int(a.sends), result.Float(a.rate), result.Float(a.lo), result.Float(a.hi),
			result.Float(r.worst.most(i, a.hits)))
	}
	infinite := 0
	if math.IsInf(r.ratio, 1) {
		infinite = 1
	}
	holds := result.None()
	if !math.IsNaN(r.holds) {
		holds = result.Float(r.holds)
	}
	c := r.counts
	v = append(v, result.Float(r.ratio), result.Int(infinite), result.Float(r.lo), result.Float(r.hi), result.Float(r.p), result.Float(r.q),
		result.Float(c.PCounts), result.Float(c.PRuns), result.Float(c.Burst), result.Float(math.Sqrt(c.Phi)),
		result.Int(c.Own), result.Int(c.Assumed), holds, result.Int(r.n[0]), result.Int(r.n[1]),
		result.Str(r.test()), result.Str(string(r.verdict)), result.Str(r.says()), result.Str(r.reason))
	if cfg.Control != nil {
		control := 0
		if r.control {
			control = 1
		}
		v = append(v, result.Int(control))
	}
	return v
}

// sortRows puts the rows with the most hits on any side first. Rows of one key
// stand together, in the order of the groups, so that all groups have one order.
func sortRows(t *result.Table, keys int) {
	before, after := t.Index("before.hits"), t.Index("after.hits")
	id := func(r []result.Value) string {
		var key []string
		for _, v := range r[:keys] {
			key = append(key, v.Str)
		}
		return keyID(key)
	}
	most := map[string]int64{}
	for _, r := range t.Rows {
		most[id(r)] = max(most[id(r)], r[before].Int, r[after].Int)
	}
	slices.SortStableFunc(t.Rows, func(a, b []result.Value) int {
		if c := cmp.Compare(most[id(b)], most[id(a)]); c != 0 {
			return c
		}
		for i := range keys {
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
		excerpt := c.before.isExcerpt() || c.after.isExcerpt()
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
			if f.name == "lost_events" && x == 0 && y == 0 || a.sends == 0 && b.sends == 0 && strings.Contains(f.name, "send") || excerpt && f.name == "sends_per_second" {
				continue
			}
			var row []result.Value
			if several {
				row = append(row, result.Str(c.after.Name))
			}
			value := number
			if f.name == "hits" || f.name == "lost_events" {
				value = func(f float64) result.Value { return result.Int(int64(f)) }
			}
			t.Rows = append(t.Rows, append(row, result.Str(f.name), value(x), value(y), result.Float(ratioOf(x, y))))
		}
	}
	return t
}

// ratioOf is b/a, without a number for 0/0.
func ratioOf(a, b float64) float64 {
	if a == 0 && b == 0 {
		return math.NaN()
	}
	return b / a
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
		{Name: "exposure", Head: "exposure", Help: "what rates divide by: isolated CPUs x hours, or x units of work"},
		{Name: "isolated", Head: "isolated"},
		{Name: "hits", Head: "hits"},
		{Name: "sends", Head: "sends", Help: "sends with an isolated target"},
		{Name: "lost", Head: "lost"},
		{Name: "clock", Head: "clock"},
		{Name: "kernel", Head: "kernel"},
		{Name: "host", Head: "host"},
	}}
	for i := range sides {
		s := &sides[i]
		x := s.sums()
		var duration int64
		work, exposure := 0.0, 0.0
		for _, r := range s.Runs {
			duration += r.Duration
			work += r.Work
			exposure += r.exposure(cfg)
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(s.Name), result.Int(len(s.Runs)), result.Int(duration), result.Float(work), result.Float(exposure), result.Str(s.isolated()),
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
func (s *Side) losses() string { return result.Losses(s.inputs()) }

// common is what the inputs of a side say of themselves.
func (s *Side) common(of func(*result.Input) string) string {
	return result.Common(func(yield func(string) bool) {
		for in := range s.inputs() {
			if !yield(of(in)) {
				return
			}
		}
	})
}

func (s *Side) inputs() iter.Seq[*result.Input] {
	return func(yield func(*result.Input) bool) {
		for i := range s.Runs {
			if !yield(&s.Runs[i].Input) {
				return
			}
		}
	}
}

// verdict is the answer in one line.
func verdict(cs []comparison) string {
	var parts []string
	for _, c := range cs {
		t := c.total
		text := fmt.Sprintf("hits %s%d -> %s%d%s, %s %s", c.before.atLeast(), t.before.hits, c.after.atLeast(), t.after.hits, c.durations(), c.change(), t.says())
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

// atLeast stands before a number of hits that lost events may add to.
func (s *Side) atLeast() string {
	if s.recorded().lossy {
		return "at least "
	}
	return ""
}

// durations says how long the sides were watched if that differs: fewer hits in
// less time can be a higher rate.
func (c *comparison) durations() string {
	x, y := c.before.sums().seconds, c.after.sums().seconds
	if math.Abs(x-y) <= 0.02*max(x, y) {
		return ""
	}
	return fmt.Sprintf(" in %.3g s and %.3g s", x, y)
}

// change is that of all hits.
func (c *comparison) change() string {
	if c.before.isExcerpt() || c.after.isExcerpt() {
		return "rates not known (excerpt),"
	}
	return change(c.total.ratio)
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
