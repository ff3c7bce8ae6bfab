// Package quiet tells how quiet the isolated CPUs are: every interruption that
// a trace holds (IPIs, timers, interrupts, softirqs, other tasks), the time they
// take, and the stretches without any. The definitions are those of
// docs/definitions.md.
package quiet

import (
	"slices"

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
	return slices.Concat(track.SendEvents(), track.BracketEvents(), []string{"user_enter", "user_exit", "sched_switch", "tick_stop"}, track.ReasonEvents())
}

// Config says what is looked at.
type Config struct {
	Isolated *cpumask.Mask // nil: every CPU
	Catalog  *catalog.Catalog
	// Gaps are the stretches of time to explain.
	Gaps []Gap
	// Monotonic says that the times of Gaps are those of CLOCK_MONOTONIC.
	Monotonic bool
	// Within is how long before a gap an interruption is put down to it, ns.
	Within trace.Time
	// Worst is how many of the longest interruptions of each kind are kept with what is known of them.
	Worst int
	// Sequences keeps the quiet stretches in their order too, for Timed.
	Sequences bool
}

// Kinds of interruptions.
const (
	kindIPI     = "ipi"
	kindTimer   = "timer"
	kindTick    = "tick" // a timer interrupt in which the tick's own timer expired
	kindVector  = "vector"
	kindIRQ     = "irq"
	kindSoftirq = "softirq"
	kindTask    = "task"
	kindNMI     = "nmi"
)

// source is what interrupts: a kind and a name.
type source struct {
	kind string
	name trace.NameID
}

// tally is what one source did.
type tally struct {
	count uint64
	taken stat.Dist // of those whose end is known
	total int64     // ns
	// the longest of them, -1 if there is none
	longest peak
	// byNoise counts those that only noise tells of
	byNoise uint64
	cpus    cpumask.Mask
}

// A State watches the isolated CPUs of one trace.
type State struct {
	cfg        Config
	table      *trace.Table
	attr       *track.Attributor
	deliveries *track.Deliveries
	gaps       gaps
	worst      worst
	cpus       []cpu
	sources    map[source]*tally
	roles      []role // by EventID
	softirqs   [10]trace.NameID
	start      trace.Time
	any        bool
	span       analysis.Span
	seen       cpumask.Mask
	// points are hits that only their sends tell of
	points uint64
	now    *trace.Event // the one that is being taken
	// early are CPUs that lost events before the first one was seen
	early cpumask.Mask
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, sources: map[source]*tally{}, worst: worst{}}
	s.gaps.set(cfg.Gaps, cfg.Within, t.Meta.Path)
	s.attr = track.NewAttributor(cfg.Catalog, t)
	// include/linux/interrupt.h
	for i, name := range [...]string{"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"} {
		s.softirqs[i] = t.Name(name)
	}
	s.deliveries = track.NewDeliveries(t, track.DeliveryConfig{
		Config:   track.Config{Isolated: cfg.Isolated, Attribution: s.attr, Away: s.away},
		Delivery: s.delivery,
		Begin:    s.begin,
		Finish:   s.finish,
		Sent:     s.sent,

		TakenBack: s.takenBack,
		Noise:     s.noise,
		Report:    s.reported,
	})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Waiter = (*State)(nil)

// Now implements analysis.Waiter.
func (s *State) Now(t trace.Time) { s.deliveries.Now(t) }

var _ trace.Holder = (*State)(nil)

// Hold implements trace.Holder. Tasks that ran have names of their own here.
func (s *State) Hold(h *trace.Held) { s.deliveries.Hold(h) }

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.deliveries.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.DeliveryWants() }

type role uint8

const (
	roleUnseen role = iota
	roleOther
	roleSwitch
	roleUserEnter
	roleUserExit
	roleStack
	roleExpire
)

func (s *State) role(e *trace.Event) role {
	for int(e.ID) >= len(s.roles) {
		s.roles = append(s.roles, roleUnseen)
	}
	r := &s.roles[e.ID]
	if *r == roleUnseen {
		switch sc := e.Schema(); {
		case sc.IsStack:
			*r = roleStack
		case sc.Name == "sched_switch":
			*r = roleSwitch
		case sc.Name == "user_enter":
			*r = roleUserEnter
		case sc.Name == "user_exit":
			*r = roleUserExit
		case sc.Name == "hrtimer_expire_entry":
			*r = roleExpire
		default:
			*r = roleOther
		}
	}
	return *r
}

func (s *State) isolated(cpu int32) bool {
	return cpu >= 0 && (s.cfg.Isolated == nil || s.cfg.Isolated.Has(int(cpu)))
}

// cpu returns the state of a CPU, which is quiet from the start of the trace.
func (s *State) cpu(n int32) *cpu {
	for int(n) >= len(s.cpus) {
		c := cpu{flow: newFlow(s.start)}
		if s.cfg.Sequences {
			c.flow.sequence = &stat.Sequence{}
		}
		s.cpus = append(s.cpus, c)
	}
	return &s.cpus[n]
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	if !s.any {
		s.any, s.start = true, e.Time
		for n := range s.early.All() {
			s.cpu(int32(n)).lost(e.Time)
		}
	}
	if e.CPU >= 0 {
		s.seen.Set(int(e.CPU))
	}
	if !s.isolated(e.CPU) {
		s.deliveries.Event(e)
		return
	}
	c := s.cpu(e.CPU)
	s.adopt(c, e.CPU, e.Time)
	s.now = e
	s.deliveries.Event(e)
	s.now = nil
	r := s.role(e)
	if r == roleStack {
		return
	}
	c = s.cpu(e.CPU) // there may be more of them now
	c.context.event(e, r)
	switch r {
	case roleSwitch:
		s.switched(c, e)
	case roleExpire:
		s.expired(c, e)
	}
}

