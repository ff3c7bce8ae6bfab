// Package compare tells whether two or more groups of recordings differ in the
// IPIs that hit the isolated CPUs, by how much, and whether chance could do
// that. docs/definitions.md describes the method.
package compare

import (
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
	// CPUTime is how long the isolated CPUs were watched, added up, ns; 0 stands
	// for CPUs times Duration.
	CPUTime float64
	// Work is the amount of work done in the run, 0 if not known.
	Work float64
	// Burst is how many hits come at a time where there are no cells to tell, 0
	// if not known.
	Burst     float64
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

// DefaultMargin is the factor within which rates are called unchanged unless
// another one is asked for: 3 would call 22 hits against 9 unchanged.
const DefaultMargin = 2

// Config of Compare.
type Config struct {
	By []string // names of the keys
	// Alpha is the error rate: of the rows that are called different, at most
	// this part is so by chance, on average. 0 is 0.05.
	Alpha float64
	// Margin is the factor within which a rate is called unchanged. 0 is
	// DefaultMargin.
	Margin float64
	// RunCV is by how much rates of runs of one set-up are assumed to vary, as
	// coefficient of variation, where the runs do not show it. 0 is
	// stat.DefaultRunCV.
	RunCV float64
	// PerWork takes rates per unit of work instead of per hour: every run has its
	// Work then.
	PerWork bool
	// Control are the rows that should not change; none if empty.
	Control []Terms
}

func (cfg Config) withDefaults() Config {
	if cfg.Alpha == 0 {
		cfg.Alpha = 0.05
	}
	if cfg.Margin == 0 {
		cfg.Margin = DefaultMargin
	}
	if cfg.RunCV == 0 {
		cfg.RunCV = stat.DefaultRunCV
	}
	return cfg
}

// A comparison is the first side against one of the others.
type comparison struct {
	before, after *Side
	rows          []row
	total         row
	// noise is the factor that the control rows show to be there without a
	// cause: 1 for none, infinite if they bound it by nothing.
	noise float64
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
	unite(normalized, cfg.By)
	var cs []comparison
	for i := range normalized[1:] {
		cs = append(cs, newComparison(&normalized[0], &normalized[i+1], cfg))
	}
	for i := range cs {
		cs[i].judge(cfg)
	}
	return newSet(normalized, cs, cfg)
}

func newComparison(before, after *Side, cfg Config) comparison {
	c := comparison{before: before, after: after, noise: 1}
	p := newPair(before, after, cfg)
	doubts := newDoubts(p, cfg.By)
	for _, key := range keysOf(before, after) {
		x := p.row(key, func(r *Run) *Group { return r.group(key) })
		if x.before.hits+x.after.hits == 0 {
			continue
		}
		x.control = slices.ContainsFunc(cfg.Control, func(t Terms) bool { return t.controls(cfg.By, x.key) })
		x.worst = doubts.of(&x)
		c.rows = append(c.rows, x)
	}
	c.total = p.row(nil, func(r *Run) *Group { return &r.Total })
	c.total.worst = doubts.of(&c.total)
	c.noise = c.controlNoise(p, cfg)
	return c
}

// keysOf lists the keys of all groups in order.
func keysOf(sides ...*Side) [][]string {
	var keys [][]string
	seen := map[string]bool{}
	for _, s := range sides {
		for _, r := range s.Runs {
			for _, g := range r.Groups {
				if id := keyID(g.Key); !seen[id] {
					seen[id] = true
					keys = append(keys, g.Key)
				}
			}
		}
	}
	slices.SortFunc(keys, slices.Compare)
	return keys
}

// keyID is a key as one string.
func keyID(key []string) string { return strings.Join(key, "\x00") }

// group returns the group of a key, one without hits if the run has none.
func (r *Run) group(key []string) *Group {
	if i, ok := r.index[keyID(key)]; ok {
		return &r.Groups[i]
	}
	return &Group{Key: key}
}

const nsPerHour = 3600e9

// exposure is what the hits of a run are divided by.
func (r *Run) exposure(cfg Config) float64 {
	if cfg.PerWork {
		return r.Work * float64(r.CPUs)
	}
	if r.CPUTime > 0 {
		return r.CPUTime / nsPerHour
	}
	return float64(r.Duration) / nsPerHour * float64(r.CPUs)
}
