package filter_test

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// record builds the bytes of an ipi_send_cpu, ipi_send_cpumask or csd_queue_cpu
// event of a 64-bit little-endian kernel.
func record(s *trace.Schema, values map[string]uint64) []byte {
	b := make([]byte, 40)
	end := uint32(0)
	for _, f := range s.Fields {
		end = max(end, f.Off+f.Size)
		v := make([]byte, 8)
		binary.LittleEndian.PutUint64(v, values[f.Name])
		switch {
		case f.Name == "cpumask":
			binary.LittleEndian.PutUint32(b[f.Off:], 8<<16|32)
			copy(b[32:], v)
			end = max(end, 40)
		default:
			copy(b[f.Off:f.Off+f.Size], v)
		}
	}
	return b[:max(end, 40)]
}

type world struct {
	table   *trace.Table
	dec     *tracefmt.Decoder
	schemas map[string]*trace.Schema
}

func newWorld(t testing.TB) *world {
	w := &world{table: trace.NewTable(), schemas: map[string]*trace.Schema{}}
	w.dec = &tracefmt.Decoder{LongSize: 8, SymbolAt: func(addr uint64, offset bool) trace.SymbolID {
		for name, r := range kernelSymbols {
			if addr >= r[0] && addr < r[1] {
				return w.table.Symbol(trace.Symbol{Name: name, Offset: addr - r[0], HasOffset: offset})
			}
		}
		return w.table.Symbol(trace.Symbol{Name: fmt.Sprintf("%#x", addr)})
	}}
	for _, n := range kernelEvents {
		s := schema(t, n)
		w.table.AddSchema(s)
		w.schemas[n] = s
	}
	return w
}

type header struct {
	cpu, pid       int32
	comm           string
	flags, preempt uint8
}

func (w *world) event(name string, h header, values map[string]uint64) *trace.Event {
	e := new(trace.Event)
	s := w.schemas[name]
	if values == nil {
		values = map[string]uint64{}
	}
	values["common_type"] = uint64(s.Type)
	e.Reset(w.table, w.dec, s, record(s, values))
	e.CPU, e.PID, e.Comm = h.cpu, h.pid, w.table.Name(h.comm)
	e.Flags, e.Preempt, e.HasFlags = trace.Flags(h.flags), h.preempt, true
	return e
}

