package cli

import (
	"io"
	"os"

	"golang.org/x/term"
)

// NewTerminal finds out what the streams can do. Colour follows no-color.org.
func NewTerminal(in io.Reader, out, err io.Writer) *Terminal {
	t := &Terminal{In: in, Out: out, Err: err}
	if f, ok := out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.Colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
		t.Width = 80
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 0 {
			t.Width = w
		}
	}
	if f, ok := err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		t.Progress = os.Getenv("TERM") != "dumb"
	}
	return t
}

// IsTerminal reports whether results go to a terminal.
func (t *Terminal) IsTerminal() bool { return t.Width > 0 }
