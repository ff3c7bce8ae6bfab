package filter_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func TestProgram(t *testing.T) {
	w := newWorld(t)
	h := header{cpu: 1, pid: 42, comm: "membar"}
	events := map[string]*trace.Event{
		"one":  w.event("ipi_send_cpu", h, map[string]uint64{"cpu": 3, "callback": 0xffffffff877c5c10}),
		"zero": w.event("ipi_send_cpu", h, map[string]uint64{"cpu": 0}),
		"many": w.event("ipi_send_cpumask", h, map[string]uint64{"cpumask": 0b1100}),
		"csd":  w.event("csd_queue_cpu", h, map[string]uint64{"cpu": 3}),
	}
	env := kernelEnv
	env.Isolated = "2-3"
	for _, tc := range []struct {
		exprs []string
		want  string // events that match
		warns []string
	}{
		{[]string{"callback != 0"}, "one", nil},
		{[]string{"comm ~ 'm*'"}, "one zero many", nil}, // ipi events only
		{[]string{"cpumask & CPUS{@isolated}"}, "many", []string{"ipi:ipi_send_cpu is excluded"}},
		{[]string{"ipi_send_cpu: cpu & CPUS{@isolated}", "ipi_send_cpumask: cpumask & CPUS{@isolated}"}, "one many", nil},
		{[]string{"ipi:ipi_send_cpu: cpu == 3"}, "one", nil},
		{[]string{"ipi:ipi_send_cpu:cpu==3"}, "one", nil},
		{[]string{"*: cpu == 3"}, "one csd", []string{"`cpu` on ipi_send_cpumask"}},
		{[]string{"csd:*: cpu == 3"}, "csd", nil},
		{[]string{"csd_*: 0"}, "csd", nil},
		{[]string{"ipi_send_cp[u]: cpu < 4", "ipi_send_cpu: cpu > 0"}, "one", nil}, // all of them
		{[]string{"ipi_send_cpu: cpu & MASK{0-1}"}, "zero", []string{"MASK{} was never"}},
		{[]string{"ipi_send_cpu: cpu & CPUS{0-3:1/2}"}, "zero", nil}, // no scope within the braces
		{[]string{"ipi_send_cpu: comm == 'a: b'"}, "", nil},
	} {
		p, err := filter.NewProgram(tc.exprs, env)
		if err != nil {
			t.Errorf("%q: %v", tc.exprs, err)
			continue
		}
		if err := p.Bind(w.table, true); err != nil {
			t.Errorf("%q: %v", tc.exprs, err)
			continue
		}
		var got []string
		for _, n := range []string{"one", "zero", "many", "csd"} {
			if p.Match(events[n]) {
				got = append(got, n)
			}
		}
		if s := strings.Join(got, " "); s != tc.want || p.Err() != nil {
			t.Errorf("%q: %q (%v), want %q", tc.exprs, s, p.Err(), tc.want)
		}
		warns := p.Warnings()
		if len(warns) != len(tc.warns) {
			t.Errorf("%q: warnings %v, want %q", tc.exprs, warns, tc.warns)
			continue
		}
		for i := range warns {
			if !strings.Contains(warns[i].Text, tc.warns[i]) {
				t.Errorf("%q: warning %q, want %q", tc.exprs, warns[i].Text, tc.warns[i])
			}
		}
	}
}

func TestProgramErrors(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		expr, want string
		early      bool // NewProgram already says it
		kernel     bool // there is an *Error after it
	}{
		{"cpu == 3)", "Too few '('", true, true},
		{"ipi_send_cpu: cpu == (3)", "Invalid value", true, true},
		{"foo == 1", "no event accepts the filter", false, true},
		{"ipi_send_cpu: cpumask & CPUS{2-3}", "Field not found", false, true},
		{"ipi_*: foo == 1", "no event accepts the filter", false, true},
		{"ipi_send_cpus: cpu == 1", "did you mean ipi_send_cpu?", false, false},
		{"sched_switch: prev_pid == 1", "no event sched_switch", false, false},
		{"[a: cpu == 1", "no pattern", true, false},
		{"cpu & CPUS{@isolated}", "--isolated", true, false},
		{"ipi_send_cpu: cpu & CPUS{0-9}", "0-3", false, true},
	} {
		p, err := filter.NewProgram([]string{tc.expr}, kernelEnv)
		if tc.early != (err != nil) {
			t.Errorf("%q: NewProgram: %v", tc.expr, err)
			continue
		}
		if err == nil {
			err = p.Bind(w.table, true)
		}
		var refused *filter.Error
		if err == nil || !strings.Contains(err.Error(), tc.want) || errors.As(err, &refused) != tc.kernel {
			t.Errorf("%q: %v, want %q", tc.expr, err, tc.want)
		}
	}
}

