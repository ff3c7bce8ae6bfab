package compare

import (
	"math"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Names of the tests.
const (
	testPoisson   = "poisson"         // exact, conditional on the sum
	testScaled    = "poisson-scaled"  // the same on counts divided by their dispersion
	testBootstrap = "block-bootstrap" // over blocks of time
	testRanks     = "mann-whitney"    // over runs
)

// confidence is that of all intervals that are shown.
const confidence = 0.95

// A row is one key, or all hits, on two sides.
type row struct {
	key           []string
	before, after amount
	ratio, lo, hi float64
	p, q          float64
	n             [2]int // runs
	test          string
	// equal is the interval that has to lie within the margin for the rates
	// to be called unchanged.
	equal   [2]float64
	verdict Verdict
	control bool
}

// An amount is what one side has of a row.
type amount struct {
	hits, sends uint64
	exposure    float64
	rates       []float64 // of each run
	rate        float64   // the median of several runs
	lo, hi      float64   // its interval; with no hits from 0 to the one-sided bound
	cells       series
}

// newRow compares the groups that find returns.
func newRow(key []string, before, after *Side, find func(*Run) *Group, cfg Config) row {
	r := row{key: key, n: [2]int{len(before.Runs), len(after.Runs)}}
	r.before, r.after = newAmount(before, find, cfg), newAmount(after, find, cfg)
	if r.n[0] > 1 && r.n[1] > 1 {
		r.compareRuns(cfg)
	} else {
		r.compareCounts(cfg)
	}
	return r
}

func newAmount(s *Side, find func(*Run) *Group, cfg Config) amount {
	var a amount
	for i := range s.Runs {
		run := &s.Runs[i]
		g := find(run)
		exposure := run.exposure(cfg)
		a.hits += g.Hits
		a.sends += g.Sends
		a.exposure += exposure
		a.rates = append(a.rates, float64(g.Hits)/exposure)
	}
	a.rate = float64(a.hits) / a.exposure
	a.cells = newSeries(s, find)
	return a
}

// compareRuns takes each run as one value, so that the variation from run to
// run is in the result.
func (r *row) compareRuns(cfg Config) {
	a, b := r.before.rates, r.after.rates
	r.test = testRanks
	r.p = stat.MannWhitney(a, b)
	for _, x := range []*amount{&r.before, &r.after} {
		x.rate = stat.Median(x.rates)
		x.lo, x.hi, _ = stat.MedianInterval(x.rates, confidence)
	}
	r.ratio = ratioOf(r.before.rate, r.after.rate)
	r.lo, r.hi = stat.ShiftInterval(a, b, confidence)
	r.equal[0], r.equal[1] = stat.ShiftInterval(a, b, 1-2*cfg.Alpha)
	if r.before.hits == 0 || r.after.hits == 0 {
		r.boundNone()
	}
}

// boundNone makes the intervals of a side that no run has hits on those of one
// long run: that nothing was seen in five runs does not make the rate 0.
func (r *row) boundNone() {
	dispersion := max(r.before.cells.dispersion(), r.after.cells.dispersion())
	lo, hi := stat.RatioInterval(stat.Rate{Count: r.before.hits, Exposure: r.before.exposure},
		stat.Rate{Count: r.after.hits, Exposure: r.after.exposure}, confidence, dispersion)
	r.lo, r.hi = min(r.lo, lo), max(r.hi, hi)
	r.equal = [2]float64{0, math.Inf(1)} // the test alone tells
	for _, x := range []*amount{&r.before, &r.after} {
		if x.hits == 0 {
			x.bound(dispersion)
		}
	}
}

// compareCounts takes the counts of one run on one side or on both.
func (r *row) compareCounts(cfg Config) {
	r.ratio = ratioOf(r.before.rate, r.after.rate)
	a := stat.Rate{Count: r.before.hits, Exposure: r.before.exposure}
	b := stat.Rate{Count: r.after.hits, Exposure: r.after.exposure}
	x, y := align(r.before.cells, r.after.cells)
	n := stat.BlockLength(len(x), len(y))
	// cells that are not aligned may be finer
	bursty := r.before.cells.bursty() || r.after.cells.bursty() || stat.IsBursty(x, n) || stat.IsBursty(y, n)
	dispersion := 1.0
	switch {
	case bursty && n > 0:
		dispersion = max(stat.Overdispersion(x, n), stat.Overdispersion(y, n))
		r.test = testBootstrap
		x, y = blocks(x, n, r.before), blocks(y, n, r.after)
		r.p = stat.BlockTest(x, y)
	case bursty:
		// too unequal in length for blocks of the same time
		dispersion = max(r.before.cells.dispersion(), r.after.cells.dispersion())
		r.test = testScaled
		r.p = stat.PoissonTest(scaled(a, dispersion), scaled(b, dispersion))
	default:
		r.test = testPoisson
		r.p = stat.PoissonTest(a, b)
	}
	r.lo, r.hi = stat.RatioInterval(a, b, confidence, dispersion)
	r.equal[0], r.equal[1] = stat.RatioInterval(a, b, 1-2*cfg.Alpha, dispersion)
	if r.test == testBootstrap && a.Count > 0 && b.Count > 0 {
		r.bootstrapIntervals(x, y, cfg)
	}
	r.before.bound(dispersion)
	r.after.bound(dispersion)
}

// bootstrapIntervals takes the intervals from the blocks, moved to the ratio of
// all hits: the blocks leave out a rest at the end of each run. Hits that are in
// few blocks have none that way; theirs stay those of the scaled counts.
func (r *row) bootstrapIntervals(x, y []float64, cfg Config) {
	move := r.ratio / (sum(y) / float64(len(y)) / (sum(x) / float64(len(x))))
	if math.IsNaN(move) || math.IsInf(move, 0) || move == 0 {
		return // the hits of a side are all in the rest
	}
	for i, ci := range stat.BlockInterval(x, y, confidence, 1-2*cfg.Alpha) {
		if ci[0] == 0 || math.IsInf(ci[1], 0) {
			continue
		}
		if ci[0], ci[1] = ci[0]*move, ci[1]*move; i == 0 {
			r.lo, r.hi = ci[0], ci[1]
		} else {
			r.equal = ci
		}
	}
}

func scaled(r stat.Rate, dispersion float64) stat.Rate {
	return stat.Rate{Count: uint64(math.Round(float64(r.Count) / dispersion)), Exposure: r.Exposure}
}

// bound sets the interval of the rate. That of no hits is one-sided, the rule
// of three.
func (a *amount) bound(dispersion float64) {
	level := (1 + confidence) / 2
	if a.hits == 0 {
		level = confidence
	}
	n := float64(a.hits) / dispersion
	a.lo = stat.LowerBound(n, level) * dispersion / a.exposure
	a.hi = stat.UpperBound(n, level) * dispersion / a.exposure
}
