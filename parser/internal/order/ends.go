package order

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Ends notes which lines of a text end before what they say does. The zero value
// is ready.
type Ends struct {
	first error
	n     int64 // lines that lack fields
}

// Line notes a line that ends before the fields of its event do.
func (e *Ends) Line(at trace.Pos) {
	e.n++
	e.note(at, "the line ends before the fields of its event do")
}

// CutText is what is wrong with a text whose last line has no end.
const CutText = "the text ends within this line: it was cut"

// Text notes that the text ends within a line.
func (e *Ends) Text(at trace.Pos) { e.note(at, CutText+", and the line is not counted") }

// Cut notes it if a record, which was made of those lines, ends where its last line
// has no end. It is true if a bad line is to take the record's place: half a line is
// no event.
func (e *Ends) Cut(rec trace.Record, lines []byte, at trace.Pos) bool {
	if n := len(lines); n == 0 || lines[n-1] == '\n' {
		return false
	}
	e.Text(at)
	_, isBad := rec.(*trace.SyntaxError)
	return !isBad
}

// Missing notes that a text lacks what it says that it holds.
func (e *Ends) Missing(at trace.Pos, msg string) { e.note(at, msg) }

func (e *Ends) note(at trace.Pos, msg string) {
	if e.first == nil {
		e.first = &trace.SyntaxError{At: at, Msg: msg}
	}
}

// Err is the error for what was noted, nil if nothing was.
func (e *Ends) Err() error {
	switch {
	case e.n > 1:
		return fmt.Errorf("%w, nor those of %d other lines (cut at a column?): the values at their ends are not known", e.first, e.n-1)
	case e.n == 1:
		return fmt.Errorf("%w: the value at its end is not known", e.first)
	}
	return e.first
}
