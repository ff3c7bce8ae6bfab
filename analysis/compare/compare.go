// Package compare tells whether two or more groups of recordings differ in the
// IPIs that hit the isolated CPUs, by how much, and whether chance could do
// that.
package compare

import (
	"math"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/diff/v1"

// A Group is what a run counted for one combination of keys.
type Group struct {
	Key                       []string
	Sends, Hits, Unattributed uint64
	// Cells are the hits over time, each for Run.CellWidth; nil if unknown.
	Cells []uint32
}

// A Run is one recording.
type Run struct {
	Input    result.Input
	Isolated string // CPU list; empty if unknown
	CPUs     int    // number of isolated CPUs; 1 if unknown
	Duration int64  // ns
	// Work is the amount of work done in the run, 0 if not known.
	Work      float64
	CellWidth int64  // ns, a power of two
	Regime    string // how the kernel tells of IPIs; runs with different ones do not compare
	Missed    uint64 // sends that hit no isolated CPU
	Total     Group
	Groups    []Group

	index map[string]int // of Groups, by key
}

// A Side is runs of one set-up.
type Side struct {
	Name string
	Runs []Run

	several bool // it is one of more than two sides
}

// Config of Compare.
type Config struct {
	By []string // names of the keys
	// Alpha is the error rate: of the rows that are called different, at most
	// this part is so by chance, on average. 0 is 0.05.
	Alpha float64
	// Margin is the factor within which a rate is called unchanged. 0 is 3.
	Margin float64
	// PerWork takes rates per unit of work instead of per hour.
	PerWork bool
	// Control are the rows that should not change; none if empty.
	Control []Terms
}

func (cfg Config) withDefaults() Config {
	if cfg.Alpha == 0 {
		cfg.Alpha = 0.05
	}
	if cfg.Margin == 0 {
		cfg.Margin = 3
	}
	return cfg
}

// A comparison is the first side against one of the others.
type comparison struct {
	before, after *Side
	rows          []row
	total         row
}

// Compare compares each side with the first one. There are two sides or more,
// each with a run or more, and their runs have a Duration.
func Compare(sides []Side, cfg Config) *result.Set {
	cfg = cfg.withDefaults()
	normalized := make([]Side, len(sides))
	for i, s := range sides {
		normalized[i] = normalize(s, cfg.By)
		normalized[i].several = len(sides) > 2
	}
	var cs []comparison
	for i := range normalized[1:] {
		cs = append(cs, newComparison(&normalized[0], &normalized[i+1], cfg))
	}
	for i := range cs {
		cs[i].adjust()
		cs[i].judge(cfg)
	}
	return newSet(normalized, cs, cfg)
}

func newComparison(before, after *Side, cfg Config) comparison {
	c := comparison{before: before, after: after}
	for _, key := range keysOf(before, after) {
		find := func(r *Run) *Group { return r.group(key) }
		if x := newRow(key, before, after, find, cfg); x.before.hits+x.after.hits > 0 {
			c.rows = append(c.rows, x)
		}
	}
	c.total = newRow(nil, before, after, func(r *Run) *Group { return &r.Total }, cfg)
	c.total.q = c.total.p
	return c
}

// keysOf lists the keys of all groups in order.
func keysOf(sides ...*Side) [][]string {
	var keys [][]string
	seen := map[string]bool{}
	for _, s := range sides {
		for _, r := range s.Runs {
			for _, g := range r.Groups {
				if id := strings.Join(g.Key, "\x00"); !seen[id] {
					seen[id] = true
					keys = append(keys, g.Key)
				}
			}
		}
	}
	slices.SortFunc(keys, slices.Compare)
	return keys
}

// group returns the group of a key, one without hits if the run has none.
func (r *Run) group(key []string) *Group {
	if i, ok := r.index[strings.Join(key, "\x00")]; ok {
		return &r.Groups[i]
	}
	return &Group{Key: key}
}

// adjust fills in what depends on all rows of a comparison. Several comparisons
// are adjusted apart: adding a group does not change what is said of another.
func (c *comparison) adjust() {
	ps := make([]float64, len(c.rows))
	for i, r := range c.rows {
		ps[i] = r.p
	}
	for i, q := range stat.BenjaminiHochberg(ps) {
		c.rows[i].q = q
	}
}

const nsPerHour = 3600e9

// exposure is what the hits of a run are divided by.
func (r *Run) exposure(cfg Config) float64 {
	if cfg.PerWork {
		return r.Work * float64(r.CPUs)
	}
	return float64(r.Duration) / nsPerHour * float64(r.CPUs)
}

// ratioOf is b/a, without a number for 0/0.
func ratioOf(a, b float64) float64 {
	if a == 0 && b == 0 {
		return math.NaN()
	}
	return b / a
}
