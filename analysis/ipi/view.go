package ipi

import (
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Group is the sums of one group, for programs that go on computing.
type Group struct {
	Key                                              []string // in the order of Config.By
	Sends, Requests, Hits, Self, Noise, Unattributed uint64
	// Cells are the hits of one trace over time, CellWidth each; nil without
	// Config.Timeline and after Merge.
	Cells []uint32
}

func (c *counts) group(key []string, cells []uint32) Group {
	return Group{key, c.sends, c.requests, c.hits, c.self, c.noise, c.unattributed, cells}
}

// Groups returns the groups in the order of their keys.
func (c *Counts) Groups() []Group {
	groups := make([]Group, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, g.group(g.key, c.whole(g.cells)))
	}
	slices.SortFunc(groups, func(a, b Group) int { return slices.Compare(a.Key, b.Key) })
	return groups
}

// Total returns the sums over all groups.
func (c *Counts) Total() Group { return c.totals.group(nil, c.whole(c.cells)) }

// whole leaves out the last cell, which the end of the trace cuts. Of several
// traces there are no cells that are whole.
func (c *Counts) whole(cells []uint32) []uint32 {
	if c.extent.traces != 1 {
		return nil
	}
	all := c.padded(cells)
	return all[:len(all)-1]
}

// padded puts the time before the first send of a trace in front of cells, as far
// as it makes whole ones.
func (c *Counts) padded(cells []uint32) []uint32 {
	before := int(c.extent.lead / c.extent.width)
	all := make([]uint32, before+c.extent.cells())
	copy(all[before:], cells)
	return all
}

// fromStart is the time that padded cells begin at and the width of each.
func (c *Counts) fromStart() (start, width int64) {
	x := &c.extent
	return x.origin + x.lead%x.width, x.width
}

// Duration is the time that the traces cover, in ns or ticks of their clock.
func (c *Counts) Duration() int64 { return c.watched[c.unit()].duration }

// CPUTime is the time that the isolated CPUs were watched, added up, in the unit of
// Duration.
func (c *Counts) CPUTime() track.CPUTime { return c.watched[c.unit()].cpus }

// Watched is how long one CPU was watched, in the unit of Duration.
func (c *Counts) Watched(cpu int) int64 { return c.cpus[cpu][c.unit()].time }

// CellWidth is the time that each of a group's cells stands for, 0 if there are
// none.
func (c *Counts) CellWidth() int64 {
	if c.extent.traces != 1 {
		return 0
	}
	return c.extent.width
}

// Missed is the number of sends that hit no isolated CPU: none in a recording
// whose filter asks for isolated targets.
func (c *Counts) Missed() uint64 { return c.missed }

// IsFolded reports whether groups of a trace share one, being more than
// Config.MaxGroups.
func (c *Counts) IsFolded() bool { return slices.Contains(c.folded, true) }

// Inputs describes the traces.
func (c *Counts) Inputs() []result.Input { return c.inputs }

// Isolated is the set that hits are counted on: every CPU of the traces if none
// was given.
func (c *Counts) Isolated() *cpumask.Mask {
	if c.isolated != nil {
		return c.isolated
	}
	return &c.seen
}

// A Regime is how a kernel tells of the IPIs it sends.
type Regime uint8

const (
	// RegimeNone: the trace has no sends.
	RegimeNone Regime = iota
	// RegimeSend: ipi_send_cpu and ipi_send_cpumask events, one for each IPI.
	RegimeSend
	// RegimeTwice: the same, and one more for the call that the IPI carries, as
	// Linux 6.4 does.
	RegimeTwice
	// RegimeRaise: ipi_raise events, with reasons in place of callbacks.
	RegimeRaise
	// RegimeFunction: calls that the function tracer shows.
	RegimeFunction
)

func (r Regime) String() string {
	return [...]string{"no sends", "ipi_send events", "ipi_send events for calls and IPIs (Linux 6.4)", "ipi_raise events", "calls in a function trace"}[r]
}

func (s *State) regime(t *tally) Regime {
	switch {
	case t.sends == 0:
		return RegimeNone
	case t == &s.raised && s.sends.HasRaises():
		return RegimeRaise
	case t == &s.raised:
		return RegimeFunction
	case s.sends.HasLogicalCalls():
		return RegimeTwice
	}
	return RegimeSend
}

// Regime is that of the trace; traces that were merged do not have one.
func (c *Counts) Regime() Regime { return c.regime }
