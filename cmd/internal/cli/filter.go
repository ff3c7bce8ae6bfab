package cli

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// FilterFlags are --filter and what a filter on text needs to know besides.
type FilterFlags struct {
	exprs []string
	KernelFlags
}

// AddTo defines the flags; what says what passing the filter means.
func (f *FilterFlags) AddTo(fs *pflag.FlagSet, what string) {
	fs.StringArrayVarP(&f.exprs, "filter", "F", nil, what+" that the kernel's filter `EXPR` lets through; EVENT: EXPR names its events, @isolated within CPUS{} is the --isolated set")
	f.KernelFlags.AddTo(fs)
}

// KernelFlags describe the traced kernel where a text does not.
type KernelFlags struct {
	formats string
	symbols string
	nrCPUs  int
}

// AddTo defines the flags.
func (f *KernelFlags) AddTo(fs *pflag.FlagSet) {
	fs.StringVar(&f.formats, "event-formats", "", "take the events' formats from a format file or from those in a folder at `PATH`, for text inputs and for a perf.data that has none")
	fs.StringVar(&f.symbols, "symbols", "", "take kernel symbols from the kallsyms or System.map `FILE`, a build-id cache of perf (~/.debug) or the tar of perf archive, for text inputs and perf.data")
	fs.IntVar(&f.nrCPUs, "nr-cpus", 0, "`N` CPUs that the traced kernel can have (nr_cpu_ids), where the input does not say")
}

// Kernel is what KernelFlags name, read.
type Kernel struct {
	Formats []*trace.Schema
	Symbols *SymbolSource // nil: not given
	NrCPUs  int
}

// Load reads the files.
func (f *KernelFlags) Load() (*Kernel, error) {
	k := &Kernel{NrCPUs: f.nrCPUs}
	if f.nrCPUs < 0 || f.nrCPUs > cpumask.MaxCPUs {
		return nil, Usage(fmt.Errorf("--nr-cpus %d: want 1 to %d", f.nrCPUs, cpumask.MaxCPUs))
	}
	var err error
	if f.formats != "" {
		if k.Formats, err = loadFormats(f.formats); err != nil {
			return nil, err
		}
	}
	if f.symbols != "" {
		if k.Symbols, err = loadSymbols(f.symbols); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// maxFormat bounds one format file; the kernel's are a few KB.
const maxFormat = 1 << 20

// loadFormats reads a format file, or all files named "format" or "*.format" in
// a folder and below it, as events/ of tracefs is laid out.
func loadFormats(path string) ([]*trace.Schema, error) {
	var schemas []*trace.Schema
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if name := d.Name(); p != path && name != "format" && !strings.HasSuffix(name, ".format") {
			return nil
		}
		text, err := ReadFile(p, maxFormat)
		if err != nil {
			return err
		}
		s, err := tracefmt.ParseFormat(text, 8)
		if err != nil {
			return fmt.Errorf("--event-formats: %s: %w", p, err)
		}
		s.System = systemOf(p, s.Name)
		schemas = append(schemas, s)
		return nil
	})
	if err == nil && len(schemas) == 0 {
		err = fmt.Errorf("--event-formats: no file named format or *.format in %s", path)
	}
	return schemas, err
}

// systemOf is the system of an event by where its format file lies, which is
// events/SYSTEM/EVENT/format in tracefs. Elsewhere it is not known.
func systemOf(path, event string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	dir, name := filepath.Split(path)
	if dir = filepath.Clean(dir); name != "format" || filepath.Base(dir) != event {
		return ""
	}
	system := filepath.Base(filepath.Dir(dir))
	if system == string(filepath.Separator) {
		return ""
	}
	return system
}

// Filters are the expressions of a command line.
type Filters struct {
	exprs  []string
	kernel *Kernel
	iso    *Isolated
}

// Load checks the expressions as far as can be done without a trace, and reads
// the files.
func (f *FilterFlags) Load(iso *Isolated) (*Filters, error) {
	kernel, err := f.KernelFlags.Load()
	if err != nil {
		return nil, err
	}
	fl := &Filters{exprs: f.exprs, kernel: kernel, iso: iso}
	if len(f.exprs) > 0 {
		if _, err := filter.NewProgram(f.exprs, fl.env(trace.NewTable(), nil)); err != nil {
			return nil, Usage(err)
		}
	}
	return fl, nil
}

