package filter_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// kernelSymbols are the symbols that the expressions name, with their ranges in
// the kallsyms of the kernel that judged them.
type symbolMap map[string][2]uint64

func (m symbolMap) Range(name string) (uint64, uint64, bool) {
	r, ok := m[name]
	return r[0], r[1], ok
}

func (m symbolMap) RangeAt(addr uint64) (uint64, uint64, bool) {
	for _, r := range m {
		if addr >= r[0] && addr < r[1] {
			return r[0], r[1], true
		}
	}
	return 0, 0, false
}

var kernelSymbols = symbolMap{
	"do_flush_tlb_all":                           {0xffffffff876a7820, 0xffffffff876a7830},
	"nohz_full_kick_func":                        {0xffffffff877b8730, 0xffffffff877b8740},
	"on_each_cpu_cond_mask":                      {0xffffffff877c5740, 0xffffffff877c5780},
	"generic_smp_call_function_single_interrupt": {0xffffffff877c5c10, 0xffffffff877c5c30},
	"irq_work_queue_on":                          {0xffffffff87874a70, 0xffffffff87874b00},
}

// kernelEnv is the machine that judged the expressions of testdata.
var kernelEnv = filter.Env{NrCPUs: 4, LongSize: 8, Symbols: kernelSymbols}

func schema(t testing.TB, name string) *trace.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".format")
	if err != nil {
		t.Fatal(err)
	}
	s, err := tracefmt.ParseFormat(text, 8)
	if err != nil {
		t.Fatal(err)
	}
	s.System = "ipi"
	if strings.HasPrefix(name, "csd") {
		s.System = "csd"
	}
	return s
}

var kernelEvents = []string{"ipi_send_cpumask", "ipi_send_cpu", "csd_queue_cpu"}

// TestKernel holds every verdict against what a kernel said: accepted or not,
// the errno, and what the filter file showed afterwards, caret included.
func TestKernel(t *testing.T) {
	text, err := os.ReadFile("testdata/kernel-6.12.tsv")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		col := strings.Split(line, "\t")
		for i, event := range kernelEvents {
			n++
			wantErrno, want := col[1+2*i], strings.ReplaceAll(col[2+2*i], `\n`, "\n")
			gotErrno, got := "ok", ""
			_, _, err := filter.Check(col[0], schema(t, event), kernelEnv)
			var refused *filter.Error
			switch {
			case errors.As(err, &refused):
				gotErrno = refused.Errno
				shown := *refused
				shown.Help = ""
				got = shown.Error() + "\n"
			case err != nil:
				t.Fatal(err)
			}
			if gotErrno != wantErrno {
				t.Errorf("%s: %q: %s, the kernel says %s", event, col[0], gotErrno, wantErrno)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s: %q:\n%s", event, col[0], d)
			}
		}
	}
	if n != 3*86 {
		t.Errorf("%d verdicts, want %d", n, 3*86)
	}
}

