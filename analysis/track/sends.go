package track

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// maxWaiting is how many sends may wait for the stack of an older one. Stacks
// follow their event within microseconds, before or after an interrupt's own
// events, so the bound is reached only where no stacks were recorded.
const maxWaiting = 256

// Config says what a Sends looks at and where it delivers.
type Config struct {
	Isolated *cpumask.Mask // hits are targets in this set; nil means every CPU
	// Counts is asked for every send event whether it is to be counted; nil
	// counts all.
	Counts func(*trace.Event) bool
	// Attribution resolves functions from stacks; nil leaves them unknown.
	Attribution *Attributor
	// Early receives every send as it comes, when its stack is not known; nil
	// is told nothing.
	Early func(*Send)
	// Send receives every send in the order of the trace, once it is known
	// whether a stack belongs to it.
	Send func(*Send)
	// Request receives the requests that sent no IPI, in no useful order. They
	// are valid during the call only.
	Request func(*Request)
	// Queued receives every request as it comes, when it is not known whether
	// it sends an IPI; nil is told nothing. Withdrawn then receives the serial
	// of one that turned out to be none.
	Queued    func(*Request)
	Withdrawn func(serial uint64)
	// Unsent receives the serial of a send that Early was told of and that
	// turned out to be none; nil is told nothing.
	Unsent func(serial uint64)
	// Began receives the serial of each counted send while its event is taken, and
	// Stacked that of a send while its stack is: so whoever keeps events finds those
	// of a send. Both may be nil.
	Began, Stacked func(serial uint64)
	// Whole says that all events are read, not those of Wants alone: any of them
	// shows that a CPU is online again.
	Whole bool
	// Away is told of each stretch in which a CPU was offline, when it ends; nil
	// is told nothing.
	Away func(cpu int32, from, to trace.Time)
}

// Sends finds the IPI sends in a stream of events and joins them with their
// requests and stacks.
type Sends struct {
	cfg   Config
	table *trace.Table
	roles []role // by EventID
	calls calls
	names struct{ generic, null, reschedule, unknown trace.NameID }
	// hasCSD: this trace records csd_queue_cpu, so its kernel is one that
	// traces each IPI once (6.5 or later).
	hasCSD    bool
	firstCall trace.Time
	logic     logic
	doubles   doubles
	open      [][]openSend // by cpuIndex: sends that may still get a stack
	queue     []*Send      // in trace order, from head on
	head      int
	free      []*Send
	serial    uint64
	online    Online
	// handlers says what targets ran, where nothing before told
	handlers handlers
	// narrowed is what the last such system call of each task said
	narrowed  map[int32]trace.NameID
	queued    uint64 // requests so far
	seen      sightings
	underway  underway
	functions functions
	identity  result.Identity
	cut       uint64  // sends whose line ends within the carrier's name
	orphaned  Request // the one that is being delivered
}

type openSend struct {
	at   trace.Context
	send *Send
}

// NewSends returns a Sends for the events of one table.
func NewSends(t *trace.Table, cfg Config) *Sends {
	s := &Sends{cfg: cfg, table: t, narrowed: map[int32]trace.NameID{}, underway: underway{functions: map[dispatched]called{}}, online: Online{Away: cfg.Away}, doubles: newDoubles(t)}
	s.names.generic, s.names.null = t.Name(Generic), t.Name(Null)
	s.names.reschedule, s.names.unknown = t.Name(Reschedule), t.Name(Unknown)
	return s
}

