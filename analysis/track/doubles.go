package track

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// perf record -e ipi:ipi_send_cpu -e 'ipi:*' opens one tracepoint twice: each hit
// of it gives two samples, one behind the other on their CPU, microseconds apart.
// A perf.data says so; its text shows but pairs. Since a CPU may well send the same
// twice, sends are taken for such only if all of an input come in pairs, of
// different sends, that are far closer to each other than to the next.

// doubledWithin is how far apart the two samples may be, ns: up to 11 ms were seen,
// where an interrupt came in between.
const doubledWithin = 20_000_000

// doubles finds tracepoints of perf that were recorded twice.
type doubles struct {
	on     bool // the input is perf's
	events map[trace.EventID]*doubled
	calls  doubledCalls
}

// doubledCalls is what is known of csd_queue_cpu. A request that was queued again
// before it ran did not send an IPI; until it is known which it is, those that may be
// first samples wait.
type doubledCalls struct {
	last           map[int32]lastCall // by CPU
	pairs, singles int
	varied         bool
	known, is      bool
	waiting        []orphaned
	dropped        uint64
}

type lastCall struct {
	call
	paired bool
}

// orphaned is a call that no IPI took.
type orphaned struct {
	cpu int32
	key callKey
	call
}

// see notes a call and reports whether it may be the second sample of the one before.
func (d *doubledCalls) see(cpu int32, c call) bool {
	last, any := d.last[cpu]
	is := any && !last.paired && c.csd != 0 && last.csd == c.csd && last.function == c.function && c.time-last.time <= doubledWithin
	switch {
	case is:
		d.pairs++
	case any && !last.paired:
		d.singles++
	}
	d.varied = d.varied || any && !is && last.csd != c.csd
	d.last[cpu] = lastCall{c, is}
	switch {
	case d.known:
	case 10*d.singles > d.pairs:
		d.known = true
	case d.pairs >= 3 && d.singles == 0 && d.varied:
		d.known, d.is = true, true
	}
	return is
}

// doubled is what is known of one tracepoint.
type doubled struct {
	last           map[int32]sample // by CPU
	pairs, singles int
	close          int // pairs that are nearer to each other than to the pair before
	varied         bool
	known, is      bool
	dropped        uint64
}

// A sample is the newest of a CPU.
type sample struct {
	time, before       trace.Time // before: that of the sample before it
	pid                int32
	callback, callsite trace.NameID
	targets            cpumask.Mask
	paired             bool
}

func newDoubles(t *trace.Table) doubles {
	return doubles{on: strings.HasPrefix(t.Meta.Format, "perf"), events: map[trace.EventID]*doubled{}, calls: doubledCalls{last: map[int32]lastCall{}}}
}

// second reports whether a send may be the second sample of the one before it on
// its CPU. known says that it is, or that no send of this tracepoint is.
func (d *doubles) second(w *Send) (is, known bool) {
	x := d.events[w.Event]
	if x == nil {
		x = &doubled{last: map[int32]sample{}}
		d.events[w.Event] = x
	}
	if x.known && !x.is {
		return false, true
	}
	last, any := x.last[w.CPU]
	if any && !last.paired && last.pid == w.PID && last.callback == w.Callback && last.callsite == w.Callsite && w.Time-last.time <= doubledWithin && last.targets.Equal(&w.Targets) {
		x.pairs++
		if last.before == Never || 4*(w.Time-last.time) <= last.time-last.before {
			x.close++
		}
		last.paired, last.time = true, w.Time
		x.last[w.CPU] = last
		return true, x.known
	}
	if any && !last.paired {
		x.singles++
	}
	next := sample{time: w.Time, before: Never, pid: w.PID, callback: w.Callback, callsite: w.Callsite}
	next.targets.CopyFrom(&w.Targets)
	if any {
		next.before = last.time
		x.varied = x.varied || last.pid != next.pid || last.callsite != next.callsite || !last.targets.Equal(&next.targets)
	}
	x.last[w.CPU] = next
	if !x.known && 10*x.singles > x.pairs {
		x.known = true
	}
	return false, x.known
}

// decide says whether the tracepoint was recorded twice, as far as was seen.
func (x *doubled) decide() bool {
	if !x.known {
		x.known, x.is = true, x.pairs >= 3 && x.varied && 4*x.close >= 3*x.pairs
	}
	return x.is
}

// lost ends the wait for a second sample on a CPU.
func (d *doubles) lost(cpu int32) {
	for _, x := range d.events {
		delete(x.last, cpu)
	}
	delete(d.calls.last, cpu)
}

// settleDoubles decides on all tracepoints and takes back the sends that are second
// samples.
func (s *Sends) settleDoubles() {
	for _, w := range s.queue[s.head:] {
		if !w.second {
			continue
		}
		w.second = false
		if x := s.doubles.events[w.Event]; x.decide() {
			x.dropped++
			s.seen.takeBack(w, s.roles[w.Event].kind)
			if w.undecided {
				s.notSent(w)
				continue
			}
			w.gone = true
			if s.cfg.Unsent != nil {
				s.cfg.Unsent(w.Serial)
			}
		}
	}
}

// takeBack forgets a send.
func (s *sightings) takeBack(w *Send, k kind) { s.add(k, ^uint64(0), w.Untargeted) }

// notes say which tracepoints were recorded twice.
func (d *doubles) notes(t *trace.Table) (notes []string) {
	for id, x := range d.events {
		if x.dropped > 0 {
			notes = append(notes, fmt.Sprintf("%s was recorded twice (-e given twice for it): %d samples repeat the one before and do not count", t.Schema(id).Name, x.dropped))
		}
	}
	if n := d.calls.dropped; n > 0 {
		notes = append(notes, fmt.Sprintf("csd_queue_cpu was recorded twice (-e given twice for it): %d samples repeat the one before and do not count", n))
	}
	return notes
}

// replaced takes a call that another one with the same key took the place of: it is
// a request that sent no IPI, unless the other one repeats it.
func (s *Sends) replaced(cpu int32, k callKey, older call, repeats bool) {
	d := &s.doubles.calls
	if !repeats || d.known && !d.is {
		s.orphan(cpu, k, older)
		return
	}
	d.waiting = append(d.waiting, orphaned{cpu, k, older})
	if d.known {
		s.settleCalls()
	}
}

// settleCalls decides on the calls that wait.
func (s *Sends) settleCalls() {
	d := &s.doubles.calls
	for _, o := range d.waiting {
		if !d.is {
			s.orphan(o.cpu, o.key, o.call)
			continue
		}
		d.dropped++
		if s.cfg.Withdrawn != nil && s.isolated(o.key.target) {
			s.cfg.Withdrawn(o.serial)
		}
	}
	d.waiting = d.waiting[:0]
}
