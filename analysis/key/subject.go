package key

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/catalog"
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
}

// HitSubject is what a hit is grouped as.
func HitSubject(w *track.Send, h *track.Hit) Subject {
	return Subject{
		Event: w.Event, Function: h.Function, Callback: w.Callback, Callsite: w.Callsite, Evidence: h.Evidence,
		Comm: w.Comm, Instance: w.Instance, PID: w.PID, Sender: w.CPU, Target: h.Target, Stack: w.Stack,
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
	switch k {
	case Function:
		return ID(s.Function)
	case Target:
		return ID(s.Target)
	case Line:
		return ID(s.Line)
	case Context:
		return ID(s.Mode)
	case Class:
		return ID(a.Class(s.Function, s.Stack, s.Callsite).Class)
	case Classes:
		return ID(a.Classes(s.Function, s.Stack, s.Callsite))
	case Evidence:
		return ID(s.Evidence)
	case File:
		return 0
	}
	if s.NoSend {
		return noSend
	}
	switch k {
	case Callback:
		return ID(s.Callback)
	case Callsite:
		return ID(s.Callsite)
	case Event:
		if s.NoIPI {
			return noIPI
		}
		return ID(s.Event)
	case Cause:
		return ID(a.Facts(s.Stack, s.Callsite).Cause)
	case Mechanism:
		return ID(a.Facts(s.Stack, s.Callsite).Mechanism)
	case Entry:
		return ID(a.Facts(s.Stack, s.Callsite).Entry)
	case Comm:
		return ID(s.Comm)
	case PID:
		return ID(s.PID)
	case Sender:
		return ID(s.Sender)
	case Pair:
		if s.Sender < 0 {
			return noSend // text without a CPU
		}
		return ID(s.Sender)<<16 | ID(s.Target) // both below cpumask.MaxCPUs
	case Stack:
		return ID(s.Stack)
	case Instance:
		return ID(s.Instance)
	}
	return 0
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
	switch k {
	case Class:
		return catalog.Class(id).String()
	case Stack:
		return a.Folded(trace.StackID(id))
	case Evidence:
		return track.Evidence(id).String()
	case Event:
		return t.Schema(trace.EventID(id)).Name
	case PID, Sender, Target:
		return strconv.Itoa(int(int32(id)))
	case Pair:
		return strconv.Itoa(int(id>>16)) + ">" + strconv.Itoa(int(id&0xffff))
	case Line:
		return track.Line(id).String()
	case Context:
		return track.Mode(id).String()
	case File:
		return t.Meta.Path
	}
	return t.NameOf(trace.NameID(id))
}
