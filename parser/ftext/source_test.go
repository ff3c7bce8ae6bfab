package ftext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func excerpts(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no excerpts", err)
	}
	for i, f := range files {
		files[i] = filepath.Base(f)
	}
	return files
}

// TestTasks reads headers with names that hold what anchors a line. The
// kernel prints a comm as it is (comm_write in fs/proc/base.c takes any bytes).
func TestTasks(t *testing.T) {
	tests := []struct{ line, want string }{
		{"   Chrome IOThread-77    [003] d..1.     1.000002: x: a=1", "Chrome IOThread|77|3|1000002000"},
		{"       a-1 [000] b-77    [1023] d..1.     1.000002: x: a=1", "a-1 [000] b|77|1023|1000002000"},
		{"           [001] -77    [003] d..1.     1.000002: x: a=1", "[001] |77|3|1000002000"},
		{"              a=b-77    [003]     1.000002: x: a=1", "a=b|77|3|1000002000"},
		{"         comm (5)-77    (     76) [003]     1.000002: x: a=1", "comm (5)|77|3|1000002000"},
		{"            größe-77    [003] ....     1.000002: x: a=1", "größe|77|3|1000002000"},
		{"            <...>-77    [003] .......     1.000002: x: a=1", "<...>|77|3|1000002000"},
		{"           a: b:c-77    [003] d.L.1..     1.000002: x: a=1", "a: b:c|77|3|1000002000"},
		{"              foo-77    [003] dNLh311     1.000002: x: a=1", "foo|77|3|1000002000"},
		{"<idle>-0 [003] d.h1. 1.5: x: a=1", "<idle>|0|3|1500000000"},
		{"          <idle>-0       [003] d.h1.    12.123456789: x:", "<idle>|0|3|12123456789"},
		{"          <idle>-0       [99999] d.h1.    12.123456789: x:", "?"},
		{"          <idle>-0       [003] d.h1.    12.1234567890: x:", "?"},
		{"          <idle>-0       [003] d.q1.    12.123456: x:", "?"},
		{"          <idle>-0       [003] d.h1.    12.123456 x:", "?"},
		{"          <idle>-        [003] d.h1.    12.123456: x:", "?"},
		{"          <idle> 0       [003] d.h1.    12.123456: ipi:ipi_send_cpu: cpu=1", "?"}, // perf script
		{"          <idle>-0       [003] d.h1.    12.123456: ...", "?"},
		{"  idle-99999999999       [003] d.h1.    12.123456: x:", "?"},
	}
	for _, tt := range tests {
		s := open(t, tt.line+"\n", Options{})
		if !s.Scan() {
			t.Errorf("%q: no record", tt.line)
			continue
		}
		got := "?"
		if e, ok := s.Record().(*trace.Event); ok {
			got = fmt.Sprintf("%s|%d|%d|%d", e.Table().NameOf(e.Comm), e.PID, e.CPU, e.Time)
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.line, got, tt.want)
		}
	}
}

// TestFlags holds the letters against the tables of trace_print_lat_fmt in
// kernel/trace/trace_output.c (6.13).
func TestFlags(t *testing.T) {
	const (
		irqs, lazy, need, hard, soft, preempt, nmi, bh = trace.FlagIRQsOff, trace.FlagNeedReschedLazy, trace.FlagNeedResched,
			trace.FlagHardIRQ, trace.FlagSoftIRQ, trace.FlagPreemptResched, trace.FlagNMI, trace.FlagBHOff
	)
	tests := []struct {
		text    string
		flags   trace.Flags
		preempt uint8
	}{
		{".....", 0, 0},
		{"d....", irqs, 0}, {"b....", bh, 0}, {"D....", irqs | bh, 0}, {"X....", lazy, 0},
		{".N...", need | preempt, 0}, {".n...", need, 0}, {".p...", preempt, 0},
		{".B...", need | lazy | preempt, 0}, {".L...", lazy | preempt, 0}, {".b...", need | lazy, 0}, {".l...", lazy, 0},
		{"..h..", hard, 0}, {"..s..", soft, 0}, {"..H..", hard | soft, 0}, {"..z..", nmi, 0}, {"..Z..", nmi | hard, 0},
		{"...1.", 0, 1}, {"...f.", 0, 15}, {"....2", 0, 0x20}, {"d..a3", irqs, 0x3a},
		{"d.h1", irqs | hard, 1},                        // 4 columns
		{"dN.h1.2", irqs | need | preempt | hard, 0x21}, // 7 columns
		{"d.Lh112", irqs | lazy | preempt | hard, 0x21},
		{"d.h1.3", irqs | hard, 1}, // trace-cmd's lock depth
	}
	for _, tt := range tests {
		f, p, ok := parseFlags([]byte(tt.text), false)
		if !ok || f != tt.flags || p != tt.preempt {
			t.Errorf("%s: %08b %02x %v, want %08b %02x", tt.text, f, p, ok, tt.flags, tt.preempt)
		}
	}
	// libtraceevent prints N for NEED_RESCHED whatever PREEMPT_RESCHED is.
	if f, _, _ := parseFlags([]byte(".N..."), true); f != need {
		t.Errorf("trace-cmd N: %08b", f)
	}
	for _, bad := range []string{"d.h..:", "d.h1.3x", "d.h1.x", "", "...", "d.x..", "q....", "...g.", ".......", "........", "....z"} {
		if f, p, ok := parseFlags([]byte(bad), false); ok && bad != "......." {
			t.Errorf("%q: %08b %02x", bad, f, p)
		}
	}
}

