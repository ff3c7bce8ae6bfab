package stat

import (
	"bytes"
	"encoding/csv"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// near compares with what R prints.
func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsInf(want, 1) && math.IsInf(got, 1) || math.IsNaN(want) && math.IsNaN(got) {
		return
	}
	if !(math.Abs(got-want) <= tolerance*math.Max(math.Abs(want), math.SmallestNonzeroFloat64)) {
		t.Errorf("%s: got %.12g, want %.12g", what, got, want)
	}
}

// records reads a table of testdata; testdata/README.md says where it is from.
func records(t *testing.T, name string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	r := csv.NewReader(bytes.NewReader(data))
	r.Comma = '\t'
	lines, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var out []map[string]string
	for _, line := range lines[1:] {
		m := map[string]string{}
		for i, head := range lines[0] {
			m[head] = line[i]
		}
		out = append(out, m)
	}
	if len(out) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return out
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	if s == "NA" {
		return math.NaN()
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func numbers(t *testing.T, s string) []float64 {
	t.Helper()
	var out []float64
	for word := range strings.SplitSeq(s, ",") {
		out = append(out, number(t, word))
	}
	return out
}

// TestVectors: every figure of every row as R has it.
func TestVectors(t *testing.T) {
	cases, expected := records(t, "cases.tsv"), records(t, "expected.tsv")
	if len(cases) != len(expected) {
		t.Fatalf("%d cases, %d results", len(cases), len(expected))
	}
	for i, in := range cases {
		want := expected[i]
		t.Run(in["case"], func(t *testing.T) {
			if in["fill"] != strconv.Itoa(FullDF) || want["case"] != in["case"] {
				t.Fatalf("case %v with result %v", in, want)
			}
			before := Runs{numbers(t, in["before"]), numbers(t, in["exposure_before"])}
			after := Runs{numbers(t, in["after"]), numbers(t, in["exposure_after"])}
			burst := number(t, in["D"])
			c := Compare(before, after, burst, number(t, in["run_cv"]))
			lo, hi := c.Interval(0.95)
			eqLo, eqHi := c.Interval(0.90)
			for name, got := range map[string]float64{
				"phi": c.Phi, "df": c.DF(), "own_df": float64(c.Own), "ratio": c.Ratio(),
				"rate_before": c.Rates[0] * burst, "rate_after": c.Rates[1] * burst,
				"lr": c.LR(1), "p_exact": c.PCounts, "p_run": c.PRuns, "p": c.P(), "least": c.Least,
				"ci_lo": lo, "ci_hi": hi, "eq_lo": eqLo, "eq_hi": eqHi,
			} {
				near(t, name, got, number(t, want[name]), 1e-6)
			}
			// the outside witnesses: base R's binom.test doubled, edgeR's deviances
			if w := want["binom_doubled"]; w != "NA" {
				near(t, "binom.test", c.PCounts, number(t, w), 1e-6)
			}
			if w := want["edgeR_lr"]; w != "NA" && math.Abs(number(t, w)) > 1e-9 {
				near(t, "edgeR", c.LR(1), number(t, w), 1e-6)
			}
		})
	}
}

func TestBurst(t *testing.T) {
	for _, c := range records(t, "burst.tsv") {
		var cells [][]float64
		for run := range strings.SplitSeq(c["cells"], ";") {
			cells = append(cells, numbers(t, run))
		}
		near(t, c["case"]+" several", Burst(cells, true), number(t, c["D_several"]), 1e-6)
		near(t, c["case"]+" single", Burst(cells, false), number(t, c["D_single"]), 1e-6)
	}
	if got := Burst(nil, false); got != 1 {
		t.Errorf("no cells: %v", got)
	}
}

func TestAdjust(t *testing.T) {
	var ps, least, want []float64
	for _, r := range records(t, "bh.tsv") {
		ps, least, want = append(ps, number(t, r["p"])), append(least, number(t, r["least"])), append(want, number(t, r["q"]))
	}
	for i, q := range Adjust(ps, least, 0.05) {
		near(t, strconv.Itoa(i), q, want[i], 1e-6)
	}
	if got := Adjust(nil, nil, 0.05); len(got) != 0 {
		t.Errorf("nothing: %v", got)
	}
}

// TestCountsLevel: a test of two equal rates is significant at 5 % in no more
// than 5 % of all cases. All pairs of counts with their probabilities are added
// up, so that nothing is left to chance.
func TestCountsLevel(t *testing.T) {
	for _, mean := range []float64{0.5, 3, 11, 40} {
		for _, longer := range []float64{1, 2.5} {
			level := 0.0
			for i := range 200 {
				for j := range 300 {
					if CountsTest(Rate{float64(i), 1}, Rate{float64(j), longer}) < 0.05 {
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
	log, _ := math.Lgamma(float64(n) + 1)
	return math.Exp(float64(n)*math.Log(mean) - mean - log)
}

// TestCountsInterval: R 4.2.2, poisson.test(c(after, before), c(T_after,
// T_before))$conf.int. The first four rows are the tables of "Defer some IPIs
// until a user->kernel transition"
// (20230705181256.3539027-1-vschneid@redhat.com), the fifth is the example of
// R's help page, about cancer in two regions.
func TestCountsInterval(t *testing.T) {
	for _, c := range []struct {
		before, after Rate
		lo, hi        float64
		tolerance     float64
	}{
		{Rate{236, 20}, Rate{22, 20}, 0.05731798095, 0.1444996542, 1e-9},
		{Rate{576, 20}, Rate{0, 20}, 0, 0.006424856016, 1e-9},
		{Rate{814, 20}, Rate{24, 20}, 0.0187804968, 0.04418478878, 1e-9},
		{Rate{309, 20}, Rate{307, 20}, 0.8455961212, 1.167313247, 1e-9},
		{Rate{6 + 8 + 7, 1083 + 1050 + 878}, Rate{11, 800}, 0.858426403392, 4.27726594365, 1e-9},
		{Rate{3, 5}, Rate{1, 2}, 0.01587381327, 10.37860194, 1e-9},
		{Rate{1, 1}, Rate{0, 1}, 0, 39, 1e-9},
		{Rate{10, 1}, Rate{20, 3.3}, 0.2707602698, 1.449864376, 1e-9},
		{Rate{0, 3}, Rate{5, 1}, 2.749067572, math.Inf(1), 1e-9},
		{Rate{7, 2}, Rate{7, 2}, 0.2993096818, 3.341021226, 1e-9},
		{Rate{22048, 1}, Rate{23686, 1}, 1.054723181, 1.094228094, 1e-9},
		{Rate{5000, 11.9}, Rate{100, 5}, 0.03865366649, 0.05801913904, 1e-9},
		{Rate{1e6, 1}, Rate{1002000, 1}, 0.9992268794, 1.004780819, 1e-9},
		{Rate{1e8, 1}, Rate{100050000, 1.0003}, 0.9999227669, 1.00047719, 1e-6},
	} {
		lo, hi := CountsInterval(c.before, c.after, 0.95)
		near(t, "lo", lo, c.lo, c.tolerance)
		near(t, "hi", hi, c.hi, c.tolerance)
		up, down := CountsInterval(c.after, c.before, 0.95)
		near(t, "lo of the two exchanged", 1/down, c.lo, c.tolerance)
		near(t, "hi of the two exchanged", 1/up, c.hi, c.tolerance)
	}
	// R: poisson.test(c(26,24), c(5.3,5.8), conf.level=0.9)$conf.int
	lo, hi := CountsInterval(Rate{24, 5.8}, Rate{26, 5.3}, 0.9)
	near(t, "90 % lo", lo, 0.715718940348, 1e-9)
	near(t, "90 % hi", hi, 1.96881698236, 1e-9)
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

// drawRuns draws a side of one to five runs.
func drawRuns(t *rapid.T, name string) Runs {
	var r Runs
	scale := rapid.SampledFrom([]float64{1, 30, 1e4, 1e9}).Draw(t, name+" scale")
	for range rapid.IntRange(1, 5).Draw(t, name+" runs") {
		r.Hits = append(r.Hits, math.Floor(scale*rapid.Float64Range(0, 2).Draw(t, name+" hits")))
		r.Exposure = append(r.Exposure, rapid.Float64Range(0.01, 50).Draw(t, name+" exposure"))
	}
	return r
}

// TestLaws: interval and test agree on both sides of their edge, exchanging the
// sides inverts the ratio and nothing else, and a wider threshold or a larger
// assumption never makes a difference more certain.
func TestLaws(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		before, after := drawRuns(t, "before"), drawRuns(t, "after")
		burst := rapid.Float64Range(1, 40).Draw(t, "burst")
		c, back := Compare(before, after, burst, 0.25), Compare(after, before, burst, 0.25)
		close := func(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-6*(math.Abs(a)+math.Abs(b))+1e-9 }
		// near 1 the root of what rounding leaves of LR is in p
		if math.Abs(c.P()-back.P()) > 1e-4 || !close(c.Phi, back.Phi) {
			t.Fatalf("p %v, phi %v; exchanged %v, %v", c.P(), c.Phi, back.P(), back.Phi)
		}
		p := c.P()
		if !(p >= 0 && p <= 1 && c.Least >= 0) {
			t.Fatalf("p %v, least %v", p, c.Least)
		}
		for _, confidence := range []float64{0.9, 0.95} {
			lo, hi := c.Interval(confidence)
			if !(lo >= 0 && lo <= hi) || c.Ratio() < lo || c.Ratio() > hi {
				t.Fatalf("ratio %v, interval %v to %v", c.Ratio(), lo, hi)
			}
			if math.Abs(p-(1-confidence)) > 1e-5 && (p > 1-confidence) != (lo <= 1 && 1 <= hi) {
				t.Fatalf("p %v, %v interval %v to %v", p, confidence, lo, hi)
			}
		}
		for side := range 2 {
			lo, hi := c.RateInterval(side, 0.95)
			if !(lo <= c.Rates[side] && c.Rates[side] <= hi) {
				t.Fatalf("rate %v, interval %v to %v", c.Rates[side], lo, hi)
			}
		}
		if q := c.PWithin(1.5); q < p-1e-9 {
			t.Fatalf("p %v, within a factor of 1.5 %v", p, q)
		}
		if c.Own == 0 {
			if wide := Compare(before, after, burst, 0.5); wide.P() < p-1e-9 {
				t.Fatalf("p %v at 25 %%, %v at 50 %%", p, wide.P())
			}
		}
	})
}

// TestNeighbours: counts up to 2^53 keep their digits, and p below what a float
// holds is 0.
func TestNeighbours(t *testing.T) {
	const n = 1 << 53
	c := Compare(Runs{[]float64{n}, []float64{1}}, Runs{[]float64{n}, []float64{1}}, 1, 0.25)
	near(t, "equal", c.P(), 1, 1e-9)
	c = Compare(Runs{[]float64{n, n}, []float64{1, 1}}, Runs{[]float64{0, 0}, []float64{1, 1}}, 1, 0.25)
	if c.PCounts != 0 || !(c.P() > 0 && c.P() < 1e-3) {
		t.Errorf("gone: %v, %v", c.PCounts, c.P())
	}
}