// Lost implements analysis.State: what was quiet before a gap may not have been
// in it.
func (s *State) Lost(l *trace.Lost) {
	s.deliveries.Lost(l)
	switch {
	case !s.isolated(l.CPU):
	case !s.any: // when the trace begins is not known yet
		s.early.Set(int(l.CPU))
	default:
		s.cpu(l.CPU).lost(l.Time)
	}
}

// End implements analysis.State.
func (s *State) End(span analysis.Span) {
	s.deliveries.Online().End(span.Last)
	s.deliveries.End()
	s.span = span
	for n := range s.cpus {
		c := &s.cpus[n]
		s.adopt(c, int32(n), span.Last)
		if c.foreign { // and still runs
			s.ranForeign(c, int32(n), span.Last)
		}
		s.endNoise(c, int32(n))
		c.end(span.Last)
	}
}

// away takes a stretch in which a CPU was offline: it is not quiet.
func (s *State) away(n int32, from, to trace.Time) {
	if !s.isolated(n) {
		return
	}
	s.cpu(n).tell(step{at: from, to: to, is: stepAway})
}

// begin takes the beginning of interrupting work.
func (s *State) begin(x *track.Bracket) {
	if x.Kind == track.BracketCall {
		return // without the interrupt's own events it is none
	}
	c := s.cpu(x.CPU)
	c.noise.hasEntries = c.noise.hasEntries || x.Kind == track.BracketVector || x.Kind == track.BracketIPI
	c.busy(x.Start)
	c.inside = true
	c.context.interrupted(x, s.now)
}

// finish takes the end of it.
func (s *State) finish(x *track.Bracket) {
	if x.Kind == track.BracketCall {
		return
	}
	c := s.cpu(x.CPU)
	c.inside = false
	if x.End != track.Never {
		c.calm(x.End)
	} else {
		c.calm(x.Start)
	}
	if x.HasIPI {
		return // Delivery tells what it ran
	}
	src := source{name: x.Name}
	switch x.Kind {
	case track.BracketVector:
		src.kind = kindVector
		if s.table.NameOf(x.Name) == "local_timer" {
			src = c.timer(src, x.Start)
		}
	case track.BracketIRQ:
		src.kind = kindIRQ
	case track.BracketSoftirq:
		src.kind = kindSoftirq
		if x.ID < uint64(len(s.softirqs)) {
			src.name = s.softirqs[x.ID]
		}
	}
	s.add(src, x.CPU, x.Start, x.End)
	s.interrupted(src.kind, x.CPU, x.Start, x.End, x.End, func() Culprit { return s.culprit(src) })
}

// add counts one interruption.
func (s *State) add(src source, cpu int32, start, end trace.Time) {
	t := s.sources[src]
	if t == nil {
		t = &tally{longest: peak{ns: -1}}
		s.sources[src] = t
	}
	t.count++
	t.cpus.Set(int(cpu))
	s.cpu(cpu).kinds.of(src.kind).Count++
	if start != track.Never && end != track.Never {
		t.taken.Add(int64(end - start))
		t.longest.take(peak{ns: int64(end - start), at: start, cpu: cpu})
		t.total = analysis.AddTimes(t.total, max(0, int64(end-start)))
	}
}

// sent takes a hit of a trace in which no interrupt of an IPI was seen: the send
// is all that tells of it.
func (s *State) sent(target int32, at trace.Time) {
	s.seen.Set(int(target))
	if s.deliveries.HasEntries() {
		return
	}
	s.points++
	c := s.cpu(target)
	s.adopt(c, target, at)
	c.hit(at)
}

// takenBack takes a hit back that was none.
func (s *State) takenBack(target int32, at trace.Time) {
	if s.deliveries.HasEntries() {
		return
	}
	s.points--
	c := s.cpu(target)
	if !c.held.forget(at) && c.hits != nil {
		c.hits.interruptions-- // the quiet that it ended stays ended
	}
}

// delivery takes a hit with what it made its target run.
func (s *State) delivery(d *track.Delivery) {
	if d.Joined {
		return
	}
	start, end := d.IRQEntry, d.IRQExit
	if start == track.Never {
		start, end = d.HandlerEntry, d.HandlerExit
	}
	if d.Sampled && start != track.Never {
		s.cpu(d.Target).noise.arrived++
	}
	if start == track.Never {
		if !d.HasSend || s.deliveries.HasEntries() {
			return
		}
		start = d.Sent
	}
	s.add(source{kindIPI, d.Function}, d.Target, start, end)
	if d.Sampled {
		s.sources[source{kindIPI, d.Function}].byNoise++
	}
	s.interrupted(kindIPI, d.Target, start, end, end, func() Culprit {
		c := s.culprit(source{kindIPI, d.Function})
		if d.HasSend {
			c.Sender, c.Comm, c.Cause = d.Sender, s.table.NameOf(d.Comm), s.table.NameOf(s.attr.Facts(d.Stack, d.Callsite).Cause)
			if start != d.Sent {
				c.delivery = int64(start - d.Sent)
			}
			if d.Stack != 0 {
				c.stack = key.Stack.Text(key.ID(d.Stack), s.table, s.attr)
			}
		}
		return c
	})
}
