package key

import (
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// NoSend stands for what only a send could tell.
const NoSend = "(no send)"

// A Subject is what is grouped: a hit, a request, or something that a CPU ran.
type Subject struct {
	// NoSend: nothing is known of the sender
	NoSend bool
	// NoIPI: no IPI was sent, so Event is none
	NoIPI                        bool
	Event                        trace.EventID
	Function, Callback, Callsite trace.NameID
	Evidence                     track.Evidence
	Comm, Instance               trace.NameID
	PID, Sender, Target          int32
	Line                         track.Line
	Mode                         track.Mode
	Stack                        trace.StackID
	// Kind is that of an interruption, and Name what it is if it is no IPI, else 0.
	Kind, Name trace.NameID
}

// HitSubject is what a hit is grouped as.
func HitSubject(w *track.Send, h *track.Hit) Subject {
	return Subject{
		Event: w.Event, Function: h.Function, Callback: w.Callback, Callsite: w.Callsite, Evidence: h.Evidence,
		Comm: w.Comm, Instance: w.Instance, PID: w.PID, Sender: w.CPU, Target: h.Target, Stack: w.Stack,
	}
}

// RecordSubject is what a hit of a list is grouped as.
func RecordSubject(h *track.HitRecord) Subject {
	return Subject{
		Event: h.Event, Function: h.Function, Callback: h.Callback, Callsite: h.Callsite, Evidence: h.Evidence,
		Comm: h.Comm, Instance: h.Instance, PID: h.PID, Sender: h.Sender, Target: h.Target, Line: h.Line, Mode: h.Mode, Stack: h.Stack,
	}
}

// An ID is the value of a key as a number: an id of the trace's table, or a
// number that stands for itself. ID makes it, Text turns it back.
type ID uint32

// IDs are the values of a group's keys, in the order they are asked for in.
type IDs [Num]ID

// Of returns the values of keys for a subject.
func Of(keys []Key, s *Subject, a *track.Attributor) (ids IDs) {
	for i, k := range keys {
		ids[i] = k.ID(s, a)
	}
	return ids
}

// Ids that no table gives out and no task has; Linux knows 8192 CPUs at most.
const (
	noSend ID = 1<<31 + iota
	noIPI
	other
)

// ID returns the value of a key.
func (k Key) ID(s *Subject, a *track.Attributor) ID {
	r := &rows[k]
	if s.NoSend && r.ofSend {
		return noSend
	}
	return r.id(*s, a) // by value: what a pointer points to would be allocated
}

// Text is the value of a key as it is shown.
func (k Key) Text(id ID, t *trace.Table, a *track.Attributor) string {
	switch id {
	case noSend:
		return NoSend
	case noIPI:
		return track.NoIPI
	case other:
		return Other
	}
	return rows[k].text(id, t, a)
}
