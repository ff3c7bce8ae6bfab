package trace

import "github.com/ipiscope/ipiscope/parser/cpumask"

// Flags are the bits of common_flags as the kernel records them
// (include/linux/trace_events.h, enum trace_flag_type). Text inputs are mapped
// back to these bits.
type Flags uint8

const (
	FlagIRQsOff Flags = 1 << iota
	// FlagNeedReschedLazy was IRQS_NOSUPPORT before the lazy preemption
	// change of 6.13 (and in the PREEMPT_RT trees before it).
	FlagNeedReschedLazy
	FlagNeedResched
	FlagHardIRQ
	FlagSoftIRQ
	FlagPreemptResched
	FlagNMI
	FlagBHOff

	// FlagsContext are the bits that name the context an event ran in.
	FlagsContext = FlagHardIRQ | FlagSoftIRQ | FlagNMI
)

// An Event is one trace record. It belongs to its Source and is valid until
// the next Scan; CopyTo is the one way to keep it.
//
// The header fields are decoded before Scan returns, the payload when a field
// is asked for.
type Event struct {
	Time     Time
	Seq      uint64 // position within its CPU's buffer, or the line number of a text
	CPU      int32  // the recording CPU
	PID      int32
	TGID     int32 // -1 if the input does not say
	ID       EventID
	Comm     NameID
	Instance NameID // name of the trace instance, 0 for the top buffer
	Flags    Flags
	// Preempt is common_preempt_count: preempt depth in the low nibble (15 is
	// "15 or more"), migrate-disable depth in the high one.
	Preempt uint8
	// HasFlags is false when the input does not hold Flags and Preempt, as in
	// text that was printed without that column.
	HasFlags bool
	At       Pos

	payload []byte
	behind  int // bytes after the payload, within its capacity
	schema  *Schema
	table   *Table
	dec     Decoder
	// What Stack and Symbol returned: each analyzer asks for them.
	stack      StackID
	hasStack   bool
	numSymbols uint8
	symbols    [2]knownSymbol
}

func (*Event) record() {}

// A Decoder reads fields out of payloads. Each input format has one; Events
// call it, nobody else does.
type Decoder interface {
	// Uint returns an integer field; a signed field is sign-extended.
	Uint(e *Event, f *Field) (uint64, bool)
	// Bytes returns the bytes of a string or array field (strings end before
	// their NUL), or the text of any field of a text input.
	Bytes(e *Event, f *Field) ([]byte, bool)
	// Symbol returns the symbol of a field that holds a kernel address.
	Symbol(e *Event, f *Field) (SymbolID, bool)
	// Mask stores a cpumask field.
	Mask(e *Event, f *Field, m *cpumask.Mask) bool
	// Stack returns the interned stack of a kernel_stack or user_stack event.
	Stack(e *Event) (StackID, bool)
}

// Reset makes e an event with that payload; the caller sets the header fields
// afterwards. It is for Sources.
func (e *Event) Reset(t *Table, d Decoder, s *Schema, payload []byte) {
	// One by one: most of an Event is memory for symbols, and there is one for each
	// record. symbols counts only up to numSymbols.
	e.Time, e.Seq, e.CPU, e.PID, e.TGID = 0, 0, 0, 0, -1
	e.ID, e.Comm, e.Instance = s.ID, 0, 0
	e.Flags, e.Preempt, e.HasFlags, e.At = 0, 0, false, Pos{}
	e.payload, e.behind, e.schema, e.table, e.dec = payload, 0, s, t, d
	e.stack, e.hasStack, e.numSymbols = 0, false, 0
}

// Schema describes the event's fields.
func (e *Event) Schema() *Schema { return e.schema }

// Table is the table that the event's ids belong to.
func (e *Event) Table() *Table { return e.table }

// Payload returns the undecoded bytes: the binary record, or the text after
// the event name.
func (e *Event) Payload() []byte { return e.payload }

