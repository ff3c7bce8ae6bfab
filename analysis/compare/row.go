package compare

import (
	"math"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Names of the tests: from where the variation between runs is known.
const (
	testRuns    = "runs"         // from the runs
	testBoth    = "runs+assumed" // from the runs and an assumption, as they are few
	testAssumed = "assumed"      // one run a side
)

// confidence is that of all intervals that are shown.
const confidence = 0.95

// A row is one key, or all hits, on two sides.
type row struct {
	key           []string
	before, after amount
	n             [2]int // runs
	counts        *stat.Comparison
	ratio, lo, hi float64
	// equal is the interval that has to lie within the margin for the rates
	// to be called unchanged.
	equal [2]float64
	// p is the probability of the difference by chance, beyond what the control
	// rows show; q is p adjusted for the number of rows.
	p, q    float64
	verdict Verdict
	reason  string // of Unclear
	control bool
	worst   worst
	// holds is up to which coefficient of variation between runs the row is
	// different, NaN if that is measured or the row is not.
	holds float64
}

// An amount is what one side has of a row.
type amount struct {
	hits, sends uint64
	runs        stat.Runs
	rate        float64 // fitted, per exposure
	lo, hi      float64 // its interval; with no hits from 0 to the one-sided bound
}

// A pair is two sides with what all their rows share.
type pair struct {
	cfg           Config
	before, after *Side
	exposure      [2][]float64 // of each run
	width         int64        // of cells that all runs can have, 0 if a run has none
	burst         float64      // that runs without cells were given
	several       bool         // both sides have several runs
}

func newPair(before, after *Side, cfg Config) *pair {
	p := &pair{cfg: cfg, before: before, after: after, several: len(before.Runs) > 1 && len(after.Runs) > 1}
	for i, s := range p.sides() {
		for j := range s.Runs {
			p.exposure[i] = append(p.exposure[i], s.Runs[j].exposure(cfg))
		}
	}
	p.width, p.burst = commonWidth(before, after), givenBurst(before, after)
	return p
}

func (p *pair) sides() [2]*Side { return [2]*Side{p.before, p.after} }

// row compares the groups that find returns.
func (p *pair) row(key []string, find func(*Run) *Group) row {
	r := row{key: key, n: [2]int{len(p.before.Runs), len(p.after.Runs)}, holds: math.NaN()}
	var cells [][]float64
	for i, a := range []*amount{&r.before, &r.after} {
		a.runs.Exposure = p.exposure[i]
		runs := p.sides()[i].Runs
		for j := range runs {
			g := find(&runs[j])
			a.hits += g.Hits
			a.sends += g.Sends
			a.runs.Hits = append(a.runs.Hits, float64(g.Hits))
			if p.width > 0 && g.Hits > 0 {
				cells = append(cells, cellsOf(&runs[j], g, p.width))
			}
		}
	}
	burst := max(p.burst, stat.Burst(cells, p.several))
	r.counts = stat.Compare(r.before.runs, r.after.runs, burst, p.cfg.RunCV)
	r.p = r.counts.P()
	r.ratio = r.counts.Ratio()
	r.lo, r.hi = r.counts.Interval(confidence)
	r.equal[0], r.equal[1] = r.counts.Interval(1 - 2*p.cfg.Alpha)
	for i, a := range []*amount{&r.before, &r.after} {
		lo, hi := r.counts.RateInterval(i, confidence)
		a.rate, a.lo, a.hi = r.counts.Rates[i]*burst, lo*burst, hi*burst
	}
	return r
}

// test names where the variation between runs is known from.
func (r *row) test() string {
	switch {
	case r.counts.Own == 0:
		return testAssumed
	case r.counts.Assumed > 0:
		return testBoth
	}
	return testRuns
}

// with compares the row as it would be with more hits in the runs of a side, 0
// before and 1 after.
func (r *row) with(side int, more []float64, cfg Config) *stat.Comparison {
	sides := [2]stat.Runs{r.before.runs, r.after.runs}
	hits := make([]float64, len(more))
	for j, n := range sides[side].Hits {
		hits[j] = n + more[j]
	}
	sides[side].Hits = hits
	return stat.Compare(sides[0], sides[1], r.counts.Burst, cfg.RunCV)
}
