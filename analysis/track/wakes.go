package track

import (
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

const (
	// wakeFunction is what all queued wake-ups run at once (kernel/smp.c,
	// __flush_smp_call_function_queue).
	wakeFunction = "sched_ttwu_pending"
	// maxWakes bounds the queued wake-ups of one CPU that wait for a run: more
	// are under way only where runs are not recorded.
	maxWakes = 256
)

// wakes are the queued wake-ups of one CPU. One run serves all that were queued
// when the CPU emptied its queue, and has the csd of the oldest of them. The
// run's entry event comes a little later than that, so whether a wake-up queued
// in between was one of them shows with the next run only: if it is older than
// that one's, it was.
type wakes struct {
	queued []*request // in the order of the trace
	ran    bool       // there was a run
	last   trace.Time // its start
	mode   Mode       // what it interrupted
}

// queue remembers a wake-up. The older half of too many is forgotten: they are
// requests like others then.
func (w *wakes) queue(r *request) {
	if len(w.queued) >= maxWakes {
		w.queued = w.queued[:copy(w.queued, w.queued[maxWakes/2:])]
	}
	w.queued = append(w.queued, r)
}

// remove forgets a wake-up.
func (w *wakes) remove(r *request) {
	w.queued = slices.DeleteFunc(w.queued, func(q *request) bool { return q == r })
}

// served reports whether a wake-up that has no run of its own was waiting when
// the newest run began.
func (w *wakes) served(r *request) bool { return w.ran && r.Queued < w.last }

// wake takes a run of wake-ups. own is the request whose csd it has.
func (d *Deliveries) wake(w *wakes, own *request, x *Bracket) {
	older := slices.Index(w.queued, own)
	if older < 0 {
		older = len(w.queued) // nothing says which of them are this run's
	}
	rest := w.queued[min(older+1, len(w.queued)):]
	before := w.queued[:older]
	for _, r := range before {
		if w.served(r) {
			d.share(r, w)
		}
	}
	w.ran, w.last, w.mode = true, x.Start, x.Mode
	for _, r := range before { // two CPUs queued them at once, and were traced the other way round
		d.share(r, w)
	}
	w.queued = w.queued[:copy(w.queued, rest)]
}

// share puts a wake-up down to the newest run, if it still waits for one.
func (d *Deliveries) share(r *request, w *wakes) {
	if !r.pending {
		return
	}
	delete(d.requests, r.csd)
	r.pending, r.Arrival, r.Shared = false, Matched, true
	r.Start, r.Mode = w.last, w.mode
	d.Requests[Matched]++
	d.overRun(r)
}

// endWakes ends the wait for a next run: those that were waiting at the newest
// one were served by it.
func (d *Deliveries) endWakes(w *wakes) {
	for _, r := range w.queued {
		if w.served(r) {
			d.share(r, w)
		}
	}
	*w = wakes{queued: w.queued[:0]}
}
