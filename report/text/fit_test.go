package text_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// report is a result with a key, words about it, one that can be spared, and
// figures on both sides.
func report(function, cause string) *result.Set {
	t := &result.Table{
		Name: "groups",
		Cols: []result.Col{{Name: "function", Head: "function", Key: true}, {Name: "hits", Head: "hits"}, {Name: "share", Head: "share", Unit: "1"},
			{Name: "evidence", Head: "evidence"}, {Name: "class", Head: "class"}, {Name: "cause", Head: "top cause"}, {Name: "sends", Head: "sends"}},
		Show:  []string{"hits", "share", "function", "evidence", "class", "cause", "sends"},
		Spare: []string{"evidence"},
		Rows: [][]result.Value{
			{result.Str(function), result.Int(1176), result.Float(0.9), result.Str("csd+callback"), result.Str("deferrable+avoidable"), result.Str(cause), result.Int(588)},
			{result.Str("reschedule"), result.Int(8), result.Float(0.1), result.Str("callback"), result.Str("avoidable"), result.Str("dl_task_timer"), result.Int(35)},
		},
	}
	return &result.Set{Verdict: "hits", Tables: []*result.Table{t}}
}

// TestFitPriorities: what a row is about keeps its name longest. The last figure
// goes, then what can be spared, then the words are cut, then the key.
func TestFitPriorities(t *testing.T) {
	for width, want := range map[int]string{
		200: "hits   share  function                                    evidence      class                 top cause                    sends",
		110: "hits   share  function                             evidence      class         top cause           sends",
		95:  "hits   share  function                     evidence      class         top cause",
		80:  "hits   share  function                    class         top cause",
		60:  "hits   share  function                    class",
	} {
		got := write(t, report("generic_smp_call_function_single_interrupt", "membarrier_global_expedited"), text.Options{Width: width})
		if head := strings.Split(got, "\n")[2]; head != want {
			t.Errorf("width %d:\n%s\nwant\n%s\n%s", width, head, want, got)
		}
	}
}

func TestColours(t *testing.T) {
	got := write(t, report("do_sync_core", "x"), text.Options{Colour: true, Width: 80})
	for _, want := range []string{"\x1b[32mdo_sync_core\x1b[0m", "\x1b[32mdeferrable+avoidable\x1b[0m", "\x1b[33mreschedule\x1b[0m", "\x1b[33mavoidable\x1b[0m"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in %q", want, got)
		}
	}
	// colours change nothing else
	plain := regexp.MustCompile(`\x1b\[[0-9]*m`).ReplaceAllString(got, "")
	if diff := cmp.Diff(write(t, report("do_sync_core", "x"), text.Options{Width: 80}), plain); diff != "" {
		t.Errorf("-plain +coloured:\n%s", diff)
	}
}

// TestHostileInColour: the only escape sequences are those of our colours, and no
// line is wider than the terminal, or has blanks that would break it.
func TestHostileInColour(t *testing.T) {
	ours := regexp.MustCompile(`\x1b\[(0|1|3[1-6]|90)m`)
	for _, name := range append(hostile(), "\x1b]0;title\a", "\x9b31m", "\u202eabc", "a\u200bb", "\x00") {
		for _, width := range []int{40, 80, 200} {
			for l := range strings.Lines(write(t, report(name, name), text.Options{Colour: true, Width: width})) {
				l = ours.ReplaceAllString(strings.TrimSuffix(l, "\n"), "")
				if n := runewidth.StringWidth(l); n > width {
					t.Errorf("width %d: line of %d columns: %q", width, n, l)
				}
				if strings.ContainsAny(l, "\x1b\a\t\r\x00\u009b\u202e\u200b") || !utf8.ValidString(l) || strings.HasSuffix(l, " ") {
					t.Errorf("width %d: %q", width, l)
				}
			}
		}
	}
}

// TestShortNamesApart: names that differ in their middle stay different.
func TestShortNamesApart(t *testing.T) {
	table := &result.Table{Name: "t", Cols: []result.Col{{Name: "hits", Head: "hits"}, {Name: "cause", Head: "cause", Key: true}}}
	for _, name := range []string{"membarrier_private_expedited", "membarrier_global_expedited", "membarrier_private_expedited",
		"a_very_long_beginning_of_a_name_x1_end", "a_very_long_beginning_of_a_name_y2_end", "dl_task_timer"} {
		table.Rows = append(table.Rows, []result.Value{result.Int(1), result.Str(name)})
	}
	const want = `hits  cause
   1  membarrier_pri…ted
   1  membarrier_glo…ted
   1  membarrier_pri…ted
   1  a_very_l…me_x1_end
   1  a_very_l…me_y2_end
   1  dl_task_timer
`
	if diff := cmp.Diff(want, write(t, &result.Set{Tables: []*result.Table{table}}, text.Options{Width: 24})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestWrapColumn(t *testing.T) {
	facts := &result.Table{Name: "facts", Wrap: "value", Cols: []result.Col{{Name: "name"}, {Name: "value"}}, Rows: [][]result.Value{
		{result.Str("name"), result.Str("do_sync_core")},
		{result.Str("purpose"), result.Str("serialise the CPU after live text patching, up to three rounds for each batch")},
	}}
	const want = `name     do_sync_core
purpose  serialise the CPU after live text
         patching, up to three rounds for
         each batch
`
	if diff := cmp.Diff(want, write(t, &result.Set{Tables: []*result.Table{facts}}, text.Options{Width: 42})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestBars(t *testing.T) {
	over := func(counts ...int64) result.Value {
		return result.Over(&result.Bars{Width: 1e6, Counts: counts})
	}
	cpus := func() *result.Set {
		table := &result.Table{Name: "cpus", Cols: []result.Col{{Name: "cpu", Head: "CPU"}, {Name: "over_time", Head: "over time"}}, Rows: [][]result.Value{
			{result.Int(2), over(8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)},
			{result.Int(3), over(make([]int64, 22)...)},
		}}
		return &result.Set{Tables: []*result.Table{table}}
	}
	const want = `CPU  over time
  2  █ ▁▂▃▄▅▆▇█           ▁
  3
over time: █ is 8 in 1.00 ms, a blank none
`
	if diff := cmp.Diff(want, write(t, cpus(), text.Options{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// in 21 columns two stretches share a bar; nothing that was hit looks empty
	const narrow = `CPU  over time
  2  ▅▂▄▆█     ▁
  3
over time: █ is 15 in 2.00 ms, a blank none
`
	if diff := cmp.Diff(narrow, write(t, cpus(), text.Options{Width: 22})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := write(t, cpus(), text.Options{Width: 20}); got != "CPU\n  2\n  3\n" {
		t.Errorf("without room: %q", got)
	}
}
