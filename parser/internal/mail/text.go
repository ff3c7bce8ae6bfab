package mail

import (
	"bytes"
	"fmt"

	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Text reads cleaned lines. One cleaned line may be several of the input.
type Text struct {
	Cleaner
	in *lines.Reader
	// line is the cleaned line with what was joined to it, next the one after
	// it while it is looked at.
	line, next []byte
	// Taken and Left count the lines of the input that belong to a trace, and
	// those that do not.
	Taken, Left int
	ended       bool
}

// NewText returns a Text that reads from in.
func NewText(in *lines.Reader) *Text { return &Text{in: in} }

// Next begins a record at the next line and returns that line cleaned. It is
// valid until the next call of Next. An overlong line is returned as it is.
func (t *Text) Next() ([]byte, lines.Status) {
	t.in.Begin()
	raw, st := t.in.Next()
	return t.Start(raw, st)
}

// Start is Next for a line that was read already.
func (t *Text) Start(raw []byte, st lines.Status) ([]byte, lines.Status) {
	if st != lines.OK {
		return raw, st
	}
	if soft := t.Add(raw); soft {
		t.in.Take(t.join(0))
	}
	t.line = t.Finish(t.line[:0])
	return t.line, st
}

// join adds the lines that follow a soft line break. It returns the offset after
// them and their number.
func (t *Text) join(ahead int) (end, count int) {
	for soft := true; soft && len(t.buf) < lines.MaxLine; count++ {
		raw, next, ok := t.in.Peek(ahead)
		if !ok {
			break
		}
		soft, ahead = t.Add(raw), next
	}
	return ahead, count
}

// A Tail is a line after the current one.
type Tail struct {
	Line       []byte // cleaned; valid until the next call of Next or Peek
	end, count int    // what Take takes
}

// IsBlank reports whether there is a line and nothing in it, once it was cleaned.
func (t Tail) IsBlank() bool { return t.count > 0 && len(t.Line) == 0 }

// Peek returns the line after the current record, without blanks around it.
// An empty line is none.
func (t *Text) Peek() (Tail, bool) {
	raw, end, ok := t.in.Peek(0)
	if !ok || len(t.line) > lines.MaxGroup {
		return Tail{}, false
	}
	quoted := t.quoted // a line that is not taken is cleaned again
	count := 1
	if soft := t.Add(raw); soft {
		n := 0
		end, n = t.join(end)
		count += n
	}
	t.next = t.Finish(t.next[:0])
	t.quoted = quoted
	line := bytes.Trim(t.next, " ")
	return Tail{line, end, count}, len(line) > 0
}

// Take makes a peeked line part of the record: sep and the line are appended to
// the current line, which is returned.
func (t *Text) Take(tail Tail, sep byte) []byte {
	t.line = append(append(t.line, sep), tail.Line...)
	t.in.Take(tail.end, tail.count)
	return t.line
}

// Count counts the lines of the current record.
func (t *Text) Count(taken bool) {
	n := t.in.Line() - t.in.First() + 1
	if taken {
		t.Taken += n
	} else {
		t.Left += n
	}
}

// maxTails bounds the lines that one line was wrapped into.
const maxTails = 8

// Unwrap joins to the current line, whose payload begins at that offset, what was
// wrapped: the lines that follow and go on with it. isRecord recognises lines
// that begin something of their own.
func (t *Text) Unwrap(payload int, isRecord func(line []byte) bool) []byte {
	for range maxTails {
		tail, ok := t.Peek()
		if !ok || !goesOn(t.line[payload:], tail.Line) || isRecord(tail.Line) {
			break
		}
		t.Take(tail, ' ')
	}
	return t.line
}

// goesOn reports whether a line is the rest of a payload that ended before.
// Wrapping happens at blanks: the rest begins with a word. It is one that no
// prose begins with, or one that the payload asks for.
func goesOn(payload, line []byte) bool {
	p := bytes.Trim(payload, " ")
	word := firstWord(line)
	key := bytes.IndexByte(word, '=')
	switch {
	case bytes.HasPrefix(line, []byte("==>")) || bytes.HasSuffix(p, []byte("==>")):
		return true
	case key > 0 && isName(word[:key]):
		return !hasKey(p, word[:key+1])
	case len(p) == 0:
		return bytes.HasPrefix(line, []byte("<stack trace")) || bytes.HasPrefix(line, []byte("print:")) || bytes.HasPrefix(line, []byte("tracing_mark_write:")) ||
			len(word) > 1 && isEventName(word)
	case bytes.HasSuffix(p, []byte("=")):
		return true
	case bytes.HasSuffix(p, []byte(":")) && bytes.IndexByte(p, ' ') < 0: // nothing but the event's name
		return true
	case bytes.HasSuffix(p, []byte("<stack")) || bytes.HasSuffix(p, []byte("<user stack")):
		return bytes.HasPrefix(line, []byte("trace"))
	case bytes.HasSuffix(p, []byte("<user")):
		return bytes.HasPrefix(line, []byte("stack trace"))
	}
	open := bytes.Count(p, []byte("(")) - bytes.Count(p, []byte(")"))
	return open > 0 && bytes.IndexByte(line, ')') >= 0
}

func isName(b []byte) bool {
	for _, c := range b {
		if c != '_' && c|0x20-'a' > 25 && c-'0' > 9 {
			return false
		}
	}
	return len(b) > 0
}

// isEventName recognises "ipi_send_cpu:" and "ipi:ipi_send_cpu:". A single word
// before a colon is prose as well, so one with an underscore is asked for.
func isEventName(word []byte) bool {
	name, ok := bytes.CutSuffix(word, []byte(":"))
	if !ok || bytes.IndexByte(name, '_') < 0 {
		return false
	}
	if n := bytes.IndexByte(name, ':'); n > 0 {
		return isName(name[:n]) && isName(name[n+1:])
	}
	return isName(name)
}

// hasKey reports whether a payload has "key=" at the begin of a word.
func hasKey(p, key []byte) bool {
	for at := 0; ; {
		n := bytes.Index(p[at:], key)
		if n < 0 {
			return false
		}
		at += n
		if at == 0 || p[at-1] == ' ' || p[at-1] == ',' {
			return true
		}
		at += len(key)
	}
}

// End says how much of the text was a trace, once.
func (t *Text) End(m *trace.Meta, note func(string)) {
	m.LinesTaken, m.LinesLeft = t.Taken, t.Left
	if t.ended || t.Taken+t.Left == 0 {
		return
	}
	t.ended = true
	note(fmt.Sprintf("text with a trace in it: %d of %d lines were taken, %d left", t.Taken, t.Taken+t.Left, t.Left))
}
