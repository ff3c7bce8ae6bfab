// Package hits lists the hits of a trace one by one, for programs that do their
// own counting.
package hits

import (
	"fmt"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Analyzer describes this analysis.
func Analyzer() analysis.Analyzer {
	anyOf, optional := track.Needs()
	return analysis.Analyzer{
		Name:  "hits",
		Doc:   "One row for each hit.",
		Scope: analysis.ScopeTrace,
		Needs: analysis.Needs{Any: anyOf, Optional: optional},
	}
}

// Columns are those of every row, in order. Names are a contract: columns are
// added behind the last one.
func Columns() []result.Col {
	return []result.Col{
		{Name: "time_ns", Unit: "ns", Help: "time of the send on the trace's clock"},
		{Name: "sender", Help: "CPU that sent"},
		{Name: "target", Help: "isolated CPU that was hit"},
		{Name: "pid", Help: "pid of the sending task"},
		{Name: "comm", Help: "name of the sending task"},
		{Name: "event", Help: "the send event"},
		{Name: "callback", Help: "the callback that the event names"},
		{Name: "callsite", Help: "where the send was called from"},
		{Name: "function", Help: "what the hit makes the target run"},
		{Name: "evidence", Help: "how the function is known"},
		{Name: "cause", Help: "the kernel function that made the send necessary"},
		{Name: "entry", Help: "what entered the kernel"},
		{Name: "class", Help: "what can be done about it"},
		{Name: "self", Help: "1 if the CPU sent to itself"},
		{Name: "instance", Help: "trace instance"},
		{Name: "file", Help: "input file"},
		{Name: "mechanism", Help: "what the cause called that sends"},
		{Name: "noise", Help: "1 if the recorder caused it"},
	}
}

// Config says which hits are listed and who gets them.
type Config struct {
	Isolated *cpumask.Mask
	Counts   func(*trace.Event) bool
	Catalog  *catalog.Catalog
	// Row receives each hit in the order of the trace; the slice is reused.
	Row func([]result.Value) error
}

// A State lists the hits of one trace. Sends of ipi_raise events are held until
// the end: they count only if the trace has no other sends.
type State struct {
	cfg    Config
	table  *trace.Table
	sends  *track.Sends
	attr   *track.Attributor
	row    []result.Value
	raised [][]result.Value
	// direct: there was an ipi_send event, counted or not
	direct bool
	// released: rows of ipi_raise events are no longer held
	released bool
	err      error
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, row: make([]result.Value, len(Columns()))}
	s.attr = track.NewAttributor(cfg.Catalog, t)
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr, Send: s.send})
	return s
}

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.Wants() }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) { s.sends.Event(e) }

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) { s.sends.Lost(l) }

// End implements analysis.State.
func (s *State) End(analysis.Span) {
	s.sends.End()
	s.release()
}

// Err is the first error that Row returned, or that the hits cannot be told; no
// rows were handed out after it.
func (s *State) Err() error { return s.err }

func (s *State) emit(row []result.Value) {
	if s.err == nil {
		s.err = s.cfg.Row(row)
	}
}

// maxRaised bounds what is held of a trace with ipi_raise events: beyond it
// they are taken for all there is.
const maxRaised = 1 << 16

func (s *State) send(w *track.Send) {
	if !w.Raise && !s.direct {
		s.direct, s.raised = true, nil
		if s.released && s.err == nil {
			s.err = fmt.Errorf("%s: the first ipi_send event comes after %d hits of ipi_raise events, which were taken for all there is: choose one kind with --events", s.table.Meta.Path, maxRaised)
		}
	}
	if !w.Counted || w.Raise && s.direct {
		return
	}
	for i := range w.Hits {
		s.fill(w, &w.Hits[i])
		if w.Raise && !s.released {
			s.hold()
		} else {
			s.emit(s.row)
		}
	}
}

// hold keeps the row of an ipi_raise, or lets all of them go if there are too
// many.
func (s *State) hold() {
	s.raised = append(s.raised, append([]result.Value(nil), s.row...))
	if len(s.raised) > maxRaised {
		s.release()
	}
}

func (s *State) release() {
	for _, row := range s.raised {
		s.emit(row)
	}
	s.raised, s.released = nil, true
}

func (s *State) fill(w *track.Send, h *track.Hit) {
	t := s.table
	facts := s.attr.Stack(w.Stack)
	self, noise := h.Target == w.CPU, s.attr.IsNoise(w, h)
	row := s.row[:0]
	row = append(row,
		result.Int(int64(w.Time)), result.Int(w.CPU), result.Int(h.Target), result.Int(w.PID), result.Str(t.NameOf(w.Comm)),
		result.Str(t.Schema(w.Event).Name), result.Str(t.NameOf(w.Callback)), result.Str(t.NameOf(w.Callsite)),
		result.Str(t.NameOf(h.Function)), result.Str(h.Evidence.String()),
		result.Str(t.NameOf(facts.Cause)), result.Str(t.NameOf(facts.Entry)), result.Str(s.attr.Class(h.Function, w.Stack).Class.String()),
		flag(self), result.Str(t.NameOf(w.Instance)), result.Str(t.Meta.Path), result.Str(t.NameOf(facts.Mechanism)), flag(noise && !self))
	s.row = row
}

func flag(b bool) result.Value {
	if b {
		return result.Int(1)
	}
	return result.Int(0)
}
