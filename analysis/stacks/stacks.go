// Package stacks counts the IPIs that hit the isolated CPUs by the stack that
// sent them.
package stacks

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Config says what is counted and how it is split.
type Config struct {
	Isolated *cpumask.Mask // nil: every CPU
	Counts   func(*trace.Event) bool
	Catalog  *catalog.Catalog
	// By are the keys of the groups, Labels those that split a stack's hits
	// further.
	By, Labels []key.Key
	// Whole keeps what the interrupt that sent had interrupted. Else stacks end
	// where an interrupt, a system call or a thread began.
	Whole bool
	// Takes chooses hits; nil takes all. A send counts if one of its hits does.
	Takes func(*track.Attributor, *track.Send, *track.Hit) bool
}

// sampleKey holds what a sample has its own count for.
type sampleKey struct {
	stack      trace.StackID
	by, labels key.IDs
}

type counts struct{ hits, sends uint64 }

// A tally is the counts over one kind of send event.
type tally struct {
	samples map[sampleKey]*counts
	// lastSend is the send that was counted last in each group, to count it once
	lastSend map[key.IDs]uint64
	sends    uint64 // that count
	taken    uint64 // of these, with a hit that Config.Takes takes
	seen     int64  // hits, those too that Config.Takes does not take
	excluded uint64 // sends that the filter does not take
}

func newTally() tally {
	return tally{samples: map[sampleKey]*counts{}, lastSend: map[key.IDs]uint64{}}
}

// A State counts the stacks of one trace.
type State struct {
	cfg    Config
	table  *trace.Table
	sends  *track.Sends
	attr   *track.Attributor
	direct tally // ipi_send_cpu and ipi_send_cpumask
	raised tally // ipi_raise, which counts only where there is no direct one
	// isDirect: the trace has ipi_send events, whether they are counted or not
	isDirect bool
	events   uint64
	span     analysis.Span
	maxCPU   int32
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, attr: track.NewAttributor(cfg.Catalog, t), direct: newTally(), raised: newTally()}
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr, Send: s.send})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.sends.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.Wants() }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	s.events++
	s.maxCPU = max(s.maxCPU, e.CPU)
	s.sends.Event(e)
}

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) { s.sends.Lost(l) }

// End implements analysis.State.
func (s *State) End(span analysis.Span) {
	s.sends.End()
	s.span = span
}

func (s *State) send(w *track.Send) {
	s.isDirect = s.isDirect || !w.IsSecond()
	t := &s.direct
	if w.IsSecond() {
		t = &s.raised
	}
	if !w.Counted {
		t.excluded++
		return
	}
	if len(w.Hits) == 0 {
		t.sends++
		if s.cfg.Takes == nil {
			t.taken++
			h := track.Hit{Target: -1, Function: w.Function, Evidence: w.Evidence}
			s.count(t, w, &h, 0)
		}
		return
	}
	t.sends++
	isNew := true
	for i := range w.Hits {
		h := &w.Hits[i]
		s.maxCPU = max(s.maxCPU, h.Target)
		t.seen++
		if s.cfg.Takes != nil && !s.cfg.Takes(s.attr, w, h) {
			continue
		}
		if isNew {
			isNew = false
			t.taken++
		}
		s.count(t, w, h, 1)
	}
}

// counted is the tally that counts: that of ipi_raise where the trace has no other
// sends.
func (s *State) counted() *tally {
	if !s.isDirect && s.raised.sends+s.raised.excluded > 0 {
		return &s.raised
	}
	return &s.direct
}

// Seen is the number of all hits, those too that Config.Takes does not take.
func (s *State) Seen() int64 { return s.counted().seen }

// count adds a hit to its sample, and its send to the first sample of each
// group that it has a hit in.
func (s *State) count(t *tally, w *track.Send, h *track.Hit, hits uint64) {
	sub := key.HitSubject(w, h)
	id := sampleKey{w.Stack, key.Of(s.cfg.By, &sub, s.attr), key.Of(s.cfg.Labels, &sub, s.attr)}
	c := t.samples[id]
	if c == nil {
		c = &counts{}
		t.samples[id] = c
	}
	c.hits += hits
	if t.lastSend[id.by] != t.sends {
		t.lastSend[id.by] = t.sends
		c.sends++
	}
}
