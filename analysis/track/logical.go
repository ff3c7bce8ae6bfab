package track

import "github.com/ipiscope/ipiscope/parser/trace"

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
}

// takeLogical returns the function that the call before this send asked for.
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
	s.recycle(l.send)
	return name, true
}

// dropLogical makes a call that no IPI followed a request without one.
func (s *Sends) dropLogical(cpu int32) {
	if cpu < 0 || int(cpu) >= len(s.logic) || s.logic[cpu].send == nil {
		return
	}
	w := s.logic[cpu].send
	s.logic[cpu] = logicalCall{}
	for _, h := range w.Hits {
		if s.cfg.Request != nil {
			s.orphaned = Request{
				CPU: w.CPU, PID: w.PID, Target: h.Target, Comm: w.Comm, Instance: w.Instance, Function: w.Callback, Callsite: w.Callsite,
			}
			s.cfg.Request(&s.orphaned)
		}
	}
	s.recycle(w)
}