// Behind returns what follows the record in its page, where the Source kept it.
func (e *Event) Behind() []byte { return e.payload[len(e.payload):][:e.behind] }

// KeepBehind says that n bytes after the payload, within its capacity, follow
// the record in its page. It is for Sources.
func (e *Event) KeepBehind(n int) { e.behind = n }

// Uint returns an integer field, sign-extended if the field is signed. It is
// false if the event has no such field or the input does not hold its number.
func (e *Event) Uint(f FieldRef) (uint64, bool) {
	if f < 0 {
		return 0, false
	}
	return e.dec.Uint(e, &e.schema.Fields[f])
}

// Bytes returns the bytes of a field: those of a string without its NUL, the
// printed text of any field of a text input. They are valid until the next
// Scan.
func (e *Event) Bytes(f FieldRef) ([]byte, bool) {
	if f < 0 {
		return nil, false
	}
	return e.dec.Bytes(e, &e.schema.Fields[f])
}

// Symbol returns the kernel symbol that an address field points at.
func (e *Event) Symbol(f FieldRef) (SymbolID, bool) {
	if f < 0 {
		return 0, false
	}
	known := e.symbols[:e.numSymbols]
	for i := range known {
		if known[i].field == f {
			return known[i].id, true
		}
	}
	id, ok := e.dec.Symbol(e, &e.schema.Fields[f])
	if ok && len(known) < len(e.symbols) {
		e.symbols[len(known)] = knownSymbol{f, id}
		e.numSymbols++
	}
	return id, ok
}

// knownSymbol is the symbol of a field that was asked for.
type knownSymbol struct {
	field FieldRef
	id    SymbolID
}

// Mask stores a CPU set field in m and reports whether there was one.
func (e *Event) Mask(f FieldRef, m *cpumask.Mask) bool {
	if f < 0 {
		return false
	}
	return e.dec.Mask(e, &e.schema.Fields[f], m)
}

// Stack returns the stack that a stack event carries, 0 for other events.
func (e *Event) Stack() StackID {
	if !e.schema.IsStack {
		return 0
	}
	if !e.hasStack {
		e.stack, _ = e.dec.Stack(e)
		e.hasStack = true
	}
	return e.stack
}

// Depth is the preempt depth, 0 to 15.
func (e *Event) Depth() uint8 { return e.Preempt & 0xf }

// A Context is what runs on a CPU and at which depth of interruption. Of an input
// without flags only the PID is known.
type Context struct {
	PID   int32
	Flags Flags // of FlagsContext
	Depth uint8
}

// Context returns the context that e was recorded in.
func (e *Event) Context() Context { return Context{e.PID, e.Flags & FlagsContext, e.Depth()} }

// level is 0 in a task, 1 in a softirq, 2 in a hardirq, 3 in an NMI.
func (c Context) level() int {
	switch {
	case c.Flags&FlagNMI != 0:
		return 3
	case c.Flags&FlagHardIRQ != 0:
		return 2
	case c.Flags&FlagSoftIRQ != 0:
		return 1
	}
	return 0
}

// Interrupts reports whether c may have begun on o's CPU while o went on, so that
// an event of c can stand between two of o that were recorded at once, such as an
// event and its stack. The recorder does so at o's own level when it wakes its
// reader (kernel/trace/ring_buffer.c, rb_wakeups). An interrupt has the PID of
// the task that it interrupts.
func (c Context) Interrupts(o Context) bool { return c.PID == o.PID && c.Nesting() > o.Nesting() }

// Nesting orders contexts of one task by how deep they are.
func (c Context) Nesting() int { return c.level()<<4 | int(c.Depth) }

// CopyTo copies e into dst, which then no longer depends on the Source except
// for the Table. The payload buffer of dst is reused.
func (e *Event) CopyTo(dst *Event) {
	n := len(e.payload)
	buf := append(dst.payload[:0], e.payload[:n+e.behind]...)
	*dst = *e
	dst.payload = buf[:n]
}
