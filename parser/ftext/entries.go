package ftext

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// entries compares how many entries the kernel says that its buffer held with how
// many are in the text below (kernel/trace/trace.c, print_event_info). Only text
// that prints one line for each can be compared: the tracers nop and function.
type entries struct {
	at   trace.Pos // of the header that says it
	want uint64    // 0 if none does
	have uint64
	// several: there are events of several CPUs. The per_cpu files have the same
	// header as the whole, so that nothing tells how many theirs are.
	several bool
	cpu     int32 // of the events so far, and 1; 0 if there are none
	lost    bool  // the text says itself that events are missing
	// tallied: the buffers before held what is in the text; untallied: of some that is
	// not known.
	tallied, untallied bool
}

// settle ends the text of one buffer.
func (s *Source) settle() {
	e := &s.entries
	have := e.have
	if s.mail == nil {
		have += uint64(s.table.Meta.LinesLeft) // bare text of trace_marker is an entry too
	}
	if e.want > have && !e.lost && !s.seen.graph && (e.several || s.table.Meta.CPUs == 1) {
		s.ends.Missing(e.at, fmt.Sprintf("this header says that the buffer held %d entries, and %d are below it: the text was cut, or lines were left out", e.want, e.have))
	}
	if e.want > have && !e.lost && !s.seen.graph && !e.several && e.have > 0 && s.table.Meta.CPUs > 1 && s.opts.part == nil {
		s.note(fmt.Sprintf("the head says that the buffer held %d entries, and %d are below it, all of CPU %d: it is the text of one CPU, and what the others did is not in it, or lines were left out", e.want, e.have, e.cpu-1))
	}
	switch {
	case e.have == 0:
	case e.want > 0 && e.want <= have && !s.seen.graph:
		e.tallied = true
	default:
		e.untallied = true
	}
	s.table.Meta.Tallied = e.tallied && !e.untallied
	*e = entries{tallied: e.tallied, untallied: e.untallied}
}

// entry notes an event that was read.
func (e *entries) entry(cpu int32) {
	e.have++
	e.several = e.several || e.cpu > 0 && e.cpu != cpu+1
	e.cpu = cpu + 1
}
