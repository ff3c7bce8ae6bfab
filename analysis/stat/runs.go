package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Runs are the runs of one side of a comparison: the effective hits of each, and
// the exposure over which it had them, more than 0.
type Runs struct{ Hits, Exposure []float64 }

// Sum is all runs taken as one.
func (r Runs) Sum() Rate { return Rate{sum(r.Hits), sum(r.Exposure)} }

// FullDF is to how many degrees of freedom an assumption fills up what the runs
// themselves say of their variation: with fewer, two runs a side could show
// almost nothing, with more they would show what is not there.
const FullDF = 4

// DefaultRunCV is the assumed coefficient of variation of rates between runs of
// one set-up, just below the largest that was measured on recordings.
const DefaultRunCV = 0.25

// A Fit describes the hits of one row in the runs of two sides. Their rates vary
// from run to run with the squared coefficient of variation Phi, and the hits of
// a run around its mean m with variance m + Phi m^2: the negative binomial model
// of counts (D. McCarthy, Y. Chen and G. Smyth, Nucleic Acids Research 40,
// 2012).
type Fit struct {
	// Phi is the squared coefficient of variation between runs. 0 is a Poisson
	// process.
	Phi float64
	// Own is how many degrees of freedom Phi has from the runs, Assumed how many
	// from the assumption.
	Own, Assumed int
	// Rates are effective hits per exposure before and after.
	Rates [2]float64

	sides [2]Runs
	means [2][]float64 // of the runs' hits, at Rates
}

// NewFit estimates the variation between runs and the rates. cv is the assumed
// coefficient of variation between runs of one set-up.
//
// Phi is the moment estimator of D. Williams (Applied Statistics 31, 1982) and N.
// Breslow (Applied Statistics 33, 1984), where sides with few runs are filled up
// by pseudo-observations that vary as assumed: the shrinkage of G. Smyth
// (Statistical Applications in Genetics and Molecular Biology 3, 2004) with a
// stated prior in place of one from other rows. A side without hits says nothing
// on variation.
func NewFit(before, after Runs, cv float64) *Fit {
	f := &Fit{sides: [2]Runs{before, after}}
	for _, s := range f.sides {
		if sum(s.Hits) > 0 {
			f.Own += len(s.Hits) - 1
		}
	}
	f.Assumed = max(0, FullDF-f.Own)
	f.Phi = f.dispersion(cv * cv)
	for i, s := range f.sides {
		f.Rates[i] = rate(f.Phi, s)
		for _, e := range s.Exposure {
			f.means[i] = append(f.means[i], e*f.Rates[i])
		}
	}
	return f
}

// DF is the degrees of freedom of the test.
func (f *Fit) DF() float64 { return float64(f.Own + f.Assumed) }

// maxPhi bounds the search for Phi: a coefficient of variation of 1000.
const maxPhi = 1e6

// dispersion solves excess for 0.
func (f *Fit) dispersion(assumed float64) float64 {
	if f.Own == 0 {
		return assumed
	}
	excess := func(phi float64) float64 { return f.excess(phi, assumed) }
	if excess(0) <= 0 {
		return 0
	}
	hi := max(assumed, 1e-3)
	for excess(hi) > 0 {
		if hi >= maxPhi {
			return maxPhi
		}
		hi *= 4
	}
	return root(excess, 0, hi)
}

// excess is by how much the runs, and the assumption with its degrees of
// freedom, scatter more than phi explains. It falls with phi.
func (f *Fit) excess(phi, assumed float64) float64 {
	scatter, prior, runs := 0.0, 0.0, 0
	for _, s := range f.sides {
		if sum(s.Hits) == 0 {
			continue
		}
		r := rate(phi, s)
		for j, e := range s.Exposure {
			m := e * r
			v := m + phi*m*m
			scatter += (s.Hits[j] - m) * (s.Hits[j] - m) / v
			prior += (m + assumed*m*m) / v
		}
		runs += len(s.Hits)
	}
	return scatter + float64(f.Assumed)*prior/float64(runs) - f.DF()
}

// rate is the rate of greatest likelihood of runs that share one.
func rate(phi float64, sides ...Runs) float64 {
	total := Rate{}
	for _, s := range sides {
		total.Count += sum(s.Hits)
		total.Exposure += sum(s.Exposure)
	}
	r := total.Count / total.Exposure
	if total.Count == 0 || phi == 0 {
		return r
	}
	// Newton's method. The score falls and is convex: from the right a step may
	// go too far, from the left it cannot.
	for range 200 {
		score, slope := 0.0, 0.0
		for _, s := range sides {
			for j, e := range s.Exposure {
				w := 1 + phi*e*r
				score += (s.Hits[j] - e*r) / w
				slope += e * (1 + phi*s.Hits[j]) / (w * w)
			}
		}
		next := max(r+score/slope, r/16)
		if math.Abs(next-r) <= 1e-15*r {
			return next
		}
		r = next
	}
	return r
}

