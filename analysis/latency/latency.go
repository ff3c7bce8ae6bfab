// Package latency measures what IPIs cost: how long they take to arrive, how
// long the functions they bring run, how long their interrupts take, how long
// those wait who sent them, and what they led to. The definitions are those of
// docs/definitions.md.
package latency

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Needs are the events to record for it.
func Needs() []string {
	return slices.Concat(track.SendEvents(), track.ArrivalEvents(), track.ReasonEvents(), []string{"csd_function_entry", "csd_function_exit", "sched_switch"})
}

// A Kind says which events are paired.
type Kind uint8

const (
	KindAll    Kind = iota
	KindCSD         // csd_queue_cpu, csd_function_entry, csd_function_exit
	KindVector      // the sends and irq_vectors (x86)
	KindIPI         // the sends, ipi_entry and ipi_exit (arm, arm64)
)

// Kinds are their names.
func Kinds() []string { return []string{"all", "csd", "vector", "ipi"} }

func (k Kind) String() string { return Kinds()[k] }

// ParseKind reads the name of a Kind.
func ParseKind(name string) (Kind, error) {
	i := slices.Index(Kinds(), name)
	if i < 0 {
		return 0, fmt.Errorf("unknown kind %q: want %s", name, strings.Join(Kinds(), ", "))
	}
	return Kind(i), nil
}

// Config says what is measured and how it is grouped.
type Config struct {
	Isolated *cpumask.Mask // nil: every CPU
	By       []Key
	Kind     Kind
	Counts   func(*trace.Event) bool // nil: every send
	Catalog  *catalog.Catalog
	// Window is how long after an IPI's interrupt a context switch is put down
	// to it, ns.
	Window trace.Time
	// MaxGroups is how many groups there are at most, beside one for all
	// others; 0 is no limit.
	MaxGroups int
	// Worst is how many of the worst of each time are kept with what is known of them.
	Worst int
	// Sequences keeps the times in their order too, for Timed.
	Sequences bool
}

// DefaultWindow is the usual Config.Window.
const DefaultWindow trace.Time = 100_000

// DefaultMaxGroups is the usual Config.MaxGroups: a group has a histogram for
// each time that it measures.
const DefaultMaxGroups = 1 << 12

// measures are what is timed, by the events it is timed with.
type measure uint8

const (
	vectorDelivery measure = iota // send to NAME_entry
	ipiDelivery                   // send to ipi_entry
	csdDelivery                   // csd_queue_cpu to csd_function_entry
	ipiHandler                    // ipi_entry to ipi_exit, of IPIs that carry no queued calls
	callHandler                   // the same of those that do
	csdHandler                    // csd_function_entry to csd_function_exit
	vectorBracket                 // NAME_entry to NAME_exit
	irqBracket                    // irq_handler_entry to irq_handler_exit around an ipi_entry
	csdWait                       // csd_queue_cpu to csd_function_exit where the caller waits
	numMeasures
)

type group struct {
	dists     [numMeasures]*stat.Dist
	longest   [numMeasures]longest        // valid where there is a Dist
	sequences *[numMeasures]stat.Sequence // nil without Config.Sequences
	outcome
}

// outcome counts what became of hits that arrived. Under addition it is a
// monoid.
type outcome struct {
	arrived  uint64
	joined   uint64 // shared an interrupt with an older hit
	modes    [track.NumModes]uint64
	watched  uint64 // what followed could be seen
	switched uint64
	softirq  uint64
	tick     uint64
	// need and lazy: the interrupt found a switch due already
	need, lazy uint64
}

func (o *outcome) add(p *outcome) {
	o.arrived += p.arrived
	o.joined += p.joined
	for m, n := range p.modes {
		o.modes[m] += n
	}
	o.watched += p.watched
	o.switched += p.switched
	o.softirq += p.softirq
	o.tick += p.tick
	o.need += p.need
	o.lazy += p.lazy
}

// A State measures the IPIs of one trace. Make one for each trace and Merge
// their Results.
type State struct {
	cfg        Config
	table      *trace.Table
	attr       *track.Attributor
	deliveries *track.Deliveries
	// the callbacks of a queued call that sent an IPI, and of one that sent none
	generic, noIPI trace.NameID
	groups         key.Groups[group]
	chain          [track.NumLines][numLegs]stat.Dist
	resched        resched
	worst          [numMeasures]stat.Largest[story]
	seen           cpumask.Mask
	// negative counts impossible times across CPUs
	negative       uint64
	anyIRQ, anyRun bool
	span           analysis.Span
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, groups: key.NewGroups[group](len(cfg.By), cfg.MaxGroups), generic: t.Name(track.Generic), noIPI: t.Name(track.NoIPI)}
	s.attr = track.NewAttributor(cfg.Catalog, t)
	s.resched.isolated = cfg.Isolated
	for m := range s.worst {
		s.worst[m] = stat.NewLargest(cfg.Worst, compareStories)
	}
	s.deliveries = track.NewDeliveries(t, track.DeliveryConfig{
		Config:   track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr},
		Window:   cfg.Window,
		Delivery: s.delivery,
		Run:      s.run,
	})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Waiter = (*State)(nil)

var _ trace.Holder = (*State)(nil)

// Hold implements trace.Holder.
func (s *State) Hold(h *trace.Held) {
	s.deliveries.Hold(h)
	s.groups.Hold(h, s.cfg.By)
}

