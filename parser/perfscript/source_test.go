package perfscript

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestColumns reads the columns that -F leaves, after the format strings of
// perf_sample__fprintf_start (tools/perf/builtin-script.c), and names that hold
// what anchors a line.
func TestColumns(t *testing.T) {
	tests := []struct{ line, want string }{
		{"         swapper       0 [003]     1.000002: ipi:ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0", "swapper|0|-1|3|1000002000|ipi:ipi_send_cpu"},
		{"swapper       0 [003]     1.000002345: ipi:ipi_send_cpu: cpu=1", "swapper|0|-1|3|1000002345|ipi:ipi_send_cpu"},
		{"            perf    2973/2974    [1002]   292.146365:     ipi:ipi_send_cpu: cpu=2", "perf|2974|2973|1002|292146365000|ipi:ipi_send_cpu"},
		{"            perf    2973 [002] K    292.146365:     ipi:ipi_send_cpu: cpu=2", "perf|2973|-1|2|292146365000|ipi:ipi_send_cpu"},
		{"            perf    2973 [002]   292.146365:          1 ipi:ipi_send_cpu: cpu=2", "perf|2973|-1|2|292146365000|ipi:ipi_send_cpu"},
		{"            perf    2973   292.146365: ipi:ipi_send_cpu: cpu=2", "perf|2973|-1|-1|292146365000|ipi:ipi_send_cpu"},
		{"            perf [002]   292.146365: ipi:ipi_send_cpu: cpu=2", "perf|-1|-1|2|292146365000|ipi:ipi_send_cpu"},
		{"     migration/0   292.146365: ipi:ipi_send_cpu: cpu=2", "migration/0|-1|-1|-1|292146365000|ipi:ipi_send_cpu"}, // -F comm,time,event,trace
		{"  292.146365: ipi:ipi_send_cpu: cpu=2", "|-1|-1|-1|292146365000|ipi:ipi_send_cpu"},
		{"[002]   292.146365: ipi:ipi_send_cpu: cpu=2", "|-1|-1|2|292146365000|ipi:ipi_send_cpu"},
		{"   2973 [002]   292.146365: ipi:ipi_send_cpu: cpu=2", "|2973|-1|2|292146365000|ipi:ipi_send_cpu"},
		{"    perf    2973   2   292.146365: ipi:ipi_send_cpu: cpu=2", "perf|2973|-1|2|292146365000|ipi:ipi_send_cpu"},      // -L
		{"migration/0      23   292.135863: ipi:ipi_send_cpu: cpu=1", "migration/0|23|-1|-1|292135863000|ipi:ipi_send_cpu"}, // -F comm,tid,time,event,trace
		{":2995    2995   298.050540: ipi:ipi_send_cpu: cpu=2", ":2995|2995|-1|-1|298050540000|ipi:ipi_send_cpu"},
		{"           :2976    2976 [000]   292.240268: x:y: a=1", ":2976|2976|-1|0|292240268000|x:y"},
		{"         swapper      -1 [000]   292.240268: x:y: a=1", "swapper|-1|-1|0|292240268000|x:y"},
		{" Chrome IOThread      77 [003]     1.000002: x:y: a=1", "Chrome IOThread|77|-1|3|1000002000|x:y"},
		{"  1.000000: a [1]      77 [003]     1.000002: x:y: a=1", "1.000000: a [1]|77|-1|3|1000002000|x:y"},
		{"       a [002] b 1     77 [003]     1.000002: x:y: a=1", "a [002] b 1|77|-1|3|1000002000|x:y"},
		{"kworker/0:2-eve     12 [000]     1.000002: x:y: a=1", "kworker/0:2-eve|12|-1|0|1000002000|x:y"},
		{"           größe      77 [003]     1.000002: x:y: a=1", "größe|77|-1|3|1000002000|x:y"},
		{"#cgroup      77 [003]     1.000002: x:y: a=1", "#cgroup|77|-1|3|1000002000|x:y"},
		{"            perf    2973 [002]   292.146365:     250000 cycles:P:  ffffffff81b0e1db f+0x9b ([kernel.kallsyms])", "perf|2973|-1|2|292146365000|cycles"},
		{"            perf    2973 [002]   292.146365: ipi:ipi_send_cpu:k: cpu=1", "perf|2973|-1|2|292146365000|ipi:ipi_send_cpu"},
		{"            perf    2973 [99999]   292.146365: x:y: cpu=1", "?"},
		{"            perf    2973 [002]   292.14636: x:y: cpu=1", "?"},
		{"            perf    2973 [002]   292146365: x:y: cpu=1", "?"},
		{"            perf    2973 [002]   292.146365:", "?"},
		{"            perf    2973 [002]   292.146365: x:y cpu=1", "?"},
	}
	for _, tt := range tests {
		s := open(t, tt.line+"\n", Options{})
		if !s.Scan() {
			t.Errorf("%q: no record", tt.line)
			continue
		}
		got := "?"
		if e, ok := s.Record().(*trace.Event); ok {
			got = fmt.Sprintf("%s|%d|%d|%d|%d|%s", e.Table().NameOf(e.Comm), e.PID, e.TGID, e.CPU, e.Time, e.Schema().FullName())
			if e.HasFlags {
				t.Errorf("%q: has flags", tt.line)
			}
		}
		if got != tt.want {
			t.Errorf("%q: %s, want %s", tt.line, got, tt.want)
		}
	}
}