func TestLost(t *testing.T) {
	tests := []struct{ text, want string }{
		{"CPU:3 [LOST 290 EVENTS]\n          <idle>-0       [003] d.h1.    12.123456: x: a=1\n", "3 290 12123456000 "},
		{"CPU:3 [LOST 290 EVENTS]\n##### CPU 3 buffer started ####\n          <idle>-0       [003] d.h1.    12.123456: x: a=1\n", "3 290 12123456000 "},
		{"CPU:3 [LOST EVENTS]\n          <idle>-0       [002] d.h1.    12.123456: x: a=1\n", "3 0 0 "},
		{"CPU:1 [55 EVENTS DROPPED]\n", "1 55 0 "},
		{"CPU:1 [EVENTS DROPPED]\n", "1 0 0 "},
		{"isol: CPU:1 [EVENTS DROPPED]\n          <idle>-0     [001] d.h1.    12.123456: x: a=1\n", "1 0 12123456000 isol"},
		{"CPU:1 [EVENTS]\n", ""},
		{"CPU:1 [LOST x EVENTS]\n", ""},
		{"x CPU:1 [EVENTS DROPPED]\n", ""},
		{"CPU:99999 [EVENTS DROPPED]\n", ""},
	}
	for _, tt := range tests {
		s := open(t, tt.text, Options{})
		s.Hint(trace.Hint{Select: trace.Selection{Events: []string{"other"}}}) // losses are always delivered
		got := ""
		for s.Scan() {
			if l, ok := s.Record().(*trace.Lost); ok {
				got = fmt.Sprintf("%d %d %d %s", l.CPU, l.N, l.Time, s.Table().NameOf(l.Instance))
			}
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
	// The line after a loss has no prefix, but is of the same instance
	// (trace-cmd prints the prefix once, before the loss).
	s := open(t, tests[5].text, Options{})
	s.Scan()
	s.Scan()
	if e := s.Record().(*trace.Event); s.Table().NameOf(e.Instance) != "isol" {
		t.Errorf("instance %q", s.Table().NameOf(e.Instance))
	}
}

func TestHint(t *testing.T) {
	text := string(readFile(t, "report-stack.txt"))
	count := func(events ...string) (n map[string]int) {
		s := open(t, text, Options{})
		s.Hint(trace.Hint{Select: trace.Selection{Events: events}})
		n = map[string]int{}
		for s.Scan() {
			switch r := s.Record().(type) {
			case *trace.Event:
				n[r.Schema().Name]++
			case *trace.SyntaxError:
				t.Error(r)
			}
		}
		return n
	}
	all := count()
	if len(all) != 0 { // an empty list wants nothing
		s := open(t, text, Options{})
		s.Hint(trace.Hint{})
		for s.Scan() {
		}
	}
	for _, want := range []string{"ipi_send_cpu", "ipi:ipi_send_cpu", "kernel_stack"} {
		n := count(want)
		if name := want[strings.Index(want, ":")+1:]; n[name] == 0 || len(n) != 1 {
			t.Errorf("hint %s: %v", want, n)
		}
	}
	if n := count("sched:ipi_send_cpu"); len(n) != 0 {
		t.Errorf("wrong system: %v", n)
	}
}

// TestRawIsWhole: records and noise together are the input, byte for byte.
func TestRawIsWhole(t *testing.T) {
	for _, name := range excerpts(t) {
		text := string(readFile(t, name))
		for _, in := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), strings.TrimSuffix(text, "\n")} {
			var got bytes.Buffer
			s := open(t, in, Options{Noise: func(line []byte) { got.Write(line) }})
			for s.Scan() {
				got.Write(s.Raw())
			}
			if got.String() != in {
				t.Errorf("%s: raw bytes differ:\n%s", name, cmp.Diff(in, got.String()))
			}
		}
	}
}

