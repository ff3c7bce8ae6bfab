package stat

import (
	"math"
	"testing"
)

// near compares with what R and SciPy print: 12 significant digits.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsInf(want, 1) && math.IsInf(got, 1) {
		return
	}
	if !(math.Abs(got-want) <= tolerance*math.Max(math.Abs(want), math.SmallestNonzeroFloat64)) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}

// TestPoisson: p and the interval are those of R 4.2.2:
//
//	r <- poisson.test(c(after, before), c(T_after, T_before)); r$p.value; r$conf.int
//
// The first four rows are the tables of "Defer some IPIs until a user->kernel
// transition" (20230705181256.3539027-1-vschneid@redhat.com), the fifth is the
// example of R's help page, about cancer in two regions.
func TestPoisson(t *testing.T) {
	for _, c := range []struct {
		before, after Rate
		p, lo, hi     float64
		tolerance     float64
	}{
		{Rate{236, 20}, Rate{22, 20}, 1.9148104253e-46, 0.05731798095, 0.1444996542, 1e-9},
		{Rate{576, 20}, Rate{0, 20}, 8.0863492239e-174, 0, 0.006424856016, 1e-9},
		{Rate{814, 20}, Rate{24, 20}, 1.86902453926e-206, 0.0187804968, 0.04418478878, 1e-9},
		{Rate{309, 20}, Rate{307, 20}, 0.96786535921, 0.8455961212, 1.167313247, 1e-9},
		{Rate{6 + 8 + 7, 1083 + 1050 + 878}, Rate{11, 800}, 0.0796686330333, 0.858426403392, 4.27726594365, 1e-9},
		{Rate{3, 5}, Rate{1, 2}, 1, 0.01587381327, 10.37860194, 1e-9},
		{Rate{1, 1}, Rate{0, 1}, 1, 0, 39, 1e-9},
		{Rate{10, 1}, Rate{20, 3.3}, 0.196631013193, 0.2707602698, 1.449864376, 1e-9},
		{Rate{0, 3}, Rate{5, 1}, 0.0009765625, 2.749067572, math.Inf(1), 1e-9},
		{Rate{7, 2}, Rate{7, 2}, 1, 0.2993096818, 3.341021226, 1e-9},
		{Rate{22048, 1}, Rate{23686, 1}, 1.92531951632e-14, 1.054723181, 1.094228094, 1e-9},
		{Rate{5000, 11.9}, Rate{100, 5}, 0, 0.03865366649, 0.05801913904, 1e-9}, // R: 4.94e-324
		{Rate{1e6, 1}, Rate{1002000, 1}, 0.157714452813, 0.9992268794, 1.004780819, 1e-9},
		{Rate{1e8, 1}, Rate{100050000, 1.0003}, 0.157434135879, 0.9999227669, 1.00047719, 1e-6},
	} {
		near(t, "p", PoissonTest(c.before, c.after), c.p, c.tolerance)
		near(t, "p of the two exchanged", PoissonTest(c.after, c.before), c.p, c.tolerance)
		lo, hi := RatioInterval(c.before, c.after, 0.95, 1)
		near(t, "lo", lo, c.lo, c.tolerance)
		near(t, "hi", hi, c.hi, c.tolerance)
		up, down := RatioInterval(c.after, c.before, 0.95, 1)
		near(t, "lo of the two exchanged", 1/down, c.lo, c.tolerance)
		near(t, "hi of the two exchanged", 1/up, c.hi, c.tolerance)
	}
	if p := PoissonTest(Rate{0, 1}, Rate{0, 2}); p != 1 {
		t.Errorf("no counts: p = %v", p)
	}
	// R: poisson.test(c(26,24), c(5.3,5.8), conf.level=0.9)$conf.int
	lo, hi := RatioInterval(Rate{24, 5.8}, Rate{26, 5.3}, 0.9, 1)
	near(t, "90 % lo", lo, 0.715718940348, 1e-9)
	near(t, "90 % hi", hi, 1.96881698236, 1e-9)
}

// TestPoissonLevel: a test of two equal rates is significant at 5 % in no more
// than 5 % of all cases. All pairs of counts with their probabilities are added
// up, so that nothing is left to chance.
func TestPoissonLevel(t *testing.T) {
	for _, mean := range []float64{0.5, 3, 11, 40} {
		for _, longer := range []float64{1, 2.5} {
			level := 0.0
			for i := range 200 {
				for j := range 300 {
					if PoissonTest(Rate{uint64(i), 1}, Rate{uint64(j), longer}) < 0.05 {
						level += poisson(i, mean) * poisson(j, mean*longer)
					}
				}
			}
			if level > 0.05 {
				t.Errorf("mean %v, exposures 1 and %v: level %.4f", mean, longer, level)
			}
		}
	}
}

