package noise

import (
	"slices"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A piece is one noise event, as a part of what it lies in.
type piece struct {
	kind       string
	name       trace.NameID
	begin, end trace.Time
	at         trace.Time // of the record
	net        int64
	arrival    uint64

	hasSend        bool
	sender         int32
	function, comm trace.NameID
	cause          trace.NameID
	class          string
	keptBy         string
	expired, work  trace.NameID
}

// The vectors of x86 for the system's own interrupts lie here
// (arch/x86/include/asm/irq_vectors.h); other numbers are those of devices.
const firstVector, lastVector = 0xec, 0xff

func kindOf(t *trace.Table, n *track.Noise) string {
	switch {
	case n.IPI:
		return "ipi"
	case n.Kind == track.NoiseThread && n.ID == 0:
		return "idle"
	case n.Kind != track.NoiseIRQ:
		return n.Kind.String()
	case t.NameOf(n.Name) == "local_timer", t.NameOf(n.Name) == "arch_timer":
		return "timer"
	case n.ID >= firstVector && n.ID <= lastVector:
		return "vector"
	}
	return "irq"
}

// part is a piece with the time that lies in a stretch.
type part struct {
	*piece
	took int64
}

// A sample is one sample_threshold.
type sample struct {
	cpu          int32
	begin        trace.Time
	length       int64
	interference uint64
	explained    int64
	incomplete   bool
	parts        []part
}

// rest is what no event explains.
func (x *sample) rest() int64 { return x.length - x.explained }

// An activation is one of timerlat, from when its timer was due.
type activation struct {
	cpu               int32
	seq               uint64
	due, last         trace.Time
	irq, thread, user int64 // ns, -1 if there is none
	irqAt             trace.Time
	explained, late   int64
	stack             trace.StackID
	incomplete        bool
	parts             []part
}

func (x *activation) length() int64 { return max(x.irq, x.thread, x.user) }

// A worst keeps the longest of what it is given, in bounded memory.
type worst[T any] struct {
	max  int
	list []T // longest first
	more bool
}

func (w *worst[T]) add(x T, longer func(a, b T) int) bool {
	i, _ := slices.BinarySearchFunc(w.list, x, longer)
	if i >= w.max {
		w.more = true
		return false
	}
	w.list = slices.Insert(w.list, i, x)
	if len(w.list) > w.max {
		w.list, w.more = w.list[:w.max], true
	}
	return true
}

func longerSample(a, b *sample) int {
	switch {
	case a.length != b.length:
		return int(min(max(b.length-a.length, -1), 1))
	case a.begin != b.begin:
		return int(min(max(a.begin-b.begin, -1), 1))
	}
	return int(a.cpu - b.cpu)
}

func longerActivation(a, b *activation) int {
	switch {
	case a.length() != b.length():
		return int(min(max(b.length()-a.length(), -1), 1))
	case a.due != b.due:
		return int(min(max(a.due-b.due, -1), 1))
	}
	return int(a.cpu - b.cpu)
}

// reported takes what a measuring thread of an isolated CPU says.
func (s *State) reported(r *track.NoiseReport) {
	c := s.cpu(r.CPU)
	switch r.Kind {
	case track.ReportSample:
		s.sample(c, r)
	case track.ReportRun:
		c.runs++
		c.runtime += r.Runtime
		c.runNoise += r.Noise
		c.longest = max(c.longest, 0)
		c.runIRQ += r.IRQ
		c.runTask += r.Thread
	case track.ReportActivation:
		s.activationContext(c, r)
	}
}

// sample closes a sample: its noise has come by now.
func (s *State) sample(c *cpu, r *track.NoiseReport) {
	x := &sample{cpu: r.CPU, begin: r.Begin, length: r.Length, interference: r.Interference}
	end := r.Begin + trace.Time(r.Length)
	n := uint64(0)
	keep := c.pieces[:0]
	for _, p := range c.pieces {
		switch {
		case p.begin >= r.Begin && p.begin <= end:
			n++
			x.explained += p.net
			x.parts = append(x.parts, part{p, p.net})
		case p.begin > end:
			keep = append(keep, p)
		}
	}
	clear(c.pieces[len(keep):])
	c.pieces = keep
	s.unseen += max(n, r.Interference) - n
	// the kernel counts by itself what came (int_counter): a loss that took none of it
	// away leaves the sample whole
	x.incomplete = n != r.Interference
	c.cut = false
	c.samples++
	c.length += x.length
	c.longest = max(c.longest, x.length)
	s.totals.samples++
	c.parts[0].Add(x.length)
	if s.totals.shortest < 0 || x.length < s.totals.shortest {
		s.totals.shortest = x.length
	}
	switch {
	case x.incomplete:
		c.incomplete++
		s.totals.incomplete++
	default:
		c.explained += x.explained
		c.rest += x.rest()
		c.parts[1].Add(x.explained)
		c.parts[2].Add(x.rest())
		c.longestRest = max(c.longestRest, x.rest())
		s.totals.explained += x.explained
		s.totals.rest += x.rest()
		if x.interference == 0 {
			c.hardware++
			c.hardwareNS += x.rest()
			s.totals.hardware += x.rest()
		}
	}
	if x.length >= s.cfg.Over {
		s.samples.add(x, longerSample)
	}
}

// activationContext takes a record of an activation: its timer's interrupt, its
// thread, and the return to user space of rtla's thread.
func (s *State) activationContext(c *cpu, r *track.NoiseReport) {
	if !c.active || c.activation.seq != r.Seq {
		s.endActivation(c)
		c.active = true
		c.activation = activation{cpu: r.CPU, seq: r.Seq, due: r.At - trace.Time(r.Latency), irq: -1, thread: -1, user: -1, irqAt: track.Never}
	}
	x := &c.activation
	// the record comes behind the reading of the clock: the earliest is the nearest
	x.due = min(x.due, r.At-trace.Time(r.Latency))
	switch r.Context {
	case 0:
		x.irq, x.irqAt = r.Latency, r.At
	case 1:
		x.thread, x.last = r.Latency, r.At
	case 2:
		x.user, x.last = r.Latency, r.At
	}
}

// endActivation closes the activation that goes on, if it has come to its thread.
func (s *State) endActivation(c *cpu) {
	if !c.active {
		return
	}
	c.active = false
	x := c.activation
	keep := c.pieces[:0]
	for _, p := range c.pieces {
		if p.begin > x.last {
			keep = append(keep, p)
		}
		if x.thread < 0 && x.user < 0 {
			continue
		}
		took := overlap(p.begin, p.begin+trace.Time(p.net), x.due, x.last)
		if p.kind == "task" || p.kind == "idle" || p.kind == "softirq" {
			took = min(p.net, overlap(p.begin, p.end, x.due, x.last))
		}
		if took <= 0 {
			continue
		}
		x.explained += took
		x.parts = append(x.parts, part{p, took})
	}
	clear(c.pieces[len(keep):])
	c.pieces = keep
	if x.thread < 0 && x.user < 0 {
		return
	}
	x.incomplete = c.cut
	c.cut = false
	if x.irqAt != track.Never {
		x.late = x.irq
		for _, p := range x.parts {
			if p.at <= x.irqAt && !x.isOwn(p.piece) {
				x.late -= min(p.took, overlap(p.begin, p.begin+trace.Time(p.net), x.due, x.irqAt))
			}
		}
	}
	c.activations++
	c.latency = max(c.latency, x.length())
	s.totals.activations++
	s.totals.latency += x.length()
	s.totals.aExplained += x.explained
	s.totals.aRest += x.length() - x.explained
	s.totals.aLate += x.late
	for _, p := range x.parts {
		k := s.partName(p.piece, &x)
		v := s.totals.parts[k]
		s.totals.parts[k] = partSum{v.count + 1, v.ns + p.took}
	}
	if x.length() >= s.cfg.Over {
		s.activs.add(&x, longerActivation)
	}
}

// isOwn reports whether a piece is the interrupt of the activation's own timer,
// which writes its record.
func (x *activation) isOwn(p *piece) bool {
	return p.kind == "timer" && x.irqAt != track.Never && p.begin <= x.irqAt+1000 && p.begin+trace.Time(p.net) >= x.irqAt-1000
}

// partName is what a part of an activation is counted as.
func (s *State) partName(p *piece, x *activation) [2]string {
	switch {
	case x.isOwn(p):
		return [2]string{"timer", "timer interrupt"}
	case p.kind == "idle":
		return [2]string{"idle", "idle"}
	}
	return [2]string{p.kind, s.table.NameOf(p.name)}
}

func overlap(from, to, begin, end trace.Time) int64 {
	return max(0, int64(min(to, end)-max(from, begin)))
}

// work takes the function that a kworker begins to run: its noise comes later, and
// names the newest one.
func (s *State) work(e *trace.Event) {
	if fn, ok := e.Symbol(e.Schema().Ref("function")); ok {
		s.ticks.lastWork(e.CPU, s.table.SymbolName(fn))
	}
}

// A latencyRow is one of hwlat.
type latencyRow struct {
	cpu               int32
	seq, inner, outer uint64
	count, nmis       uint64
	realtime          int64
}

// maxLatencyRows bounds what is listed of hwlat: a row a second.
const maxLatencyRows = 1 << 16

func (s *State) latencyRow(e *trace.Event) {
	if len(s.hwlat) >= maxLatencyRows {
		s.moreHwlat++
		return
	}
	sc := e.Schema()
	get := func(name string) uint64 {
		v, _ := e.Uint(sc.Ref(name))
		return v
	}
	x := latencyRow{cpu: e.CPU, seq: get("seqnum"), inner: get("duration"), outer: get("outer_duration"), count: get("count"), nmis: get("nmi_count")}
	sec, ns := sc.Ref("tv_sec"), sc.Ref("tv_nsec")
	if sec == trace.NoField { // struct timespec64 timestamp, of some format files
		sec, ns = sc.Ref("timestamp.tv_sec"), sc.Ref("timestamp.tv_nsec")
	}
	a, _ := e.Uint(sec)
	b, _ := e.Uint(ns)
	x.realtime = int64(a)*1e9 + int64(b)
	s.hwlat = append(s.hwlat, x)
}
