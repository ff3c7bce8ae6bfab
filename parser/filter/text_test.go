package filter_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// textDecoder is a text input: fields are what was printed after their names.
type textDecoder struct{}

func (textDecoder) word(e *trace.Event, f *trace.Field) (string, bool) {
	for w := range strings.FieldsSeq(string(e.Payload())) {
		if v, ok := strings.CutPrefix(w, f.Name+"="); ok {
			return v, true
		}
	}
	return "", false
}

func (d textDecoder) Uint(e *trace.Event, f *trace.Field) (uint64, bool) {
	w, _ := d.word(e, f)
	n, err := strconv.ParseUint(w, 0, 64)
	return n, err == nil
}

func (d textDecoder) Bytes(e *trace.Event, f *trace.Field) ([]byte, bool) {
	w, ok := d.word(e, f)
	return []byte(w), ok
}

func (d textDecoder) Symbol(e *trace.Event, f *trace.Field) (trace.SymbolID, bool) {
	w, ok := d.word(e, f)
	name, off, has := strings.Cut(w, "+")
	n, _ := strconv.ParseUint(off, 0, 64)
	return e.Table().Symbol(trace.Symbol{Name: name, Offset: n, HasOffset: has}), ok
}

func (d textDecoder) Mask(e *trace.Event, f *trace.Field, m *cpumask.Mask) bool {
	w, ok := d.word(e, f)
	if !ok {
		return false
	}
	var err error
	*m, err = cpumask.ParseList([]byte(w))
	return err == nil
}

func (textDecoder) Stack(*trace.Event) (trace.StackID, bool) { return 0, false }

func textEvent(table *trace.Table, s *trace.Schema, h header, text string) *trace.Event {
	e := new(trace.Event)
	e.Reset(table, textDecoder{}, s, []byte(text))
	e.CPU, e.PID, e.Comm = h.cpu, h.pid, table.Name(h.comm)
	return e
}

// TestText takes events as they are printed, with the formats and symbols given
// beside them.
func TestText(t *testing.T) {
	table := trace.NewTable()
	s, many := schema(t, "ipi_send_cpu"), schema(t, "ipi_send_cpumask")
	table.AddSchema(s)
	table.AddSchema(many)
	one := textEvent(table, s, header{cpu: 1, pid: 9, comm: "bash"}, "cpu=3 callsite=irq_work_queue_on+0x77 callback=generic_smp_call_function_single_interrupt+0x0")
	null := textEvent(table, s, header{pid: 9, comm: "bash"}, "cpu=3 callsite=module_fn+0x77 callback=0x0")
	mask := textEvent(table, many, header{}, "cpumask=1-3 callsite=on_each_cpu_cond_mask+0x24 callback=0x0")
	env, bare := kernelEnv, kernelEnv
	env.Text, bare.Text, bare.Symbols = true, true, nil
	for _, tc := range []struct {
		e       *trace.Event
		expr    string
		env     filter.Env
		want    bool
		problem string // in the error of Compile or Match
	}{
		{one, "cpu & CPUS{2-3} && callback != 0", env, true, ""},
		{one, "callback == 0xffffffff877c5c10", env, true, ""},
		{one, "callback == 0xffffffff877c5c10", bare, false, "--symbols"},
		{one, "callback != 0", bare, true, ""},
		{one, "callback == 0", bare, false, ""},
		{null, "callback == 0", bare, true, ""},
		{one, "callsite.function == irq_work_queue_on", env, true, ""},
		{one, "callsite.function == irq_work_queue_on", bare, true, ""},
		{one, "callsite.function == 0xffffffff87874a70", bare, false, "--symbols"},
		{null, "callsite.function != irq_work_queue_on", env, true, ""}, // a function that the symbols lack
		{null, "callsite == 0x10", env, false, "--symbols"},
		{mask, "cpumask & CPUS{3}", env, true, ""},
		{mask, "cpumask & 0xc", env, false, ""},
		{mask, "cpumask == 524320", env, true, ""},
		{one, "common_flags & 1", env, false, "no column with the flags"},
		{one, "!(common_preempt_count == 1)", env, false, "no column with the flags"},
	} {
		x, err := filter.Parse(tc.expr)
		if err != nil {
			t.Fatal(err)
		}
		ep, err := filter.Compile(x, tc.e.Schema(), tc.env)
		got := false
		if err == nil {
			got, err = ep.Match(tc.e), ep.Err()
		}
		var cannot *filter.EvalError
		switch {
		case tc.problem == "" && err != nil:
			t.Errorf("%q: %v", tc.expr, err)
		case tc.problem != "" && (!errors.As(err, &cannot) || !strings.Contains(err.Error(), tc.problem)):
			t.Errorf("%q: error %v, want %q", tc.expr, err, tc.problem)
		case got != tc.want:
			t.Errorf("%q: %v, want %v", tc.expr, got, tc.want)
		}
	}
	s.Type = -1
	for _, expr := range []string{"common_type == 1", "callback.function == x && common_type == 1"} {
		x, _ := filter.Parse(expr)
		var cannot *filter.EvalError
		if _, err := filter.Compile(x, s, bare); !errors.As(err, &cannot) {
			t.Errorf("%q: %v, want an EvalError", expr, err)
		}
	}
	s.Print = `"cpu=%u callsite=%pS", REC->cpu, REC->callsite`
	x, _ := filter.Parse("callback == 0")
	if _, err := filter.Compile(x, s, env); err == nil || !strings.Contains(err.Error(), "does not print") {
		t.Errorf("a field that is not printed: %v", err)
	}
}
