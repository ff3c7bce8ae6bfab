package track

import (
	"encoding/binary"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A work, timer or thread function that ends with a call leaves no frame of it on the stack: the
// compiler makes the call a jump. What the kernel called then is told by the event that it
// records right before (workqueue_execute_start, timer_expire_entry, hrtimer_expire_entry).

// A dispatch is one of those events.
type dispatch uint8

const (
	ofWork dispatch = iota
	ofTimer
	ofHrtimer
	dispatches
)

func (d dispatch) start() string {
	return [...]string{"workqueue_execute_start", "timer_expire_entry", "hrtimer_expire_entry"}[d]
}

func (d dispatch) end() string {
	return [...]string{"workqueue_execute_end", "timer_expire_exit", "hrtimer_expire_exit"}[d]
}

// a dispatched is where a function runs: a kworker works off one work at a time, a CPU one timer.
type dispatched struct {
	cpu, pid int32
	by       dispatch
}

// a called is the symbol of a function plus one, 0 for none.
type called uint32

// underway are the functions that were called and have not returned.
type underway struct {
	functions map[dispatched]called
	// ends says that the trace has the events of the end: without them a timer that was
	// interrupted by another one could be taken for it.
	ends [dispatches]bool
}

func (u *underway) take(e *trace.Event, r *role) {
	at := dispatched{e.CPU, e.PID, r.dispatch}
	if r.kind == kindEnd {
		u.ends[r.dispatch] = true
		delete(u.functions, at)
		return
	}
	delete(u.functions, at)
	if fn, ok := e.Symbol(r.called); ok {
		u.functions[at] = called(fn) + 1
	}
}

// of returns what runs where an event was recorded, by dispatch; 0 where that is not known.
func (u *underway) of(cpu, pid int32) (fns [dispatches]called) {
	if len(u.functions) == 0 {
		return fns
	}
	for d := range dispatches {
		if d == ofWork || u.ends[d] {
			fns[d] = u.functions[dispatched{cpu, pid, d}]
		}
	}
	return fns
}

// lost forgets what ran on a CPU whose events have a gap, on all if it is not known which.
func (u *underway) lost(cpu int32) {
	for at := range u.functions {
		if cpu < 0 || at.cpu == cpu {
			delete(u.functions, at)
		}
	}
}

// completeStack puts the function that left no frame where it belongs in the stack of a send.
func (s *Sends) completeStack(w *Send) {
	if s.cfg.Attribution == nil || w.Stack == 0 {
		return
	}
	f := s.cfg.Attribution.Stack(w.Stack)
	if f.tail == 0 {
		return
	}
	for d := range dispatches {
		if f.calledBy == d.start() && w.underway[d] != 0 {
			w.Stack = s.cfg.Attribution.inserted(w.Stack, f.tail, trace.SymbolID(w.underway[d]-1))
			return
		}
	}
}

type insertedAt struct {
	stack    trace.StackID
	function trace.SymbolID
}

// inserted is a stack with a function put before its at'th frame.
func (a *Attributor) inserted(id trace.StackID, at int, fn trace.SymbolID) trace.StackID {
	k := insertedAt{id, fn}
	if n, ok := a.completed[k]; ok {
		return n
	}
	frames := a.table.StackOf(id)
	whole := append(append(append([]trace.SymbolID(nil), frames[:at]...), fn), frames[at:]...)
	key := []byte("with the function ") // and frames, not the stack's id, which may be given out again
	for _, frame := range whole {
		key = binary.LittleEndian.AppendUint32(key, uint32(frame))
	}
	n, ok := a.table.Stack(key)
	if !ok {
		n = a.table.AddStack(key, whole)
	}
	a.completed[k] = n
	return n
}