func poisson(n int, mean float64) float64 {
	lg, _ := math.Lgamma(float64(n) + 1)
	return math.Exp(float64(n)*math.Log(mean) - mean - lg)
}

// TestBounds: R 4.2.2, qgamma(0.95, 1), qgamma(0.975, 11), qgamma(0.025, 10),
// qgamma(0.975, 1e6+1); E. L. Hanley and A. Lippman-Hand, "If nothing goes
// wrong, is everything all right?" (JAMA 249, 1983) for the rule of three.
func TestBounds(t *testing.T) {
	near(t, "none at 95 %", UpperBound(0, 0.95), 2.9957322735540, 1e-12)
	near(t, "none at 97.5 %", UpperBound(0, 0.975), 3.6888794541139, 1e-12)
	near(t, "10, upper", UpperBound(10, 0.975), 18.390356042018, 1e-12)
	near(t, "10, lower", LowerBound(10, 0.975), 4.7953886961324, 1e-12)
	near(t, "a million", UpperBound(1e6, 0.975), 1001961.9119454, 1e-12)
	near(t, "none, lower", LowerBound(0, 0.975), 0, 0)
}

func even() []float64 { return []float64{3, 5, 4, 8, 2, 0, 6, 4, 4, 5, 3, 7, 2, 4, 6, 5} }

func bursts() []float64 { return []float64{0, 0, 30, 0, 1, 0, 0, 28, 0, 0, 0, 2, 0, 0, 31, 0} }

// TestDispersion: R 4.2.2, var(x)/mean(x) and
// pchisq(sum((x-mean(x))^2)/mean(x), length(x)-1, lower=FALSE).
func TestDispersion(t *testing.T) {
	index, p := Dispersion(even())
	near(t, "index", index, 0.956862745098, 1e-11)
	near(t, "p", p, 0.498947179767, 1e-11)
	index, p = Dispersion(bursts())
	near(t, "index", index, 24.5913043478, 1e-11)
	near(t, "p", p, 2.35684519088e-69, 1e-9)
	for _, none := range [][]float64{nil, {7}, {0, 0, 0}} {
		if index, p := Dispersion(none); index != 1 || p != 1 {
			t.Errorf("%v: index %v, p %v", none, index, p)
		}
	}
	if IsBursty(even(), 1) || !IsBursty(bursts(), 1) {
		t.Error("IsBursty: even counts are not, bursts are")
	}
	// one hit in every cell: bursts only when neighbours are added up
	slow := make([]float64, 64)
	for i := range 32 {
		slow[i] = 1
	}
	if !IsBursty(slow, 4) {
		t.Error("IsBursty misses a change that is slower than a cell")
	}
}

// TestMannWhitney: R 4.2.2, wilcox.test(a, b)$p.value. Where values are equal R
// does not compute exactly; there the way to choose ranks is written out:
//
//	r <- rank(c(a,b)); s <- combn(length(r), length(a), function(i) sum(r[i]))
//	m <- length(a)*(length(r)+1)/2; mean(abs(s-m) >= abs(sum(r[1:length(a)])-m))
//
// The third pair is the example of Hollander and Wolfe, Nonparametric
// Statistical Methods, 1973, p. 69, for which they print 0.1272 one-sided.
func TestMannWhitney(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		p    float64
	}{
		{[]float64{1, 2, 3, 4, 5}, []float64{6, 7, 8, 9, 10}, 0.00793650793651},
		{[]float64{1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30}, []float64{0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06001, 3.14, 1.29001}, 0.135911147676},
		{[]float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 0.254412254412},
		{[]float64{1, 3, 5}, []float64{2, 4, 6, 8}, 0.4},
		{[]float64{1, 2}, []float64{3, 4}, 0.333333333333},
		{[]float64{0, 0, 1, 2, 5}, []float64{0, 3, 4, 4, 6}, 0.269841269841},
		{[]float64{2, 2, 2, 0, 0}, []float64{12, 10, 10, 12, 12}, 0.00793650793651},
		{[]float64{1, 1, 1}, []float64{1, 1, 1}, 1},
		{[]float64{0, 0, 0, 7}, []float64{0, 1, 1, 1, 9, 9}, 0.157142857143},
		{nil, []float64{1}, 1},
	} {
		near(t, "p", MannWhitney(c.a, c.b), c.p, 1e-11)
		near(t, "p of the two exchanged", MannWhitney(c.b, c.a), c.p, 1e-11)
	}
	// a <- sin(1:60)*10+5; b <- sin((1:70)*1.7)*10+8; wilcox.test(a, b), then
	// wilcox.test(round(a), round(b))
	var a, b, ra, rb []float64
	for i := 1; i <= 70; i++ {
		x, y := math.Sin(float64(i))*10+5, math.Sin(float64(i)*1.7)*10+8
		if i <= 60 {
			a, ra = append(a, x), append(ra, math.RoundToEven(x))
		}
		b, rb = append(b, y), append(rb, math.RoundToEven(y))
	}
	near(t, "large", MannWhitney(a, b), 0.0206646142536, 1e-10)
	near(t, "large with ties", MannWhitney(ra, rb), 0.019402594723, 1e-10)
	near(t, "least of 5 and 5", LeastMannWhitney(5, 5), 0.00793650793651, 1e-11)
	near(t, "least of 3 and 3", LeastMannWhitney(3, 3), 0.1, 1e-11)
}

