// Package order watches the times of a text's events: a recording's go on within
// each CPU. Where they do not, another recording begins, or parts of one changed
// places.
package order

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Jitter is how far a time in nanoseconds may go back within a CPU, or after
// prose, without meaning anything: clocks are rounded when they are printed.
const Jitter = 20_000

// maxTold bounds the restarts that are told in full.
const maxTold = 16

// A Watch follows one text. The zero value is ready.
type Watch struct {
	// Ticks says that the time of the next event is no nanoseconds: such never go back.
	Ticks bool
	// Sorted says that the events of all CPUs were sorted before they were printed.
	Sorted bool

	last    []trace.Time // by CPU + 1; -1 if it has no event
	newest  trace.Time
	any     bool
	header  bool // a header stood after the last event
	prose   bool // other text did
	restart trace.Restart
	lost    trace.Lost
	next    int // CPU + 1 whose loss is to be delivered, while restarting
	ended   []trace.Time
	// restarts counts them.
	restarts int
}

// Header notes that a header as at the begin of a recording stands there.
func (w *Watch) Header() { w.header = w.any }

// Prose notes that a line stands there that is no part of a recording.
func (w *Watch) Prose() { w.prose = w.any }

// Newest is the latest time of the recording that was noted, 0 if there is none.
func (w *Watch) Newest() trace.Time { return w.newest }

// Before notes the last event of a CPU of those that were left out.
func (w *Watch) Before(cpu int32, last trace.Time) {
	w.seen(cpu)
	w.last[cpu+1], w.any = last, true
	w.newest = max(w.newest, last)
}

// seen makes room for a CPU.
func (w *Watch) seen(cpu int32) {
	for int(cpu)+1 >= len(w.last) {
		w.last = append(w.last, -1)
	}
}

// Event notes an event. It is true if another recording begins with it: then Next
// returns the records that say so, which come before it.
func (w *Watch) Event(cpu int32, t trace.Time, at trace.Pos) bool {
	if i := int(cpu) + 1; i < len(w.last) && t >= w.last[i] && t >= w.newest && !w.header {
		w.last[i], w.newest, w.any, w.prose = t, t, true, false
		return false
	}
	w.seen(cpu)
	i := int(cpu) + 1
	last := w.last[i]
	jitter := w.jitter()
	if w.any && (w.header || last-t > jitter || w.prose && w.newest-t > jitter || w.Sorted && w.newest-t > 50*jitter) {
		w.begin(cpu, t, at)
		w.last[i] = t
		w.newest, w.header, w.prose = t, false, false
		return true
	}
	w.last[i], w.any, w.prose = t, true, false
	if t > w.newest {
		w.newest = t
	}
	return false
}

func (w *Watch) jitter() trace.Time {
	if w.Ticks {
		return 0
	}
	return Jitter
}

// begin makes the records of a restart.
func (w *Watch) begin(cpu int32, t trace.Time, at trace.Pos) {
	last, jitter := w.last[int(cpu)+1], w.jitter()
	if last < 0 || w.newest-t > jitter && last-t <= jitter {
		last = w.newest
	}
	if w.restarts++; w.restarts > maxTold {
		w.restart.At, w.restart.Time, w.restart.Msg = at, t, "time goes back again, or another header comes: another recording begins here"
		w.end()
		return
	}
	what := "a second header"
	if last-t > jitter {
		what = fmt.Sprintf("time goes back from %s to %s on CPU %d", clock(last), clock(t), cpu)
		if w.header {
			what += " after a second header"
		}
	}
	alone := w.header && w.cpus() == 1 && w.last[int(cpu)+1] < 0
	what += ": another recording begins here, or parts of one changed places; nothing is matched across this line"
	if alone {
		what += " (the per_cpu files of one recording? its file trace holds all CPUs in order)"
	}
	w.restart = trace.Restart{At: at, Time: t, Msg: what}
	w.end()
}

// end forgets the recording that ended but for its CPUs.
func (w *Watch) end() {
	w.ended = append(w.ended[:0], w.last...)
	for i := range w.last {
		w.last[i] = -1
	}
	w.next = -1
}

func (w *Watch) cpus() (n int) {
	for _, t := range w.last {
		if t >= 0 {
			n++
		}
	}
	return n
}

func clock(t trace.Time) string { return fmt.Sprintf("%d.%06d", t/1e9, t%1e9/1000) }

// Next returns the records of a restart one after the other, nil after the last
// one: that another recording begins, and for each CPU that what came before is
// not to be paired with what follows.
func (w *Watch) Next() trace.Record {
	if w.next < 0 {
		w.next = 0
		return &w.restart
	}
	for ; w.next < len(w.ended); w.next++ {
		if w.ended[w.next] >= 0 && w.next > 0 {
			w.lost = trace.Lost{CPU: int32(w.next - 1), Time: w.restart.Time, At: w.restart.At, Since: w.ended[w.next]}
			w.next++
			return &w.lost
		}
	}
	return nil
}
