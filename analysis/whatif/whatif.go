// Package whatif tells what would become of the hits if the target did some of
// the work later: which would vanish, which would coalesce, which would stay,
// and how many entries into the kernel would pay for it.
package whatif

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Config says which hits are looked at.
type Config struct {
	Isolated *cpumask.Mask
	Counts   func(*trace.Event) bool
	Catalog  *catalog.Catalog
	// WithoutTLB leaves out what belongs to the series' part about TLB flushes, which its fifth version
	// did without: only work on changed kernel text is deferred.
	WithoutTLB bool
}

// fate counts what becomes of hits. Under addition it is a monoid.
type fate struct {
	hits      uint64
	deferred  uint64 // no IPI; the work is done at the next entry
	coalesced uint64 // no IPI; that work waits already
	stay      uint64 // sent as before
	unknown   uint64 // nobody knows whether the target was in user mode
}

func (f *fate) add(o fate) {
	f.hits += o.hits
	f.deferred += o.deferred
	f.coalesced += o.coalesced
	f.stay += o.stay
	f.unknown += o.unknown
}

// what happens on a CPU, in the order of the trace.
type item struct {
	kind  itemKind
	idle  bool   // itemSwitch: to the idle task
	send  uint64 // itemHit: the send's number, until its function is known
	known bool
	fn    trace.NameID
	class catalog.Class
	late  bool // can wait
	self  bool // a CPU cannot wait for its own next entry: it is in the kernel
	count bool // the filter counts it
}

type itemKind uint8

const (
	itemEnter itemKind = iota // to user mode
	itemExit
	itemSwitch
	itemReason // to be in the kernel, besides an IPI
	itemHit
	itemGap // events were lost
)

// where the CPU is, as the deferring kernel would see it.
type where uint8

const (
	somewhere where = iota
	inUser
	inKernel
	// inVanished is the kernel, but only for an IPI that would not have been
	// sent: there the CPU would be in user mode.
	inVanished
)

// cpu is one target. What is queued for it is looked at once all is known about
// what comes before.
type cpu struct {
	queue   []item
	at      where
	pending []trace.NameID // work that waits for the next entry
	// deferredHere: since the last entry into user mode IPIs were deferred;
	// stayedHere: one was sent all the same
	deferredHere, stayedHere bool
	fate
	entries, paying uint64
}

// A State looks at one trace.
//
// It decides as the posted patches do: by the context-tracking state of the
// target when the IPI is sent. An IPI to a CPU in user mode is not sent: its
// work waits for the next entry, once for each function. The recorded entry that
// the IPI itself made does then not happen.
type State struct {
	cfg     Config
	table   *trace.Table
	attr    *track.Attributor
	sends   *track.Sends
	roles   []role
	cpus    []cpu
	classes [len(classes)]fate
	tracked bool
	direct  bool // the trace has ipi_send_* events
}

type role uint8

const (
	roleUnseen role = iota
	roleOther
	roleEnter
	roleExit
	roleSwitch
	roleReason
)

// reasons are the events that show that a CPU entered the kernel for something
// else than an IPI. irq_handler_entry is one unless its interrupt is arm's IPI.
func reasons() []string {
	return []string{"irq_handler_entry", "local_timer_entry", "x86_platform_ipi_entry", "thermal_apic_entry", "threshold_apic_entry",
		"deferred_error_apic_entry", "error_apic_entry", "spurious_apic_entry", "sys_enter", "page_fault_user"}
}

// classes are all of the catalogue's.
var classes = [...]catalog.Class{
	catalog.Unknown, catalog.Deferrable, catalog.Candidate, catalog.SelfFiltered, catalog.Avoidable, catalog.Returnable, catalog.Noise, catalog.Unavoidable,
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, attr: track.NewAttributor(cfg.Catalog, t)}
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr, Early: s.early, Send: s.send})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.sends.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want {
	w := track.Wants()
	w.Events = append(append(w.Events, "user_enter", "user_exit", "sched_switch"), reasons()...)
	return w
}

func (s *State) role(e *trace.Event) role {
	for int(e.ID) >= len(s.roles) {
		s.roles = append(s.roles, roleUnseen)
	}
	r := &s.roles[e.ID]
	if *r == roleUnseen {
		switch name := e.Schema().Name; {
		case name == "user_enter":
			*r = roleEnter
		case name == "user_exit":
			*r = roleExit
		case name == "sched_switch":
			*r = roleSwitch
		case slices.Contains(reasons(), name) || strings.HasPrefix(name, "sys_enter_"):
			*r = roleReason
		default:
			*r = roleOther
		}
	}
	return *r
}

