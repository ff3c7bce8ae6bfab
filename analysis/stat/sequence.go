package stat

import (
	"cmp"
	"slices"
)

// maxSequence is how many durations a Sequence keeps.
const maxSequence = 1 << 16

// A Sequence keeps durations with the time at which each ended, for statistics
// that must know which of them came together. Beyond 65536 it keeps one of each
// two neighbours, then one of each four and so on, so that memory is bounded.
// Which one is decided by a fixed mixing function of its number: always taking
// the second would take one CPU of every broadcast to two. The zero Sequence is
// empty.
type Sequence struct {
	kept     []timed
	count    uint64 // of all durations, also those that are not kept
	negative uint64
	halvings uint
	group    uint64 // durations of the group of 1<<halvings that goes on
	pick     uint64 // which of the group is kept
}

type timed struct{ at, ns int64 }

// Add adds a duration that ended at a time of the trace. A negative one is
// impossible: it is counted and else left out.
func (s *Sequence) Add(at, ns int64) {
	if ns < 0 {
		s.negative++
		return
	}
	s.count++
	if s.group == s.pick {
		s.kept = append(s.kept, timed{at, ns})
	}
	if s.group++; s.group == 1<<s.halvings {
		s.next()
		if len(s.kept) >= maxSequence {
			s.halve()
		}
	}
}

// next begins a group of neighbours of which one is kept.
func (s *Sequence) next() {
	s.group, s.pick = 0, mix(s.count)&(1<<s.halvings-1)
}

// halve keeps one of each two neighbours.
func (s *Sequence) halve() {
	half := s.kept[:0]
	for i := 0; i+1 < len(s.kept); i += 2 {
		half = append(half, s.kept[i+int(mix(uint64(i)+uint64(s.halvings)<<32)&1)])
	}
	s.kept = half
	s.halvings++
	s.next()
}

// mix spreads the bits of a number (the finalizer of G. Steele, D. Lea and C.
// Flood's SplitMix64, OOPSLA 2014).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// Merge adds the durations of o, which is not changed. Of both a like share is
// kept.
func (s *Sequence) Merge(o *Sequence) {
	if o == nil {
		return
	}
	other := Sequence{kept: slices.Clone(o.kept), halvings: o.halvings}
	for s.halvings < other.halvings {
		s.halve()
	}
	for other.halvings < s.halvings {
		other.halve()
	}
	s.kept = append(s.kept, other.kept...)
	s.count += o.count
	s.negative += o.negative
	slices.SortStableFunc(s.kept, byTime)
	for len(s.kept) >= maxSequence {
		s.halve()
	}
	s.next()
}

// Clone returns a copy that goes its own way; nil of nil.
func (s *Sequence) Clone() *Sequence {
	if s == nil {
		return nil
	}
	c := *s
	c.kept = slices.Clone(s.kept)
	return &c
}

// Count is the number of durations, also of those that were not kept.
func (s *Sequence) Count() uint64 {
	if s == nil {
		return 0
	}
	return s.count
}

// Negative is the number of impossible durations.
func (s *Sequence) Negative() uint64 {
	if s == nil {
		return 0
	}
	return s.negative
}

// IsThinned reports whether not all durations are kept.
func (s *Sequence) IsThinned() bool { return s != nil && s.halvings > 0 }

// InTime returns the kept durations in the order in which they ended.
func (s *Sequence) InTime() []int64 {
	if s == nil {
		return nil
	}
	sorted := slices.Clone(s.kept)
	slices.SortStableFunc(sorted, byTime)
	out := make([]int64, len(sorted))
	for i, v := range sorted {
		out[i] = v.ns
	}
	return out
}

// Dist returns the distribution of the kept durations, for plots.
func (s *Sequence) Dist() *Dist {
	d := &Dist{}
	if s != nil {
		for _, v := range s.kept {
			d.Add(v.ns)
		}
	}
	return d
}

func byTime(a, b timed) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.ns, b.ns)) }
