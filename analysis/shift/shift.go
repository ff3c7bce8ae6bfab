// Package shift tells whether durations shift between groups of recordings: the
// median and the 99th percentile of what an IPI costs, or of the quiet between
// interruptions, before and after a change, by how much, and whether chance
// could do that. The method is that of docs/distributions.md.
package shift

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/shift/v1"

// A Group is the durations of a run for one combination of keys.
type Group struct {
	Key    []string
	Values stat.Sequence
	// Means says which events they were measured with.
	Means string
	// Missing is how many durations of this group were not measured at most.
	Missing uint64
}

// A Run is one recording.
type Run struct {
	Input    result.Input
	Isolated string // CPU list; empty if unknown
	CPUs     int    // number of isolated CPUs
	Duration int64  // ns
	Groups   []Group
	// Missing is how many durations were not measured at most, of any group.
	Missing uint64
	// PerLost is how many durations one lost event hides at most.
	PerLost uint64
	// Clock says why the clock does not allow such durations; empty if it does.
	Clock string
	// Stacks: stacks were recorded; Events are the names of all other events.
	Stacks bool
	Events []string
	Folded bool // there were more groups than Groups has
}

// A Side is runs of one set-up.
type Side struct {
	Name string
	Runs []Run
}

// Config of Compare. Zero values are the defaults.
type Config struct {
	Of string   // what the durations are: "handler"
	By []string // names of the keys
	// Alpha is the error rate: of the rows that are called different, at most
	// this part is so by chance, on average. 0.05 by default.
	Alpha float64
	// Margin is the factor within which a duration is called unchanged: by
	// default DefaultMargin.
	Margin float64
	// RunCV is how much runs of one set-up differ by assumption, as a share, where
	// there are too few to tell: stat.DefaultRunCV by default.
	RunCV float64
}

const (
	// DefaultMargin is what bioequivalence asks for, 80 to 125 % (D. Schuirmann,
	// Journal of Pharmacokinetics and Biopharmaceutics 15, 1987): a median that
	// is a quarter longer is a regression to those who measure latencies.
	DefaultMargin = 1.25
	// leastFreedom is up to how many degrees of freedom assumption fills up.
	leastFreedom = 4
	// confidence is that of the intervals that are shown.
	confidence = 0.95
)

func (cfg Config) withDefaults() Config {
	cfg.Alpha = cmp.Or(cfg.Alpha, 0.05)
	cfg.Margin = cmp.Or(cfg.Margin, DefaultMargin)
	cfg.RunCV = cmp.Or(cfg.RunCV, stat.DefaultRunCV)
	return cfg
}

// A quantile is one of those that are compared.
type quantile struct {
	name  string
	share float64
}

func quantiles() []quantile { return []quantile{{"p50", 0.5}, {"p99", 0.99}} }

// A comparison is the first side against one of the others.
type comparison struct {
	before, after *Side
	rows          []row
	several       bool // it is one of several
}

// Compare compares each side with the first one. There are two sides or more,
// each with a run or more.
func Compare(sides []Side, cfg Config) *result.Set {
	cfg = cfg.withDefaults()
	var cs []comparison
	for i := range sides[1:] {
		c := comparison{before: &sides[0], after: &sides[i+1], several: len(sides) > 2}
		c.fill(cfg)
		c.adjust(cfg)
		for i := range c.rows {
			c.rows[i].judge(cfg)
		}
		cs = append(cs, c)
	}
	return newSet(sides, cs, cfg)
}

// fill makes the rows: those with the most values first, the quantiles of one
// group in their order.
func (c *comparison) fill(cfg Config) {
	groups := c.groups()
	for _, g := range groups {
		for _, q := range quantiles() {
			c.rows = append(c.rows, newRow(c, g, q, cfg))
		}
	}
	slices.SortStableFunc(c.rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(max(b.count[0], b.count[1]), max(a.count[0], a.count[1])), slices.Compare(a.key, b.key))
	})
}