// Event takes the next event of the trace.
func (s *Sends) Event(e *trace.Event) {
	r := s.roleOf(e)
	s.handlers.now = e.Time
	s.online.recorded(e.CPU)
	if r.kind != kindOther || s.cfg.Whole {
		s.online.ran(e.CPU, e.Time)
	}
	if r.kind == kindKernelStack {
		s.stack(e)
		return
	}
	if r.kind == kindUserStack {
		return
	}
	s.goOn(e.CPU, e.Context())
	switch r.kind {
	case kindFunction:
		s.function(e, r)
		return
	case kindFunctionEnd:
		s.leaveFunction(e, r)
		return
	}
	s.nestsGoOn(e)
	switch r.kind {
	case kindSendCPU, kindSendMask, kindRaise:
		s.send(e, r)
	case kindQueue:
		if !s.hasCSD {
			s.hasCSD, s.firstCall = true, e.Time
		}
		if s.logic.undecided > 0 {
			s.areSent()
			s.flush()
		}
		s.queueCall(e, r)
	case kindNarrow:
		s.narrow(e)
	case kindStart, kindEnd:
		s.underway.take(e, r)
	case kindHotplug:
		s.online.hotplug(e)
	case kindBracketEntry, kindBracketExit, kindRun:
		s.handle(e, r)
	}
}

// Online tells when CPUs were watched. The stretches at the end of the trace are
// for its End, which knows when that is.
func (s *Sends) Online() *Online { return &s.online }

// narrow notes what a system call's argument says about the IPIs that its task
// sends next.
func (s *Sends) narrow(e *trace.Event) {
	if s.cfg.Attribution == nil {
		return
	}
	fields := e.Schema().Fields
	for i := range fields {
		if fn, ok := s.cfg.Attribution.narrowed(e, &fields[i]); ok {
			s.narrowed[e.PID] = fn
		}
	}
}

// Lost takes a gap in the events of one CPU: nothing from before it is joined
// with anything behind it.
func (s *Sends) Lost(l *trace.Lost) {
	s.calls.clear(l.CPU, func(k callKey, c call) { s.orphan(l.CPU, k, c) })
	if i := cpuIndex(l.CPU); i < len(s.open) {
		for _, o := range s.open[i] {
			o.send.open = false
		}
		s.open[i] = s.open[i][:0]
	}
	s.dropLogical(l.CPU)
	s.endNests(cpuIndex(l.CPU))
	s.doubles.lost(l.CPU)
	s.handlers.lost(l.CPU)
	s.underway.lost(l.CPU)
	s.flush()
}

// maxStackDelay is how long after a send, by a clock of nanoseconds, its stack may
// come: the kernel records it at once, but for interrupts.
const maxStackDelay = 1_000_000_000

// Now takes that nothing that happened before t comes any more: what could only wait
// for the next event goes.
func (s *Sends) Now(t trace.Time) {
	if s.table.Meta.ClockUnit == "ticks" {
		return
	}
	s.handlers.now = max(s.handlers.now, t)
	s.dropStale(t)
	for i := range s.functions.nests {
		if nests := s.functions.nests[i]; len(nests) > 0 && t-nests[len(nests)-1].begin > maxStackDelay {
			s.endNests(i)
		}
	}
	for n, open := range s.open {
		for i, o := range open {
			if t-o.send.Time > maxStackDelay {
				s.closeFrom(n, i)
				break
			}
		}
	}
	s.flush()
}

// maxStale is how many calls without an IPI may wait for one of a live source, which
// has no end.
const maxStale = 1 << 12

// dropStale makes requests of calls that are so old that no IPI can be theirs: the
// kernel sends it right behind queueing the call, but for interrupts.
func (s *Sends) dropStale(now trace.Time) {
	n := 0
	for _, m := range s.calls.byCPU {
		n += len(m)
	}
	if n <= maxStale {
		return
	}
	for cpu, m := range s.calls.byCPU {
		for p, c := range m {
			if now-c.time > maxStackDelay {
				delete(m, p)
				s.orphan(int32(cpu), p.unpack(), c)
			}
		}
	}
}

// Waiting is how many sends came and were not delivered: more may become known of
// them.
func (s *Sends) Waiting() int {
	n := 0
	for _, w := range s.queue[s.head:] {
		if !w.gone {
			n++
		}
	}
	return n
}

