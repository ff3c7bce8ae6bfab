package quiet

import (
	"maps"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Timed is the quiet stretches of one CPU in their order, for comparisons.
type Timed struct {
	CPU    int
	Values stat.Sequence
	// Missing is how many stretches have an end that was not seen: they are not
	// among Values.
	Missing uint64
}

// Timed returns the quiet stretches of the isolated CPUs in their order. It needs
// Config.Sequences, and a State whose Counts were taken.
func (s *State) Timed(c *Counts) []Timed {
	var list []Timed
	for _, n := range slices.Sorted(maps.Keys(c.cpus)) {
		x := &s.cpus[n]
		f := &x.flow
		if !s.deliveries.HasEntries() && x.hits != nil && !(x.noise.any && !x.noise.hasEntries) {
			f = x.hits
		}
		t := Timed{CPU: n, Missing: f.cut}
		t.Values.Merge(f.sequence)
		list = append(list, t)
	}
	return list
}

// Means says what ends the quiet, as far as the recording has it: quiet between
// other things does not compare.
func (c *Counts) Means() string {
	list := slices.Sorted(maps.Keys(c.has))
	if c.isSampled() {
		list = append(list, "interrupts that only noise events tell of")
	}
	if c.points > 0 {
		list = append(list, "hits known by their sends alone")
	}
	return strings.Join(list, ", ")
}

// Seen are the CPUs that the traces know of.
func (c *Counts) Seen() *cpumask.Mask { return &c.seen }
