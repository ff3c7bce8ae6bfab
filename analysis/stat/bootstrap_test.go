package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestBlockTest: SciPy 1.10.1,
//
//	welch = lambda x, y, axis: (y.mean(axis)-x.mean(axis)) / np.sqrt(x.var(axis,ddof=1)/x.shape[axis] + y.var(axis,ddof=1)/y.shape[axis])
//	stats.permutation_test((a, b), welch, permutation_type='independent', n_resamples=99999, random_state=1).pvalue
//
// Permuting draws without replacement what the bootstrap draws with it; the two
// agree but for the chance in both and for how few blocks there are.
func TestBlockTest(t *testing.T) {
	a := []float64{12, 9, 15, 11, 8, 14, 10, 13, 9, 12, 11, 16, 7, 10, 12, 13, 9, 11, 14, 10}
	b := []float64{10, 14, 12, 9, 17, 13, 15, 11, 16, 12, 14, 10, 13, 18, 12, 15, 11, 14, 13, 16}
	c := []float64{0, 9, 0, 0, 0, 0, 25, 0, 0, 31, 0, 0, 0, 0, 0, 0, 0, 27, 0, 2}
	for _, x := range []struct {
		a, b         []float64
		p, tolerance float64
	}{
		{a, b, 0.01778, 0.005},
		{bursts(), c, 0.78016, 0.03},
	} {
		if p := BlockTest(x.a, x.b); math.Abs(p-x.p) > x.tolerance {
			t.Errorf("p = %v, want about %v", p, x.p)
		}
	}
	if p := BlockTest(a, make([]float64, 16)); p != 0.0001 {
		t.Errorf("something against nothing: p = %v", p)
	}
	if p := BlockTest(make([]float64, 16), make([]float64, 20)); p != 1 {
		t.Errorf("nothing against nothing: p = %v", p)
	}
	if BlockTest(a, b) != BlockTest(a, b) {
		t.Error("two calls differ")
	}

	// stats.bootstrap((a,b), lambda a,b,axis=-1: np.log(b.mean(axis)/a.mean(axis)), n_resamples=99999, method='BCa', random_state=1):
	// exp of its 95 % interval is 1.0403 to 1.3238
	ci := BlockInterval(a, b, 0.95, 0.5)
	if math.Abs(ci[0][0]-1.0403) > 0.02 || math.Abs(ci[0][1]-1.3238) > 0.02 {
		t.Errorf("interval %v", ci[0])
	}
	if ci[1][0] <= ci[0][0] || ci[1][1] >= ci[0][1] {
		t.Errorf("50 %% %v is not within 95 %% %v", ci[1], ci[0])
	}
}

// TestBlockLevel makes pairs of bursty series with equal means and counts how
// often the test calls them different at 5 %, and how often the interval holds
// the true ratio.
func TestBlockLevel(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of bootstraps")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	const pairs = 120
	for _, c := range []struct {
		name  string
		n, m  int
		burst func() float64 // hits of one block
	}{
		{"three bursts a block of about ten hits", 16, 28, func() float64 { return compound(rng, 3, 10) }},
		{"a burst in every second block", 24, 16, func() float64 { return compound(rng, 0.5, 30) }},
		{"pairs", 31, 31, func() float64 { return 2 * float64(poissonDraw(rng, 4)) }},
	} {
		significant, missed := 0, 0
		for range pairs {
			a, b := make([]float64, c.n), make([]float64, c.m)
			for i := range a {
				a[i] = c.burst()
			}
			for i := range b {
				b[i] = c.burst()
			}
			if BlockTest(a, b) < 0.05 {
				significant++
			}
			if ma, _ := moments(a); ma == 0 {
				continue
			}
			if ci := BlockInterval(a, b, 0.95)[0]; ci[0] > 1 || ci[1] < 1 {
				missed++
			}
		}
		t.Logf("%s: %d of %d significant, %d intervals miss", c.name, significant, pairs, missed)
		// R: qbinom(0.995, 120, 0.05) is 13
		if significant > 13 || missed > 13 {
			t.Errorf("%s: %d of %d significant at 5 %%, %d intervals miss", c.name, significant, pairs, missed)
		}
	}
}

func compound(rng *rand.Rand, bursts, size float64) float64 {
	sum := 0.0
	for range poissonDraw(rng, bursts) {
		sum += 1 + math.Floor(rng.ExpFloat64()*size)
	}
	return sum
}

// poissonDraw draws a Poisson number by D. Knuth's method.
func poissonDraw(rng *rand.Rand, mean float64) int {
	n, p := 0, rng.Float64()
	for limit := math.Exp(-mean); p > limit; p *= rng.Float64() {
		n++
	}
	return n
}