// A pair is one group in all runs of both sides; a run that does not have it has
// a nil.
type pair struct {
	key   []string
	sides [2][]*measured
}

// measured is a group of a run, ready for statistics.
type measured struct {
	*Group
	run       *Run
	vague     []*Group // those of the run whose name may be another one's, too
	empirical *stat.Empirical
}

// groups lists the pairs in the order of their keys.
func (c *comparison) groups() []*pair {
	byKey := map[string]*pair{}
	for i, s := range []*Side{c.before, c.after} {
		for j := range s.Runs {
			run := &s.Runs[j]
			vague := run.vague()
			for k := range run.Groups {
				g := &run.Groups[k]
				id := strings.Join(g.Key, "\x00")
				p := byKey[id]
				if p == nil {
					p = &pair{key: g.Key, sides: [2][]*measured{make([]*measured, len(c.before.Runs)), make([]*measured, len(c.after.Runs))}}
					byKey[id] = p
				}
				p.sides[i][j] = &measured{g, run, vague, stat.NewEmpirical(g.Values.InTime())}
			}
		}
	}
	var list []*pair
	for _, p := range byKey {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *pair) int { return slices.Compare(a.key, b.key) })
	return list
}

// missing is how many durations of a group a run lacks at most: what was not
// measured, what lost events hide, and what is known under a name that may be
// the group's too.
func (m *measured) missing() uint64 {
	n := m.Missing + m.run.Missing + m.Values.Negative() + m.run.Input.Lost*m.run.PerLost
	for _, o := range m.vague {
		if o != m.Group && mayBe(o.Key, m.Key) {
			n += o.Values.Count()
		}
	}
	if !isVague(m.Key) {
		return n
	}
	for i := range m.run.Groups { // a set may be any of its names
		if o := &m.run.Groups[i]; o != m.Group && !isVague(o.Key) && mayBe(o.Key, m.Key) {
			n += o.Values.Count()
		}
	}
	return n
}

// vague lists the groups whose name is unknown or a set.
func (r *Run) vague() (list []*Group) {
	for i := range r.Groups {
		if isVague(r.Groups[i].Key) {
			list = append(list, &r.Groups[i])
		}
	}
	return list
}

func isVague(key []string) bool {
	return slices.ContainsFunc(key, func(v string) bool { return isUnknown(v) || names.IsSet(v) })
}

// mayBe reports that two keys may mean the same.
func mayBe(a, b []string) bool {
	for i := range a {
		if !names.MayBeSame(a[i], b[i]) && !isUnknown(a[i]) && !isUnknown(b[i]) {
			return false
		}
	}
	return true
}

// isUnknown reports a value of a key that may be any.
func isUnknown(value string) bool { return names.IsUnknown(value) || value == noSend }

// noSend is how package key prints what no recorded send led to.
const noSend = "(no send)"

// adjust fills in what depends on all rows of a comparison. Rows for which
// evidence is wanting take part as rows that do not differ: taking evidence away
// from one must not make another one significant. Groups of which even the
// median has too few values take no part, as there never was anything to test.
func (c *comparison) adjust(cfg Config) {
	tested := map[string]bool{} // by key
	for i := range c.rows {
		r := &c.rows[i]
		id := strings.Join(r.key, "\x00")
		tested[id] = tested[id] || r.reason != FewValues && r.reason != NoValues
	}
	ps, least := make([]float64, len(c.rows)), make([]float64, len(c.rows))
	for i := range c.rows {
		r := &c.rows[i]
		if ps[i] = r.p; !tested[strings.Join(r.key, "\x00")] {
			least[i] = 1
		}
	}
	for i, q := range stat.Adjust(ps, least, cfg.Alpha) {
		c.rows[i].q = q
	}
}

// priorVariance is the variance of the logarithm of a duration that has this
// coefficient of variation (of a lognormal distribution).
func priorVariance(cv float64) float64 { return math.Log(1 + cv*cv) }
