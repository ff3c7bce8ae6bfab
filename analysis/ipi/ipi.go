// Package ipi counts which IPIs hit the isolated CPUs: sends, hits, requests,
// by any combination of keys. The definitions are those of
// docs/definitions.md.
package ipi

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Needs are the events to record for it.
func Needs() []string { return append(track.SendEvents(), track.ReasonEvents()...) }

// Config says what is counted and how it is grouped.
type Config struct {
	Isolated *cpumask.Mask // nil: every CPU
	By       []Key
	// Also are further keys to group the same hits by, each for a view of its own.
	Also [][]Key
	// MaxAlso is how many groups each of Also makes at most; 0 is no limit.
	MaxAlso int
	Counts  func(*trace.Event) bool // nil: every send
	// Seen is told of each send that counts, during the call; nil is told nothing.
	Seen     func(*track.Send, *track.Attributor)
	Catalog  *catalog.Catalog
	Timeline bool // count each group's hits over time too
	Spread   bool // and how they are spread; By should not hold targets beside other keys
	// MaxGroups is how many groups By makes at most, beside one for all others;
	// 0 is no limit.
	MaxGroups int
}

// counts are the sums of one group or of all. Under addition they are a monoid.
type counts struct {
	sends, requests, hits, self, noise, unattributed uint64
}

func (c *counts) add(o counts) {
	c.sends += o.sends
	c.requests += o.requests
	c.hits += o.hits
	c.self += o.self
	c.noise += o.noise
	c.unattributed += o.unattributed
}

type group struct {
	counts
	cpus     cpumask.Mask
	lastSend uint64 // the send that was counted last, to count each once
	// what the hits of the group have besides its keys
	causes   map[trace.NameID]uint64
	classes  [catalog.Unavoidable + 1]uint64
	evidence [track.NumEvidence]uint64
	line     timeline
	spread   *spread // nil without Config.Spread
}

// advice is one thing to do about hits.
type advice struct {
	function trace.NameID
	class    *catalog.Classification
}

// cpuState is what is kept of one isolated CPU.
type cpuState struct {
	hits uint64
	any  bool
	// first is when the first quiet stretch ended and last when the newest one
	// began: with hits, and with the times the CPU was offline. Valid if there
	// were any.
	first, last trace.Time
	quiet       int64 // longest time between two of them so far
}

// tally is the sums over one kind of send event.
type tally struct {
	views  []key.Groups[group] // by Config.By, then by Config.Also
	groups int                 // in all of them
	totals counts
	// functions holds the hits by function, which the verdict names whatever
	// the groups are
	functions map[trace.NameID]uint64
	// advice holds the hits that each mitigation would remove
	advice   map[advice]uint64
	patching patching
	patch    operation // the one under way
	cpus     []cpuState
	sends    uint64 // all sends seen, to number them
	missed   uint64 // sends without an isolated target
	excluded uint64 // sends that the filter does not take
	named    uint64 // hits that may be calls of Linux 6.4 without an IPI
	early    uint64 // hits without a function before the first csd_queue_cpu
	line     timeline
}

// A State counts the IPIs of one trace. Make one for each trace and Merge their
// Results.
type State struct {
	cfg   Config
	by    [][]Key // of each view
	table *trace.Table
	sends *track.Sends
	attr  *track.Attributor
	noIPI trace.NameID
	// syncCore is the function of text patching
	syncCore trace.NameID
	direct   tally // ipi_send_cpu, ipi_send_cpumask and requests
	raised   tally // ipi_raise, which counts only where there is no direct one
	dups     duplicates
	// isDirect: the trace has ipi_send events, whether they are counted or not
	isDirect bool

	events uint64
	ruler  ruler
	losses losses
	lostAt trace.Time // end of the last gap
	span   analysis.Span
	maxCPU int32
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, lostAt: track.Never, noIPI: t.Name(track.NoIPI), syncCore: t.Name(syncCore)}
	s.by = append([][]Key{cfg.By}, cfg.Also...)
	s.direct, s.raised = s.newTally(), s.newTally()
	s.attr = track.NewAttributor(cfg.Catalog, t)
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr, Send: s.send, Request: s.request, Away: s.away})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Waiter = (*State)(nil)

