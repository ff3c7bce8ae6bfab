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

// Config says which hits are looked at.
type Config struct {
	Isolated *cpumask.Mask
	Catalog  *catalog.Catalog
}

// agreement counts what the stack, or the callsite, says of hits whose function a
// csd event names.
type agreement struct {
	same, holds, differs, silent uint64
}

// A State looks at the hits of one trace.
type State struct {
	table  *trace.Table
	sends  *track.Sends
	attr   *track.Attributor
	direct findings // ipi_send_cpu and ipi_send_cpumask
	raised findings // ipi_raise, which counts only where there is no direct one
	any    bool     // there is a direct send, whether it hits or not
}

// findings are the sums over one kind of send event.
type findings struct {
	by      [track.NumEvidence]uint64
	sets    uint64 // hits whose function is a set
	noStack uint64
	noCause uint64                     // with a stack that tells no cause
	csd     agreement                  // with the stack
	site    agreement                  // with the callsite
	differ  map[[2]trace.NameID]uint64 // csd's function, the stack's
	// siteDiffers is the same with the callsite's
	siteDiffers map[[2]trace.NameID]uint64
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{table: t, attr: track.NewAttributor(cfg.Catalog, t)}
	for _, f := range []*findings{&s.direct, &s.raised} {
		f.differ, f.siteDiffers = map[[2]trace.NameID]uint64{}, map[[2]trace.NameID]uint64{}
	}
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Attribution: s.attr, Send: s.send})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.sends.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.Wants() }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) { s.sends.Event(e) }

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) { s.sends.Lost(l) }

// End implements analysis.State.
func (s *State) End(analysis.Span) { s.sends.End() }

func (s *State) send(w *track.Send) {
	f := &s.direct
	if w.IsSecond() {
		f = &s.raised
	} else {
		s.any = true
	}
	facts := s.attr.Stack(w.Stack)
	unknown := s.table.Name(track.Unknown)
	for i := range w.Hits {
		h := &w.Hits[i]
		f.by[h.Evidence]++
		switch {
		case w.Stack == 0:
			f.noStack++
		case facts.Cause == unknown:
			f.noCause++
		}
		if h.Evidence == track.EvidenceStack && facts.IsSet && h.Function == facts.Function {
			f.sets++
		}
		if h.Evidence == track.EvidenceCSD && w.Stack != 0 {
			f.csd.compare(s.table, facts, h, f.differ)
		}
		if h.Evidence == track.EvidenceCSD {
			f.site.compare(s.table, s.attr.Facts(0, w.Callsite), h, f.siteDiffers)
		}
	}
}

func (a *agreement) compare(t *trace.Table, facts *track.StackFacts, h *track.Hit, differ map[[2]trace.NameID]uint64) {
	switch {
	case facts.Function == 0:
		a.silent++
	case facts.Function == h.Function:
		a.same++
	case catalog.Holds(t.NameOf(facts.Function), t.NameOf(h.Function)):
		a.holds++
	default:
		a.differs++
		differ[[2]trace.NameID{h.Function, facts.Function}]++
	}
}

func (a *agreement) all() uint64 { return a.same + a.holds + a.differs + a.silent }

// Result makes the tables.
func (s *State) Result(in result.Input) *result.Set {
	set := &result.Set{Schema: Schema, Inputs: []result.Input{in}}
	f := &s.direct
	if !s.any {
		f = &s.raised
	}
	var hits uint64
	found := &result.Table{Name: "evidence", Cols: []result.Col{
		{Name: "evidence", Head: "function known by", Key: true}, {Name: "hits", Head: "hits"}, {Name: "share", Head: "share", Unit: "1"},
	}}
	for _, n := range f.by {
		hits += n
	}
	for e, n := range f.by {
		if n > 0 {
			found.Rows = append(found.Rows, []result.Value{result.Str(track.Evidence(e).String()), result.Int(n), share(n, hits)})
		}
	}
	checked, sites := f.csd.all(), f.site.all()
	details := &result.Table{Name: "checks", Cols: []result.Col{
		{Name: "check", Head: "of them", Key: true}, {Name: "hits", Head: "hits"}, {Name: "of", Head: "of"}, {Name: "share", Head: "share", Unit: "1"},
	}}
	for _, r := range []struct {
		what  string
		n, of uint64
	}{
		{"by stack, a set of functions", f.sets, f.by[track.EvidenceStack]},
		{"without a stack", f.noStack, hits},
		{"with a stack that tells no cause", f.noCause, hits - f.noStack},
		{"csd and stack: the same function", f.csd.same, checked},
		{"csd and stack: the stack's set holds it", f.csd.holds, checked},
		{"csd and stack: different functions", f.csd.differs, checked},
		{"csd and stack: the stack does not tell", f.csd.silent, checked},
		{"csd and callsite: the same function", f.site.same, sites},
		{"csd and callsite: the callsite's set holds it", f.site.holds, sites},
		{"csd and callsite: different functions", f.site.differs, sites},
		{"csd and callsite: the callsite does not tell", f.site.silent, sites},
	} {
		details.Rows = append(details.Rows, []result.Value{result.Str(r.what), result.Int(r.n), result.Int(r.of), share(r.n, r.of)})
	}
	set.Verdict = fmt.Sprintf("%s: %d hits, %d without a known function", in.Path, hits, f.by[track.EvidenceNone])
	set.Totals = []result.Field{{Name: "hits", Value: result.Int(hits)}}
	set.Tables = []*result.Table{found, details, s.differences("differences", "stack", f.differ), s.differences("callsite_differences", "callsite", f.siteDiffers)}
	return set
}

// differences lists what csd events and another kind of evidence say differently.
func (s *State) differences(name, other string, differ map[[2]trace.NameID]uint64) *result.Table {
	t := &result.Table{Name: name, Cols: []result.Col{
		{Name: "csd", Head: "csd says", Key: true}, {Name: other, Head: other + " says", Key: true}, {Name: "hits", Head: "hits"},
	}}
	for pair, n := range differ {
		t.Rows = append(t.Rows, []result.Value{result.Str(s.table.NameOf(pair[0])), result.Str(s.table.NameOf(pair[1])), result.Int(n)})
	}
	t.SortDown(2)
	return t
}

func share(n, of uint64) result.Value {
	if of == 0 {
		return result.Float(0)
	}
	return result.Float(float64(n) / float64(of))
}
