package ipi

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Spread says how the hits of a group are spread.
type Spread struct {
	// Gaps are the times between two hits of one CPU, ns; what events were lost
	// in is none.
	Gaps stat.Dist
	// Seconds are the hits of one CPU in each whole second of a trace's clock
	// that the trace covers. In the making those without hits are left out.
	Seconds stat.Dist
	// Targets are the isolated CPUs that a send hits.
	Targets stat.Dist
}

// spread is a Spread in the making.
type spread struct {
	Spread
	cpus    []cpuSpread // by target
	send    uint64      // the send under way
	targets uint32      // of it so far
}

// cpuSpread is what the hits of one group on one CPU were so far.
type cpuSpread struct {
	last   trace.Time // hit, Never if there is none
	second second     // the one under way
	first  second     // the first one with hits, which may not be whole
}

// A second is the hits in one second of a clock.
type second struct {
	index int64
	hits  uint32
}

const nsPerSecond = 1_000_000_000

// hit takes a hit of the send with this number. Hits before the time lost do not
// make a gap: there may have been others in between.
func (x *spread) hit(cpu int32, at, lost trace.Time, send uint64) {
	for int(cpu) >= len(x.cpus) {
		x.cpus = append(x.cpus, cpuSpread{last: track.Never})
	}
	c := &x.cpus[cpu]
	if c.last != track.Never && c.last >= lost {
		x.Gaps.Add(int64(at - c.last))
	}
	c.last = at
	if i := int64(at) / nsPerSecond; i != c.second.index {
		x.endSecond(c)
		c.second.index = i
	}
	c.second.hits++
	if x.send != send {
		x.endSend()
		x.send = send
	}
	x.targets++
}

// endSecond closes the second under way; the first one is kept for the end.
func (x *spread) endSecond(c *cpuSpread) {
	switch {
	case c.second.hits == 0:
	case c.first.hits == 0:
		c.first = c.second
	default:
		x.Seconds.Add(int64(c.second.hits))
	}
	c.second.hits = 0
}

func (x *spread) endSend() {
	if x.targets > 0 {
		x.Targets.Add(int64(x.targets))
	}
	x.targets = 0
}

// end closes what is under way at the end of a trace with these whole seconds.
func (x *spread) end(whole secondRange) {
	x.endSend()
	for i := range x.cpus {
		for _, s := range []second{x.cpus[i].first, x.cpus[i].second} {
			if s.hits > 0 && s.index >= whole.from && s.index < whole.to {
				x.Seconds.Add(int64(s.hits))
			}
		}
	}
}

// A secondRange is seconds of a clock, to not included.
type secondRange struct{ from, to int64 }

// wholeSeconds are those that lie in a span.
func wholeSeconds(s analysis.Span) secondRange {
	from := (int64(s.First) + nsPerSecond - 1) / nsPerSecond
	return secondRange{from, max(from, int64(s.Last)/nsPerSecond)}
}

// add adds o, which is not changed.
func (x *Spread) add(o *Spread) {
	x.Gaps.Merge(&o.Gaps)
	x.Seconds.Merge(&o.Seconds)
	x.Targets.Merge(&o.Targets)
}

// quietSeconds adds the seconds without hits on the CPUs that a group can hit.
func (x *Spread) quietSeconds(cpus int, seconds int64) {
	if n := int64(cpus)*seconds - int64(x.Seconds.Count()); n > 0 {
		x.Seconds.AddN(0, uint64(n))
	}
}
