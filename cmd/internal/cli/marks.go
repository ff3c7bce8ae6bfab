package cli

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// MarkFlags are --mark and --mark-limit.
type MarkFlags struct{ specs, limits []string }

// AddTo defines the flags.
func (f *MarkFlags) AddTo(fs *pflag.FlagSet) {
	fs.StringArrayVar(&f.specs, "mark", nil, "make spans or counts of trace_printk and trace_marker lines: `NAME=REGEXP`, NAME.begin=, NAME.end=, NAME.expect=")
	fs.StringArrayVar(&f.limits, "mark-limit", nil, "how long spans may be: `4ms`, or NAME=4ms")
}

// Parse reads the flags.
func (f *MarkFlags) Parse() ([]marks.Mark, error) {
	m, err := marks.Parse(f.specs, f.limits)
	return m, Usage(err)
}

// A markLine says which line of text an end of the window is.
type markLine struct {
	text string // as typed
	says string // what such a line does: `holds "load"`
	// after is what must match before it, nil for nothing
	after, is func([]byte) bool
}

// parseMarkLine reads what stands behind "mark:": the name of a --mark, a regular
// expression between slashes, or a part of the line. The end of a window that a
// span's name gives is the end of the first span.
func parseMarkLine(text string, isEnd bool, named []marks.Mark) (*markLine, error) {
	l := &markLine{text: text, says: fmt.Sprintf("holds %q", text)}
	if text == "" {
		return nil, errors.New("mark: wants the text of a marker after the colon")
	}
	for _, m := range named {
		if m.Name == text {
			l.says = "matches --mark " + text
		}
		switch {
		case m.Name != text:
			continue
		case m.Point != nil:
			l.is = m.Point.Match
		case isEnd:
			l.after, l.is = m.Begin.Match, m.End.Match
		default:
			l.is = m.Begin.Match
		}
		return l, nil
	}
	if n := len(text); n > 2 && text[0] == '/' && text[n-1] == '/' {
		re, err := regexp.Compile(text[1 : n-1])
		if err != nil {
			return nil, fmt.Errorf("mark:%s: %w", text, err)
		}
		l.is, l.says = re.Match, "matches "+text
		return l, nil
	}
	part := []byte(text)
	l.is = func(line []byte) bool { return bytes.Contains(line, part) }
	return l, nil
}

// A markFinder finds in one trace the lines that a window begins or ends with.
type markFinder struct {
	text     *MarkText
	searches []markSearch
}

type markSearch struct {
	line         *markLine
	begun, found bool
	time         trace.Time
}

// finder returns what finds the lines that the window asks for.
func (w *windowSpec) finder(text *MarkText) *markFinder {
	m := &markFinder{text: text}
	for _, b := range []*bound{w.from, w.to} {
		if b != nil && b.from == anchorMark {
			m.searches = append(m.searches, markSearch{line: b.line})
		}
	}
	return m
}

// find returns when a line was first written.
func (m *markFinder) find(l *markLine) (trace.Time, bool) {
	for _, s := range m.searches {
		if s.line == l && s.found {
			return s.time, true
		}
	}
	return 0, false
}

func (m *markFinder) Event(e *trace.Event) {
	if len(m.searches) == 0 {
		return
	}
	line, ok := m.text.Text(e)
	if !ok {
		return
	}
	for i := range m.searches {
		switch s := &m.searches[i]; {
		case s.found:
		case s.line.after != nil && !s.begun:
			s.begun = s.line.after(line)
		case s.line.is(line):
			s.found, s.time = true, e.Time
		}
	}
}

// Wants implements analysis.Selective.
func (m *markFinder) Wants() trace.Want {
	w := trace.Want{Events: []string{}, Stacks: []string{}}
	if len(m.searches) > 0 {
		w.Events = m.text.Events()
	}
	return w
}

func (m *markFinder) Lost(*trace.Lost)  {}
func (m *markFinder) End(analysis.Span) {}
