package shift

import (
	"fmt"
	"slices"
	"strings"
)

// A Verdict says in a word what a row shows.
type Verdict string

const (
	Reduced   Verdict = "reduced"   // shorter, and not by chance
	Unchanged Verdict = "unchanged" // the same but for less than the margin
	Grown     Verdict = "grown"     // longer, and not by chance
	Unclear   Verdict = "unclear"   // the recordings do not tell
)

// A Reason says why a row is unclear.
type Reason string

const (
	// These are for want of evidence: there is no ratio to go by.
	ClockReason Reason = "clock"      // the clock does not allow such times
	Excerpt     Reason = "excerpt"    // a recording is no whole one
	Means       Reason = "means"      // measured with other events on one side
	Recorder    Reason = "recorder"   // stacks were recorded on one side only
	Lost        Reason = "lost"       // events were lost
	Unknown     Reason = "unknown"    // the row's name is not known, it may be any
	NoValues    Reason = "no-values"  // one side has none
	FewValues   Reason = "few-values" // a run has too few for this quantile
	Missing     Reason = "missing"    // too many were not measured
	Resolution  Reason = "resolution" // times are too coarse
	// These are what the statistics say.
	Adjusted Reason = "adjusted"  // p alone would do, but there are many rows
	Scatter  Reason = "scatter"   // it would be different if runs did not differ
	Bias     Reason = "bias"      // what was not measured or is rounded may be all of it
	NotShown Reason = "not-shown" // neither different nor shown to be the same
)

// Meaning is a sentence for people.
func (r Reason) Meaning() string {
	return map[Reason]string{
		ClockReason: "the clock does not allow such times",
		Excerpt:     "an excerpt has the durations that somebody chose",
		Means:       "measured with other events on one side",
		Recorder:    "stacks were recorded on one side only, and recording them takes time itself",
		Lost:        "events were lost, and with them durations that may be any",
		Unknown:     "what is unknown may be any",
		NoValues:    "one side has no durations",
		FewValues:   "a run has too few durations for this quantile",
		Missing:     "too many durations were not measured",
		Resolution:  "times are rounded too coarsely",
		Adjusted:    "not different after adjustment for the number of rows",
		Scatter:     "runs of one set-up differ as much, or may",
		Bias:        "what was not measured, or rounding, may be all of the difference",
		NotShown:    "neither shown to differ nor to be the same",
	}[r]
}

// isEvidence reports that a row has no ratio.
func (r Reason) isEvidence() bool {
	return r != "" && !slices.Contains([]Reason{Adjusted, Scatter, Bias, NotShown}, r)
}

// evidence says why the runs tell nothing of a group; empty if they do.
func (c *comparison) evidence(g *pair) (Reason, string) {
	var means []string
	var stacks [2][2]bool // of each side: runs without stacks, runs with them
	for i, side := range []*Side{c.before, c.after} {
		for j := range side.Runs {
			run := &side.Runs[j]
			switch {
			case run.Clock != "":
				return ClockReason, run.Input.Path + ": " + run.Clock
			case run.Input.Excerpt != "":
				return Excerpt, run.Input.Path + " is an excerpt: " + run.Input.Excerpt
			case run.Input.LostUnknown || run.Input.Incomplete:
				return Lost, run.Input.Path + ": events are missing, and nobody knows how many"
			case run.Stacks:
				stacks[i][1] = true
			default:
				stacks[i][0] = true
			}
			if m := g.sides[i][j]; m != nil && m.Values.Count() > 0 && !slices.Contains(means, m.Means) {
				means = append(means, m.Means)
			}
		}
	}
	switch {
	case slices.ContainsFunc(g.key, isUnknown):
		return Unknown, strings.Join(g.key, ", ")
	case len(means) > 1:
		return Means, strings.Join(means, "; ")
	case stacks[0] != stacks[1] || stacks[0] == [2]bool{true, true}:
		return Recorder, ""
	}
	return c.values(g)
}

// values says which run lacks a group.
func (c *comparison) values(g *pair) (Reason, string) {
	for i, side := range []*Side{c.before, c.after} {
		none := ""
		some := false
		for j, m := range g.sides[i] {
			if m == nil || m.Values.Count() == 0 {
				none = side.Runs[j].Input.Path
			} else {
				some = true
			}
		}
		switch {
		case !some:
			return NoValues, side.Name
		case none != "":
			return FewValues, none + " has none"
		}
	}
	return "", ""
}

// judge calls a quantile different if the test does after adjustment for the
// number of rows, and unchanged if it is shown to lie within the margin: two
// one-sided tests. That no difference was found does not show that there is
// none. What differs but for durations that were not measured, or for rounding,
// is not unchanged either.
func (r *row) judge(cfg Config) {
	switch {
	case r.reason != "":
		r.verdict = Unclear
	case r.q < cfg.Alpha && r.contrast.Difference() < 0:
		r.verdict = Reduced
	case r.q < cfg.Alpha:
		r.verdict = Grown
	case r.equal.lo >= 1/cfg.Margin && r.equal.hi <= cfg.Margin && r.contrast.P(0) >= cfg.Alpha:
		r.verdict = Unchanged
	default:
		r.verdict, r.reason = Unclear, r.why(cfg)
	}
}

func (r *row) why(cfg Config) Reason {
	switch {
	case r.p < cfg.Alpha:
		return Adjusted
	case r.contrast.P(0) < cfg.Alpha:
		return Bias
	case r.alone < cfg.Alpha:
		return Scatter
	}
	return NotShown
}

// tally counts the rows by verdict.
func (c *comparison) tally() string {
	var parts []string
	for _, v := range []Verdict{Reduced, Grown, Unchanged, Unclear} {
		n := 0
		for i := range c.rows {
			if c.rows[i].verdict == v {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(parts, ", ")
}
