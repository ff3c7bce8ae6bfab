package track

// A Reason says why an event has no counterpart, or that it has one.
type Reason uint8

const (
	Matched Reason = iota
	// Local: the function was run by its own CPU without an IPI: its csd is NULL
	// (kernel/smp.c, generic_exec_single).
	Local
	// IRQWork: a queued irq_work: it runs without csd_function_entry.
	IRQWork
	// Lost: events between the two may have been dropped.
	Lost
	// TraceStart: the first of its kind: the counterpart lies before the
	// recording, or before the counterpart's event was switched on.
	TraceStart
	// TraceEnd: what follows lies behind the recording.
	TraceEnd
	// NoSend: no recorded send or request led to it.
	NoSend
	// NoEntry: the target did not get to it before the same was sent again.
	NoEntry
	// NoExit: the exit event is missing.
	NoExit
	// NotRecorded: the trace has no events of the other side at all.
	NotRecorded
	// NotSampled: it arrived while osnoise or timerlat did not measure, and nothing
	// else tells of interrupts.
	NotSampled
	NumReasons
)

func (r Reason) String() string {
	return [...]string{
		"matched", "local", "irq-work", "lost-events", "trace-start", "trace-end", "no-send", "no-entry", "no-exit", "not-recorded", "not-sampled",
	}[r]
}

// Doc is one sentence about the reason.
func (r Reason) Doc() string {
	return [...]string{
		"the counterpart was found",
		"a function that the CPU ran for itself, without an IPI (csd=NULL)",
		"a queued irq_work, which runs without csd_function_entry",
		"events that were lost may lie between",
		"the counterpart may lie before the recording, or before its event was switched on",
		"what follows lies after the end of the recording",
		"no recorded send or request led to it",
		"not seen to arrive before the same was sent again",
		"its exit event is missing",
		"the recording has no events of the other side",
		"it arrived while osnoise or timerlat did not measure, and no other events tell of interrupts",
	}[r]
}

// An Account says what became of all events of one kind: matched and reasons
// add up to all.
type Account [NumReasons]uint64

// All is the number of events.
func (a *Account) All() (n uint64) {
	for _, v := range a {
		n += v
	}
	return n
}

// Add adds o to a.
func (a *Account) Add(o *Account) {
	for i, v := range o {
		a[i] += v
	}
}