// TestOneByteReader: how the bytes arrive does not matter.
func TestOneByteReader(t *testing.T) {
	for _, name := range excerpts(t) {
		text := string(readFile(t, name))
		whole := open(t, text, Options{})
		want := describe(whole, refFlags)
		s, err := New(iotest.OneByteReader(strings.NewReader(text)), "x.txt", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, describe(s, refFlags)); diff != "" || fmt.Sprint(s.Err()) != fmt.Sprint(whole.Err()) {
			t.Errorf("%s: %v, want %v\n%s", name, s.Err(), whole.Err(), diff)
		}
	}
}

// TestTruncated cuts a text at every byte: all records but the last are those
// of the whole text.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"report-stack.txt", "kernel-tgid-stack.txt", "kernel-pipe-lost.txt"} {
		text := string(readFile(t, name))
		whole := describe(open(t, text, Options{}), refFlags)
		for i := range len(text) {
			got := describe(open(t, text[:i], Options{}), refFlags)
			if n := len(got) - 2; n > 0 {
				if diff := cmp.Diff(whole[:n], got[:n]); diff != "" {
					t.Fatalf("%s cut at %d:\n%s", name, i, diff)
				}
			}
		}
	}
}

func TestReadError(t *testing.T) {
	text := string(readFile(t, "report-all.txt"))
	broken := errors.New("broken pipe")
	r := io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))
	s, err := New(r, "x.txt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	n := len(describe(s, refFlags))
	if !errors.Is(s.Err(), broken) || n != len(reference(text)) {
		t.Errorf("%d records, error %v", n, s.Err())
	}
	if _, err := New(iotest.ErrReader(broken), "x.txt", Options{}); !errors.Is(err, broken) {
		t.Errorf("New: %v", err)
	}
}

// TestOverlongLine: a line that no trace holds is one bad line, and what
// follows is read.
func TestOverlongLine(t *testing.T) {
	event := "          <idle>-0       [003] d.h1.    12.123456: x: a=1\n"
	for _, size := range []int{lines.MaxLine - 1, lines.MaxLine + 1, 5 * lines.MaxLine} {
		s := open(t, event+strings.Repeat("x", size)+"\n"+event, Options{})
		var got []string
		for s.Scan() {
			switch r := s.Record().(type) {
			case *trace.Event:
				got = append(got, r.At.String())
			case *trace.SyntaxError:
				got = append(got, "bad "+r.At.String())
			}
		}
		want := []string{"x.txt:1", "bad x.txt:2", "x.txt:3"}
		if diff := cmp.Diff(want, got); diff != "" || s.Err() != nil {
			t.Errorf("size %d: %v\n%s", size, s.Err(), diff)
		}
		if s.in.Buffer() > 4*lines.MaxLine {
			t.Errorf("size %d: buffer of %d bytes", size, s.in.Buffer())
		}
	}
}

