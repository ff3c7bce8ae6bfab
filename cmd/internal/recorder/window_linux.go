package recorder

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A window is the time in which the buffer was on for certain, on the clock of the
// events. It is taken within that in which it was: after it was switched on, and
// before it was switched off.
type window struct {
	clock    int32
	from, to int64 // ns
	opened   bool  // from is known
	closed   bool  // to is known
}

// readable are the trace clocks that clock_gettime(2) reads, too (kernel/trace/trace.c,
// trace_clocks).
func readable(name string) (clock int32, ok bool) {
	switch name {
	case "mono":
		return unix.CLOCK_MONOTONIC, true
	case "mono_raw":
		return unix.CLOCK_MONOTONIC_RAW, true
	case "boot":
		return unix.CLOCK_BOOTTIME, true
	}
	return 0, false // tai jumps when it is set
}

func (w *window) begin(i *tracefs.Instance) {
	name, err := i.Read("trace_clock")
	if err != nil {
		return
	}
	if w.clock, w.opened = readable(selected(name)); w.opened {
		w.from, w.opened = now(w.clock)
	}
}

// end takes the time, and looks only then whether the buffer is still on: a trigger
// switches it off at a time that nobody knows.
func (w *window) end(i *tracefs.Instance) {
	if !w.opened {
		return
	}
	to, ok := now(w.clock)
	on, err := i.Read("tracing_on")
	w.to, w.closed = to, ok && err == nil && on == "1"
}

// selected is the clock between brackets in the list of a trace_clock file.
func selected(list string) string {
	for name := range strings.FieldsSeq(list) {
		if inner, ok := strings.CutPrefix(name, "["); ok {
			return strings.TrimSuffix(inner, "]")
		}
	}
	return strings.TrimSpace(list)
}

func now(clock int32) (ns int64, ok bool) {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		return 0, false
	}
	return t.Nano(), true
}

// coverage is the time that was recorded whole, nil if it cannot be vouched for:
// events were lost or overwritten, or there were some from before.
func (r *recording) coverage() *trace.Covered {
	if !r.window.closed || r.window.to < r.window.from || r.sum.AllLost() > 0 {
		return nil
	}
	for _, n := range r.sum.Overwritten {
		if n > 0 {
			return nil
		}
	}
	for _, s := range r.start {
		if s.entries > 0 {
			return nil
		}
	}
	return &trace.Covered{Window: trace.Window{From: trace.Time(r.window.from), To: trace.Time(r.window.to)}, Count: r.sum.Events}
}
