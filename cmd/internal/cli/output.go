package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
	Only []report.Format
	// Every says that --top holds for every table of the result, and not for the first
	// one alone; set before AddTo.
	Every  bool
	format string
	path   string
	top    int
	raw    bool
	all    bool
	origin bool
	// topGiven reports whether --top was given.
	topGiven func() bool
}

// AddTo defines the flags; top is how many rows are shown by default.
func (f *OutputFlags) AddTo(cmd *cobra.Command, top int) {
	fs := cmd.Flags()
	fs.StringVar(&f.format, "format", f.names()[0], "`FORMAT` of the result: "+strings.Join(f.names(), " "))
	fs.StringVarP(&f.path, "output", "o", "", "write the result to `FILE`")
	if slices.ContainsFunc(f.formats(), func(x report.Format) bool { return x.Name == "csv" }) {
		fs.BoolVar(&f.raw, "raw-cells", false, RawCells)
	}
	fs.BoolVar(&f.origin, "origin", false, Origin)
	of := "the table"
	if f.Every {
		of = "each table"
	}
	fs.IntVar(&f.top, "top", top, "show the first `N` rows of "+of+", 0 for all")
	f.topGiven = func() bool { return fs.Changed("top") }
	if slices.ContainsFunc(f.formats(), func(x report.Format) bool { return x.Name == "table" }) {
		fs.BoolVar(&f.all, "all-rows", false, "show rows without a hit too, and a row for each CPU where several are alike")
	}
	// fails only for a flag that does not exist
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(f.names(), cobra.ShellCompDirectiveNoFileComp))
}

// RawCells is the help of --raw-cells.
const RawCells = "write cells of csv and tsv as they are in the trace: not with a ' before = + - @, which spreadsheets take for formulas, and control characters as escapes"

// Origin is the help of --origin.
const Origin = "say in the result where it comes from: command line, version, inputs with size and identity; text as its last line, json as member origin; html, svg and pprof always do"

// Format is the name that --format gives.
func (f *OutputFlags) Format() string { return f.format }

// AllRows reports whether people are shown every row.
func (f *OutputFlags) AllRows() bool { return f.all }

// Path is what -o names, "" for standard output.
func (f *OutputFlags) Path() string { return f.path }

// UsualTop is how many rows are shown unless --top says otherwise.
func (f *OutputFlags) UsualTop(n int) {
	if !f.topGiven() {
		f.top = n
	}
}

// Top is how many rows --top shows, 0 for all.
func (f *OutputFlags) Top() int { return f.top }

// ToFile reports whether -o names a file.
func (f *OutputFlags) ToFile() bool { return f.path != "" && f.path != "-" }

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
	if f.origin && format.Origin == report.OriginNowhere {
		return nil, Usage(fmt.Errorf("--origin: --format %s has no place for it", format.Name))
	}
	return func(set *result.Set) error {
		set.WarnNotes()
		set.NameTicks()
		set.WithholdRates()
		for _, w := range set.Warnings {
			t.Warnf("warning", "%s", w.Text)
		}
		return WriteTo(t, f.path, func(o Output) error {
			if format.Colours && o.Width > 0 { // and cleans what it shows
				o.Writer = t.Out
			}
			return format.WriteFrom(o, set, report.Options{
				Width: o.Width, Colour: o.Colour, Top: f.top, Every: f.Every && f.topGiven(), AllRows: f.all, RawCells: f.raw, Command: t.Command, Version: t.Version,
			}, f.origin)
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
// "-". A file has its name when it is whole, and not before. Control characters
// never get to a terminal.
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
	target, beside := besides(path)
	if !beside {
		return writeInto(t, path, write)
	}
	return writeBeside(target, write)
}

// writeInto writes to what a path names, such as a device or a pipe.
func writeInto(t *Terminal, path string, write func(Output) error) error {
	// Not os.Create: whoever opens a pipe for reading too keeps it open for good, and
	// a pipe that is gone meanwhile is not to become a file.
	f, err := openFile(t.Context, path, func() (*os.File, error) { return os.OpenFile(path, os.O_WRONLY|os.O_TRUNC, 0) })
	if err != nil {
		return err
	}
	return errors.Join(write(Output{Writer: f}), f.Close())
}

// writeBeside writes to a file of another name in the same folder, which takes
// the name when it is whole. So an old file survives every failure.
func writeBeside(path string, write func(Output) error) error {
	mode, have := os.FileMode(0o666), false
	if st, err := os.Stat(path); err == nil {
		// Who may not write the file may not replace it either.
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		f.Close()
		mode, have = st.Mode().Perm(), true
	}
	tmp := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d.part", filepath.Base(path), os.Getpid()))
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	var failed *fs.PathError
	if errors.As(err, &failed) {
		failed.Path = path // the name that people know
	}
	if err != nil {
		return err
	}
	if have { // the umask took bits
		err = f.Chmod(mode)
	}
	if err = errors.Join(err, write(Output{Writer: f}), f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
	}
	return err
}

// besides tells which file a path leads to, and whether a new one may take its
// place: not that of a device, a pipe or an open file of this program.
func besides(path string) (string, bool) {
	for range 40 { // as the kernel follows links (path_resolution(7))
		dir, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return path, false
		}
		if dir, err = filepath.Abs(dir); err != nil || isSpecial(dir) {
			return path, false
		}
		path = filepath.Join(dir, filepath.Base(path))
		st, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, true
		}
		if err != nil || st.Mode()&os.ModeSymlink == 0 {
			return path, err == nil && st.Mode().IsRegular()
		}
		to, err := os.Readlink(path)
		if err != nil {
			return path, false
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(dir, to)
		}
		path = to
	}
	return path, false
}

// isSpecial reports whether what is in a folder are devices and open files.
func isSpecial(dir string) bool {
	for _, top := range []string{"/dev", "/proc"} {
		if dir == top || strings.HasPrefix(dir, top+"/") && !strings.HasPrefix(dir, "/dev/shm") {
			return true
		}
	}
	return false
}