// TestKernelDocumentation reads the examples of Documentation/trace/events.rst,
// section 5, with some variations, and says what today's parser makes of them:
// the document's texts without quotes no longer parse, and its caret at the
// start of the line is out of date.
func TestKernelDocumentation(t *testing.T) {
	common := []trace.Field{
		{Name: "common_type", Type: "unsigned short", Kind: trace.KindInt, Size: 2, Common: true},
		{Name: "common_flags", Type: "unsigned char", Kind: trace.KindInt, Off: 2, Size: 1, Common: true},
		{Name: "common_preempt_count", Type: "unsigned char", Kind: trace.KindInt, Off: 3, Size: 1, Common: true},
		{Name: "common_pid", Type: "int", Kind: trace.KindInt, Off: 4, Size: 4, Signed: true, Common: true},
	}
	event := func(name string, fields ...trace.Field) *trace.Schema {
		s := &trace.Schema{Name: name, Type: 1}
		for _, f := range append(append([]trace.Field{}, common...), fields...) {
			s.AddField(f)
		}
		return s
	}
	long := func(name string) trace.Field {
		return trace.Field{Name: name, Type: "unsigned long", Kind: trace.KindInt, Size: 8}
	}
	num := func(name string) trace.Field {
		return trace.Field{Name: name, Type: "int", Kind: trace.KindInt, Size: 4, Signed: true}
	}
	str := func(name string) trace.Field {
		return trace.Field{Name: name, Type: "char[16]", Kind: trace.KindString, Size: 16, Elem: 1}
	}
	sched := event("sched_switch", str("prev_comm"), num("prev_pid"))
	signal := event("signal_generate", num("sig"), num("errno"), str("comm"), num("pid"))
	openat := event("sys_enter_openat", trace.Field{Name: "filename", Type: "const char *", Kind: trace.KindPointer, Size: 8})
	for _, tc := range []struct {
		expr   string
		schema *trace.Schema
		msg    string // empty: accepted
		pos    int
	}{
		{`prev_comm ~ "*sh"`, sched, "", 0},
		{`prev_comm ~ "sh*"`, sched, "", 0},
		{`prev_comm ~ "*sh*"`, sched, "", 0},
		{`prev_comm ~ "ba*sh"`, sched, "", 0},
		{`filename.ustring ~ "password"`, openat, "", 0},
		{`call_site.function == security_prepare_creds`, event("kmalloc", long("call_site")), "", 0},
		{`target_cpu & CPUS{17-42}`, event("sched_wakeup", num("target_cpu")), "", 0},
		{`common_preempt_count > 4`, event("sched_wakeup"), "", 0},
		{`((sig >= 10 && sig < 15) || sig == 17) && comm != bash`, signal, "Invalid value (did you forget quotes)?", 51},
		{`((sig >= 10 && sig < 15) || sig == 17) && comm != "bash"`, signal, "", 0},
		{`((sig >= 10 && sig < 15) || dsig == 17) && comm != bash`, signal, "Field not found", 33},
		{"0", sched, "", 0},
		{"((sig >= 10 && sig < 15) || sig == 17", signal, "Too many '('", 0},
		{`prev_pid == 0`, sched, "", 0},
		{`prev_pid < -3`, sched, "", 0},
	} {
		_, _, err := filter.Check(tc.expr, tc.schema, filter.Env{NrCPUs: 64})
		var refused *filter.Error
		switch {
		case err == nil && tc.msg != "":
			t.Errorf("%q: accepted, want %q", tc.expr, tc.msg)
		case err != nil && !errors.As(err, &refused):
			t.Errorf("%q: %v", tc.expr, err)
		case err != nil && (refused.Msg != tc.msg || refused.Pos != tc.pos):
			t.Errorf("%q: %q at %d, want %q at %d", tc.expr, refused.Msg, refused.Pos, tc.msg, tc.pos)
		}
	}
}

