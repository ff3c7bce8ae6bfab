package filter

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// verdict remembers what a pattern said about a name.
type verdict uint8

const (
	unasked verdict = iota
	isFalse
	isTrue
)

func verdictOf(ok bool) verdict {
	if ok {
		return isTrue
	}
	return isFalse
}

// runState is what a program keeps from event to event.
type runState struct {
	table *trace.Table
	mask  cpumask.Mask // scratch
	addrs []address    // of symbols, by SymbolID
	err   error        // the first event that could not be judged
	noted bool         // an event had no known comm
}

type address struct {
	asked, known bool
	addr         uint64
	name         string
}

// commCache holds a pattern's verdict on every name seen so far. The idle tasks
// have their own, because traces print all of them as <idle> while the kernel
// compares with swapper/N.
type commCache struct {
	names []verdict // by NameID
	idle  []verdict // by CPU
}

// Match reports whether the kernel's filter would have let e through. e must be
// an event of the program's schema. An event that cannot be judged does not
// match, and Err says why. Match does not allocate, except to remember names
// and symbols that it sees for the first time.
func (ep *EventProgram) Match(e *trace.Event) bool {
	if ep.state.table != e.Table() {
		ep.rebind(e)
	}
	i := ep.entry
	for i >= 0 {
		p := &ep.preds[i]
		var n uint64
		ok := true
		switch p.origin {
		case loadWord:
			b := e.Payload()
			if ok = uint64(p.off)+4 <= uint64(len(b)); ok {
				n = uint64(binary.LittleEndian.Uint32(b[p.off:]))
			}
		case loadLong:
			b := e.Payload()
			if ok = uint64(p.off)+8 <= uint64(len(b)); ok {
				n = binary.LittleEndian.Uint64(b[p.off:])
			}
		case loadCPU:
			n = uint64(int64(e.CPU))
		case loadPID:
			n = uint64(int64(e.PID))
		case loadOther:
			if ep.testOther(p, e) {
				i = p.yes
			} else {
				i = p.no
			}
			continue
		default:
			n, ok = ep.load(p, e)
		}
		if p.kind == predSpan {
			ok = ok && ((n<<p.shift^p.flip)-p.lo <= p.span) != p.not
		} else {
			ok = ok && ep.within(p, n)
		}
		if ok {
			i = p.yes
		} else {
			i = p.no
		}
	}
	// a predicate without an answer must not become an answer after a !
	return i == accept && ep.state.err == nil
}

// Err reports the first event that could not be judged: its text lacks a field
// or a column, or prints a name where a number is compared. No event matches
// after it.
func (ep *EventProgram) Err() error { return ep.state.err }

// rebind forgets what belongs to another trace.
func (ep *EventProgram) rebind(e *trace.Event) {
	t := e.Table()
	ep.state.table, ep.state.addrs, ep.state.err = t, nil, nil
	if !ep.env.Text && e.At.Line > 0 {
		ep.state.err = &EvalError{Event: ep.schema.FullName(), Expr: ep.expr.Src, Msg: "the filter was compiled for binary records and met text"}
	}
	for i := range ep.preds {
		p := &ep.preds[i]
		p.symbols, p.comms = nil, commCache{}
		if t.Meta.BigEndian {
			p.words = nil
			if p.origin == loadWord || p.origin == loadLong {
				p.origin = loadField
			}
		}
	}
}

// within judges bits and sets. The kernel keeps a CPU in an unsigned int and
// lets none beyond the last CPU pass, not even with !=
// (DEFINE_CPUMASK_COMPARISON_PRED).
func (ep *EventProgram) within(p *pred, n uint64) bool {
	if p.kind == predBits {
		return n<<p.shift&p.lo != 0
	}
	cpu := uint32(n << p.shift >> p.shift)
	switch {
	case ep.env.NrCPUs > 0 && cpu >= uint32(ep.env.NrCPUs):
		return false
	case p.kind == predNotSet:
		return true
	case cpu < 64:
		return p.lo>>cpu&1 != 0
	}
	return cpu < cpumask.MaxCPUs && p.t.mask.Has(int(cpu))
}

