package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
)

// judged is how much of a text decides whether it is a mail.
const judged = 64 << 10

// hasHead reports whether a text begins as the kernel's or trace-cmd's does.
func hasHead(text []byte) bool {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return bytes.HasPrefix(line, []byte("# tracer: ")) || isReportHead(lines.TrimCR(line))
}

// isTraceLine reports whether a line is one that the kernel or trace-cmd prints.
func isTraceLine(line []byte) bool {
	return isFrame(line) || line[0] == '#' || isHead(line, true) || isReportHead(line) || hasHeader(line) ||
		bareName(line) > 0 || isGraph(bytes.TrimSpace(line))
}

// isRecord reports whether a line begins something of its own, so that it is not
// the rest of the line before it.
func isRecord(line []byte) bool {
	return isFrame(line) || isHead(line, true) || isReportHead(line) || hasHeader(line)
}

func hasHeader(line []byte) bool {
	var h header
	for st := range styleCount {
		if h.parse(st, line, false) {
			return true
		}
	}
	return false
}

// scanMail is Scan for a mail.
func (s *Source) scanMail() bool {
	for {
		line, st := s.mail.Next()
		if st == lines.End {
			s.mail.End(&s.table.Meta, s.note)
			s.endOpen()
			return false
		}
		if s.mailLine(line, st) {
			return s.whole()
		}
	}
}

// startsWithSymbol reports whether the arrow is followed by what the kernel prints
// there, "=> sym" or "=> sym+0x10/0x200 <ffffffff81...>".
func startsWithSymbol(frame []byte) bool {
	text := bytes.TrimLeft(frame[2:], " ")
	n := 0
	for n < len(text) && (nameByte(text[n]) || text[n] == '.') {
		n++
	}
	return n > 2 && (n == len(text) || text[n] == '+' || bytes.HasPrefix(text[n:], []byte(" (")) || bytes.HasPrefix(text[n:], []byte(" <")))
}

// mailLine is true if a cleaned line made a record.
func (s *Source) mailLine(line []byte, st lines.Status) bool {
	taken, record := s.takeMailLine(line, st)
	s.mail.Count(taken)
	return record
}

// takeMailLine reports whether the line is part of a trace, and whether it made
// a record.
func (s *Source) takeMailLine(line []byte, st lines.Status) (taken, record bool) {
	if st == lines.Long {
		return false, s.syntax(line, overlong)
	}
	line = s.unwrapHeader(line)
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return false, s.noise()
	}
	if isFrame(text) {
		if s.skipStack { // the stack of a skipped event
			return true, false
		}
		if startsWithSymbol(text) {
			return false, s.strayFrames(line)
		}
		return false, s.noise() // an arrow of the prose
	}
	s.skipStack = false
	switch {
	case text[0] == '#':
		s.comment(text)
		return true, s.noise()
	case s.parseHeader(line):
		line = s.mail.Unwrap(s.head.payload, isRecord)
		s.head.payload = skipBlanks(line, s.head.payload)
		return true, s.event(line)
	case bytes.Contains(line[:min(len(line), anchorRange)], []byte("CPU:")) && s.loss(line):
		return true, true
	case s.reportHead(text):
		return true, s.noise()
	case isGraphLine(text):
		return true, s.graph(s.unwrapComment(line))
	case s.seen.graphTracer && isGraph(text):
		return true, s.graph(line)
	case isSeparator(text):
		return false, s.noise()
	case s.dialect == kernelDialect && bytes.IndexByte(text, '=') > 0 && s.bare(text):
		return true, s.rec != nil
	case s.looksCut(line):
		return false, s.syntax(line, "not an event: want COMM-PID [CPU] FLAGS TIME: NAME: FIELDS")
	}
	s.opens(text)
	// What comes after prose may be another program's text.
	s.dialect = unknownDialect
	s.order.Prose()
	return false, s.noise()
}

// unwrapComment joins the lines after it to a comment of the function_graph
// tracer that does not end.
func (s *Source) unwrapComment(line []byte) []byte {
	for range 8 {
		if !bytes.Contains(line, []byte("/* ")) || bytes.Contains(line, []byte("*/")) {
			break
		}
		tail, ok := s.mail.Peek()
		if !ok || isGraphLine(tail.Line) {
			break
		}
		line = s.mail.Take(tail, ' ')
	}
	return line
}

// unwrapHeader joins the line after it to a line that ends within the header
// of an event.
func (s *Source) unwrapHeader(line []byte) []byte {
	if !s.looksCut(line) || s.parseHeader(line) {
		return line
	}
	tail, ok := s.mail.Peek()
	if !ok {
		return line
	}
	joined := append(append(append(s.joined[:0], line...), ' '), tail.Line...)
	s.joined = joined
	if !s.parseHeader(joined) || s.head.payload <= len(line) {
		return line
	}
	return s.mail.Take(tail, ' ')
}

// looksCut reports whether a line has what an event line begins with,
// "comm-202 [000]".
func (s *Source) looksCut(line []byte) bool {
	var h header
	for at := 0; ; {
		n := bytes.IndexByte(line[at:min(len(line), anchorRange)], '[')
		if n < 0 {
			return false
		}
		at += n + 1
		if h.parseCPU(line, at) {
			return true
		}
	}
}

// mailGroup is group for a mail: the stack's lines are cleaned, and joined where
// the address was wrapped.
func (s *Source) mailGroup(line, payload []byte) []byte {
	start := cap(line) - cap(payload)
	if tail, _ := s.mail.Peek(); tail.IsBlank() && bytes.HasSuffix(payload, []byte("stack trace")) {
		line = s.mail.Take(tail, ' ') // the ">" of "<stack trace >", wrapped, looks like a quote
	}
	for {
		tail, ok := s.mail.Peek()
		switch {
		case ok && isFrame(tail.Line):
			line = s.mail.Take(tail, '\n')
		case ok && isAddress(tail.Line):
			line = s.mail.Take(tail, ' ')
		default:
			return line[start:]
		}
	}
}

// isAddress recognises the "(ffffffffa974a050)" of trace-cmd and the
// "<ffffffffa974a050>" of the kernel after a symbol.
func isAddress(b []byte) bool {
	n := len(b)
	if n < 10 || n > 20 || !(b[0] == '(' && b[n-1] == ')' || b[0] == '<' && b[n-1] == '>') {
		return false
	}
	_, end := scan.HexDigits(b, 1)
	return end == n-1
}