// TestProgramLearns takes schemas that come while the input is read.
func TestProgramLearns(t *testing.T) {
	table := trace.NewTable()
	p, err := filter.NewProgram([]string{"cpu & CPUS{2-3}", "sched_switc: prev_pid == 1"}, filter.Env{NrCPUs: 4, Text: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Bind(table, false); err != nil {
		t.Fatal(err)
	}
	if h := p.Hint(false); h.Events != nil || h.CPUs != nil {
		t.Errorf("hint %v before anything is known, want none", h)
	}
	bare := &trace.Schema{Name: "ipi_send_cpu", Type: -1} // as a text without formats has it
	bare.AddField(trace.Field{Name: "cpu"})
	table.AddSchema(bare)
	other := &trace.Schema{System: "sched", Name: "sched_switch", Type: -1}
	table.AddSchema(other)
	if !p.Match(textEvent(table, bare, header{}, "cpu=3")) || p.Match(textEvent(table, bare, header{}, "cpu=1")) {
		t.Error("the printed cpu was not compared")
	}
	if p.Match(textEvent(table, other, header{}, "prev_pid=1")) || p.Err() != nil {
		t.Error("an event that no expression is for matched", p.Err())
	}
	if !p.Selects(bare) || p.Selects(other) {
		t.Error("Selects")
	}
	warns := p.Warnings()
	if len(warns) != 1 || warns[0].Code != filter.CodeUnmatched || !strings.Contains(warns[0].Text, "did you mean sched_switch?") {
		t.Errorf("warnings %v, want one of the event that never came", warns)
	}
	if p.Match(textEvent(table, bare, header{}, "target=3")) || p.Err() == nil {
		t.Error("an event without the field is no error")
	}
}

// TestProgramSees reports what shows only when events come.
func TestProgramSees(t *testing.T) {
	table := trace.NewTable()
	s := schema(t, "ipi_send_cpu")
	table.AddSchema(s)
	p, err := filter.NewProgram([]string{"comm != 'bash'"}, kernelEnv)
	if err != nil {
		t.Fatal(err)
	}
	e := textEvent(table, s, header{pid: 5, comm: "<...>"}, "")
	p.Match(e)
	if w := p.Warnings(); len(w) != 1 || w[0].Code != filter.CodeUnknownComm {
		t.Errorf("warnings %v, want one of the unknown name", w)
	}
	e.At.Line = 1
	if p, err = filter.NewProgram([]string{"cpu == 3"}, kernelEnv); err != nil {
		t.Fatal(err)
	}
	if p.Match(e) || p.Err() == nil {
		t.Error("text that was taken for a record is no error")
	}
}

func TestHint(t *testing.T) {
	w := newWorld(t)
	p, err := filter.NewProgram([]string{"ipi_send_cpu: (CPU == 1 || CPU & CPUS{0-1}) && !(CPU == 0) && cpu == 3"}, kernelEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Bind(w.table, true); err != nil {
		t.Fatal(err)
	}
	h := p.Hint(true)
	if d := cmp.Diff([]string{"ipi:ipi_send_cpu"}, h.Events); d != "" || h.CPUs.String() != "1" {
		t.Errorf("hint %v, CPUs %v", h.Events, h.CPUs)
	}
}

func TestErrorText(t *testing.T) {
	_, _, err := filter.Check("cpumask & CPUS{0-99}", schema(t, "ipi_send_cpumask"), kernelEnv)
	want := `cpumask & CPUS{0-99}
                    ^
parse_error: Invalid cpulist
help: the machine has 4 CPUs, 0-3`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	_, _, err = filter.Check("()", schema(t, "ipi_send_cpumask"), kernelEnv)
	if err == nil || !strings.HasPrefix(err.Error(), "()\nError: (0)\n") {
		t.Errorf("got %v", err)
	}
}