// TestFields decodes the fields of the events that reports are made of. The
// expected values were read off the lines.
func TestFields(t *testing.T) {
	tests := []struct{ text, want string }{
		{"ipi:ipi_send_cpu: cpu=1 callsite=wakeup_preempt+0x37 callback=0x0", "cpu=1 callsite=wakeup_preempt+0x37 callback=0x0"},
		{"ipi:ipi_send_cpumask: cpumask=0-1,3-79 callsite=f+0x24 callback=g+0x0", "cpumask=0-1,3-79 callsite=f+0x24 callback=g+0x0"},
		{"ipi:ipi_send_cpumask: cpumask= callsite=f+0x24 callback=g+0x0", "cpumask= callsite=f+0x24 callback=g+0x0"},
		{"csd:csd_queue_cpu: cpu=2 callsite=f+0xa func=do_sync_core csd=0xffff8a9c4031c238", "cpu=2 callsite=f+0xa func=do_sync_core csd=0xffff8a9c4031c238"},
		{"csd:csd_function_entry: func=remote_function, csd=(nil)", "func=remote_function csd=0x0"},
		{"irq_vectors:call_function_entry: vector=252", "vector=252"},
	}
	for _, tt := range tests {
		s := open(t, "            perf    2973 [002]   292.146365: "+tt.text+"\n", Options{})
		s.Scan()
		e, ok := s.Record().(*trace.Event)
		if !ok {
			t.Fatalf("%s: %v", tt.text, s.Record())
		}
		var got []string
		for i := range e.Schema().Fields {
			f, ref := &e.Schema().Fields[i], trace.FieldRef(i)
			var m cpumask.Mask
			id, isSymbol := e.Symbol(ref)
			v, isNumber := e.Uint(ref)
			switch {
			case f.Kind == trace.KindMask && e.Mask(ref, &m):
				got = append(got, f.Name+"="+m.String())
			case isSymbol && f.Name != "csd" && f.Name != "vector" && f.Name != "cpu":
				got = append(got, f.Name+"="+e.Table().SymbolOf(id).String())
			case isNumber && f.Name == "csd":
				got = append(got, fmt.Sprintf("%s=%#x", f.Name, v))
			case isNumber:
				got = append(got, fmt.Sprintf("%s=%d", f.Name, v))
			}
		}
		if g := strings.Join(got, " "); g != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, g, tt.want)
		}
	}
}

