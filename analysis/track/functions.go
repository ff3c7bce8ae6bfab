package track

import (
	"fmt"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// maxNestDelay is how much later than the outermost of its functions, by a clock of
// nanoseconds, one that does not name what called it belongs to a call. Nothing but
// interrupts lies in between, and the wait for a call that goes on.
const maxNestDelay = 10_000_000

// functions are the calls of kernel functions that send IPIs, as the function tracers
// show them: what there is on kernels without ipi_send_* events. One call shows as
// several functions, of which each calls the next.
type functions struct {
	senders  map[string]*catalog.Sender // nil until one is looked for
	bySymbol []traced                   // by SymbolID
	names    map[trace.NameID]bool
	nests    [][]nest // by cpuIndex, an interrupt's behind that of what it interrupted
	identity result.Identity
	sure     uint64 // calls of which the function that hands the IPI out was seen
}

// traced is what a symbol is, once it was looked up.
type traced struct {
	known  bool
	sender *catalog.Sender // nil for any other function
}

// A nest is a call that goes on, or may.
type nest struct {
	at      trace.Context // task and interrupt level
	begin   trace.Time
	send    *Send
	sender  *catalog.Sender // the innermost so far
	parents [2]trace.NameID // what called the first and the last of them, 0 if not known
	depth   uint64          // of the first, in function_graph
	graph   bool
	sure    bool
}

// load reads which functions there are: most traces show none of any.
func (f *functions) load(t *trace.Table) {
	f.senders, f.names = map[string]*catalog.Sender{}, map[trace.NameID]bool{}
	for _, x := range catalog.Senders() {
		f.senders[x.Function] = &x
		f.names[t.Name(x.Function)] = true
	}
}

// find tells which of the functions an event is about, nil if about none.
func (f *functions) find(t *trace.Table, e *trace.Event, r *role) *catalog.Sender {
	id, ok := e.Symbol(r.function)
	if !ok {
		return nil
	}
	if f.senders == nil {
		f.load(t)
	}
	for int(id) >= len(f.bySymbol) {
		f.bySymbol = append(f.bySymbol, make([]traced, int(id)+1-len(f.bySymbol))...)
	}
	x := &f.bySymbol[id]
	if !x.known {
		x.known, x.sender = true, f.senders[t.NameOf(t.SymbolName(id))]
	}
	return x.sender
}

// levelOf is the context of a call, without what changes within it: functions switch
// preemption and interrupts off on their way.
func levelOf(e *trace.Event) trace.Context {
	at := e.Context()
	at.Depth = 0
	return at
}

// function takes a call of a kernel function. Where sends have events of their own
// these count, and nothing is told twice.
func (s *Sends) function(e *trace.Event, r *role) {
	f := s.functions.find(s.table, e, r)
	if f == nil || s.hasSends() {
		return
	}
	parent, site := trace.NameID(0), trace.NameID(0)
	if id, ok := e.Symbol(r.callsite); ok {
		parent, site = s.table.SymbolName(id), s.table.SymbolText(id)
	}
	depth, graph := e.Uint(r.csd)
	if n := s.nestOf(e, f, parent, depth, graph); n != nil {
		n.sender, n.parents[1] = f, parent
		if w := n.send; w != nil {
			w.Callback = s.table.Name(f.Function)
			if w.Stack == 0 { // that of any of them tells who called
				s.forget(w)
				s.opened(w, e.Context())
			}
		}
		s.isSure(n)
		return
	}
	w := s.newSend()
	w.Time, w.CPU, w.PID, w.Comm, w.Instance = e.Time, e.CPU, e.PID, e.Comm, e.Instance
	w.Event, w.Flags, w.Traced, w.Untargeted = e.ID, e.Flags, true, true
	w.narrowed, w.underway = s.narrowed[e.PID], s.underway.of(e.CPU, e.PID)
	w.Counted = s.cfg.Counts == nil || s.cfg.Counts(e)
	w.Callback, w.Callsite = s.table.Name(f.Function), site
	w.Function, w.Evidence = s.names.unknown, EvidenceFunction
	if f.Line == "reschedule" {
		w.Function = s.names.reschedule
	}
	s.seen.calls++
	identifyIn(&s.functions.identity, s.table, e, w)
	s.serial++
	w.Serial, w.nested = s.serial, true
	s.began(w)
	s.queue = append(s.queue, w)
	s.opened(w, e.Context())
	nests := s.nestsOf(e.CPU)
	*nests = append(*nests, nest{at: levelOf(e), begin: e.Time, send: w, sender: f, parents: [2]trace.NameID{parent, parent}, depth: depth, graph: graph})
	s.isSure(&(*nests)[len(*nests)-1])
	s.flush()
}

// isSure notes that the IPI itself was handed out.
func (s *Sends) isSure(n *nest) {
	if n.sender.Sends && !n.sure {
		n.sure = true
		s.functions.sure++
	}
}

func (s *Sends) nestsOf(cpu int32) *[]nest {
	i := cpuIndex(cpu)
	for i >= len(s.functions.nests) {
		s.functions.nests = append(s.functions.nests, nil)
	}
	return &s.functions.nests[i]
}

// nestOf finds the call that a function is a part of: of the same task and interrupt
// level, and a function that those before it in the call may call. If the event names
// its caller that is one of them too, or, where each ends by jumping to the next, the
// caller of one of them. It ends all calls of that CPU that it shows to be over.
func (s *Sends) nestOf(e *trace.Event, f *catalog.Sender, parent trace.NameID, depth uint64, graph bool) *nest {
	nests, at := s.nestsOf(e.CPU), levelOf(e)
	for len(*nests) > 0 {
		n := &(*nests)[len(*nests)-1]
		if n.at != at && at.Interrupts(n.at) {
			return nil
		}
		if n.at == at && n.holds(s, e, f, parent, depth, graph) {
			return n
		}
		s.endNest(nests)
	}
	return nil
}

func (n *nest) holds(s *Sends, e *trace.Event, f *catalog.Sender, parent trace.NameID, depth uint64, graph bool) bool {
	switch {
	case f.Line != n.sender.Line || f.Depth <= n.sender.Depth:
		return false
	case graph && n.graph:
		return depth > n.depth
	case parent != 0 && !s.functions.names[parent] && parent != n.parents[0] && parent != n.parents[1]:
		return false
	}
	return s.table.Meta.ClockUnit == "ticks" || e.Time-n.begin <= maxNestDelay
}

// endNest ends the innermost call of a CPU.
func (s *Sends) endNest(nests *[]nest) {
	last := len(*nests) - 1
	if w := (*nests)[last].send; w != nil {
		w.nested = false
	}
	(*nests)[last] = nest{}
	*nests = (*nests)[:last]
}

// leaveFunction takes the end of a function that function_graph shows: what began
// deeper than it does not go on.
func (s *Sends) leaveFunction(e *trace.Event, r *role) {
	nests, at := s.nestsOf(e.CPU), levelOf(e)
	depth, ok := e.Uint(r.csd)
	for ok && len(*nests) > 0 {
		if n := &(*nests)[len(*nests)-1]; n.at != at || depth > n.depth {
			break
		}
		s.endNest(nests)
	}
	s.flush()
}

// nestsGoOn ends the calls of a CPU that an event of another kind shows to be over.
func (s *Sends) nestsGoOn(e *trace.Event) {
	i := cpuIndex(e.CPU)
	if i >= len(s.functions.nests) || len(s.functions.nests[i]) == 0 {
		return
	}
	nests := &s.functions.nests[i]
	for len(*nests) > 0 && !levelOf(e).Interrupts((*nests)[len(*nests)-1].at) {
		s.endNest(nests)
	}
	s.flush()
}

// endNests ends all calls of a CPU.
func (s *Sends) endNests(i int) {
	if i < len(s.functions.nests) {
		for nests := &s.functions.nests[i]; len(*nests) > 0; {
			s.endNest(nests)
		}
	}
}

// forgetNest takes a send out of the call that goes on.
func (s *Sends) forgetNest(w *Send) {
	if !w.nested {
		return
	}
	w.nested = false
	for i := range *s.nestsOf(w.CPU) {
		if n := &(*s.nestsOf(w.CPU))[i]; n.send == w {
			n.send = nil
		}
	}
}

// resolveTraced finds out what a call makes its targets run, as far as its stack or its
// caller tells.
func (s *Sends) resolveTraced(w *Send) {
	if s.cfg.Attribution == nil || w.Function != s.names.unknown {
		return
	}
	f := s.cfg.Attribution.Facts(w.Stack, w.Callsite)
	switch {
	case f.Function == 0:
	case f.IsSet && w.narrowed != 0 && s.cfg.Attribution.holds(f.Function, w.narrowed):
		w.Function = w.narrowed
	default:
		w.Function = f.Function
	}
}

// hasSends reports whether the trace has events of its own for sends.
func (s *Sends) hasSends() bool { return s.seen.sent.CPU+s.seen.sent.Mask+s.seen.sent.Raise > 0 }

// countsCalls reports whether calls are all that tells of sends.
func (s *Sends) countsCalls() bool { return s.seen.calls > 0 && !s.hasSends() }

// functionNotes say how much the function tracer tells, where nothing else does.
func (s *Sends) functionNotes() []string {
	if !s.countsCalls() {
		return nil
	}
	return []string{fmt.Sprintf("%d sends are calls of functions that send IPIs, told by the function tracer alone (evidence function): of %d the IPI itself shows, of the others there may have been none; "+
		"whom they went to is not known, and calls of functions that were not traced do not show", s.seen.calls, s.functions.sure)}
}
