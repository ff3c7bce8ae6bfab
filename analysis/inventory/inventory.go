// Package inventory lists what a trace holds: events by name and CPU, losses,
// what its description says, and which analyses its events allow.
package inventory

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// cpuCounts are the records of one CPU in all buffers.
type cpuCounts struct {
	events      uint64
	lost        uint64
	lostUnknown uint64 // gaps of unknown size
}

// A State counts the events of one trace.
type State struct {
	table  *trace.Table
	events []uint64   // by EventID
	byCPU  [][]uint64 // by EventID, then CPU
	cpus   []cpuCounts
	names  map[trace.NameID]bool // instances seen
	span   analysis.Span
}

// New returns a State for a trace with this table.
func New(t *trace.Table) *State {
	return &State{table: t, names: map[trace.NameID]bool{}}
}

var _ analysis.Tallier = (*State)(nil)

// Wants implements analysis.Selective: to count events needs no look at them.
func (s *State) Wants() trace.Want { return trace.Want{Events: []string{}, Stacks: []string{}} }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	s.count(e.ID, e.CPU, 1)
	if e.Instance != 0 {
		s.names[e.Instance] = true
	}
}

// Skipped implements analysis.Tallier.
func (s *State) Skipped(k *trace.Skipped) {
	for id, n := range k.ByEvent {
		if n > 0 {
			s.count(trace.EventID(id), k.CPU, n)
		}
	}
}

func (s *State) count(id trace.EventID, cpu int32, n uint64) {
	s.events = grown(s.events, int(id))
	s.events[id] += n
	s.byCPU = grown(s.byCPU, int(id))
	if cpu >= 0 {
		s.byCPU[id] = grown(s.byCPU[id], int(cpu))
		s.byCPU[id][cpu] += n
		s.cpus = grown(s.cpus, int(cpu))
		s.cpus[cpu].events += n
	}
}

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) {
	if l.CPU < 0 {
		return
	}
	s.cpus = grown(s.cpus, int(l.CPU))
	if l.N == 0 {
		s.cpus[l.CPU].lostUnknown++
	}
	s.cpus[l.CPU].lost += l.N
}

// End implements analysis.State.
func (s *State) End(span analysis.Span) { s.span = span }

// grown returns v with an element at index i.
func grown[T any](v []T, i int) []T {
	for len(v) <= i {
		var zero T
		v = append(v, zero)
	}
	return v
}

// has reports whether an event of that name was seen, or is known to have been
// switched on.
func (s *State) has(names ...string) bool {
	for _, name := range names {
		if s.wasOn(name) {
			return true
		}
		for _, schema := range s.table.Lookup(name) {
			if int(schema.ID) < len(s.events) && s.events[schema.ID] > 0 {
				return true
			}
		}
	}
	return false
}

// wasOn reports whether the recorder noted an event.
func (s *State) wasOn(name string) bool {
	r := s.table.Meta.Recorded
	return r != nil && slices.ContainsFunc(r.Events, func(e trace.RecordedEvent) bool {
		_, event, _ := strings.Cut(e.Name, ":")
		return event == name || name == "kernel_stack" && e.Stack
	})
}

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness. Events are not looked at, so it says of
// their targets only what their formats tell.
func (s *State) Testify(in *result.Input) { in.Sent = track.SentOf(s.table, s.events) }
