package cli

import (
	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// markEvents are the events that hold what trace_printk and trace_marker wrote
// (kernel/trace/trace_entries.h).
func markEvents() []string { return []string{"print", "bprint", "bputs", "raw_data"} }

// A MarkText reads what trace_printk and trace_marker wrote: the text that stands
// behind the event's name, in binary traces as trace-cmd report prints it.
type MarkText struct {
	printer *tracecmd.Printer // nil for text
	buf     []byte
	known   []int8 // by EventID: 0 not looked at, 1 a text, -1 none
}

// NewMarkText returns the MarkText of a trace.
func NewMarkText(src trace.Source) *MarkText {
	m := &MarkText{}
	if names, ok := trace.As[printfmt.Names](src); ok && src.Table().Meta.LongSize > 0 {
		m.printer = tracecmd.New(src.Table(), names, tracecmd.Options{})
	}
	return m
}

// Events are the names of the events that are looked at, nil if they show line by
// line: the kernel prints a trace_printk as an event of the function's name.
func (m *MarkText) Events() []string {
	if m.printer == nil {
		return nil
	}
	return markEvents()
}

// Text returns the text of an event, false for events of another kind. It is valid
// until the next call.
func (m *MarkText) Text(e *trace.Event) ([]byte, bool) {
	for int(e.ID) >= len(m.known) {
		m.known = append(m.known, 0)
	}
	if m.known[e.ID] == 0 {
		m.known[e.ID] = -1
		if m.isText(e.Schema()) {
			m.known[e.ID] = 1
		}
	}
	switch {
	case m.known[e.ID] < 0:
		return nil, false
	case m.printer == nil:
		return e.Payload(), true
	}
	m.buf = m.printer.AppendPayload(m.buf[:0], e)
	return m.buf, true
}

func (m *MarkText) isText(s *trace.Schema) bool {
	for _, name := range markEvents() {
		if s.Name == name {
			return true
		}
	}
	return m.printer == nil && s.System == "" && !s.IsStack && !events.IsKnown(s.Name)
}
