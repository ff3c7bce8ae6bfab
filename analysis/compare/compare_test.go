package compare_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// column returns a column of the rows as text, in order.
func column(set *result.Set, name string) string {
	t := set.Table("rows")
	var out []string
	for _, r := range t.Rows {
		out = append(out, r[t.Index(name)].Text())
	}
	return strings.Join(out, " ")
}

func codes(set *result.Set) string {
	var out []string
	for _, w := range set.Warnings {
		out = append(out, w.Code)
	}
	return strings.Join(out, " ")
}

// TestThread001 compares the counts of the two tables in "Defer some IPIs until
// a user->kernel transition" (20230705181256.3539027-1-vschneid@redhat.com).
func TestThread001(t *testing.T) {
	text, err := os.ReadFile("testdata/thread001.counts")
	if err != nil {
		t.Fatal(err)
	}
	sides, key, err := compare.ParseCounts("thread001.counts", string(text))
	if err != nil {
		t.Fatal(err)
	}
	set := compare.Compare(sides, compare.Config{By: []string{key}})
	const want = "generic_smp_call_function_single_interrupt do_sync_core nohz_full_kick_func do_flush_tlb_all"
	if got := column(set, "callback"); got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
	if got := column(set, "verdict") + " " + column(set, "reason"); got != "reduced gone unclear reduced   not-shown " {
		t.Errorf("verdicts %s", got)
	}
	if got := codes(set); got != "single-run bursts-unknown" {
		t.Errorf("warnings %s", got)
	}
	// computed in R by the method of docs/definitions.md: q 0.003, 0.002, 0.007
	// and the intervals 0 to 0.0084, 0.36 to 2.8
	rows := set.Table("rows")
	at := func(row int, col string) float64 { return rows.Rows[row][rows.Index(col)].Float }
	for _, c := range []struct {
		row  int
		col  string
		want float64
	}{
		{0, "q", 0.003}, {1, "q", 0.002}, {3, "q", 0.007}, {1, "ci.hi", 0.0084}, {2, "ci.lo", 0.36}, {2, "ci.hi", 2.8},
		{1, "before.rate", 1728}, // 576 in a third of an hour
		{1, "after.hi", 8.99},    // the rule of three, R: qgamma(0.95, 1) * 3
		{0, "run_cv", 0.25},
	} {
		if got := at(c.row, c.col); !(math.Abs(got-c.want) <= 0.5*math.Pow(10, math.Floor(math.Log10(c.want))-1)*10) {
			t.Errorf("row %d: %s is %v, want %v", c.row, c.col, got, c.want)
		}
	}
	if got := rows.Rows[1][rows.Index("says")].Str; got != "gone (< 0.84 % of before)" {
		t.Errorf("says %q", got)
	}
	cfg := compare.Config{By: []string{key}, RunCV: 0.1}
	if got := column(compare.Compare(sides, cfg), "verdict"); got != "reduced gone unchanged reduced" {
		t.Errorf("with runs that vary by 10 %%: %s", got)
	}
}

// counted makes a run of counts by function.
func counted(seconds float64, counts map[string]uint64) compare.Run {
	r := compare.Run{Input: result.Input{Path: "x", CPUs: 4}, Isolated: "2-3", CPUs: 2, Duration: int64(seconds * 1e9), Burst: 1}
	for name, n := range counts {
		r.Groups = append(r.Groups, compare.Group{Key: []string{name}, Hits: n, Sends: n})
		r.Total.Hits += n
		r.Total.Sends += n
	}
	slices.SortFunc(r.Groups, func(a, b compare.Group) int { return strings.Compare(a.Key[0], b.Key[0]) })
	return r
}

func two(before, after []compare.Run) []compare.Side {
	return []compare.Side{{Name: "before", Runs: before}, {Name: "after", Runs: after}}
}

func byFunction() compare.Config { return compare.Config{By: []string{"function"}} }

// steadyRuns assumes that runs hardly vary, so that one of each shows much.
func steadyRuns() compare.Config { return compare.Config{By: []string{"function"}, RunCV: 0.05} }

