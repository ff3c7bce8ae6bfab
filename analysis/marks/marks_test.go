package marks_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// pairMarks are the trace_printk lines of the sched_pair_cpu patch (RFC v2,
// 2020-06-19, kernel/sched/core.c): a worker is active for a task; a task that
// returns to user mode blocks until it is.
func pairMarks(t *testing.T) []marks.Mark {
	t.Helper()
	m, err := marks.Parse([]string{
		`active.begin=active from cpu \d+ task (?P<task>\S+)`,
		`active.end=inactive from cpu \d+ task (?P<task>\S+)`,
		`blocked.begin=notify resume block for cpu \d+ from task (?P<task>\S+)`,
		`blocked.end=notify resume unblock for cpu \d+ from task (?P<task>\S+)`,
		`blocked.expect=\bactive from cpu \d+ task (?P<task>\S+)`,
		`timeout=worker timeout`,
		`preempt.begin=worker (?:timeout|preempted) from cpu \d+ task (?P<task>\S+) task_cpu (?P<cpu>\d+)`,
		`preempt.end=pair_cpu_preempt_ipi on cpu (?P<cpu>\d+) task (?P<task>\S+)`,
	}, []string{"active=4ms"})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(e *trace.Event) ([]byte, bool) { return e.Payload(), e.Schema().Name == "bprint" }

func count(t *testing.T, all []marks.Mark, script string) *marks.Counts {
	t.Helper()
	src := tracetest.Parse(script)
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	s := marks.New(src.Table(), marks.Config{Marks: all, Isolated: &isolated, Text: text})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	return s.Counts()
}

// row shows the counts of a mark.
func row(t *testing.T, c *marks.Counts, name string) string {
	t.Helper()
	set := &result.Set{}
	c.AddTo(set)
	table := set.Table("marks")
	for _, r := range table.Rows {
		if r[0].Str == name {
			var words []string
			for i, col := range table.Cols {
				if v := r[i]; i > 1 && v.Int != 0 && !strings.HasPrefix(col.Name, "length.p") && !strings.HasPrefix(col.Name, "length.c") {
					words = append(words, col.Name+"="+v.Text())
				}
			}
			return strings.Join(words, " ")
		}
	}
	t.Fatalf("no mark %s", name)
	return ""
}

// pairScript: task a is paired twice, the second time beyond the 4 ms of the
// patch; the IPI that preempts it goes to a CPU that no longer runs it. Task b is
// woken without a worker.
const pairScript = `
	at 1.000000 cpu 1 task mutex-10 bprint notify resume block for cpu 2 from task 000aaa state 0x1
	at 1.000010 cpu 2 task pair/2-90 bprint active from cpu 2 task 000aaa
	at 1.000020 cpu 1 task mutex-10 bprint notify resume unblock for cpu 2 from task 000aaa state 0x0
	at 1.000500 cpu 0 task mix-5 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0
	at 1.001010 cpu 2 task pair/2-90 bprint inactive from cpu 2 task 000aaa
	at 1.001500 cpu 0 task mix-5 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
	at 1.002000 cpu 1 task other-11 bprint notify resume block for cpu 2 from task 000bbb state 0x1
	at 1.002100 cpu 1 task other-11 bprint notify resume unblock for cpu 2 from task 000bbb state 0x0
	at 1.003000 cpu 2 task pair/2-90 bprint active from cpu 2 task 000aaa
	at 1.007100 cpu 2 task pair/2-90 bprint inactive from cpu 2 task 000aaa
	at 1.007110 cpu 2 task pair/2-90 bprint worker timeout from cpu 2 task 000aaa task_cpu 1
	at 1.007120 cpu 2 task pair/2-90 ipi_send_cpu cpu=1 callsite=f+0x1 callback=0x0
	at 1.007130 cpu 1 task idle-0 bprint pair_cpu_preempt_ipi on cpu 1 task 000ccc
	at 1.008000 cpu 2 task pair/2-90 bprint active from cpu 2 task 000ddd
	at 1.009000 cpu 2 task pair/2-90 bprint inactive from cpu 2 task 000eee
	at 1.010000 cpu 0 task mix-5 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0`

func TestPairCPU(t *testing.T) {
	c := count(t, pairMarks(t), pairScript)
	for name, want := range map[string]string{
		// 1 ms and 4.1 ms, then from 1.008 on to the end; hits: two at 1.0005 and the last one
		"active":  "count=2 unended=1 unbegun=1 limit_ns=4000000 over=1 length.min_ns=1000000 length.max_ns=4100000 open_ns=7100000 hits=3",
		"blocked": "count=2 unexpected=1 length.min_ns=20000 length.max_ns=100000 open_ns=120000",
		"timeout": "count=1",
		// the CPU runs another task by then: an IPI for nothing
		"preempt": "unended=1 unbegun=1 open_ns=2890000 hits=1",
	} {
		if got := row(t, c, name); got != want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	set := &result.Set{}
	c.AddTo(set)
	over := set.Table("overruns").Rows
	if len(over) != 1 || over[0][1].Int != 1_003_000_000 || over[0][2].Int != 4_100_000 || over[0][3].Str != "task=000aaa" {
		t.Errorf("overruns %v", over)
	}
}

// TestPairing: without a group that both lines have, the writing task pairs; a span
// that begins again has no end; overlapping spans are open once.
func TestPairing(t *testing.T) {
	m, err := marks.Parse([]string{"w.begin=(?P<only>)go", "w.end=stop"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := count(t, m, `
		at 1.0 cpu 0 task a-1 bprint go
		at 2.0 cpu 0 task b-2 bprint go
		at 3.0 cpu 0 task a-1 bprint stop
		at 4.0 cpu 0 task b-2 bprint go
		at 5.0 cpu 0 task b-2 bprint stop
		at 6.0 cpu 0 task c-3 bprint stop
		at 7.0 cpu 0 task a-1 other go`)
	if got, want := row(t, c, "w"), "count=2 unended=1 unbegun=1 length.min_ns=1000000000 length.max_ns=2000000000 open_ns=4000000000"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestLost: a span does not cross a gap.
func TestLost(t *testing.T) {
	m, err := marks.Parse([]string{"w.begin=go", "w.end=stop"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := count(t, m, `
		at 1.0 cpu 0 task a-1 bprint go
		lost cpu 0 at 2.0 n 3
		at 3.0 cpu 0 task a-1 bprint stop
		at 4.0 cpu 0 task a-1 bprint go
		at 4.5 cpu 0 task a-1 bprint stop`)
	if got, want := row(t, c, "w"), "count=1 unbegun=1 lost=1 length.min_ns=500000000 length.max_ns=500000000 open_ns=1500000000"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

// TestRaised: hits of ipi_raise events count where there are no other sends.
func TestRaised(t *testing.T) {
	m, err := marks.Parse([]string{"w.begin=go", "w.end=stop"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const raised = `
		at 1.0 cpu 0 task a-1 bprint go
		at 2.0 cpu 0 task a-1 ipi_raise target_cpus=2-3 reason=x
		at 3.0 cpu 0 task a-1 bprint stop`
	for script, want := range map[string]string{
		raised: "hits=2", raised + "\n at 4.0 cpu 0 task a-1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0": "open_ns=2000000000",
	} {
		if got := row(t, count(t, m, script), "w"); !strings.HasSuffix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, tt := range []struct {
		specs, limits string
		want          string
	}{
		{"x", "", "want NAME=REGEXP"}, {"=x", "", "want NAME=REGEXP"}, {"a b=x", "", "want NAME=REGEXP"}, {"a=", "", "want NAME=REGEXP"},
		{"a=(", "", "missing closing )"}, {"a.start=x", "", `"start" is no part of a mark`}, {"a.begin=x", "", "needs both a.begin=REGEXP and a.end=REGEXP"},
		{"a.expect=x", "", "needs both"}, {"a=x;a=y", "", "was given before"}, {"a=x;a.begin=x;a.end=y", "", "not both"},
		{"a=(?P<x>.)(?P<x>.)", "", "two groups have one name"}, {"a=x", "4ms", "no --mark of that name is a span"}, {"a.begin=x;a.end=y", "b=4ms", "no --mark of that name"},
		{"a.begin=x;a.end=y", "fast", "want a length such as 4ms"}, {"a.begin=x;a.end=y", "-1s", "want a length"}, {"", "1s", "no --mark of that name"},
	} {
		var specs, limits []string
		if tt.specs != "" {
			specs = strings.Split(tt.specs, ";")
		}
		if tt.limits != "" {
			limits = strings.Split(tt.limits, ";")
		}
		if _, err := marks.Parse(specs, limits); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s %s: %v, want %q", tt.specs, tt.limits, err, tt.want)
		}
	}
	m, err := marks.Parse([]string{"a.begin=x=y", "a.end=z", "b=1"}, []string{"1s"})
	if err != nil || len(m) != 2 || m[0].Limit != 1e9 || !m[0].Begin.Match([]byte("x=y")) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestCountsLaws(t *testing.T) {
	all := pairMarks(t)
	scripts := []string{pairScript, strings.ReplaceAll(pairScript, "at 1.", "at 3."), "at 1.0 cpu 0 task a-1 bprint worker timeout", "", `
		at 1.0 cpu 2 task pair/2-90 bprint active from cpu 2 task 000aaa
		lost cpu 2 at 1.5 n 1
		at 1.6 cpu 2 task pair/2-90 bprint inactive from cpu 2 task 000aaa`}
	laws := analysistest.Merging[*marks.Counts]{
		Zero:  func() *marks.Counts { return marks.NewCounts(all) },
		Part:  func(i int) *marks.Counts { return count(t, all, scripts[i]) },
		Parts: len(scripts),
		Merge: func(into, from *marks.Counts) { into.Merge(from) },
		Text: func(c *marks.Counts) string {
			set := &result.Set{}
			c.AddTo(set)
			return fmt.Sprintln(set.Table("marks").Rows, set.Table("overruns").Rows, set.Warnings)
		},
	}
	laws.Laws(t)
	const setting = "no mark of pairMarks has a Point; it is a setting"
	analysistest.Covered(t, map[string]string{"marks[].Point.groups": setting, "marks[].Point.names": setting}, laws.Part(0), laws.Part(1), laws.Part(2), laws.Part(4))
}
