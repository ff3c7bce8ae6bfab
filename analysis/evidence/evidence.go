// Package evidence tells how the functions of hits were found, and how far the
// kinds of evidence agree where several answer.
package evidence

import (
	"fmt"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/evidence/v1"

// Analyzer describes this analysis.
func Analyzer() analysis.Analyzer {
	anyOf, optional := track.Needs()
	return analysis.Analyzer{
		Name:  "evidence",
		Doc:   "How the functions of hits were found.",
		Scope: analysis.ScopeCPU,
		Needs: analysis.Needs{Any: anyOf, Optional: optional},
	}
}

// Config says which hits are looked at.
type Config struct {
	Isolated *cpumask.Mask
	Catalog  *catalog.Catalog
}

// agreement counts what the stack says of hits whose function a csd event
// names.
type agreement struct {
	same, holds, differs, silent uint64
}

// A State looks at the hits of one trace.
type State struct {
	table   *trace.Table
	sends   *track.Sends
	attr    *track.Attributor
	by      [track.EvidenceHandler + 1]uint64
	sets    uint64 // hits whose function is a set
	noStack uint64
	noCause uint64 // with a stack that tells no cause
	csd     agreement
	differ  map[[2]trace.NameID]uint64 // csd's function, the stack's
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{table: t, attr: track.NewAttributor(cfg.Catalog, t), differ: map[[2]trace.NameID]uint64{}}
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Attribution: s.attr, Send: s.send})
	return s
}

var _ analysis.State = (*State)(nil)

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) { s.sends.Event(e) }

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) { s.sends.Lost(l) }

// End implements analysis.State.
func (s *State) End(analysis.Span) { s.sends.End() }

func (s *State) send(w *track.Send) {
	facts := s.attr.Stack(w.Stack)
	unknown := s.table.Name(track.Unknown)
	for i := range w.Hits {
		h := &w.Hits[i]
		s.by[h.Evidence]++
		switch {
		case w.Stack == 0:
			s.noStack++
		case facts.Cause == unknown:
			s.noCause++
		}
		if h.Evidence == track.EvidenceStack && facts.IsSet && h.Function == facts.Function {
			s.sets++
		}
		if h.Evidence == track.EvidenceCSD && w.Stack != 0 {
			s.compare(facts, h)
		}
	}
}

func (s *State) compare(facts *track.StackFacts, h *track.Hit) {
	switch {
	case facts.Function == 0:
		s.csd.silent++
	case facts.Function == h.Function:
		s.csd.same++
	case catalog.Holds(s.table.NameOf(facts.Function), s.table.NameOf(h.Function)):
		s.csd.holds++
	default:
		s.csd.differs++
		s.differ[[2]trace.NameID{h.Function, facts.Function}]++
	}
}

// Result makes the tables.
func (s *State) Result(in result.Input) *result.Set {
	set := &result.Set{Schema: Schema, Inputs: []result.Input{in}}
	var hits uint64
	found := &result.Table{Name: "evidence", Cols: []result.Col{
		{Name: "evidence", Head: "function known by", Key: true}, {Name: "hits", Head: "hits"}, {Name: "share", Head: "share", Unit: "1"},
	}}
	for _, n := range s.by {
		hits += n
	}
	for e, n := range s.by {
		if n > 0 {
			found.Rows = append(found.Rows, []result.Value{result.Str(track.Evidence(e).String()), result.Int(n), share(n, hits)})
		}
	}
	checked := s.csd.same + s.csd.holds + s.csd.differs + s.csd.silent
	details := &result.Table{Name: "checks", Cols: []result.Col{
		{Name: "check", Head: "of them", Key: true}, {Name: "hits", Head: "hits"}, {Name: "of", Head: "of"}, {Name: "share", Head: "share", Unit: "1"},
	}}
	for _, r := range []struct {
		what  string
		n, of uint64
	}{
		{"by stack, a set of functions", s.sets, s.by[track.EvidenceStack]},
		{"without a stack", s.noStack, hits},
		{"with a stack that tells no cause", s.noCause, hits - s.noStack},
		{"csd and stack: the same function", s.csd.same, checked},
		{"csd and stack: the stack's set holds it", s.csd.holds, checked},
		{"csd and stack: different functions", s.csd.differs, checked},
		{"csd and stack: the stack does not tell", s.csd.silent, checked},
	} {
		details.Rows = append(details.Rows, []result.Value{result.Str(r.what), result.Int(r.n), result.Int(r.of), share(r.n, r.of)})
	}
	differ := &result.Table{Name: "differences", Cols: []result.Col{
		{Name: "csd", Head: "csd says", Key: true}, {Name: "stack", Head: "stack says", Key: true}, {Name: "hits", Head: "hits"},
	}}
	for pair, n := range s.differ {
		differ.Rows = append(differ.Rows, []result.Value{result.Str(s.table.NameOf(pair[0])), result.Str(s.table.NameOf(pair[1])), result.Int(n)})
	}
	differ.SortDown(2)
	set.Verdict = fmt.Sprintf("%s: %d hits, %d without a known function", in.Path, hits, s.by[track.EvidenceNone])
	set.Totals = []result.Field{{Name: "hits", Value: result.Int(hits)}}
	set.Tables = []*result.Table{found, details, differ}
	return set
}

func share(n, of uint64) result.Value {
	if of == 0 {
		return result.Float(0)
	}
	return result.Float(float64(n) / float64(of))
}