// TestMedianInterval: R 4.2.2, k <- max(1, qbinom(0.025, n, 0.5)) and
// 1-2*pbinom(k-1, n, 0.5) for the ranks k and n+1-k and the confidence.
func TestMedianInterval(t *testing.T) {
	for _, c := range []struct {
		n, rank    int
		confidence float64
	}{{5, 1, 0.9375}, {6, 1, 0.96875}, {7, 1, 0.984375}, {9, 2, 0.9609375}, {20, 6, 0.958610534668}} {
		values := make([]float64, c.n)
		for i := range values {
			values[i] = float64((i*7)%c.n + 1)
		}
		if c.n == 7 {
			values = []float64{7, 3, 5, 1, 2, 4, 6}
		}
		lo, hi, actual := MedianInterval(values, 0.95)
		if lo != float64(c.rank) || hi != float64(c.n+1-c.rank) {
			t.Errorf("%d values: ranks %v and %v, want %d and %d", c.n, lo, hi, c.rank, c.n+1-c.rank)
		}
		near(t, "confidence", actual, c.confidence, 1e-11)
	}
	if m := Median([]float64{4, 1, 3, 2}); m != 2.5 {
		t.Errorf("median %v", m)
	}
	if lo, hi, _ := MedianInterval([]float64{3}, 0.95); lo != 3 || hi != 3 {
		t.Errorf("one value: %v to %v", lo, hi)
	}
}

// TestShiftInterval: R 4.2.2, exp(wilcox.test(log(b), log(a), conf.int=TRUE)$conf.int).
func TestShiftInterval(t *testing.T) {
	x := []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	for _, c := range []struct {
		a, b   []float64
		level  float64
		lo, hi float64
	}{
		{[]float64{1945 / 11.9, 1898 / 9.9, 1929 / 13.1, 1916 / 10.9, 1888 / 8.7}, []float64{255 / 4.9, 341 / 5.3, 326 / 4.8, 391 / 5.6, 404 / 5.5}, 0.95, 0.296056836096, 0.461227751858},
		{x, []float64{1.15, 0.88, 0.90, 0.74, 1.21}, 0.95, 0.510344827586, 1.16346153846},
		{[]float64{10, 11, 13, 17}, []float64{20, 23, 29, 31, 37, 41}, 0.95, 1.53846153846, 3.7},
		{[]float64{10, 11, 13, 17}, []float64{20, 23, 29, 31, 37, 41}, 0.9, 1.70588235294, 3.36363636364},
		{[]float64{1, 2, 3}, []float64{4, 5, 6}, 0.95, 0, math.Inf(1)}, // 90 % is all that 3 and 3 reach
	} {
		lo, hi := ShiftInterval(c.a, c.b, c.level)
		near(t, "lo", lo, c.lo, 1e-11)
		near(t, "hi", hi, c.hi, 1e-11)
	}
	// R: qwilcox(0.025, n, m)
	for _, c := range [][3]int{{5, 5, 3}, {3, 3, 0}, {4, 6, 3}, {20, 13, 77}} {
		if got := mannWhitneyQuantile(c[0], c[1], 0.025); got != c[2] {
			t.Errorf("quantile of %d and %d: got %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

// TestBenjaminiHochberg: R 4.2.2, p.adjust(p, "BH"). The second list is the
// example in the paper of Benjamini and Hochberg, section 4.1.
func TestBenjaminiHochberg(t *testing.T) {
	for _, c := range []struct{ p, q []float64 }{
		{[]float64{0.01, 0.02, 0.03, 0.04, 0.05, 0.001, 0.5, 1},
			[]float64{0.04, 0.0533333333333, 0.06, 0.064, 0.0666666666667, 0.008, 0.571428571429, 1}},
		{[]float64{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0},
			[]float64{0.0015, 0.003, 0.0095, 0.035625, 0.0603, 0.0638571428571, 0.0638571428571, 0.0645, 0.0765, 0.486, 0.581181818182, 0.714875, 0.753230769231, 0.813214285714, 1}},
	} {
		for i, q := range BenjaminiHochberg(c.p) {
			near(t, "q", q, c.q[i], 1e-11)
		}
	}
	qs := BenjaminiHochberg([]float64{math.NaN(), 0.01})
	if !math.IsNaN(qs[0]) || qs[1] != 0.01 {
		t.Errorf("NaN counts: %v", qs)
	}
}
