package shift_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/shift"
	"github.com/ipiscope/ipiscope/internal/law"
)

// durations are n independent ones around a median in microseconds.
func durations(r *rand.Rand, n int, us float64) (ns []int64) {
	for range n {
		ns = append(ns, int64(1000*us*math.Exp(0.3*r.NormFloat64())))
	}
	return ns
}

func newGroup(name string, ns []int64) shift.Group {
	g := shift.Group{Key: []string{name}, Means: "vector entry to exit"}
	for i, v := range ns {
		g.Values.Add(int64(i), v)
	}
	return g
}

func newRun(path string, groups ...shift.Group) shift.Run {
	return shift.Run{Input: result.Input{Path: path, Clock: "mono", CPUs: 4}, Isolated: "2-3", CPUs: 2, Duration: 1e10, PerLost: 1, Groups: groups}
}

// series makes runs of one function with medians that vary by 3 %.
func series(seed uint64, name string, n int, us float64) []shift.Run {
	r := rand.New(rand.NewPCG(seed, 1))
	var runs []shift.Run
	for i := range n {
		runs = append(runs, newRun(fmt.Sprintf("%s-%d", name, i+1), newGroup("f", durations(r, 900, us*math.Exp(0.03*r.NormFloat64())))))
	}
	return runs
}

func byFunction() shift.Config { return shift.Config{Of: "bracket", By: []string{"function"}} }

func sides(before, after []shift.Run) []shift.Side {
	return []shift.Side{{Name: "before", Runs: before}, {Name: "after", Runs: after}}
}

// verdicts are "KEY QUANTILE VERDICT REASON" of each row.
func verdicts(set *result.Set) string {
	t := set.Table("rows")
	var rows []string
	for _, r := range t.Rows {
		words := []string{r[0].Str, r[t.Index("quantile")].Str, r[t.Index("verdict")].Str}
		if reason := r[t.Index("reason")].Str; reason != "" {
			words = append(words, reason)
		}
		rows = append(rows, strings.Join(words, " "))
	}
	return strings.Join(rows, "; ")
}

func codes(set *result.Set) string {
	var out []string
	for _, w := range set.Warnings {
		out = append(out, w.Code)
	}
	return strings.Join(out, " ")
}

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		name          string
		runs          int
		before, after float64 // median, us
		want, codes   string
	}{
		{"half as long again", 3, 4, 6, "f p50 grown; f p99 grown", ""},
		{"a third shorter", 3, 6, 4, "f p50 reduced; f p99 reduced", ""},
		{"the same", 5, 4, 4, "f p50 unchanged; f p99 unchanged", ""},
		{"half as long again, one run", 1, 4, 6, "f p50 unclear scatter; f p99 unclear scatter", "single-run"},
		{"five times as long, one run", 1, 4, 20, "f p50 grown; f p99 grown", "single-run"},
		{"the same, one run", 1, 4, 4, "f p50 unclear scatter; f p99 unclear not-shown", "single-run"},
		{"five times as long, two runs", 2, 4, 20, "f p50 grown; f p99 grown", "few-runs"},
	} {
		set := shift.Compare(sides(series(1, "b", c.runs, c.before), series(2, "a", c.runs, c.after)), byFunction())
		if got := verdicts(set); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		if got := codes(set); got != c.codes {
			t.Errorf("%s: warnings %q, want %q", c.name, got, c.codes)
		}
	}
}

