package track

// HasLogicalCalls reports whether the trace names cross-CPU calls in their send
// events, apart from the IPIs that carry them, as Linux 6.4 does. Such calls are
// counted by their IPIs; their requests do not compare with csd_queue_cpu's.
func (s *Sends) HasLogicalCalls() bool { return len(s.logic) > 0 }
