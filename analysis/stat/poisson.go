// Package stat holds the statistics that comparisons of counts need. Its
// functions are pure and draw no random numbers: the same arguments give the
// same result.
//
// Special functions are those of gonum; the tests hold every result against R.
package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// A Rate is a number of events counted over an exposure: a time, or an amount
// of work. The number need not be whole: counts may have been divided by the
// size of a burst.
type Rate struct {
	Count    float64
	Exposure float64 // more than 0
}

// CountsTest returns the probability that two Poisson processes, of which the
// second one has the rate of the first one, give counts as far apart as these.
//
// It is the exact conditional test of J. Przyborowski and H. Wilenski
// (Homogeneity of results in testing samples from Poisson series, Biometrika
// 31, 1940): given their sum, one of the counts is binomial. The smaller tail is
// doubled, so that the test agrees with CountsInterval; the incomplete beta
// function continues both to counts that are not whole.
func CountsTest(before, after Rate) float64 {
	lower, upper := countsTails(before, after)
	return min(1, 2*min(lower, upper))
}

// countsTails are the probabilities of a count after that is as small as this
// one, and as large (Abramowitz and Stegun 26.5.24).
func countsTails(before, after Rate) (lower, upper float64) {
	x, w := before.Count, after.Count
	share := after.Exposure / (before.Exposure + after.Exposure)
	lower, upper = 1, 1
	if x > 0 {
		lower = mathext.RegIncBeta(x, w+1, before.Exposure/(before.Exposure+after.Exposure))
	}
	if w > 0 {
		upper = mathext.RegIncBeta(w, x+1, share)
	}
	return lower, upper
}

// LeastCountsTest is the smallest probability that CountsTest can return for
// counts of this sum: that of all of them on one side.
func LeastCountsTest(before, after Rate) float64 {
	n := before.Count + after.Count
	gone := CountsTest(Rate{n, before.Exposure}, Rate{0, after.Exposure})
	come := CountsTest(Rate{0, before.Exposure}, Rate{n, after.Exposure})
	return min(gone, come)
}

// CountsInterval is the exact confidence interval of the ratio of the rates
// after and before: the interval of C. J. Clopper and E. S. Pearson (Biometrika
// 26, 1934) for the binomial probability that CountsTest looks at, turned into a
// ratio. No count after makes lo 0, none before makes hi infinite.
func CountsInterval(before, after Rate, confidence float64) (lo, hi float64) {
	tail := (1 - confidence) / 2
	scale := before.Exposure / after.Exposure
	lo, hi = 0, math.Inf(1)
	if after.Count > 0 {
		lo = betaOdds(tail, after.Count, before.Count+1) * scale
	}
	if before.Count > 0 {
		hi = betaOdds(1-tail, after.Count+1, before.Count) * scale
	}
	return lo, hi
}

// betaOdds is q/(1-q) at the quantile q of a beta distribution. It is taken from
// the side where q, or 1-q, keeps its digits.
func betaOdds(p, a, b float64) float64 {
	if mathext.RegIncBeta(a, b, 0.5) < p {
		q := betaQuantile(1-p, b, a)
		return (1 - q) / q
	}
	q := betaQuantile(p, a, b)
	return q / (1 - q)
}

// betaQuantile inverts the regularised incomplete beta function by bisection:
// it converges for all parameters.
func betaQuantile(p, a, b float64) float64 {
	lo, hi := 0.0, 1.0
	for range 200 {
		mid := (lo + hi) / 2
		if mid == lo || mid == hi || hi-lo < 1e-13*lo {
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