// TestWhiteSpace: white space is what the kernel's isspace says of Latin-1
// (lib/ctype.c: 9 to 13, 32 and 160); a NUL ends the text that is written to the
// file, so that a filter with one is not the filter that was meant. Quotes hold
// anything but themselves, and what is quoted is not looked at for parentheses.
func TestWhiteSpace(t *testing.T) {
	s := &trace.Schema{Name: "ipi_send_cpu", Type: 1}
	s.AddField(trace.Field{Name: "cpu", Type: "unsigned int", Kind: trace.KindInt, Size: 4})
	s.AddField(trace.Field{Name: "comm", Type: "char[16]", Kind: trace.KindString, Size: 16, Elem: 1})
	s.AddField(trace.Field{Name: "ip", Type: "unsigned long", Kind: trace.KindInt, Size: 8})
	for expr, want := range map[string]string{
		"\t\v\f\n\rcpu\xa0==\r1\r": "", "cpu == 1\x00": "the text holds a NUL byte", "cpu == 1 \x0e": "after a comparison only &&, || and ) may follow",
		`comm == "a)b" && (cpu == 1)`: "", `(comm == "b(c"`: "this ( has no ) after it", `comm == "(" && cpu == 1`: "", `comm == "')" && (cpu == 1)`: "", `comm == "a && cpu == 1`: "this quote is not closed",
		"cpu == 1 or cpu == 2": "did you mean ||?", "cpu == 1 OR cpu == 2": "did you mean ||?", "cpu == 1 and cpu == 2": "did you mean &&?", "cpu == 1 xor cpu == 2": "after a comparison only &&, || and ) may follow",
	} {
		_, _, err := filter.Check(expr, s, filter.Env{NrCPUs: 8})
		var refused *filter.Error
		switch {
		case err == nil && want == "":
		case errors.As(err, &refused) && refused.Help == want && want != "":
		default:
			t.Errorf("%q: %v (%+v), want %q", expr, err, refused, want)
		}
		if strings.Contains(want, "has no )") && refused.Pos != 0 {
			t.Errorf("%q: the ( at %d has no ), want that at 0", expr, refused.Pos)
		}
	}
}

// TestShortArray: where the catalogue alone says what a field is, one of a single byte
// is an array of that size; one of none has a size of its own in each record.
func TestShortArray(t *testing.T) {
	s := &trace.Schema{Name: "x", Type: 1}
	s.AddField(trace.Field{Name: "one", Kind: trace.KindString, Size: 1})
	s.AddField(trace.Field{Name: "any", Kind: trace.KindString})
	for expr, fixed := range map[string]bool{`one ~ "*a"`: true, `any ~ "*a"`: false} {
		x, _, err := filter.Check(expr, s, filter.Env{})
		if err != nil {
			t.Fatal(err)
		}
		if said := filter.Explain(x, s); strings.Contains(said, "at the end of the 1-byte array") != fixed {
			t.Errorf("%s: %s", expr, said)
		}
	}
}

// TestCoverLetter takes the record line of the first posting of the IPI
// deferral series (2023-07-05, "context_tracking,x86: Defer some IPIs until a
// user->kernel transition"). Its MASK{} never reached a released kernel.
func TestCoverLetter(t *testing.T) {
	for event, expr := range map[string]string{
		"ipi_send_cpumask": "cpumask & MASK{2-3}",
		"ipi_send_cpu":     "cpu & MASK{2-3}",
	} {
		s := schema(t, event)
		_, _, err := filter.Check(expr, s, kernelEnv)
		var refused *filter.Error
		if !errors.As(err, &refused) || refused.Msg != "Invalid value (did you forget quotes)?" || !strings.Contains(refused.Help, "CPUS{2-3}") {
			t.Errorf("%q: %v, want the kernel's refusal and help", expr, err)
		}
		env := kernelEnv
		env.Extensions = true
		x, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		ep, err := filter.Compile(x, s, env)
		if err != nil {
			t.Fatalf("%q: %v", expr, err)
		}
		if w := ep.Warnings(); len(w) != 1 || w[0].Code != filter.CodeSpelling {
			t.Errorf("%q: warnings %v, want one of the spelling", expr, w)
		}
	}
}