// TestMatch goes through every kind of comparison. The events are those of the
// kernel's formats; what must come out follows from its predicates.
func TestMatch(t *testing.T) {
	w := newWorld(t)
	const generic = 0xffffffff877c5c10
	one := w.event("ipi_send_cpu", header{cpu: 1, pid: 42, comm: "membar", flags: 0x11, preempt: 3},
		map[string]uint64{"cpu": 3, "callsite": 0xffffffff87874ae7, "callback": generic})
	idle := w.event("ipi_send_cpu", header{cpu: 2, pid: 0, comm: "<idle>"}, map[string]uint64{"cpu": 0})
	many := w.event("ipi_send_cpumask", header{cpu: 0, pid: 7, comm: "kworker/2:0-long"[:15]},
		map[string]uint64{"cpumask": 0b1110, "callsite": 0xffffffff877c5764, "callback": generic})
	for _, tc := range []struct {
		e    *trace.Event
		expr string
		want bool
	}{
		{one, "cpu == 3", true},
		{one, "cpu == 03 && cpu == 0x3", true},
		{one, "cpu != 3", false},
		{one, "cpu > 2 && cpu < 4 && cpu >= 3 && cpu <= 3", true},
		{one, "cpu & 2", true},
		{one, "cpu & 4", false},
		{one, "cpu == 4294967299", true}, // cut to 32 bits
		{one, "cpu < 4294967296", false},
		{one, "cpu == 2 || cpu == 3", true},
		{one, "cpu == 3 &&", true},
		{one, "cpu & CPUS{2-3}", true},
		{one, "cpu & CPUS{3}", true},
		{one, "cpu & CPUS{0-1}", false},
		{one, "cpu == CPUS{3}", true},
		{one, "cpu == CPUS{2-3}", false},
		{one, "cpu != CPUS{2-3}", true},
		{one, "cpu & CPUS{all}", true},
		{one, "cpu & CPUS{0-N:1/2}", false},
		{one, "cpu & CPUS{ }", false},
		{one, "cpu != CPUS{,}", true},
		{one, "CPU == 1 && common_cpu == 1", true},
		{one, "CPU & 1", false}, // & with a number never matches
		{one, "!(CPU & 1)", true},
		{one, "CPU & CPUS{1-2}", true},
		{one, "CPU == CPUS{1-2}", false},
		{one, "CPU != CPUS{1-2}", true},
		{one, "CPU & CPUS{1}", true},
		{one, "CPU > -1 && CPU < 4294967298", true}, // the number is cut to a C int: 2
		{one, "stacktrace == 1", false},
		{one, "stacktrace != 1", false},
		{one, "!(stacktrace != 1)", true},
		{one, "comm == 'membar'", true},
		{one, "comm != 'membar'", false},
		{one, "comm == 'mem'", false},
		{one, `comm ~ "*bar"`, false}, // anchored at the end of the array
		{one, `comm ~ "mem*" && comm ~ "*mba*" && comm ~ "m*r" && comm ~ "m?m*" && comm ~ "[lm]*"`, true},
		{one, `comm ~ "!mem*"`, false},
		{one, `comm ~ "*"`, true},
		{one, `comm ~ ""`, false},
		{one, `COMM ~ "MEM*"`, false},
		{many, `comm ~ "*2:0-lon"`, true}, // 15 bytes fill the array
		{many, `comm == "kworker/2:0-longer"`, false},
		{idle, `comm == "swapper/2"`, true},
		{idle, `comm ~ "<idle>"`, false},
		{idle, `callback == 0 && !(callback != 0)`, true},
		{one, "common_pid == 42 && common_pid > -1 && common_pid & 2", true},
		{one, "common_flags & 0x10 && common_flags == 0x11", true},
		{one, "common_flags == 0x111", true}, // cut to 8 bits
		{one, "common_preempt_count > 2", true},
		{one, "common_type == 288", true},
		{one, "common_type == 0x10120", true}, // cut to 16 bits
		{one, "callback == 0xffffffff877c5c10", true},
		{one, "callback.function == generic_smp_call_function_single_interrupt", true},
		{one, "callsite.function == irq_work_queue_on", true},
		{one, "callsite.function != irq_work_queue_on", false},
		{one, "callsite.function == 0xffffffff87874a80", true},
		{one, "callsite == 0xffffffff87874a70", false},
		{one, "callsite > 0xffffffff87874a70", true},
		{many, "cpumask & CPUS{2-3} && cpumask & CPUS{3}", true},
		{many, "cpumask & CPUS{0}", false},
		{many, "cpumask == CPUS{1-3}", true},
		{many, "cpumask == CPUS{3}", false},
		{many, "cpumask != CPUS{3} && cpumask != CPUS{2-3}", true},
		{many, "cpumask & 0xc", false}, // the word is 8<<16|32
		{many, "cpumask == 524320", true},
		{many, "cpu == 0", true}, // the recording CPU
		{one, "!(cpu == 3) || !!(cpu == 3) && ! cpu == 2", true},
		{one, "!(cpu == 3 && !(cpu == 2 || cpu == 4))", false},
		{one, "0", true},
	} {
		x, err := filter.Parse(tc.expr)
		if err != nil {
			t.Errorf("%q: %v", tc.expr, err)
			continue
		}
		ep, err := filter.Compile(x, tc.e.Schema(), kernelEnv)
		if err != nil {
			t.Errorf("%q: %v", tc.expr, err)
			continue
		}
		if got := ep.Match(tc.e); got != tc.want || ep.Err() != nil {
			t.Errorf("%q: %v (%v), want %v", tc.expr, got, ep.Err(), tc.want)
		}
	}
}

