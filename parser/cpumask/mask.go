// Package cpumask holds sets of CPU numbers and reads every form in which
// kernels and trace tools write them: the list form (0-3,8), the hex word form
// (ff,ffffffff), the kernel's input language for CPU lists, and the raw array
// of unsigned longs of a trace record.
//
// The forms overlap ("10" is CPU 10 in one and CPU 4 in another), so nothing
// here guesses: the caller names the form. IsHexWords says when the hex form
// cannot be anything else.
package cpumask

import (
	"iter"
	"math/bits"
)

// MaxCPUs bounds the CPU numbers a Mask can hold: 0 to MaxCPUs-1. Linux allows
// 8192 (CONFIG_NR_CPUS of the largest configurations); the rest is headroom.
// A larger number in any input is an error and allocates nothing.
const MaxCPUs = 65536

const (
	wordBits    = 64
	inlineWords = 16 // 1024 CPUs without an allocation
)

// A Mask is a set of CPU numbers. The zero value is the empty set.
//
// Masks without a CPU above 1023 never allocate and may be copied by
// assignment. A larger Mask keeps the rest in a slice that a plain copy shares;
// use CopyFrom for an independent one. A Mask is not safe for use by several
// goroutines when one of them changes it.
type Mask struct {
	lo [inlineWords]uint64
	hi []uint64 // words from inlineWords on; len is always max(0, n-inlineWords)
	n  int      // words that may hold a bit; every word from n on is zero
}

// word returns a pointer to word i, which must be below n.
func (m *Mask) word(i int) *uint64 {
	if i < inlineWords {
		return &m.lo[i]
	}
	return &m.hi[i-inlineWords]
}

// at returns word i, zero when it is beyond what the mask holds.
func (m *Mask) at(i int) uint64 {
	if i >= m.n {
		return 0
	}
	return *m.word(i)
}

// grow makes words 0 to n-1 usable. The caller has checked n against MaxCPUs.
func (m *Mask) grow(n int) {
	if n <= m.n {
		return
	}
	if n > inlineWords {
		old, need := len(m.hi), n-inlineWords
		if need <= cap(m.hi) {
			m.hi = m.hi[:need]
			clear(m.hi[old:])
		} else {
			m.hi = append(m.hi, make([]uint64, need-old)...)
		}
	}
	m.n = n
}

// Set adds a CPU. It reports false, and changes nothing, when the number is
// negative or not below MaxCPUs.
func (m *Mask) Set(cpu int) bool {
	if uint(cpu) >= MaxCPUs {
		return false
	}
	w := cpu / wordBits
	m.grow(w + 1)
	*m.word(w) |= 1 << (uint(cpu) % wordBits)
	return true
}

// SetRange adds the CPUs first to last, both included. It reports false, and
// changes nothing, when the range is empty or leaves 0 to MaxCPUs-1.
func (m *Mask) SetRange(first, last int) bool {
	if first < 0 || last < first || last >= MaxCPUs {
		return false
	}
	fw, lw := first/wordBits, last/wordBits
	m.grow(lw + 1)
	head := ^uint64(0) << (uint(first) % wordBits)
	tail := ^uint64(0) >> (wordBits - 1 - uint(last)%wordBits)
	if fw == lw {
		*m.word(fw) |= head & tail
		return true
	}
	*m.word(fw) |= head
	for i := fw + 1; i < lw; i++ {
		*m.word(i) = ^uint64(0)
	}
	*m.word(lw) |= tail
	return true
}

// Clear removes a CPU; one that is not in the set is no error.
func (m *Mask) Clear(cpu int) {
	if cpu < 0 || cpu/wordBits >= m.n {
		return
	}
	*m.word(cpu / wordBits) &^= 1 << (uint(cpu) % wordBits)
}

// Reset empties the set and keeps its storage for reuse.
func (m *Mask) Reset() {
	clear(m.lo[:min(m.n, inlineWords)])
	m.hi = m.hi[:0]
	m.n = 0
}

