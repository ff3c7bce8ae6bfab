package filter

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// An EventProgram evaluates one expression on the events of one schema. It
// keeps what it learned about names and symbols, so it is not safe for
// concurrent use, and it serves one Table at a time.
type EventProgram struct {
	expr   *Expr
	schema *trace.Schema
	env    Env
	tests  []test
	warns  []Warning

	preds []pred
	entry int16
	state runState
}

// The targets of a jump that are no predicates.
const (
	accept = -1
	reject = -2
)

// predKind is what a predicate does with its event.
type predKind uint8

const (
	predSpan    predKind = iota // a number lies in a span: == != < <= > >= and .function
	predBits                    // a number has one of the bits
	predSet                     // a number is a CPU of the mask
	predNotSet                  // a number is a CPU at all; != a set is true for each
	predMaskEQ                  // cpumask == mask
	predMaskNE                  //
	predMaskAnd                 // cpumask intersects mask
	predText                    // pattern matches a text field
	predComm                    // pattern matches the name of the task
	predSymbol                  // name of the symbol that an address points at
)

// A pred is a term made ready to run. Where it goes from here is in yes and no.
//
// All comparisons of numbers are one: x = n<<shift ^ flip moves the field's bits
// to the top, so that what is beyond its width drops out, and turns signed order
// into unsigned order; then x - lo <= span in wrapping arithmetic, or not.
type pred struct {
	kind     predKind
	origin   loadFrom
	shift    uint8 // 64 - bits of the field
	not      bool  // of predSpan and predSymbol
	yes, no  int16
	off      uint32 // of loadWord and loadLong
	flip     uint64 // 1<<63 for signed order
	lo, span uint64 // lo is also the bits of predBits and the first 64 CPUs of predSet
	ref      trace.FieldRef
	t        *test // mask, and the term for errors
	*extra
}

// An extra is what only some kinds need. It lies apart so that a pred fills one
// cache line.
type extra struct {
	constant uint64 // of loadConst
	comms    commCache
	text     textTest
	words    []uint64  // of predMask kinds that read a little-endian record
	symbols  []verdict // by SymbolID
}

// A textTest is the pattern of predText and predComm.
type textTest struct {
	pattern
	size int // of the array that a text is in, 0 if it is as long as its text
}

// loadFrom says how a predicate gets its number.
type loadFrom uint8

const (
	loadField   loadFrom = iota // Event.Uint, or a printed symbol's address
	loadWord                    // 4 bytes of a little-endian record
	loadLong                    // 8 bytes of one
	loadCPU                     // the header
	loadPID                     //
	loadFlags                   //
	loadPreempt                 //
	loadConst                   // the same for all events
	loadRaw                     // a binary field that is a number to the kernel alone
	loadOther                   // no number
)

// Compile makes a program of x for the events of s. The error is an *Error if
// the kernel would refuse x for this event, and an *EvalError if it would not
// but the input cannot answer: a field that a text does not hold, a string that
// is not in the record.
func Compile(x *Expr, s *trace.Schema, env Env) (*EventProgram, error) {
	x, p, err := check(x.Src, s, env)
	if err != nil {
		return nil, err
	}
	ep := &EventProgram{expr: x, schema: s, env: env, tests: p.tests, warns: p.warns, entry: accept}
	if x.Root == nil {
		return ep, nil
	}
	g := generator{ep: ep}
	ep.entry, err = g.node(x.Root, accept, reject)
	if err != nil {
		return nil, err
	}
	return ep, nil
}

// Warnings tells what the kernel accepts in the expression without making sense
// of it.
func (ep *EventProgram) Warnings() []Warning { return ep.warns }

// Expr returns the expression.
func (ep *EventProgram) Expr() *Expr { return ep.expr }

type generator struct{ ep *EventProgram }

// maxPreds keeps jump targets within 16 bits; the kernel's limit of one page
// per filter is reached long before.
const maxPreds = 1 << 14

// node lays out the code of n, which goes to yes or no, after what it jumps
// to, and returns its entry.
func (g *generator) node(n Node, yes, no int16) (int16, error) {
	switch n := n.(type) {
	case *And:
		y, err := g.node(n.Y, yes, no)
		if err != nil {
			return 0, err
		}
		return g.node(n.X, y, no)
	case *Or:
		y, err := g.node(n.Y, yes, no)
		if err != nil {
			return 0, err
		}
		return g.node(n.X, yes, y)
	case *Not:
		return g.node(n.X, no, yes)
	case *Term:
		return g.term(&g.ep.tests[n.index], yes, no)
	}
	return reject, nil
}

func (g *generator) term(v *test, yes, no int16) (int16, error) {
	pr := pred{t: v, extra: new(extra), ref: v.field.ref, yes: yes, no: no}
	constant, result, err := g.fill(&pr, v)
	switch {
	case err != nil:
		return 0, err
	case constant && result:
		return yes, nil
	case constant:
		return no, nil
	case len(g.ep.preds) >= maxPreds:
		return 0, g.cannot(v, "the filter has too many terms")
	}
	g.ep.preds = append(g.ep.preds, pr)
	return int16(len(g.ep.preds) - 1), nil
}

