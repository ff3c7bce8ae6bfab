package plan

import (
	"strings"
	"testing"
)

// TestPerf: perf 6.1 on Linux 6.18 took such a command, with stacks of one event
// and filters of each.
func TestPerf(t *testing.T) {
	p := &Plan{Events: []Event{
		{System: "ipi", Name: "ipi_send_cpu", Filter: "cpu & CPUS{1}", Stack: true}, {System: "irq_vectors", Name: "irq_work_exit"}, {System: "sched", Name: "sched_switch"},
	}}
	words, err := p.Perf(Line{Output: "x.data", Clock: "mono", BufferKB: 8192, Command: []string{"sleep", "1"}})
	want := "perf|record|-o|x.data|-a|-m|8192K|-k|CLOCK_MONOTONIC|-e|ipi:ipi_send_cpu/call-graph=fp/|--filter|cpu & CPUS{1}|-e|sched:sched_switch|--kernel-callchains|--|sleep|1"
	if got := strings.Join(words, "|"); err != nil || got != want {
		t.Errorf("%s, %v\nwant %s", got, err, want)
	}
	if len(p.Notes) != 1 {
		t.Errorf("notes are %q, want one of the event that perf is refused", p.Notes)
	}
	p.StopOn = &Trigger{System: "ipi", Name: "ipi_send_cpu"}
	if _, err := p.Perf(Line{}); err == nil {
		t.Error("perf record is said to stop at an event")
	}
	p.StopOn = nil
	if _, err := p.Perf(Line{Clock: "x86-tsc"}); err == nil {
		t.Error("perf record is said to have the clock x86-tsc")
	}
}
