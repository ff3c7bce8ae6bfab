package stat

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// An Estimate is what one run says of a quantity: a value, and the variance that
// it has because the run is short.
type Estimate struct{ Value, Variance float64 }

// A Prior is what is assumed of the variation from run to run where there are
// too few runs to measure it: its variance, and how many degrees of freedom
// measured and assumed ones have together at least.
type Prior struct{ Variance, Freedom float64 }

// A Contrast is the difference between two set-ups in a quantity that differs
// from run to run.
type Contrast struct {
	Before, After float64 // means, weighted by what each run tells
	Tau2          float64 // variance from run to run
	Own, Assumed  float64 // degrees of freedom
	// variances of the two means
	varBefore, varAfter float64
}

// NewContrast compares two sides with a run or more each. The runs of a side are
// taken for draws from all that its set-up could give: their values have the
// variance Tau2 besides their own (random effects). Tau2 is found as R. Paule
// and J. Mandel did (Journal of Research of the National Bureau of Standards 87,
// 1982), from the scatter within both sides; the t distribution with the degrees
// of freedom of that scatter then makes up for its being an estimate (J. Hartung
// and G. Knapp, Statistics in Medicine 20, 2001, whose factor is 1 at this Tau2
// and is never taken below 1 here). What the runs lack in degrees of freedom is
// filled up with runs that scatter as the prior says (G. Smyth, Statistical
// Applications in Genetics and Molecular Biology 3, 2004).
func NewContrast(before, after []Estimate, prior Prior) Contrast {
	c := Contrast{Own: float64(len(before) + len(after) - 2)}
	c.Assumed = math.Max(0, prior.Freedom-c.Own)
	sides := [2][]Estimate{before, after}
	c.Tau2 = c.tau2(sides, prior)
	c.Before, c.varBefore = weighted(before, c.Tau2)
	c.After, c.varAfter = weighted(after, c.Tau2)
	return c
}

// tau2 is the variance at which the scatter is what it should be.
func (c *Contrast) tau2(sides [2][]Estimate, prior Prior) float64 {
	if c.Own == 0 {
		return prior.Variance
	}
	excess := func(tau2 float64) float64 {
		sum, filled, n := 0.0, 0.0, 0
		for _, runs := range sides {
			mean, _ := weighted(runs, tau2)
			for _, r := range runs {
				v := math.Max(r.Variance+tau2, tiny)
				sum += (r.Value - mean) * (r.Value - mean) / v
				filled += (r.Variance + prior.Variance) / v
				n++
			}
		}
		return sum + c.Assumed*filled/float64(n) - c.Own - c.Assumed
	}
	if excess(0) <= 0 {
		return 0
	}
	hi := 1e-6
	for excess(hi) > 0 && hi < 1e12 {
		hi *= 4
	}
	lo := 0.0
	for range 200 {
		if mid := (lo + hi) / 2; excess(mid) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// tiny stands for a variance of 0: runs may all agree to the last digit.
const tiny = 1e-18

// weighted is the mean of a side's runs and its variance.
func weighted(runs []Estimate, tau2 float64) (mean, variance float64) {
	weights := 0.0
	for _, r := range runs {
		w := 1 / math.Max(r.Variance+tau2, tiny)
		weights += w
		mean += w * r.Value
	}
	return mean / weights, 1 / weights
}

// Difference is that of the means.
func (c *Contrast) Difference() float64 { return c.After - c.Before }

// P is the probability of a difference as large by chance if the true one is at
// most bias, either way.
func (c *Contrast) P(bias float64) float64 {
	d := math.Abs(c.Difference()) - bias
	if !(d > 0) {
		return 1
	}
	return 2 * c.t().Survival(d/math.Sqrt(c.varBefore+c.varAfter))
}

// Interval is the confidence interval of the difference, bias included: it holds
// 0 exactly if P is not below 1-confidence.
func (c *Contrast) Interval(confidence, bias float64) (lo, hi float64) {
	half := bias + c.t().Quantile((1+confidence)/2)*math.Sqrt(c.varBefore+c.varAfter)
	return c.Difference() - half, c.Difference() + half
}

// Sides are half the widths of the confidence intervals of the two means.
func (c *Contrast) Sides(confidence float64) (before, after float64) {
	t := c.t().Quantile((1 + confidence) / 2)
	return t * math.Sqrt(c.varBefore), t * math.Sqrt(c.varAfter)
}

func (c *Contrast) t() distuv.StudentsT {
	return distuv.StudentsT{Sigma: 1, Nu: c.Own + c.Assumed}
}

// Within is P if runs of one set-up did not differ: only the variances within
// the runs count.
func (c *Contrast) Within(before, after []Estimate, bias float64) float64 {
	a, va := weighted(before, 0)
	b, vb := weighted(after, 0)
	d := math.Abs(b-a) - bias
	if !(d > 0) {
		return 1
	}
	return math.Erfc(d / math.Sqrt(2*(va+vb)))
}

// Mean is the mean of what is known of each run of a side, weighted as the runs
// are.
func (c *Contrast) Mean(runs []Estimate, of []float64) float64 {
	sum, weights := 0.0, 0.0
	for i, r := range runs {
		w := 1 / math.Max(r.Variance+c.Tau2, tiny)
		sum += w * of[i]
		weights += w
	}
	return sum / weights
}