// TestFrames tells kernel frames from those of user space, by the names that
// map__fprintf_dsoname prints.
func TestFrames(t *testing.T) {
	tests := []struct{ line, want string }{
		{"\tffffffff81b0e1db resched_curr+0x9b ([kernel.kallsyms])", "resched_curr+0x9b"},
		{"\tffffffff81b0e1db resched_curr+0x9b", "resched_curr+0x9b"},
		{"\tffffffff81b0e1db resched_curr ([kernel.kallsyms])", "resched_curr"},
		{"\tffffffff81b0e1db resched_curr+0x9b (/usr/lib/debug/boot/vmlinux-6.12)", "resched_curr+0x9b"},
		{"\tffffffffc01b0e1d nft_do_chain+0x1 ([nf_tables])", "nft_do_chain+0x1 [nf_tables]"},
		{"\tffffffffc01b0e1d nft_do_chain+0x1 (/lib/modules/6.12/kernel/net/netfilter/nf_tables.ko.xz)", "nft_do_chain+0x1 [nf_tables]"},
		{"\tffffffffc01b0e1d [unknown] ([kernel.kallsyms])", "0xffffffffc01b0e1d"},
		{"\tffffffffc01b0e1d [unknown] ([unknown])", "0xffffffffc01b0e1d"},
		{"\tffffffffc01b0e1d bpf_prog_6deef7357e7b4530+0x3 (bpf_prog_6deef7357e7b4530)", "bpf_prog_6deef7357e7b4530+0x3"},
		{"\tffffffff81b0e1db __raw_spin_lock (inlined)", "__raw_spin_lock"},
		{"\tffffffff81b0e1db", "0xffffffff81b0e1db"},
		{"\tffffffff81b0e1db ([kernel.kallsyms])", "0xffffffff81b0e1db"},
		{"\tffff800081b0e1db el0_svc+0x2c ([kernel.kallsyms])", "el0_svc+0x2c"}, // arm64
		{"\t          1b0e1d smp_send+0x4 ([kernel.kallsyms])", "smp_send+0x4"}, // s390: the kernel is at the bottom
		{"\tffffffff81b0e1db f+0x9b ([guest.kernel.kallsyms])", "f+0x9b"},
		{"\t    7f11259045b7 sched_setaffinity+0x7 (/usr/lib/x86_64-linux-gnu/libc.so.6)", ""},
		{"\t    560ca18f84fc [unknown] (/usr/bin/perf)", ""},
		{"\t    7f11259045b7 [unknown] ([unknown])", ""},
		{"\t    7ffd1fd2b9a7 __vdso_gettimeofday+0x7 ([vdso])", ""},
		{"\tffffffffff600000 gettimeofday+0x0 ([vsyscall])", ""},
		{"\t    7ffd1fd2b9a7 [unknown] ([stack])", ""},
	}
	sample := "perf    2973 [002]   292.146365: ipi:ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0\n"
	for _, tt := range tests {
		s := open(t, sample+tt.line+"\n\n", Options{})
		s.Scan()
		got := ""
		if s.Scan() {
			e, ok := s.Record().(*trace.Event)
			if !ok || e.Schema().FullName() != "ftrace:kernel_stack" || e.CPU != 2 || e.PID != 2973 || e.Time != 292146365000 || e.At.Line != 2 {
				t.Fatalf("%q: %+v", tt.line, s.Record())
			}
			for _, f := range e.Table().StackOf(e.Stack()) {
				sym := e.Table().SymbolOf(f)
				if got = sym.String(); sym.Module != "" {
					got += " [" + sym.Module + "]"
				}
			}
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
	// User space ends the kernel's part; lines of -F srcline are no frames.
	s := open(t, sample+tests[0].line+"\n  core.c:1040\n"+tests[1].line+"\n  core.c:1041\n"+tests[15].line+"\n  sched.c:1\n"+tests[4].line+"\n\n"+sample, Options{})
	if diff := cmp.Diff([]string{"ipi_send_cpu", "kernel_stack 2", "ipi_send_cpu"}, short(s)); diff != "" {
		t.Error(diff)
	}
}

// short lists the records by name.
func short(s *Source) (out []string) {
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			text := r.Schema().Name
			if r.Schema().IsStack {
				text += fmt.Sprintf(" %d", len(r.Table().StackOf(r.Stack())))
			}
			out = append(out, text)
		case *trace.Lost:
			out = append(out, fmt.Sprintf("lost %d of CPU %d at %d", r.N, r.CPU, r.Time))
		case *trace.SyntaxError:
			out = append(out, r.Error())
		}
	}
	return out
}

