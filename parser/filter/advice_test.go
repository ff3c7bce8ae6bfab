package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// TestWarnings holds what the kernel accepts although it means nothing.
func TestWarnings(t *testing.T) {
	one, many := schema(t, "ipi_send_cpu"), schema(t, "ipi_send_cpumask")
	// arm64's event has a bitmap that is not called cpumask_t (include/trace/events/ipi.h)
	raise, _ := events.New("ipi_raise")
	for _, tc := range []struct {
		s          *trace.Schema
		expr, code string
		hint       string
	}{
		{raise, "target_cpus & 8", filter.CodeMeaningless, "where the record keeps the data"},
		{raise, "target_cpus & CPUS{3}", filter.CodeMeaningless, "does not call the field a cpumask_t"},
		{raise, "target_cpus == CPUS{2-3}", filter.CodeMeaningless, "does not call the field a cpumask_t"},
		{called(t, raise, "cpumask_t"), "target_cpus & CPUS{3}", "", ""},
		{called(t, raise, "cpumask_t"), "target_cpus & 8", filter.CodeMeaningless, "did you mean target_cpus & CPUS{3}"},
		{many, "cpumask & 0xc", filter.CodeMeaningless, "cpumask & CPUS{2-3}"},
		{many, "cpumask == 3", filter.CodeMeaningless, "cpumask == CPUS{3}"},
		{one, "CPU & 3", filter.CodeMeaningless, "CPU & CPUS{0-1}"},
		{many, "cpu == 3", filter.CodeRecordingCPU, "`cpumask`"},
		{one, "cpu == CPUS{2-3}", filter.CodeMeaningless, "cpu & CPUS{2-3}"},
		{one, "cpu != CPUS{2-3}", filter.CodeMeaningless, "!(cpu & CPUS{2-3})"},
		{one, "cpu == 4294967296", filter.CodeTruncated, "compares with 0"},
		{one, "stacktrace == 1", filter.CodeMeaningless, "never true"},
		{one, "comm ~ '*bar'", filter.CodeAnchored, `"*bar*"`},
		{one, "comm == 'sw*'", filter.CodeMeaningless, "did you mean ~"},
		{one, "comm == 'a_name_of_17bytes'", filter.CodeMeaningless, "at most 15"},
		{one, "cpu == 3 &&", filter.CodeSpelling, "newer"},
		{one, "cpu & CPUS{ }", filter.CodeMeaningless, "empty"},
		{one, "cpu.ustring == 3", filter.CodeMeaningless, "ignored"},
		{one, "cpu == 3 && CPU == 1 && comm ~ 'sw*' && callback.function == irq_work_queue_on", "", ""},
		{one, "common_pid == -1", "", ""},
		{many, "cpumask == CPUS{2-3}", "", ""},
	} {
		_, warns, err := filter.Check(tc.expr, tc.s, kernelEnv)
		if err != nil {
			t.Errorf("%q: %v", tc.expr, err)
			continue
		}
		switch {
		case tc.code == "" && len(warns) > 0:
			t.Errorf("%q: %v, want no warning", tc.expr, warns)
		case tc.code != "" && (len(warns) != 1 || warns[0].Code != tc.code || !strings.Contains(warns[0].Text, tc.hint)):
			t.Errorf("%q: %v, want one %s with %q", tc.expr, warns, tc.code, tc.hint)
		}
	}
}

// called is an event whose target_cpus has another type, as a format file says it.
func called(t *testing.T, s *trace.Schema, name string) *trace.Schema {
	t.Helper()
	text := "name: " + s.Name + "\nID: 9\nformat:\n\tfield:__data_loc " + name + " target_cpus;\toffset:8;\tsize:4;\tsigned:0;\n\nprint fmt: \"\"\n"
	other, err := tracefmt.ParseFormat([]byte(text), 8)
	if err != nil {
		t.Fatal(err)
	}
	return other
}

// TestHelp holds the line of help for common slips.
func TestHelp(t *testing.T) {
	one, many := schema(t, "ipi_send_cpu"), schema(t, "ipi_send_cpumask")
	for _, tc := range []struct {
		s          *trace.Schema
		expr, help string
	}{
		{one, "cpumask & CPUS{2-3}", "did you mean cpu & CPUS{2-3}?"},
		{many, "CPUS{2-3} & cpumask", "did you mean cpumask & CPUS{2-3}?"},
		{many, "cpumask & {2-3}", "did you mean CPUS{2-3}?"},
		{many, "cpumask & CPU{6}", "did you mean CPUS{6}?"},
		{many, "CPU & cpus{ 2-3 } && cpumask & CPUS{2}", "did you mean CPUS{2-3}?"},
		{many, "CPU{2-3} & cpumask", "the field comes first: did you mean FIELD & CPUS{2-3}?"},
		{many, "cpumask & CPU", "a value is a number, a text in quotes, or CPUS{list}"},
		{many, "cpumask == '2-3'", "did you mean cpumask & CPUS{2-3}?"},
		{many, "cpumsk & CPUS{1}", "did you mean cpumask?"},
		{one, "cpu = 3", "did you mean ==?"},
		{one, "cpu > -1", "`cpu` is the target here and never negative; the sender is CPU"},
		{one, "cpu == 3 and cpu == 2", "did you mean &&?"},
		{one, "cpu == 3 | cpu == 2", "did you mean ||?"},
		{one, "!callback", "did you mean callback != 0?"},
		{one, "comm == tlb", `did you mean comm == "tlb"?`},
		{one, "cpu == ffff", "did you mean 0xffff?"},
		{one, "callback == foo", "did you mean callback.function == foo?"},
		{one, "!(callsite.function == irq_work_queue_on)", "put a blank before the )"},
		{one, "callsite.function == 'irq_work_queue_on'", "did you mean irq_work_queue_on?"},
		{one, "cpu & CPUS{0-99}", "the machine has 4 CPUs, 0-3"},
		{one, "cpu & CPUS{@isolated}", "--filter"},
		{one, "foo == 1", "has cpu, callsite, callback"},
	} {
		_, _, err := filter.Check(tc.expr, tc.s, kernelEnv)
		var e *filter.Error
		if !errors.As(err, &e) {
			t.Errorf("%q: %v", tc.expr, err)
		} else if !strings.Contains(e.Help, tc.help) {
			t.Errorf("%q: help %q, want %q", tc.expr, e.Help, tc.help)
		}
	}
}

