package stat

import "math/bits"

const (
	// subBits is how many bits of a value, the leading one included, a histogram
	// keeps: a step is at most 1/1024 of its values wide.
	subBits = 11
	subs    = 1 << (subBits - 1)
	// pageSteps is how many steps memory is taken for at a time.
	pageSteps = 128
	steps     = (64 - subBits + 2) * subs
)

// A histogram counts durations in steps that are as wide as 0.1 % of them, values
// below 2048 one by one. It has memory for the parts that values are in, 1 KiB
// each: the times of one kind rarely take more than 50.
type histogram [steps / pageSteps]*[pageSteps]uint64

// stepOf is the step of a value, which is not negative.
func stepOf(v int64) int {
	shift := max(0, bits.Len64(uint64(v))-subBits)
	return shift*subs + int(uint64(v)>>shift)
}

// lastOf is the largest value of a step.
func lastOf(step int) int64 {
	if step < 2*subs {
		return int64(step)
	}
	shift := step/subs - 1
	return (int64(step-shift*subs)+1)<<shift - 1
}

// add counts a value n times.
func (h *histogram) add(v int64, n uint64) {
	i := stepOf(v)
	page := &h[i/pageSteps]
	if *page == nil {
		*page = new([pageSteps]uint64)
	}
	(*page)[i%pageSteps] += n
}

// merge adds the values of o.
func (h *histogram) merge(o *histogram) {
	for i, from := range o {
		if from == nil {
			continue
		}
		if h[i] == nil {
			h[i] = new([pageSteps]uint64)
		}
		for j, n := range from {
			h[i][j] += n
		}
	}
}

// all yields the steps that have values, by their largest value, in order.
func (h *histogram) all(yield func(last int64, n uint64) bool) {
	for i, page := range h {
		if page == nil {
			continue
		}
		for j, n := range page {
			if n > 0 && !yield(lastOf(i*pageSteps+j), n) {
				return
			}
		}
	}
}

// at is the largest value of the step that holds the value of a rank, from 1.
func (h *histogram) at(rank uint64) (value int64) {
	for last, n := range h.all {
		value = last
		if n >= rank {
			return value
		}
		rank -= n
	}
	return value
}
