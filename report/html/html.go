// Package html writes a result as one page that needs nothing else: no server,
// no network, no other file. What a trace says is text on it and nothing more;
// the page's own policy lets no script run but the one it comes with.
package html

import (
	"bytes"
	"html/template"
	"io"
	"unicode/utf8"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// MaxSize is what no page is larger than, in bytes, whatever the trace.
const MaxSize = 3_000_000

// Options is what a page says besides the result.
type Options struct {
	Command string // the command line that made it, as a shell takes it
	Version string // of this program
	AllRows bool   // rows that tell of nothing are on the page too
	Callers bool   // the flame graph begins at the functions that sent
}

// Write writes the page of s. What would make it too large is left out, and the
// page says how much that is.
func Write(w io.Writer, s *result.Set, o Options) error {
	a, err := load()
	if err != nil {
		return err
	}
	idle := map[string]int{}
	if !o.AllRows {
		s, idle = withoutIdle(s)
	}
	var b bytes.Buffer
	for l := usual(); ; l = l.half() {
		p, err := newPage(s, o, l)
		if err != nil {
			return err
		}
		p.sayIdle(idle)
		p.Style, p.Script, p.Policy = template.CSS(a.style), template.JS(a.script), a.policy()
		b.Reset()
		if err := a.page.ExecuteTemplate(&b, "page", p); err != nil {
			return err
		}
		if b.Len() <= MaxSize || l.rows == 1 {
			break
		}
	}
	_, err = w.Write(b.Bytes())
	return err
}

// limits are what a page shows at most.
type limits struct {
	text   int // characters of a text
	rows   int // of a table
	table  int // bytes of a table, about
	figure int // bytes of a figure in one theme; larger ones are not shown
	cells  int // that are not 0, of all lines over time
	frames int // of a flame graph
	inputs int // in the foot
	doubts int // warnings
	advice int // things to do
}

// usual are limits that keep all but odd results below MaxSize.
func usual() limits {
	return limits{text: 600, rows: 500, table: 250_000, figure: 150_000, cells: 100_000, frames: 3000, inputs: 100, doubts: 30, advice: 50}
}

func (l limits) half() limits {
	half := func(n int) int { return max(1, n/2) }
	return limits{max(60, l.text/2), half(l.rows), half(l.table), half(l.figure), half(l.cells), half(l.frames), half(l.inputs), half(l.doubts), half(l.advice)}
}

// shown is text as the page shows it: a comm may hold line breaks or bytes that
// are no text, and a name any number of characters.
func (l limits) shown(s string) string {
	s = text.Clean(s)
	if utf8.RuneCountInString(s) <= l.text {
		return s
	}
	runes := []rune(s)
	return string(runes[:l.text/2]) + "…" + string(runes[len(runes)-l.text/2:])
}
