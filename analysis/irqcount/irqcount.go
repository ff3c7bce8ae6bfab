// Package irqcount holds what /proc/interrupts counted against what a trace saw
// of the same interrupts, so that kinds that no tracepoint covers show up.
package irqcount

import (
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Delta is how often an interrupt hit a CPU between two copies of
// /proc/interrupts.
type Delta struct {
	Name, Text string
	CPU        int
	Count      uint64
}

// kindOf is the kind of an interrupt by its line of /proc/interrupts: what the
// events that tell of it are called. "" is a kind that no event tells of.
//
// x86 (arch/x86/kernel/irq.c): TLB counts some of the calls that arrive by the two
// vectors that CAL counts (Linux 4.9 and later; before, CAL was the others). arm64 (arch/arm64/kernel/smp.c) names its
// IPIs by reason.
func kindOf(name, text string) string {
	switch name {
	case "LOC":
		return "local_timer"
	case "RES":
		return "reschedule"
	case "CAL", "TLB":
		return "call_function"
	case "IWI":
		return "irq_work"
	case "SPU":
		return "spurious_apic"
	case "ERR":
		return "error_apic"
	case "PLT":
		return "x86_platform_ipi"
	case "TRM":
		return "thermal_apic"
	case "THR":
		return "threshold_apic"
	case "DFR":
		return "deferred_error_apic"
	}
	if strings.HasPrefix(name, "IPI") {
		return "ipi " + text
	}
	if _, err := strconv.ParseUint(name, 10, 32); err == nil {
		return "irq " + name
	}
	return ""
}

type key struct {
	cpu  int32
	kind trace.NameID
}

// A State counts the interrupts of one trace.
type State struct {
	table    *trace.Table
	brackets *track.Brackets
	counts   map[key]uint64
	irqs     map[uint64]trace.NameID
	reasons  map[trace.NameID]trace.NameID
	calls    trace.NameID
}

// New returns a State for a trace with this table.
func New(t *trace.Table) *State {
	s := &State{table: t, counts: map[key]uint64{}, irqs: map[uint64]trace.NameID{}, reasons: map[trace.NameID]trace.NameID{}, calls: t.Name("call_function")}
	s.brackets = track.NewBrackets(t, track.BracketConfig{
		Wants: func(k track.BracketKind, _ string) bool { return k != track.BracketSoftirq && k != track.BracketCall },
		Open:  s.open,
	})
	return s
}

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want {
	return trace.Want{Events: track.BracketEvents(), Stacks: []string{}}
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) { s.brackets.Event(e) }

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) { s.brackets.Lost(l) }

// End implements analysis.State.
func (s *State) End(analysis.Span) { s.brackets.End() }

func (s *State) open(_ *trace.Event, x *track.Bracket) {
	kind := x.Name
	switch x.Kind {
	case track.BracketIRQ:
		id, ok := s.irqs[x.ID]
		if !ok {
			id = s.table.Name("irq " + strconv.FormatUint(x.ID, 10))
			s.irqs[x.ID] = id
		}
		kind = id
	case track.BracketIPI:
		id, ok := s.reasons[x.Name]
		if !ok {
			id = s.table.Name("ipi " + s.table.NameOf(x.Name))
			s.reasons[x.Name] = id
		}
		kind = id
	case track.BracketVector:
		if x.Serves(track.LineCallSingle) {
			kind = s.calls
		}
	}
	s.counts[key{x.CPU, kind}]++
}

// Counts are the interrupts of one or more traces by CPU and kind. A fresh
// Counts is the identity of Merge.
type Counts struct{ seen map[seenKey]uint64 }

type seenKey struct {
	cpu  int
	kind string
}

// NewCounts returns the sum of no traces.
func NewCounts() *Counts { return &Counts{map[seenKey]uint64{}} }

// Counts returns what s counted.
func (s *State) Counts() *Counts {
	c := NewCounts()
	for k, n := range s.counts {
		c.seen[seenKey{int(k.cpu), s.table.NameOf(k.kind)}] += n
	}
	return c
}

// Merge adds o to c; o is not changed.
func (c *Counts) Merge(o *Counts) {
	for k, n := range o.seen {
		c.seen[k] += n
	}
}
