package cli

import (
	"bytes"
	"io"
	"unicode/utf8"

	"github.com/ipiscope/ipiscope/report/text"
)

// A cleanWriter writes to a terminal what may hold text of a trace: control
// characters and bytes that are no text are shown as escapes, \x1b, and do
// nothing. Line breaks and tabs pass.
type cleanWriter struct {
	w    io.Writer
	tail []byte // of a character that is not complete
}

func (c *cleanWriter) Write(p []byte) (int, error) {
	b := append(c.tail, p...)
	end := len(b)
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if at := len(b) - i; utf8.RuneStart(b[at]) {
			if !utf8.FullRune(b[at:]) {
				end = at
			}
			break
		}
	}
	err := c.write(b[:end])
	c.tail = append([]byte(nil), b[end:]...)
	return len(p), err
}

// Flush writes the rest.
func (c *cleanWriter) Flush() error {
	b := c.tail
	c.tail = nil
	return c.write(b)
}

func (c *cleanWriter) write(b []byte) error {
	var out []byte
	for len(b) > 0 {
		i := bytes.IndexAny(b, "\n\t")
		if i < 0 {
			out = append(out, text.Clean(string(b))...)
			break
		}
		out = append(out, text.Clean(string(b[:i]))...)
		out = append(out, b[i])
		b = b[i+1:]
	}
	_, err := c.w.Write(out)
	return err
}
