package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// An Empirical is the distribution of the durations of one run, which need not
// be independent of one another.
type Empirical struct {
	inTime, sorted []int64
	unit           int64
}

// NewEmpirical takes durations in the order of time. It keeps the slice.
func NewEmpirical(inTime []int64) *Empirical {
	e := &Empirical{inTime: inTime, sorted: slices.Sorted(slices.Values(inTime)), unit: 1}
	e.unit = unitOf(e.sorted)
	return e
}

// unitOf is the power of ten that all durations are multiples of, at most a
// second: text gives times in microseconds.
func unitOf(ns []int64) int64 {
	unit := int64(1)
	if len(ns) == 0 || ns[len(ns)-1] == 0 {
		return unit
	}
	for unit < 1e9 && !slices.ContainsFunc(ns, func(v int64) bool { return v%(unit*10) != 0 }) {
		unit *= 10
	}
	return unit
}

// N is the number of durations.
func (e *Empirical) N() int { return len(e.sorted) }

// Unit is what the durations are multiples of, ns: each may be off by as much.
func (e *Empirical) Unit() int64 { return e.unit }

// At is the duration that a share of all do not exceed: the nearest rank,
// rounded up. There must be durations.
func (e *Empirical) At(share float64) int64 {
	// 1e-9: a share such as 0.07 times 100 is a little more than 7
	rank := int(math.Ceil(share*float64(len(e.sorted)) - 1e-9))
	return e.sorted[min(max(rank, 1), len(e.sorted))-1]
}

// Bounds are the durations between which the one At a share lies if others are
// missing, whatever those were: all of them shorter, or all longer (J. Horowitz
// and C. Manski, Econometrica 63, 1995). hi is MaxInt64 or lo -1 if there is no
// bound.
func (e *Empirical) Bounds(share float64, missing uint64) (lo, hi int64) {
	if missing == 0 {
		return e.At(share), e.At(share)
	}
	n, u := float64(len(e.sorted)), float64(missing)
	lo, hi = -1, math.MaxInt64
	if s := (share*(n+u) - u) / n; s > 0 {
		lo = e.At(s)
	}
	if s := share * (n + u) / n; s <= 1 {
		hi = e.At(s)
	}
	return lo, hi
}

// minBlocks is how many blocks the longest ones leave of a run: from fewer the
// scatter cannot be told.
const minBlocks = 8

// Effect is the design effect at a share: by how much less the durations tell
// of their quantile than as many independent ones would, because those that
// come together are alike. It is the variance of the number of durations above
// the quantile in moving blocks of l neighbours (H. Künsch, Annals of Statistics
// 17, 1989), divided by the one of independent durations: the largest over l =
// 1, 2, 4... up to an eighth of all, and at least 1.
func (e *Empirical) Effect(share float64) float64 {
	if len(e.sorted) == 0 {
		return 1
	}
	q := e.At(share)
	effect := 1.0
	// many may be equal to the quantile: both sides of them count
	for _, above := range []func(int64) bool{func(v int64) bool { return v > q }, func(v int64) bool { return v >= q }} {
		effect = max(effect, blockEffect(e.inTime, above))
	}
	return effect
}

func blockEffect(values []int64, above func(int64) bool) float64 {
	n := len(values)
	sums := make([]int, n+1)
	for i, v := range values {
		sums[i+1] = sums[i]
		if above(v) {
			sums[i+1]++
		}
	}
	p := float64(sums[n]) / float64(n)
	if p == 0 || p == 1 {
		return 1
	}
	largest := 1.0
	for l := 1; l*minBlocks <= n; l *= 2 {
		total := 0.0
		for i := 0; i+l <= n; i++ {
			d := float64(sums[i+l]-sums[i]) - p*float64(l)
			total += d * d
		}
		variance := total / float64(n-l+1) / float64(l)
		// of independent values this is p(1-p)(1-l/n), the mean being estimated
		largest = max(largest, variance/(p*(1-p))/(1-float64(l)/float64(n)))
	}
	return largest
}

// LeastValues is how many independent values it takes for a quantile to have an
// interval of that confidence: with fewer, its end may lie beyond all of them.
func LeastValues(share, confidence float64) float64 {
	tail := math.Log((1 - confidence) / 2)
	return tail / math.Log(max(share, 1-share))
}

// Interval is the confidence interval of the quantile at a share: the two values
// whose ranks lie so far apart that the quantile is below the lower one, or
// above the upper one, with half of what is left of confidence each, by the
// binomial distribution (W. Thompson, Annals of Mathematical Statistics 7, 1936),
// continued to a number of values that need not be whole: that number divided
// by the design effect (E. Korn and B. Graubard, Survey Methodology 24, 1998,
// for proportions, carried over to quantiles as R. Woodruff did, JASA 47, 1952).
// ok is false if there are fewer values than LeastValues.
func (e *Empirical) Interval(share, confidence, effect float64) (lo, hi int64, ok bool) {
	n := float64(len(e.sorted)) / effect
	// of 6 values of which each counts, none may be lost to rounding
	if n < LeastValues(share, confidence)*(1-1e-9) {
		return 0, 0, false
	}
	tail := (1 - confidence) / 2
	// P(fewer than r of n are below the quantile), and P(s or more are)
	lower := bisect(1, n, func(r float64) bool { return mathext.RegIncBeta(n-r+1, r, 1-share) <= tail })
	upper := bisect(n, math.SmallestNonzeroFloat32, func(s float64) bool { return mathext.RegIncBeta(s, n-s+1, share) <= tail })
	lowRank := max(1, int(math.Floor(lower*effect+1e-9)))
	highRank := min(len(e.sorted), int(math.Ceil(upper*effect-1e-9)))
	return e.sorted[lowRank-1], e.sorted[highRank-1], true
}

// bisect returns how far from from, where it does, a condition holds on the way
// to to.
func bisect(from, to float64, holds func(float64) bool) float64 {
	if holds(to) {
		return to
	}
	for range 60 {
		if mid := (from + to) / 2; holds(mid) {
			from = mid
		} else {
			to = mid
		}
	}
	return from
}