// CopyFrom makes m an independent copy of o and reuses m's storage.
func (m *Mask) CopyFrom(o *Mask) {
	if m == o {
		return
	}
	m.lo = o.lo
	m.hi = append(m.hi[:0], o.hi...)
	m.n = o.n
}

// Has reports whether the CPU is in the set; false for any other number.
func (m *Mask) Has(cpu int) bool {
	return cpu >= 0 && m.at(cpu/wordBits)>>(uint(cpu)%wordBits)&1 != 0
}

// Count returns the number of CPUs in the set.
func (m *Mask) Count() int {
	c := 0
	for i := range m.n {
		c += bits.OnesCount64(*m.word(i))
	}
	return c
}

// IsEmpty reports whether no CPU is in the set.
func (m *Mask) IsEmpty() bool { return m.First() < 0 }

// First returns the lowest CPU of the set, -1 when it is empty.
func (m *Mask) First() int {
	for i := range m.n {
		if w := *m.word(i); w != 0 {
			return i*wordBits + bits.TrailingZeros64(w)
		}
	}
	return -1
}

// Last returns the highest CPU of the set, -1 when it is empty.
func (m *Mask) Last() int {
	for i := m.n - 1; i >= 0; i-- {
		if w := *m.word(i); w != 0 {
			return i*wordBits + bits.Len64(w) - 1
		}
	}
	return -1
}

// Equal reports whether both sets hold the same CPUs.
func (m *Mask) Equal(o *Mask) bool {
	for i := range max(m.n, o.n) {
		if m.at(i) != o.at(i) {
			return false
		}
	}
	return true
}

// Intersects reports whether the sets have a CPU in common.
func (m *Mask) Intersects(o *Mask) bool {
	for i := range min(m.n, o.n) {
		if *m.word(i)&*o.word(i) != 0 {
			return true
		}
	}
	return false
}

// IntersectCount returns the number of CPUs that are in both sets.
func (m *Mask) IntersectCount(o *Mask) int {
	c := 0
	for i := range min(m.n, o.n) {
		c += bits.OnesCount64(*m.word(i) & *o.word(i))
	}
	return c
}

// Or adds every CPU of o.
func (m *Mask) Or(o *Mask) {
	m.grow(o.n)
	for i := range o.n {
		*m.word(i) |= *o.word(i)
	}
}

// And keeps only the CPUs that are also in o.
func (m *Mask) And(o *Mask) {
	for i := range m.n {
		*m.word(i) &= o.at(i)
	}
}

// AndNot removes every CPU of o.
func (m *Mask) AndNot(o *Mask) {
	for i := range min(m.n, o.n) {
		*m.word(i) &^= *o.word(i)
	}
}

// All yields the CPUs of the set in ascending order. The set must not be
// changed meanwhile.
func (m *Mask) All() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range m.n {
			for w := *m.word(i); w != 0; w &= w - 1 {
				if !yield(i*wordBits + bits.TrailingZeros64(w)) {
					return
				}
			}
		}
	}
}

// nextSet returns the lowest CPU >= from of the set, -1 when there is none.
func (m *Mask) nextSet(from int) int {
	i := from / wordBits
	w := m.at(i) >> (uint(from) % wordBits) << (uint(from) % wordBits)
	for ; i < m.n; w = m.at(i) {
		if w != 0 {
			return i*wordBits + bits.TrailingZeros64(w)
		}
		i++
	}
	return -1
}

// nextClear returns the lowest number >= from that is not in the set.
func (m *Mask) nextClear(from int) int {
	i := from / wordBits
	w := ^m.at(i) >> (uint(from) % wordBits) << (uint(from) % wordBits)
	for w == 0 {
		i++
		w = ^m.at(i)
	}
	return i*wordBits + bits.TrailingZeros64(w)
}

// Union is the set of the CPUs that are in a or b, nil for all, and whether they are
// the same. Neither is changed.
func Union(a, b *Mask) (all *Mask, same bool) {
	switch {
	case a == nil || b == nil:
		return nil, a == b
	case a.Equal(b):
		return a, true
	}
	all = &Mask{}
	all.CopyFrom(a)
	all.Or(b)
	return all, false
}
