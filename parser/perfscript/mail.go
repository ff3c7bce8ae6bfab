package perfscript

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/lines"
)

// isTraceLine reports whether a line is one that perf script prints.
func isTraceLine(line []byte) bool {
	var h header
	return isChain(line) || line[0] == '#' || h.parse(line) || isFrameText(line) || isLossWarning(line)
}

// isFrameText recognises a line of a callchain whose tab was lost.
func isFrameText(line []byte) bool {
	f, ok := parseFrame(line)
	return ok && len(f.addr) >= 8 && (len(f.dso) > 0 || bytes.Contains(f.symbol, []byte("+0x")))
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

// mailLine is true if a cleaned line made a record.
func (s *Source) mailLine(line []byte, st lines.Status) bool {
	if st == lines.Long {
		s.mail.Count(false)
		return s.syntax(line, overlong)
	}
	line = s.unwrapHeader(line)
	text := trim(line)
	taken, record := true, false
	switch {
	case len(text) == 0:
		taken, s.after = false, nobody
	case s.after != nobody && isFrameText(text):
		record = s.chain(line) // which counts as noise what it does not deliver
		s.mail.Count(true)
		return record
	case text[0] == '#' && s.comment(text):
		s.noise()
	case isFrameText(text) && inKernelText(text):
		record = s.strayFrames(line)
		s.mail.Count(false)
		return record
	case s.head.parse(line):
		line = s.mail.Unwrap(s.head.payload, isTraceLine)
		s.head.payload = skipBlanks(line, s.head.payload)
		record = s.event(line)
		s.mail.Count(true)
		return record
	default:
		taken, s.after = false, nobody
		s.order.Prose()
	}
	s.mail.Count(taken)
	if !taken {
		s.noise()
	}
	return false
}

// inKernelText tells the frames of a kernel's stack from other programs' text.
func inKernelText(text []byte) bool {
	f, _ := parseFrame(text)
	return f.inKernel()
}

// strayFrames takes the lines of a callchain that stand after no sample, as one
// bad record.
func (s *Source) strayFrames(line []byte) bool {
	count := 1
	for ; ; count++ {
		tail, ok := s.mail.Peek()
		if !ok || !isFrameText(tail.Line) {
			break
		}
		line = s.mail.Take(tail, '\n')
	}
	s.table.Meta.FramesLeft += count
	return s.syntax(line, strayChain)
}

// unwrapHeader joins the line after it to a line that ends before its event.
func (s *Source) unwrapHeader(line []byte) []byte {
	if !s.looksCut(line) {
		return line
	}
	tail, ok := s.mail.Peek()
	if !ok {
		return line
	}
	s.joined = append(append(append(s.joined[:0], line...), ' '), tail.Line...)
	var h header
	if !h.parse(s.joined) || h.payload <= len(line) {
		return line
	}
	return s.mail.Take(tail, ' ')
}

// looksCut reports whether a line ends after the CPU or the time of a sample.
func (s *Source) looksCut(line []byte) bool {
	t := trim(line)
	n := len(t)
	if n < 5 || t[n-1] != ']' && t[n-1] != ':' || t[n-2]-'0' > 9 {
		return false
	}
	return bytes.IndexByte(t, '[') > 0
}

// mailGroup is group for a mail: the frames are cleaned, and joined where the
// dso was wrapped.
func (s *Source) mailGroup(line []byte) []byte {
	for {
		tail, ok := s.mail.Peek()
		switch {
		case ok && isFrameText(tail.Line):
			line = s.mail.Take(tail, '\n')
		case ok && tail.Line[0] == '(' && tail.Line[len(tail.Line)-1] == ')' && !bytes.HasSuffix(line, []byte(")")):
			line = s.mail.Take(tail, ' ')
		default:
			return kernelFrames(line)
		}
	}
}

// kernelFrames returns the first lines of a chain, those of the kernel.
func kernelFrames(text []byte) []byte {
	end := 0
	for at := 0; at < len(text); {
		line, _, _ := bytes.Cut(text[at:], []byte("\n"))
		inside, n := kernelPart(line, at)
		if !inside {
			break
		}
		if n > 0 {
			end = n
		}
		at += len(line) + 1
	}
	return text[:end]
}