// TestReasons takes evidence away from a comparison that is clear.
func TestReasons(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(before, after []shift.Run)
		want string
	}{
		{"nothing", func(_, _ []shift.Run) {}, "f p50 grown; f p99 grown"},
		{"clock", func(b, _ []shift.Run) { b[1].Clock = "local" }, "f p50 unclear clock; f p99 unclear clock"},
		{"lost, number unknown", func(_, a []shift.Run) { a[0].Input.LostUnknown = true }, "f p50 unclear lost; f p99 unclear lost"},
		{"an excerpt", func(_, a []shift.Run) { a[0].Input.Excerpt = "4 of its 7 lines are those of a trace" }, "f p50 unclear excerpt; f p99 unclear excerpt"},
		{"cut", func(_, a []shift.Run) { a[2].Input.Incomplete = true }, "f p50 unclear lost; f p99 unclear lost"},
		// 30 of 930: the median moves little, the 99th percentile may be any
		{"lost, 30", func(b, _ []shift.Run) { b[0].Input.Lost = 30 }, "f p50 grown; f p99 unclear lost"},
		{"not measured, 30", func(b, _ []shift.Run) { b[0].Missing = 30 }, "f p50 grown; f p99 unclear missing"},
		{"not measured in the row, 2000", func(b, _ []shift.Run) { b[0].Groups[0].Missing = 2000 }, "f p50 unclear missing; f p99 unclear missing"},
		{"impossible times", func(_, a []shift.Run) {
			for range 30 {
				a[0].Groups[0].Values.Add(0, -1)
			}
		}, "f p50 grown; f p99 unclear missing"},
		{"unknown functions", func(_, a []shift.Run) { a[1].Groups = append(a[1].Groups, newGroup("unknown", make([]int64, 30))) },
			"f p50 grown; f p99 unclear missing; unknown p50 unclear unknown; unknown p99 unclear unknown"},
		{"sets with the function", func(_, a []shift.Run) { a[1].Groups = append(a[1].Groups, newGroup("e|f", make([]int64, 30))) },
			"f p50 grown; f p99 unclear missing; e|f p50 unclear no-values; e|f p99 unclear no-values"},
		{"stacks on one side", func(_, a []shift.Run) { a[0].Stacks, a[1].Stacks, a[2].Stacks = true, true, true }, "f p50 unclear recorder; f p99 unclear recorder"},
		{"stacks in one run", func(_, a []shift.Run) { a[1].Stacks = true }, "f p50 unclear recorder; f p99 unclear recorder"},
		{"other events", func(_, a []shift.Run) { a[1].Groups[0].Means = "ipi_entry to ipi_exit" }, "f p50 unclear means; f p99 unclear means"},
		{"none after", func(_, a []shift.Run) { a[0].Groups, a[1].Groups, a[2].Groups = nil, nil, nil }, "f p50 unclear no-values; f p99 unclear no-values"},
		{"none in a run", func(_, a []shift.Run) { a[1].Groups = nil }, "f p50 unclear few-values; f p99 unclear few-values"},
		{"few in a run", func(_, a []shift.Run) { a[1].Groups[0] = newGroup("f", durations(rand.New(rand.NewPCG(3, 3)), 200, 6)) },
			"f p50 grown; f p99 unclear few-values"},
		{"five in a run", func(_, a []shift.Run) { a[1].Groups[0] = newGroup("f", durations(rand.New(rand.NewPCG(3, 3)), 5, 6)) },
			"f p50 unclear few-values; f p99 unclear few-values"},
		{"whole microseconds", func(b, a []shift.Run) { coarse(b); coarse(a) }, "f p50 unclear bias; f p99 unclear bias"},
		{"too coarse", func(b, _ []shift.Run) { b[0].Groups[0] = newGroup("f", make([]int64, 900)) }, "f p50 unclear resolution; f p99 unclear resolution"},
	} {
		b, a := series(1, "b", 3, 4), series(2, "a", 3, 6)
		c.do(b, a)
		set := shift.Compare(sides(b, a), byFunction())
		if got := verdicts(set); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
		for _, r := range set.Table("rows").Rows {
			if reason := r[len(r)-1].Str; reason != "" && !strings.Contains(strings.Join(set.Notes, "\n"), shift.Reason(reason).Meaning()) {
				t.Errorf("%s: no note tells of %s: %q", c.name, reason, set.Notes)
			}
		}
	}
}

// coarse rounds durations as text of microseconds does.
func coarse(runs []shift.Run) {
	for i := range runs {
		var ns []int64
		for _, v := range runs[i].Groups[0].Values.InTime() {
			ns = append(ns, (v+500)/1000*1000)
		}
		runs[i].Groups[0] = newGroup("f", ns)
	}
}

// TestLaw: taking evidence away, in a way that the recordings tell of, makes no
// verdict where there was none and turns none around.
func TestLaw(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 4).Draw(t, "runs")
		ratio := rapid.SampledFrom([]float64{0.3, 0.7, 1, 1.1, 1.5, 4}).Draw(t, "ratio")
		seed := rapid.Uint64Range(1, 1000).Draw(t, "seed")
		b, a := series(seed, "b", n, 5), series(seed+5000, "a", n, 5*ratio)
		whole := rows(shift.Compare(sides(b, a), byFunction()))
		run := []*shift.Run{&b[0], &a[n-1]}[rapid.IntRange(0, 1).Draw(t, "run")]
		lack := rapid.Uint64Range(1, 200).Draw(t, "lack")
		switch rapid.IntRange(0, 4).Draw(t, "what") {
		case 0:
			run.Input.Lost = lack
		case 1:
			run.Missing = lack
		case 2:
			run.Groups[0].Missing = lack
		case 3:
			run.Groups = append(run.Groups, newGroup("unknown", make([]int64, lack)))
		case 4:
			run.Input.LostUnknown = true
		}
		for name, less := range rows(shift.Compare(sides(b, a), byFunction())) {
			if more, ok := whole[name]; ok && less != "unclear" && less != more {
				t.Fatalf("%s: %s with all evidence, %s with less", name, more, less)
			}
		}
	})
}

// rows are the verdicts by key and quantile.
func rows(set *result.Set) map[string]string {
	t := set.Table("rows")
	out := map[string]string{}
	for _, r := range t.Rows {
		out[r[0].Str+" "+r[t.Index("quantile")].Str] = r[t.Index("verdict")].Str
	}
	return out
}

