package quiet

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// second is one second of a trace, counted from its start.
type second struct {
	index int64
	count uint64
	taken int64 // ns
}

// worse orders seconds by the time taken, then by interruptions, then the
// earliest first.
func (a *second) worse(b *second) bool {
	if a.taken != b.taken {
		return a.taken > b.taken
	}
	if a.count != b.count {
		return a.count > b.count
	}
	return a.index < b.index && a.count > 0
}

const nsPerSecond = 1_000_000_000

// A flow is the stretches of one CPU, quiet and not, as they go by.
type flow struct {
	start         trace.Time // of the trace
	interruptions uint64
	taken         int64 // ns
	quiet         stat.Dist
	longest       int64
	longestAt     trace.Time
	censored      uint64 // quiet stretches that a gap in the events ends
	isBusy        bool
	// since is when the quiet began, or up to when the time of an interruption
	// that goes on is counted
	since      trace.Time
	worst, now second
	// begun is when the interruption began that goes on, and atOnce the longest time
	// for which the CPU was not left alone
	begun    trace.Time
	atOnce   int64
	atOnceAt trace.Time
	// sequence is the stretches that both have ends that were seen, nil without
	// Config.Sequences; cut counts the others
	sequence *stat.Sequence
	cut      uint64
	edge     bool // the stretch began before the trace, or in a gap
}

func newFlow(start trace.Time) flow {
	return flow{start: start, since: start, worst: second{index: -1}, now: second{index: -1}, edge: true}
}

// clone returns a copy that goes its own way.
func (f *flow) clone() *flow {
	c := *f
	c.quiet = stat.Dist{}
	c.quiet.Merge(&f.quiet)
	c.sequence = f.sequence.Clone()
	return &c
}

// busy takes the beginning of an interruption, which ends the quiet if no other
// one goes on.
func (f *flow) busy(at trace.Time) {
	if f.isBusy {
		f.count(at)
	} else {
		f.stretch(at)
		f.isBusy, f.since, f.begun, f.edge = true, at, at, false
	}
	f.interruptions++
	f.at(at).count++
}

// calm begins a quiet stretch.
func (f *flow) calm(at trace.Time) {
	if f.isBusy {
		f.count(at)
		f.over(at)
		f.isBusy, f.since = false, at
	}
}

// over takes the end of an interruption, or that of what is known of it.
func (f *flow) over(at trace.Time) {
	if d := int64(at - f.begun); d > f.atOnce {
		f.atOnce, f.atOnceAt = d, f.begun
	}
}

// away takes a stretch in which the CPU was offline: what was under way when it
// went ended there.
func (f *flow) away(from, to trace.Time) {
	switch {
	case f.since >= to:
		return
	case f.isBusy:
		f.count(max(from, f.since))
		f.over(max(from, f.since))
		f.isBusy = false
	case f.since < from:
		f.stretch(from)
	}
	f.since = to
}

// unwatched takes a stretch in which nobody would have seen an interruption: what
// was quiet up to it was so for that long at least.
func (f *flow) unwatched(from, to trace.Time) {
	if f.since >= to {
		return
	}
	if !f.isBusy {
		f.edge = true
	}
	f.away(from, to)
	f.edge = true
}

// stretch counts the quiet up to now.
func (f *flow) stretch(at trace.Time) {
	q := int64(at - f.since)
	if q < 0 {
		return // clocks differ, or text is out of order
	}
	f.quiet.Add(q)
	switch {
	case f.edge:
		f.cut++
	case f.sequence != nil:
		f.sequence.Add(int64(at), q)
	}
	if q > f.longest {
		f.longest, f.longestAt = q, f.since
	}
}

// count counts the time of the interruption that goes on, and gives the seconds
// that it lies in their part of it.
func (f *flow) count(to trace.Time) {
	for f.since < to {
		end := to
		if rest := nsPerSecond - (f.since-f.start)%nsPerSecond; rest < to-f.since {
			end = f.since + rest
		}
		taken := end - f.since
		f.at(f.since).taken += int64(taken)
		if more := (to - end) / nsPerSecond; taken == nsPerSecond && more > 1 {
			taken += (more - 1) * nsPerSecond // none of them is worse than this one
		}
		f.taken = analysis.AddTimes(f.taken, int64(taken))
		f.since += taken
	}
}

// at returns the second that a time lies in; the one before it is over.
func (f *flow) at(t trace.Time) *second {
	if i := int64(t-f.start) / nsPerSecond; i > f.now.index {
		f.close()
		f.now = second{index: i}
	}
	return &f.now
}

func (f *flow) close() {
	if f.now.worse(&f.worst) {
		f.worst = f.now
	}
}

// lost takes a gap: the stretch that it ends does not count.
func (f *flow) lost(at trace.Time) {
	f.censored++
	if !f.isBusy {
		f.cut++
	}
	f.isBusy, f.since, f.edge = false, at, true
}

// end closes the last stretch at the end of the trace.
func (f *flow) end(last trace.Time) {
	if f.isBusy {
		f.count(last)
		f.over(last)
	} else {
		f.edge = true // it goes on behind the trace
		f.stretch(last)
	}
	f.close()
}
