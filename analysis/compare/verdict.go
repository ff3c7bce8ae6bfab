package compare

import (
	"math"
	"slices"

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

// judge gives each row its verdict.
func (c *comparison) judge(cfg Config) {
	for i := range c.rows {
		r := &c.rows[i]
		r.verdict = r.judge(cfg)
		r.control = slices.ContainsFunc(cfg.Control, func(t Terms) bool { return t.match(cfg.By, r.key) })
	}
	c.total.verdict = c.total.judge(cfg)
	if noise := c.controlNoise(cfg); noise > 1 {
		for i := range c.rows {
			r := &c.rows[i]
			if !r.control && (r.verdict == Reduced || r.verdict == Grown) && r.ratio > 1/noise && r.ratio < noise {
				r.verdict = Unclear
			}
		}
	}
}

// judge calls rates different if the test does after adjustment for the number
// of rows, and unchanged if they are shown to lie within the margin: two
// one-sided tests (D. Schuirmann, Journal of Pharmacokinetics and
// Biopharmaceutics 15, 1987). That no difference was found does not show that
// there is none.
func (r *row) judge(cfg Config) Verdict {
	if r.q < cfg.Alpha {
		before, after := r.direction()
		switch {
		case r.after.hits == 0:
			return Gone
		case r.before.hits == 0:
			return New
		case after < before:
			return Reduced
		case after > before:
			return Grown
		}
	}
	if r.equal[0] >= 1/cfg.Margin && r.equal[1] <= cfg.Margin {
		return Unchanged
	}
	return Unclear
}

// direction returns the rates to compare: medians may be equal where the runs
// differ.
func (r *row) direction() (before, after float64) {
	if r.before.rate != r.after.rate {
		return r.before.rate, r.after.rate
	}
	return float64(r.before.hits) / r.before.exposure, float64(r.after.hits) / r.after.exposure
}

// controlNoise is the factor by which the control rows differ, taken together,
// though nothing should have touched them; 1 if chance explains it.
func (c *comparison) controlNoise(cfg Config) float64 {
	var keys [][]string
	for _, r := range c.rows {
		if r.control {
			keys = append(keys, r.key)
		}
	}
	if keys == nil {
		return 1
	}
	all := func(run *Run) *Group {
		var g Group
		for i, key := range keys {
			one := run.group(key)
			if one.Cells == nil && run.CellWidth > 0 {
				one = &Group{Hits: one.Hits, Sends: one.Sends, Cells: make([]uint32, len(run.Total.Cells))}
			}
			if i == 0 {
				g = Group{Hits: one.Hits, Sends: one.Sends, Cells: slices.Clone(one.Cells)}
				continue
			}
			g.add(*one)
		}
		return &g
	}
	r := newRow(nil, c.before, c.after, all, cfg)
	if !(r.p < cfg.Alpha) || r.ratio == 0 || math.IsInf(r.ratio, 0) || math.IsNaN(r.ratio) {
		return 1
	}
	return max(r.ratio, 1/r.ratio)
}

// isTooShort reports whether even hits that are gone could not be told from
// chance.
func (c *comparison) isTooShort(cfg Config) bool {
	t := c.total
	if c.total.test == testRanks {
		return false
	}
	gone := stat.PoissonTest(stat.Rate{Count: t.before.hits, Exposure: t.before.exposure}, stat.Rate{Exposure: t.after.exposure})
	isNew := stat.PoissonTest(stat.Rate{Exposure: t.before.exposure}, stat.Rate{Count: t.after.hits, Exposure: t.after.exposure})
	return min(gone, isNew) >= cfg.Alpha
}
