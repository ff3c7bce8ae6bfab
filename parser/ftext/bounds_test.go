package ftext

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestRawNumbers: the head of a raw line has a pid (int), a CPU and a time (s64) of
// the kernel's types (kernel/trace/trace.c, print_raw_fmt), and no larger ones.
func TestRawNumbers(t *testing.T) {
	for line, want := range map[string]bool{
		"2147483647 3 9223372036854775807 # 1 2": true,
		"2147483648 3 5 # 1 2":                   false,
		"4294967295 3 5 # 1 2":                   false,
		"7 3 9223372036854775808 # 1 2":          false,
		"7 3 9999999999999999999 # 1 2":          false,
		"7 99999 5 # 1 2":                        false,
	} {
		var h header
		got := h.parseRaw([]byte(line))
		if got != want {
			t.Errorf("%q: %t, want %t", line, got, want)
		}
		if got && (h.pid != math.MaxInt32 || h.cpu != 3 || h.time != trace.Time(math.MaxInt64)) {
			t.Errorf("%q: pid %d, CPU %d, time %d", line, h.pid, h.cpu, h.time)
		}
	}
}

// TestAddress: what stands after a symbol is 8 to 18 characters in brackets of one
// kind, all of them hexadecimal digits.
func TestAddress(t *testing.T) {
	for text, want := range map[string]bool{
		"(ffffffffa974a050)": true, "<ffffffffa974a050>": true, "<c0123456>": true, "(c0123456)": true, "<0000ffffffffa974a0>": true, "<0000ffffffffa974a050>": false,
		"<c012345>": false, "(ffffffffa974a050>": false, "<ffffffffa974a05g>": false, "[ffffffffa974a050]": false, "<0x00ffffffffa974a0>": false, "": false,
	} {
		if got := isAddress([]byte(text)); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}

// TestEntries: where fewer entries are below than the header says the text was cut
// (kernel/trace/trace.c, print_event_info), buffer by buffer.
func TestEntries(t *testing.T) {
	head := func(counts string) string {
		return "# tracer: nop\n#\n# entries-in-buffer/entries-written: " + counts + "   #P:4\n#\n"
	}
	const events = "            bash-7       [000] d....     5.000001: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002\n" +
		"            bash-8       [001] d....     5.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002\n"
	for _, tt := range []struct {
		name, text string
		missing    string
		tallied    bool
	}{
		{"all", head("2/2") + events, "", true},
		{"one is missing", head("3/3") + events, "held 3 entries, and 2 are below", false},
		{"older ones were overwritten", head("2/9") + events, "", true},
		{"no header", events, "", false},
	} {
		s := open(t, tt.text, Options{})
		for s.Scan() {
		}
		got := ""
		if err := s.Err(); err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, tt.missing) || tt.missing == "" && got != "" || s.Table().Meta.Tallied != tt.tallied {
			t.Errorf("%s: %q, tallied %t, want %q and %t", tt.name, got, s.Table().Meta.Tallied, tt.missing, tt.tallied)
		}
	}
}

// TestSkimEnds: lines that end within what is looked at, or whose numbers are longer
// than the quick reading takes, are what they are without a hint.
func TestSkimEnds(t *testing.T) {
	const whole = "            bash-7       [000] d....     5.000001: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002\n"
	for _, line := range []string{
		"            bash-7       [000] d....     5.00", "            bash-7       [000] d....     5.000002: x", "            bash-7       [000] d....  5",
		"            bash-7       [000] d.... 1234567890.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002", "            bash-7       [000] d.... 123456789.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002",
		"            bash-7       [000] d.... 98765432109876543210.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002",
		"            bash-7       (9999999999) [000] d....     5.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002",
		"            bash-7       (1234567890) [000] d....     5.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002", "            bash-7       (    202) [000] d....     5.000002: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002",
	} {
		for _, end := range []string{"", "\n", "\n" + whole} {
			checkSkim(t, []byte("# tracer: nop\n#\n"+whole+whole+line+end), 0)
		}
	}
}

// TestPID: a task has a name of a character or more before its pid.
func TestPID(t *testing.T) {
	for text, want := range map[string]string{"a-7": "a", "ab-7": "ab", "-7": "", "7": "", "a-": "", "a-2147483647": "a", "a-2147483648": "", "a-12345678901": ""} {
		var h header
		if got := h.parsePID([]byte(text), len(text)); got != (want != "") || got && string(h.task) != want {
			t.Errorf("%q: %t, task %q, want %q", text, got, h.task, want)
		}
	}
}

// TestPartsShareTheirNames: events of all parts are of one table.
func TestPartsShareTheirNames(t *testing.T) {
	var parts []Part
	for cpu, task := range []string{"x", "y"} {
		text := fmt.Sprintf("# tracer: nop\n#\n            %s-7       [00%d] d....     5.00000%d: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002\n", task, cpu, cpu)
		parts = append(parts, Part{R: strings.NewReader(text), Name: fmt.Sprint(cpu)})
	}
	p, err := NewParts(parts, "all", nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p.Scan() {
		if e, ok := p.Record().(*trace.Event); ok {
			got = append(got, fmt.Sprint(e.CPU, p.Table().NameOf(e.Comm), e.Table() == p.Table()))
		}
	}
	if fmt.Sprint(got) != `[0xtrue 1ytrue]` {
		t.Errorf("events %v, want one of x on CPU 0 and one of y on CPU 1, both of the table of all", got)
	}
}

// TestMailCounts: of a mail the comments, the events and one that was printed without
// its header are lines of a trace, prose is not.
func TestMailCounts(t *testing.T) {
	const line = ">             bash-7       [000] d....     5.00000%d: sched_wakeup: comm=x pid=3 prio=120 target_cpu=002\n"
	text := "> # tracer: nop\n> #\n" + fmt.Sprintf(line, 1) + "> ipi_send_cpu: cpu=1 callsite=f+0x1/0x2 callback=g+0x0/0x2\n" + fmt.Sprintf(line, 2) + "as you can see here\n"
	s := open(t, text, Options{})
	for s.Scan() {
	}
	if m := s.Table().Meta; m.LinesTaken != 5 || m.LinesLeft != 1 {
		t.Errorf("%d lines are of a trace and %d are not, want 5 and 1", m.LinesTaken, m.LinesLeft)
	}
}
