// Package noise tells what the noise consists of that osnoise and timerlat
// measure: what lies in each sample and each activation, who sent the IPIs in
// them, what is left that no event explains, and why the tick was kept. The
// definitions are those of docs/noise.md.
package noise

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
	return slices.Concat(track.NoiseEvents(), []string{"hwlat", "tick_stop"}, track.SendEvents(), track.ReasonEvents(), []string{"hrtimer_expire_entry", "workqueue_execute_start"})
}

// keys are what noise is grouped by.
func keys() key.List {
	return key.List{
		key.Kind, key.Name, key.Function, key.Callback, key.Callsite, key.Cause, key.Mechanism, key.Entry, key.Class, key.Comm, key.PID,
		key.Sender, key.Target, key.Pair, key.Line, key.Context, key.Evidence, key.Stack, key.Instance, key.File,
	}
}

// KeyNames lists all keys.
func KeyNames() []string { return keys().Names() }

// ParseKeys reads a comma-separated list of keys.
func ParseKeys(list string) ([]key.Key, error) { return keys().Parse(list) }

// Config says what is looked at.
type Config struct {
	Isolated  *cpumask.Mask // nil: every CPU
	By        []key.Key
	Catalog   *catalog.Catalog
	Over      int64 // samples and activations shorter than that are counted only, ns
	Top       int   // how many of the longest are kept
	MaxGroups int   // 0 is no limit
	// Sequences keeps single times in their order, for Timed.
	Sequences bool
}

const (
	// maxPieces bounds the noise that is kept of a CPU for the sample that goes on.
	maxPieces = 4096
	// maxArrivals bounds the interrupts of IPIs whose sends are not known yet.
	maxArrivals = 8192
)

// group is what one combination of keys took.
type group struct {
	hits    uint64
	times   stat.Dist
	total   int64
	cpus    cpumask.Mask
	classes map[string]uint64
	causes  map[string]uint64
	// sequence is nil without Config.Sequences
	sequence *stat.Sequence
}

// thread is the noise of one task on one CPU.
type thread struct {
	name     trace.NameID
	times    stat.Dist
	total    int64
	sequence stat.Sequence // empty without Config.Sequences
}

type threadID struct {
	cpu int32
	pid uint64
}

// cpu is what is kept of one CPU.
type cpu struct {
	pieces []*piece // not in a sample or activation that is over
	cut    bool     // some may be missing: there were more than are kept, or events were lost
	counts [track.NumNoiseKinds]uint64
	bad    uint64

	samples, hardware, incomplete uint64
	parts                         [numParts]stat.Dist
	length, longest               int64
	explained, rest, hardwareNS   int64
	longestRest, latency          int64

	runs              uint64
	runtime, runNoise int64 // µs
	observed          int64 // ns
	runIRQ, runTask   uint64

	activation  activation
	active      bool
	activations uint64
	offset      int64
}

// arrival is an interrupt of IPIs: its noise and its hits come in any order.
type arrival struct {
	id    uint64
	piece *piece
	first *key.Subject // of the oldest hit
	joins []key.Subject
	done  bool
}

// A State reads the noise of one trace.
type State struct {
	cfg        Config
	table      *trace.Table
	attr       *track.Attributor
	deliveries *track.Deliveries
	cpus       []cpu
	groups     key.Groups[group]
	threads    map[threadID]*thread
	arrivals   map[uint64]*arrival
	order      []uint64
	samples    worst[*sample]
	activs     worst[*activation]
	totals     totals
	hwlat      []latencyRow
	moreHwlat  uint64
	ticks      ticks
	kinds      map[string]trace.NameID
	roles      []role
	span       analysis.Span
	seen       cpumask.Mask
	unnamed    uint64 // noises of IPIs without a send
	unseen     uint64 // noises that samples count and no event tells of
}

// totals are sums over all CPUs. Under addition they are a monoid.
type totals struct {
	noises                            uint64
	noise                             int64
	samples, incomplete               uint64
	explained, rest, hardware         int64
	activations                       uint64
	latency, aExplained, aRest, aLate int64
	parts                             map[[2]string]partSum
	shortest                          int64 // sample seen, -1 if none
}

type partSum struct {
	count uint64
	ns    int64
}

type role uint8

const (
	roleUnseen role = iota
	roleOther
	roleStack
	roleHwlat
	roleWork
	roleExpire
	roleTickStop
	roleSwitch
	roleUserEnter
	roleEntry
	roleSend
	roleQueue
)

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	if len(cfg.By) == 0 {
		cfg.By = []key.Key{key.Kind, key.Name}
	}
	s := &State{
		cfg: cfg, table: t, groups: key.NewGroups[group](len(cfg.By), cfg.MaxGroups), threads: map[threadID]*thread{},
		arrivals: map[uint64]*arrival{}, kinds: map[string]trace.NameID{},
	}
	s.totals.shortest = -1
	s.totals.parts = map[[2]string]partSum{}
	s.samples.max, s.activs.max = max(cfg.Top, 1), max(cfg.Top, 1)
	s.attr = track.NewAttributor(cfg.Catalog, t)
	s.ticks.set(s)
	s.deliveries = track.NewDeliveries(t, track.DeliveryConfig{
		Config:   track.Config{Isolated: cfg.Isolated, Attribution: s.attr, Send: s.ticks.send, Queued: s.ticks.queued},
		Delivery: s.delivery, Noise: s.noise, Report: s.reported,
	})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.deliveries.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want {
	w := track.DeliveryWants()
	w.Stacks = append(w.Stacks[:len(w.Stacks):len(w.Stacks)], "timerlat", "timerlat_sample")
	return w
}