func (g *generator) cannot(v *test, format string, args ...any) error {
	return &EvalError{Event: g.ep.schema.FullName(), Expr: v.term.String(), Msg: fmt.Sprintf(format, args...)}
}

// fill chooses the predicate for a term as the end of parse_pred does. A term
// that is the same for every event is constant.
func (g *generator) fill(pr *pred, v *test) (constant, result bool, err error) {
	switch v.term.Value.Kind {
	case Quoted:
		return false, false, g.text(pr, v)
	case Bare:
		return false, false, g.cannot(v, "the kernel takes this from perf alone, and as a list of functions, not as a filter of events")
	case Symbol:
		return false, false, g.function(pr, v)
	case CPUs:
		return g.cpus(pr, v)
	}
	if v.term.Function {
		return false, false, g.function(pr, v)
	}
	if v.field.class == classCPU {
		return g.recordingCPU(pr, v.term.Op, v.num)
	}
	if v.field.class == classStack || v.field.class != classAny && !comparable(v.field.size) {
		return true, false, nil // FILTER_PRED_FN_NOP, != included
	}
	return g.number(pr, v, v.term.Op, v.num, v.field.signed)
}

// number makes the comparison of a number, in the field's width.
func (g *generator) number(pr *pred, v *test, op Op, n uint64, signed bool) (constant, result bool, err error) {
	if err := g.load(pr, v); err != nil {
		return false, false, err
	}
	if v.field.class == classAny {
		signed = strings.HasPrefix(v.term.Value.Text, "-")
	}
	constant, result = pr.compare(op, n, signed)
	return constant, result, nil
}

// compare fills in the span of numbers that pass. It is constant if all or none
// do.
func (p *pred) compare(op Op, n uint64, signed bool) (constant, result bool) {
	p.kind = predSpan
	if op == OpBand {
		p.kind, p.lo = predBits, n<<p.shift
		return p.lo == 0, false
	}
	if signed {
		p.flip = 1 << 63
	}
	x := n<<p.shift ^ p.flip
	switch op {
	case OpEQ, OpNE:
		p.lo, p.not = x, op == OpNE
	case OpLE, OpGT:
		p.span, p.not = x, op == OpGT
	case OpLT, OpGE:
		p.span, p.not = x-1, op == OpGE
		return x == 0, p.not
	}
	return false, false
}

// load finds out where the number comes from, and that it does come.
func (g *generator) load(pr *pred, v *test) error {
	size := v.field.size
	if v.field.class == classAny {
		size = 8
	}
	pr.shift = uint8(64 - 8*size)
	switch v.field.origin {
	case fromFlags, fromPreempt:
		if g.ep.env.NoFlags {
			return g.cannot(v, "the text has no column with the flags")
		}
		pr.origin = loadFlags
		if v.field.origin == fromPreempt {
			pr.origin = loadPreempt
		}
		return nil
	case fromPID:
		pr.origin = loadPID
		return nil
	case fromType:
		if g.ep.schema.Type < 0 {
			return g.cannot(v, "the input does not hold the event's number")
		}
		pr.origin, pr.constant = loadConst, uint64(g.ep.schema.Type)
		return nil
	}
	f := &g.ep.schema.Fields[v.field.ref]
	switch {
	case !g.ep.env.Text && (f.Loc != trace.Inline || f.Kind != trace.KindInt && f.Kind != trace.KindPointer && f.Kind != trace.KindUnknown):
		pr.origin = loadRaw
	case g.ep.env.Text && f.Common:
		return g.cannot(v, "the text does not hold %s", f.Name)
	case g.ep.env.Text && f.Loc != trace.Inline:
		return g.location(pr, v, f)
	}
	if !g.ep.env.Text && pr.origin == loadField {
		pr.off = f.Off
		switch f.Size {
		case 4:
			pr.origin = loadWord
		case 8:
			pr.origin = loadLong
		}
	}
	return g.printed(v, f)
}

// location gives the word that a record would hold for the only field of
// variable length: length<<16 | offset. It is what the kernel compares when a
// cpumask meets a number, and no text holds it. Offsets are known from a format
// file alone, which also gives the event's number.
func (g *generator) location(pr *pred, v *test, f *trace.Field) error {
	var end uint32
	known := f.Kind == trace.KindMask && f.Loc == trace.DataLoc && g.ep.env.NrCPUs > 0 && g.ep.schema.Type >= 0
	for i := range g.ep.schema.Fields {
		o := &g.ep.schema.Fields[i]
		known = known && (o.Loc == trace.Inline || o == f) && o.Size > 0
		end = max(end, o.Off+o.Size)
	}
	if !known {
		return g.cannot(v, "the text does not hold the number that the kernel compares here, and it cannot be computed without the format files (--event-formats) and the number of CPUs (--nr-cpus)")
	}
	long := g.ep.env.longSize()
	size := (g.ep.env.NrCPUs + 8*long - 1) / (8 * long) * long
	pr.origin, pr.constant = loadConst, uint64(size)<<16|uint64(end)
	return nil
}