// TestKernelSource holds cases that no recording has. What must come out was
// read in kernel/trace/trace_events_filter.c (calc_stack, predicate_parse,
// parse_pred, append_filter_err), not seen on a running kernel.
func TestKernelSource(t *testing.T) {
	s := schema(t, "ipi_send_cpu")
	mask := schema(t, "ipi_send_cpumask")
	for _, tc := range []struct {
		s           *trace.Schema
		expr        string
		msg, errno  string
		pos         int
		description string
	}{
		{s, "", "", "EINVAL", -1, "empty"},
		{s, "  ", "", "EINVAL", -1, "blank"},
		{s, "(())", "", "EINVAL", -1, "only parentheses"},
		{s, "!", "No filter found", "EINVAL", 1, ""},
		{s, "!!!", "No filter found", "EINVAL", 3, ""},
		{s, "&&", "", "EPERM", -1, "an empty field name has no message"},
		{s, "&& cpu == 3", "", "EPERM", -1, ""},
		{s, "() || cpu == 3", "", "EPERM", -1, ""},
		{s, "cpu == 3)", "Too few '('", "EPERM", 8, ""},
		{s, "cpu == 3 && (cpu == 2", "Too many '('", "ENOENT", 12, ""},
		{s, "((cpu == 3) && cpu == 2", "Too many '('", "ENOENT", 0, ""},
		{s, "comm == 'x", "Missing matching quote", "ESRCH", 8, ""},
		{s, `comm == "a" && comm == 'x`, "Missing matching quote", "ESRCH", 23, ""},
		{s, "foo == 1 && (cpu == 3", "Too many '('", "ENOENT", 12, "balance comes first"},
		{s, "cpu == 3 || cpu == 2 &&", "", "EINVAL", -1, "a pending || has no jump"},
		{s, "cpu == 3 && cpu == 2 ||", "", "ok", 0, ""},
		{s, "(cpu == 3 || cpu == 2) &&", "", "ok", 0, ""},
		{s, "cpu == 3 && !", "", "ok", 0, ""},
		{s, "cpu & 3 & 1", "Too many terms in predicate expression", "EPERM", 8, ""},
		{s, "cpu && 3", "Invalid value (did you forget quotes)?", "EINVAL", 6, "the operator is a single &"},
		{s, "cpu ==", "Invalid value (did you forget quotes)?", "EINVAL", 6, ""},
		{s, "cpu == -", "Illegal integer value", "EINVAL", 8, ""},
		{s, "cpu == 0x", "Illegal integer value", "EINVAL", 8, ""},
		{s, "cpu == 09", "Illegal integer value", "EINVAL", 8, ""},
		{s, "cpu == 18446744073709551615", "", "ok", 0, ""},
		{s, "cpu == 18446744073709551616", "Illegal integer value", "EINVAL", 8, ""},
		{mask, "cpu == 9223372036854775808", "Illegal integer value", "EINVAL", 8, "signed"},
		{mask, "cpu == -9223372036854775808", "", "ok", 0, ""},
		{s, "cpu == 111111111111111111111111", "Operand too long", "EINVAL", 32 - 1, "24 digits"},
		{s, "comm == '" + strings.Repeat("x", 256) + "'", "Operand too long", "EINVAL", 9 + 256 + 1, ""},
		{s, "comm == '" + strings.Repeat("x", 255) + "'", "", "ok", 0, ""},
		{s, "comm > 'x'", "Illegal operation for field type", "EINVAL", 8, ""},
		{s, "cpu ~ 3", "Illegal operation for field type", "EINVAL", 7, ""},
		{s, "comm & CPUS{1}", "Illegal operation for field type", "EINVAL", 8, ""},
		{s, "stacktrace & CPUS{1}", "Illegal operation for field type", "EINVAL", 14, ""},
		{s, "stacktrace == 'x'", "Expecting numeric field", "EINVAL", 15, ""},
		{mask, "cpumask == '3'", "Expecting numeric field", "EINVAL", 12, ""},
		{s, "cpu & CPUS", "Missing '{'", "EINVAL", 10, ""},
		{s, "cpu & CPUS 2", "Missing '{'", "EINVAL", 12, "one behind"},
		{s, "cpu & CPUS{ }", "", "ok", 0, "the empty set"},
		{s, "cpu & CPUS{,}", "", "ok", 0, ""},
		{s, "cpu & CPUS{0-3:1/2} && cpu & CPUS{N}", "", "ok", 0, ""},
		{s, "cpu & CPUS{@isolated}", "Invalid cpulist", "EINVAL", 21, "not of the kernel"},
		{s, "cpu.function == irq_work_queue_on", "Illegal operation for field type", "EINVAL", 17, "size is not long"},
		{s, "comm.function == irq_work_queue_on", "Illegal operation for field type", "EINVAL", 18, ""},
		{s, "callsite.function > irq_work_queue_on", "Invalid operator", "EINVAL", 21, ""},
		{s, "callsite.function==irq_work_queue_on", "", "ok", 0, ""},
		{s, "callsite.function == ", "Function not found", "EINVAL", 20, "the blank at the end is cut off"},
		{s, "callsite.function == nosuch", "Function not found", "EINVAL", 27, ""},
		{s, "callsite.function == 0xz", "Invalid value (did you forget quotes)?", "EINVAL", 24, ""},
		{s, "callsite.function == 0x1000", "Function not found", "EINVAL", 27, ""},
		{s, "(callsite.function == irq_work_queue_on )", "", "ok", 0, ""},
		{s, "callsite.ustring.function == irq_work_queue_on", "", "ok", 0, ""},
		{s, "callsite.function.ustring == irq_work_queue_on", "Invalid operator", "EINVAL", 18, ""},
		{s, "COMM == 'x' && CPU == 1 && common_cpu == 1 && STACKTRACE == 0", "", "ok", 0, ""},
		{s, " 0 ", "", "ok", 0, "clears"},
		{s, "00", "Field not found", "EINVAL", 2, ""},
		{s, "cpu == 3\n", "", "ok", 0, "echo's line feed"},
		{s, strings.Repeat(" ", 4096) + "cpu == 3", "", "EINVAL", -1, "a page"},
	} {
		_, _, err := filter.Check(tc.expr, tc.s, kernelEnv)
		if err == nil {
			if tc.errno != "ok" {
				t.Errorf("%q: accepted, want %s %q", tc.expr, tc.errno, tc.msg)
			}
			continue
		}
		var e *filter.Error
		if !errors.As(err, &e) {
			t.Fatalf("%q: %T", tc.expr, err)
		}
		if e.Msg != tc.msg || e.Errno != tc.errno || e.Pos != tc.pos {
			t.Errorf("%q: %s %q at %d, want %s %q at %d (%s)", tc.expr, e.Errno, e.Msg, e.Pos, tc.errno, tc.msg, tc.pos, tc.description)
		}
	}
}

