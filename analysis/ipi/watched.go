package ipi

import (
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// A unit is what the clock of a trace counts. Times in different units are never
// added.
type unit uint8

const (
	nanoseconds unit = iota
	ticks
	numUnits
)

func unitOf(in result.Input) unit {
	if in.Ticks {
		return ticks
	}
	return nanoseconds
}

// watched is how long was watched: by the clock, and by all isolated CPUs that
// were online.
type watched struct {
	traces   int
	duration int64
	cpus     track.CPUTime
	hits     uint64
}

func (w *watched) add(o watched) {
	w.traces += o.traces
	w.duration += o.duration
	w.cpus.AddAll(o.cpus)
	w.hits += o.hits
}

// cpuTotal is what was seen of one CPU, by unit.
type cpuTotal [numUnits]struct {
	hits  uint64
	quiet int64 // longest
	time  int64 // watched
}

func (t cpuTotal) hits() uint64 { return t[nanoseconds].hits + t[ticks].hits }

// merged is the sum of what was seen of a CPU in different traces.
func (t cpuTotal) merged(o cpuTotal) cpuTotal {
	for u := range t {
		t[u].hits += o[u].hits
		t[u].time += o[u].time
		t[u].quiet = max(t[u].quiet, o[u].quiet)
	}
	return t
}

// unit is that of the rates: nanoseconds, unless no clock counts them.
func (c *Counts) unit() unit {
	if c.watched[nanoseconds].traces == 0 && c.watched[ticks].traces > 0 {
		return ticks
	}
	return nanoseconds
}

// rated is the hits of a group that its rates are of: those of the traces whose
// times are added.
func (c *Counts) rated(g *namedGroup) uint64 {
	if !c.isMixed() {
		return g.hits
	}
	var n uint64
	for _, f := range g.byFile {
		if unitOf(c.inputs[f.input]) == c.unit() {
			n += f.hits
		}
	}
	return n
}

// isMixed reports whether the clocks of the traces count different things.
func (c *Counts) isMixed() bool {
	return c.watched[nanoseconds].traces > 0 && c.watched[ticks].traces > 0
}

// durations are the totals of time.
func (c *Counts) durations() []result.Field {
	w := &c.watched[c.unit()]
	fields := []result.Field{{Name: "duration_ns", Value: result.Int(w.duration)}, {Name: "cpu_time_ns", Value: result.Int(w.cpus.Int())}}
	if t := &c.watched[ticks]; t.traces > 0 {
		fields = append(fields, result.Field{Name: "duration_ticks", Value: result.Int(t.duration)}, result.Field{Name: "cpu_time_ticks", Value: result.Int(t.cpus.Int())})
	}
	return fields
}

// isAtLeast reports whether hits of a group may be in the group of all others of
// a trace: one that has more groups than its limit, and this one not among them.
func (c *Counts) isAtLeast(g *namedGroup) bool {
	if !slices.Contains(c.folded, true) || slices.Contains(g.key, key.Other) {
		return false
	}
	for i, folded := range c.folded {
		if folded && g.in(i) == 0 {
			return true
		}
	}
	return false
}

// boundOf is what the hits of a group are a bound of, in words.
func (c *Counts) boundOf(g *namedGroup) string {
	if c.isAtLeast(g) {
		return "at least"
	}
	return ""
}

// hasBounds reports whether any group is at least what it shows.
func (c *Counts) hasBounds() bool {
	if len(c.inputs) < 2 {
		return false
	}
	for _, g := range c.groups {
		if c.isAtLeast(g) {
			return true
		}
	}
	return false
}

// warnWatched says what was not watched, and what is therefore in no rate.
func (c *Counts) warnWatched(set *result.Set) {
	if c.isMixed() {
		t := &c.watched[ticks]
		set.Warn("mixed-clocks", fmt.Sprintf("clocks that count nanoseconds and clocks that do not: rates and times are of the first alone; %d traces with %d hits are counted and have no part in them", t.traces, t.hits))
	}
	track.WarnUnwatched(set, c.unseen, c.away)
}
