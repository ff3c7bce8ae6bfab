package ftext

import "github.com/ipiscope/ipiscope/parser/internal/order"

// complete returns the payload without the value that its line ends in the middle
// of, if it does: half a number is another number.
func (s *Source) complete(k *known, payload []byte) []byte {
	n := k.layout.Whole(payload)
	if n < len(payload) {
		s.ends.Line(s.pos())
	}
	return payload[:n]
}

// timeless passes over a line at time 0 after those of a trace, as systrace puts
// one at its end to tell the clock: it is not the trace's begin.
func (s *Source) timeless() bool {
	s.note("a line at time 0 after later ones was left out: it is no part of the recording's time")
	s.table.Meta.LinesLeft++
	return s.noise()
}

// whole makes a bad line of a record whose last line has no end: the text was cut
// there. It is true, as there is a record in any case.
func (s *Source) whole() bool {
	if s.in.IsOpen() && s.ends.Cut(s.rec, s.in.Raw(), s.pos()) {
		s.waits = false
		return s.syntax(s.in.Raw(), order.CutText)
	}
	return true
}

// endOpen ends the input. One that does not end with a line is cut, whatever that
// line is: it may have been about to become an event's or a stack's.
func (s *Source) endOpen() {
	s.settle()
	if s.rec = nil; s.in.IsOpen() {
		s.ends.Text(s.place(s.in.Line()))
	}
}