// testOther judges what is no number.
func (ep *EventProgram) testOther(p *pred, e *trace.Event) bool {
	switch p.kind {
	case predComm:
		return ep.comm(p, e)
	case predText:
		return ep.text(p, e)
	case predSymbol:
		return ep.symbol(p, e)
	}
	return ep.cpumask(p, e)
}

// load gets a number. It is false if the event does not hold it, which is an
// error in a text and damage in a record.
func (ep *EventProgram) load(p *pred, e *trace.Event) (uint64, bool) {
	switch p.origin {
	case loadField:
		if n, ok := e.Uint(p.ref); ok {
			return n, true
		}
		return ep.addressOf(p, e)
	case loadConst:
		return p.constant, true
	case loadRaw:
		return ep.raw(p, e)
	}
	if !e.HasFlags {
		return 0, ep.fail(p, "the text has no column with the flags")
	}
	if p.origin == loadFlags {
		return uint64(e.Flags), true
	}
	return uint64(e.Preempt), true
}

// raw reads a field that is no number to us, but one to the kernel, which only
// looks at its size.
func (ep *EventProgram) raw(p *pred, e *trace.Event) (uint64, bool) {
	f := &ep.schema.Fields[p.ref]
	b := e.Payload()
	if uint64(f.Off)+uint64(f.Size) > uint64(len(b)) {
		return 0, false
	}
	b = b[f.Off : f.Off+f.Size]
	var order binary.ByteOrder = binary.LittleEndian
	if e.Table().Meta.BigEndian {
		order = binary.BigEndian
	}
	switch len(b) {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(order.Uint16(b)), true
	case 4:
		return uint64(order.Uint32(b)), true
	case 8:
		return order.Uint64(b), true
	}
	return 0, false
}

// addressOf turns a printed symbol back into its address.
func (ep *EventProgram) addressOf(p *pred, e *trace.Event) (uint64, bool) {
	if !ep.env.Text {
		return 0, false // a record that ends early
	}
	id, ok := e.Symbol(p.ref)
	if !ok {
		return 0, ep.fail(p, "the text of the event does not hold this number")
	}
	for int(id) >= len(ep.state.addrs) {
		ep.state.addrs = append(ep.state.addrs, address{})
	}
	a := &ep.state.addrs[id]
	if !a.asked {
		sym := e.Table().SymbolOf(id)
		a.asked, a.name = true, sym.Name
		a.addr, a.known = ep.resolve(sym)
	}
	if a.known {
		return a.addr, true
	}
	// What no symbol is known for still lies in a function of that name, and is
	// not NULL.
	switch v := p.t; {
	case v.ranged && a.name == v.term.Value.Text:
		return v.start, true
	case v.ranged && v.term.Value.Kind == Symbol, v.num == 0 && (v.term.Op == OpEQ || v.term.Op == OpNE):
		return ^uint64(0), true
	}
	return 0, ep.fail(p, "the text prints the address as "+e.Table().SymbolOf(id).String()+", which the symbols (--symbols) do not resolve")
}

func (ep *EventProgram) resolve(s trace.Symbol) (uint64, bool) {
	if ep.env.Symbols != nil {
		if start, _, ok := ep.env.Symbols.Range(s.Name); ok {
			return start + s.Offset, true
		}
	}
	if addr, ok := parseUnsigned(s.Name); ok {
		return addr, true
	}
	addr, err := strconv.ParseUint(s.Name, 16, 64)
	return addr, err == nil
}

// symbol compares the name of the symbol that an address field points at.
func (ep *EventProgram) symbol(p *pred, e *trace.Event) bool {
	id, ok := e.Symbol(p.ref)
	if !ok {
		if _, number := e.Uint(p.ref); !number {
			return ep.fail(p, "the event does not hold this symbol")
		}
		return p.not // an address that no symbol is known for
	}
	for int(id) >= len(p.symbols) {
		p.symbols = append(p.symbols, unasked)
	}
	if p.symbols[id] == unasked {
		p.symbols[id] = verdictOf((e.Table().SymbolOf(id).Name == p.t.term.Value.Text) != p.not)
	}
	return p.symbols[id] == isTrue
}

