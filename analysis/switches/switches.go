// Package switches counts context switches by CPU, to tell how many IPIs a CPU
// sends for each of them.
package switches

import (
	"strconv"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

const event = "sched_switch"

// place is where a switch was recorded. Buffers of one trace may hold the same
// ones.
type place struct {
	instance trace.NameID
	cpu      int32
}

// A State counts the switches of one trace.
type State struct {
	known  []int8 // by EventID: 0 not looked at, 1 a switch, -1 none
	counts map[place]uint64
}

// New returns a State.
func New() *State { return &State{counts: map[place]uint64{}} }

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return trace.Want{Events: []string{event}, Stacks: []string{}} }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	for int(e.ID) >= len(s.known) {
		s.known = append(s.known, 0)
	}
	if s.known[e.ID] == 0 {
		s.known[e.ID] = -1
		if e.Schema().Name == event {
			s.known[e.ID] = 1
		}
	}
	if s.known[e.ID] > 0 {
		s.counts[place{e.Instance, e.CPU}]++
	}
}

// Lost implements analysis.State.
func (s *State) Lost(*trace.Lost) {}

// End implements analysis.State.
func (s *State) End(analysis.Span) {}

// Counts are the switches of one or more traces. A fresh Counts is the identity of
// Merge, which is associative and commutative.
type Counts struct{ switches map[where]uint64 }

// where names a CPU of a trace, or with file empty that CPU of all.
type where struct{ file, cpu string }

// NewCounts returns the sum of no traces.
func NewCounts() *Counts { return &Counts{switches: map[where]uint64{}} }

// Counts returns what s counted in the trace of that path. Of several buffers the
// one with the most switches of a CPU counts.
func (s *State) Counts(path string) *Counts {
	most := map[int32]uint64{}
	for p, n := range s.counts {
		most[p.cpu] = max(most[p.cpu], n)
	}
	c := NewCounts()
	for cpu, n := range most {
		name := strconv.Itoa(int(cpu))
		c.switches[where{path, name}] += n
		c.switches[where{"", name}] += n
	}
	return c
}

// Merge adds o to c; o is not changed.
func (c *Counts) Merge(o *Counts) {
	for w, n := range o.switches {
		c.switches[w] += n
	}
}

// AddTo adds to a report by sender the switches of the sending CPU, and the sends
// for each of them. It adds nothing where no switches were recorded.
func (c *Counts) AddTo(set *result.Set) {
	t := set.Table("groups")
	sender, file, sends := t.Index("sender"), t.Index("file"), t.Index("sends")
	if len(c.switches) == 0 || sender < 0 {
		return
	}
	t.Cols = append(t.Cols,
		result.Col{Name: "switches", Head: "switches", Help: "context switches of the sending CPU"},
		result.Col{Name: "sends_per_switch", Head: "sends/switch", Help: "sends with a target in the group for each context switch of their CPU"})
	t.Show = append(t.Show, "switches", "sends_per_switch")
	for r, row := range t.Rows {
		w := where{cpu: row[sender].Str}
		if file >= 0 {
			w.file = row[file].Str
		}
		n := c.switches[w]
		per := result.Float(0)
		if n > 0 {
			per.Float = float64(row[sends].Int) / float64(n)
		}
		per.Void = n == 0
		t.Rows[r] = append(row, result.Int(n), per)
	}
}
