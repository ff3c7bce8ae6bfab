package live

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Memory keeps what a reading without an end refers to within bounds: stacks and
// names of tasks that nothing refers to any more are forgotten. Counts do not change by
// that: what they need is held by those who count.
type Memory struct {
	table   *trace.Table
	holders []trace.Holder
	bound   int
	next    int // how many there are the next time
}

// maxForgettable is how many stacks and names of tasks there are before those that
// nothing refers to are forgotten: some 20 MB with what is known of each.
const maxForgettable = 1 << 13

// NewMemory returns the Memory of a source and of all that keeps ids of its table.
// A state that does not say what it keeps might keep any: nothing is forgotten then.
func NewMemory(t *trace.Table, src trace.Holder, states ...analysis.State) *Memory {
	m := &Memory{table: t, holders: []trace.Holder{src}, bound: maxForgettable, next: maxForgettable}
	for _, s := range states {
		h, ok := s.(trace.Holder)
		if !ok {
			return &Memory{}
		}
		m.holders = append(m.holders, h)
	}
	return m
}

// Add adds somebody else who keeps ids.
func (m *Memory) Add(h trace.Holder) { m.holders = append(m.holders, h) }

// Tidy forgets what there is too much of. It is called between two records.
func (m *Memory) Tidy() {
	if m.table == nil || m.table.Forgettable() <= m.next {
		return
	}
	m.table.Forget(m.holders...)
	m.next = max(m.bound, 2*m.table.Forgettable())
}

// Hold implements trace.Holder.
func (g *Guard) Hold(h *trace.Held) { g.sends.Hold(h) }

// Hold implements trace.Holder.
func (m *Metrics) Hold(h *trace.Held) { m.sends.Hold(h) }
