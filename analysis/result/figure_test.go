package result_test

import (
	"fmt"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// TestFigureTable: the columns of each form and what an empty figure has.
func TestFigureTable(t *testing.T) {
	series := []result.Series{{Name: "a", Points: []result.Point{{Row: 1, From: 0, To: 1, Value: 2e6, Lo: 1, Hi: 3, Note: "gone"}}}}
	for _, c := range []struct {
		f    result.Figure
		want string
	}{
		{result.Figure{Form: result.FormBins, X: result.Axis{Unit: "ns"}, Value: result.Axis{Name: "count"}}, "from_ns to_ns count | 0 1 2000000"},
		{result.Figure{Form: result.FormLanes, By: "function", X: result.Axis{Unit: "ticks"}, Y: result.Axis{Name: "cpu"}, Rows: []string{"2", "3"}, Value: result.Axis{Name: "hits"}},
			"function cpu from to hits | a 3 0 1 2000000"},
		{result.Figure{Form: result.FormHeat, X: result.Axis{Name: "target"}, Cols: []string{"7"}, Y: result.Axis{Name: "sender"}, Rows: []string{"2", "3"}, Value: result.Axis{Name: "hits"}},
			"sender target hits | 3 7 2000000"},
		{result.Figure{Form: result.FormIntervals, By: "side", Y: result.Axis{Name: "function"}, Rows: []string{"f", "g"}, Value: result.Axis{Name: "rate", Unit: "1/h"}},
			"side function rate lo hi verdict | a g 2e+06 1 3 gone"},
	} {
		if !c.f.IsEmpty() {
			t.Error("a figure without points is not empty")
		}
		columns := len(c.f.Table().Cols)
		c.f.Series = series
		table := c.f.Table()
		got := ""
		for _, col := range table.Cols {
			got += col.Name + " "
		}
		got += "|"
		for _, v := range table.Rows[0] {
			got += " " + v.Text()
		}
		if got != c.want || len(table.Cols) != columns || len(table.Rows[0]) != columns {
			t.Errorf("%s: %q, want %q", c.f.Form, got, c.want)
		}
	}
}

func TestSource(t *testing.T) {
	in := func(path, kernel string, lost uint64, unknown, incomplete bool) result.Input {
		return result.Input{Path: path, Kernel: kernel, Lost: lost, LostUnknown: unknown, Incomplete: incomplete}
	}
	for _, c := range []struct {
		set  result.Set
		want string
	}{
		{result.Set{Inputs: []result.Input{in("x/trace.dat", "6.12", 0, false, false)}, Isolated: "2-3"}, "trace.dat · Linux 6.12 · isolated CPUs 2-3 · no events lost"},
		{result.Set{Inputs: []result.Input{in("a/t.txt", "", 3, true, true)}, Isolated: "2"}, "t.txt · isolated CPU 2 · at least 3 events lost · not read to its end"},
		{result.Set{Inputs: []result.Input{in("a/trace.dat", "6.12", 1, false, false), in("b/trace.dat", "6.12", 2, false, false)}}, "a, b · Linux 6.12 · 3 events lost"},
		{result.Set{Sides: []result.Side{{Inputs: []result.Input{in("a", "6.12", 0, true, false)}}, {Inputs: []result.Input{in("b", "6.18", 0, false, false), in("c", "", 0, false, false)}}}},
			"3 files · Linux 6.12, 6.18 · events lost, number unknown"},
	} {
		if got := c.set.Source(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func ExampleShortPaths() {
	paths := func(list ...string) []string {
		var inputs []result.Input
		for _, p := range list {
			inputs = append(inputs, result.Input{Path: p})
		}
		return result.ShortPaths(inputs)
	}
	fmt.Println(paths("/x/trace.dat"))
	fmt.Println(paths("/x/before/trace.dat", "/x/after/trace.dat"))
	fmt.Println(paths("/x/a/report.txt", "/x/b/report.txt"))
	// Output:
	// [trace.dat]
	// [before after]
	// [a/report.txt b/report.txt]
}
