package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// catRows are --function, --cause and --class: the rows of report whose sends are
// printed.
type catRows struct {
	catalog                  cli.CatalogFlag
	function, cause, classes []string
}

// AddTo defines the flags.
func (f *catRows) AddTo(fs *pflag.FlagSet) {
	fs.StringSliceVar(&f.function, "function", nil, "print the sends, with their stacks, behind the row `NAME` of report --by function; several add up")
	fs.StringSliceVar(&f.cause, "cause", nil, "print the sends behind the row `NAME` of report --by cause")
	fs.StringSliceVar(&f.classes, "class", nil, "print the sends behind the row `NAME` of report --by class: "+strings.Join(catalog.ClassNames(), " "))
	f.catalog.AddTo(fs)
}

// A wantedRow is the rows of one key that are wanted, with the sends of all that there
// are.
type wantedRow struct {
	key   key.Key
	names []string
	seen  map[string]uint64
}

// chosenRows say which sends are printed: those with a hit that is in a row of each of
// them.
type chosenRows struct {
	catalog *catalog.Catalog
	rows    []wantedRow
	// printed is how many sends were, and maybe how many may be of the rows too
	printed, maybe uint64
}

// load returns nil if no flag is given.
func (f *catRows) load() (*chosenRows, error) {
	c := &chosenRows{}
	for _, w := range []wantedRow{{key: key.Function, names: f.function}, {key: key.Cause, names: f.cause}, {key: key.Class, names: f.classes}} {
		if len(w.names) > 0 {
			w.seen = map[string]uint64{}
			c.rows = append(c.rows, w)
		}
	}
	for _, name := range f.classes {
		if !catalog.IsClass(name) {
			return nil, cli.Unknown("class", name, catalog.ClassNames())
		}
	}
	if len(c.rows) == 0 {
		return nil, nil
	}
	var err error
	c.catalog, err = f.catalog.Load()
	return c, err
}

// say tells what was asked for and is not there, and what may be more of it.
func (c *chosenRows) say(t *cli.Terminal) error {
	var all []error
	for _, w := range c.rows {
		valid := slices.SortedFunc(maps.Keys(w.seen), func(a, b string) int { return cmp.Or(cmp.Compare(w.seen[b], w.seen[a]), strings.Compare(a, b)) })
		for _, name := range w.names {
			switch _, ok := w.seen[name]; {
			case ok:
			case len(valid) == 0:
				t.Warnf("warning", "no send has %s %q: no send was read", w.key, name)
			case w.key == key.Class:
				t.Warnf("warning", "no send has class %q (there are: %s)", name, strings.Join(valid, " "))
			default:
				all = append(all, cli.Unknown(w.key.String(), name, valid))
			}
		}
	}
	if c.maybe > 0 {
		t.Warnf("note", "%d further sends may be of it: their row is unknown or a set that holds the name", c.maybe)
	}
	return errors.Join(all...)
}

// A rowFilter is the State that finds the sends behind rows in one trace.
type rowFilter struct {
	chosen  *chosenRows
	table   *trace.Table
	attr    *track.Attributor
	records *track.Records
	lines   *sendLines
	emit    func(*sendText)
	answers []map[key.ID]answered // by row
}

type answered struct {
	name  string
	match names.Answer
}

func newRowFilter(chosen *chosenRows, table *trace.Table, iso *cli.Isolated, counts func(*trace.Event) bool, lines *sendLines, emit func(*sendText)) *rowFilter {
	f := &rowFilter{chosen: chosen, table: table, attr: track.NewAttributor(chosen.catalog, table), lines: lines, emit: emit}
	f.records = track.NewRecords(table, track.RecordsConfig{
		Config: track.Config{Isolated: iso.Targets(), Attribution: f.attr, Counts: counts, Began: lines.began, Stacked: lines.stacked},
		Send:   f.send,
	})
	for range chosen.rows {
		f.answers = append(f.answers, map[key.ID]answered{})
	}
	return f
}

var _ analysis.Selective = (*rowFilter)(nil)

// Wants implements analysis.Selective.
func (f *rowFilter) Wants() trace.Want { return track.Wants() }

// Event implements analysis.State.
func (f *rowFilter) Event(e *trace.Event) { f.lines.take(f.records, e) }

// Lost implements analysis.State. What was lost matters to whoever reads on.
func (f *rowFilter) Lost(l *trace.Lost) {
	f.records.Lost(l)
	f.lines.gap(l)
}

// End implements analysis.State.
func (f *rowFilter) End(analysis.Span) {
	f.records.End()
	f.lines.pass(f.lines.last, false, f.emit)
}

// send takes the next send.
func (f *rowFilter) send(w *track.SendRecord) error {
	best := names.No
	for i := range w.Hits {
		best = max(best, f.match(&w.Hits[i]))
	}
	if len(w.Hits) == 0 {
		best = f.match(noHit(w))
	}
	switch best {
	case names.Is:
		f.chosen.printed++
	case names.May:
		f.chosen.maybe++
	}
	f.lines.pass(w.Serial, best == names.Is, f.emit)
	return nil
}

// match says whether a hit is in the rows.
func (f *rowFilter) match(h *track.HitRecord) names.Answer {
	sub, all := key.RecordSubject(h), names.Is
	for i := range f.chosen.rows {
		w := &f.chosen.rows[i]
		id := w.key.ID(&sub, f.attr)
		a, ok := f.answers[i][id]
		if !ok {
			a = w.answer(w.key.Text(id, f.table, f.attr))
			f.answers[i][id] = a
		}
		w.seen[a.name]++
		all = min(all, a.match)
	}
	return all
}

// answer says whether a row is wanted: it is the row of that name, as report shows it.
// Others may be it.
func (w *wantedRow) answer(value string) answered {
	a := answered{value, names.No}
	for _, name := range w.names {
		switch {
		case value == name:
			a.match = names.Is
		case names.MayBeSame(value, name) && !names.IsUnknown(name):
			a.match = max(a.match, names.May)
		}
	}
	return a
}

// readRows reads a trace for the sends behind rows. Those of a text are printed, others
// go to emit, with the gaps between them.
func (c *cat) readRows(ctx context.Context, tr cli.Trace, emit func(*sendText)) error {
	if c.out.stopped() {
		return nil
	}
	return tr.Read(ctx, func(src trace.Source, run cli.Run) error {
		if err := c.isolated.Check(&src.Table().Meta); err != nil {
			return err
		}
		bound, err := c.filters.BindSends(c.t, src)
		if err != nil {
			return err
		}
		name, tail := "", ""
		if c.several {
			name = filepath.Base(tr.Path)
		}
		lines, err := newSendLines(src, c.report, filepath.Base(tr.Path), name, c.form)
		if err != nil {
			return err
		}
		if _, ok := trace.As[trace.Texter](src); ok {
			emit = c.printText
		}
		if framed, ok := trace.As[trace.Framer](src); ok {
			lines.head, tail = framed.Frame()
		}
		c.out.head([]byte(lines.head))
		state := newRowFilter(c.rows, src.Table(), c.isolated, bound.Counts(), lines, emit)
		if _, err = run(state); c.out.stopped() {
			err = nil
		} else {
			c.out.head([]byte(tail))
		}
		return errors.Join(err, state.records.Err(), bound.End())
	})
}

// printText prints a send or a gap.
func (c *cat) printText(s *sendText) { c.out.record(s.text()) }
