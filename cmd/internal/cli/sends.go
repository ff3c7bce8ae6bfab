package cli

import (
	"context"
	"errors"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// SendFlags are the flags of commands that count sends to isolated CPUs.
type SendFlags struct {
	input    InputFlags
	isolated IsolatedFlag
	catalog  CatalogFlag
	filter   FilterFlags
}

// AddTo defines the flags; what says what passing the filter means.
func (f *SendFlags) AddTo(fs *pflag.FlagSet, what string) {
	f.isolated.AddTo(fs)
	f.filter.AddTo(fs, what)
	f.catalog.AddTo(fs)
	f.input.AddTo(fs)
}

// Sends are the traces of such a command, with what is counted in them.
type Sends struct {
	Isolated *Isolated
	Catalog  *catalog.Catalog
	t        *Terminal
	in       *Inputs
	filters  *Filters
}

// IsolatedElsewhere tells that a manifest may name the isolated CPUs; before Load.
func (f *SendFlags) IsolatedElsewhere() { f.isolated.elsewhere = true }

// IsolatedBy names a file that names the isolated CPUs where --isolated does not: it
// goes before the environment. Before Load.
func (f *SendFlags) IsolatedBy(file, says string) { f.isolated.from, f.isolated.says = file, says }

// UseMarks makes the names of marks known to --from and --to; before Load.
func (f *SendFlags) UseMarks(m []marks.Mark) { f.input.marks = m }

// Catalog is the catalogue alone, for what needs no trace.
func (f *SendFlags) Catalog() (*catalog.Catalog, error) { return f.catalog.Load() }

// Load checks the flags and reads what they name. No trace is read before they
// are right.
func (f *SendFlags) Load(t *Terminal, paths []string) (*Sends, error) {
	s := &Sends{t: t}
	var err error
	if s.Isolated, err = f.isolated.Set(t); err != nil {
		return nil, err
	}
	if s.Catalog, err = f.catalog.Load(); err != nil {
		return nil, err
	}
	if s.filters, err = f.filter.Load(s.Isolated); err != nil {
		return nil, err
	}
	s.in, err = f.input.Inputs(t, paths)
	return s, err
}

// Of returns the same for one trace, with isolated CPUs of its own: what several
// machines recorded is read with one set of flags. The trace may be a file that does
// not exist, which shows when it is read.
func (s *Sends) Of(t *Terminal, path string, iso *Isolated) *Sends {
	in, filters := *s.in, *s.filters
	in.t, in.paths, in.parts, in.jobs, in.twins, in.repeated = t, []string{path}, nil, 1, &Twins{}, nil
	in.memory = in.memory.apart()
	filters.iso = iso
	return &Sends{Isolated: iso, Catalog: s.Catalog, t: t, in: &in, filters: &filters}
}

// OneThread reads each trace with one thread unless --threads says otherwise: others
// are read at the same time.
func (s *Sends) OneThread() { s.in.oneThread() }

// Recording is what a trace says about which events were on, with what the flags
// take of it and assert. It may be asked when the trace was read.
func (s *Sends) Recording(t *trace.Table) (*track.Recording, error) {
	selection, err := s.in.selection(t)
	return track.NewRecording(t, &selection, s.in.recorded), err
}

// WarnRepeated says in a result which inputs were left out.
func (s *Sends) WarnRepeated(set *result.Set) { s.in.WarnRepeated(set) }

// Each is Inputs.EachOf with the filter of each trace: counts is nil if every send
// counts.
func (s *Sends) Each(ctx context.Context, f func(src trace.Source, counts func(*trace.Event) bool, run Run) error) error {
	return s.in.EachOf(ctx, s.Isolated, func(t *Terminal, src trace.Source, run Run) error {
		if err := s.Isolated.Check(&src.Table().Meta); err != nil {
			return err
		}
		bound, err := s.filters.BindSends(t, src)
		if err != nil {
			return err
		}
		return errors.Join(f(src, bound.Counts(), run), bound.End())
	})
}