// TestEqualLayouts: one recording, printed with other options, gives the same
// events and stacks.
func TestEqualLayouts(t *testing.T) {
	read := func(name string) (out []string) {
		for _, line := range describe(open(t, string(readFile(t, name)), Options{})) {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
		return out
	}
	want := read("script.txt")
	if diff := cmp.Diff(want, read("script-symoff.txt")); diff != "" {
		t.Errorf("-F symoff:\n%s", diff)
	}
	noStack := func(lines []string, n int) (out []string) {
		for _, l := range lines {
			if !strings.HasPrefix(l, "stack") && len(out) < n {
				out = append(out, l)
			}
		}
		return out
	}
	if diff := cmp.Diff(noStack(want, 6), noStack(read("script-G.txt"), 6)); diff != "" {
		t.Errorf("-G:\n%s", diff)
	}
	if got := len(read("script-ns.txt")); got != len(want) {
		t.Errorf("--ns: %d records, want %d", got, len(want))
	}
}

func TestMeta(t *testing.T) {
	s := open(t, string(readFile(t, "script-header.txt")), Options{})
	for s.Scan() {
	}
	want := trace.Meta{
		Path: "x.txt", Format: "perf script text", Tool: "perf 6.12.107", Kernel: "6.12.107+deb13-amd64", Host: "lab",
		Arch: "x86_64", Clock: "perf", ClockUnit: "ns", CPUs: 4, DroppedColumns: []string{"flags"}, Notes: []string{noFlags, noLosses},
	}
	if diff := cmp.Diff(want, s.Table().Meta); diff != "" {
		t.Error(diff)
	}
	// The attributes that perf record -k CLOCK_MONOTONIC adds.
	s = open(t, "# event : name = ipi:ipi_send_cpu, , type = 2, use_clockid = 1, clockid = 1\n  0.000000: x:y: a=1\n", Options{})
	for s.Scan() {
	}
	if m := s.Table().Meta; m.Clock != "mono" || len(m.Notes) != 5 || fmt.Sprint(m.DroppedColumns) != "[flags cpu task]" {
		t.Errorf("%+v", m)
	}
}

func TestRecords(t *testing.T) {
	sample := "perf    2973 [002]   292.146365: ipi:ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0\n"
	text := "\tffffffff81b0e1db f+0x9b ([kernel.kallsyms])\n\tffffffff81b0e1db f+0x9b ([kernel.kallsyms])\n\n" + sample +
		"perf  2973 [003]   292.146365: PERF_RECORD_LOST lost 12\n" +
		"perf  2973 [003]   292.146365: PERF_RECORD_COMM exec: ls:4521/4521\n" +
		"a line of something else\n" + "Processed 3312 events and lost 3 chunks!\n" + sample
	s := open(t, text, Options{})
	want := []string{
		"x.txt:1: a callchain without the sample it belongs to", "ipi_send_cpu", "lost 12 of CPU 3 at 292146365000",
		"x.txt:7: not a sample: want COMM PID [CPU] TIME: SYSTEM:EVENT: FIELDS", "ipi_send_cpu",
	}
	if diff := cmp.Diff(want, short(s)); diff != "" {
		t.Error(diff)
	}
	if n := s.Table().Meta.Notes; len(n) != 2 || !strings.Contains(n[1], "lost 3 chunks") {
		t.Errorf("notes %q", n)
	}
}

func TestHint(t *testing.T) {
	text := string(readFile(t, "script-all.txt"))
	count := func(events ...string) map[string]int {
		s := open(t, text, Options{})
		s.Hint(trace.Hint{Select: trace.Selection{Events: events}})
		n := map[string]int{}
		for s.Scan() {
			switch r := s.Record().(type) {
			case *trace.Event:
				n[r.Schema().FullName()]++
			case *trace.SyntaxError:
				t.Error(r)
			}
		}
		return n
	}
	all := count()
	for _, want := range []string{"csd:csd_queue_cpu", "csd_queue_cpu"} {
		n := count(want)
		if diff := cmp.Diff(map[string]int{"csd:csd_queue_cpu": strings.Count(text, "csd:csd_queue_cpu:")}, n); diff != "" {
			t.Errorf("%s:\n%s", want, diff)
		}
	}
	if n := count("ipi:csd_queue_cpu"); len(n) != 0 {
		t.Errorf("wrong system: %v", n)
	}
	if n := count("ipi_send_cpu", "kernel_stack"); n["ipi:ipi_send_cpu"] == 0 || n["ftrace:kernel_stack"] == 0 || len(n) != 2 {
		t.Errorf("with stacks: %v of %v", n, all)
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
		s, err := New(iotest.OneByteReader(strings.NewReader(text)), "x.txt", Options{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(describe(open(t, text, Options{})), describe(s)); diff != "" || s.Err() != nil {
			t.Errorf("%s: %v\n%s", name, s.Err(), diff)
		}
	}
}

// TestTruncated cuts a text at every byte of its begin: all records but the
// last are those of the whole text.
func TestTruncated(t *testing.T) {
	text := string(readFile(t, "script.txt"))
	whole := describe(open(t, text, Options{}))
	for i := range min(len(text), 3000) {
		got := describe(open(t, text[:i], Options{}))
		if n := len(got) - 1; n > 0 {
			if diff := cmp.Diff(whole[:n], got[:n]); diff != "" {
				t.Fatalf("cut at %d:\n%s", i, diff)
			}
		}
	}
}

func TestReadError(t *testing.T) {
	text := string(readFile(t, "script.txt"))
	broken := errors.New("broken pipe")
	s, err := New(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), "x.txt", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(describe(s)); !errors.Is(s.Err(), broken) || n != len(reference(text)) {
		t.Errorf("%d records, error %v", n, s.Err())
	}
	if _, err := New(iotest.ErrReader(broken), "x.txt", Options{}); !errors.Is(err, broken) {
		t.Errorf("New: %v", err)
	}
}

func TestOverlongLine(t *testing.T) {
	sample := "perf    2973 [002]   292.146365: ipi:ipi_send_cpu: cpu=1 callsite=f+0x1 callback=0x0\n"
	s := open(t, sample+strings.Repeat("x", 3*lines.MaxLine)+"\n"+sample, Options{})
	want := []string{"ipi_send_cpu", "x.txt:2: " + overlong, "ipi_send_cpu"}
	if diff := cmp.Diff(want, short(s)); diff != "" || s.Err() != nil {
		t.Errorf("%v\n%s", s.Err(), diff)
	}
	// A callchain without end is cut, not kept.
	frame := "\tffffffff81b0e1db resched_curr+0x9b ([kernel.kallsyms])\n"
	s = open(t, sample+strings.Repeat(frame, 100000)+"\n"+sample, Options{})
	short(s)
	if n := s.in.Buffer(); n > 8*lines.MaxGroup || s.Err() != nil {
		t.Errorf("buffer of %d bytes, %v", n, s.Err())
	}
}

func TestSniff(t *testing.T) {
	for _, name := range excerpts(t) {
		if text := readFile(t, name); !Sniff(text) {
			t.Errorf("%s: not recognised", name)
		}
	}
	other := map[string]string{
		"empty":      "",
		"prose":      "From: a@b\n\nOn CPU 3 [001] we saw at 1.500000: a: hang.\n",
		"ftrace":     "          <idle>-0       [003] d.h1.    12.123456: ipi_send_cpu: cpu=1\n",
		"trace-cmd":  "cpus=4\n          <idle>-0     [003]    12.123456: ipi_send_cpu:         cpu=1\n",
		"dmesg":      "[    1.234567] foo: bar: x\n",
		"perf trace": "     0.000 :0/0 ipi:ipi_send_cpu(cpu: 2, callsite: 0xffffffff81c74ac6, callback: 0xffffffff81bc5c10)\n",
		"cycles":     "            perf    2973 [002]   292.146365:     250000 cycles:P:  ffffffff81b0e1db f\n",
		"binary":     "swapper       0 [003]     1.000002: ipi:ipi_send_cpu: cpu=1\x00\n",
		"perf.data":  "PERFILE2\x00\x00",
	}
	for name, text := range other {
		if Sniff([]byte(text)) {
			t.Errorf("%s: taken for perf script", name)
		}
	}
}

// TestCopiedEvent: a copy is decoded from its own bytes after the source moved on.
func TestCopiedEvent(t *testing.T) {
	s := open(t, string(readFile(t, "script.txt")), Options{})
	text := func(e *trace.Event) string {
		b, _ := e.Bytes(e.Schema().Ref("callback"))
		return fmt.Sprintf("%d %d %s", e.Time, e.Stack(), b)
	}
	var kept []trace.Event
	var want []string
	for s.Scan() {
		if e, ok := s.Record().(*trace.Event); ok {
			kept = append(kept, trace.Event{})
			e.CopyTo(&kept[len(kept)-1])
			want = append(want, text(e))
		}
	}
	for i := range kept {
		if got := text(&kept[i]); got != want[i] {
			t.Errorf("event %d: %s, want %s", i, got, want[i])
		}
	}
}
