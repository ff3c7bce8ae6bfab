package filter

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Symbols resolves kernel symbols, as the kernel's own kallsyms does.
type Symbols interface {
	// Range returns the addresses start <= a < end that a symbol covers. Where
	// several symbols have the name, it is the first.
	Range(name string) (start, end uint64, ok bool)
	// RangeAt returns the range of the symbol that covers an address.
	RangeAt(addr uint64) (start, end uint64, ok bool)
}

// Env is what an expression's meaning depends on besides the event.
type Env struct {
	// NrCPUs is the kernel's nr_cpu_ids, 0 if nobody says it. Lists within
	// CPUS{} are then read for the largest machine, with a warning.
	NrCPUs int
	// Symbols may be nil: names after .function are then compared with the
	// names that the trace holds, and their existence is not checked.
	Symbols Symbols
	// LongSize is the size of the kernel's long in bytes, 0 for 8.
	LongSize int
	// Text says that events come from text. A field that was not printed, or
	// whose number was not printed, is then an error and not a false.
	Text bool
	// NoFlags says that the text lacks the column of common_flags and
	// common_preempt_count. EventPrograms find it out by themselves when they
	// meet an event without them.
	NoFlags bool
	// Extensions allows MASK{} and @isolated, which no kernel takes.
	Extensions bool
	// Isolated is the CPU list that @isolated stands for, empty if unknown.
	Isolated string
}

func (e Env) longSize() int {
	if e.LongSize == 0 {
		return 8
	}
	return e.LongSize
}

// A test is a term that was checked against its field.
type test struct {
	term       *Term
	field      field
	num        uint64       // Number; sign-extended if the field is signed
	mask       cpumask.Mask // CPUs
	start, end uint64       // the function's range, if ranged
	ranged     bool
}

// Check says what the kernel would say about src as the filter of one event:
// nil and the parsed expression, or the *Error that reading the filter file
// shows. The warnings tell what it accepts without making sense of it.
//
// Without a schema every field exists and takes every value.
//
// Whether an input of ours can evaluate the expression is another question:
// see Compile.
func Check(src string, s *trace.Schema, env Env) (*Expr, []Warning, error) {
	x, p, err := check(src, s, env)
	if err != nil {
		return nil, nil, err
	}
	return x, p.warns, nil
}

func check(src string, s *trace.Schema, env Env) (*Expr, *parser, error) {
	p := &parser{src: trimRight(src), schema: s, env: env}
	x, err := p.parse()
	if err != nil {
		return nil, nil, err
	}
	for i := range p.tests {
		p.judge(&p.tests[i])
	}
	if x.Trailing != "" {
		p.warn(CodeSpelling, "the %s at the end is ignored by kernels 6.12 to 7.2 and refused by newer ones", x.Trailing)
	}
	return x, p, nil
}

func (p *parser) warn(code, format string, args ...any) {
	w := Warning{Code: code, Text: fmt.Sprintf(format, args...)}
	if p.schema != nil {
		w.Event = p.schema.FullName()
	}
	if !slices.Contains(p.warns, w) {
		p.warns = append(p.warns, w)
	}
}

// judge warns of a comparison that is accepted but does not say what it seems
// to say.
func (p *parser) judge(v *test) {
	t, name := v.term, v.term.Field
	if name == "cpu" && v.field.class == classCPU {
		targets := ""
		if p.schema.Ref("cpumask") != trace.NoField {
			targets = "; the targets are `cpumask`"
		}
		p.warn(CodeRecordingCPU, "`cpu` on %s is the CPU that recorded the event, as CPU is: the event has no such field of its own%s", p.schema.Name, targets)
	}
	if t.Ustring && v.field.class != classPointer {
		p.warn(CodeMeaningless, "`%s`: .ustring is for char pointers and is ignored here", t)
	}
	switch t.Value.Kind {
	case CPUs:
		p.judgeCPUs(v)
	case Number:
		if !t.Function {
			p.judgeNumber(v)
		}
	case Quoted:
		p.judgeText(v)
	case Symbol:
		if !v.ranged {
			p.warn(CodeUnchecked, "`%s`: without symbols (--symbols) it is not known whether the kernel has this function", t)
		}
	}
}

