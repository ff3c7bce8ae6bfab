package text_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// cpus is a table of CPUs with these hits, CPU 0 first, whose second column, which
// nobody is shown, differs everywhere.
func cpus(hits ...int) *result.Set {
	t := &result.Table{Name: "cpus", Fold: "cpu", Rank: "hits", Show: []string{"cpu", "hits"},
		Cols: []result.Col{{Name: "cpu", Head: "CPU"}, {Name: "at", Head: "at"}, {Name: "hits", Head: "hits"}}}
	for cpu, n := range hits {
		t.Rows = append(t.Rows, []result.Value{result.Int(cpu), result.Int(1000 + cpu), result.Int(n)})
	}
	return &result.Set{Tables: []*result.Table{t}}
}

// TestFold: CPUs that are alike in what is shown share a row, unless all rows are
// asked for.
func TestFold(t *testing.T) {
	for _, x := range []struct {
		hits []int
		o    text.Options
		want string
	}{
		{[]int{0, 0, 0, 7, 0, 7}, text.Options{}, "    CPU  hits\n0-2,4     0\n  3,5     7\n"},
		{[]int{0, 0, 7}, text.Options{All: true}, "CPU  hits\n  0     0\n  1     0\n  2     7\n"},
		{[]int{1, 2, 3}, text.Options{}, "CPU  hits\n  0     1\n  1     2\n  2     3\n"},
		// where not all are shown, those that were hit most are
		{[]int{1, 9, 3, 8}, text.Options{Top: 2}, "CPU  hits\n  1     9\n  3     8\n… and 2 more (--top 0 shows all)\n"},
	} {
		got := write(t, cpus(x.hits...), x.o)
		if diff := cmp.Diff(strings.ReplaceAll(x.want, "    CPU", "  CPU"), got); diff != "" {
			t.Errorf("%v %+v: -want +got\n%s", x.hits, x.o, diff)
		}
	}
}

// groups is a table of functions with hits and what is said of them.
func groups(bound string, hits ...int) *result.Set {
	t := &result.Table{Name: "groups", Idle: []string{"hits", "bound"}, Cols: []result.Col{
		{Name: "function", Head: "function", Key: true}, {Name: "hits", Head: "hits"}, {Name: "bound", Head: "bound"}, {Name: "sends", Head: "sends"}}}
	for i, n := range hits {
		t.Rows = append(t.Rows, []result.Value{result.Str(string(rune('a' + i))), result.Int(n), result.Str(bound), result.Int(5)})
	}
	return &result.Set{Tables: []*result.Table{t}}
}

// TestIdle: rows without a hit are counted and not shown; "at least 0" is no such row.
func TestIdle(t *testing.T) {
	for _, x := range []struct {
		set  *result.Set
		o    text.Options
		rows int
		rest string
	}{
		{groups("", 4, 0, 0), text.Options{}, 1, "… and 2 without a hit (--all-rows shows all)\n"},
		{groups("", 4, 0, 0), text.Options{All: true}, 3, ""},
		{groups("", 4, 3, 2, 0), text.Options{Top: 1}, 1, "… and 2 more, 1 without a hit (--top 0 and --all-rows show all)\n"},
		{groups("at least", 4, 0), text.Options{}, 2, ""},
		{groups("", 0, 0), text.Options{}, -1, "2 without a hit (--all-rows shows all)\n"},
	} {
		got := write(t, x.set, x.o)
		if n := strings.Count(strings.TrimSuffix(got, x.rest), "\n") - 1; n != x.rows || !strings.HasSuffix(got, x.rest) {
			t.Errorf("%+v: %d rows, want %d and %q:\n%s", x.o, n, x.rows, x.rest, got)
		}
	}
}

// TestLeftOut: columns for which there is no room are named, in their order.
func TestLeftOut(t *testing.T) {
	got := write(t, report("generic_smp_call_function_single_interrupt", "membarrier_global_expedited"), text.Options{Width: 60})
	if want := "left out: evidence, top cause, sends (wider, or --format json)\n"; !strings.HasSuffix(strings.ReplaceAll(got, "\njson", " json"), want) {
		t.Errorf("no %q in\n%s", want, got)
	}
	if got := write(t, report("a", "b"), text.Options{Width: 200}); strings.Contains(got, "left out") {
		t.Errorf("all columns fit:\n%s", got)
	}
}