// recordMask compares the words of a binary record's mask with those of the
// set. known is false if they are not where the record says.
func (p *pred) recordMask(b []byte) (intersects, equal, known bool) {
	if uint64(p.off)+4 > uint64(len(b)) {
		return
	}
	loc := binary.LittleEndian.Uint32(b[p.off:])
	off, size := int(loc&0xffff), int(loc>>16)
	if off+size > len(b) || size%8 != 0 {
		return
	}
	b = b[off : off+size]
	equal = true
	for i, w := range p.words {
		var v uint64
		if 8*i+8 <= len(b) {
			v = binary.LittleEndian.Uint64(b[8*i:])
		}
		intersects = intersects || v&w != 0
		equal = equal && v == w
	}
	for i := 8 * len(p.words); equal && i < len(b); i++ {
		equal = b[i] == 0
	}
	return intersects, equal, true
}

func (ep *EventProgram) cpumask(p *pred, e *trace.Event) bool {
	if p.words != nil {
		intersects, equal, known := p.recordMask(e.Payload())
		switch p.kind {
		case predMaskAnd:
			return intersects
		case predMaskEQ:
			return equal
		}
		return known && !equal
	}
	m := &ep.state.mask
	if !e.Mask(p.ref, m) {
		return ep.env.Text && ep.fail(p, "the text of the event does not hold this CPU set")
	}
	switch p.kind {
	case predMaskEQ:
		return m.Equal(&p.t.mask)
	case predMaskNE:
		return !m.Equal(&p.t.mask)
	}
	return m.Intersects(&p.t.mask)
}

func (ep *EventProgram) text(p *pred, e *trace.Event) bool {
	s, ok := e.Bytes(p.ref)
	if !ok {
		return ep.env.Text && ep.fail(p, "the text of the event does not hold this field")
	}
	for i, c := range s {
		if c == 0 {
			s = s[:i]
			break
		}
	}
	size := p.text.size
	if size == 0 {
		size = len(s) + 1
	}
	return p.text.match(s, size)
}

func (ep *EventProgram) comm(p *pred, e *trace.Event) bool {
	if e.PID == 0 {
		return p.idle(e.CPU)
	}
	id := int(e.Comm)
	for id >= len(p.comms.names) {
		p.comms.names = append(p.comms.names, unasked)
	}
	v := p.comms.names[id]
	if v == unasked {
		name := e.Table().NameOf(e.Comm)
		if name == "<...>" || name == "" {
			ep.state.noted = true
		}
		v = verdictOf(p.text.match([]byte(name), commLen))
		p.comms.names[id] = v
	}
	return v == isTrue
}

// idle compares with the name of a CPU's idle task (init_idle, kernel/sched/core.c).
func (p *pred) idle(cpu int32) bool {
	if cpu < 0 || cpu >= cpumask.MaxCPUs {
		return p.text.match([]byte("swapper/"+strconv.Itoa(int(cpu))), commLen)
	}
	for int(cpu) >= len(p.comms.idle) {
		p.comms.idle = append(p.comms.idle, unasked)
	}
	if p.comms.idle[cpu] == unasked {
		p.comms.idle[cpu] = verdictOf(p.text.match([]byte("swapper/"+strconv.Itoa(int(cpu))), commLen))
	}
	return p.comms.idle[cpu] == isTrue
}

// fail keeps the first event that could not be judged. It returns false.
func (ep *EventProgram) fail(p *pred, why string) bool {
	if ep.state.err == nil {
		ep.state.err = &EvalError{
			Event: ep.schema.FullName(), Expr: p.t.term.String(),
			Msg: fmt.Sprintf("%s (field %s)", why, p.t.term.Field),
		}
	}
	return false
}
