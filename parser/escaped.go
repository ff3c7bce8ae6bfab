package parser

import (
	"bufio"
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/plain"
)

// isEscaped reports whether a text holds the lines of a trace with their breaks
// written as \n, as languages print strings: all of them in one line, or one of
// them in each.
func isEscaped(sample []byte) bool {
	for len(sample) > 0 {
		line, rest, _ := bytes.Cut(sample, []byte("\n"))
		sample = rest
		first, more, ok := bytes.Cut(line, []byte(`\n`))
		if !ok {
			continue
		}
		if _, event := findHeader(first); event && closesString(more) > 0 {
			return true
		}
		for events := 0; ok; {
			piece := bytes.ReplaceAll(first, []byte(`\t`), []byte("\t"))
			if _, event := findHeader(piece); event || plain.IsFrame(piece) {
				if events++; events > 1 {
					return true
				}
			}
			first, more, ok = bytes.Cut(more, []byte(`\n`))
		}
	}
	return false
}

// closesString returns the length of the end of a string at the end of a line, "',"
// for one, 0 if there is none.
func closesString(t []byte) int {
	if len(t) == 0 || t[0] != '\'' && t[0] != '"' {
		return 0
	}
	for i, c := range t {
		if i > 0 && bytes.IndexByte([]byte(",])} \r"), c) < 0 {
			return 0
		}
	}
	return len(t)
}

// An unescaping reader undoes escapes: a written line break is one, and the end of a
// string after it is none of the text.
type unescaping struct {
	in    *bufio.Reader
	begun bool
	out   []byte
	err   error
}

// Read implements io.Reader.
func (u *unescaping) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[:copy(u.out, u.out[n:])]
	return n, nil
}

// fill undoes the escapes of what is there.
func (u *unescaping) fill() {
	if !u.begun {
		u.begun = true
		u.beginString()
	}
	for len(u.out) < 32<<10 {
		if len(u.out) > 0 && u.in.Buffered() == 0 {
			return // what has come is to be seen
		}
		c, err := u.in.ReadByte()
		if err != nil {
			u.err = err
			return
		}
		if c != '\\' {
			u.out = append(u.out, c)
			continue
		}
		switch c, u.err = u.in.ReadByte(); {
		case u.err != nil:
			u.out = append(u.out, '\\')
			return
		case c == 'n':
			u.out = append(u.out, '\n')
			u.endString()
		case c == 't':
			u.out = append(u.out, '\t')
		case c == '\\' || c == '"' || c == '\'':
			u.out = append(u.out, c)
		default:
			u.out = append(u.out, '\\', c)
		}
	}
}

// beginString drops what opens the string that all of a text is.
func (u *unescaping) beginString() {
	next, _ := u.in.Peek(2)
	switch {
	case len(next) > 0 && (next[0] == '\'' || next[0] == '"'):
		_, _ = u.in.Discard(1) // of what was peeked
	case len(next) > 1 && next[0] == 'b' && (next[1] == '\'' || next[1] == '"'):
		_, _ = u.in.Discard(2)
	}
}

// endString drops what closes a string, up to the end of its line.
func (u *unescaping) endString() {
	next, _ := u.in.Peek(6)
	line, _, whole := bytes.Cut(next, []byte("\n"))
	if n := closesString(line); n > 0 && (whole || len(next) < 6) {
		_, _ = u.in.Discard(min(n+1, len(next))) // of what was peeked
	}
}

// A stripped reader returns lines without the marks that each begins with.
type stripped struct {
	in    *bufio.Reader
	marks string
	out   []byte
	inner bool // out is the rest of a line
	err   error
}

// Read implements io.Reader.
func (s *stripped) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		var part []byte
		part, s.err = s.in.ReadSlice('\n')
		if s.err == bufio.ErrBufferFull {
			s.err = nil
		}
		whole := len(part) > 0 && part[len(part)-1] == '\n'
		if !s.inner {
			part = bytes.TrimPrefix(part, []byte(s.marks))
		}
		s.out, s.inner = append(s.out, part...), !whole
	}
	n := copy(p, s.out)
	s.out = s.out[:copy(s.out, s.out[n:])]
	return n, nil
}

// strip appends a sample without the marks.
func (s *stripped) strip(dst, sample []byte) []byte {
	for line := range bytes.Lines(sample) {
		dst = append(dst, bytes.TrimPrefix(line, []byte(s.marks))...)
	}
	return dst
}
