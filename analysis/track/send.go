// Package track rebuilds from single events what several of them say together:
// which function an IPI makes its target run, which request caused it, and
// which stack sent it. All analyzers that count or time IPIs stand on it.
package track

import (
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Names that stand where the trace has none.
const (
	// Generic is the callback of every IPI that carries queued calls since
	// Linux 6.5 (kernel/smp.c); it says nothing about what runs.
	Generic = "generic_smp_call_function_single_interrupt"
	// Reschedule is the function of an IPI without callback
	// (arch_smp_send_reschedule in include/trace/events/ipi.h users).
	Reschedule = "reschedule"
	// Unknown is the function of a hit that no evidence explains.
	Unknown = "unknown"
	// NoIPI is the callback of requests that sent no IPI.
	NoIPI = "(no ipi)"
	// Null is how a NULL callback is printed.
	Null = "0x0"
)

// Evidence says how the function of a hit is known.
type Evidence uint8

const (
	EvidenceNone     Evidence = iota // nothing answered
	EvidenceCallback                 // the send names it
	EvidenceCSD                      // a csd_queue_cpu event of the same context names it
	EvidenceStack                    // the frames of the send's stack name it
	EvidenceCallsite                 // there is no stack, and the function that sent names it
	EvidenceHandler                  // what ran on the target names it
	EvidenceFunction                 // the function tracer shows who sent, and nothing else does
	NumEvidence
)

func (e Evidence) String() string {
	return [...]string{"none", "callback", "csd", "stack", "callsite", "handler", "function"}[e]
}

// A Send is one IPI send event with what belongs to it. It is owned by the
// Sends that delivers it and valid during the call only.
type Send struct {
	Time     trace.Time
	CPU      int32 // the sender
	PID      int32
	Comm     trace.NameID
	Instance trace.NameID
	Event    trace.EventID
	Callback trace.NameID // as recorded, without offset
	Callsite trace.NameID // sym+0x24
	Stack    trace.StackID
	Flags    trace.Flags
	// Raise marks an ipi_raise, which counts only where the input has no
	// ipi_send_* event.
	Raise bool
	// Traced marks a call that the function tracer shows, of a function that sends
	// IPIs: whom it went to is not known. It counts only where the input has neither
	// ipi_send_* nor ipi_raise events.
	Traced bool
	// Counted is false for sends that the filter excludes.
	Counted bool
	// Named marks a send that names the function of another CPU: where a kernel
	// traces calls and the IPIs that carry them, which was not seen, there may
	// have been no IPI.
	Named   bool
	Targets cpumask.Mask
	// Untargeted says that it is not known whom it goes to; Targets is empty.
	Untargeted bool
	// Function and Evidence are those of a send that hits nobody; else they
	// are in its hits.
	Function trace.NameID
	Evidence Evidence
	Hits     []Hit

	// Line is the interrupt that the targets take.
	Line Line
	// Serial numbers the sends of a trace as they come, from 1.
	Serial uint64

	open bool // its stack may still come
	// nested: it is a call of the function tracer, of which more may come
	nested bool
	// undecided: it may be the call of a kernel that traces calls twice
	undecided bool
	gone      bool               // it turned out to be one
	second    bool               // it may repeat the one before it, see doubles
	narrowed  trace.NameID       // what a system call's argument says runs, 0 if nothing
	underway  [dispatches]called // what runs there, 0 if not known
}

// IsSecond reports whether the send counts only where the trace has no ipi_send_*
// event.
func (w *Send) IsSecond() bool { return w.Raise || w.Traced }

// A Hit is one target of a Send that is in the isolated set.
type Hit struct {
	Target   int32
	Function trace.NameID
	Evidence Evidence
	Requests uint32 // csd_queue_cpu events that this hit served
	// CSD is the csd pointer of the request that the hit served, 0 if none, and
	// Request its serial.
	CSD, Request uint64

	wait    handlerWait  // for what its target runs
	handler trace.NameID // what the target ran
}

// A Request is a csd_queue_cpu event with an isolated target. It may send no IPI:
// if the target's queue was not empty, or the target was polling for work.
type Request struct {
	Serial           uint64 // numbers the requests of a trace as they come
	Time             trace.Time
	CPU, PID, Target int32
	Comm, Instance   trace.NameID
	Function         trace.NameID
	Callsite         trace.NameID
	CSD              uint64
	// Stack is that of a call of Linux 6.4, 0 if there is none.
	Stack trace.StackID
}