// End delivers what is still waiting.
func (s *Sends) End() {
	for i := range s.logic.calls {
		s.dropLogical(int32(i) - 1)
	}
	s.settleDoubles()
	s.settleCalls()
	s.areSent()
	for i := range s.functions.nests {
		s.endNests(i)
	}
	for _, w := range s.queue[s.head:] {
		w.open = false
	}
	s.handlers.end()
	s.flush()
	for cpu := range s.calls.byCPU {
		s.calls.clear(int32(cpu), func(k callKey, c call) { s.orphan(int32(cpu), k, c) })
	}
}

func (s *Sends) isolated(cpu int32) bool {
	return s.cfg.Isolated == nil || s.cfg.Isolated.Has(int(cpu))
}

// queueCall takes a csd_queue_cpu.
func (s *Sends) queueCall(e *trace.Event, r *role) {
	target, ok := e.Uint(r.cpu)
	if ok && target < cpumask.MaxCPUs {
		s.online.alive(int32(target))
	}
	fn, ok2 := e.Symbol(r.function)
	site, ok3 := e.Symbol(r.callsite)
	s.queued++
	if !ok || !ok2 || !ok3 {
		return
	}
	k := callKey{e.Context(), int32(target), s.table.SymbolText(site)}
	c := call{serial: s.queued, time: e.Time, function: s.table.SymbolName(fn), comm: e.Comm, instance: e.Instance}
	if s.isAddress(c.function) {
		c.function = s.names.unknown // without symbols: any function may lie there
	}
	c.csd, _ = e.Uint(r.csd)
	repeats := s.doubles.on && s.doubles.calls.see(e.CPU, c)
	s.tell(s.cfg.Queued, e.CPU, k, c)
	if older, stale := s.calls.queue(e.CPU, k, c); stale {
		s.replaced(e.CPU, k, older, repeats)
	}
	if s.doubles.calls.known && len(s.doubles.calls.waiting) > 0 {
		s.settleCalls()
	}
}

// orphan delivers a request that sent no IPI.
func (s *Sends) orphan(cpu int32, k callKey, c call) { s.tell(s.cfg.Request, cpu, k, c) }

// tell hands a request to f, which may be nil, if its target is isolated.
func (s *Sends) tell(f func(*Request), cpu int32, k callKey, c call) {
	if f == nil || !s.isolated(k.target) {
		return
	}
	s.orphaned = Request{
		Serial: c.serial, Time: c.time, CPU: cpu, PID: k.PID, Target: k.target, Comm: c.comm, Instance: c.instance,
		Function: c.function, Callsite: k.callsite, CSD: c.csd, Stack: c.stack,
	}
	f(&s.orphaned)
}

// send takes an ipi_send_cpu, ipi_send_cpumask or ipi_raise.
func (s *Sends) send(e *trace.Event, r *role) {
	w := s.newSend()
	w.Time, w.CPU, w.PID, w.Comm, w.Instance = e.Time, e.CPU, e.PID, e.Comm, e.Instance
	w.Event, w.Flags, w.Raise = e.ID, e.Flags, r.kind == kindRaise
	w.narrowed = s.narrowed[e.PID]
	w.underway = s.underway.of(e.CPU, e.PID)
	w.Counted = s.cfg.Counts == nil || s.cfg.Counts(e)
	s.targets(e, r, w)
	s.identify(e, w)
	if r.kind == kindRaise {
		if reason, ok := e.Bytes(r.callback); ok {
			w.Callback = s.table.NameBytes(reason)
		}
	} else {
		if cb, ok := e.Symbol(r.callback); ok {
			w.Callback = s.carrier(s.table.SymbolName(cb))
		}
		if site, ok := e.Symbol(r.callsite); ok {
			w.Callsite = s.table.SymbolText(site)
		}
	}
	at := e.Context()
	if s.doubles.on {
		is, known := s.doubles.second(w)
		if is && known {
			s.doubles.events[w.Event].dropped++
			s.seen.takeBack(w, r.kind)
			s.recycle(w)
			return
		}
		w.second = is
	}
	if s.isLogical(w, r) {
		s.keepLogical(w, at)
		if w.Named = w.undecided; !w.Named {
			s.opened(w, at)
			return
		}
	}
	w.Line = s.lineOf(w, r)
	s.serial++
	w.Serial = s.serial
	s.resolve(w, at)
	s.await(w)
	s.began(w)
	if s.cfg.Early != nil {
		s.cfg.Early(w)
	}
	s.queue = append(s.queue, w)
	s.opened(w, at)
	s.flush()
}

