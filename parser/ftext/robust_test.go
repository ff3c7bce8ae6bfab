package ftext

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestManyCPUs reads CPU numbers that are wider than their column, as the
// format strings %03d (default) and %3d (latency) print them.
func TestManyCPUs(t *testing.T) {
	tests := []struct{ line, want string }{
		{"          <idle>-0       [1023] d.h1.     1.000002: x: a=1", "1023"},
		{"          <idle>-0       [8191] d.h1.     1.000002: x: a=1", "8191"},
		{"          <idle>-0     (-------) [8191] d.h1.     1.000002: x: a=1", "8191"},
		{"          <idle>-0     [1023] d.h1.     1.000002: x: a=1", "1023"},
		{"  <idle>-0       1023d.h1. 684781us!: x: a=1", "1023"},
		{"  <idle>-0     1023d.h1.     1.000002: x: a=1", "1023"},
		{"  <idle>-0       1d.h1 684781us+: x: a=1", "1"},          // 4 letters, before 5.16
		{"  <idle>-0     1d.h.     1.000002: x: a=1", "1"},         // the same, trace-cmd report -l
		{"  <idle>-0     1dNh1..     1.000002: x: a=1", "1"},       // with lock depth
		{"  <idle>-0       0d..2    0us : x: a=1", "0"},            // the mark is a blank
		{"     foo-1234567 1023dNLh112 684781us : x: a=1", "1023"}, // PREEMPT_RT of 6.6, 7 columns
	}
	for _, tt := range tests {
		s := open(t, tt.line+"\n", Options{})
		s.Scan()
		e, ok := s.Record().(*trace.Event)
		if !ok {
			t.Errorf("%q: %v", tt.line, s.Record())
			continue
		}
		if got := itoa(int(e.CPU)); got != tt.want || e.Schema().Name != "x" || !e.HasFlags {
			t.Errorf("%q: CPU %s of %s", tt.line, got, e.Schema().Name)
		}
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

// TestTSDiff reads what trace-cmd report --ts-diff puts before the name, " %-8s"
// of "(+%lld)", nothing for the first event (tracecmd/trace-read.c, show_data).
func TestTSDiff(t *testing.T) {
	text := "cpus=4\n" +
		"          <idle>-0     [001] d.h4.   322.867345:          ipi_send_cpu:         cpu=2 callsite=f+0x56 callback=0x0\n" +
		"          <idle>-0     [001] d.h4.   322.867986: (+641)   kernel_stack:         <stack trace >\n=> f (ffffffff81c74ac6)\n" +
		"          <idle>-0     [001] d.h4.   322.900000: (+123456789) ipi_send_cpu:         cpu=3 callsite=f+0x56 callback=0x0\n" +
		"          <idle>-0     [000] d.h4.   322.800000: (+-100000) print:                tracing_mark_write: (+1) a\n"
	want := []string{
		"<idle>-0 [1] 322867345000 ipi_send_cpu cpu=2 callsite=f+0x56 callback=0 09/04",
		"<idle>-0 [1] 322867986000 kernel_stack 09/04 => f",
		"<idle>-0 [1] 322900000000 ipi_send_cpu cpu=3 callsite=f+0x56 callback=0 09/04",
		"<idle>-0 [0] 322800000000 print ip=tracing_mark_write 09/04",
	}
	if diff := cmp.Diff(want, records(open(t, text, Options{}))); diff != "" {
		t.Error(diff)
	}
}

// TestMarkers reads what was written to trace_marker or by trace_printk with the
// options raw and printk-msg-only (kernel/trace/trace_output.c, trace_print_raw,
// trace_bprint_raw; kernel/trace/trace_printk.c, trace_print_printk_msg_only).
func TestMarkers(t *testing.T) {
	text := "# tracer: nop\n#\n202 0 7428080142 # ffffffff81c2536a lab marker: start\n202 0 7428080143 type: 287\n" +
		"000000ca 00000001 00000001babf820e type: 287\n202 3 7428080144 : ffffffff81c2536a : one 1\n"
	want := []string{
		"-202 [0] 7428080142 print ip=0xffffffff81c2536a", "-202 [0] 7428080143 type_287",
		"-202 [1] 7428080142 type_287", "-202 [3] 7428080144 bprint ip=0xffffffff81c2536a",
	}
	s := open(t, text, Options{})
	if diff := cmp.Diff(want, records(s)); diff != "" {
		t.Error(diff)
	}
	s = open(t, "# tracer: nop\n202 0 7428080142 # ffffffff81c2536a lab marker: start\n", Options{})
	s.Scan()
	e := s.Record().(*trace.Event)
	if buf, _ := e.Bytes(e.Schema().Ref("buf")); string(buf) != "lab marker: start" {
		t.Errorf("text %q", buf)
	}

	text = "# tracer: nop\n#\n            bash-202     [000] ...1.     7.428080: x: a=1\nlab marker: start\nand a second line\n\n" +
		"            bash-202     [000] ...1.     7.428081: x: a=1\n            bash-202     [000 ...1.     7.428081: x: a=1\n"
	s = open(t, text, Options{})
	got := records(s)
	if diff := cmp.Diff([]string{
		"bash-202 [0] 7428080000 x a=0x1 00/01", "bash-202 [0] 7428081000 x a=0x1 00/01",
		"bad             bash-202     [000 ...1.     7.428081: x: a=1",
	}, got); diff != "" {
		t.Error(diff)
	}
	if m := s.Table().Meta; m.LinesLeft != 2 || len(m.Notes) != 1 || !strings.Contains(m.Notes[0], "printk-msg-only") {
		t.Errorf("%d lines left, notes %q", m.LinesLeft, m.Notes)
	}
}

// TestMasks holds the rule for CPU sets: the kernel prints groups of 8 hex digits
// (lib/vsprintf.c, bitmap_string, of a whole number of longs), with bitmask-list
// and in other tools a list; the rest cannot be decided and is said.
func TestMasks(t *testing.T) {
	tests := []struct {
		text, want string
		note       bool
	}{
		{"ipi_send_cpumask: cpumask=00000000,0000000e callsite=f+0x1 callback=0x0", "1-3", false},
		{"ipi_send_cpumask: cpumask=0000000e callsite=f+0x1 callback=0x0", "1-3", false}, // 32 bit
		{"ipi_send_cpumask: cpumask=0,2-5,7 callsite=f+0x1 callback=0x0", "0,2-5,7", false},
		{"ipi_send_cpumask: cpumask= callsite=f+0x1 callback=0x0", "", false},
		{"ipi_send_cpumask: cpumask=10 callsite=f+0x1 callback=0x0", "10", false}, // a field that only lists are printed for
		{"ipi_send_cpumask: cpumask=10000000 callsite=f+0x1 callback=0x0", "none", true},
		{"ipi_send_cpumask: cpumask=524320 callsite=f+0x1 callback=0x0", "none", true}, // report -R: the __data_loc word
		{"ipi_raise: target_mask=00000000,00000002 (Function call interrupts)", "1", false},
		{"ipi_raise: target_mask=0,2 (Function call interrupts)", "0,2", false},
		{"ipi_raise: target_mask=2 (Function call interrupts)", "2", true},
		{"ipi_raise: target_mask=0x10 (Function call interrupts)", "4", true},
		{"ipi_send_cpumask: cpumask=ARRAY[02, 00, 01, 00, 00, 00, 00, 00] callsite=f+0x1 callback=0x0", "1,16", false},
		{"ipi_send_cpumask: cpumask=" + strings.Repeat("00000000,", 63) + "80000000 callsite=f+0x1 callback=0x0", "31", false},
		{"ipi_send_cpumask: cpumask=80000000," + strings.Repeat("00000000,", 62) + "00000000 callsite=f+0x1 callback=0x0", "2047", false},
	}
	for _, tt := range tests {
		s := open(t, "          <idle>-0       [003] d.h1.    12.123456: "+tt.text+"\n", Options{})
		s.Scan()
		e := s.Record().(*trace.Event)
		got := "none"
		var m cpumask.Mask
		for _, f := range []string{"cpumask", "target_mask", "target_cpus"} {
			if e.Mask(e.Schema().Ref(f), &m) {
				got = m.String()
			}
		}
		if notes := s.Table().Meta.Notes; got != tt.want || (len(notes) > 0) != tt.note {
			t.Errorf("%s: %s, want %s; notes %q", tt.text, got, tt.want, notes)
		}
	}
	// More than 1024 CPUs do not allocate either.
	line := "          <idle>-0       [003] d.h1.    12.123456: ipi_send_cpumask: cpumask=80000000," + strings.Repeat("00000000,", 62) + "00000000 callsite=f+0x1 callback=0x0\n"
	s, err := New(&repeat{text: []byte(line), n: 1 << 30}, "x.txt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	var m cpumask.Mask
	step := func() {
		s.Scan()
		sum(s.Record().(*trace.Event), &m)
	}
	step()
	if n := testing.AllocsPerRun(3000, step); n != 0 || m.Last() != 2047 {
		t.Errorf("%v allocations per event, mask %s", n, m)
	}
}
