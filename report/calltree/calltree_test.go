package calltree_test

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/mattn/go-runewidth"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/report/calltree"
)

func set(samples ...result.Sample) *result.Set {
	for i := range samples {
		if samples[i].Labels == nil {
			samples[i].Labels = []string{"avoidable"}
		}
	}
	return &result.Set{Verdict: "CPUs 2-3", Stacks: &result.Stacks{
		Values: []result.Col{{Name: "hits", Head: "hits"}}, Labels: []result.Col{{Name: "class"}}, Samples: samples}}
}

func sample(hits int64, stack string) result.Sample {
	return result.Sample{Frames: strings.Split(stack, " < "), Values: []int64{hits}}
}

func write(t *testing.T, s *result.Set, o calltree.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := calltree.Write(&b, s, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTree(t *testing.T) {
	s := set(sample(60, "send < flush < unmap < syscall"), sample(20, "send < flush < exit < syscall"), sample(5, "flush < exit < syscall"),
		sample(12, result.NoStack), sample(2, "send < timer < irq"), sample(1, "send < tick < irq"), sample(0, "send < never"))
	const want = `CPUs 2-3

hits    share  from the entry of the kernel inwards
 100  100.0 %  all
  85   85.0 %  ├─ syscall
  60   60.0 %  │  ├─ unmap › flush › send
  25   25.0 %  │  └─ exit › flush
  20   20.0 %  │     ├─ send
   5    5.0 %  │     └─ (ends here)
  12   12.0 %  ├─ (no stack)
   3    3.0 %  └─ irq
   2    2.0 %     ├─ timer › send
   1    1.0 %     └─ tick › send
`
	if diff := cmp.Diff(want, write(t, s, calltree.Options{})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	const callers = `CPUs 2-3

hits    share  from the send outwards
 100  100.0 %  all
  83   83.0 %  ├─ send
  80   80.0 %  │  ├─ flush ‹ …
   3    3.0 %  │  └─ … 2 more
  12   12.0 %  ├─ (no stack)
   5    5.0 %  └─ flush ‹ exit ‹ syscall
`
	if diff := cmp.Diff(callers, write(t, s, calltree.Options{Callers: true, Depth: 2, MinShare: 0.05})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestGroups(t *testing.T) {
	s := set(sample(3, "send < a"), sample(9, "send < b"), sample(1, "send < c"))
	s.Stacks.Keys = []result.Col{{Name: "comm", Head: "comm"}}
	for i, comm := range []string{"one", "\x1b]0;two\a", "three"} {
		s.Stacks.Samples[i].Key = []string{comm}
	}
	got := write(t, s, calltree.Options{Top: 2})
	two, one := strings.Index(got, `comm \x1b]0;two\a`), strings.Index(got, "comm one")
	if two < 0 || one < two || !strings.HasSuffix(got, "\n… and 1 more groups (--top 0 shows all)\n") {
		t.Errorf("got\n%s", got)
	}
}

// TestWidths: no line is wider than asked for however deep the tree is and
// whatever the names hold, and all numbers stay.
func TestWidths(t *testing.T) {
	deep := strings.Repeat("generic_smp_call_function_single_interrupt < x < ", 30)
	s := set(sample(10, deep+"a"), sample(9, strings.Repeat("generic_smp_call_function_single_interrupt < y < ", 28)+"a"),
		sample(5, "\x1b[31mred < tab\tstop < new\nline < \xff\xfe < a"), sample(4, "世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界世界 < a"))
	for i := range 25 { // a branch at every level
		s.Stacks.Samples = append(s.Stacks.Samples, result.Sample{Values: []int64{1}, Labels: []string{"noise"},
			Frames: strings.Split("leaf < "+strings.Repeat("level < ", i+1)+"a", " < ")})
	}
	for _, callers := range []bool{false, true} {
		for _, width := range []int{0, 60, 80, 200} {
			for l := range strings.Lines(write(t, s, calltree.Options{Width: width, Callers: callers})) {
				l = strings.TrimSuffix(l, "\n")
				if n := runewidth.StringWidth(l); width > 0 && n > width {
					t.Errorf("width %d: line of %d columns: %s", width, n, l)
				}
				if strings.ContainsAny(l, "\x1b\t\r\a") || !utf8.ValidString(l) {
					t.Errorf("width %d: control characters in %q", width, l)
				}
			}
		}
	}
}

func TestColour(t *testing.T) {
	s := set(sample(3, "send < a"))
	if got := write(t, s, calltree.Options{Colour: true}); !strings.Contains(got, "\x1b[33ma › send\x1b[0m") || !strings.Contains(got, "classes: \x1b[33mavoidable\x1b[0m") {
		t.Errorf("got %q", got)
	}
	if got := write(t, s, calltree.Options{}); strings.Contains(got, "\x1b") || strings.Contains(got, "classes") {
		t.Errorf("colour that was not asked for: %q", got)
	}
}

func TestEmpty(t *testing.T) {
	if got := write(t, set(), calltree.Options{}); got != "CPUs 2-3\n" {
		t.Errorf("got %q", got)
	}
}

// TestBranchesAddUp: whatever the limit, what stands below a function adds up to it,
// as long as it was opened.
func TestBranchesAddUp(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		s := &result.Set{Stacks: &result.Stacks{Values: []result.Col{{Name: "hits", Head: "hits"}}}}
		word := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 15).Draw(t, "n") {
			s.Stacks.Samples = append(s.Stacks.Samples, result.Sample{Frames: rapid.SliceOfN(word, 1, 5).Draw(t, "frames"), Values: []int64{rapid.Int64Range(1, 50).Draw(t, "hits")}})
		}
		var b bytes.Buffer
		o := calltree.Options{MinShare: rapid.Float64Range(0, 0.3).Draw(t, "min"), Callers: rapid.Bool().Draw(t, "callers")}
		if err := calltree.Write(&b, s, o); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")[1:] // behind the heading
		type open struct{ hits, below int64 }
		var path []open
		closeTo := func(level int) {
			for len(path) > level {
				last := path[len(path)-1]
				if path = path[:len(path)-1]; last.below != 0 && last.below != last.hits {
					t.Fatalf("%d below %d in\n%s", last.below, last.hits, b.String())
				}
			}
		}
		for _, l := range lines {
			hits, err := strconv.ParseInt(strings.Fields(l)[0], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			level := 0
			if i := strings.IndexAny(l, "├└"); i >= 0 {
				column := utf8.RuneCountInString(l[:i])
				level = (column-15)/3 + 1
			}
			closeTo(level)
			if level > 0 {
				path[level-1].below += hits
			}
			path = append(path, open{hits: hits})
		}
		closeTo(0)
	})
}
