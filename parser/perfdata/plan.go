package perfdata

import "github.com/ipiscope/ipiscope/parser/trace"

// A class says what becomes of the samples of one attr.
type class uint8

const (
	classOther class = iota // no event of ours: another kind of sample, or a guest's
	classOff                // they do not take part
	classSkip               // they take part, and nobody looks at them
	classTake               // they are delivered
)

// A plan says which samples are delivered. It does not change.
type plan struct {
	attrs   []planned
	window  *trace.Window
	cpus    func(int32) bool // nil: all
	stackOn bool             // stacks take part
	byEvent bool
	schemas int // size of a count by event
	stackID trace.EventID
	// where the common fields are that tell an event's type and context
	hasCommon                  bool
	typeOff, flagsOff, minSize int
	// ordered: a CPU's samples stand in one buffer, in the order of their times.
	ordered bool
}

// planned is what is planned for one attr.
type planned struct {
	class class
	stack bool          // the stack after it is looked at
	twin  bool          // its samples may be another's
	event trace.EventID // valid from classSkip on
}

// planOf makes the plan of a directory.
func (s *Source) planOf(d *directory) *plan {
	h := &s.hint
	p := &plan{window: h.Window, byEvent: h.ByEvent, schemas: len(s.table.Schemas()), stackID: s.stackSchema.ID, stackOn: h.Select.HasEvent(s.stackSchema)}
	c := &s.common
	p.typeOff, p.flagsOff, p.minSize = int(c.Type.Off), int(c.Flags.Off), int(c.MinSize)
	p.hasCommon = s.hasCommon && c.Type.Size == 2 && c.Flags.Size == 1 && max(p.typeOff+2, p.flagsOff+1) <= p.minSize && p.minSize < 64
	p.ordered = s.coverage.ordered()
	if m := h.Select.CPUs; m != nil {
		p.cpus = func(cpu int32) bool { return cpu >= 0 && m.Has(int(cpu)) }
	}
	off := h.Select.Instance != nil && *h.Select.Instance != ""
	for _, a := range d.attrs {
		var x planned
		if a.schema != nil {
			x = planned{class: classSkip, twin: a.twin, event: a.schema.ID}
			w := &h.Want
			owner := w.Stacks == nil || trace.Names(w.Stacks, a.schema)
			switch {
			case off || !h.Select.HasEvent(a.schema):
				x.class = classOff
			case w.Events == nil || trace.Names(w.Events, a.schema) || w.Stacks != nil && owner:
				x.class = classTake
			}
			x.stack = p.stackOn && owner
			if x.stack && x.class == classSkip {
				x.class = classTake // its stack alone would be without its event
			}
		}
		p.attrs = append(p.attrs, x)
	}
	return p
}
