// Package stat holds the statistics that comparisons of counts need. Its
// functions are pure: the same arguments give the same result, the ones that
// draw random numbers included.
//
// Special functions are those of gonum; the tests hold every result against R
// or SciPy.
package stat

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// A Rate is a number of events counted over an exposure: a time, or an amount
// of work.
type Rate struct {
	Count    uint64
	Exposure float64 // more than 0
}

// PerUnit is the count for one unit of exposure.
func (r Rate) PerUnit() float64 { return float64(r.Count) / r.Exposure }

// PoissonTest returns the probability that two Poisson processes of one and the
// same rate give counts as unlikely as these or more so.
//
// It is the exact conditional test of J. Przyborowski and H. Wilenski
// (Homogeneity of results in testing samples from Poisson series, Biometrika
// 31, 1940): given their sum, one of the counts is binomial. Both sides are
// taken by likelihood, every outcome that is no more probable than the one seen
// counts, as R's poisson.test does; doubling the smaller tail is not done.
func PoissonTest(a, b Rate) float64 {
	n := a.Count + b.Count
	if n == 0 {
		return 1
	}
	d := distuv.Binomial{N: float64(n), P: a.Exposure / (a.Exposure + b.Exposure)}
	if !(d.P > 0 && d.P < 1) {
		return math.NaN()
	}
	x, mode := float64(a.Count), math.Floor((d.N+1)*d.P)
	// Rounding must not tell apart outcomes that are equally probable; the
	// factor is that of R's binom.test.
	limit := d.LogProb(x) + math.Log1p(1e-7)
	unlikely := func(k float64) bool { return d.LogProb(k) <= limit }
	if unlikely(mode) {
		return 1
	}
	// Behind the mode the probabilities fall, so that the outcomes which count
	// begin at one place.
	if x < mode {
		first := mode + float64(sort.Search(int(d.N-mode), func(i int) bool { return unlikely(mode + float64(i)) }))
		if first > d.N || !unlikely(first) {
			first = d.N + 1
		}
		return min(1, atMost(d, x)+atLeast(d, first))
	}
	// number of outcomes from 0 on that count
	below := float64(sort.Search(int(mode), func(i int) bool { return !unlikely(float64(i)) }))
	return min(1, atMost(d, below-1)+atLeast(d, x))
}

// atMost is P(X <= k), atLeast P(X >= k), by the incomplete beta function
// (Abramowitz and Stegun 26.5.24). Each keeps its relative precision where it
// is small, which 1 minus the other would not.
func atMost(d distuv.Binomial, k float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= d.N:
		return 1
	}
	return mathext.RegIncBeta(d.N-k, k+1, 1-d.P)
}

func atLeast(d distuv.Binomial, k float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > d.N:
		return 0
	}
	return mathext.RegIncBeta(k, d.N-k+1, d.P)
}

// RatioInterval is the exact confidence interval of the ratio of the rates of b
// and a: the interval of C. J. Clopper and E. S. Pearson (Biometrika 26, 1934)
// for the binomial probability that PoissonTest looks at, turned into a ratio.
// No count of b makes lo 0, none of a makes hi infinite.
//
// dispersion is by how much the variance of the counts exceeds their mean;
// counts are divided by it. It is 1 for Poisson counts.
func RatioInterval(a, b Rate, confidence, dispersion float64) (lo, hi float64) {
	tail := (1 - confidence) / 2
	x, y := float64(b.Count)/dispersion, float64(a.Count)/dispersion
	scale := a.Exposure / b.Exposure
	odds := func(p float64) float64 { return p / (1 - p) * scale }
	lo, hi = 0, math.Inf(1)
	if x > 0 {
		lo = odds(betaQuantile(tail, x, y+1))
	}
	if y > 0 {
		hi = odds(betaQuantile(1-tail, x+1, y))
	}
	return lo, hi
}

// betaQuantile inverts the regularised incomplete beta function by bisection:
// it converges for all parameters.
func betaQuantile(p, a, b float64) float64 {
	lo, hi := 0.0, 1.0
	for range 200 {
		mid := (lo + hi) / 2
		if mid == lo || mid == hi {
			break
		}
		if mathext.RegIncBeta(a, b, mid) < p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// UpperBound is the largest mean that a Poisson count of n does not exclude at
// this confidence, one-sided: F. Garwood (Biometrika 28, 1936). For no events
// at 95 % it is 2.996, the rule of three.
func UpperBound(n, confidence float64) float64 { return mathext.GammaIncRegInv(n+1, confidence) }

// LowerBound is the smallest such mean.
func LowerBound(n, confidence float64) float64 {
	if n == 0 {
		return 0
	}
	return mathext.GammaIncRegInv(n, 1-confidence)
}
