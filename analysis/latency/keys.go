package latency

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Key is something that deliveries and runs are grouped by.
type Key uint8

const (
	KeyFunction Key = iota
	KeyCallback
	KeyCallsite
	KeyCause
	KeyMechanism
	KeyEntry
	KeyClass
	KeyComm
	KeyPID
	KeySender
	KeyTarget
	KeyPair
	KeyLine
	KeyContext
	KeyStack
	KeyInstance
	KeyFile
	numKeys
)

// keyDocs are the names of the keys on the command line and in results, with
// what each says.
var keyDocs = [numKeys]struct{ name, doc string }{
	KeyFunction:  {"function", "what the IPI made its target run"},
	KeyCallback:  {"callback", "the callback that the send event names"},
	KeyCallsite:  {"callsite", "where the send was called from, with offset"},
	KeyCause:     {"cause", "the kernel function that made the send necessary, found in its stack"},
	KeyMechanism: {"mechanism", "what the cause called that sends, such as static_key_enable"},
	KeyEntry:     {"entry", "what entered the kernel on the sender: a system call, work, a timer"},
	KeyClass:     {"class", "what can be done about it: deferrable, candidate, avoidable, ..."},
	KeyComm:      {"comm", "name of the sending task"},
	KeyPID:       {"pid", "pid of the sending task"},
	KeySender:    {"sender", "CPU that sent"},
	KeyTarget:    {"target", "CPU that was hit"},
	KeyPair:      {"pair", "sender and target, 0>2"},
	KeyLine:      {"line", "the interrupt: reschedule, call_function, call_function_single, irq_work"},
	KeyContext:   {"context", "what the target was doing: user, kernel, idle or unknown"},
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

// NoSend stands for what only the send could tell.
const NoSend = "(no send)"

// A subject is what a delivery and a run have in common for grouping.
type subject struct {
	hasSend                      bool
	function, callback, callsite trace.NameID
	comm, instance               trace.NameID
	pid, sender, target          int32
	line                         track.Line
	mode                         track.Mode
	stack                        trace.StackID
}

// none marks an id that stands for NoSend.
const none = ^uint64(0)

// id returns the value of a key as a number; text turns it back.
func (k Key) id(s *subject, a *track.Attributor) uint64 {
	switch k {
	case KeyFunction:
		return uint64(s.function)
	case KeyTarget:
		return uint64(s.target)
	case KeyLine:
		return uint64(s.line)
	case KeyContext:
		return uint64(s.mode)
	case KeyClass:
		return uint64(a.Class(s.function, s.stack).Class)
	case KeyFile:
		return 0
	}
	if !s.hasSend {
		return none
	}
	switch k {
	case KeyCallback:
		return uint64(s.callback)
	case KeyCallsite:
		return uint64(s.callsite)
	case KeyCause:
		return uint64(a.Stack(s.stack).Cause)
	case KeyMechanism:
		return uint64(a.Stack(s.stack).Mechanism)
	case KeyEntry:
		return uint64(a.Stack(s.stack).Entry)
	case KeyComm:
		return uint64(s.comm)
	case KeyPID:
		return uint64(uint32(s.pid))
	case KeySender:
		return uint64(uint32(s.sender))
	case KeyPair:
		return uint64(uint32(s.sender))<<32 | uint64(uint32(s.target))
	case KeyStack:
		return uint64(s.stack)
	case KeyInstance:
		return uint64(s.instance)
	}
	return 0
}

// text is the value of a key as it is shown.
func (k Key) text(id uint64, t *trace.Table, a *track.Attributor) string {
	if id == none {
		return NoSend
	}
	switch k {
	case KeyClass:
		return catalog.Class(id).String()
	case KeyStack:
		return a.Folded(trace.StackID(id))
	case KeyPID, KeySender, KeyTarget:
		return strconv.Itoa(int(int32(id)))
	case KeyPair:
		return strconv.Itoa(int(int32(id>>32))) + ">" + strconv.Itoa(int(int32(id)))
	case KeyLine:
		return track.Line(id).String()
	case KeyContext:
		return track.Mode(id).String()
	case KeyFile:
		return t.Meta.Path
	}
	return t.NameOf(trace.NameID(id))
}