// TestMissingBounds: durations that were not measured, put in as the shortest or
// the longest of all, leave the ratio within the interval.
func TestMissingBounds(t *testing.T) {
	b, a := series(1, "b", 3, 4), series(2, "a", 3, 6)
	for i := range a {
		a[i].Missing = 40
	}
	t1 := shift.Compare(sides(b, a), byFunction()).Table("rows")
	lo, hi := t1.Rows[0][t1.Index("ci.lo")].Float, t1.Rows[0][t1.Index("ci.hi")].Float
	for _, v := range []int64{1, 1e9} {
		full := series(2, "a", 3, 6)
		for i := range full {
			for range 40 {
				full[i].Groups[0].Values.Add(1e6, v)
			}
		}
		t2 := shift.Compare(sides(b, full), byFunction()).Table("rows")
		if r := t2.Rows[0][t2.Index("ratio")].Float; r < lo || r > hi {
			t.Errorf("with 40 of %d ns each the ratio is %.3f, outside of %.3f to %.3f", v, r, lo, hi)
		}
	}
}

func TestSeveralSides(t *testing.T) {
	s := append(sides(series(1, "b", 3, 4), series(2, "a", 3, 4)), shift.Side{Name: "v2", Runs: series(3, "v", 3, 8)})
	s[1].Name = "v1"
	set := shift.Compare(s, byFunction())
	t1 := set.Table("rows")
	got := ""
	for _, r := range t1.Rows {
		got += r[t1.Index("group")].Str + " " + r[t1.Index("quantile")].Str + " " + r[t1.Index("verdict")].Str + "; "
	}
	if want := "v1 p50 unchanged; v1 p99 unchanged; v2 p50 grown; v2 p99 grown; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !strings.HasPrefix(set.Verdict, "v1: bracket: of 2 medians and percentiles 2 unchanged; v2: ") {
		t.Error(set.Verdict)
	}
}

func TestConditions(t *testing.T) {
	set := shift.Compare(sides(series(1, "b", 3, 4), series(2, "a", 3, 6)), byFunction())
	for _, c := range []struct{ text, met, undecided string }{
		{"p50 > 5us", "function=f p50: ", ""},
		{"p50 > 7us", "", ""},
		{"function=f p50 >= +40%", "function=f p50: ", ""},
		{"function=f verdict=grown p99 > +0%", "function=f p99: ", ""},
		{"function=f verdict=reduced p99 > +0%", "", ""},
		{"function=g* p50 > 1ns", "", "no row matches"},
	} {
		x, err := shift.ParseCondition(c.text, []string{"function"})
		if err != nil {
			t.Fatal(err)
		}
		met, undecided := x.Met(set)
		if (met == "") != (c.met == "") || !strings.HasPrefix(met, c.met) || (undecided == "") != (c.undecided == "") || !strings.Contains(undecided, c.undecided) {
			t.Errorf("%q: met %q, undecided %q", c.text, met, undecided)
		}
	}
	// what the recordings do not tell of is not decided, whatever the figures
	a := series(2, "a", 3, 6)
	a[0].Input.LostUnknown = true
	x, _ := shift.ParseCondition("function=f p50 > 100s", []string{"function"})
	if met, undecided := x.Met(shift.Compare(sides(series(1, "b", 3, 4), a), byFunction())); met != "" || !strings.Contains(undecided, "cannot be decided: lost") {
		t.Errorf("met %q, undecided %q", met, undecided)
	}
	for _, text := range []string{"", "p50", "p50 > 5", "p90 > 5us", "comm=x p50 > 5us", "hits > 5"} {
		if _, err := shift.ParseCondition(text, []string{"function"}); err == nil {
			t.Errorf("%q is a condition", text)
		}
	}
}

func TestWarnings(t *testing.T) {
	b, a := series(1, "b", 3, 4), series(2, "a", 3, 4)
	for i := range a {
		b[i].Events, a[i].Events = []string{"ipi_send_cpu"}, []string{"ipi_send_cpu", "sched_switch"}
		a[i].Input.Clock, a[i].Input.Host, a[i].Input.CPUs, a[i].Isolated = "boot", "other", 8, "1-3"
		b[i].Input.Host = "one"
	}
	a[0].Folded = true
	const want = "isolated-differ clock-differ machine-differ cpus-differ events-differ groups-folded"
	if got := codes(shift.Compare(sides(b, a), byFunction())); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestFigure: a curve for each side, of all runs together.
func TestFigure(t *testing.T) {
	f := shift.Figure(sides(series(1, "b", 2, 4), series(2, "a", 3, 6)), byFunction(), 1)
	if len(f.Series) != 2 || f.Series[0].Name != "before" || f.Series[1].Name != "after" || f.IsEmpty() {
		t.Fatalf("%d series", len(f.Series))
	}
	for _, s := range f.Series {
		if last := s.Points[len(s.Points)-1].Value; last != 1 {
			t.Errorf("%s ends at %v", s.Name, last)
		}
	}
}
