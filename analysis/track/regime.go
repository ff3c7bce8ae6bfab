package track

import "github.com/ipiscope/ipiscope/parser/trace"

// HasCalls reports whether the trace records csd_queue_cpu, as Linux 6.5 and later
// do, which trace each IPI once.
func (s *Sends) HasCalls() bool { return s.hasCSD }

// FirstCall is the time of the first csd_queue_cpu, false if there was none so far.
func (s *Sends) FirstCall() (trace.Time, bool) { return s.firstCall, s.hasCSD }

// HasRaises reports whether the trace has ipi_raise events.
func (s *Sends) HasRaises() bool { return s.seen.sent.Raise > 0 }

// HasLogicalCalls reports whether the trace was seen to name cross-CPU calls in their send
// events, apart from the IPIs that carry them, as Linux 6.4 does. Such calls are
// counted by their IPIs; their requests do not compare with csd_queue_cpu's.
func (s *Sends) HasLogicalCalls() bool { return s.logic.twice }
