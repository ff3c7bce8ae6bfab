package budget_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// alone is a recording of two CPUs that were interrupted, of which everything is known.
func alone(change func(*budget.Measured)) *budget.Measured {
	x := func(n uint64) budget.Interruption {
		return budget.Interruption{All: 6 * n, Taken: int64(n) * 36e9, Longest: int64(n) * 1000, Kinds: map[string]uint64{"tick": n, "timer": 2 * n, "softirq": 3 * n}}
	}
	m := &budget.Measured{
		Inputs: []result.Input{{Path: "t"}}, Isolated: "2-3", Duration: int64(time.Hour), HasSends: true,
		Evidence: budget.Evidence{Expire: true, Timer: true},
		CPUs: []budget.CPU{
			{CPU: 2, Handler: -1, Interruption: x(1), Delivery: 5000, Deliveries: 7},
			{CPU: 3, Handler: -1, Interruption: x(2)},
		},
	}
	if change != nil {
		change(m)
	}
	return m
}

const everything = "interruptions: {all: 12, tick: 2, timer: 6, irq: 7, softirq: 6, task: 0}\nmax_interruption: 2us\nmax_stolen: 2\nmax_delivery_p99: 5us\nmax_lost: 9\n"

// TestInterruptions: a budget of exactly what was seen holds. Whatever is missing of the
// evidence leaves each limit that needs it undecided, and no limit fails by it.
func TestInterruptions(t *testing.T) {
	b, err := budget.Parse([]byte(everything), "b")
	if err != nil {
		t.Fatal(err)
	}
	of := func(change func(*budget.Measured)) map[string][]string {
		set, _ := b.Check(alone(change))
		tb := set.Table("verdicts")
		by := map[string][]string{}
		for _, row := range tb.Rows {
			r := row[tb.Index("result")].Str
			by[r] = append(by[r], strings.TrimSuffix(row[tb.Index("check")].Str, "interruptions per CPU and hour")+row[tb.Index("cpus")].Str)
		}
		return by
	}
	every := []string{"lost eventsall", "2-3", "tick 2-3", "timer 2-3", "irq 2-3", "softirq 2-3", "task 2-3", "longest interruption2-3", "time stolen2-3", "delivery p992-3"}
	if diff := cmp.Diff(map[string][]string{"pass": every}, of(nil)); diff != "" {
		t.Errorf("everything is known: %s", diff)
	}
	for _, tt := range []struct {
		name      string
		change    func(*budget.Measured)
		undecided []string
	}{
		{"whose timers expire", func(m *budget.Measured) { m.Evidence.Expire = false }, []string{"tick 2-3"}},
		{"which interrupt is the timer's", func(m *budget.Measured) {
			m.Evidence.Timer = false
			m.CPUs[1].Interruption.Kinds = map[string]uint64{"irq": 7}
		}, []string{"tick 3", "timer 3"}},
		{"task switches", func(m *budget.Measured) {
			m.Lacks.Quiet, m.Lacks.Kinds = []string{"x"}, map[string][]string{"task": {"x"}, "all": {"x"}}
		}, []string{"2-3", "task 2-3", "longest interruption2-3", "time stolen2-3"}},
		{"the ends of some", func(m *budget.Measured) { m.CPUs[0].Unpaired, m.CPUs[1].Unpaired = 1, 1 }, []string{"longest interruption2-3", "time stolen2-3"}},
		{"interrupts of hits", func(m *budget.Measured) {
			for i := range m.CPUs {
				m.CPUs[i].Unarrived, m.CPUs[i].QuietBound = 1, "at most"
			}
		}, []string{"2-3", "longest interruption2-3", "time stolen2-3", "delivery p992-3"}},
		{"a clock for all CPUs", func(m *budget.Measured) { m.Skewed = "t: clock local" }, []string{"delivery p992-3"}},
		{"events", func(m *budget.Measured) {
			m.Inputs[0].Lost = 1
			for i := range m.CPUs {
				m.CPUs[i].Lossy, m.CPUs[i].QuietBound = true, "about"
			}
		}, []string{"3", "tick 3", "timer 3", "softirq 3", "task 2-3", "longest interruption2-3", "time stolen2-3", "delivery p992-3"}},
		{"all that is around it", func(m *budget.Measured) { m.Inputs[0].Excerpt = "x" }, every[1:]},
	} {
		got := of(tt.change)
		if len(got["fail"]) > 0 {
			t.Errorf("without %s: %s fail", tt.name, got["fail"])
		}
		for _, want := range tt.undecided {
			if !slices.Contains(got["undecided"], want) {
				t.Errorf("without %s: %q is not undecided: %v", tt.name, want, got)
			}
		}
	}
}

// A CPU of a group is held to the group's limits, and to those of all that it does not
// name. One that nobody looked at does not pass.
func TestGroups(t *testing.T) {
	b, err := budget.Parse([]byte("interruptions: {softirq: 3, tick: 1}\ngroups:\n  g: {cpus: '3', interruptions: {softirq: 6}}\n"), "b")
	if err != nil {
		t.Fatal(err)
	}
	rows := func(m *budget.Measured) (list []string) {
		set, _ := b.Check(m)
		tb := set.Table("verdicts")
		for _, row := range tb.Rows {
			list = append(list, fmt.Sprintf("%s %s %s of %s", row[0].Str, row[1].Str, row[2].Str, row[tb.Index("limit")].Str))
		}
		return list
	}
	want := []string{
		"fail tick interruptions per CPU and hour 3 of 1", "pass lost events all of 0", "pass softirq interruptions per CPU and hour 2 of 3",
		"pass tick interruptions per CPU and hour 2 of 1", "pass softirq interruptions per CPU and hour 3 of 6",
	}
	if diff := cmp.Diff(want, rows(alone(nil))); diff != "" {
		t.Error(diff)
	}
	gone := rows(alone(func(m *budget.Measured) { m.CPUs = m.CPUs[:1] }))
	if gone[0] != `undecided CPUs of group "g" all of 3` {
		t.Errorf("%q", gone)
	}
	for text, want := range map[string]string{
		"groups: {a: {max_stolen: 1}}":                    "b:1: groups: a: it has no cpus",
		"groups: {a: {cpus: x}}":                          "b:1: groups: a: cpus: \"x\": want CPUs",
		"groups: {a: {cpus: '1', max_lost: 1}}":           "unknown key \"max_lost\"",
		"groups: {a: {cpus: 1-2}, b: {cpus: '2'}}":        "b:1: groups: b: CPU 2 is in another group",
		"interruptions: {ticks: 1}":                       `"ticks": want all, tick`,
		"isolated:":                                       "b:1: isolated: \"\": want CPUs",
		"groups: {a: {cpus: '1', groups: {b: {cpus: 1}}}": "b: yaml:",
	} {
		if _, err := budget.Parse([]byte(text), "b"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
