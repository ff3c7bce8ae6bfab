package stat_test

import (
	"math"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

func estimates(values, variances []float64) []stat.Estimate {
	var out []stat.Estimate
	for i, v := range values {
		e := stat.Estimate{Value: v}
		if variances != nil {
			e.Variance = variances[i]
		}
		out = append(out, e)
	}
	return out
}

// TestPauleMandel: R. Kacker, Metrologia 41 (2004), table 1, first row: nine
// laboratories; the standard deviation between them by Paule and Mandel's method
// is 0.8399. A side of one run says nothing on scatter.
func TestPauleMandel(t *testing.T) {
	labs := estimates([]float64{61.00, 61.40, 62.21, 62.30, 62.34, 62.60, 62.70, 62.84, 65.90},
		[]float64{0.2025, 1.2100, 0.0900, 0.2025, 0.3844, 0.5625, 0.0676, 0.0225, 1.8225})
	one := estimates([]float64{70}, []float64{0.5})
	for _, c := range []stat.Contrast{stat.NewContrast(labs, one, stat.Prior{}), stat.NewContrast(one, labs, stat.Prior{Variance: 9, Freedom: 4})} {
		if tau := math.Sqrt(c.Tau2); math.Abs(tau-0.8399) > 5e-5 || c.Own != 8 || c.Assumed != 0 {
			t.Errorf("between laboratories %.5f, %g own and %g assumed degrees of freedom", tau, c.Own, c.Assumed)
		}
	}
}

// TestStudent: where runs have no variance of their own this is Student's t test.
// R: t.test(extra ~ group, sleep, var.equal = TRUE): t = -1.8608, df = 18,
// p-value = 0.07919, 95 percent interval -3.363874 to 0.203874.
func TestStudent(t *testing.T) {
	first := estimates([]float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}, nil)
	second := estimates([]float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}, nil)
	c := stat.NewContrast(second, first, stat.Prior{Variance: 1, Freedom: 4})
	lo, hi := c.Interval(0.95, 0)
	if p := c.P(0); math.Abs(p-0.07919) > 5e-6 || math.Abs(lo+3.363874) > 5e-7 || math.Abs(hi-0.203874) > 5e-7 {
		t.Errorf("p %.5f, interval %.6f to %.6f", p, lo, hi)
	}
	// what may be off by 0.5 widens the interval by as much
	if blo, bhi := c.Interval(0.95, 0.5); math.Abs(blo-(lo-0.5)) > 1e-12 || math.Abs(bhi-(hi+0.5)) > 1e-12 {
		t.Errorf("with bias %.6f to %.6f", blo, bhi)
	}
	if c.P(2) != 1 || !(c.P(0.1) > c.P(0)) {
		t.Errorf("p with bias: %v, %v", c.P(0.1), c.P(2))
	}
}

// TestAssumed: one run a side leaves the assumed variance, and t with the
// degrees of freedom that are assumed: the quantile of t with 4 is 2.776445 (R:
// qt(0.975, 4)).
func TestAssumed(t *testing.T) {
	c := stat.NewContrast(estimates([]float64{1}, []float64{0.03}), estimates([]float64{2}, []float64{0.01}), stat.Prior{Variance: 0.06, Freedom: 4})
	lo, hi := c.Interval(0.95, 0)
	half := 2.776445 * math.Sqrt(0.06+0.03+0.06+0.01)
	if c.Tau2 != 0.06 || math.Abs(lo-(1-half)) > 1e-6 || math.Abs(hi-(1+half)) > 1e-6 {
		t.Errorf("%v to %v, want 1 +- %v", lo, hi, half)
	}
	// two runs a side that agree: assumption keeps the variance from being 0
	c = stat.NewContrast(estimates([]float64{1, 1}, []float64{0, 0}), estimates([]float64{1, 1}, []float64{0, 0}), stat.Prior{Variance: 0.06, Freedom: 4})
	if c.Own != 2 || c.Assumed != 2 || math.Abs(c.Tau2-0.03) > 1e-9 {
		t.Errorf("%+v, want half of what is assumed", c)
	}
}

// TestAgree: runs that agree to the last digit.
func TestAgree(t *testing.T) {
	same := estimates([]float64{1, 1, 1}, []float64{0, 0, 0})
	other := estimates([]float64{2, 2, 2}, []float64{0, 0, 0})
	c := stat.NewContrast(same, same, stat.Prior{Freedom: 4})
	if p := c.P(0); p != 1 {
		t.Errorf("p %v", p)
	}
	c = stat.NewContrast(same, other, stat.Prior{Freedom: 4})
	if p := c.P(0.5); !(p < 1e-6) || math.IsNaN(p) {
		t.Errorf("p %v", p)
	}
}
