package track

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// handlerWindow is how long a send waits at most for what its target runs, ns.
// An IPI that takes longer was not taken at once, and may as well be another.
const handlerWindow = 10_000_000

// handlers finds functions by what ran on the target: the first
// csd_function_entry with a csd pointer in the first call interrupt after the
// send. Without the interrupt's own events this is not asked: a queued irq_work
// runs without csd_function_entry, and the next such event is somebody else's.
type handlers struct {
	seen     bool // the trace has the events of call interrupts
	waiting  int
	byTarget [][]awaited
	now      trace.Time
}

type awaited struct {
	send   *Send
	serial uint64 // of the send: it may be gone by now
	hit    int
}

type handlerWait uint8

const (
	waitNothing handlerWait = iota
	waitBracket             // for its interrupt to begin
	waitRun                 // for the first function in it
)

func (a *awaited) at() *Hit {
	if a.send.Serial != a.serial {
		return nil
	}
	return &a.send.Hits[a.hit]
}

// await makes the hits whose function is not known wait for what runs. Before
// the first interrupt was seen the trace gets the benefit of the doubt for a
// few sends.
func (s *Sends) await(w *Send) {
	if w.Callback != s.names.generic || !s.handlers.seen && w.Serial > maxWaiting {
		return
	}
	h := &s.handlers
	for i := range w.Hits {
		hit := &w.Hits[i]
		if hit.Evidence != EvidenceNone || hit.Target < 0 {
			continue
		}
		for int(hit.Target) >= len(h.byTarget) {
			h.byTarget = append(h.byTarget, nil)
		}
		if len(h.byTarget[hit.Target]) >= maxWaiting {
			h.keep(hit.Target, func(*Send, *Hit) bool { return true }) // without those that were delivered
		}
		hit.wait = waitBracket
		h.byTarget[hit.Target] = append(h.byTarget[hit.Target], awaited{w, w.Serial, i})
		h.waiting++
	}
}

// handle takes the events of call interrupts and of what runs in them.
func (s *Sends) handle(e *trace.Event, r *role) {
	h := &s.handlers
	if r.kind != kindRun {
		h.seen = true
	}
	if h.waiting == 0 || e.CPU < 0 || int(e.CPU) >= len(h.byTarget) || len(h.byTarget[e.CPU]) == 0 {
		return
	}
	switch r.kind {
	case kindBracketEntry, kindBracketExit:
		lines := r.lines
		if reason, ok := e.Bytes(r.callback); ok {
			lines = linesOfReason(bytes.Trim(reason, "()"))
		}
		h.bracket(e.CPU, lines, r.kind == kindBracketEntry)
	case kindRun:
		csd, _ := e.Uint(r.csd)
		if fn, ok := e.Symbol(r.function); ok && csd != 0 {
			h.run(e.CPU, s.table.SymbolName(fn))
		}
	}
	s.flush()
}

func (h *handlers) bracket(cpu int32, lines lineSet, entry bool) {
	h.keep(cpu, func(w *Send, hit *Hit) bool {
		switch {
		case !lines.has(w.Line):
		case entry && hit.wait == waitBracket:
			hit.wait = waitRun
		case !entry && hit.wait == waitRun:
			return false // nothing ran that says what it is
		}
		return true
	})
}

func (h *handlers) run(cpu int32, fn trace.NameID) {
	h.keep(cpu, func(w *Send, hit *Hit) bool {
		if hit.wait != waitRun || h.now-w.Time > handlerWindow { // the latter are over, and only not looked at yet
			return true
		}
		hit.handler = fn
		return false
	})
}

// lost ends what waits for a CPU whose events have a gap.
func (h *handlers) lost(cpu int32) {
	if cpu >= 0 && int(cpu) < len(h.byTarget) {
		h.keep(cpu, func(*Send, *Hit) bool { return false })
	}
}

// end ends all waiting.
func (h *handlers) end() {
	for cpu := range h.byTarget {
		h.lost(int32(cpu))
	}
}

// keep asks of each hit that waits for a CPU whether it goes on waiting.
func (h *handlers) keep(cpu int32, on func(*Send, *Hit) bool) {
	list := h.byTarget[cpu]
	kept := list[:0]
	for i := range list {
		hit := list[i].at()
		if hit != nil && on(list[i].send, hit) {
			kept = append(kept, list[i])
			continue
		}
		h.waiting--
		if hit != nil {
			hit.wait = waitNothing
		}
	}
	h.byTarget[cpu] = kept
}

// resolveByHandler asks what the targets ran for the functions that are still
// not known. It is false if that may still show.
func (s *Sends) resolveByHandler(w *Send) bool {
	done := true
	for i := range w.Hits {
		h := &w.Hits[i]
		switch {
		case h.Evidence != EvidenceNone:
		case h.handler != 0:
			h.Function, h.Evidence = h.handler, EvidenceHandler
		case h.wait != waitNothing:
			done = false
		}
	}
	return done || s.handlers.now-w.Time > handlerWindow
}
