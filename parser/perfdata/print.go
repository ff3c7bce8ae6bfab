package perfdata

import "github.com/ipiscope/ipiscope/parser/trace"

// What printing the current event as perf script does needs beside the event.

// EventName is the current event's name as perf was given it.
func (s *Source) EventName() string {
	if s.current == nil {
		return ""
	}
	return s.current.printed()
}

// printed is the name that perf prints.
func (a *attr) printed() string {
	if a.name != "" {
		return a.name
	}
	return a.fullName()
}

// Width is the length of the longest name of an event.
func (s *Source) Width() int {
	if s.width == 0 {
		for _, a := range s.dir.attrs {
			s.width = max(s.width, len(a.printed()))
		}
	}
	return s.width
}

// Chain says whether the current event has a callchain, and whether its kernel
// part follows.
func (s *Source) Chain() (any, follows bool) { return s.chain, s.stackOf != nil }

// Chained says that callchains were recorded.
func (s *Source) Chained() bool {
	for _, a := range s.dir.attrs {
		if a.sampleType&sampleCallchain != 0 {
			return true
		}
	}
	return false
}

// LostBy is the thread that the current loss was noted with.
func (s *Source) LostBy() (comm trace.NameID, tid int32) {
	return s.tasks.name(s, s.lostTID), s.lostTID
}

// ExpectNames is for Sources whose names another goroutine asks for. Only that
// which scans may here, as names of tasks come while it does.
func (s *Source) ExpectNames() {}
