package stat

import (
	"math"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// exactValues is how many values a Dist keeps as they are: 32 KiB, less than most
// histograms take.
const exactValues = 1 << 12

// firstValues is from how many values on memory for all of them is taken, so that
// it is taken seldom.
const firstValues = 1 << 6

// A Dist is a distribution of durations in nanoseconds, in bounded memory: up to
// 4096 values exactly, more in a histogram that is at most 0.1 % off. Count,
// minimum, maximum and the number of impossible values are exact in any case.
// The zero Dist is empty and the identity of Merge, which is associative and
// commutative.
type Dist struct {
	count    uint64
	negative uint64
	min, max int64
	few      []int64 // sorted when asked for
	many     *histogram
}

// Add adds a duration. A negative one is impossible: it is counted and else
// left out.
func (d *Dist) Add(ns int64) {
	if ns < 0 {
		d.negative++
		return
	}
	d.extend(ns, ns)
	d.count++
	if d.many == nil && len(d.few) < exactValues {
		if len(d.few) == firstValues {
			d.few = slices.Grow(d.few, exactValues-firstValues)
		}
		d.few = append(d.few, ns)
		return
	}
	d.histogram().add(ns, 1)
}

// AddN adds a duration n times.
func (d *Dist) AddN(ns int64, n uint64) {
	switch {
	case n == 0:
	case ns < 0:
		d.negative += n
	case d.many == nil && d.count+n <= exactValues:
		for range n {
			d.Add(ns)
		}
	default:
		d.extend(ns, ns)
		d.count += n
		d.histogram().add(ns, n)
	}
}

func (d *Dist) extend(lo, hi int64) {
	if d.count == 0 {
		d.min, d.max = lo, hi
		return
	}
	d.min, d.max = min(d.min, lo), max(d.max, hi)
}

// histogram moves the exact values into the histogram.
func (d *Dist) histogram() *histogram {
	if d.many == nil {
		d.many = &histogram{}
	}
	for _, v := range d.few {
		d.many.add(v, 1)
	}
	d.few = nil
	return d.many
}

// Merge adds the values of o, which is not changed.
func (d *Dist) Merge(o *Dist) {
	d.negative += o.negative
	if o.count == 0 {
		return
	}
	d.extend(o.min, o.max)
	d.count += o.count
	if d.many == nil && o.many == nil && d.count <= exactValues {
		d.few = append(d.few, o.few...)
		return
	}
	h := d.histogram()
	if o.many != nil {
		h.merge(o.many)
	}
	for _, v := range o.few {
		h.add(v, 1)
	}
}

// Count is the number of durations, without the negative ones.
func (d *Dist) Count() uint64 { return d.count }

// Negative is the number of impossible durations.
func (d *Dist) Negative() uint64 { return d.negative }

// Max is the longest duration, 0 if there is none.
func (d *Dist) Max() int64 { return d.max }

// Quantile returns the least duration that a share q, 0 to 1, of all do not
// exceed: the value of rank ceil(q n) of n (nearest rank, method R-1 of R. J.
// Hyndman, Y. Fan, The American Statistician 50, 1996).
func (d *Dist) Quantile(q float64) int64 {
	if d.count == 0 {
		return 0
	}
	rank := rankOf(q, d.count)
	if d.many != nil {
		return min(d.many.at(rank), d.max)
	}
	return slices.Sorted(slices.Values(d.few))[rank-1]
}

// rankOf is the rank of a quantile of n values, from 1. q n is taken down by more
// than it may be rounded up: 0.99 of 100 is the 99th, not the one behind it.
func rankOf(q float64, n uint64) uint64 {
	const rounding = 1e-12
	return min(max(uint64(math.Ceil(q*float64(n)*(1-rounding))), 1), n)
}

// Quantiles are the figures that tables show.
func (d *Dist) Quantiles() result.Quantiles {
	return result.Quantiles{
		Count: d.count, Min: d.min, P50: d.Quantile(0.5), P90: d.Quantile(0.9), P99: d.Quantile(0.99), P999: d.Quantile(0.999), Max: d.max,
	}
}

// Bars returns the distribution as bars of rising bounds, for plots: each holds
// the durations above the bound before it, up to its own.
func (d *Dist) Bars() []Bar {
	var bars []Bar
	if d.many == nil {
		for _, v := range slices.Sorted(slices.Values(d.few)) {
			if n := len(bars); n > 0 && bars[n-1].To == v {
				bars[n-1].Count++
				continue
			}
			bars = append(bars, Bar{v, 1})
		}
		return bars
	}
	for last, n := range d.many.all {
		bars = append(bars, Bar{last, n})
	}
	return bars
}

// A Bar is the number of durations in one step of a Dist.
type Bar struct {
	To    int64 // ns, included
	Count uint64
}