var _ trace.Holder = (*State)(nil)

// Now implements analysis.Waiter.
func (s *State) Now(t trace.Time) { s.sends.Now(t) }

// Hold implements trace.Holder.
func (s *State) Hold(h *trace.Held) {
	s.sends.Hold(h)
	for _, t := range []*tally{&s.direct, &s.raised} {
		for v, by := range s.by {
			t.views[v].Hold(h, by)
		}
	}
}

// Waiting is how many sends came that are not counted yet, since more may become
// known of them.
func (s *State) Waiting() int { return s.sends.Waiting() }

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.sends.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.Wants() }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	s.events++
	if s.cfg.Timeline {
		s.losses.event(e)
	}
	s.maxCPU = max(s.maxCPU, e.CPU)
	s.sends.Event(e)
}

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) {
	s.sends.Lost(l)
	s.lostAt = max(s.lostAt, l.Time)
	if s.cfg.Timeline {
		s.losses.lost(&s.ruler, l)
	}
}

// End implements analysis.State.
func (s *State) End(span analysis.Span) {
	s.sends.Online().End(span.Last)
	s.sends.End()
	s.span = span
	for _, t := range []*tally{&s.direct, &s.raised} {
		for v := range t.views {
			for _, g := range t.views[v].All() {
				if g.spread != nil {
					g.spread.end(wholeSeconds(span))
				}
			}
		}
	}
}

// Until lets Counts say what was counted up to now, with the time that the
// records cover so far. Sends that may still get a stack are not counted yet.
func (s *State) Until(span analysis.Span) { s.span = span }

func (s *State) send(w *track.Send) {
	s.isDirect = s.isDirect || !w.IsSecond()
	s.ruler.begin(w.Time)
	t := &s.direct
	if w.IsSecond() {
		t = &s.raised
	}
	if !w.Counted {
		t.excluded++
		return
	}
	if s.cfg.Seen != nil {
		s.cfg.Seen(w, s.attr)
	}
	s.dups.see(s, w)
	t.sends++
	t.totals.sends++
	if len(w.Hits) == 0 {
		t.missed++
		h := track.Hit{Target: -1, Function: w.Function, Evidence: w.Evidence}
		sub := key.HitSubject(w, &h)
		for v := range s.by {
			s.groupOf(t, v, &sub).countSend(t.sends)
		}
		return
	}
	if w.Hits[0].Function == s.syncCore {
		t.patching.rounds++
		if t.patch.see(w) {
			t.patching.operations++
		}
	}
	for i := range w.Hits {
		h := &w.Hits[i]
		c := s.countHit(w, h)
		t.totals.add(c)
		t.functions[h.Function]++
		if w.Named {
			t.named++
		}
		if first, ok := s.sends.FirstCall(); c.unattributed > 0 && (!ok || w.Time < first) {
			t.early++
		}
		if c.self == 0 && c.noise == 0 {
			t.advice[advice{h.Function, s.attr.Class(h.Function, w.Stack, w.Callsite)}]++
		}
		t.hit(h.Target, w.Time)
		if s.cfg.Timeline {
			t.line.add(&s.ruler, w.Time)
		}
		sub := key.HitSubject(w, h)
		for v := range s.by {
			s.countIn(s.groupOf(t, v, &sub), t, w, h, c)
		}
		s.maxCPU = max(s.maxCPU, h.Target)
	}
}

// countIn counts one hit, which is c, in a group.
func (s *State) countIn(g *group, t *tally, w *track.Send, h *track.Hit, c counts) {
	g.countSend(t.sends)
	g.add(c)
	g.describe(s, w, h)
	if s.cfg.Timeline {
		g.line.add(&s.ruler, w.Time)
	}
	if s.cfg.Spread {
		if g.spread == nil {
			g.spread = &spread{}
		}
		g.spread.hit(h.Target, w.Time, s.lostAt, t.sends)
	}
}

