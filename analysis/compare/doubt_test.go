package compare_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/internal/law"
)

// runs makes n equal runs.
func runs(n int, counts map[string]uint64) []compare.Run {
	var out []compare.Run
	for range n {
		out = append(out, counted(100, counts))
	}
	return out
}

// TestUnknown: a verdict must hold if the unknown hits of the other side are the
// row's.
func TestUnknown(t *testing.T) {
	for _, c := range []struct {
		before, after map[string]uint64
		want          string // of the row "f"
	}{
		{map[string]uint64{"f": 300}, map[string]uint64{"unknown": 1}, "unclear unknown"},
		{map[string]uint64{"f": 300}, map[string]uint64{"f": 1, "unknown": 1}, "reduced"},
		{map[string]uint64{"f": 300}, map[string]uint64{"unknown": 400}, "unclear unknown"},
		{map[string]uint64{"f": 300}, map[string]uint64{"f": 20, "unknown": 270}, "unclear unknown"},
		{map[string]uint64{"unknown": 300}, map[string]uint64{"f": 300}, "unclear unknown"},
		{map[string]uint64{"unknown": 1}, map[string]uint64{"f": 300}, "unclear unknown"},
		{map[string]uint64{"f": 300, "unknown": 300}, map[string]uint64{"f": 30}, "reduced"}, // more before makes it stronger
		{map[string]uint64{"f": 300}, map[string]uint64{"f": 310, "unknown": 400}, "unclear unknown"},
		{map[string]uint64{"f": 300}, map[string]uint64{"(other)": 1}, "unclear unknown"},
		{map[string]uint64{"f": 300}, map[string]uint64{"0xffffffff81bc5c10": 1}, "unclear unknown"},
		{map[string]uint64{"f": 300}, map[string]uint64{"g": 400}, "gone"},
	} {
		set := compare.Compare(two(runs(3, c.before), runs(3, c.after)), byFunction())
		rows := set.Table("rows")
		got := ""
		for _, r := range rows.Rows {
			if name := r[0].Str; name == "f" {
				got = strings.TrimSpace(r[rows.Index("verdict")].Str + " " + r[rows.Index("reason")].Str)
			} else if v := r[rows.Index("verdict")].Str; name != "g" && v != "unclear" {
				t.Errorf("%v to %v: %s is %s: what is not known may be anything", c.before, c.after, name, v)
			}
		}
		if got != c.want {
			t.Errorf("%v to %v: f is %s, want %s", c.before, c.after, got, c.want)
		}
	}
}

// TestUnknownDoesNotHelp: unknown hits may make the runs of a side alike. A verdict
// that the hits which were seen do not give is not given for that.
func TestUnknownDoesNotHelp(t *testing.T) {
	after := []compare.Run{counted(100, map[string]uint64{"f": 120}), counted(100, map[string]uint64{"f": 20, "unknown": 100})}
	set := compare.Compare(two(runs(2, map[string]uint64{"f": 300}), after), byFunction())
	if got := column(set, "verdict") + ", " + column(set, "reason"); got != "unclear unclear, scatter one-run" {
		t.Errorf("f and unknown are %s", got)
	}
}

// TestLost: a verdict that lost events may explain is not given.
func TestLost(t *testing.T) {
	for _, c := range []struct {
		before, after         uint64
		lostBefore, lostAfter uint64 // in one of the runs; ^0 is an unknown number
		want                  string
	}{
		{300, 0, 0, 0, "gone"},
		{300, 0, 0, 2, "unclear lost"},
		{300, 1, 0, 2, "reduced"},
		{300, 0, 0, 500, "unclear lost"},
		{300, 0, 0, ^uint64(0), "unclear lost"},
		{300, 0, 5000, 0, "gone"}, // more before makes it stronger
		{300, 0, ^uint64(0), 0, "gone"},
		{0, 300, ^uint64(0), 0, "unclear lost"},
		{0, 300, 0, 500, "new"}, // more after makes it stronger
		{300, 310, 0, 0, "unchanged"},
		{300, 310, 1000, 0, "unclear lost"},
		{300, 310, 0, 1000, "unclear lost"},
		{300, 310, 0, ^uint64(0), "unclear lost"},
	} {
		before, after := runs(3, map[string]uint64{"f": c.before}), runs(3, map[string]uint64{"f": c.after})
		for r, n := range map[*compare.Run]uint64{&before[1]: c.lostBefore, &after[1]: c.lostAfter} {
			if n == ^uint64(0) {
				r.Input.LostUnknown = true
			} else {
				r.Input.Lost = n
			}
		}
		set := compare.Compare(two(before, after), byFunction())
		if got := strings.TrimSpace(column(set, "verdict") + " " + column(set, "reason")); got != c.want {
			t.Errorf("%d to %d, lost %d and %d: %s, want %s", c.before, c.after, c.lostBefore, c.lostAfter, got, c.want)
		}
		total := set.Table("total")
		if v := total.Rows[0][total.Index("verdict")].Str; !strings.HasPrefix(c.want, v) {
			t.Errorf("all hits are %s, want %s", v, c.want)
		}
		if c.lostAfter > 0 && !strings.Contains(set.Verdict, "-> at least ") {
			t.Errorf("%s", set.Verdict)
		}
	}
}