// printed reports a field that the event has but its text does not show. Where
// the print format is not known, it shows when an event comes.
func (g *generator) printed(v *test, f *trace.Field) error {
	if g.ep.env.Text && g.ep.schema.Print != "" && !mentions(g.ep.schema.Print, f.Name) {
		return g.cannot(v, "the text does not print the field %s", f.Name)
	}
	return nil
}

// mentions looks for a whole word.
func mentions(s, word string) bool {
	for from := 0; ; {
		i := strings.Index(s[from:], word)
		if i < 0 {
			return false
		}
		i += from
		from = i + len(word)
		if (i == 0 || !wordByte(s[i-1])) && (from == len(s) || !wordByte(s[from])) {
			return true
		}
	}
}

func wordByte(c byte) bool { return isAlnum(c) || c == '_' }

func (g *generator) text(pr *pred, v *test) error {
	pr.text = textTest{pattern: newPattern(v.term.Value.Text, v.term.Op)}
	switch v.field.class {
	case classComm:
		pr.kind, pr.origin = predComm, loadOther
		return nil
	case classPointer:
		if v.term.Ustring {
			return g.cannot(v, "the text was in the memory of a process and is not in the record")
		}
		return g.cannot(v, "the record holds the address of the text, not the text")
	case classStatic:
		pr.text.size = int(v.field.size)
	}
	pr.kind, pr.origin = predText, loadOther
	f := &g.ep.schema.Fields[v.field.ref]
	if g.ep.env.Text && f.Common {
		return g.cannot(v, "the text does not hold %s", f.Name)
	}
	return g.printed(v, f)
}

func (g *generator) function(pr *pred, v *test) error {
	pr.not = v.term.Op == OpNE
	if v.ranged {
		err := g.load(pr, v)
		pr.lo, pr.span = v.start<<pr.shift, (v.end-v.start-1)<<pr.shift
		return err
	}
	if v.term.Value.Kind == Number {
		return g.cannot(v, "which function holds the address is not known without symbols (--symbols)")
	}
	pr.kind, pr.origin = predSymbol, loadOther
	if v.field.origin != fromPayload {
		return g.cannot(v, "the field holds no address")
	}
	return g.printed(v, &g.ep.schema.Fields[v.field.ref])
}

// cpus makes the comparison with a set. A set of one CPU is a number to the
// kernel, and & with it is ==.
func (g *generator) cpus(pr *pred, v *test) (constant, result bool, err error) {
	op := v.term.Op
	class := v.field.class
	if class == classAny && v.field.ref != trace.NoField && g.ep.schema.Fields[v.field.ref].Kind == trace.KindMask {
		class = classCPUMask
	}
	if class == classCPUMask {
		return false, false, g.cpumask(pr, v)
	}
	if v.mask.Count() == 1 {
		if op == OpBand {
			op = OpEQ
		}
		one := uint64(v.mask.First())
		if class == classCPU {
			return g.recordingCPU(pr, op, one)
		}
		if class == classScalar && !comparable(v.field.size) {
			return true, false, nil
		}
		return g.number(pr, v, op, one, false)
	}
	pr.lo = words(&v.mask)[0]
	switch {
	case class == classCPU && op == OpNE:
		return true, true, nil
	case op == OpEQ, class == classScalar && !comparable(v.field.size):
		return true, false, nil
	case class == classCPU:
		pr.kind, pr.origin = predSet, loadCPU
		return false, false, nil
	}
	pr.kind = predSet
	if op == OpNE {
		pr.kind = predNotSet
	}
	return false, false, g.load(pr, v)
}

func (g *generator) cpumask(pr *pred, v *test) error {
	pr.origin = loadOther
	switch v.term.Op {
	case OpEQ:
		pr.kind = predMaskEQ
	case OpNE:
		pr.kind = predMaskNE
	default:
		pr.kind = predMaskAnd
	}
	f := &g.ep.schema.Fields[v.field.ref]
	if !g.ep.env.Text && f.Loc == trace.DataLoc && g.ep.env.longSize() == 8 {
		pr.off, pr.words = f.Off, words(&v.mask)
	}
	return g.printed(v, f)
}

// words lays a mask out as the kernel's array of longs does, in at least one.
func words(m *cpumask.Mask) []uint64 {
	out := make([]uint64, max(m.Last(), 0)/64+1)
	for cpu := range m.All() {
		out[cpu/64] |= 1 << (cpu % 64)
	}
	return out
}

// recordingCPU compares the CPU that an event was recorded on, as a C int
// (filter_pred_cpu). It knows no & with a number.
func (g *generator) recordingCPU(pr *pred, op Op, n uint64) (constant, result bool, err error) {
	pr.origin = loadCPU
	constant, result = pr.compare(op, uint64(int64(int32(n))), true)
	return constant || op == OpBand, result, nil
}
