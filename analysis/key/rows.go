package key

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A row is all that there is to a key. A new key is a constant and a row; which
// analyses know it is said in their Lists.
type row struct {
	name string // on the command line and in results
	doc  string
	// ofHits: a hit and a request have it
	ofHits bool
	// ofSend: only the send tells it
	ofSend bool
	// id is the value of a subject. One that only the send tells is asked for
	// where there is one.
	id func(Subject, *track.Attributor) ID
	// text shows an id.
	text func(ID, *trace.Table, *track.Attributor) string
}

var rows = [Num]row{
	Callback: {
		name: "callback", doc: "the callback that the send event names; requests that sent no IPI are under (no ipi)",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Callback) },
		text: name,
	},
	Function: {
		name: "function", doc: "what the hit makes its target run, by the best evidence there is",
		ofHits: true,
		id:     func(s Subject, _ *track.Attributor) ID { return ID(s.Function) },
		text:   name,
	},
	Evidence: {
		name: "evidence", doc: "how the function is known: callback, csd, stack, callsite, handler, function or none",
		ofHits: true,
		id:     func(s Subject, _ *track.Attributor) ID { return ID(s.Evidence) },
		text:   func(id ID, _ *trace.Table, _ *track.Attributor) string { return track.Evidence(id).String() },
	},
	Callsite: {
		name: "callsite", doc: "where the send was called from, with offset",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Callsite) },
		text: name,
	},
	Event: {
		name: "event", doc: "the send event",
		ofHits: true, ofSend: true,
		id: func(s Subject, _ *track.Attributor) ID {
			if s.NoIPI {
				return noIPI
			}
			return ID(s.Event)
		},
		text: func(id ID, t *trace.Table, _ *track.Attributor) string { return t.Schema(trace.EventID(id)).Name },
	},
	Cause: {
		name: "cause", doc: "the kernel function that made the send necessary, found in its stack, without one its callsite",
		ofHits: true, ofSend: true,
		id:   func(s Subject, a *track.Attributor) ID { return ID(a.Facts(s.Stack, s.Callsite).Cause) },
		text: name,
	},
	Mechanism: {
		name: "mechanism", doc: "what the cause called that sends, such as static_key_enable",
		ofHits: true, ofSend: true,
		id:   func(s Subject, a *track.Attributor) ID { return ID(a.Facts(s.Stack, s.Callsite).Mechanism) },
		text: name,
	},
	Entry: {
		name: "entry", doc: "what entered the kernel: a system call, work, a timer, an interrupt, a kernel thread",
		ofHits: true, ofSend: true,
		id:   func(s Subject, a *track.Attributor) ID { return ID(a.Facts(s.Stack, s.Callsite).Entry) },
		text: name,
	},
	Class: {
		name: "class", doc: "what can be done about it: deferrable, candidate, avoidable, ...",
		ofHits: true,
		id:     func(s Subject, a *track.Attributor) ID { return ID(a.Class(s.Function, s.Stack, s.Callsite).Class) },
		text:   func(id ID, _ *trace.Table, _ *track.Attributor) string { return catalog.Class(id).String() },
	},
	Classes: {
		name: "classes", doc: "the classes it may have where evidence is missing: a set a|b, or unknown",
		id:   func(s Subject, a *track.Attributor) ID { return ID(a.Classes(s.Function, s.Stack, s.Callsite)) },
		text: name,
	},
	Comm: {
		name: "comm", doc: "name of the sending task",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Comm) },
		text: name,
	},
	PID: {
		name: "pid", doc: "pid of the sending task",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.PID) },
		text: number,
	},
	Sender: {
		name: "sender", doc: "CPU that sent",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Sender) },
		text: number,
	},
	Target: {
		name: "target", doc: "CPU that was hit",
		ofHits: true,
		id:     func(s Subject, _ *track.Attributor) ID { return ID(s.Target) },
		text:   number,
	},
	Pair: {
		name: "pair", doc: "sender and target, 0>2",
		ofSend: true,
		id: func(s Subject, _ *track.Attributor) ID {
			if s.Sender < 0 {
				return noSend // text without a CPU
			}
			return ID(s.Sender)<<16 | ID(s.Target) // both below cpumask.MaxCPUs
		},
		text: func(id ID, _ *trace.Table, _ *track.Attributor) string {
			return strconv.Itoa(int(id>>16)) + ">" + strconv.Itoa(int(id&0xffff))
		},
	},
	Line: {
		name: "line", doc: "the interrupt: reschedule, call_function, call_function_single, irq_work",
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Line) },
		text: func(id ID, _ *trace.Table, _ *track.Attributor) string { return track.Line(id).String() },
	},
	Context: {
		name: "context", doc: "what the target was doing: user, kernel, idle or unknown",
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Mode) },
		text: func(id ID, _ *trace.Table, _ *track.Attributor) string { return track.Mode(id).String() },
	},
	Stack: {
		name: "stack", doc: "the stack of the send, innermost frame first",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Stack) },
		text: func(id ID, _ *trace.Table, a *track.Attributor) string { return a.Folded(trace.StackID(id)) },
	},
	Instance: {
		name: "instance", doc: "trace instance that recorded the send",
		ofHits: true, ofSend: true,
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Instance) },
		text: name,
	},
	File: {
		name: "file", doc: "input file",
		ofHits: true,
		id:     func(Subject, *track.Attributor) ID { return 0 },
		text:   func(_ ID, t *trace.Table, _ *track.Attributor) string { return t.Meta.Path },
	},
	Kind: {
		name: "kind", doc: "what interrupted: ipi, timer, vector, irq, nmi, softirq, task or idle",
		id:   func(s Subject, _ *track.Attributor) ID { return ID(s.Kind) },
		text: name,
	},
	Name: {
		name: "name", doc: "an IPI's function, the interrupt, the softirq or the task",
		id: func(s Subject, _ *track.Attributor) ID {
			if s.Name != 0 {
				return ID(s.Name)
			}
			return ID(s.Function)
		},
		text: name,
	},
}

// name is the text of an id of the trace's names.
func name(id ID, t *trace.Table, _ *track.Attributor) string { return t.NameOf(trace.NameID(id)) }

// number is the text of an id that is a number.
func number(id ID, _ *trace.Table, _ *track.Attributor) string { return strconv.Itoa(int(int32(id))) }