func TestVerdicts(t *testing.T) {
	for _, c := range []struct {
		before, after uint64
		seconds       float64 // of after; before is 100
		want          string
	}{
		{50, 0, 100, "gone"},
		{0, 50, 100, "new"},
		{100, 30, 100, "reduced"},
		{30, 100, 100, "grown"},
		{200, 210, 100, "unchanged"},
		{3, 0, 100, "unclear"},
		{5, 6, 100, "unclear"},
		{22, 9, 100, "unclear"},
		{100, 200, 200, "unchanged"}, // twice the time
		{100, 100, 1000, "reduced"},  // ten times the time
	} {
		set := compare.Compare(two([]compare.Run{counted(100, map[string]uint64{"f": c.before})}, []compare.Run{counted(c.seconds, map[string]uint64{"f": c.after})}), steadyRuns())
		if got := column(set, "verdict"); got != c.want {
			t.Errorf("%d to %d in 100 and %v s: %s, want %s", c.before, c.after, c.seconds, got, c.want)
		}
	}
}

// TestAlphaIsLeftOut: a row differs if q is below alpha, not at it, and the reason of
// one that may have hidden hits follows.
func TestAlphaIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		after    map[string]uint64
		at, over string // verdict and reason where alpha is q, and where it is more
	}{
		{nil, "unclear scatter", "gone"},
		{map[string]uint64{"unknown": 1}, "unclear scatter", "unclear unknown"},
	} {
		judge := func(alpha float64) (said string, q float64) {
			cfg := byFunction()
			cfg.Alpha = alpha
			rows := compare.Compare(two(runs(2, map[string]uint64{"f": 300}), runs(2, c.after)), cfg).Table("rows")
			for _, r := range rows.Rows {
				if r[0].Str == "f" {
					said, q = strings.TrimSpace(r[rows.Index("verdict")].Str+" "+r[rows.Index("reason")].Str), r[rows.Index("q")].Float
				}
			}
			return said, q
		}
		_, q := judge(0)
		if said, _ := judge(q); said != c.at {
			t.Errorf("unknown after %v, alpha is q: %s, want %s", c.after, said, c.at)
		}
		if said, _ := judge(q * 1.01); said != c.over {
			t.Errorf("unknown after %v, alpha is more: %s, want %s", c.after, said, c.over)
		}
	}
}

// TestFixedWork: of rows with equal hits the first is spoken of.
func TestFixedWork(t *testing.T) {
	run := func(seconds float64) compare.Run {
		return counted(seconds, map[string]uint64{"a": 500, "b": 500, "c": 10})
	}
	set := compare.Compare(two([]compare.Run{run(100), run(150)}, []compare.Run{run(100), run(150)}), byFunction())
	for _, w := range set.Warnings {
		if w.Code == "fixed-work" {
			// rates per second are 5 and 3.33: mean 4.17, standard deviation 1.18
			if !strings.Contains(w.Text, "(function=a varies by 0 % between runs, its rate by 28 %)") {
				t.Errorf("%s, want function=a, 0 and 28 %%", w.Text)
			}
			return
		}
	}
	t.Errorf("no warning fixed-work in %v", set.Warnings)
}

// TestConditionWithUnknown: nothing before but 10 hits of unknown names, which may be
// the row's: 40 after in twice the time are twice as many for each second at least.
func TestConditionWithUnknown(t *testing.T) {
	set := compare.Compare(two([]compare.Run{counted(100, map[string]uint64{"unknown": 10})}, []compare.Run{counted(200, map[string]uint64{"new": 40})}), byFunction())
	for text, met := range map[string]bool{"function=new hits > +90%": true, "function=new hits > +150%": false} {
		cond, err := compare.ParseCondition(text, set.By)
		if err != nil {
			t.Fatal(err)
		}
		if got := cond.Look(set); (got.Met != "") != met {
			t.Errorf("%s: %+v, want %t", text, got, met)
		}
	}
}

