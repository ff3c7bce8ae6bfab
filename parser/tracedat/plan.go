package tracedat

import (
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A class says what becomes of the events of one id.
type class uint8

const (
	classUnknown class = iota // the file has no format: they cannot be read
	classOff                  // they do not take part
	classSkip                 // they take part, and nobody looks at them
	classStack                // delivered if they belong to a classOwner
	classTake                 // delivered
	classOwner                // delivered, and their stacks too
)

// A plan says which events of a trace are delivered. It does not change while
// the trace is read.
type plan struct {
	class   []class       // by common_type
	window  *trace.Window // nil is all of time
	byEvent bool
	names   bool // of addresses are looked at
	// all: everything is delivered, so that payloads may stay where they were
	// read.
	all bool
	// stacks: of some events the stacks are delivered, of others not.
	stacks bool
	// plainType: records begin with their id, little-endian.
	plainType bool
	// picked: some events do not take part.
	picked bool
	// What is passed over without a look at it: in the window, outside of it,
	// and of CPUs that do not take part.
	skip, outside, off ringbuf.Skip
}

// newPlan makes the plan of a hint.
func newPlan(f *file, common *tracefmt.Common, h *trace.Hint) *plan {
	p := &plan{class: make([]class, len(f.byType)), window: h.Window, byEvent: h.ByEvent, names: h.Want.Names, all: h.Window == nil}
	for typ, s := range f.byType {
		c := classOf(s, h)
		p.class[typ] = c
		p.picked = p.picked || c == classOff
		p.stacks = p.stacks || c == classStack
		p.all = p.all && (c == classTake || c == classUnknown)
	}
	// Records begin with common_type in two bytes (struct trace_entry in
	// include/linux/trace_events.h). In any other layout each gets a look.
	if common.Type.Off != 0 || common.Type.Size != 2 {
		return p
	}
	p.plainType = !f.bigEndian
	pass := func(from, to class) ringbuf.Skip {
		s := ringbuf.Skip{Pass: make([]bool, len(p.class)), Shortest: int(common.MinSize)}
		for typ, c := range p.class {
			s.Pass[typ] = from <= c && c <= to
		}
		return s
	}
	p.off = pass(classOff, classOwner)
	if p.picked { // those that take part have to be told from the others
		p.skip = pass(classOff, classOff)
		p.outside = p.skip
	} else {
		p.skip = pass(classSkip, classStack)
		p.outside = p.off
	}
	return p
}

func classOf(s *trace.Schema, h *trace.Hint) class {
	w := &h.Want
	switch {
	case s == nil:
		return classUnknown
	case !h.Select.HasEvent(s):
		return classOff
	case s.IsStack && w.Stacks == nil:
		return classTake
	case s.IsStack && len(w.Stacks) == 0:
		return classSkip
	case s.IsStack:
		return classStack
	case w.Stacks != nil && trace.Names(w.Stacks, s), len(w.Functions) > 0 && trace.IsFunction(s):
		return classOwner
	case w.Events == nil || trace.Names(w.Events, s):
		return classTake
	}
	return classSkip
}

// A place says where the events of a page lie.
type place uint8

const (
	inside  place = iota // all of them in the window
	outside              // none of them
	across               // each has to be looked at
)

// place tells from the times that a page and the one after it begin with where
// the events in between lie. hasEnd is false if the latter is not known.
func (p *plan) place(begin, end trace.Time, hasEnd bool) place {
	switch w := p.window; {
	case w == nil, hasEnd && begin >= w.From && end <= w.To:
		return inside
	case begin > w.To, hasEnd && end < w.From:
		return outside
	}
	return across
}
