package shift

import (
	"fmt"
	"math"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// A row compares one quantile of one group.
type row struct {
	key      []string
	quantile quantile
	count    [2]uint64 // durations of each side
	runs     [2]int
	contrast stat.Contrast
	bias     float64 // of the logarithm of the ratio, at most
	sides    [2]interval
	ratio    interval // after divided by before
	equal    interval // the same at the confidence of two one-sided tests
	p, q     float64
	effect   float64 // largest design effect of a run
	alone    float64 // p if runs of one set-up did not differ
	verdict  Verdict
	reason   Reason
	detail   string // what the reason is about
}

// An interval is an estimate and its bounds.
type interval struct{ at, lo, hi float64 }

// newRow compares a quantile of a group, if the recordings tell of it.
func newRow(c *comparison, g *pair, q quantile, cfg Config) row {
	r := row{key: g.key, quantile: q, p: 1, q: 1, alone: 1}
	for i, side := range g.sides {
		r.runs[i] = len(side)
		for _, m := range side {
			if m != nil {
				r.count[i] += m.Values.Count()
			}
		}
	}
	r.effect = 1
	nan := interval{math.NaN(), math.NaN(), math.NaN()}
	r.sides, r.ratio, r.equal = [2]interval{nan, nan}, nan, nan
	if r.reason, r.detail = c.evidence(g); r.reason != "" {
		return r
	}
	var estimates [2][]stat.Estimate
	var biases [2][]float64
	spread := 0.0
	for i, side := range g.sides {
		for _, m := range side {
			e, ok := m.estimate(q.share, cfg)
			r.effect = max(r.effect, e.effect)
			if !ok {
				r.reason = FewValues
				r.detail = fmt.Sprintf("%s has %d values of this row, which tell as much as %.3g independent ones: %s takes %.0f of each run",
					m.run.Input.Path, m.Values.Count(), float64(m.empirical.N())/e.effect, q.name, math.Ceil(stat.LeastValues(q.share, confidence)))
				return r
			}
			estimates[i] = append(estimates[i], stat.Estimate{Value: e.log, Variance: e.variance})
			biases[i] = append(biases[i], e.bias)
			spread = max(spread, e.spread)
			if math.IsInf(e.bias, 1) {
				r.reason, r.detail = e.why, fmt.Sprintf("%s: %s", m.run.Input.Path, e.detail)
			}
		}
	}
	if r.reason == "" {
		r.compare(estimates, biases, spread, cfg)
	}
	return r
}

// compare does the statistics.
func (r *row) compare(estimates [2][]stat.Estimate, biases [2][]float64, spread float64, cfg Config) {
	prior := stat.Prior{Variance: priorVariance(cfg.RunCV) + spread*spread, Freedom: leastFreedom}
	c := stat.NewContrast(estimates[0], estimates[1], prior)
	r.contrast = c
	var bias [2]float64
	for i := range biases {
		bias[i] = c.Mean(estimates[i], biases[i])
	}
	r.bias = bias[0] + bias[1]
	r.p = c.P(r.bias)
	r.alone = c.Within(estimates[0], estimates[1], r.bias)
	r.ratio = ratio(&c, confidence, r.bias)
	r.equal = ratio(&c, 1-2*cfg.Alpha, r.bias)
	before, after := c.Sides(confidence)
	r.sides[0] = interval{math.Exp(c.Before), math.Exp(c.Before - before - bias[0]), math.Exp(c.Before + before + bias[0])}
	r.sides[1] = interval{math.Exp(c.After), math.Exp(c.After - after - bias[1]), math.Exp(c.After + after + bias[1])}
}

func ratio(c *stat.Contrast, confidence, bias float64) interval {
	lo, hi := c.Interval(confidence, bias)
	return interval{math.Exp(c.Difference()), math.Exp(lo), math.Exp(hi)}
}

// An estimate is what one run says of a quantile.
type estimate struct {
	log, variance float64
	effect        float64
	// spread is how far the quantile moves, in its logarithm, if the share of slow
	// ones differs from run to run as much as assumed.
	spread float64
	// bias is how far off log may be because of what was not measured, and why
	bias   float64
	why    Reason
	detail string
}

// normal95 is the quantile of the normal distribution that belongs to 95 %.
const normal95 = 1.959963984540054

// estimate is false if a run has too few values for an interval.
func (m *measured) estimate(share float64, cfg Config) (estimate, bool) {
	x := m.empirical
	e := estimate{effect: x.Effect(share)}
	lo, hi, ok := x.Interval(share, confidence, e.effect)
	if !ok {
		return e, false
	}
	at := x.At(share)
	e.log = logOf(at)
	se := span(at, lo, hi) / normal95
	e.variance = se * se
	shift := normal95 * cfg.RunCV * share * (1 - share)
	e.spread = span(at, x.At(share-shift), x.At(share+shift)) / normal95
	e.setBias(m, share)
	return e, true
}

// setBias says how far off the quantile may be: for durations that were not
// measured, whatever those are, and because times are rounded.
func (e *estimate) setBias(m *measured, share float64) {
	x := m.empirical
	missing := m.missing()
	// of a sequence that was thinned, what is missing weighs as much
	scaled := uint64(math.Ceil(float64(missing) * float64(x.N()) / float64(m.Values.Count())))
	at, unit := x.At(share), x.Unit()
	lo, hi := x.Bounds(share, scaled)
	switch {
	case lo < 0 || hi == math.MaxInt64:
		e.bias = math.Inf(1)
		e.why, e.detail = Missing, fmt.Sprintf("up to %d durations of this row were not measured, beside %d that were", missing, m.Values.Count())
		if m.run.Input.Lost > 0 {
			e.why = Lost
			e.detail += fmt.Sprintf("; %d events were lost", m.run.Input.Lost)
		}
	case lo <= unit:
		e.bias = math.Inf(1)
		e.why, e.detail = Resolution, fmt.Sprintf("times are multiples of %d ns: too coarse for durations of %d ns", unit, at)
	default:
		e.bias = max(math.Log(float64(hi+unit)/float64(at)), math.Log(float64(at)/float64(lo-unit)))
	}
}

// span is the larger distance of two values from the one between them, in
// logarithms.
func span(at, lo, hi int64) float64 { return max(logOf(at)-logOf(lo), logOf(hi)-logOf(at)) }

// logOf keeps durations of 0, shorter than the clock can tell, finite: such rows
// have no verdict.
func logOf(ns int64) float64 { return math.Log(max(float64(ns), 0.5)) }