// TestRuns: what is different shows from two runs a side on.
func TestRuns(t *testing.T) {
	var before, after []compare.Run
	for i := range uint64(5) {
		before = append(before, counted(100, map[string]uint64{"down": 500 + 10*i, "same": 100 + i, "gone": 25 + i}))
		after = append(after, counted(100, map[string]uint64{"down": 100 + 10*i, "same": 99 + 2*i}))
	}
	for n, want := range map[int]struct{ verdicts, test, df, codes string }{
		2: {"reduced unchanged gone", "runs+assumed runs+assumed runs+assumed", "2 2 1 2 2 3", "assumed-scatter"},
		3: {"reduced unchanged gone", "runs runs runs+assumed", "4 4 2 0 0 2", ""},
		5: {"reduced unchanged gone", "runs runs runs", "8 8 4 0 0 0", ""},
	} {
		set := compare.Compare(two(before[:n], after[:n]), byFunction())
		if got := column(set, "function") + ": " + column(set, "verdict"); got != "down same gone: "+want.verdicts {
			t.Errorf("%d runs: %s, want %s", n, got, want.verdicts)
		}
		if got := column(set, "test"); got != want.test {
			t.Errorf("%d runs: tests %s", n, got)
		}
		if got := column(set, "df.own") + " " + column(set, "df.assumed"); got != want.df {
			t.Errorf("%d runs: degrees of freedom %s", n, got)
		}
		if got := codes(set); got != want.codes {
			t.Errorf("%d runs: warnings %s", n, got)
		}
	}
	// one run against several: their scatter is not thrown away
	set := compare.Compare(two(before[:1], after), byFunction())
	if got := column(set, "test") + " " + codes(set); got != "runs runs assumed single-run" {
		t.Errorf("1 + 5: %s", got)
	}
}

// TestRatioOfRates: the ratio is that of the fitted rates, so that a row with
// hits has one and its interval holds it. Medians of 1,0,0,0 and 0,1,0,0 are 0.
func TestRatioOfRates(t *testing.T) {
	runs := func(hits ...uint64) []compare.Run {
		var out []compare.Run
		for _, n := range hits {
			out = append(out, counted(100, map[string]uint64{"f": n}))
		}
		return out
	}
	set := compare.Compare(two(runs(1, 0, 0, 0), runs(0, 1, 0, 0)), byFunction())
	if got := column(set, "ratio") + " " + column(set, "reason"); got != "1 few-hits" {
		t.Errorf("one hit each: %s", got)
	}
	set = compare.Compare(two(runs(0, 0, 0, 0), runs(0, 40, 0, 0)), byFunction())
	if got := column(set, "reason") + " " + column(set, "ratio_infinite") + " " + column(set, "p"); got != "one-run 1 1" {
		t.Errorf("hits in one run: %s", got)
	}
	set = compare.Compare(two(runs(10, 200, 30, 90), runs(5, 60, 20, 8)), byFunction())
	if got := column(set, "reason"); got != "scatter" {
		t.Errorf("noisy runs: %s", got)
	}
}

// TestHolds: one run a side is told up to which variation a verdict holds, and
// there its q is at the edge.
func TestHolds(t *testing.T) {
	sides := two([]compare.Run{counted(100, map[string]uint64{"a": 473, "b": 100})}, []compare.Run{counted(100, map[string]uint64{"b": 101})})
	set := compare.Compare(sides, byFunction())
	rows := set.Table("rows")
	holds := rows.Rows[0][rows.Index("holds")].Float
	if !(holds > 0.25 && holds < 2) || rows.Rows[1][rows.Index("holds")].Kind != result.KindNone {
		t.Fatalf("holds up to %s", column(set, "holds"))
	}
	for cv, want := range map[float64]string{holds: "gone", holds + 0.01: "unclear"} {
		cfg := byFunction()
		cfg.RunCV = cv
		if got := strings.Fields(column(compare.Compare(sides, cfg), "verdict"))[0]; got != want {
			t.Errorf("at %v: %s, want %s", cv, got, want)
		}
	}
}

