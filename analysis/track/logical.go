package track

import (
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Linux 6.4 traces a cross-CPU call twice: once with the function that was
// asked for, then, if an interrupt is really sent, with the generic callback.
// From 6.5 on only the second one is an ipi_send_* event
// (kernel/smp.c, smp_call_function_many_cond; commits 68f4ff04dbad and
// bf5a8c26ad7c). Counting both would count twice.
//
// The kernel's version does not tell: distributions carry either into older
// kernels. What tells is an event that names a function and another CPU: since
// 6.5 a function is named only by an irq_work that interrupts its own CPU.

// A logicalCall is a call of a 6.4 kernel whose IPI has not been seen.
type logicalCall struct {
	send *Send
	at   trace.Context
}

func (s *Sends) isLogical(w *Send, r *role) bool {
	if s.hasCSD || r.kind == kindRaise || w.Callback == s.names.generic || w.Callback == s.names.null || w.Callback == 0 {
		return false
	}
	if s.isAddress(w.Callback) {
		return false // as the option fields prints it, it may be any function
	}
	return !w.Targets.IsEmpty() && (w.Targets.Count() > 1 || !w.Targets.Has(int(w.CPU)))
}

func (s *Sends) keepLogical(w *Send, at trace.Context) {
	if w.CPU < 0 {
		s.recycle(w)
		return
	}
	for int(w.CPU) >= len(s.logic) {
		s.logic = append(s.logic, logicalCall{})
	}
	s.dropLogical(w.CPU)
	s.logic[w.CPU] = logicalCall{w, at}
	for i := range w.Hits {
		s.queueLogical(w, &w.Hits[i])
	}
}

// queueLogical makes a request of one target of a call.
func (s *Sends) queueLogical(w *Send, h *Hit) {
	s.queued++
	h.Request = s.queued
	s.tellLogical(s.cfg.Queued, w, h)
}

func (s *Sends) tellLogical(f func(*Request), w *Send, h *Hit) {
	c := call{serial: h.Request, time: w.Time, function: w.Callback, comm: w.Comm, instance: w.Instance}
	s.tell(f, w.CPU, callKey{trace.Context{PID: w.PID}, h.Target, w.Callsite}, c)
}

// takeLogical returns the function that the call before this send asked for, and
// gives the call's requests to the send's hits.
func (s *Sends) takeLogical(w *Send, at trace.Context) (trace.NameID, bool) {
	if w.CPU < 0 || int(w.CPU) >= len(s.logic) || w.Callback != s.names.generic {
		return 0, false
	}
	l := s.logic[w.CPU]
	if l.send == nil || l.at != at {
		return 0, false
	}
	s.logic[w.CPU] = logicalCall{}
	name := l.send.Callback
	s.lendRequests(l.send, w)
	s.recycle(l.send)
	return name, true
}

// lendRequests gives the requests of a call to the hits of its IPI. What the IPI
// does not go to is no request.
func (s *Sends) lendRequests(from, to *Send) {
	for i := range to.Hits {
		h := &to.Hits[i]
		for j := range from.Hits {
			if l := &from.Hits[j]; l.Target == h.Target {
				h.Request, l.Request = l.Request, 0
			}
		}
		if h.Request == 0 {
			s.queueLogical(to, h)
		}
	}
	for i := range from.Hits {
		if l := &from.Hits[i]; l.Request != 0 && s.cfg.Withdrawn != nil {
			s.cfg.Withdrawn(l.Request)
		}
	}
}

// dropLogical makes a call that no IPI followed a request without one.
func (s *Sends) dropLogical(cpu int32) {
	if cpu < 0 || int(cpu) >= len(s.logic) || s.logic[cpu].send == nil {
		return
	}
	w := s.logic[cpu].send
	s.logic[cpu] = logicalCall{}
	for i := range w.Hits {
		s.tellLogical(s.cfg.Request, w, &w.Hits[i])
	}
	s.recycle(w)
}
