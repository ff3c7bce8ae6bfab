package stat

import "math"

// A Comparison is what the hits of one row say of its rates before and after.
// Two kinds of chance may have made a difference: counting, as hits are few and
// come in bursts (Counts), and runs, as equal set-ups differ from run to run
// (Runs). Both must be unable to explain it.
type Comparison struct {
	*Fit
	// Burst is by what the hits of the runs were divided.
	Burst float64
	// PCounts and PRuns are the probabilities of the difference by either kind
	// of chance.
	PCounts, PRuns float64
	// Least is the smallest PCounts that the hits could have, on whatever sides.
	Least float64
	// OneRun says that all hits are in one run of several: it does not tell of a
	// set-up.
	OneRun bool

	sums [2]Rate
}

// Compare compares the hits of a row in the runs of two sides, each with a run
// or more. They come in bursts of the size burst, and runs of one set-up are
// assumed to vary by cv where the runs do not show it.
func Compare(before, after Runs, burst, cv float64) *Comparison {
	before, after = before.scaled(burst), after.scaled(burst)
	c := &Comparison{Fit: NewFit(before, after, cv), Burst: burst, OneRun: inOneRun(before, after)}
	c.sums = [2]Rate{before.Sum(), after.Sum()}
	c.PCounts = CountsTest(c.sums[0], c.sums[1])
	c.PRuns = c.Test()
	c.Least = LeastCountsTest(c.sums[0], c.sums[1])
	return c
}

func (r Runs) scaled(burst float64) Runs {
	hits := make([]float64, len(r.Hits))
	for j, n := range r.Hits {
		hits[j] = n / burst
	}
	return Runs{hits, r.Exposure}
}

// inOneRun reports whether all hits are in one run, of a side that has several.
func inOneRun(sides ...Runs) bool {
	with, several := 0, false
	for _, s := range sides {
		for _, n := range s.Hits {
			if n > 0 {
				with++
				several = len(s.Hits) > 1
			}
		}
	}
	return with == 1 && several
}

// P is the probability of the difference if the rates are the same: the larger
// of both, since both must fall (an intersection-union test needs no adjustment
// for the two).
func (c *Comparison) P() float64 {
	if c.OneRun || c.disagree() {
		return 1
	}
	return max(c.PCounts, c.PRuns)
}

// disagree reports that the hits of all runs together went the other way than
// the rates of the runs, as where runs are of very different length. Then the
// tests do not show one thing.
func (c *Comparison) disagree() bool {
	x, w := c.sums[0].Count*c.sums[1].Exposure, c.sums[1].Count*c.sums[0].Exposure
	return x < w && c.Rates[0] > c.Rates[1] || x > w && c.Rates[0] < c.Rates[1]
}

// PWithin is the probability of the difference if the rates are no farther
// apart than the factor bound, 1 or more.
func (c *Comparison) PWithin(bound float64) float64 {
	if bound == 1 {
		return c.P()
	}
	ratio := c.Ratio()
	if c.OneRun || math.IsNaN(ratio) || ratio >= 1/bound && ratio <= bound {
		return 1
	}
	if ratio < 1 {
		bound = 1 / bound
	}
	after := c.sums[1]
	after.Exposure *= bound
	// just outside of the bound the test relative to it can be below the other
	return max(c.P(), CountsTest(c.sums[0], after), c.TestWithin(max(bound, 1/bound)))
}

// Interval is the confidence interval of the ratio of rates: the hull of those
// of both tests, so that it holds 1 exactly if P is 1 - confidence or more.
func (c *Comparison) Interval(confidence float64) (lo, hi float64) {
	if c.OneRun {
		return 0, math.Inf(1)
	}
	lo, hi = CountsInterval(c.sums[0], c.sums[1], confidence)
	a, b := c.Fit.Interval(confidence)
	return min(lo, a), max(hi, b)
}