func TestBadLines(t *testing.T) {
	text := "prose\n => f\n => g\n[1] x\n          <idle>-0       [003] d.h1.    12.123456: = 1\n\n          <idle>-0       [003] d.h1.    12.123456: x: a=1\n"
	s := open(t, text, Options{})
	var got []string
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			got = append(got, r.At.String())
		case *trace.SyntaxError:
			got = append(got, r.Error()+": "+string(r.Text))
		}
	}
	want := []string{
		"x.txt:1: not a line of a trace: prose",
		"x.txt:2: stack lines without the event they belong to:  => f\n => g",
		"x.txt:4: not an event: want COMM-PID [CPU] FLAGS TIME: NAME: FIELDS: [1] x",
		"x.txt:5: the text after the time names no event:           <idle>-0       [003] d.h1.    12.123456: = 1",
		"x.txt:7",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestCopiedEvent: a copy is decoded from its own bytes after the source moved on.
func TestCopiedEvent(t *testing.T) {
	s := open(t, string(readFile(t, "report-all.txt")), Options{})
	var kept []trace.Event
	var want []string
	for s.Scan() {
		if e, ok := s.Record().(*trace.Event); ok {
			kept = append(kept, trace.Event{})
			e.CopyTo(&kept[len(kept)-1])
			want = append(want, fields(e))
		}
	}
	for i := range kept {
		if got := fields(&kept[i]); got != want[i] {
			t.Errorf("event %d: %s, want %s", i, got, want[i])
		}
	}
}

// TestNames finds the event where the kernel prints no name, or another one
// (kernel/trace/trace_output.c, trace_syscalls.c).
func TestNames(t *testing.T) {
	tests := []struct{ text, want string }{
		{"sys_membarrier(cmd: 10, flags: 0, cpu_id: 0)", "sys_enter_membarrier cmd=16 flags=0 cpu_id=0"},
		{"sys_membarrier -> 0xffffffffffffffea", "sys_exit_membarrier ret=-22"},
		{"tracing_mark_write: a text: b", "print ip=tracing_mark_write"},
		{"tracing_mark_write+0xda/0x270: a text: b", "print ip=tracing_mark_write+0xda"},
		{"tracing_mark_write+0xda/0x270 <ffffffff81c2536a>: a text", "print ip=tracing_mark_write+0xda"},
		{"# 1234 buf: 72 61", "raw_data id=4660"},
		{"UNKNOWN TYPE 4", "type_4"},
		{"ipi:ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0", "ipi_send_cpu cpu=1 callsite=f+0x1 callback=0"},
		{"f <-g", "function ip=f parent_ip=g"},
		{"f+0x0/0x10 <-g+0x1/0x20 [mod]", "function ip=f+0x0 parent_ip=g+0x1"},
		{"<user stack trace>", "user_stack"},
		{"unknown_event:", "unknown_event"},
		{"unknown_event: n=1", "unknown_event n=0x1"},
		{"sys_x", "function ip=sys_x"},
		{"=1", "?"}, {"sys_x(", "?"}, {"UNKNOWN TYPE x", "?"}, {"[FAILED]", "?"},
	}
	for _, tt := range tests {
		s := open(t, "          <idle>-0       [003] d.h1.    12.123456: "+tt.text+"\n", Options{})
		got := "?"
		s.Scan()
		if e, ok := s.Record().(*trace.Event); ok {
			got = fields(e)
		}
		if got != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestManyNames(t *testing.T) {
	var b strings.Builder
	for i := range scan.MaxNames + 10 {
		fmt.Fprintf(&b, "          <idle>-0       [003] d.h1.    12.123456: n%d: a=1\n", i)
	}
	s := open(t, b.String(), Options{})
	bad := 0
	for s.Scan() {
		if _, ok := s.Record().(*trace.SyntaxError); ok {
			bad++
		}
	}
	if bad != 10 {
		t.Errorf("%d bad lines, want 10", bad)
	}
}

func TestSniff(t *testing.T) {
	for _, name := range excerpts(t) {
		if text := readFile(t, name); !Sniff(text) {
			t.Errorf("%s: not recognised", name)
		}
	}
	other := map[string]string{
		"empty":       "",
		"prose":       "From: a@b\n\nOn CPU 3 [1] we saw - at 1.5: a hang.\nfoo-12 [003] is an event\n",
		"perf script": "migration/0      23 [000]   292.135863:     ipi:ipi_send_cpu: cpu=1 callsite=f+0x5e callback=0x0\n\tffffffff81b0e1db resched_curr+0x9b ([kernel.kallsyms])\n",
		"trace.dat":   "\x17\x08\x44tracing7\x00\x00\x08",
		"dmesg":       "[    1.234567] foo-12 [003] bar: 1.5: x\n",
		"csv":         "time,cpu\n1.000,3\n",
		"code":        "x[100] = y - 3;\nfor (i = 0; i < a-1 [000]; i++) d.h1.: y: z\n",
		"comment":     "# tracer\n# a shell script\ncpus=all\n",
		"syslog":      "Nov 20 19:33:01 host foo-77: [003] 12.5: x: y\n",
		"binary":      "          <idle>-0       [003] d.h1.    12.123456: x: a=1\x00\n",
	}
	for name, text := range other {
		if Sniff([]byte(text)) {
			t.Errorf("%s: taken for a trace", name)
		}
	}
	mail := "Hi,\n\nthis is what I see:\n\n          <idle>-0       [003] d.h1.    12.123456: x: a=1\n\nthoughts?\n"
	if !Sniff([]byte(mail)) {
		t.Error("a trace in a mail is not recognised")
	}
}

// TestNoAllocations: a text that was seen once is read again without
// allocating, all fields and stacks included.
func TestNoAllocations(t *testing.T) {
	for _, name := range excerpts(t) {
		text := bytes.Repeat(readFile(t, name), 3)
		s, err := New(&repeat{text: text, n: 1 << 30}, "x.txt", Options{})
		if err != nil {
			t.Fatal(err)
		}
		var m cpumask.Mask
		step := func() {
			if !s.Scan() {
				t.Fatal(s.Err())
			}
			if e, ok := s.Record().(*trace.Event); ok {
				sum(e, &m)
			}
		}
		for range 20000 { // until the buffer has its size
			step()
		}
		if n := testing.AllocsPerRun(2000, step); n != 0 {
			t.Errorf("%s: %v allocations per record", name, n)
		}
	}
}