// TestBursts: the same counts, evenly spread and in three bursts.
func TestBursts(t *testing.T) {
	spread := func(cells ...int) compare.Run {
		r := counted(64, map[string]uint64{"f": 0})
		r.CellWidth, r.Burst = 1<<30, 0
		r.Total.Cells = make([]uint32, 64)
		for _, c := range cells {
			r.Total.Cells[c]++
			r.Total.Hits++
		}
		r.Groups[0].Hits, r.Groups[0].Cells = r.Total.Hits, r.Total.Cells
		return r
	}
	var even, half, burst []int
	for i := range 64 {
		even = append(even, i, i)
		burst = append(burst, []int{5, 22, 60}[i%3], []int{5, 22, 60}[i%3])
		half = append(half, i)
	}
	set := compare.Compare(two([]compare.Run{spread(even...)}, []compare.Run{spread(half...)}), steadyRuns())
	if got := column(set, "burst") + " " + column(set, "verdict"); got != "1 reduced" {
		t.Errorf("evenly: %s", got)
	}
	set = compare.Compare(two([]compare.Run{spread(burst...)}, []compare.Run{spread(half...)}), steadyRuns())
	if got := column(set, "verdict") + " " + codes(set); got != "unclear single-run" {
		t.Errorf("in bursts: %s", got)
	}
	// cells four times as wide, of a run four times as long
	long := spread(even...)
	long.CellWidth <<= 2
	long.Duration <<= 2
	set = compare.Compare(two([]compare.Run{long}, []compare.Run{spread(half...)}), steadyRuns())
	if got := column(set, "burst"); got != "1" {
		t.Errorf("cells of two widths: %s", got)
	}
	// counts without times: bursts as given
	before, after := counted(100, map[string]uint64{"f": 40}), counted(100, map[string]uint64{"f": 12})
	if got := column(compare.Compare(two([]compare.Run{before}, []compare.Run{after}), steadyRuns()), "verdict"); got != "reduced" {
		t.Errorf("without bursts: %s", got)
	}
	before.Burst, after.Burst = 8, 8
	if got := column(compare.Compare(two([]compare.Run{before}, []compare.Run{after}), steadyRuns()), "verdict"); got != "unclear" {
		t.Errorf("in bursts of 8: %s", got)
	}
}

func TestNames(t *testing.T) {
	before := counted(10, map[string]uint64{"f.constprop.0": 10, "f.isra.0": 20, "g": 1})
	after := counted(10, map[string]uint64{"f": 30, "g": 2})
	set := compare.Compare(two([]compare.Run{before}, []compare.Run{after}), byFunction())
	if got := column(set, "function") + " " + column(set, "before.hits"); got != "f g 30 1" {
		t.Errorf("functions: %s", got)
	}
	set = compare.Compare(two([]compare.Run{counted(1, map[string]uint64{"a+0x12": 1})}, []compare.Run{counted(1, map[string]uint64{"a+0x34/0x80": 1})}), compare.Config{By: []string{"callsite"}})
	if got := column(set, "callsite"); got != "a" {
		t.Errorf("callsites: %s", got)
	}
	set = compare.Compare(two([]compare.Run{counted(1, map[string]uint64{"a < b.cold": 1})}, []compare.Run{counted(1, map[string]uint64{"a < b": 1})}), compare.Config{By: []string{"stack"}})
	if got := column(set, "stack"); got != "a < b" {
		t.Errorf("stacks: %s", got)
	}
}

func TestMoreGroups(t *testing.T) {
	var sides []compare.Side
	for i, n := range []uint64{100, 0, 98} {
		sides = append(sides, compare.Side{Name: fmt.Sprintf("v%d", i), Runs: []compare.Run{counted(100, map[string]uint64{"f": n})}})
	}
	set := compare.Compare(sides, compare.Config{By: []string{"function"}, RunCV: 0.05})
	if got := column(set, "group") + " " + column(set, "verdict"); got != "v1 v2 gone unchanged" {
		t.Errorf("got %s", got)
	}
	if len(set.Sides) != 2 || len(set.Sides[0].Inputs) != 1 || len(set.Sides[1].Inputs) != 2 {
		t.Errorf("inputs %+v", set.Sides)
	}
}

