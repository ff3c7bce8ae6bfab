package quiet

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// noiseState is what the noise events of osnoise and timerlat tell of one CPU.
type noiseState struct {
	live  bool // an interruption that its own events tell of goes on
	depth int  // noises that go on

	hasEntries bool // interrupts of IPIs have events of their own
	hasSwitch  bool
	sampled    bool // an interrupt of which only noise tells was seen
	any        bool // a noise, a sample or a run
	// first is from when on noise shows, runEnd up to when the runs of osnoise are
	// known
	first, runEnd        trace.Time
	observed, longestRun int64
	runs                 bool
	// unwatched are stretches between runs, until it is known whether only noise
	// tells of interrupts
	unwatched []step
	decided   bool
	threads   []task // that wait for it to be known who measures
	ran       map[uint64]int64
	own       uint64
	ownRule   bool
	arrived   uint64 // hits of which only noise tells
}

// A task is a thread noise.
type task struct {
	name       trace.NameID
	pid        uint64
	begin, end trace.Time
	net        int64
}

// maxThreads bounds the threads that wait, maxUnwatched the stretches.
const (
	maxThreads   = 64
	maxUnwatched = 1 << 12
)

// noise takes a noise event of an isolated CPU.
func (s *State) noise(n *track.Noise) {
	c := s.cpu(n.CPU)
	x := &c.noise
	if n.Broken {
		if n.Kind == track.NoiseThread && !isMeasuring(s.table.NameOf(n.Name)) {
			x.runs0(n.ID, int64(n.At-s.start)) // it has run since the start
		}
		return
	}
	x.begin(n.Begin)
	if n.Kind == track.NoiseThread {
		s.thread(c, n)
		return
	}
	if n.Told {
		x.hasEntries = true
		return
	}
	x.sampled = true
	s.decide(c)
	c.interval(n.Begin, n.End)
	if n.IPI {
		return // Delivery tells what it ran
	}
	src := source{kind: kindIRQ, name: n.Name}
	switch {
	case n.Kind == track.NoiseNMI:
		src.kind = kindNMI
	case n.Kind == track.NoiseSoftirq:
		src.kind = kindSoftirq
	case s.table.NameOf(n.Name) == "local_timer":
		src = c.timer(src, n.Begin)
	case n.ID >= firstVector && n.ID <= lastVector:
		src.kind = kindVector
	}
	s.noised(src, n.CPU, n.Begin, n.End, n.Net)
}

// The vectors of x86 for the system's own interrupts lie here
// (arch/x86/include/asm/irq_vectors.h); other numbers are those of devices.
const (
	firstVector = 0xec
	lastVector  = 0xff
)