func (s *State) role(e *trace.Event) role {
	for int(e.ID) >= len(s.roles) {
		s.roles = append(s.roles, roleUnseen)
	}
	r := &s.roles[e.ID]
	if *r == roleUnseen {
		*r = roleOther
		switch sc := e.Schema(); sc.Name {
		case "hwlat":
			*r = roleHwlat
		case "workqueue_execute_start":
			*r = roleWork
		case "hrtimer_expire_entry":
			*r = roleExpire
		case "tick_stop":
			*r = roleTickStop
		case "sched_switch":
			*r = roleSwitch
		case "user_enter":
			*r = roleUserEnter
		case "kernel_stack", "user_stack":
			*r = roleStack
		}
	}
	return *r
}

func (s *State) isolated(cpu int32) bool {
	return cpu >= 0 && (s.cfg.Isolated == nil || s.cfg.Isolated.Has(int(cpu)))
}

func (s *State) cpu(n int32) *cpu {
	for int(n) >= len(s.cpus) {
		s.cpus = append(s.cpus, cpu{})
	}
	return &s.cpus[n]
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	if e.CPU >= 0 {
		s.seen.Set(int(e.CPU))
	}
	r := s.role(e)
	if r == roleStack && s.isolated(e.CPU) && track.IsActivationStack(s.table, e.Stack()) {
		if c := s.cpu(e.CPU); c.active {
			c.activation.stack = e.Stack()
		}
	}
	s.ticks.event(e, r)
	s.deliveries.Event(e)
	switch {
	case r == roleHwlat:
		s.latencyRow(e)
	case r == roleWork && s.isolated(e.CPU):
		s.work(e)
	}
}

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) {
	s.deliveries.Lost(l)
	if s.isolated(l.CPU) {
		s.cpu(l.CPU).cut = true
	}
	s.ticks.lost(l)
}

// End implements analysis.State.
func (s *State) End(span analysis.Span) {
	s.span = span
	for n := range s.cpus {
		s.endActivation(&s.cpus[n])
	}
	s.deliveries.Online().End(span.Last)
	s.deliveries.End()
	s.ticks.end(span.Last)
	for _, id := range s.order {
		a := s.arrivals[id]
		if s.complete(a); !a.done && a.piece != nil {
			s.unnamed++
		}
	}
	for n := range s.cpus {
		c := &s.cpus[n]
		c.offset = s.deliveries.Noises().Offset(int32(n))
		if tracer, _ := s.deliveries.Noises().Measures(int32(n)); tracer != "osnoise" || c.runtime == 0 {
			c.observed = s.deliveries.Noises().Observed(int32(n), span.First, span.Last, tracer == "osnoise")
		} else {
			c.observed = c.runtime * 1000
		}
	}
	s.foldThreads()
}

// kindID is the name of a kind as an id.
func (s *State) kindID(kind string) trace.NameID {
	id, ok := s.kinds[kind]
	if !ok {
		id = s.table.Name(kind)
		s.kinds[kind] = id
	}
	return id
}

// noise takes a noise event of an isolated CPU.
func (s *State) noise(n *track.Noise) {
	c := s.cpu(n.CPU)
	if n.Broken {
		c.bad++
		return
	}
	c.counts[n.Kind]++
	p := &piece{kind: kindOf(s.table, n), name: n.Name, begin: n.Begin, end: n.End, at: n.At, net: n.Net, arrival: n.Arrival, sender: -1}
	if len(c.pieces) >= maxPieces {
		c.pieces, c.cut = append(c.pieces[:0], c.pieces[maxPieces/2:]...), true
	}
	c.pieces = append(c.pieces, p)
	s.totals.noises++
	s.totals.noise += n.Net
	s.ticks.noise(n, p)
	switch {
	case p.kind == "ipi":
		a := s.arrival(n.Arrival)
		a.piece = p
		s.complete(a)
	case n.Kind == track.NoiseThread:
		id := threadID{n.CPU, n.ID}
		t := s.threads[id]
		if t == nil {
			t = &thread{name: n.Name}
			s.threads[id] = t
		}
		t.times.Add(n.Net)
		t.total += n.Net
		if s.cfg.Sequences {
			t.sequence.Add(int64(n.At), n.Net)
		}
	default:
		s.count(&key.Subject{NoSend: true, Sender: -1, PID: -1, Target: n.CPU, Kind: s.kindID(p.kind), Name: n.Name}, n.CPU, n.At, n.Net)
	}
}

