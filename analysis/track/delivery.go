package track

import (
	"math"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Never stands for a time that is not known.
const Never = trace.Time(math.MinInt64)

// A Delivery is a hit and its arrival, or one of the two whose counterpart is
// missing. It is valid during the call that delivers it.
type Delivery struct {
	// HasSend says that the send is known; without one Function is what the
	// interrupt itself tells.
	HasSend bool
	Serial  uint64 // of the send, 0 without one
	// Counted is false for sends that the filter excludes.
	Counted  bool
	Line     Line
	Sent     trace.Time
	Raised   trace.Time // ipi_raise of the send, Never if there is none
	Sender   int32
	PID      int32
	Comm     trace.NameID
	Instance trace.NameID
	Callback trace.NameID
	Callsite trace.NameID
	Function trace.NameID
	Evidence Evidence
	Stack    trace.StackID

	Target int32
	// Arrival is Matched if both ends are known, else why one is missing.
	Arrival Reason
	// Joined marks a hit that found the interrupt of an older one pending: it
	// has no interrupt of its own.
	Joined bool
	// Serviced numbers the interrupts that IPIs arrived by, 0 if it did not; Noise
	// events name it. Sampled says that only noise tells of the interrupt.
	Serviced uint64
	Sampled  bool
	Kind     BracketKind // of the entry event: BracketVector or BracketIPI
	// The times on the target, each Never if not known: of the interrupt
	// (irq_vectors, on arm64 irq_handler_entry) and of the handler within it
	// (arm64: ipi_entry, ipi_exit).
	IRQEntry, IRQExit         trace.Time
	HandlerEntry, HandlerExit trace.Time
	Mode                      Mode
	// Flags are those of the interrupt's entry event, 0 if there are none:
	// whether a switch was due by then.
	Flags trace.Flags
	// Switched is when the CPU switched tasks within the window, Never if it
	// did not; Watched is false if that could not be seen.
	Switched trace.Time
	Watched  bool
	// Softirq and Tick: softirqs ran, or it was seen to whether the tick can
	// stop (tick_stop), on the way out of the interrupt.
	Softirq, Tick bool
}

// Entered is when the handler's entry event was, Never if the hit is not known
// to have arrived.
func (d *Delivery) Entered() trace.Time {
	if d.Kind == BracketIPI {
		return d.HandlerEntry
	}
	return d.IRQEntry
}

// Left is when the handler's exit event was, Never if that is not known.
func (d *Delivery) Left() trace.Time {
	if d.Kind == BracketIPI {
		return d.HandlerExit
	}
	return d.IRQExit
}

// A Run is one function that a queued call made a CPU run.
type Run struct {
	Serial   uint64 // of the request, 0 without one
	CPU      int32
	Function trace.NameID
	Start    trace.Time
	End      trace.Time // Never if the exit is not known
	// Arrival is Matched if the request is known, else why not; the fields
	// below are its.
	Arrival  Reason
	Queued   trace.Time
	Sender   int32
	PID      int32
	Comm     trace.NameID
	Instance trace.NameID
	Callsite trace.NameID
	Stack    trace.StackID
	// HasIPI says that the request sent an IPI; else it was queued behind
	// another, or its target was polling.
	HasIPI  bool
	Counted bool
	// Shared marks a wake-up that was served by the run of another: it has no
	// End of its own.
	Shared bool
	Mode   Mode
}

// A flight is a Delivery under way.
type flight struct {
	Delivery
	next   *flight  // in a list of flights that wait for the same
	req    *request // that the hit serves
	known  bool     // the send's stack and function are
	over   bool     // nothing more will be seen of it
	early  bool     // arrived before its send, by clocks that differ
	raise  bool
	exit   trace.Time // when it left, for the window
	wayOut bool       // what is recorded now may be irq_exit's work
}

// flights is a list of them, oldest first.
type flights struct {
	first, last *flight
	n           int
}

func (l *flights) add(f *flight) {
	f.next = nil
	if l.last == nil {
		l.first = f
	} else {
		l.last.next = f
	}
	l.last = f
	l.n++
}

// remove takes one of them out; false if it is not there.
func (l *flights) remove(f *flight) bool {
	found := false
	for n := l.n; n > 0; n-- {
		if x := l.pop(); x == f {
			found = true
		} else {
			l.add(x)
		}
	}
	return found
}

// pop takes the oldest one, nil if there is none.
func (l *flights) pop() *flight {
	f := l.first
	if f == nil {
		return nil
	}
	if l.first = f.next; l.first == nil {
		l.last = nil
	}
	f.next = nil
	l.n--
	return f
}

// A request is a csd_queue_cpu under way to its function's entry.
type request struct {
	Run
	csd     uint64
	target  int32
	linked  bool // a send took it whose stack is not known yet
	over    bool
	pending bool // waits for its function to run
}