func (s *Sends) began(w *Send) {
	if s.cfg.Began != nil && w.Counted {
		s.cfg.Began(w.Serial)
	}
}

// opened lets a send wait for its stack.
func (s *Sends) opened(w *Send, at trace.Context) {
	i := cpuIndex(w.CPU)
	for i >= len(s.open) {
		s.open = append(s.open, nil)
	}
	w.open = true
	s.open[i] = append(s.open[i], openSend{at, w})
}

// minCut is how much of the carrier's name tells that it is it. No function of
// the kernel has a name that the carrier's begins with.
const minCut = 3

// carrier mends a callback that is a beginning of the carrier's name: the line
// was cut there.
func (s *Sends) carrier(callback trace.NameID) trace.NameID {
	if callback == s.names.generic || callback == s.names.null {
		return callback
	}
	if name := s.table.NameOf(callback); len(name) < minCut || !strings.HasPrefix(Generic, name) {
		return callback
	}
	s.cut++
	return s.names.generic
}

// Cut is the number of sends whose line ends within the carrier's name.
func (s *Sends) Cut() uint64 { return s.cut }

func (s *Sends) targets(e *trace.Event, r *role, w *Send) {
	w.Untargeted = !readTargets(e, r, &w.Targets)
	s.seen.add(r.kind, 1, w.Untargeted)
	for cpu := range w.Targets.All() {
		s.online.alive(int32(cpu))
		if s.isolated(int32(cpu)) {
			w.Hits = append(w.Hits, Hit{Target: int32(cpu)})
		}
	}
}

// readTargets reads whom a send goes to, and reports whether that is known: the
// field may be missing, have another name or type than the kernel gives it, or
// hold what is no CPU or set of them.
func readTargets(e *trace.Event, r *role, to *cpumask.Mask) bool {
	if !r.hasTarget(e.Schema()) {
		return false
	}
	if r.kind == kindSendCPU {
		cpu, ok := e.Uint(r.cpu)
		return ok && cpu < cpumask.MaxCPUs && to.Set(int(cpu))
	}
	if !e.Mask(r.mask, to) {
		to.Reset()
		return false
	}
	return true
}

// hasTarget reports whether a send event has a field that tells whom it goes to.
func (r *role) hasTarget(s *trace.Schema) bool {
	ref, isMask := r.mask, true
	if r.kind == kindSendCPU {
		ref, isMask = r.cpu, false
	}
	if ref == trace.NoField {
		return false
	}
	switch s.Fields[ref].Kind {
	case trace.KindInt:
		return !isMask
	case trace.KindMask, trace.KindArray:
		return isMask
	case trace.KindUnknown: // of a text
		return true
	}
	return false
}