func TestWork(t *testing.T) {
	before, after := counted(10, map[string]uint64{"f": 300}), counted(20, map[string]uint64{"f": 100})
	before.Work, after.Work = 30, 10
	cfg := steadyRuns()
	cfg.PerWork = true
	set := compare.Compare(two([]compare.Run{before}, []compare.Run{after}), cfg)
	if got := column(set, "before.rate") + " " + column(set, "after.rate") + " " + column(set, "verdict"); got != "5 5 unchanged" {
		t.Errorf("got %s, want 300 hits of 2 CPUs in 30 units of work and 100 in 10 to be the same", got)
	}
}

// TestControl: what the control differs by is noise, for the other rows too.
func TestControl(t *testing.T) {
	before := counted(100, map[string]uint64{"tick": 1000, "small": 1000, "large": 1000})
	after := counted(100, map[string]uint64{"tick": 700, "small": 800, "large": 100})
	cfg := compare.Config{By: []string{"function"}, RunCV: 0.01, Margin: 1.2}
	if got := column(compare.Compare(two([]compare.Run{before}, []compare.Run{after}), cfg), "verdict"); got != "reduced reduced reduced" {
		t.Errorf("without control: %s", got)
	}
	terms, err := compare.ParseTerms("function=ti*", cfg.By)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Control = []compare.Terms{terms}
	set := compare.Compare(two([]compare.Run{before}, []compare.Run{after}), cfg)
	if got := column(set, "function") + " " + column(set, "verdict") + " " + column(set, "control"); got != "large small tick reduced unclear reduced 0 0 1" {
		t.Errorf("got %s", got)
	}
	if got := column(set, "reason"); got != " control " {
		t.Errorf("reasons %q", got)
	}
	if got := codes(set); got != "single-run control-differ control-noise" {
		t.Errorf("warnings %s", got)
	}
	// a set that holds the name is the control's, what is not known is not
	sets := counted(100, map[string]uint64{"back|tick": 1000, "unknown": 5, "small": 1000})
	set = compare.Compare(two([]compare.Run{sets}, []compare.Run{sets}), cfg)
	if got := column(set, "function") + " " + column(set, "control"); got != "back|tick small unknown 1 0 0" {
		t.Errorf("controls that are sets: %s", got)
	}
	after = counted(100, map[string]uint64{"tick": 990, "small": 800})
	set = compare.Compare(two([]compare.Run{before}, []compare.Run{after}), cfg)
	if got := column(set, "verdict") + " " + codes(set); got != "gone reduced unchanged single-run" {
		t.Errorf("a control that holds: %s", got)
	}
	// a control that is gone is the worst one, not none
	after = counted(100, map[string]uint64{"small": 500})
	set = compare.Compare(two([]compare.Run{before}, []compare.Run{after}), cfg)
	if got := column(set, "function") + " " + column(set, "verdict") + " " + codes(set); got != "large small tick unclear unclear gone single-run control-differ control-noise" {
		t.Errorf("a control that is gone: %s", got)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		change func(*compare.Run)
		want   string
	}{
		{func(*compare.Run) {}, ""},
		{func(r *compare.Run) { r.Isolated = "1-3" }, "isolated-differ"},
		{func(r *compare.Run) { r.Input.Clock = "mono" }, "clock-differ"},
		{func(r *compare.Run) { r.Input.Clock = "x86-tsc" }, "clock-differ clock-ticks"},
		{func(r *compare.Run) { r.Input.Host = "b" }, "different-machines"},
		{func(r *compare.Run) { r.Input.CPUs = 8 }, "different-machines"},
		{func(r *compare.Run) { r.Regime = "other" }, "different-machines"},
		{func(r *compare.Run) { r.Total.Unattributed = r.Total.Hits }, "evidence-differ"},
		{func(r *compare.Run) { r.Missed = 20 }, "filters-differ"},
		{func(r *compare.Run) { r.Input.Lost = 1 }, "lost-one-side lost-events"},
		{func(r *compare.Run) { r.Input.LostUnknown = true }, "lost-one-side lost-events"},
		{func(r *compare.Run) { r.Duration /= 20 }, "duration-differ"},
		{func(r *compare.Run) { r.Input.Events = 19 }, "few-events"},
	} {
		before, after := counted(100, map[string]uint64{"f": 100}), counted(100, map[string]uint64{"f": 100})
		for _, r := range []*compare.Run{&before, &after} {
			r.Input.Clock, r.Input.Host, r.Regime = "local", "a", "one"
		}
		c.change(&after)
		want := strings.TrimSpace("single-run " + c.want)
		got := strings.Fields(codes(compare.Compare(two([]compare.Run{before}, []compare.Run{after}), byFunction())))
		wanted := strings.Fields(want)
		slices.Sort(got)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("got %s, want %s", got, wanted)
		}
	}
	set := compare.Compare(two([]compare.Run{counted(1, map[string]uint64{"f": 2})}, []compare.Run{counted(1, nil)}), byFunction())
	if got := codes(set); got != "single-run too-short" {
		t.Errorf("two hits: %s", got)
	}
	set = compare.Compare(two([]compare.Run{counted(1, nil)}, []compare.Run{counted(1, nil)}), byFunction())
	if got := len(set.Table("rows").Rows); got != 0 {
		t.Errorf("nothing: %d rows", got)
	}
}