// isMeasuring reports a thread of the tracers (kernel/trace/trace_osnoise.c).
func isMeasuring(comm string) bool {
	for _, prefix := range [...]string{"osnoise/", "timerlat/", "timerlatu/"} {
		if len(comm) > len(prefix) && comm[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

// begin notes from when on noise shows.
func (x *noiseState) begin(at trace.Time) {
	if !x.any {
		x.any, x.runEnd, x.first = true, at, at
	}
}

// runs0 adds to the time that a thread ran.
func (x *noiseState) runs0(pid uint64, ns int64) {
	if x.ran == nil {
		x.ran = map[uint64]int64{}
	}
	if len(x.ran) < maxTasks {
		x.ran[pid] += max(0, ns)
	}
	if x.own == 0 || x.ran[pid] > x.ran[x.own] {
		x.own = pid
	}
}

// interval takes an interruption that is over.
func (c *cpu) interval(begin, end trace.Time) {
	c.put(step{at: begin, is: stepNoise})
	c.put(step{at: max(begin, end, c.held.barrier), is: stepNoiseEnd})
	if len(c.held.steps) > heldNoisy {
		c.settle(heldNoisy / 2)
	}
}

// noised counts one interruption that noise tells of, with its time without what
// interrupted it.
func (s *State) noised(src source, cpu int32, begin, end trace.Time, net int64) {
	s.add(src, cpu, begin, begin+trace.Time(net))
	s.sources[src].byNoise++
	s.interrupted(src.kind, cpu, begin, end, begin+trace.Time(net), func() Culprit { return s.culprit(src) })
}

// thread takes the noise of a thread. Where switches are recorded they tell.
func (s *State) thread(c *cpu, n *track.Noise) {
	x := &c.noise
	if n.ID == 0 || x.hasSwitch {
		return
	}
	t := task{n.Name, n.ID, n.Begin, n.End, n.Net}
	switch tracer, pid := s.deliveries.Noises().Measures(n.CPU); {
	case tracer != "":
		s.flushThreads(c, n.CPU, false)
		if int64(pid) != int64(n.ID) && !isMeasuring(s.table.NameOf(n.Name)) {
			s.foreign(c, n.CPU, &t)
		}
	case x.ownRule:
		s.ownOrForeign(c, n.CPU, &t)
	default:
		if x.threads = append(x.threads, t); len(x.threads) > maxThreads {
			s.flushThreads(c, n.CPU, true)
		}
	}
}

// flushThreads takes the threads that waited; own says that nobody measures, so
// that the CPU's own task is the one that ran longest.
func (s *State) flushThreads(c *cpu, n int32, own bool) {
	x := &c.noise
	list := x.threads
	x.threads, x.ownRule = x.threads[:0], own
	for i := range list {
		switch t := &list[i]; {
		case own:
			s.ownOrForeign(c, n, t)
		case !isMeasuring(s.table.NameOf(t.name)):
			s.foreign(c, n, t)
		}
	}
}

// ownOrForeign tells the task that a CPU is for from others.
func (s *State) ownOrForeign(c *cpu, n int32, t *task) {
	c.noise.runs0(t.pid, t.net)
	if t.pid != c.noise.own && !isMeasuring(s.table.NameOf(t.name)) {
		s.foreign(c, n, t)
	}
}

func (s *State) foreign(c *cpu, n int32, t *task) {
	c.interval(t.begin, t.end)
	s.noised(source{kindTask, t.name}, n, t.begin, t.end, t.net)
}

// reported takes what a measuring thread says.
func (s *State) reported(r *track.NoiseReport) {
	c := s.cpu(r.CPU)
	x := &c.noise
	switch r.Kind {
	case track.ReportSample:
		x.begin(r.Begin)
	case track.ReportRun:
		begin := r.At - trace.Time(r.Runtime)*1000
		if !r.HasRuntime {
			begin = x.runEnd
		}
		x.begin(begin)
		if !x.runs {
			x.runs = true
			x.first = min(x.first, begin)
			x.runEnd = max(x.first, s.start)
		}
		x.observe(max(begin, s.start, x.runEnd), r.At)
		if begin > x.runEnd {
			s.unwatched(c, x.runEnd, begin)
		}
		x.runEnd = r.At
	}
}

// unwatched takes a stretch in which the measuring thread slept.
func (s *State) unwatched(c *cpu, from, to trace.Time) {
	x := &c.noise
	st := step{at: from, to: to, is: stepUnwatched}
	switch {
	case x.hasEntries:
	case x.decided:
		c.put(st)
	case len(x.unwatched) < maxUnwatched:
		x.unwatched = append(x.unwatched, st)
	}
}

// decide takes note that only noise tells of interrupts.
func (s *State) decide(c *cpu) {
	x := &c.noise
	if x.decided || x.hasEntries {
		return
	}
	x.decided = true
	if x.first > s.start {
		c.put(step{at: s.start, to: x.first, is: stepUnwatched})
	}
	for _, st := range x.unwatched {
		c.put(st)
	}
	x.unwatched = nil
}

// observe adds a stretch in which noise would have shown.
func (x *noiseState) observe(from, to trace.Time) {
	x.observed += max(0, int64(to-from))
	x.longestRun = max(x.longestRun, int64(to-from))
}

// endNoise completes what was seen of a CPU.
func (s *State) endNoise(c *cpu, n int32) {
	x := &c.noise
	if len(x.threads) > 0 {
		tracer, _ := s.deliveries.Noises().Measures(n)
		s.flushThreads(c, n, tracer == "")
	}
	x.hasEntries = x.hasEntries || s.deliveries.HasEntries() && !x.sampled
	if x.hasEntries || !x.any {
		return
	}
	s.decide(c)
	tracer, _ := s.deliveries.Noises().Measures(n)
	first, last := s.deliveries.Noises().Watched(n)
	if tracer != "osnoise" { // it shows until the end
		x.observe(max(s.start, first), s.span.Last)
		return
	}
	from := x.runEnd
	if last != track.Never && last > x.runEnd { // a run that goes on
		begin := x.runEnd
		if x.runs {
			begin = s.deliveries.Noises().RunBegin(n)
			if begin > x.runEnd {
				s.unwatched(c, x.runEnd, begin)
			}
		}
		x.observe(max(begin, s.start), last)
		from = last
	}
	if from < s.span.Last {
		s.unwatched(c, from, s.span.Last)
	}
}

// observe fills in for how long the CPU was observed.
func (t *cpuTotal) observe(c *cpu, sampled bool) {
	t.sampled = sampled && !c.noise.hasEntries
	t.observed, t.longestRun = c.noise.observed, c.noise.longestRun
}

// offset is how far the noise's clock is ahead of the trace's, where most.
func (s *State) offset() (far int64) {
	for n := range s.cpus {
		far = larger(far, s.deliveries.Noises().Offset(int32(n)))
	}
	return far
}

// larger is the one that is farther from 0, of two as far the positive one.
func larger(a, b int64) int64 {
	if max(a, -a) > max(b, -b) || max(a, -a) == max(b, -b) && a > b {
		return a
	}
	return b
}

// isSampled reports whether noise alone tells of interrupts: a CPU without any was
// not observed then.
func (s *State) isSampled() bool {
	if s.deliveries.HasEntries() {
		return false
	}
	for n := range s.cpus {
		if x := &s.cpus[n].noise; x.any && !x.hasEntries {
			return true
		}
	}
	return false
}

// isSampled reports whether noise alone tells of the interrupts of a CPU.
func (c *Counts) isSampled() bool {
	for _, t := range c.cpus {
		if t.sampled {
			return true
		}
	}
	return false
}

// share is the share of the time in which an interruption would have shown.
func (t *cpuTotal) share() float64 {
	if !t.sampled {
		return 1
	}
	if t.watched <= 0 {
		return 0
	}
	return min(1, float64(t.observed)/float64(t.watched))
}

// timedBy says what tells of a source.
func (t *tally) timedBy() string {
	var by []string
	if t.byNoise > 0 {
		by = append(by, "noise")
	}
	if t.taken.Count() > t.byNoise {
		by = append(by, "events")
	}
	if t.taken.Count() < t.count {
		by = append(by, "nothing")
	}
	return strings.Join(by, ", ")
}

// warnNoise says what noise does not tell.
func (c *Counts) warnNoise(set *result.Set) {
	if c.bad > 0 {
		set.Warn("bad-noise", fmt.Sprintf("%d noise events have times that cannot be (those of the thread that ran when the tracer began, or of a kernel that keeps them in 32 bits): they are not counted", c.bad))
	}
	if c.offset != 0 {
		set.Warn("noise-clock", fmt.Sprintf("noise is timed by another clock than the trace, which it is ahead of by %s: its times were moved by that", c.length(c.offset)))
	}
	if !c.isSampled() {
		return
	}
	var parts []string
	for _, n := range c.sortedCPUs() {
		if t := c.cpus[n]; t.sampled {
			parts = append(parts, fmt.Sprintf("CPU %d %.1f %%", n, 100*t.share()))
		}
	}
	set.Warn("noise-only", "only noise events tell of interrupts, and only while the measuring thread runs (timerlat: of tasks, from its timer's interrupt on): observed "+strings.Join(parts, ", "))
}
