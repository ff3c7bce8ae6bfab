// Package steady finds the part of a trace in which IPIs come at a steady rate:
// recordings begin and end with the processes of the workload and of the
// recorder being started and stopped, which sends IPIs of its own.
package steady

import (
	"math"
	"slices"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

const (
	// bins is how finely a trace is looked at.
	bins = 256
	// stretches of a trace are compared with one another, each of some bins.
	stretches = 64
	// maxCut is the part of the trace that may be cut at each end.
	maxCut = 0.25
	// deviation is how many times the usual scatter a stretch at the edge must
	// be off to be cut.
	deviation = 4
	// minSends is how many sends it takes to speak of a rate.
	minSends = 200
)

// A State counts sends over time in constant memory: when the trace outgrows
// the bins, neighbours are joined and bins are twice as wide.
type State struct {
	isSend []int8 // by EventID: 0 not looked up, 1 yes, -1 no
	start  trace.Time
	width  int64 // of a bin, ns
	count  [bins]uint64
	any    bool
	span   analysis.Span
}

// New returns a State for one trace.
func New() *State { return &State{width: 1000} }

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want {
	return trace.Want{Events: track.SendEvents(), Stacks: []string{}}
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	if !s.any {
		s.any, s.start = true, e.Time
	}
	for int(e.ID) >= len(s.isSend) {
		s.isSend = append(s.isSend, 0)
	}
	if s.isSend[e.ID] == 0 {
		s.isSend[e.ID] = -1
		if slices.Contains(track.SendEvents(), e.Schema().Name) {
			s.isSend[e.ID] = 1
		}
	}
	if s.isSend[e.ID] < 0 || e.Time < s.start {
		return
	}
	for int64(e.Time-s.start)/s.width >= bins {
		s.double()
	}
	s.count[int64(e.Time-s.start)/s.width]++
}

func (s *State) double() {
	for i := range bins / 2 {
		s.count[i] = s.count[2*i] + s.count[2*i+1]
	}
	clear(s.count[bins/2:])
	s.width *= 2
}

// Lost implements analysis.State.
func (s *State) Lost(*trace.Lost) {}

// End implements analysis.State.
func (s *State) End(span analysis.Span) { s.span = span }

// A Cut is what was found not to be steady at the ends of a trace.
type Cut struct {
	Window      trace.Window
	Start, End  int64  // ns cut at each end
	StartSends  uint64 // sends in what is cut
	EndSends    uint64
	TooFewSends bool // there was not enough to judge by; nothing is cut
	Unsteady    bool // an end has no steady part near it; it is not cut
}

// Cut compares the stretches at both ends with the middle half of the trace: by
// their median and its scatter, which bursts do not move. It cuts from each end
// up to the first stretch that is as usual.
func (s *State) Cut() Cut {
	whole := int(min(bins, s.span.Duration()/s.width))
	per := max(1, whole/stretches)
	var rate []uint64
	i := 0
	for ; i+per <= whole; i += per {
		rate = append(rate, sum(s.count[i:i+per]))
	}
	// what is left is shorter than a stretch: it can only be too much
	rest := sum(s.count[i:])
	total := sum(rate) + rest
	c := Cut{Window: trace.Window{From: s.span.First, To: s.span.Last}}
	if total < minSends || len(rate) < 8 {
		c.TooFewSends = true
		return c
	}
	low, high := usual(rate[len(rate)/4 : len(rate)-len(rate)/4])
	odd := func(n uint64) bool { return float64(n) < low || float64(n) > high }
	limit := int(maxCut * float64(len(rate)))
	stretch := int64(per) * s.width
	head, tail := 0, 0
	for head < limit && odd(rate[head]) {
		head++
	}
	for tail < limit && odd(rate[len(rate)-1-tail]) {
		tail++
	}
	burst := float64(rest) > high
	if head < limit {
		c.Start = int64(head) * stretch
		c.StartSends = sum(rate[:head])
	}
	if (tail > 0 || burst) && tail < limit {
		c.End = int64(s.span.Last-s.start) - int64(len(rate)-tail)*stretch
		c.EndSends = sum(rate[len(rate)-tail:]) + rest
	}
	c.Unsteady = head == limit || tail == limit
	c.Window = trace.Window{From: s.span.First + trace.Time(c.Start), To: s.span.Last - trace.Time(c.End)}
	return c
}

func sum(v []uint64) (n uint64) {
	for _, x := range v {
		n += x
	}
	return n
}

// usual gives the bounds of an ordinary stretch: the median and four times the
// larger of the counts' own scatter (median absolute deviation, scaled to a
// standard deviation) and that of a Poisson process.
func usual(rate []uint64) (low, high float64) {
	m := median(rate)
	dev := make([]uint64, len(rate))
	for i, n := range rate {
		dev[i] = uint64(math.Abs(float64(n) - m))
	}
	scatter := max(1.4826*median(dev), math.Sqrt(m), 1)
	return m - deviation*scatter, m + deviation*scatter
}

func median(v []uint64) float64 {
	s := slices.Clone(v)
	slices.Sort(s)
	n := len(s)
	return float64(s[(n-1)/2]+s[n/2]) / 2
}