// count counts one noise under its group.
func (s *State) count(sub *key.Subject, cpu int32, at trace.Time, net int64) {
	g, _ := s.groups.Get(key.Of(s.cfg.By, sub, s.attr))
	g.hits++
	g.times.Add(net)
	g.total += net
	g.cpus.Set(int(cpu))
	if s.cfg.Sequences {
		if g.sequence == nil {
			g.sequence = &stat.Sequence{}
		}
		g.sequence.Add(int64(at), net)
	}
	if sub.Kind != s.kindID("ipi") {
		return
	}
	if g.classes == nil {
		g.classes, g.causes = map[string]uint64{}, map[string]uint64{}
	}
	g.classes[s.attr.Class(sub.Function, sub.Stack, sub.Callsite).Class.String()]++
	if !sub.NoSend {
		g.causes[s.table.NameOf(s.attr.Facts(sub.Stack, sub.Callsite).Cause)]++
	}
}

// arrival returns an interrupt of IPIs by its number; the oldest one makes room.
func (s *State) arrival(id uint64) *arrival {
	a := s.arrivals[id]
	if a != nil {
		return a
	}
	if len(s.order) >= maxArrivals {
		for _, old := range s.order[:maxArrivals/2] {
			s.complete(s.arrivals[old])
			delete(s.arrivals, old)
		}
		s.order = append(s.order[:0], s.order[maxArrivals/2:]...)
	}
	a = &arrival{id: id}
	s.arrivals[id] = a
	s.order = append(s.order, id)
	return a
}

// delivery takes a hit and its arrival.
func (s *State) delivery(d *track.Delivery) {
	if d.Serviced == 0 {
		return
	}
	sub := key.Subject{
		NoSend: !d.HasSend, Function: d.Function, Callback: d.Callback, Callsite: d.Callsite, Evidence: d.Evidence, Comm: d.Comm, Instance: d.Instance,
		PID: d.PID, Sender: d.Sender, Target: d.Target, Line: d.Line, Mode: d.Mode, Stack: d.Stack, Kind: s.kindID("ipi"),
	}
	if !d.Joined {
		s.ticks.arrived(d)
	}
	a := s.arrival(d.Serviced)
	if d.Joined {
		if a.done {
			s.join(&sub)
		} else {
			a.joins = append(a.joins, sub)
		}
		return
	}
	a.first = &sub
	s.complete(a)
}

// complete counts the noise of an interrupt once its oldest hit is known.
func (s *State) complete(a *arrival) {
	if a == nil || a.done || a.piece == nil || a.first == nil {
		return
	}
	a.done = true
	p, sub := a.piece, a.first
	p.function = sub.Function
	if sub.NoSend {
		s.unnamed++
	} else {
		p.hasSend, p.sender, p.comm = true, sub.Sender, sub.Comm
		p.cause = s.attr.Facts(sub.Stack, sub.Callsite).Cause
	}
	p.class = s.attr.Class(sub.Function, sub.Stack, sub.Callsite).Class.String()
	s.count(sub, sub.Target, p.at, p.net)
	for i := range a.joins {
		s.join(&a.joins[i])
	}
	a.piece, a.first, a.joins = nil, nil, nil
}

// join counts a hit that shared the interrupt of an older one.
func (s *State) join(sub *key.Subject) {
	g, _ := s.groups.Get(key.Of(s.cfg.By, sub, s.attr))
	g.hits++
	g.cpus.Set(int(sub.Target))
}

// foldThreads counts the noise of tasks. Where nobody measures, the task that ran
// longest on a CPU is the one that it is for.
func (s *State) foldThreads() {
	own := map[int32]threadID{}
	for id, t := range s.threads {
		old, ok := own[id.cpu]
		if id.pid != 0 && (!ok || t.total > s.threads[old].total || t.total == s.threads[old].total && id.pid < old.pid) {
			own[id.cpu] = id
		}
	}
	for id, t := range s.threads {
		tracer, _ := s.deliveries.Noises().Measures(id.cpu)
		kind := "task"
		switch {
		case id.pid == 0:
			kind = "idle"
		case tracer == "" && own[id.cpu] == id:
			kind = "own"
		}
		sub := key.Subject{NoSend: true, Sender: -1, PID: -1, Target: id.cpu, Kind: s.kindID(kind), Name: t.name}
		g, _ := s.groups.Get(key.Of(s.cfg.By, &sub, s.attr))
		g.hits += t.times.Count()
		g.times.Merge(&t.times)
		if s.cfg.Sequences && kind != "own" && kind != "idle" {
			if g.sequence == nil {
				g.sequence = &stat.Sequence{}
			}
			g.sequence.Merge(&t.sequence)
		}
		g.total += t.total
		g.cpus.Set(int(id.cpu))
	}
}
