package cli

import (
	"bytes"
	"testing"
)

// TestCleanWriter: nothing of a trace's text acts on a terminal, wherever writes
// are cut.
func TestCleanWriter(t *testing.T) {
	const in = "comm\x1b]0;title\a-1\tcpu\r\n世界 \xff\xe4\xb8 \u009b31m\u202e…\n\xe4"
	const want = "comm\\x1b]0;title\\a-1\tcpu\\r\n世界 \\xff\\xe4\\xb8 \\u009b31m\\u202e…\n\\xe4"
	for _, step := range []int{1, 2, 3, 5, len(in)} {
		var b bytes.Buffer
		c := &cleanWriter{w: &b}
		for i := 0; i < len(in); i += step {
			if n, err := c.Write([]byte(in[i:min(i+step, len(in))])); err != nil || n == 0 {
				t.Fatal(n, err)
			}
		}
		if err := c.Flush(); err != nil {
			t.Fatal(err)
		}
		if b.String() != want {
			t.Errorf("in steps of %d: got %q, want %q", step, b.String(), want)
		}
	}
}

// TestWriteToTerminal: what is written to a terminal is cleaned, what goes to a
// file or a pipe is not.
func TestWriteToTerminal(t *testing.T) {
	for width, want := range map[int]string{0: "\x1b[31mx", 80: `\x1b[31mx`} {
		var out bytes.Buffer
		err := WriteTo(&Terminal{Out: &out, Width: width}, "", func(o Output) error {
			_, err := o.Write([]byte("\x1b[31mx"))
			return err
		})
		if err != nil || out.String() != want {
			t.Errorf("width %d: %q, %v; want %q", width, out.String(), err, want)
		}
	}
}
