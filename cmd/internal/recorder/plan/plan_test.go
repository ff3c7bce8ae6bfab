package plan

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

func mask(t *testing.T, list string) cpumask.Mask {
	t.Helper()
	m, err := cpumask.ParseList([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func tell(p *Plan) (lines []string) {
	for _, e := range p.Events {
		line := e.FullName()
		if e.Filter != "" {
			line += " if " + e.Filter
		}
		if e.Stack {
			line += " +stack"
		}
		lines = append(lines, line)
	}
	return lines
}

// TestKernels is the table of what each kernel can record: which version brought
// what is in the kernel's own history (trace/events/ipi.h, csd.h,
// trace_events_filter.c).
func TestKernels(t *testing.T) {
	wants := []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise", "csd_queue_cpu", "kernel_stack", "call_function_entry", "ipi_entry", "sched_switch"}
	for _, c := range []struct {
		version, arch string
		want          []string
		notes         string
	}{
		{"6.6", "x86", []string{
			"ipi:ipi_send_cpu if cpu & CPUS{2-3,7} +stack", "ipi:ipi_send_cpumask if cpumask & CPUS{2-3,7} +stack", "csd:csd_queue_cpu if cpu & CPUS{2-3,7}",
			"irq_vectors:call_function_entry if CPU & CPUS{2-3,7}", "sched:sched_switch if CPU & CPUS{2-3,7}"}, ""},
		{"6.12", "arm64", []string{
			"ipi:ipi_send_cpu if cpu & CPUS{2-3,7} +stack", "ipi:ipi_send_cpumask if cpumask & CPUS{2-3,7} +stack", "csd:csd_queue_cpu if cpu & CPUS{2-3,7}",
			"ipi:ipi_entry if CPU & CPUS{2-3,7}", "sched:sched_switch if CPU & CPUS{2-3,7}"}, ""},
		{"6.5", "x86", []string{
			"ipi:ipi_send_cpu if (cpu >= 2 && cpu <= 3) || cpu == 7 +stack", "ipi:ipi_send_cpumask +stack", "csd:csd_queue_cpu if (cpu >= 2 && cpu <= 3) || cpu == 7",
			"irq_vectors:call_function_entry if (CPU >= 2 && CPU <= 3) || CPU == 7", "sched:sched_switch if (CPU >= 2 && CPU <= 3) || CPU == 7"}, "no CPUS{}"},
		{"6.4", "x86", []string{
			"ipi:ipi_send_cpu if (cpu >= 2 && cpu <= 3) || cpu == 7 +stack", "ipi:ipi_send_cpumask +stack",
			"irq_vectors:call_function_entry if (CPU >= 2 && CPU <= 3) || CPU == 7", "sched:sched_switch if (CPU >= 2 && CPU <= 3) || CPU == 7"}, "no csd_queue_cpu"},
		{"6.1", "x86", []string{
			"irq_vectors:call_function_entry if (CPU >= 2 && CPU <= 3) || CPU == 7", "sched:sched_switch if (CPU >= 2 && CPU <= 3) || CPU == 7"}, "not who sent it"},
		{"6.1", "arm64", []string{
			"ipi:ipi_entry if (CPU >= 2 && CPU <= 3) || CPU == 7", "sched:sched_switch if (CPU >= 2 && CPU <= 3) || CPU == 7", "ipi:ipi_raise +stack"}, "not its function"},
	} {
		t.Run(c.version+" "+c.arch, func(t *testing.T) {
			k, err := Known(c.version, c.arch)
			if err != nil {
				t.Fatal(err)
			}
			p, err := Make(&Request{Isolated: mask(t, "2-3,7"), Events: wants, Stacks: []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"}}, k)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, tell(p)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if notes := strings.Join(p.Notes, "\n"); !strings.Contains(notes, c.notes) || c.notes == "" && notes != "" {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
		})
	}
}

// TestRefusals: what cannot be recorded is said before anything is touched.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		version string
		r       Request
		want    string
		usage   bool
	}{
		{"6.1", Request{Events: []string{"ipi_send_cpu", "csd_queue_cpu"}}, "no event for the sending of an IPI in Linux 6.1", false},
		{"6.12", Request{Extra: []string{"no_such"}}, "no event no_such", false},
		{"6.12", Request{Extra: []string{"sched:sched_switch:prev_pidd == 1"}}, "parse_error: Field not found", true},
		{"6.12", Request{Extra: []string{"sched_switch:prev_pid =="}}, "the kernel does not take this filter", true},
		{"6.12", Request{Events: []string{"ipi_send_cpu"}, Extra: []string{"ipi_send_cpu:cpu == 1"}}, "recorded already", true},
		{"6.12", Request{StopOn: "ipi_send_cpu if "}, "want EVENT or", true},
		{"6.12", Request{StopOn: "ipi_send_cpu if nope == 1"}, "parse_error", true},
		{"6.12", Request{StopOn: "nope if cpu == 1"}, "no event nope", false},
	} {
		k, err := Known(c.version, "x86")
		if err != nil {
			t.Fatal(err)
		}
		c.r.Isolated = mask(t, "1")
		_, err = Make(&c.r, k)
		var usage *UsageError
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.As(err, &usage) != c.usage {
			t.Errorf("%+v: got %v, want %q, usage %v", c.r, err, c.want, c.usage)
		}
	}
}

// TestExtra: an event of the user's with and without system and filter.
func TestExtra(t *testing.T) {
	k, _ := Known("", "x86")
	for arg, want := range map[string]string{
		"sched_switch":                              "sched:sched_switch",
		"sched:sched_switch":                        "sched:sched_switch",
		"sched_switch:prev_pid == 1":                "sched:sched_switch if prev_pid == 1",
		"sched:sched_switch:prev_comm == \"a:b c\"": "sched:sched_switch if prev_comm == \"a:b c\"",
	} {
		p, err := Make(&Request{Isolated: mask(t, "1"), Extra: []string{arg}}, k)
		if err != nil || fmt.Sprint(tell(p)) != "["+want+"]" {
			t.Errorf("%s: got %v, %v, want %s", arg, tell(p), err, want)
		}
	}
}