// TestGlob follows the rules of the kernel's glob_match (lib/glob.c): a class
// without its end is a literal, ] may stand first in a class, ! inverts it.
func TestGlob(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		pat, s string
		want   bool
	}{
		{"a?", "a", false}, {"?b", "ab", true}, {"[a]x", "ax", true}, {"[!a]x", "ax", false}, {"[!a]x", "bx", true},
		{"[a-c]x", "bx", true}, {"[a-c]x", "dx", false}, {"[]]x", "]x", true}, {"[!]]x", "]x", false},
		{"[a-]x", "-x", true}, {"[]-a]x", "^x", true}, {"[!]-a]x", "^x", false}, {"[a", "[a", true},
		{"[a-", "[a-", true}, {`a\*b`, "a*b", true}, {`a\*b`, "axb", false}, {`a\`, "a", true}, {`a\`, `a\`, false},
		{"*a*b*c", "xaxbxc", true}, {"*aa*", "aaa", true}, {"a*b*", "acbd", true}, {"*bc?*", "abcx", true},
		{"*ab?", "abab", false}, {"*ab?", "ababc", true}, {"?", "", false}, {"*?", "x", true}, {"3*", "3x", false}, {"3*", "3*", true},
	} {
		e := w.event("ipi_send_cpu", header{pid: 1, comm: tc.s}, nil)
		x, err := filter.Parse("comm ~ '" + tc.pat + "'")
		if err != nil {
			t.Fatal(err)
		}
		ep, err := filter.Compile(x, e.Schema(), kernelEnv)
		if err != nil {
			t.Fatal(err)
		}
		if got := ep.Match(e); got != tc.want {
			t.Errorf("%q ~ %q: %v, want %v", tc.s, tc.pat, got, tc.want)
		}
	}
}

// TestNoSymbols compares .function with the names that the trace holds.
func TestNoSymbols(t *testing.T) {
	w := newWorld(t)
	e := w.event("ipi_send_cpu", header{pid: 1}, map[string]uint64{"callsite": 0xffffffff87874ae7})
	env := kernelEnv
	env.Symbols = nil
	for expr, want := range map[string]bool{
		"callsite.function == irq_work_queue_on":       true,
		"callsite.function != irq_work_queue_on":       false,
		"callsite.function == on_each_cpu_cond_mask":   false,
		"!( callsite.function == irq_work_queue_on ) ": false,
		"callback.function == irq_work_queue_on":       false,
	} {
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
		if w := ep.Warnings(); len(w) != 1 || w[0].Code != filter.CodeUnchecked {
			t.Errorf("%q: warnings %v", expr, w)
		}
	}
}

// TestBigEndian reads records of a big-endian kernel, one of which is cut off.
func TestBigEndian(t *testing.T) {
	table := trace.NewTable()
	table.Meta.BigEndian = true
	s := schema(t, "ipi_send_cpumask")
	table.AddSchema(s)
	b := make([]byte, 40)
	binary.BigEndian.PutUint32(b[8:], 8<<16|32)
	binary.BigEndian.PutUint64(b[16:], 0x1122)
	binary.BigEndian.PutUint64(b[32:], 0b1100)
	for expr, want := range map[string][2]bool{
		"cpumask == CPUS{2-3} && callsite == 0x1122": {true, false},
		"cpumask & CPUS{3}":                          {true, false},
		"cpumask != CPUS{3}":                         {true, false},
		"cpumask == 524320":                          {true, true},
		"callsite > 0x1122":                          {false, false},
		"callsite < 0x1123 && CPU == 0":              {true, true},
	} {
		x, err := filter.Parse(expr)
		if err != nil {
			t.Fatal(err)
		}
		ep, err := filter.Compile(x, s, kernelEnv)
		if err != nil {
			t.Fatal(err)
		}
		for i, record := range [][]byte{b, b[:36]} {
			e := new(trace.Event)
			e.Reset(table, &tracefmt.Decoder{BigEndian: true, LongSize: 8}, s, record)
			if got := ep.Match(e); got != want[i] || ep.Err() != nil {
				t.Errorf("%q on %d bytes: %v (%v), want %v", expr, len(record), got, ep.Err(), want[i])
			}
		}
	}
}

func TestMatchAllocs(t *testing.T) {
	w := newWorld(t)
	e := w.event("ipi_send_cpu", header{cpu: 1, pid: 42, comm: "membar"}, map[string]uint64{"cpu": 3, "callback": 0xffffffff877c5c10})
	m := w.event("ipi_send_cpumask", header{cpu: 1, pid: 42, comm: "membar"}, map[string]uint64{"cpumask": 0xe})
	p, err := filter.NewProgram([]string{
		"ipi_send_cpu: cpu & CPUS{2-3} && comm ~ '*mb*' && callback.function == generic_smp_call_function_single_interrupt",
		"ipi:*: comm ~ 'm?mb[a]r' && CPU == 1",
		"ipi_send_cpumask: cpumask & CPUS{2-3} && cpumask != CPUS{1}",
	}, kernelEnv)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Bind(w.table, true); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() {
		if !p.Match(e) || !p.Match(m) {
			t.Fatal("no match", p.Err())
		}
	}); n != 0 {
		t.Errorf("%v allocations per match", n)
	}
}

func BenchmarkMatch(b *testing.B) {
	w := newWorld(b)
	one := w.event("ipi_send_cpu", header{cpu: 1, pid: 42, comm: "membar"}, map[string]uint64{"cpu": 3, "callback": 0xffffffff877c5c10, "callsite": 0xffffffff87874ae7})
	many := w.event("ipi_send_cpumask", header{cpu: 1, pid: 42, comm: "membar"}, map[string]uint64{"cpumask": 0xe, "callback": 0xffffffff877c5c10, "callsite": 0xffffffff87874ae7})
	for _, bc := range []struct {
		name, expr string
		e          *trace.Event
	}{
		{"numbers", "ipi_send_cpu: cpu >= 2 && callback != 0 && common_pid > 0", one},
		{"cpus", "ipi_send_cpu: cpu & CPUS{2-3} && CPU == 1 && callback != 0", one},
		{"comm", "ipi_send_cpu: cpu & CPUS{2-3} && comm ~ 'm*r' && common_pid > 0", one},
		{"function", "ipi_send_cpu: cpu & CPUS{2-3} && callsite.function == irq_work_queue_on && CPU == 1", one},
		{"mask", "ipi_send_cpumask: cpumask & CPUS{2-3} && callback != 0 && CPU == 1", many},
		{"other event", "ipi_send_cpumask: cpumask & CPUS{2-3}", one},
	} {
		b.Run(bc.name, func(b *testing.B) {
			p, err := filter.NewProgram([]string{bc.expr}, kernelEnv)
			if err != nil {
				b.Fatal(err)
			}
			if err := p.Bind(w.table, true); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if p.Match(bc.e) {
					n++
				}
			}
			if n == 0 && bc.name != "other event" {
				b.Fatal("no match")
			}
		})
	}
}
