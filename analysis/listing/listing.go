// Package listing lists the hits, sends or requests of a trace one by one, for
// programs that do their own counting.
package listing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Rows says what there is a row for.
type Rows uint8

const (
	Hits Rows = iota
	Sends
	Requests
)

// RowsNames are the names of Rows.
func RowsNames() []string { return []string{"hits", "sends", "requests"} }

func (r Rows) String() string { return RowsNames()[r] }

// ParseRows reads the name of Rows.
func ParseRows(name string) (Rows, error) {
	i := slices.Index(RowsNames(), name)
	if i < 0 {
		return 0, fmt.Errorf("unknown rows %q: want %s", name, strings.Join(RowsNames(), ", "))
	}
	return Rows(i), nil
}

// Config says which rows are listed and who gets them.
type Config struct {
	Isolated *cpumask.Mask
	Counts   func(*trace.Event) bool
	Catalog  *catalog.Catalog
	Rows     Rows
	// Row receives each row in the order of the trace; the slice is reused.
	Row func([]result.Value) error
}

// A State lists the rows of one trace.
type State struct {
	cfg     Config
	table   *trace.Table
	attr    *track.Attributor
	records *track.Records
	stacks  map[trace.StackID]string
	row     []result.Value
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, stacks: map[trace.StackID]string{}}
	s.attr = track.NewAttributor(cfg.Catalog, t)
	c := track.RecordsConfig{Config: track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr}}
	switch cfg.Rows {
	case Hits:
		c.Hit = s.hit
	case Sends:
		c.Send = s.send
	case Requests:
		c.Request = s.request
	}
	s.records = track.NewRecords(t, c)
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.records.Testify(in) }

// Wants implements analysis.Selective. Of sends no arrival is told.
func (s *State) Wants() trace.Want {
	if s.cfg.Rows == Sends {
		return track.Wants()
	}
	return track.DeliveryWants()
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) { s.records.Event(e) }

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) { s.records.Lost(l) }

// End implements analysis.State.
func (s *State) End(analysis.Span) { s.records.End() }

// Err is the first error that Row returned, or that the rows cannot be told; no
// rows were handed out after it.
func (s *State) Err() error { return s.records.Err() }

func (s *State) name(id trace.NameID) result.Value { return result.Str(s.table.NameOf(id)) }

// stack is a stack as one line, innermost frame first.
func (s *State) stack(id trace.StackID) result.Value {
	text, ok := s.stacks[id]
	if !ok {
		text = s.attr.Folded(id)
		s.stacks[id] = text
	}
	return result.Str(text)
}

// file is the trace itself.
func (s *State) file() result.Value { return result.Str(s.table.Meta.Path) }

func (s *State) class(function trace.NameID, stack trace.StackID, callsite trace.NameID) result.Value {
	return result.Str(s.attr.Class(function, stack, callsite).Class.String())
}

// known is a time, or nothing.
func known(t trace.Time) result.Value {
	if t == track.Never {
		return result.None()
	}
	return result.Int(t)
}

func flag(b bool) result.Value {
	if b {
		return result.Int(1)
	}
	return result.Int(0)
}