// countHit is what one hit adds to the sums. A hit is self or noise or
// interference, never two of them.
func (s *State) countHit(w *track.Send, h *track.Hit) counts {
	c := counts{hits: 1, requests: uint64(h.Requests)}
	switch {
	case h.Target == w.CPU:
		c.self = 1
	case s.attr.IsNoise(w, h):
		c.noise = 1
	}
	if h.Evidence == track.EvidenceNone {
		c.unattributed = 1
	}
	return c
}

// describe notes what a hit has besides the keys of its group.
func (g *group) describe(s *State, w *track.Send, h *track.Hit) {
	g.cpus.Set(int(h.Target))
	if g.causes == nil {
		g.causes = map[trace.NameID]uint64{}
	}
	g.causes[s.attr.Facts(w.Stack, w.Callsite).Cause]++
	g.classes[s.attr.Class(h.Function, w.Stack, w.Callsite).Class]++
	g.evidence[h.Evidence]++
}

func (s *State) newTally() tally {
	t := tally{functions: map[trace.NameID]uint64{}, advice: map[advice]uint64{}}
	for v, by := range s.by {
		limit := s.cfg.MaxAlso // what others show of a trace has a bound of its own
		if v == 0 {
			limit = s.cfg.MaxGroups
		}
		t.views = append(t.views, key.NewGroups[group](len(by), limit))
	}
	return t
}

// hit notes a hit of one CPU.
func (t *tally) hit(cpu int32, at trace.Time) {
	c := t.cpu(cpu)
	c.stretch(at, at)
	c.hits++
}

func (t *tally) cpu(n int32) *cpuState {
	for int(n) >= len(t.cpus) {
		t.cpus = append(t.cpus, cpuState{})
	}
	return &t.cpus[n]
}

// stretch ends the quiet of a CPU, which goes on later.
func (c *cpuState) stretch(from, to trace.Time) {
	if !c.any {
		c.any, c.first = true, from
	} else {
		c.quiet = max(c.quiet, int64(from-c.last))
	}
	c.last = max(c.last, to)
}

// away takes a stretch in which a CPU was offline: it is not quiet. Sends that
// wait for more to be known of them may come behind it although they are older;
// such a hit does not make the quiet longer.
func (s *State) away(cpu int32, from, to trace.Time) {
	s.direct.cpu(cpu).stretch(from, to)
	s.raised.cpu(cpu).stretch(from, to)
}

func (g *group) countSend(n uint64) {
	if g.lastSend != n {
		g.lastSend = n
		g.sends++
	}
}

// groupOf is the group of a view that a hit belongs to.
func (s *State) groupOf(t *tally, view int, sub *key.Subject) *group {
	g := t.group(view, key.Of(s.by[view], sub, s.attr))
	if s.cfg.Timeline {
		s.ruler.share(t.groups)
	}
	return g
}

func (t *tally) group(view int, ids key.IDs) *group {
	g, isNew := t.views[view].Get(ids)
	if isNew {
		t.groups++
	}
	return g
}

// request counts a request that sent no IPI.
func (s *State) request(r *track.Request) {
	sub := s.subjectOfRequest(r)
	for v, by := range s.by {
		g := s.direct.group(v, key.Of(by, &sub, s.attr))
		g.requests++
		g.cpus.Set(int(r.Target))
	}
	s.direct.totals.requests++
}

// takeRequests moves the requests of a tally that has nothing else.
func (s *State) takeRequests(t, o *tally) {
	for v := range o.views {
		for ids, r := range o.views[v].All() {
			g := t.group(v, ids)
			g.add(r.counts)
			g.cpus.Or(&r.cpus)
		}
	}
	t.totals.add(o.totals)
	*o = s.newTally()
}