func TestExplain(t *testing.T) {
	x, err := filter.Parse("cpu & CPUS{2-3} && !(comm ~ 'k*' || callsite.function == irq_work_queue_on )")
	if err != nil {
		t.Fatal(err)
	}
	want := `all of:
  the target CPU (cpu; the sender is CPU) is one of 2-3
  not:
    any of:
      the name of the running task begins with "k"
      the field callsite lies within the function irq_work_queue_on
.function: Linux 6.3 and newer
CPUS{}: Linux 6.6 and newer
`
	if got := filter.Explain(x, schema(t, "ipi_send_cpu")); got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
}

// TestSpans cuts every node out of the text.
func TestSpans(t *testing.T) {
	const src = "a == 1 && !(b & CPUS{2-3} || c.function == d ) || 'x' == 1"
	if _, err := filter.Parse(src); err == nil {
		t.Error("a text on the left was taken")
	}
	x, err := filter.Parse("a == 1 && !(b & CPUS{2-3} || c.function == d ) || e ~ 'x'")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var walk func(filter.Node)
	walk = func(n filter.Node) {
		off, end := n.Span()
		got = append(got, x.Src[off:end])
		switch n := n.(type) {
		case *filter.Or:
			walk(n.X)
			walk(n.Y)
		case *filter.And:
			walk(n.X)
			walk(n.Y)
		case *filter.Not:
			walk(n.X)
		case *filter.Term:
			got = append(got, x.Src[n.Value.Off:n.Value.End])
		}
	}
	walk(x.Root)
	want := "a == 1 && !(b & CPUS{2-3} || c.function == d ) || e ~ 'x'" +
		"|a == 1 && !(b & CPUS{2-3} || c.function == d|a == 1|1|!(b & CPUS{2-3} || c.function == d" +
		"|b & CPUS{2-3} || c.function == d|b & CPUS{2-3}|CPUS{2-3}|c.function == d|d|e ~ 'x'|'x'"
	if s := strings.Join(got, "|"); s != want {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

// TestKernelSymbols takes ranges from a kallsyms text.
func TestKernelSymbols(t *testing.T) {
	table, err := ksym.NewTable("ffffffff81000000 T first\nffffffff81000040 t second\nffffffff81000060 T third\n")
	if err != nil {
		t.Fatal(err)
	}
	env := filter.Env{NrCPUs: 4, Symbols: filter.KernelSymbols(table)}
	w := newWorld(t)
	for expr, want := range map[string]bool{
		"callsite.function == second":             true,
		"callsite.function == first":              false,
		"callsite.function != third":              true,
		"callsite.function == 0xffffffff8100005f": true,
		"callsite.function == 0xffffffff8100003f": false,
	} {
		e := w.event("ipi_send_cpu", header{}, map[string]uint64{"callsite": 0xffffffff81000041})
		x, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		ep, err := filter.Compile(x, e.Schema(), env)
		if err != nil {
			t.Fatal(err)
		}
		if got := ep.Match(e); got != want {
			t.Errorf("%q: %v, want %v", expr, got, want)
		}
	}
	if _, _, err := filter.Check("callsite.function == fourth", w.schemas["ipi_send_cpu"], env); err == nil {
		t.Error("a function that is not there was found")
	}
}

// TestNotEvaluable holds what the kernel accepts and a record cannot answer.
func TestNotEvaluable(t *testing.T) {
	s := &trace.Schema{System: "syscalls", Name: "sys_enter_openat", Type: 1}
	s.AddField(trace.Field{Name: "filename", Type: "const char *", Kind: trace.KindPointer, Size: 8})
	for expr, want := range map[string]string{
		"filename.ustring ~ 'x*'":               "memory of a process",
		"filename == 'x' && CPU == 1":           "address of the text",
		"filename.function == 0xffffffff811111": "--symbols",
	} {
		if _, _, err := filter.Check(expr, s, filter.Env{}); err != nil {
			t.Errorf("%q: %v, the kernel accepts it", expr, err)
		}
		x, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		var cannot *filter.EvalError
		if _, err := filter.Compile(x, s, filter.Env{}); !errors.As(err, &cannot) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", expr, err, want)
		}
	}
}