// TestFunctionTracer takes the one event whose filter perf alone may set.
func TestFunctionTracer(t *testing.T) {
	s := &trace.Schema{System: "ftrace", Name: "function", Type: 1}
	for _, n := range []string{"ip", "parent_ip"} {
		s.AddField(trace.Field{Name: n, Type: "unsigned long", Kind: trace.KindInt, Size: 8})
	}
	for expr, want := range map[string]string{
		"ip == vfs_*":             "",
		"ip == 'vfs_read'":        "Too many terms in predicate expression", // the closing quote is left over
		"parent_ip == vfs_read":   "Only 'ip' field is supported for function trace",
		"(ip == foo(bar))":        "Too few '('", // a value ends at ), whatever ( is in it
		"ip == vfs_read || ip==x": "",
	} {
		_, _, err := filter.Check(expr, s, kernelEnv)
		var e *filter.Error
		got := ""
		if errors.As(err, &e) {
			got = e.Msg
		}
		if got != want {
			t.Errorf("%q: %q, want %q", expr, got, want)
		}
		if quote := strings.LastIndexByte(expr, '\''); e != nil && quote > 0 && e.Pos != quote {
			t.Errorf("%q: wrong at %d, want at the closing quote, %d", expr, e.Pos, quote)
		}
	}
	x, err := filter.Parse("ip == 1")
	if err != nil {
		t.Fatal(err)
	}
	var cannot *filter.EvalError
	if _, err := filter.Compile(x, s, kernelEnv); !errors.As(err, &cannot) {
		t.Errorf("Compile: %v, want an EvalError", err)
	}
}