// resolve finds the function of each hit by the send itself and by the calls
// that were queued for it.
func (s *Sends) resolve(w *Send, at trace.Context) {
	lent, wasLent := s.takeLogical(w, at)
	name, by := s.names.unknown, EvidenceNone
	switch {
	case wasLent:
		name, by = lent, EvidenceCallback
	case w.Callback == s.names.null:
		name, by = s.names.reschedule, EvidenceCallback
	case w.Callback != s.names.generic && w.Callback != 0 && !s.isAddress(w.Callback):
		name, by = w.Callback, EvidenceCallback
	}
	w.Function, w.Evidence = name, by
	for i := range w.Hits {
		h := &w.Hits[i]
		h.Function, h.Evidence = name, by
		if wasLent {
			h.Requests = 1
		} else if by == EvidenceNone {
			s.resolveByCall(w, h, at)
		}
	}
	if len(w.Hits) == 0 && by == EvidenceNone {
		// nobody is hit, but the group is shown: any target tells its function
		h := Hit{Target: int32(w.Targets.First())}
		if s.resolveByCall(w, &h, at); h.Evidence != EvidenceNone {
			w.Function, w.Evidence = h.Function, h.Evidence
		}
	}
}

// isAddress reports a callback without a symbol. It may be the carrier, so other
// evidence is asked as if it were.
func (s *Sends) isAddress(callback trace.NameID) bool {
	return names.IsAddress(s.table.NameOf(callback))
}

func (s *Sends) resolveByCall(w *Send, h *Hit, at trace.Context) {
	if c, ok := s.calls.take(w.CPU, callKey{at, h.Target, w.Callsite}); ok {
		h.Requests, h.CSD, h.Request = 1, c.csd, c.serial
		if c.function != s.names.unknown {
			h.Function, h.Evidence = c.function, EvidenceCSD
		}
	}
}

// resolveByStack asks the send's stack, or without one its callsite, for what
// nothing else answered.
func (s *Sends) resolveByStack(w *Send) {
	if w.Traced {
		s.resolveTraced(w)
	}
	if s.cfg.Attribution == nil || w.IsSecond() {
		return
	}
	f, by := s.cfg.Attribution.Facts(w.Stack, w.Callsite), EvidenceStack
	if f.Function == 0 {
		return
	}
	if w.Stack == 0 {
		by = EvidenceCallsite
	}
	if f.Function == s.names.reschedule && s.cfg.Attribution.isPhantom(w.Callback) {
		w.Function, w.Evidence = f.Function, by
		for i := range w.Hits {
			w.Hits[i].Function, w.Hits[i].Evidence = f.Function, by
		}
		return
	}
	fn := f.Function
	if f.IsSet && w.narrowed != 0 && s.cfg.Attribution.holds(fn, w.narrowed) {
		fn = w.narrowed
	}
	if len(w.Hits) == 0 && w.Evidence == EvidenceNone {
		w.Function, w.Evidence = fn, by
	}
	for i := range w.Hits {
		if h := &w.Hits[i]; h.Evidence == EvidenceNone {
			h.Function, h.Evidence = fn, by
		}
	}
}

// stack gives a kernel_stack to the send it belongs to: the last one of its
// context. An interrupt between an event and its stack leaves events and stacks
// of its own in between, in another context. Those are over then.
func (s *Sends) stack(e *trace.Event) {
	i := cpuIndex(e.CPU)
	if i >= len(s.open) {
		return
	}
	at, open := e.Context(), s.open[i]
	keep := len(open)
	if keep == 0 || at.Interrupts(open[keep-1].at) || IsActivationStack(s.table, e.Stack()) {
		return
	}
	for keep > 0 && !at.Interrupts(open[keep-1].at) {
		keep--
		if open[keep].at == at {
			if w, id := open[keep].send, e.Stack(); s.isStackOf(id, w) {
				w.Stack = id
				if s.cfg.Stacked != nil && w.Counted {
					s.cfg.Stacked(w.Serial)
				}
			}
			break
		}
	}
	if keep < len(open) {
		s.closeFrom(i, keep)
	}
}

// probePrefix begins the name of the function that records an event: the first
// frame of its stack, if the stack has the tracepoint's own frames.
const probePrefix = "trace_event_raw_event_"