func (s *State) cpu(n int32) *cpu {
	for int(n) >= len(s.cpus) {
		s.cpus = append(s.cpus, cpu{})
	}
	return &s.cpus[n]
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	r := s.role(e)
	if r == roleOther || e.CPU < 0 || s.cfg.Isolated != nil && !s.cfg.Isolated.Has(int(e.CPU)) {
		s.sends.Event(e)
		return
	}
	it := item{known: true}
	switch r {
	case roleEnter:
		it.kind, s.tracked = itemEnter, true
	case roleExit:
		it.kind, s.tracked = itemExit, true
	case roleReason:
		it.kind = itemReason
		if name, ok := e.Bytes(e.Schema().Ref("name")); ok && string(name) == "IPI" {
			s.sends.Event(e) // kernel/irq: arch/arm64/kernel/smp.c, set_smp_ipi_range
			return
		}
	case roleSwitch:
		it.kind = itemSwitch
		next, ok := e.Uint(e.Schema().Ref("next_pid"))
		it.idle = ok && next == 0
	}
	c := s.cpu(e.CPU)
	c.queue = append(c.queue, it)
	s.drain(c)
	s.sends.Event(e)
}

// Lost implements analysis.State: where the CPU is after a gap is not known.
func (s *State) Lost(l *trace.Lost) {
	s.sends.Lost(l)
	if l.CPU >= 0 && int(l.CPU) < len(s.cpus) {
		c := &s.cpus[l.CPU]
		c.queue = append(c.queue, item{kind: itemGap, known: true})
		s.drain(c)
	}
}

// End implements analysis.State.
func (s *State) End(analysis.Span) {
	s.sends.End()
	for i := range s.cpus {
		s.drain(&s.cpus[i])
	}
}

// early puts the hits of a send in their place among what their targets do.
func (s *State) early(w *track.Send) {
	s.direct = s.direct || !w.IsSecond()
	for i := range w.Hits {
		c := s.cpu(w.Hits[i].Target)
		c.queue = append(c.queue, item{kind: itemHit, send: w.Serial, self: w.Hits[i].Target == w.CPU, count: w.Counted && !(w.Raise && s.direct)})
	}
}

// send tells the hits of a send what they are.
func (s *State) send(w *track.Send) {
	for i := range w.Hits {
		h := &w.Hits[i]
		c := s.cpu(h.Target)
		for j := range c.queue {
			if it := &c.queue[j]; it.send == w.Serial && it.kind == itemHit {
				it.known, it.fn, it.class = true, h.Function, s.attr.Class(h.Function, w.Stack, w.Callsite).Class
				it.late = s.canWait(it.class, it.fn)
				break
			}
		}
		s.drain(c)
	}
}

// canWait reports whether a function of a class could run at the next entry instead.
func (s *State) canWait(class catalog.Class, fn trace.NameID) bool {
	return (class == catalog.Deferrable || class == catalog.Candidate) &&
		!(s.cfg.WithoutTLB && s.attr.Part(fn) == catalog.PartTLB)
}

// drain looks at what is known, in order.
func (s *State) drain(c *cpu) {
	n := 0
	for ; n < len(c.queue) && c.queue[n].known; n++ {
		s.step(c, &c.queue[n])
	}
	c.queue = c.queue[:copy(c.queue, c.queue[n:])]
}

func (s *State) step(c *cpu, it *item) {
	switch it.kind {
	case itemEnter:
		if c.at != inVanished {
			c.deferredHere, c.stayedHere = false, false
		}
		c.at = inUser
	case itemExit:
		if c.at == inUser && c.deferredHere && !c.stayedHere {
			c.at, c.deferredHere = inVanished, false
			return
		}
		c.enter()
	case itemReason:
		if c.at == inVanished {
			c.enter()
		}
	case itemSwitch:
		switch {
		case c.at == inVanished:
			c.enter() // something else went on there
		case it.idle && c.at == somewhere:
			c.at = inKernel
		case !s.tracked:
			c.at = somewhere
			if it.idle {
				c.at = inKernel
			}
		}
	case itemGap:
		c.at, c.deferredHere, c.stayedHere = somewhere, false, false
		c.pending = c.pending[:0]
	case itemHit:
		if it.count {
			f := c.hit(it)
			c.fate.add(f)
			s.classes[it.class].add(f)
		}
	}
}

// enter is an entry into the kernel that would happen anyway: it does what
// waits.
func (c *cpu) enter() {
	c.at, c.deferredHere = inKernel, false
	c.entries++
	if len(c.pending) > 0 {
		c.paying++
		c.pending = c.pending[:0]
	}
}

// hit decides about one hit.
func (c *cpu) hit(it *item) fate {
	f := fate{hits: 1}
	switch {
	case it.self || !it.late || c.at == inKernel:
		f.stay = 1
		c.stayedHere = c.stayedHere || c.at == inUser || c.at == inVanished && !it.self
	case c.at == somewhere:
		f.unknown = 1
	default:
		c.deferredHere = true
		for _, fn := range c.pending {
			if fn == it.fn {
				f.coalesced = 1
				return f
			}
		}
		f.deferred = 1
		c.pending = append(c.pending, it.fn)
	}
	return f
}