// LR is twice the logarithm by which the likelihood falls if the rate after is
// held at ratio times that before. It is 0 at the fitted ratio.
func (f *Fit) LR(ratio float64) float64 {
	after := Runs{f.sides[1].Hits, make([]float64, len(f.sides[1].Exposure))}
	for j, e := range f.sides[1].Exposure {
		after.Exposure[j] = e * ratio
	}
	common := rate(f.Phi, f.sides[0], after)
	loss := 0.0
	for i, s := range [2]Runs{f.sides[0], after} {
		for j, e := range s.Exposure {
			loss += f.loss(s.Hits[j], f.means[i][j], e*common)
		}
	}
	return max(0, 2*loss)
}

// loss is the log likelihood of a mean m of z hits less that of a mean of n. It
// is a difference of logarithms of ratios, so that it keeps its digits for large
// counts.
func (f *Fit) loss(z, m, n float64) float64 {
	hits := 0.0
	if z > 0 {
		hits = z * logRatio(m, n)
	}
	if f.Phi < 1e-10 {
		return hits - (m - n)
	}
	return hits - (z+1/f.Phi)*logRatio1p(f.Phi*m, f.Phi*n)
}

// logRatio is log(a/b).
func logRatio(a, b float64) float64 {
	if d := (a - b) / b; math.Abs(d) < 0.5 {
		return math.Log1p(d)
	}
	return math.Log(a) - math.Log(b)
}

// logRatio1p is log((1+a)/(1+b)).
func logRatio1p(a, b float64) float64 {
	if d := (a - b) / (1 + b); math.Abs(d) < 0.5 {
		return math.Log1p(d)
	}
	return math.Log1p(a) - math.Log1p(b)
}

// Ratio is the fitted rate after by that before: infinite if there were no hits
// before, without a number if there were none at all.
func (f *Fit) Ratio() float64 {
	if f.Rates[0] == 0 && f.Rates[1] == 0 {
		return math.NaN()
	}
	return f.Rates[1] / f.Rates[0]
}

// Test is the probability that runs of one rate differ as much as these: the
// likelihood ratio by the t distribution of the degrees of freedom that Phi has
// (S. Lund and others, Statistical Applications in Genetics and Molecular Biology
// 11, 2012).
func (f *Fit) Test() float64 { return min(1, 2*f.tail(f.LR(1))) }

// TestWithin is the probability of such a difference if the rates are up to the
// factor bound apart, which is 1 or more: the test of D. McCarthy and G. Smyth
// relative to a threshold (Bioinformatics 25, 2009). It is 1 for a ratio within
// the bound.
func (f *Fit) TestWithin(bound float64) float64 {
	ratio := f.Ratio()
	switch {
	case bound == 1:
		return f.Test()
	case math.IsNaN(ratio) || ratio >= 1/bound && ratio <= bound:
		return 1
	case ratio < 1:
		bound = 1 / bound
	}
	return min(1, f.tail(f.LR(bound))+f.tail(f.LR(1/bound)))
}

// tail is the probability that a t-distributed value exceeds the root of lr.
func (f *Fit) tail(lr float64) float64 {
	df := f.DF()
	return mathext.RegIncBeta(df/2, 0.5, df/(df+lr)) / 2
}

// Interval is the confidence interval of the ratio of rates: all ratios that the
// test does not exclude.
func (f *Fit) Interval(confidence float64) (lo, hi float64) {
	limit := f.limit(confidence)
	x, w := f.sides[0].Sum(), f.sides[1].Sum()
	excess := func(log float64) float64 { return f.LR(math.Exp(log)) - limit }
	switch {
	case x.Count == 0 && w.Count == 0:
		return 0, math.Inf(1)
	case w.Count == 0:
		start := math.Log(0.5 / (x.Count + 0.5) * x.Exposure / w.Exposure)
		return 0, math.Exp(crossing(excess, start, 1))
	case x.Count == 0:
		start := math.Log((w.Count + 0.5) / 0.5 * x.Exposure / w.Exposure)
		return math.Exp(crossing(excess, start, -1)), math.Inf(1)
	}
	start := math.Log(f.Ratio())
	return math.Exp(crossing(excess, start, -1)), math.Exp(crossing(excess, start, 1))
}

// limit is the LR at the ends of an interval.
func (f *Fit) limit(confidence float64) float64 {
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: f.DF()}.Quantile((1 + confidence) / 2)
	return t * t
}

// RateInterval is the confidence interval of one side's rate, 0 before and 1
// after, in effective hits per exposure: all rates that neither the likelihood
// ratio of its runs nor the Poisson distribution of their sum (Garwood 1936)
// excludes. Without hits it is one-sided.
func (f *Fit) RateInterval(side int, confidence float64) (lo, hi float64) {
	s := f.sides[side]
	all := s.Sum()
	if all.Count == 0 {
		return 0, UpperBound(0, confidence) / all.Exposure
	}
	tail := (1 - confidence) / 2
	lo, hi = LowerBound(all.Count, 1-tail)/all.Exposure, UpperBound(all.Count, 1-tail)/all.Exposure
	limit := f.limit(confidence)
	excess := func(log float64) float64 {
		r, loss := math.Exp(log), 0.0
		for j, e := range s.Exposure {
			loss += f.loss(s.Hits[j], f.means[side][j], e*r)
		}
		return 2*loss - limit
	}
	start := math.Log(f.Rates[side])
	return min(lo, math.Exp(crossing(excess, start, -1))), max(hi, math.Exp(crossing(excess, start, 1)))
}
