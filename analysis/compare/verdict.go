package compare

import (
	"fmt"
	"math"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// A Verdict says in a word what a row shows.
type Verdict string

const (
	Gone      Verdict = "gone"      // hits before, none after, and not by chance
	Reduced   Verdict = "reduced"   // fewer, and not by chance
	Unchanged Verdict = "unchanged" // the same but for less than the margin
	Grown     Verdict = "grown"     // more, and not by chance
	New       Verdict = "new"       // none before, hits after, and not by chance
	Unclear   Verdict = "unclear"   // too few data to say either
)

// Why a row is unclear.
const (
	reasonFewHits  = "few-hits"  // not even all hits on one side could be told from chance
	reasonOneRun   = "one-run"   // all hits are in one run of several
	reasonScatter  = "scatter"   // more than counting explains, not more than runs vary
	reasonNotShown = "not-shown" // neither a difference nor that there is none
	reasonAdjusted = "adjusted"  // different if it were the only row
	reasonControl  = "control"   // the control rows differ as much
	reasonUnknown  = names.Reason
	reasonLost     = "lost" // lost events may explain it
)

// judge fills in what depends on all rows of a comparison. Several comparisons
// are judged apart: adding a group does not change what is said of another.
func (c *comparison) judge(cfg Config) {
	qs := map[evidence][]float64{}
	for _, e := range []evidence{seen, unknowns, losses} {
		qs[e] = c.adjusted(e, cfg)
	}
	for i := range c.rows {
		r := &c.rows[i]
		r.p, r.q = r.probability(seen, r.noise(c.noise), cfg), qs[seen][i]
		r.judge([...]float64{seen: r.q, unknowns: qs[unknowns][i], losses: qs[losses][i]}, cfg)
	}
	t := &c.total
	t.q = t.p
	t.judge([...]float64{seen: t.p, unknowns: t.probability(unknowns, 1, cfg), losses: t.probability(losses, 1, cfg)}, cfg)
	c.restrain(cfg)
	c.findHolds(cfg)
}

// noise is what a row's difference is held against: the control rows are the
// measure themselves.
func (r *row) noise(ofControl float64) float64 {
	if r.control {
		return 1
	}
	return ofControl
}

// adjusted are the probabilities of all rows after adjustment for their number.
// Control rows are adjusted among themselves, so that they cost the others
// nothing.
func (c *comparison) adjusted(e evidence, cfg Config) []float64 {
	qs := make([]float64, len(c.rows))
	for _, control := range []bool{false, true} {
		var at []int
		var ps, least []float64
		for i := range c.rows {
			if r := &c.rows[i]; r.control == control {
				at = append(at, i)
				ps, least = append(ps, r.probability(e, r.noise(c.noise), cfg)), append(least, r.counts.Least)
			}
		}
		for k, q := range stat.Adjust(ps, least, cfg.Alpha) {
			qs[at[k]] = q
		}
	}
	return qs
}

// judge calls rates different if the tests do after adjustment for the number of
// rows, with what was not seen too, and unchanged if they are shown to lie
// within the margin: two one-sided tests (D. Schuirmann, Journal of
// Pharmacokinetics and Biopharmaceutics 15, 1987). That no difference was found
// does not show that there is none.
func (r *row) judge(q [3]float64, cfg Config) {
	r.verdict, r.reason = Unclear, r.why(cfg)
	switch {
	case q[losses] < cfg.Alpha && r.hidden() != "":
		r.reason = r.hidden()
	case q[losses] < cfg.Alpha:
		r.verdict, r.reason = r.direction(), ""
	case q[unknowns] < cfg.Alpha:
		r.reason = reasonLost
	case q[seen] < cfg.Alpha:
		r.reason = reasonUnknown
	case r.isWithin(losses, cfg):
		r.verdict, r.reason = Unchanged, ""
	case r.isWithin(unknowns, cfg):
		r.reason = reasonLost
	case r.isWithin(seen, cfg):
		r.reason = reasonUnknown
	}
}

// hidden says of a row that has no hits on one side why it may have some there
// all the same, so that it is neither gone nor new.
func (r *row) hidden() string {
	for side, a := range []*amount{&r.before, &r.after} {
		if a.hits > 0 {
			continue
		}
		if more, _ := r.more(side, unknowns); sum(more) > 0 {
			return reasonUnknown
		}
		if more, bounded := r.more(side, losses); sum(more) > 0 || !bounded {
			return reasonLost
		}
	}
	return ""
}

func (r *row) direction() Verdict {
	switch {
	case r.after.hits == 0:
		return Gone
	case r.before.hits == 0:
		return New
	case r.ratio < 1:
		return Reduced
	}
	return Grown
}

// why says why the tests do not call a row different.
func (r *row) why(cfg Config) string {
	c := r.counts
	switch {
	case c.OneRun:
		return reasonOneRun
	case c.Least >= cfg.Alpha:
		return reasonFewHits
	case c.P() < cfg.Alpha && r.p >= cfg.Alpha:
		return reasonControl
	case r.p < cfg.Alpha:
		return reasonAdjusted
	case c.PCounts < cfg.Alpha && c.PRuns >= cfg.Alpha:
		return reasonScatter
	}
	return reasonNotShown
}

// says is the verdict with what bounds it. That nothing was seen after does not
// make the rate 0.
func (r *row) says() string {
	if r.verdict != Gone || !(r.hi > 0) || math.IsInf(r.hi, 1) {
		return string(r.verdict)
	}
	return fmt.Sprintf("%s (< %s of before)", r.verdict, percent(r.hi))
}

// percent prints a share with two digits, rounded up: it is a bound.
func percent(share float64) string {
	p := 100 * share
	scale := math.Pow(10, math.Floor(math.Log10(p))-1)
	return fmt.Sprintf("%.2g %%", math.Ceil(p/scale-1e-9)*scale)
}

// controlNoise is the factor by which the control rows differ, taken together,
// though nothing should have touched them; 1 if chance explains it. Where they
// are on one side only it is the least that their interval allows, and infinite
// if that allows all.
func (c *comparison) controlNoise(p *pair, cfg Config) float64 {
	var keys [][]string
	for _, r := range c.rows {
		if r.control {
			keys = append(keys, r.key)
		}
	}
	if keys == nil {
		return 1
	}
	r := p.row(nil, func(run *Run) *Group {
		g := &Group{}
		for _, key := range keys {
			g.add(*run.group(key))
		}
		return g
	})
	if !(r.p < cfg.Alpha) {
		return 1
	}
	lo, hi := r.counts.Interval(min(confidence, 1-cfg.Alpha))
	switch {
	case r.after.hits == 0 && hi > 0:
		return max(1, 1/hi)
	case r.before.hits == 0 && lo > 0:
		return max(1, lo)
	case r.after.hits == 0 || r.before.hits == 0:
		return math.Inf(1)
	}
	return max(r.ratio, 1/r.ratio)
}

// mostHolds is the largest variation between runs that findHolds tries, and
// holdsSteps in how many steps: percent.
const mostHolds, holdsSteps = 2.0, 200

// findHolds says of rows that are different, where one run a side leaves the
// variation between runs to an assumption, up to which one they are so.
func (c *comparison) findHolds(cfg Config) {
	if len(c.before.Runs) > 1 || len(c.after.Runs) > 1 {
		return
	}
	tried := map[int][]float64{}
	at := func(step int) []float64 {
		if tried[step] == nil {
			other := *c
			other.rows = slices.Clone(c.rows)
			with := cfg
			with.RunCV = mostHolds * float64(step) / holdsSteps
			for i := range other.rows {
				r := &other.rows[i]
				r.counts = stat.Compare(r.before.runs, r.after.runs, r.counts.Burst, with.RunCV)
			}
			tried[step] = other.adjusted(losses, with)
		}
		return tried[step]
	}
	for i := range c.rows {
		if r := &c.rows[i]; r.verdict != Unclear && r.verdict != Unchanged {
			r.holds = holdsTo(func(step int) bool { return at(step)[i] < cfg.Alpha })
		}
	}
	if t := &c.total; t.verdict != Unclear && t.verdict != Unchanged {
		t.holds = holdsTo(func(step int) bool {
			with := cfg
			with.RunCV = mostHolds * float64(step) / holdsSteps
			r := *t
			r.counts = stat.Compare(r.before.runs, r.after.runs, r.counts.Burst, with.RunCV)
			return r.probability(losses, 1, with) < cfg.Alpha
		})
	}
}

// holdsTo is the largest variation for which holds does, which it no more does
// for larger ones.
func holdsTo(holds func(step int) bool) float64 {
	lo, hi := 0, holdsSteps
	if holds(hi) {
		return mostHolds
	}
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; holds(mid) {
			lo = mid
		} else {
			hi = mid
		}
	}
	return mostHolds * float64(lo) / holdsSteps
}

// isTooShort reports whether even hits that are gone could not be told from
// chance.
func (c *comparison) isTooShort(cfg Config) bool { return c.total.counts.Least >= cfg.Alpha }
