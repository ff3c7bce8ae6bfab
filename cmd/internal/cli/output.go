package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report"
)

// OutputFlags say where a result goes and in which form.
type OutputFlags struct {
	// Extra are formats that only this command has; set before AddTo.
	Extra []report.Format
	// Only are the command's formats if it has none of the usual ones, the
	// default first; set before AddTo.
	Only   []report.Format
	format string
	path   string
	top    int
}

// AddTo defines the flags; top is how many rows are shown by default.
func (f *OutputFlags) AddTo(cmd *cobra.Command, top int) {
	fs := cmd.Flags()
	fs.StringVar(&f.format, "format", f.names()[0], "`FORMAT` of the result: "+strings.Join(f.names(), " "))
	fs.StringVarP(&f.path, "output", "o", "", "write the result to `FILE`")
	fs.IntVar(&f.top, "top", top, "show the first `N` rows of the table, 0 for all")
	// fails only for a flag that does not exist
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(f.names(), cobra.ShellCompDirectiveNoFileComp))
}

// Format is the name that --format gives.
func (f *OutputFlags) Format() string { return f.format }

// formats lists what --format takes, the default first.
func (f *OutputFlags) formats() []report.Format {
	if f.Only != nil {
		return f.Only
	}
	return append(report.Formats(), f.Extra...)
}

func (f *OutputFlags) names() []string {
	var names []string
	for _, x := range f.formats() {
		names = append(names, x.Name)
	}
	return names
}

// Writer checks the flags and returns what writes a result with its warnings.
func (f *OutputFlags) Writer(t *Terminal) (func(*result.Set) error, error) {
	formats := f.formats()
	i := slices.IndexFunc(formats, func(x report.Format) bool { return x.Name == f.format })
	if i < 0 {
		return nil, Unknown("format", f.format, f.names())
	}
	return f.With(t, formats[i])
}

// With returns what writes a result in a form, with its warnings.
func (f *OutputFlags) With(t *Terminal, format report.Format) (func(*result.Set) error, error) {
	if format.Aside {
		if err := RefuseTerminal(t, f.path, format.Name); err != nil {
			return nil, err
		}
	}
	return func(set *result.Set) error {
		set.WarnNotes()
		for _, w := range set.Warnings {
			t.Warnf("warning", "%s", w.Text)
		}
		return WriteTo(t, f.path, func(o Output) error {
			if format.Colours && o.Width > 0 { // and cleans what it shows
				o.Writer = t.Out
			}
			return format.Write(o, set, report.Options{Width: o.Width, Colour: o.Colour, Top: f.top, Command: t.Command, Version: t.Version})
		})
	}, nil
}

// RefuseTerminal is an error if output to path, of a form that programs open,
// would go to a terminal.
func RefuseTerminal(t *Terminal, path, form string) error {
	if t.IsTerminal() && (path == "" || path == "-") {
		return Usage(fmt.Errorf("%s is not written to a terminal: give -o FILE or redirect it", form))
	}
	return nil
}

// An Output is where a result goes.
type Output struct {
	io.Writer
	Width  int // columns of the terminal, 0 if it is none
	Colour bool
}

// WriteTo lets write write to a file, or to standard output if path is empty or
// "-". A file that could not be written whole is removed. Control characters never
// get to a terminal.
func WriteTo(t *Terminal, path string, write func(Output) error) error {
	if toOut := path == "" || path == "-"; toOut && t.IsTerminal() {
		clean := &cleanWriter{w: t.Out}
		return errors.Join(write(Output{clean, t.Width, t.Colour}), clean.Flush())
	} else if toOut {
		return write(Output{Writer: t.Out})
	}
	if t.reads(path) {
		return Usage(fmt.Errorf("-o %s: is one of the inputs", path))
	}
	// Not os.Create: whoever opens a pipe for reading too keeps it open for good.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	err = errors.Join(write(Output{Writer: f}), f.Close())
	if st, serr := os.Lstat(path); err != nil && serr == nil && st.Mode().IsRegular() {
		os.Remove(path) // never a device such as /dev/full
	}
	return err
}
