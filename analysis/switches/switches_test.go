package switches_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/switches"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func count(t *testing.T, path, script string) *switches.Counts {
	t.Helper()
	s := switches.New()
	if _, err := analysis.Run(context.Background(), tracetest.Parse(script), analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	return s.Counts(path)
}

const script = `
	at 1.0 cpu 0 sched_switch prev_pid=1
	at 1.1 cpu 0 sched_switch prev_pid=2
	at 1.1 cpu 0 instance isol sched_switch prev_pid=2
	at 1.2 cpu 1 sched_switch prev_pid=3
	at 1.3 cpu 0 sched_wakeup pid=3`

// groups is a report by sender, or by sender and file.
func groups(byFile bool) *result.Set {
	t := &result.Table{Name: "groups", Cols: []result.Col{{Name: "sender", Key: true}, {Name: "sends"}}, Show: []string{"sends", "sender"}}
	for _, cpu := range []string{"0", "1", "2"} {
		t.Rows = append(t.Rows, []result.Value{result.Str(cpu), result.Int(6)})
	}
	if byFile {
		t.Cols = append(t.Cols, result.Col{Name: "file", Key: true})
		for i := range t.Rows {
			t.Rows[i] = append(t.Rows[i], result.Str("b"))
		}
	}
	return &result.Set{Tables: []*result.Table{t}}
}

func text(set *result.Set) string {
	s := ""
	for _, r := range set.Table("groups").Rows {
		n := len(r)
		s += fmt.Sprintf("%s:%s/%s(%v) ", r[0].Str, r[n-2].Text(), r[n-1].Text(), r[n-1].Void)
	}
	return s
}

func TestAddTo(t *testing.T) {
	c := count(t, "a", script)
	c.Merge(count(t, "b", "at 1.0 cpu 0 sched_switch prev_pid=1"))
	set := groups(false)
	c.AddTo(set)
	if got, want := text(set), "0:3/2(false) 1:1/6(false) 2:0/0(true) "; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	set = groups(true)
	c.AddTo(set)
	if got, want := text(set), "0:1/6(false) 1:0/0(true) 2:0/0(true) "; got != want {
		t.Errorf("by file: got %s, want %s", got, want)
	}
	set = groups(false)
	count(t, "c", "at 1.0 cpu 0 sched_wakeup pid=1").AddTo(set)
	if n := len(set.Table("groups").Cols); n != 2 {
		t.Errorf("%d columns where no switches were recorded, want 2", n)
	}
}

func TestCountsLaws(t *testing.T) {
	scripts := []string{script, "at 1.0 cpu 3 sched_switch prev_pid=1", ""}
	laws := analysistest.Merging[*switches.Counts]{
		Zero: switches.NewCounts, Parts: len(scripts),
		Part:  func(i int) *switches.Counts { return again(t, count(t, fmt.Sprintf("%d\xff", i), scripts[i])) },
		Merge: func(into, from *switches.Counts) { into.Merge(from) },
		Text: func(c *switches.Counts) string {
			set := groups(false)
			c.AddTo(set)
			return fmt.Sprint(set.Table("groups").Rows)
		},
	}
	laws.Laws(t)
	analysistest.Covered(t, nil, laws.Part(0), laws.Part(1))
}

// again is a sum that went through a state.
func again(t *testing.T, c *switches.Counts) *switches.Counts {
	t.Helper()
	sums, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	back, err := switches.Decode(sums)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := fmt.Sprint(*c), fmt.Sprint(*back); before != after {
		t.Errorf("%s is %s behind a state", before, after)
	}
	return back
}
