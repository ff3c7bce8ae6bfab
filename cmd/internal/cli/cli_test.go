package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{io.ErrUnexpectedEOF, 1},
		{Usage(errors.New("x")), 2},
		{Usage(nil), 0},
		{&ExitError{Code: ExitPartial}, 3},
		{&ExitError{Code: ExitThreshold}, 4},
		{fmt.Errorf("wrapped: %w", &ExitError{Code: ExitPartial}), 3},
		{errors.Join(nil, &ExitError{Code: ExitPartial}), 3},
	} {
		if got := Status(c.err); got != c.want {
			t.Errorf("Status(%v) = %d, want %d", c.err, got, c.want)
		}
	}
}

func TestExitError(t *testing.T) {
	if got := (&ExitError{Code: 3}).Error(); got != "exit status 3" {
		t.Errorf("got %q", got)
	}
	if err := Usage(io.EOF); !errors.Is(err, io.EOF) || err.Error() != "EOF" {
		t.Errorf("got %v, want EOF inside", err)
	}
}

func TestUnknown(t *testing.T) {
	valid := []string{"callback", "function", "callsite"}
	for name, want := range map[string]string{
		"calback":  `unknown key "calback": did you mean callback? (valid: callback function callsite)`,
		"FUNCTION": `unknown key "FUNCTION": did you mean function? (valid: callback function callsite)`,
		"zzzzzzzz": `unknown key "zzzzzzzz" (valid: callback function callsite)`,
	} {
		err := Unknown("key", name, valid)
		if err.Error() != want || Status(err) != ExitUsage {
			t.Errorf("%s: got %q, status %d", name, err, Status(err))
		}
	}
}

// TestNewTerminal: what is no terminal gets no colour and no limit.
func TestNewTerminal(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, w := range []io.Writer{&bytes.Buffer{}, f} {
		term := NewTerminal(nil, w, w)
		if term.IsTerminal() || term.Width != 0 || term.Colour || term.Progress {
			t.Errorf("%T: got %+v", w, term)
		}
	}
}

func TestWarnf(t *testing.T) {
	var b strings.Builder
	(&Terminal{Err: &b}).Warnf("hint", "%d%%", 5)
	if b.String() != "ipiscope: hint: 5%\n" {
		t.Errorf("got %q", b.String())
	}
}

func TestWriteTo(t *testing.T) {
	hello := func(o Output) error { _, err := io.WriteString(o, "hello"); return err }
	for _, path := range []string{"", "-"} {
		var out bytes.Buffer
		var got Output
		err := WriteTo(&Terminal{Out: &out, Width: 80, Colour: true}, path, func(o Output) error { got = o; return hello(o) })
		if err != nil || out.String() != "hello" || got.Width != 80 || !got.Colour {
			t.Errorf("path %q: wrote %q, %+v, %v", path, out.String(), got, err)
		}
	}

	file := filepath.Join(t.TempDir(), "result")
	err := WriteTo(&Terminal{Width: 80, Colour: true}, file, func(o Output) error {
		if o.Width != 0 || o.Colour {
			t.Errorf("a file is written as if it were a terminal: %+v", o)
		}
		return hello(o)
	})
	if text, rerr := os.ReadFile(file); err != nil || rerr != nil || string(text) != "hello" {
		t.Errorf("got %q, %v, %v", text, err, rerr)
	}

	full := errors.New("no space left")
	if err := WriteTo(&Terminal{}, file, func(o Output) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "hello" {
		t.Errorf("the old result is %q, %v", text, err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("%d files, %v: want the old one only", len(left), err)
	}
	if err := WriteTo(&Terminal{}, filepath.Join(file, "none"), hello); err == nil {
		t.Error("no error for a folder that does not exist")
	}
}

// TestWriteToDevice: only what was created may be removed. A link to a device
// stands for the device, which a test must not put at risk.
func TestWriteToDevice(t *testing.T) {
	link := filepath.Join(t.TempDir(), "null")
	if err := os.Symlink(os.DevNull, link); err != nil {
		t.Skip(err)
	}
	full := errors.New("no space left")
	if err := WriteTo(&Terminal{}, link, func(Output) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
	if _, err := os.Lstat(link); err != nil {
		t.Errorf("it was removed: %v", err)
	}
}
