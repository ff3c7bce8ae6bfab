// Package cli holds what the subcommands share: the exit status, flags, the
// opening of inputs and the isolated set.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/ipiscope/ipiscope/report/text"
)

// Exit statuses; they are part of the contract with scripts.
const (
	ExitOK        = 0
	ExitFailed    = 1 // something could not be read or written
	ExitUsage     = 2 // the command line or an expression is wrong
	ExitPartial   = 3 // data is incomplete and --strict was given
	ExitThreshold = 4 // a threshold was exceeded
	// ExitPipe is what a shell reports of a program that SIGPIPE ended.
	ExitPipe = 128 + 13
)

// An ExitError ends the command with a status. Err is printed unless nil, when
// everything was said already.
type ExitError struct {
	Code int
	Err  error
	// Said is the error behind it where people were told of it already; it is not
	// unwrapped.
	Said error
}

func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

func (e *ExitError) Unwrap() error { return e.Err }

// Usage makes an error of what the person typed.
func Usage(err error) error {
	if err == nil {
		return nil
	}
	return &ExitError{Code: ExitUsage, Err: err}
}

// Status is the exit status that an error stands for.
func Status(err error) int {
	var exit *ExitError
	switch {
	case err == nil:
		return ExitOK
	case errors.Is(err, syscall.EPIPE):
		return ExitPipe
	case errors.As(err, &exit):
		return exit.Code
	}
	return ExitFailed
}

// A Terminal is what a command writes to: results to Out, everything else to
// Err.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer
	// Width is the number of columns of Out, 0 if it is not a terminal.
	Width int
	// Colour says whether Out may be coloured.
	Colour bool
	// Progress says whether Err is a terminal that progress may be drawn on.
	Progress bool
	// Command is the command line as a shell takes it, and Version that of the
	// program, for results that travel without them.
	Command, Version string
	// Context ends what waits; nil never does.
	Context context.Context
	// Args are the words of the command line.
	Args []string
	// inputs are the files that this command reads, which -o must not name.
	inputs []string
}

// reads reports whether path is a file that this command reads.
func (t *Terminal) reads(path string) bool {
	out, err := os.Stat(path)
	if err != nil {
		return false
	}
	for _, p := range t.inputs {
		if in, err := os.Stat(p); err == nil && os.SameFile(in, out) && in.Mode().IsRegular() {
			return true
		}
	}
	return false
}

// Warnf prints a line for people, prefixed by what it is.
func (t *Terminal) Warnf(kind, format string, args ...any) {
	fmt.Fprintf(t.Err, "ipiscope: %s: %s\n", kind, t.Message(fmt.Sprintf(format, args...)))
}

// Message makes a message fit for people and for logs: it may hold text of a trace,
// and names of files, which may hold line breaks and what a CI system takes for a
// command.
func (t *Terminal) Message(msg string) string {
	for _, names := range [][]string{t.Args, t.inputs} {
		for _, name := range names {
			if clean := text.Clean(name); clean != name {
				msg = strings.ReplaceAll(msg, name, clean)
			}
		}
	}
	lines := strings.Split(msg, "\n")
	for i, line := range lines {
		lines[i] = text.Clean(line)
	}
	return strings.Join(lines, "\n")
}