func (fl *Filters) env(t *trace.Table, src trace.Source) filter.Env {
	m := &t.Meta
	env := filter.Env{NrCPUs: m.CPUs, LongSize: m.LongSize, Text: m.LongSize == 0, Extensions: true}
	if fl.kernel.NrCPUs > 0 {
		env.NrCPUs = fl.kernel.NrCPUs
	}
	if fl.iso != nil && !fl.iso.All {
		env.Isolated = fl.iso.Mask.String()
	}
	switch given := fl.kernel.Symbols; {
	case fl.needSymbols():
		if table := fl.symbols(m.BuildID, src); table != nil {
			env.Symbols = filter.KernelSymbols(table)
		}
	case given != nil:
		env.Symbols = &lateSymbols{load: func() (*ksym.Table, error) { return given.For(m.BuildID) }}
	}
	return env
}

// symbols returns those that were given, else the trace's own, nil if there are
// neither.
func (fl *Filters) symbols(buildID string, src trace.Source) *ksym.Table {
	if fl.kernel.Symbols != nil {
		if table, err := fl.kernel.Symbols.For(buildID); err == nil {
			return table
		}
	}
	if s, ok := trace.As[ksym.Holder](src); ok {
		return s.Symbols()
	}
	return nil
}

// lateSymbols are loaded when an address is compared whose text is a name.
type lateSymbols struct {
	load   func() (*ksym.Table, error)
	loaded filter.Symbols // nil if there are none
}

// Range implements filter.Symbols.
func (s *lateSymbols) Range(name string) (start, end uint64, ok bool) {
	if t := s.table(); t != nil {
		return t.Range(name)
	}
	return 0, 0, false
}

// RangeAt implements filter.Symbols.
func (s *lateSymbols) RangeAt(addr uint64) (start, end uint64, ok bool) {
	if t := s.table(); t != nil {
		return t.RangeAt(addr)
	}
	return 0, 0, false
}

func (s *lateSymbols) table() filter.Symbols {
	if s.load != nil {
		if t, err := s.load(); err == nil {
			s.loaded = filter.KernelSymbols(t)
		}
		s.load = nil
	}
	return s.loaded
}

// needSymbols reports whether an expression looks at functions. A trace's own symbol
// table is large and read only then.
func (fl *Filters) needSymbols() bool {
	for _, e := range fl.exprs {
		if strings.Contains(e, ".function") {
			return true
		}
	}
	return false
}

// Describe completes the events of a text with the formats and symbols that were
// given. It must be called before src is read.
func (fl *Filters) Describe(src trace.Source) { fl.kernel.Describe(src) }

// Describe tells a Source what was given about its kernel.
func (k *Kernel) Describe(src trace.Source) {
	src.Table().Describe(k.Formats)
	if s, ok := trace.As[trace.FormatUser](src); ok {
		s.UseFormats(k.Formats)
	}
	if s, ok := trace.As[ksym.User](src); ok && k.Symbols != nil {
		s.UseSymbols(k.Symbols.For)
	}
}

// Bound is the filter of one trace. Its Match is nil-safe: a nil Bound lets
// everything through.
type Bound struct {
	*filter.Program
	t    *Terminal
	said map[string]bool
}

// Bind makes the filter for one trace, nil if there are no expressions.
func (fl *Filters) Bind(t *Terminal, src trace.Source) (*Bound, error) {
	fl.Describe(src)
	if len(fl.exprs) == 0 {
		return nil, nil
	}
	env := fl.env(src.Table(), src)
	p, err := filter.NewProgram(fl.exprs, env)
	if err == nil {
		err = p.Bind(src.Table(), !env.Text)
	}
	if err != nil {
		return nil, Usage(err)
	}
	return &Bound{p, t, map[string]bool{}}, nil
}

// BindSends is Bind for commands that count sends: the filter must choose among
// those.
func (fl *Filters) BindSends(t *Terminal, src trace.Source) (*Bound, error) {
	b, err := fl.Bind(t, src)
	if b == nil || err != nil {
		return nil, err
	}
	for _, name := range track.SendEvents() {
		if b.Selects(&trace.Schema{System: "ipi", Name: name}) {
			return b, nil
		}
	}
	return nil, Usage(fmt.Errorf("--filter %q is for none of the send events ipi_send_cpu, ipi_send_cpumask and ipi_raise: it would count nothing", fl.exprs))
}

// Counts is what analyses ask for each send; nil counts all.
func (b *Bound) Counts() func(*trace.Event) bool {
	if b == nil {
		return nil
	}
	return b.Match
}

// End prints what is to be said about the filter after its trace was read, and
// returns what it could not do.
func (b *Bound) End() error {
	if b == nil {
		return nil
	}
	for _, w := range b.Warnings() {
		if !b.said[w.Text] {
			b.said[w.Text] = true
			b.t.Warnf("warning", "--filter: %s", w.Text)
		}
	}
	return Usage(b.Err())
}