// TestSets: rows whose sets have a name in common are one row, so that one cause
// is not gone twice.
func TestSets(t *testing.T) {
	set := compare.Compare(two(
		runs(3, map[string]uint64{"a|b": 100, "b|c": 50, "d": 40, "e|f": 30, "unknown": 1}),
		runs(3, map[string]uint64{"c": 5, "d": 41, "f": 31})), byFunction())
	if got := column(set, "function") + " " + column(set, "before.hits"); got != "a|b|c d e|f unknown 450 120 90 3" {
		t.Errorf("rows %s", got)
	}
	if got := column(set, "verdict"); got != "reduced unchanged unchanged unclear" {
		t.Errorf("verdicts %s", got)
	}
	// keys of several parts are one where all parts overlap
	group := func(hits uint64, key ...string) compare.Group { return compare.Group{Key: key, Hits: hits} }
	before, after := counted(100, nil), counted(100, nil)
	before.Groups = []compare.Group{group(10, "a|b", "x"), group(10, "a|b", "y")}
	after.Groups = []compare.Group{group(10, "b", "x"), group(10, "c", "y")}
	set = compare.Compare(two([]compare.Run{before}, []compare.Run{after}), compare.Config{By: []string{"function", "comm"}})
	if got := column(set, "function") + " " + column(set, "comm"); got != "a|b a|b c x y y" {
		t.Errorf("rows %s", got)
	}
}

// TestUndecided: a condition that unknown hits or lost events could make true.
func TestUndecided(t *testing.T) {
	lossy := runs(1, map[string]uint64{"g": 5})
	lossy[0].Input.Lost = 3
	for _, c := range []struct {
		after      []compare.Run
		text       string
		met, could bool
	}{
		{runs(1, map[string]uint64{"f": 1}), "function=f > 0", true, false},
		{runs(1, map[string]uint64{"g": 1}), "function=f > 0", false, false},
		{runs(1, map[string]uint64{"unknown": 1}), "function=f > 0", false, true},
		{runs(1, map[string]uint64{"unknown": 1}), "function=f > 1", false, false},
		{runs(1, map[string]uint64{"f": 1, "unknown": 1}), "function=f > 1", false, true},
		{runs(1, map[string]uint64{"f|h": 1}), "function=f > 0", false, true},
		{runs(1, map[string]uint64{"h|i": 1}), "function=h > 0", false, true},
		{runs(1, map[string]uint64{"h|i": 1}), "function=h|i > 0", true, false},
		{runs(1, map[string]uint64{"f": 300, "unknown": 300}), "function=f hits > +5%", false, true},
		{runs(1, map[string]uint64{"unknown": 300}), "function=f verdict=gone >= 0", false, true},
		{runs(1, map[string]uint64{"unknown": 300}), "hits > 0", true, false},
		{lossy, "function=f > 0", false, true},
		{lossy, "function=f > 6", false, false}, // 3 events on 2 CPUs
		{lossy, "hits > 10", false, true},
		{lossy, "hits > 4", true, false},
		{lossy, "hits < 7", false, true},
	} {
		set := compare.Compare(two(runs(1, map[string]uint64{"f": 300}), c.after), byFunction())
		cond, err := compare.ParseCondition(c.text, set.By)
		if err != nil {
			t.Fatal(err)
		}
		if out := cond.Look(set); (out.Met != "") != c.met || (out.Undecided != "") != c.could {
			t.Errorf("%s on %s: %+v, want met %v, undecided %v", c.text, column(set, "function"), out, c.met, c.could)
		}
	}
}

// TestEvidenceLaw: taking evidence away, of names or of events, never makes a row
// different or unchanged that was not.
func TestEvidenceLaw(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		draw := func(name string) []compare.Run {
			var out []compare.Run
			for range rapid.IntRange(1, 4).Draw(t, name+" runs") {
				out = append(out, counted(100, map[string]uint64{
					"f": rapid.Uint64Range(0, 60).Draw(t, name+" f"), "g": rapid.Uint64Range(0, 400).Draw(t, name+" g"),
					"unknown": rapid.Uint64Range(0, 3).Draw(t, name+" unknown"),
				}))
			}
			return out
		}
		before, after := draw("before"), draw("after")
		verdicts := func() map[string]string {
			set := compare.Compare(two(before, after), byFunction())
			rows, out := set.Table("rows"), map[string]string{}
			for _, r := range rows.Rows {
				out[r[0].Str] = r[rows.Index("verdict")].Str
			}
			return out
		}
		full := verdicts()
		// all hits of f on one side lose their name, or all of that side may be lost
		side := [][]compare.Run{before, after}[rapid.IntRange(0, 1).Draw(t, "side")]
		if rapid.Bool().Draw(t, "names") {
			for i := range side {
				for j := range side[i].Groups {
					if side[i].Groups[j].Key[0] == "f" {
						side[i].Groups[j].Key = []string{"0xffffffff81bc5c10"}
					}
				}
			}
		} else {
			side[0].Input.LostUnknown = true
		}
		for name, v := range verdicts() {
			if v != full[name] && v != "unclear" {
				t.Errorf("%s was %s and is %s", name, full[name], v)
			}
		}
	})
}
