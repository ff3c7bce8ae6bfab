package track

import (
	"bytes"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Brackets pairs the entry and exit events of interrupting work, per CPU.
// Interrupts nest: the innermost open bracket of the same kind and identity is
// the one that an exit closes. A gap in a CPU's events ends all that is open on
// it: how long that took is not known.
type Brackets struct {
	cfg   BracketConfig
	table *trace.Table
	roles []bracketRole // by EventID
	cpus  []bracketCPU
	// entered are the kinds of entry events seen so far on any CPU: events are
	// switched on one after the other, and exits that come before the first
	// entry of their kind lie at the start of the recording
	entered []bracketID
	// Runs says what became of the entry and exit events.
	Runs [NumBracketKinds]Account
}

// BracketConfig says where Brackets delivers. A *Bracket is valid until it is
// closed or dropped, and during that call.
type BracketConfig struct {
	// Wants is asked for each kind and name of brackets, once for each event;
	// nil wants all.
	Wants func(BracketKind, string) bool
	Open  func(*trace.Event, *Bracket)
	Close func(*trace.Event, *Bracket)
	// Drop ends a bracket that has no exit. Its End is not known.
	Drop func(*Bracket, Reason)
}

type bracketCPU struct {
	open []Bracket // outermost first
	// seen are the identities that were entered since the start of the trace or
	// the last gap: an exit of any other was open then
	seen []bracketID
	gap  bool
	// unpaired are the entries and exits whose counterpart should be there
	unpaired [NumBracketKinds]uint64
}

type bracketID struct {
	kind BracketKind
	id   uint64
	name trace.NameID
}

type bracketRole struct {
	known, wanted bool
	entry         bool
	noted         bool // in Brackets.entered
	kind          BracketKind
	name          trace.NameID // of the vector
	lines         lineSet
	id, text      trace.FieldRef
}

// maxNesting bounds the open brackets of a CPU: softirq, hardirq and NMI with a
// call each are fewer.
const maxNesting = 16

// maxSeen bounds what is remembered of a CPU: the interrupts it handles are few.
const maxSeen = 256

// NewBrackets returns a Brackets for the events of one table.
func NewBrackets(t *trace.Table, cfg BracketConfig) *Brackets {
	return &Brackets{cfg: cfg, table: t}
}

// BracketEvents are the events that Brackets reads.
func BracketEvents() []string {
	names := []string{"irq_handler_entry", "irq_handler_exit", "ipi_entry", "ipi_exit", "softirq_entry", "softirq_exit", "csd_function_entry", "csd_function_exit"}
	for _, v := range strings.Fields(vectorNames) {
		names = append(names, v+"_entry", v+"_exit")
	}
	return names
}

// isInterrupt reports whether an event is the entry of an interrupt.
func isInterrupt(event string) bool {
	name, ok := strings.CutSuffix(event, "_entry")
	return ok && (name == "irq_handler" || name == "ipi" || strings.Contains(" "+vectorNames+" ", " "+name+" "))
}

// vectorNames are the vectors of arch/x86/include/asm/trace/irq_vectors.h.
const vectorNames = "local_timer reschedule call_function call_function_single irq_work spurious_apic error_apic x86_platform_ipi threshold_apic deferred_error_apic thermal_apic"

// Event takes the next event of the trace.
func (b *Brackets) Event(e *trace.Event) {
	r := b.roleOf(e)
	if !r.wanted || e.CPU < 0 {
		return
	}
	if r.entry {
		b.enter(e, r)
	} else {
		b.exit(e, r)
	}
}

func (b *Brackets) roleOf(e *trace.Event) *bracketRole {
	if int(e.ID) >= len(b.roles) {
		b.roles = append(b.roles, make([]bracketRole, int(e.ID)+1-len(b.roles))...)
	}
	r := &b.roles[e.ID]
	if !r.known {
		*r = b.classify(e.Schema())
	}
	return r
}

func (b *Brackets) classify(s *trace.Schema) bracketRole {
	r := bracketRole{known: true, wanted: true, id: trace.NoField, text: trace.NoField}
	var name string
	name, r.entry = strings.CutSuffix(s.Name, "_entry")
	if !r.entry {
		var ok bool
		if name, ok = strings.CutSuffix(s.Name, "_exit"); !ok {
			return bracketRole{known: true}
		}
	}
	switch name {
	case "irq_handler":
		r.kind, r.id, r.text = BracketIRQ, s.Ref("irq"), s.Ref("name")
	case "ipi":
		r.kind, r.text = BracketIPI, s.Ref("reason")
	case "softirq":
		r.kind, r.id = BracketSoftirq, s.Ref("vec")
	case "csd_function":
		r.kind, r.id, r.text = BracketCall, s.Ref("csd"), s.Ref("func")
	default:
		if strings.Contains(" "+vectorNames+" ", " "+name+" ") {
			r.kind, r.name, r.lines = BracketVector, b.table.Name(name), lineOfVector(name)
			break
		}
		return bracketRole{known: true}
	}
	if b.cfg.Wants != nil {
		r.wanted = b.cfg.Wants(r.kind, name)
	}
	return r
}

func (b *Brackets) cpu(n int32) *bracketCPU {
	for int(n) >= len(b.cpus) {
		// brackets stay where they are while they are open
		b.cpus = append(b.cpus, bracketCPU{open: make([]Bracket, 0, maxNesting)})
	}
	return &b.cpus[n]
}

// identify reads what tells one bracket of a kind from another.
func (b *Brackets) identify(e *trace.Event, r *bracketRole) Bracket {
	x := Bracket{Kind: r.kind, CPU: e.CPU, PID: e.PID, Name: r.name, lines: r.lines, Start: e.Time, End: Never}
	if r.id != trace.NoField {
		x.ID, _ = e.Uint(r.id)
	}
	switch r.kind {
	case BracketIRQ:
		if name, ok := e.Bytes(r.text); ok {
			x.Name = b.table.NameBytes(name)
		}
	case BracketIPI:
		if reason, ok := e.Bytes(r.text); ok {
			reason = bytes.Trim(reason, "()")
			x.Name, x.lines = b.table.NameBytes(reason), linesOfReason(reason)
		}
	case BracketCall:
		if fn, ok := e.Symbol(r.text); ok {
			x.Name = b.table.SymbolName(fn)
		}
	}
	return x
}

// identity of a bracket. An irq_handler_exit and a csd_function_exit are told by
// their number; names are on the entry alone or may repeat.
func (x *Bracket) identity() bracketID {
	if x.Kind == BracketVector || x.Kind == BracketIPI {
		return bracketID{x.Kind, 0, x.Name}
	}
	return bracketID{x.Kind, x.ID, 0}
}

// identityOf is the identity of the bracket that an exit event closes.
func (b *Brackets) identityOf(e *trace.Event, r *bracketRole) bracketID {
	switch r.kind {
	case BracketVector:
		return bracketID{r.kind, 0, r.name}
	case BracketIPI:
		x := b.identify(e, r)
		return x.identity()
	}
	n, _ := e.Uint(r.id)
	return bracketID{r.kind, n, 0}
}

// note remembers an identity and reports whether it is a new one. Calls are as
// many as there are csds: they are remembered as one.
func (c *bracketCPU) note(id bracketID) bool {
	if id.kind == BracketCall {
		id.id = 0
	}
	for i := range c.seen {
		if c.seen[i] == id {
			return false
		}
	}
	if len(c.seen) < maxSeen {
		c.seen = append(c.seen, id)
	}
	return true
}

// noteKind remembers that entry events of a kind are recorded by now.
func (b *Brackets) noteKind(r *bracketRole, x *Bracket) {
	if r.noted {
		return
	}
	r.noted = true
	if id := x.identity().event(); !b.hasEntered(id) {
		b.entered = append(b.entered, id)
	}
}

// hasEntered reports whether an entry of this kind was seen on any CPU.
func (b *Brackets) hasEntered(id bracketID) bool {
	for i := range b.entered {
		if b.entered[i] == id {
			return true
		}
	}
	return false
}

// event tells the kind of event that a bracket begins with.
func (id bracketID) event() bracketID {
	if id.kind == BracketVector {
		return id
	}
	return bracketID{kind: id.kind}
}

func (b *Brackets) enter(e *trace.Event, r *bracketRole) {
	c := b.cpu(e.CPU)
	x := b.identify(e, r)
	if len(c.open) >= maxNesting {
		b.drop(c, 0, NoExit) // exits are not recorded, or this is no kernel's trace
	}
	if r.kind == BracketIRQ || r.kind == BracketVector || r.kind == BracketIPI {
		b.dropOpen(c, x.identity())
	}
	x.Outer = len(c.open) == 0
	c.note(x.identity())
	b.noteKind(r, &x)
	c.open = append(c.open, x)
	if b.cfg.Open != nil {
		b.cfg.Open(e, &c.open[len(c.open)-1])
	}
}

// dropOpen ends a bracket that is entered again: an interrupt does not interrupt
// itself, so its exit was not recorded.
func (b *Brackets) dropOpen(c *bracketCPU, id bracketID) {
	for i := range c.open {
		if c.open[i].identity() == id {
			b.drop(c, i, NoExit)
			return
		}
	}
}

// drop ends the i'th open bracket of a CPU and those inside it.
func (b *Brackets) drop(c *bracketCPU, i int, why Reason) {
	for j := len(c.open) - 1; j >= i; j-- {
		x := &c.open[j]
		b.Runs[x.Kind][why]++
		if why == NoExit {
			c.unpaired[x.Kind]++
		}
		if b.cfg.Drop != nil {
			b.cfg.Drop(x, why)
		}
	}
	c.open = c.open[:i]
}

func (b *Brackets) exit(e *trace.Event, r *bracketRole) {
	c := b.cpu(e.CPU)
	id := b.identityOf(e, r)
	for i := len(c.open) - 1; i >= 0; i-- {
		if c.open[i].identity() != id {
			continue
		}
		b.drop(c, i+1, NoExit)
		o := &c.open[i]
		o.End = e.Time
		b.Runs[o.Kind][Matched]++
		if b.cfg.Close != nil {
			b.cfg.Close(e, o)
		}
		c.open = c.open[:i]
		return
	}
	why := NoEntry
	switch first := c.note(id); { // only the first can have been open
	case first && c.gap:
		why = Lost
	case first, !b.hasEntered(id.event()):
		why = TraceStart
	}
	b.Runs[r.kind][why]++
	if why == NoEntry {
		c.unpaired[r.kind]++
	}
}

// Unpaired counts, by kind, the entries of a CPU without an exit and the exits
// without an entry that neither the ends of the trace nor a gap explain: such
// events were not recorded, and how long what they belong to took is not known.
func (b *Brackets) Unpaired(cpu int32) (n [NumBracketKinds]uint64) {
	if cpu >= 0 && int(cpu) < len(b.cpus) {
		n = b.cpus[cpu].unpaired
	}
	return n
}

// Lost takes a gap in the events of one CPU.
func (b *Brackets) Lost(l *trace.Lost) {
	if l.CPU < 0 {
		return
	}
	c := b.cpu(l.CPU)
	b.drop(c, 0, Lost)
	c.seen = c.seen[:0]
	c.gap = true
}

// End ends what is open when the trace ends.
func (b *Brackets) End() {
	for i := range b.cpus {
		b.drop(&b.cpus[i], 0, TraceEnd)
	}
}

// Open returns the open brackets of a CPU, outermost first.
func (b *Brackets) Open(cpu int32) []Bracket {
	if cpu < 0 || int(cpu) >= len(b.cpus) {
		return nil
	}
	return b.cpus[cpu].open
}
