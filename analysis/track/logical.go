package track

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Linux 6.4 traces a cross-CPU call twice: once with the function that was
// asked for, then, if an interrupt is really sent, with the generic callback.
// From 6.5 on only the second one is an ipi_send_* event
// (kernel/smp.c, smp_call_function_many_cond; commits 68f4ff04dbad and
// bf5a8c26ad7c). Counting both would count twice.
//
// The kernel's version does not tell: distributions carry either into older
// kernels. Nor does an event that names a function and another CPU: kernels
// with the first versions of the tracepoints, and excerpts of a trace, have such
// sends without any that carries them. What tells is a call and its carrier that
// are seen together, once in an input. Until then such events wait, in their
// place among the sends: see logic.decide.

// maxUndecided is how many sends may wait behind the oldest call of which it is
// not known what it is. A kernel that traces calls twice shows it with the first
// IPI that carries one.
const maxUndecided = 1 << 12

// logic is what is known of calls that send events name.
type logic struct {
	// twice: a call and its carrier were seen together
	twice bool
	calls []logicalCall // by CPU: the newest, whose carrier may come
	// undecided is how many of the queued sends may be calls
	undecided int
}

// A logicalCall is a call of a 6.4 kernel whose IPI has not been seen.
type logicalCall struct {
	send *Send
	at   trace.Context
}

// isLogical reports whether a send may be a call that another event carries.
func (s *Sends) isLogical(w *Send, r *role) bool {
	if s.hasCSD || r.kind == kindRaise || w.Callback == s.names.generic || w.Callback == s.names.null || w.Callback == 0 {
		return false
	}
	if s.isAddress(w.Callback) {
		return false // as the option fields prints it, it may be any function
	}
	return w.namesAnother() && !s.mayBeItself(w)
}

// mayBeItself reports a send of which nobody knows that it does not go to the CPU
// that sends it: a text may have no CPUs. There is one way to send such an IPI
// (kernel/irq_work.c, __irq_work_queue_local, called by irq_work_queue and
// irq_work_queue_on), which a callsite of another name rules out.
func (s *Sends) mayBeItself(w *Send) bool {
	if w.CPU >= 0 || w.Targets.Count() != 1 {
		return false
	}
	site := s.table.NameOf(w.Callsite)
	return site == "" || names.IsAddress(site) || strings.Contains(site, "irq_work")
}

// namesAnother reports whether a send has a target that is not its own CPU: an
// irq_work interrupts its own (kernel/irq_work.c, irq_work_raise).
func (w *Send) namesAnother() bool {
	return !w.Targets.IsEmpty() && (w.Targets.Count() > 1 || w.CPU < 0 || !w.Targets.Has(int(w.CPU)))
}

// cpuIndex is the index of a CPU in slices by CPU; text without a CPU has one, too.
func cpuIndex(cpu int32) int { return int(max(cpu, -1)) + 1 }

// keepLogical lets a call wait for its carrier.
func (s *Sends) keepLogical(w *Send, at trace.Context) {
	i := cpuIndex(w.CPU)
	for i >= len(s.logic.calls) {
		s.logic.calls = append(s.logic.calls, logicalCall{})
	}
	s.dropLogical(w.CPU)
	s.logic.calls[i] = logicalCall{w, at}
	for j := range w.Hits {
		s.queueLogical(w, &w.Hits[j])
	}
	if !s.logic.twice {
		w.undecided = true
		s.logic.undecided++
	}
}

// queueLogical makes a request of one target of a call.
func (s *Sends) queueLogical(w *Send, h *Hit) {
	s.queued++
	h.Request = s.queued
	s.tellLogical(s.cfg.Queued, w, h)
}

func (s *Sends) tellLogical(f func(*Request), w *Send, h *Hit) {
	if h.Request == 0 {
		return // another send has it
	}
	c := call{serial: h.Request, time: w.Time, function: w.Callback, comm: w.Comm, instance: w.Instance, stack: w.Stack}
	s.tell(f, w.CPU, callKey{trace.Context{PID: w.PID}, h.Target, w.Callsite}, c)
}

// takeLogical returns the function that the call before this send asked for, and
// gives the call's requests to the send's hits.
func (s *Sends) takeLogical(w *Send, at trace.Context) (trace.NameID, bool) {
	i := cpuIndex(w.CPU)
	if i >= len(s.logic.calls) || w.Callback != s.names.generic {
		return 0, false
	}
	l := s.logic.calls[i]
	if l.send == nil || l.at != at || !s.isCarrierOf(w, l.send) {
		return 0, false
	}
	s.logic.calls[i] = logicalCall{}
	name := l.send.Callback
	s.lendRequests(l.send, w)
	if l.send.undecided {
		s.notSent(l.send)
		s.decide()
	} else {
		s.recycle(l.send)
	}
	return name, true
}

// isCarrierOf reports whether an IPI may be that of a call: it goes to those of the
// call's targets whose queue was empty, and comes from the function that called, as
// the functions in between are inlined (kernel/smp.c of 6.4, send_call_function_*).
func (s *Sends) isCarrierOf(w, call *Send) bool {
	function := func(site trace.NameID) string {
		name, _, _ := strings.Cut(s.table.NameOf(site), "+")
		return name
	}
	return w.Targets.IntersectCount(&call.Targets) == w.Targets.Count() && function(w.Callsite) == function(call.Callsite)
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
	s.withdraw(from)
}

// withdraw takes the requests of a send back.
func (s *Sends) withdraw(w *Send) {
	for i := range w.Hits {
		if h := &w.Hits[i]; h.Request != 0 {
			if s.cfg.Withdrawn != nil {
				s.cfg.Withdrawn(h.Request)
			}
			h.Request = 0
		}
	}
}

// decide makes all calls that were taken for sends requests: the kernel traces
// calls twice. There are few, as its first IPI of a call tells.
func (s *Sends) decide() {
	s.logic.twice = true
	for _, w := range s.queue[s.head:] {
		if w.undecided {
			for i := range w.Hits {
				s.tellLogical(s.cfg.Request, w, &w.Hits[i])
			}
			s.notSent(w)
		}
	}
	for i := range s.logic.calls {
		s.logic.calls[i] = logicalCall{}
	}
}

// notSent takes a call back that was queued as a send.
func (s *Sends) notSent(w *Send) {
	w.undecided, w.gone = false, true
	s.logic.undecided--
	if s.cfg.Unsent != nil {
		s.cfg.Unsent(w.Serial)
	}
}

// isSent takes a queued call for the send that it looks like.
func (s *Sends) isSent(w *Send) {
	w.undecided = false
	s.logic.undecided--
	s.withdraw(w)
	if l := &s.logic.calls[cpuIndex(w.CPU)]; l.send == w {
		*l = logicalCall{}
	}
}

// areSent takes all queued calls for the sends that they look like.
func (s *Sends) areSent() {
	for _, w := range s.queue[s.head:] {
		if w.undecided {
			s.isSent(w)
		}
	}
}

// dropLogical ends the wait for the carrier of a call: where calls are traced
// twice it is a request without an IPI.
func (s *Sends) dropLogical(cpu int32) {
	i := cpuIndex(cpu)
	if i >= len(s.logic.calls) || s.logic.calls[i].send == nil {
		return
	}
	w := s.logic.calls[i].send
	s.logic.calls[i] = logicalCall{}
	if w.undecided {
		return // its place is among the sends
	}
	for j := range w.Hits {
		s.tellLogical(s.cfg.Request, w, &w.Hits[j])
	}
	s.forget(w)
	s.recycle(w)
}
