package live

import (
	"fmt"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Last are the newest sends of each function, whose stacks are shown.
type Last struct {
	table *trace.Table
	attr  *track.Attributor
	sends map[trace.NameID]lastSend
}

// lastSend is what is kept of a send.
type lastSend struct {
	time     trace.Time
	cpu, pid int32
	comm     trace.NameID
	stack    trace.StackID
}

// NewLast returns a Last that has seen nothing.
func NewLast(t *trace.Table) *Last { return &Last{table: t, sends: map[trace.NameID]lastSend{}} }

// See takes a send.
func (l *Last) See(w *track.Send, a *track.Attributor) {
	l.attr = a
	for i := range w.Hits {
		if l.sends[w.Hits[i].Function].stack == 0 || w.Stack != 0 {
			l.sends[w.Hits[i].Function] = lastSend{w.Time, w.CPU, w.PID, w.Comm, w.Stack}
		}
	}
}

// Hold implements trace.Holder.
func (l *Last) Hold(h *trace.Held) {
	for _, s := range l.sends {
		h.Stack(s.stack)
		h.Name(s.comm)
	}
}

// Stacks are, by function, a line about the newest send that has a stack and its frames,
// innermost first.
func (l *Last) Stacks() map[string][]string {
	all := map[string][]string{}
	for function, s := range l.sends {
		lines := []string{fmt.Sprintf("last stack, of %s-%d on CPU %d at %.6f:", l.table.NameOf(s.comm), s.pid, s.cpu, float64(s.time)/1e9)}
		for _, frame := range l.attr.Names(s.stack, true) {
			lines = append(lines, "  "+frame)
		}
		all[l.table.NameOf(function)] = lines
	}
	return all
}