// Now implements analysis.Waiter.
func (s *State) Now(t trace.Time) { s.deliveries.Now(t) }

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.deliveries.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.DeliveryWants() }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	if e.CPU >= 0 && !s.seen.Has(int(e.CPU)) {
		s.seen.Set(int(e.CPU))
	}
	s.deliveries.Event(e)
	s.resched.event(e)
}

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) {
	s.deliveries.Lost(l)
	s.resched.lost(l)
}

// End implements analysis.State.
func (s *State) End(span analysis.Span) {
	s.deliveries.Online().End(span.Last)
	s.deliveries.End()
	s.span = span
}

func (s *State) group(sub *key.Subject) *group {
	g, isNew := s.groups.Get(key.Of(s.cfg.By, sub, s.attr))
	if isNew && s.cfg.Sequences {
		g.sequences = &[numMeasures]stat.Sequence{}
	}
	return g
}

func (g *group) add(m measure, ns int64, from trace.Time) {
	if g.dists[m] == nil {
		g.dists[m], g.longest[m] = &stat.Dist{}, longest{ns: -1}
	}
	g.dists[m].Add(ns)
	g.longest[m].take(longest{ns: ns, at: from})
}

// addBetween adds the time between two events if both are known. It is false if
// it is impossible. st is what is known of the IPI, nil unless that is kept.
func (s *State) addBetween(g *group, m measure, from, to trace.Time, st *story) bool {
	if from == track.Never || to == track.Never {
		return true
	}
	ns := int64(to - from)
	g.add(m, ns, from)
	if g.sequences != nil {
		g.sequences[m].Add(int64(to), ns)
	}
	if st != nil && ns >= 0 {
		st.ns, st.at = ns, from
		s.worst[m].Add(st)
	}
	return to >= from
}

// delivery takes a hit and its arrival.
func (s *State) delivery(d *track.Delivery) {
	if !d.Counted || d.Entered() == track.Never {
		return
	}
	s.anyIRQ = true
	sub := key.Subject{
		NoSend: !d.HasSend, Function: d.Function, Callback: d.Callback, Callsite: d.Callsite, Evidence: d.Evidence, Comm: d.Comm, Instance: d.Instance,
		PID: d.PID, Sender: d.Sender, Target: d.Target, Line: d.Line, Mode: d.Mode, Stack: d.Stack,
	}
	g := s.group(&sub)
	var st *story
	if s.cfg.Worst > 0 {
		st = storyOf(d)
	}
	possible := true
	if d.Kind == track.BracketIPI {
		possible = s.addBetween(g, ipiDelivery, d.Sent, d.HandlerEntry, st)
	} else {
		possible = s.addBetween(g, vectorDelivery, d.Sent, d.IRQEntry, st)
	}
	if !possible {
		s.negative++
	}
	if !d.Joined {
		s.interrupt(g, d, st)
		s.legs(d)
	}
	g.outcome.add(outcomeOf(d))
}

// interrupt measures an interrupt on its target.
func (s *State) interrupt(g *group, d *track.Delivery, st *story) {
	if d.Kind == track.BracketVector {
		s.addBetween(g, vectorBracket, d.IRQEntry, d.IRQExit, st)
		return
	}
	m := ipiHandler
	if d.Line == track.LineCall || d.Line == track.LineCallSingle {
		m = callHandler
	}
	s.addBetween(g, m, d.HandlerEntry, d.HandlerExit, st)
	s.addBetween(g, irqBracket, d.IRQEntry, d.IRQExit, st)
}

func outcomeOf(d *track.Delivery) *outcome {
	o := &outcome{arrived: 1}
	o.modes[d.Mode] = 1
	if d.Joined {
		o.joined = 1
	}
	if d.Watched {
		o.watched = 1
		if d.Switched != track.Never {
			o.switched = 1
		}
		if d.Softirq {
			o.softirq = 1
		}
		if d.Tick {
			o.tick = 1
		}
	}
	if d.Flags&trace.FlagNeedResched != 0 {
		o.need = 1
	}
	if d.Flags&trace.FlagNeedReschedLazy != 0 {
		o.lazy = 1
	}
	return o
}

// run takes a function that a queued call made a CPU run.
func (s *State) run(r *track.Run) {
	if !r.Counted || r.Start == track.Never {
		return
	}
	s.anyRun = true
	sub := key.Subject{
		NoSend: r.Queued == track.Never, Function: r.Function, Callback: s.generic, Callsite: r.Callsite, Evidence: track.EvidenceCSD, Comm: r.Comm, Instance: r.Instance,
		PID: r.PID, Sender: r.Sender, Target: r.CPU, Line: track.LineCallSingle, Mode: r.Mode, Stack: r.Stack,
	}
	if !r.HasIPI {
		sub.Callback = s.noIPI
	}
	g := s.group(&sub)
	var st *story
	if s.cfg.Worst > 0 {
		st = storyOfRun(r)
	}
	if !s.addBetween(g, csdDelivery, r.Queued, r.Start, st) {
		s.negative++
	}
	if r.Shared {
		return
	}
	s.addBetween(g, csdHandler, r.Start, r.End, st)
	if kind := s.attr.Kind(r.Function); kind == "sync" || kind == "" {
		s.addBetween(g, csdWait, r.Queued, r.End, st)
	}
}