func (p *parser) judgeCPUs(v *test) {
	t := v.term
	list := t.Value.Text
	if t.Value.Mask {
		p.warn(CodeSpelling, "MASK{} was never in a released kernel and is read as CPUS{%s} (Linux 6.6)", list)
	}
	if p.env.NrCPUs <= 0 {
		p.warn(CodeUnchecked, "`%s`: the machine's number of CPUs is not known (--nr-cpus), so the list is read for %d CPUs", t, maxCPUs)
	}
	n := v.mask.Count()
	switch {
	case v.field.class == classScalar && p.located(v.field):
		// the kernel takes a bitmap for a set of CPUs only if its type is called
		// cpumask_t (kernel/trace/trace_events.c, filter_assign_type); that of
		// ipi_raise is unsigned long[]
		p.warn(CodeMeaningless, "`%s` compares where the record keeps the data, not the CPUs in it: the event's format does not call the field a cpumask_t", t)
	case n == 0:
		p.warn(CodeMeaningless, "`%s`: the set is empty", t)
	case n == 1 || v.field.class == classCPUMask:
	case t.Op == OpEQ:
		p.warn(CodeMeaningless, "`%s` is never true, because one CPU does not equal a set of %d: did you mean %s & CPUS{%s}?", t, n, t.Field, list)
	case t.Op == OpNE:
		p.warn(CodeMeaningless, "`%s` is true for every CPU, because one CPU never equals a set of %d: did you mean !(%s & CPUS{%s})?", t, n, t.Field, list)
	}
}

func (p *parser) judgeNumber(v *test) {
	t, f := v.term, v.field
	switch {
	case f.class == classCPUMask:
		p.warn(CodeMeaningless, "`%s` compares where the record keeps the mask, not the CPUs in it: did you mean %s %s CPUS{%s}?", t, t.Field, maskOp(t.Op), asList(t.Op, v.num))
	case f.class == classCPU && t.Op == OpBand:
		p.warn(CodeMeaningless, "`%s` is never true: & on the recording CPU takes only a set, did you mean %s & CPUS{%s}?", t, t.Field, asList(t.Op, v.num))
	case f.class == classStack:
		p.warn(CodeMeaningless, "`%s` is never true: %s cannot be compared", t, t.Field)
	case f.class == classCPU:
		if int64(v.num) != int64(int32(v.num)) {
			p.warn(CodeTruncated, "`%s`: the number does not fit the field, the kernel compares with %d", t, int32(v.num))
		}
	case f.class == classScalar && !comparable(f.size):
		p.warn(CodeMeaningless, "`%s` is never true: the field has %d bytes, which is no number", t, f.size)
	case f.class == classScalar && p.located(f):
		p.warn(CodeMeaningless, "`%s` compares where the record keeps the data, not the data", t)
	case f.class == classScalar && !fits(v.num, f):
		p.warn(CodeTruncated, "`%s`: the number does not fit the field, the kernel compares with %d", t, cut(v.num, f))
	}
}

func (p *parser) located(f field) bool {
	return f.ref != trace.NoField && p.schema.Fields[f.ref].Loc != trace.Inline
}

func (p *parser) judgeText(v *test) {
	t, f := v.term, v.field
	size := 0
	switch f.class {
	case classComm:
		size = commLen
	case classStatic:
		size = int(f.size)
	}
	pat := newPattern(t.Value.Text, t.Op)
	switch {
	case pat.kind == matchEnd && size > 0 && pat.text != "":
		p.warn(CodeAnchored, "`%s` compares the end of the %d-byte array and so finds only texts of %d bytes: did you mean \"*%s*\"?", t, size, size-1, pat.text)
	case t.Op == OpGlob && pat.not:
		p.warn(CodeAnchored, "`%s`: the ! in the pattern inverts the match", t)
	case t.Op == OpGlob && pat.kind == matchFull && hasWildcard(pat.text):
		p.warn(CodeAnchored, "`%s`: a pattern that begins with a digit is compared as it stands", t)
	case t.Op != OpGlob && hasWildcard(t.Value.Text):
		p.warn(CodeMeaningless, "`%s` compares the wildcard as a character: did you mean ~?", t)
	case f.class == classComm && pat.kind == matchFull && len(pat.text) >= commLen:
		p.warn(CodeMeaningless, "`%s` is never equal: names of tasks have at most %d bytes", t, commLen-1)
	}
}

func comparable(size uint32) bool { return size == 1 || size == 2 || size == 4 || size == 8 }

// cut is what remains of n in a field of that size.
func cut(n uint64, f field) int64 {
	s := 64 - 8*f.size
	if f.signed {
		return int64(n<<s) >> s
	}
	return int64(n << s >> s)
}

func fits(n uint64, f field) bool { return f.size == 8 || cut(n, f) == int64(n) }

func maskOp(op Op) Op {
	if op == OpEQ || op == OpNE {
		return op
	}
	return OpBand
}

// asList guesses the CPUs after a number: a mask with &, else a CPU.
func asList(op Op, n uint64) string {
	if op != OpBand {
		return strconv.FormatUint(n, 10)
	}
	var m cpumask.Mask
	for i := range 64 {
		if n>>i&1 != 0 {
			m.Set(i)
		}
	}
	if m.IsEmpty() {
		return "0"
	}
	return m.String()
}
