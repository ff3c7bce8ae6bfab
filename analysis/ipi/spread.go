package ipi

import (
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Spread says how the hits of a group are spread.
type Spread struct {
	// Gaps are the times between two hits of one CPU, ns; what events were lost
	// in is none.
	Gaps stat.Dist
	// Seconds are the hits of one CPU in each second from the start of a trace.
	// The last second of a trace, which is not whole, does not count. In the
	// making those without hits are left out.
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
	second int64      // the one under way
	hits   uint32     // in it
}

const nsPerSecond = 1_000_000_000

// hit takes a hit of the send with this number. Hits before the time lost do not
// make a gap: there may have been others in between.
func (x *spread) hit(cpu int32, at, start, lost trace.Time, send uint64) {
	for int(cpu) >= len(x.cpus) {
		x.cpus = append(x.cpus, cpuSpread{last: track.Never, second: -1})
	}
	c := &x.cpus[cpu]
	if c.last != track.Never && c.last >= lost {
		x.Gaps.Add(int64(at - c.last))
	}
	c.last = at
	if second := int64(at-start) / nsPerSecond; second != c.second {
		x.endSecond(c)
		c.second = second
	}
	c.hits++
	if x.send != send {
		x.endSend()
		x.send = send
	}
	x.targets++
}

func (x *spread) endSecond(c *cpuSpread) {
	if c.hits > 0 {
		x.Seconds.Add(int64(c.hits))
	}
	c.hits = 0
}

func (x *spread) endSend() {
	if x.targets > 0 {
		x.Targets.Add(int64(x.targets))
	}
	x.targets = 0
}

// end closes what is under way at the end of a trace that has this many whole
// seconds.
func (x *spread) end(seconds int64) {
	x.endSend()
	for i := range x.cpus {
		if c := &x.cpus[i]; c.second < seconds {
			x.endSecond(c)
		}
	}
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
