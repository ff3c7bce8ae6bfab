package shift

import (
	"fmt"
	"math"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// newSet makes the tables: all numbers of a row are in "rows", "sides" says what
// was compared.
func newSet(sides []Side, cs []comparison, cfg Config) *result.Set {
	set := &result.Set{Schema: Schema, By: cfg.By, Sides: inputsOf(sides), Isolated: isolatedOf(sides)}
	set.Totals = []result.Field{
		{Name: "of", Value: result.Str(cfg.Of)},
		{Name: "alpha", Value: result.Float(cfg.Alpha)},
		{Name: "margin", Value: result.Float(cfg.Margin)},
		{Name: "run_cv", Value: result.Float(cfg.RunCV)},
	}
	rows := cfg.rowTable(sides)
	for i := range cs {
		for j := range cs[i].rows {
			rows.Rows = append(rows.Rows, cs[i].cells(&cs[i].rows[j]))
		}
	}
	set.Tables = []*result.Table{rows, sideTable(sides)}
	set.Verdict = verdict(cs, cfg)
	set.Notes = notes(cs)
	warn(set, sides, cs, cfg)
	return set
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

// isolatedOf is the isolated set of all runs, empty if they differ.
func isolatedOf(sides []Side) string {
	first := sides[0].Runs[0].Isolated
	for _, s := range sides {
		for _, r := range s.Runs {
			if r.Isolated != first {
				return ""
			}
		}
	}
	return first
}

func (cfg Config) rowTable(sides []Side) *result.Table {
	t := &result.Table{Name: "rows", Title: cfg.Of + " before and after by " + strings.Join(cfg.By, ", ")}
	if len(cfg.By) == 0 {
		t.Title = cfg.Of + " before and after"
	}
	for _, k := range cfg.By {
		t.Cols = append(t.Cols, result.Col{Name: k, Head: k, Key: true})
	}
	t.Cols = append(t.Cols, result.Col{Name: "quantile", Head: "quantile", Help: "what is compared: the median (p50) or the 99th percentile (p99)"})
	several := len(sides) > 2
	if several {
		t.Cols = append(t.Cols, result.Col{Name: "group", Head: "group", Help: "the group that is compared with the first one"})
	}
	after := "after"
	if !several {
		after = sides[1].Name
	}
	for _, side := range []struct{ member, head string }{{"before", sides[0].Name}, {"after", after}} {
		col := func(name, head, unit, help string) {
			t.Cols = append(t.Cols, result.Col{Name: side.member + "." + name, Head: head, Unit: unit, Help: help})
		}
		col("count", "n "+side.head, "", "durations in all runs")
		col("ns", side.head, "ns", "the quantile; of several runs the mean of their logarithms, weighted by what each tells")
		col("lo_ns", side.head+" from", "ns", "95 % interval")
		col("hi_ns", side.head+" to", "ns", "95 % interval")
	}
	t.Cols = append(t.Cols,
		result.Col{Name: "ratio", Head: "ratio", Unit: "ratio", Help: "after divided by before"},
		result.Col{Name: "ci.lo", Head: "95 % CI", Unit: "ratio", Array: true, Help: "95 % interval of the ratio"},
		result.Col{Name: "ci.hi", Head: "to", Unit: "ratio", Array: true},
		result.Col{Name: "p", Head: "p", Unit: "p", Help: "probability of such a difference by chance"},
		result.Col{Name: "q", Head: "q", Unit: "p", Help: "p after Benjamini-Hochberg over the rows that can be compared"},
		result.Col{Name: "n.before", Head: "runs", Array: true, Help: "number of runs before"},
		result.Col{Name: "n.after", Head: "runs", Array: true, Help: "number of runs after"},
		result.Col{Name: "run_cv", Head: "run CV", Unit: "1", Help: "by how much runs differ, besides chance within them: measured, assumed or both"},
		result.Col{Name: "df.own", Head: "df", Array: true, Help: "degrees of freedom that the runs have"},
		result.Col{Name: "df.assumed", Head: "assumed", Array: true, Help: "degrees of freedom that are filled up by assumption"},
		result.Col{Name: "effect", Head: "design effect", Unit: "ratio", Help: "how many durations that came together tell as much as an independent one"},
		result.Col{Name: "bias", Head: "bias", Unit: "ratio", Help: "factor by which the ratio may be off for what was not measured and for rounding"},
		result.Col{Name: "test", Head: "test", Help: "runs: their scatter was measured; assumed: it was not; runs+assumed: in part"},
		result.Col{Name: "verdict", Head: "verdict"},
		result.Col{Name: "reason", Head: "why", Help: "why it is unclear"},
	)
	t.Show = append([]string{"before.ns", "after.ns", "ratio", "ci.lo", "ci.hi", "verdict", "quantile"}, cfg.By...)
	if several {
		t.Show = append(t.Show, "group")
	}
	t.Show = append(t.Show, "reason", "q", "before.count", "after.count", "p", "n.before", "n.after", "test")
	return t
}

func (c *comparison) cells(r *row) []result.Value {
	var v []result.Value
	for _, k := range r.key {
		v = append(v, result.Str(k))
	}
	v = append(v, result.Str(r.quantile.name))
	if c.several {
		v = append(v, result.Str(c.after.Name))
	}
	for i := range r.sides {
		v = append(v, result.Int(r.count[i]), duration(r.sides[i].at), duration(r.sides[i].lo), duration(r.sides[i].hi))
	}
	none := r.reason.isEvidence()
	number := func(f float64) result.Value {
		if none {
			return result.None()
		}
		return result.Float(f)
	}
	test := "runs"
	switch {
	case none:
		test = "none"
	case r.contrast.Own == 0:
		test = "assumed"
	case r.contrast.Assumed > 0:
		test = "runs+assumed"
	}
	return append(v, number(r.ratio.at), number(r.ratio.lo), number(r.ratio.hi), number(r.p), number(r.q),
		result.Int(r.runs[0]), result.Int(r.runs[1]), number(math.Sqrt(math.Expm1(r.contrast.Tau2))),
		number(r.contrast.Own), number(r.contrast.Assumed), number(r.effect), number(math.Exp(r.bias)),
		result.Str(test), result.Str(string(r.verdict)), result.Str(string(r.reason)))
}

// duration is a number of nanoseconds, none if there is no bound.
func duration(ns float64) result.Value {
	if math.IsNaN(ns) || math.IsInf(ns, 0) || ns > math.MaxInt64/2 {
		return result.None()
	}
	return result.Int(int64(math.Round(ns)))
}

func sideTable(sides []Side) *result.Table {
	t := &result.Table{Name: "sides", Title: "what was compared", Cols: []result.Col{
		{Name: "name", Head: "side"},
		{Name: "runs", Head: "runs"},
		{Name: "duration_ns", Head: "duration", Unit: "ns"},
		{Name: "isolated", Head: "isolated"},
		{Name: "values", Head: "durations", Help: "of all rows together"},
		{Name: "missing", Head: "not measured", Help: "durations that were not measured, at most, events that were lost not counted"},
		{Name: "lost", Head: "lost"},
		{Name: "clock", Head: "clock"},
		{Name: "kernel", Head: "kernel"},
		{Name: "host", Head: "host"},
	}}
	for i := range sides {
		s := &sides[i]
		var ns int64
		var values, missing uint64
		for _, r := range s.Runs {
			ns += r.Duration
			missing += r.Missing
			for j := range r.Groups {
				values += r.Groups[j].Values.Count()
				missing += r.Groups[j].Missing + r.Groups[j].Values.Negative()
			}
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(s.Name), result.Int(len(s.Runs)), result.Int(ns), result.Str(s.common(func(r *Run) string { return r.Isolated })),
			result.Int(values), result.Int(missing), result.Str(s.losses()),
			result.Str(s.common(func(r *Run) string { return r.Input.Clock })),
			result.Str(s.common(func(r *Run) string { return r.Input.Kernel })),
			result.Str(s.common(func(r *Run) string { return r.Input.Host })),
		})
	}
	t.Show = []string{"name", "runs", "duration_ns", "isolated", "values", "missing", "lost", "kernel"}
	return t
}

// losses says how many events a side is known to lack.
func (s *Side) losses() string {
	return result.Losses(func(yield func(*result.Input) bool) {
		for i := range s.Runs {
			if !yield(&s.Runs[i].Input) {
				return
			}
		}
	})
}

// common is what the runs of a side have, one after the other if they differ.
func (s *Side) common(of func(*Run) string) string {
	return result.Common(func(yield func(string) bool) {
		for i := range s.Runs {
			if !yield(of(&s.Runs[i])) {
				return
			}
		}
	})
}

// verdict is the answer in one line.
func verdict(cs []comparison, cfg Config) string {
	var parts []string
	for i := range cs {
		c := &cs[i]
		text := fmt.Sprintf("%s: of %d medians and percentiles %s", cfg.Of, len(c.rows), c.tally())
		if len(c.rows) == 0 {
			text = cfg.Of + ": no durations were measured"
		}
		if len(cs) > 1 {
			text = c.after.Name + ": " + text
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// notes gives the reasons of what is unclear.
func notes(cs []comparison) []string {
	var out []string
	for i := range cs {
		c := &cs[i]
		for _, reason := range []Reason{ClockReason, Excerpt, Means, Recorder, Lost, Unknown, NoValues, Missing, Resolution, FewValues, Adjusted, Scatter, Bias, NotShown} {
			n, detail := 0, ""
			for j := range c.rows {
				if r := &c.rows[j]; r.reason == reason {
					n++
					if detail == "" && r.detail != "" {
						detail = " (" + r.detail + ")"
					}
				}
			}
			if n > 0 {
				text := fmt.Sprintf("%d unclear, %s: %s%s", n, reason, reason.Meaning(), detail)
				if c.several {
					text = c.after.Name + ": " + text
				}
				out = append(out, text)
			}
		}
	}
	return out
}
