package ipi

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Key is something that hits are grouped by.
type Key uint8

const (
	KeyCallback Key = iota
	KeyFunction
	KeyEvidence
	KeyCallsite
	KeyEvent
	KeyCause
	KeyMechanism
	KeyEntry
	KeyClass
	KeyComm
	KeyPID
	KeySender
	KeyTarget
	KeyStack
	KeyInstance
	KeyFile
	numKeys
)

// keyDocs are the names of the keys on the command line and in results, with
// what each says.
var keyDocs = [numKeys]struct{ name, doc string }{
	KeyCallback:  {"callback", "the callback that the send event names; requests that sent no IPI are under (no ipi)"},
	KeyFunction:  {"function", "what the hit makes its target run, by the best evidence there is"},
	KeyEvidence:  {"evidence", "how the function is known: callback, csd, stack, handler or none"},
	KeyCallsite:  {"callsite", "where the send was called from, with offset"},
	KeyEvent:     {"event", "the send event"},
	KeyCause:     {"cause", "the kernel function that made the send necessary, found in its stack"},
	KeyMechanism: {"mechanism", "what the cause called that sends, such as static_key_enable"},
	KeyEntry:     {"entry", "what entered the kernel: a system call, work, a timer, an interrupt, a kernel thread"},
	KeyClass:     {"class", "what can be done about it: deferrable, candidate, avoidable, ..."},
	KeyComm:      {"comm", "name of the sending task"},
	KeyPID:       {"pid", "pid of the sending task"},
	KeySender:    {"sender", "CPU that sent"},
	KeyTarget:    {"target", "CPU that was hit"},
	KeyStack:     {"stack", "the stack of the send, innermost frame first"},
	KeyInstance:  {"instance", "trace instance that recorded the send"},
	KeyFile:      {"file", "input file"},
}

func (k Key) String() string { return keyDocs[k].name }

// Doc is one sentence about the key.
func (k Key) Doc() string { return keyDocs[k].doc }

// KeyNames lists all keys.
func KeyNames() []string {
	names := make([]string, numKeys)
	for k := range names {
		names[k] = Key(k).String()
	}
	return names
}

// ParseKeys reads a comma-separated list of keys.
func ParseKeys(list string) ([]Key, error) { return analysis.ParseKeys[Key](list, KeyNames()) }

// id returns the value of a key for one hit as a number: an id of the trace's
// table or a number that stands for itself. text turns it back.
func (k Key) id(w *track.Send, h *track.Hit, a *track.Attributor) uint32 {
	switch k {
	case KeyCause:
		return uint32(a.Stack(w.Stack).Cause)
	case KeyMechanism:
		return uint32(a.Stack(w.Stack).Mechanism)
	case KeyEntry:
		return uint32(a.Stack(w.Stack).Entry)
	case KeyClass:
		return uint32(a.Class(h.Function, w.Stack).Class)
	case KeyStack:
		return uint32(w.Stack)
	case KeyCallback:
		return uint32(w.Callback)
	case KeyFunction:
		return uint32(h.Function)
	case KeyEvidence:
		return uint32(h.Evidence)
	case KeyCallsite:
		return uint32(w.Callsite)
	case KeyEvent:
		return uint32(w.Event)
	case KeyComm:
		return uint32(w.Comm)
	case KeyPID:
		return uint32(w.PID)
	case KeySender:
		return uint32(w.CPU)
	case KeyTarget:
		return uint32(h.Target)
	case KeyInstance:
		return uint32(w.Instance)
	}
	return 0
}

// noEvent is the id of KeyEvent for a request that sent no IPI.
const noEvent = ^uint32(0)

// requestID is id for a request that sent no IPI.
func (k Key) requestID(r *track.Request, noIPI trace.NameID, a *track.Attributor) uint32 {
	switch k {
	case KeyCause:
		return uint32(a.Stack(0).Cause)
	case KeyMechanism:
		return uint32(a.Stack(0).Mechanism)
	case KeyEntry:
		return uint32(a.Stack(0).Entry)
	case KeyClass:
		return uint32(a.Class(r.Function, 0).Class)
	case KeyCallback:
		return uint32(noIPI)
	case KeyFunction:
		return uint32(r.Function)
	case KeyEvidence:
		return uint32(track.EvidenceCSD)
	case KeyCallsite:
		return uint32(r.Callsite)
	case KeyEvent:
		return noEvent
	case KeyComm:
		return uint32(r.Comm)
	case KeyPID:
		return uint32(r.PID)
	case KeySender:
		return uint32(r.CPU)
	case KeyTarget:
		return uint32(r.Target)
	case KeyInstance:
		return uint32(r.Instance)
	}
	return 0
}

// text is the value of a key as it is shown.
func (k Key) text(id uint32, t *trace.Table, a *track.Attributor) string {
	switch k {
	case KeyClass:
		return catalog.Class(id).String()
	case KeyStack:
		return a.Folded(trace.StackID(id))
	case KeyEvidence:
		return track.Evidence(id).String()
	case KeyEvent:
		if id == noEvent {
			return track.NoIPI
		}
		return t.Schema(trace.EventID(id)).Name
	case KeyPID, KeySender, KeyTarget:
		return strconv.Itoa(int(int32(id)))
	case KeyFile:
		return t.Meta.Path
	}
	return t.NameOf(trace.NameID(id))
}