// isStackOf checks a stack by its first frame, which names the class of the
// event it was taken for. perf leaves that frame out, and other classes than
// those of the sends have names of their own: they say nothing.
func (s *Sends) isStackOf(id trace.StackID, w *Send) bool {
	frames := s.table.StackOf(id)
	if len(frames) == 0 {
		return true
	}
	class, ok := strings.CutPrefix(s.table.SymbolOf(frames[0]).Name, probePrefix)
	return !ok || w.IsSecond() || class == s.table.Schema(w.Event).Name
}

// activationFrame is where the stack of a timerlat activation was taken: the
// thread prints the one of its timer's interrupt later (kernel/trace/trace_osnoise.c,
// timerlat_dump_stack).
const activationFrame = "timerlat_irq"

// IsActivationStack reports whether a stack is that of an activation of timerlat.
// It belongs to no event that the printing thread recorded before it.
func IsActivationStack(t *trace.Table, id trace.StackID) bool {
	frames := t.StackOf(id)
	if len(frames) == 0 {
		return false
	}
	name := t.SymbolOf(frames[0]).Name
	rest, ok := strings.CutPrefix(name, activationFrame)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '+')
}

// goOn ends the wait for the stack of sends that an event in this context shows
// to be over: a stack is recorded right behind its event.
func (s *Sends) goOn(cpu int32, at trace.Context) {
	n := cpuIndex(cpu)
	if n >= len(s.open) {
		return
	}
	for i, o := range s.open[n] {
		if !at.Interrupts(o.at) {
			s.closeFrom(n, i)
			return
		}
	}
}

// closeFrom closes the i'th open send of a CPU and those opened after it,
// which ran in interrupts that must be over.
func (s *Sends) closeFrom(n, i int) {
	for _, o := range s.open[n][i:] {
		o.send.open = false
	}
	s.open[n] = s.open[n][:i]
	s.flush()
}

// flush delivers the sends at the head of the queue that are complete.
func (s *Sends) flush() {
	for s.head < len(s.queue) {
		w, waiting := s.queue[s.head], len(s.queue)-s.head
		if !w.gone && !s.isComplete(w, waiting) {
			break
		}
		s.queue[s.head] = nil
		s.head++
		if w.gone { // which may have shown just now
			s.forget(w)
		} else {
			s.cfg.Send(w)
		}
		s.recycle(w)
	}
	if s.head > maxWaiting {
		n := copy(s.queue, s.queue[s.head:])
		s.queue, s.head = s.queue[:n], 0
	}
}

// isComplete finds out what can be found out about a send that so many wait
// behind, itself included. It is false if more may become known.
func (s *Sends) isComplete(w *Send, waiting int) bool {
	if w.second && !s.doubles.events[w.Event].known && waiting <= maxUndecided {
		return false
	}
	if w.second {
		if s.settleDoubles(); w.gone {
			return true
		}
	}
	if w.undecided {
		if waiting <= maxUndecided {
			return false
		}
		s.isSent(w)
	}
	if w.open || w.nested {
		if waiting <= maxWaiting {
			return false
		}
		s.forget(w)
		s.forgetNest(w)
	}
	s.completeStack(w)
	s.resolveByStack(w)
	return s.resolveByHandler(w) || waiting > maxWaiting
}

// forget takes a send out of its CPU's open ones.
func (s *Sends) forget(w *Send) {
	if !w.open {
		return
	}
	w.open = false
	open := s.open[cpuIndex(w.CPU)]
	for i := range open {
		if open[i].send == w {
			s.open[cpuIndex(w.CPU)] = append(open[:i], open[i+1:]...)
			return
		}
	}
}

func (s *Sends) newSend() *Send {
	if n := len(s.free); n > 0 {
		w := s.free[n-1]
		s.free = s.free[:n-1]
		return w
	}
	return &Send{}
}

func (s *Sends) recycle(w *Send) {
	targets, hits := w.Targets, w.Hits[:0]
	targets.Reset()
	*w = Send{Targets: targets, Hits: hits}
	s.free = append(s.free, w)
}