func TestConditions(t *testing.T) {
	before := counted(100, map[string]uint64{"do_sync_core": 100, "tick": 50, "a|b": 7})
	after := counted(100, map[string]uint64{"tick": 55, "new": 40, "a|b": 7})
	set := compare.Compare(two([]compare.Run{before}, []compare.Run{after}), byFunction())
	for _, c := range []struct {
		text string
		want string // a part of what is said, empty if not met
	}{
		{"function=do_sync_core > 0", ""},
		{"function=do_sync_core >= 0", "function=do_sync_core: hits 100 -> 0"},
		{"function=new > 0", "function=new: hits 0 -> 40, rate, new"},
		{"function=n* hits > 39", "function=new"},
		{"function=tick > 55", ""},
		{"function=tick hits >= 55", "function=tick"},
		{"function=tick hits > +9%", "rate +10.0 %"},
		{"function=tick hits > 11%", ""},
		{"function=new hits > +5%", "function=new"},
		{"function=a|b > 6", "function=a|b"},
		{"function=x|tick > 6", "function=tick"},
		{"verdict=grown hits > +5%", ""},
		{"verdict=new hits > +5%", "function=new"},
		{"hits > +5%", ""},
		{"hits < -30%", "all hits: hits 157 -> 102"},
		{"hits>101", "all hits"},
		{"hits == 102", "all hits"},
		{"rate <= 1835", ""},
		{"rate <= 1836", "all hits"}, // 102 hits of 2 CPUs in 100 s
		{"sends > -36%", "all hits"},
	} {
		cond, err := compare.ParseCondition(c.text, set.By)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := cond.Look(set).Met; c.want == "" && got != "" || !strings.Contains(got, c.want) || c.want != "" && got == "" {
			t.Errorf("%s: got %q, want %q", c.text, got, c.want)
		}
	}
	for _, text := range []string{"", "hits", "> ", "function=f", "pid=3 > 0", "speed > 3", "function > 0", "hits > x", "function=f hits rate > 0"} {
		if _, err := compare.ParseCondition(text, set.By); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestParseCounts(t *testing.T) {
	sides, key, err := compare.ParseCounts("f", "# made by hand\nbase 1.5h cpus=4 work=3\n 12 a+0x0\nb 3 # three\nbase 90min\nv2 500ms\n0 a\n")
	if err != nil {
		t.Fatal(err)
	}
	if key != "function" || len(sides) != 2 || sides[0].Name != "base" || len(sides[0].Runs) != 2 || sides[1].Name != "v2" {
		t.Fatalf("key %s, sides %+v", key, sides)
	}
	r := sides[0].Runs[0]
	if r.CPUs != 4 || r.Work != 3 || r.Duration != 5400e9 || r.Total.Hits != 15 || r.Groups[0].Key[0] != "a" || r.Groups[1].Hits != 3 || sides[0].Runs[1].Duration != 5400e9 {
		t.Errorf("run %+v", r)
	}
	if sides, _, err := compare.ParseCounts("f", "before 0.000001ms\n1 a\nafter 1s\n1 a\n"); err != nil || sides[0].Runs[0].Duration != 1 {
		t.Errorf("a run of a nanosecond: %v, %v", sides, err)
	}
	for _, c := range []struct{ text, want string }{
		{"", "f: 0 groups of counts"},
		{"12 a\n", `f:1: "12 a": want a line such as "before 20min" first`},
		{"before 20min\n12 a\n", "f: 1 groups"},
		{"before 20min\n12 a b\n", "f:2:"},
		{"before 20min\nx a\n", `neither "x" nor "a" is a count`},
		{"before 20min\n1 a\n2 a\n", "f:3: a is counted twice"},
		{"before 20min cpus=0\n", "f:1:"},
		{"before 20min work=nan\n", "f:1:"},
		{"before 20min x=1\n", "want cpus=N, work=N or burst=N"},
		{"before 20min\n1 callback=a\n1 function=b\n", "one file has one key"},
		{"before 0s\n", "f:1:"},
		{"before 20min\n99999999999999999 a\n", "too large"},
	} {
		if _, _, err := compare.ParseCounts("f", c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want %q", c.text, err, c.want)
		}
	}
}

func FuzzParseCounts(f *testing.F) {
	text, err := os.ReadFile("testdata/thread001.counts")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text))
	f.Add("a 1s\n1 x\nb 2h cpus=3 work=1e9\n")
	f.Fuzz(func(t *testing.T, text string) {
		sides, key, err := compare.ParseCounts("f", text)
		if (err == nil) != (sides != nil) {
			t.Fatalf("sides %v with error %v", sides, err)
		}
		if err != nil {
			return
		}
		set := compare.Compare(sides, compare.Config{By: []string{key}})
		rows := set.Table("rows")
		for _, r := range rows.Rows {
			if p, q := r[rows.Index("p")].Float, r[rows.Index("q")].Float; !(p >= 0 && p <= q && q <= 1) {
				t.Errorf("p = %v, q = %v", p, q)
			}
		}
	})
}

// TestControlPatterns: what stands for any text may stand for none, and rows that
// nothing hit are no rows.
func TestControlPatterns(t *testing.T) {
	run := counted(100, map[string]uint64{"flush_tlb_func": 100, "do_sync_core": 100})
	run.Groups = append(run.Groups, compare.Group{Key: []string{"zero"}, Sends: 3})
	for pattern, want := range map[string]string{
		"fl*ush*func": "0 1", "flush_tlb_func*": "0 1", "*flush_tlb_func": "0 1", "f*func": "0 1", "do*sync*": "1 0", "*": "1 1", "*x*": "0 0", "flush": "0 0", "fl*fl*": "0 0",
	} {
		cfg := byFunction()
		terms, err := compare.ParseTerms("function="+pattern, cfg.By)
		if err != nil {
			t.Fatal(err)
		}
		cfg.Control = []compare.Terms{terms}
		set := compare.Compare(two([]compare.Run{run}, []compare.Run{run}), cfg)
		if got := column(set, "function") + " " + column(set, "control"); got != "do_sync_core flush_tlb_func "+want {
			t.Errorf("%s: %s, want %s", pattern, got, want)
		}
	}
}
