package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// isFrame reports whether a line belongs to a stack: "=> sym (addr)" of
// trace-cmd, " => sym" of the kernel, "\t=> 0x..." of a user stack.
func isFrame(line []byte) bool {
	i := 0
	for i < len(line) && i < 4 && (line[i] == ' ' || line[i] == '\t') {
		i++
	}
	return i+1 < len(line) && line[i] == '=' && line[i+1] == '>'
}

// group takes the stack lines after a header line into the record and returns
// the payload with them. line and payload are slices of the record's first line.
func (s *Source) group(line, payload []byte) []byte {
	if s.mail != nil {
		return s.mailGroup(line, payload)
	}
	start := cap(line) - cap(payload) // an offset, since peek may move the buffer
	ahead, count := 0, 0
	for len(s.in.Raw())+ahead < lines.MaxGroup {
		next, end, ok := s.in.Peek(ahead)
		if !ok || !isFrame(next) {
			break
		}
		ahead, count = end, count+1
	}
	s.in.Take(ahead, count)
	return trimNewline(s.in.Raw()[start:])
}

func trimNewline(b []byte) []byte {
	for n := len(b); n > 0 && (b[n-1] == '\n' || b[n-1] == '\r'); n = len(b) {
		b = b[:n-1]
	}
	return b
}

// orphan handles stack lines that no event precedes: those of a skipped event,
// or the begin of a text that was cut. They are one bad record, not one each.
func (s *Source) orphan() bool {
	if s.skipStack {
		return false
	}
	at := s.pos()
	ahead, count := 0, 0
	for len(s.in.Raw())+ahead < lines.MaxGroup {
		next, end, ok := s.in.Peek(ahead)
		if !ok || !isFrame(next) {
			break
		}
		ahead, count = end, count+1
	}
	s.in.Take(ahead, count)
	s.countFrames(count + 1)
	s.bad = trace.SyntaxError{At: at, Msg: strayFrames, Text: trimNewline(s.in.Raw())}
	s.rec = &s.bad
	return true
}

const strayFrames = "stack lines without the event they belong to"

// strayFrames is orphan for a mail.
func (s *Source) strayFrames(line []byte) bool {
	count := 1
	for ; ; count++ {
		tail, ok := s.mail.Peek()
		if !ok || !isFrame(tail.Line) {
			break
		}
		line = s.mail.Take(tail, '\n')
	}
	s.countFrames(count)
	return s.syntax(line, strayFrames)
}

// isFrameOtherwise recognises a frame that stands otherwise than the printers of
// traces put it: after another arrow, or as oopses have it.
func isFrameOtherwise(text []byte) bool {
	for _, arrow := range []string{"=>", "\u21d2", "\u2192", "->", "<-", "=\u00a0>", "[<"} {
		rest, ok := bytes.CutPrefix(text, []byte(arrow))
		if !ok {
			continue
		}
		if arrow == "[<" { // "[<ffffffff81b0e1db>] sym+0x9b/0xd0"
			_, rest, ok = bytes.Cut(rest, []byte(">]"))
		}
		return ok && startsWithSymbol(append([]byte("=>"), rest...))
	}
	symbol, offset, ok := bytes.Cut(text, []byte("+0x"))
	return ok && len(symbol) > 2 && isSymbolName(symbol) && bytes.IndexByte(offset, ' ') < 0
}

func isSymbolName(b []byte) bool {
	for _, c := range b {
		if !nameByte(c) && c != '.' {
			return false
		}
	}
	return true
}

// countFrames adds to the frames that no event has, and says how many there are.
func (s *Source) countFrames(n int) {
	s.framesLeft += n
	s.table.Meta.FramesLeft = s.framesLeft
}

// A decoder adds stacks to the decoding of printed payloads.
type decoder struct {
	*events.Decoder
	frames []trace.SymbolID
}

// Stack interns the stack whose lines are the event's payload. It is false if
// the text holds no frame, as when report -R prints the record's bytes.
func (d *decoder) Stack(e *trace.Event) (trace.StackID, bool) {
	p, t := e.Payload(), e.Table()
	if id, ok := t.Stack(p); ok {
		return id, id != 0
	}
	d.frames = d.frames[:0]
	for len(p) > 0 {
		var line []byte
		line, p, _ = bytes.Cut(p, []byte("\n"))
		arrow := bytes.Index(line, []byte("=> "))
		if arrow < 0 {
			continue // the header's own text, "<stack trace>"
		}
		d.frames = append(d.frames, d.frame(t, bytes.TrimSpace(line[arrow+3:])))
	}
	if len(d.frames) == 0 {
		return 0, false
	}
	frames := append([]trace.SymbolID(nil), d.frames...)
	return t.AddStack(e.Payload(), frames), true
}

// frame interns the text of one frame. What is no kernel symbol (the path of a
// user stack) is kept as it was printed, without the address after it.
func (d *decoder) frame(t *trace.Table, text []byte) trace.SymbolID {
	if id, ok := d.Intern(text); ok {
		return id
	}
	for _, open := range []string{" <", " ("} {
		if i := bytes.LastIndex(text, []byte(open)); i > 0 {
			text = text[:i]
		}
	}
	return t.Symbol(trace.Symbol{Name: string(text)})
}
