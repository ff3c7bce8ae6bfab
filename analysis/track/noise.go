package track

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A NoiseKind is what a noise event of osnoise or timerlat tells of
// (include/trace/events/osnoise.h).
type NoiseKind uint8

const (
	NoiseNMI NoiseKind = iota
	NoiseIRQ
	NoiseSoftirq
	NoiseThread
	NumNoiseKinds
)

func (k NoiseKind) String() string { return [...]string{"nmi", "irq", "softirq", "task"}[k] }

// A Noise is one noise event. It is valid during the call that delivers it.
type Noise struct {
	Kind NoiseKind
	CPU  int32
	Name trace.NameID // interrupt, softirq or task
	ID   uint64       // vector or interrupt number, softirq number, pid
	// Begin is when it arrived, by the trace's clock. End is when it ended: of
	// softirqs and tasks, which ran somewhere in between, that is the record.
	Begin, End trace.Time
	Net        int64      // ns, without what interrupted it
	At         trace.Time // of the record
	Broken     bool       // its times cannot be
	// Told says that the interrupt's own entry and exit events tell of it.
	Told bool
	// IPI is set for the interrupts of IPIs. Arrival is the number of the arrival
	// (Delivery.Serviced), 0 if there is none.
	IPI     bool
	Arrival uint64
}

// A NoiseReport is what the measuring thread says: a sample_threshold, the end of
// a run of osnoise, or one context of an activation of timerlat.
type NoiseReport struct {
	Kind ReportKind
	CPU  int32
	PID  int32 // of the measuring thread, which is the interrupted one in ReportActivation of context 0
	At   trace.Time

	Begin        trace.Time // of a sample
	Length       int64      // of a sample, ns
	Interference uint64

	Runtime, Noise, Longest       int64 // of a run, µs
	HW, NMI, IRQ, Softirq, Thread uint64
	HasRuntime                    bool

	Seq     uint64 // of an activation
	Context uint64 // 0 irq, 1 thread, 2 user-ret
	Latency int64  // ns
}

// ReportKind says what a NoiseReport is.
type ReportKind uint8

const (
	ReportSample ReportKind = iota
	ReportRun
	ReportActivation
)

// maxClockSlack is how far the local clock and an unnamed one may differ to be
// taken for one, ns.
const maxClockSlack = 1_000_000

// minBroken is how much longer than possible a noise has to be to be broken, ns:
// texts round the time of the record to microseconds.
const minBroken = 1_000

// Noises reads the events of the tracers osnoise and timerlat. start is always
// the time of the local clock (kernel/trace/trace_osnoise.c, time_get).
type Noises struct {
	table    *trace.Table
	roles    []noiseRole // by EventID
	cpus     []noiseCPU
	softirqs [10]trace.NameID
	local    bool // the trace's clock may be the local one
	ticks    bool
	noise    Noise
	report   NoiseReport
	// Broken counts the noises whose times cannot be.
	Broken uint64
}

type noiseCPU struct {
	clock clockOffset
	// runBegin is when the first noise or sample behind the last row began, runEnd
	// the time of that row; Never if there is none.
	runBegin, runEnd trace.Time
	first            trace.Time // begin of the first noise or sample of this recording
	last             trace.Time // of the newest of its records
	before           int64      // from first to last of recordings before it in the input, ns
	lastRun          NoiseReport
	lastActivation   NoiseReport
	samples          bool // a sample or a run of osnoise was seen
	activations      bool // one of timerlat
	measuring        int32
}

type noiseRole struct {
	known                 bool
	is                    noiseEvent
	start, duration       trace.FieldRef
	name, id              trace.FieldRef
	interference          trace.FieldRef
	runtime, noise, max   trace.FieldRef
	hw, nmi, irq, soft, t trace.FieldRef
	seq, context, latency trace.FieldRef
}

type noiseEvent uint8

const (
	isNoNoise noiseEvent = iota
	isNoise              // + the kind in noiseRole.id's meaning, see kind
	isSample
	isRun
	isActivation
)

// clockOffset follows how far the noise's clock is ahead of the trace's, by how
// far the end of each noise lies behind its record.
type clockOffset struct {
	last          [64]int64
	n             int
	ahead, behind int // of last: beyond maxClockSlack
}

func (c *clockOffset) add(d int64) {
	i := c.n % len(c.last)
	if c.n >= len(c.last) {
		c.count(c.last[i], -1)
	}
	c.last[i] = d
	c.count(d, 1)
	c.n++
}

func (c *clockOffset) count(d int64, by int) {
	switch {
	case d > maxClockSlack:
		c.ahead += by
	case d < -maxClockSlack:
		c.behind += by
	}
}

// offset is 0 for one clock, else the tightest bound of the newest records: clocks
// drift.
func (c *clockOffset) offset(local bool) int64 {
	n := min(c.n, len(c.last))
	if n == 0 || local && 2*c.ahead <= n && 2*c.behind <= n {
		return 0
	}
	best := c.last[0]
	for _, d := range c.last[1:n] {
		best = max(best, d)
	}
	return best
}

// NewNoises returns a Noises for the events of one table.
func NewNoises(t *trace.Table) *Noises {
	n := &Noises{table: t, local: t.Meta.Clock == "" || t.Meta.Clock == "local", ticks: t.Meta.ClockUnit == "ticks"}
	// include/linux/interrupt.h
	for i, name := range [...]string{"HI", "TIMER", "NET_TX", "NET_RX", "BLOCK", "IRQ_POLL", "TASKLET", "SCHED", "HRTIMER", "RCU"} {
		n.softirqs[i] = t.Name(name)
	}
	return n
}

// NoiseEvents are the events that Noises reads.
func NoiseEvents() []string {
	return []string{"irq_noise", "softirq_noise", "thread_noise", "nmi_noise", "sample_threshold", "osnoise_sample", "timerlat_sample", "osnoise", "timerlat"}
}

func (n *Noises) roleOf(e *trace.Event) *noiseRole {
	if int(e.ID) >= len(n.roles) {
		n.roles = append(n.roles, make([]noiseRole, int(e.ID)+1-len(n.roles))...)
	}
	r := &n.roles[e.ID]
	if !r.known {
		*r = classifyNoise(e.Schema())
	}
	return r
}

func classifyNoise(s *trace.Schema) noiseRole {
	r := noiseRole{known: true, start: s.Ref("start"), duration: s.Ref("duration"), interference: s.Ref("interference")}
	r.runtime, r.noise, r.max = s.Ref("runtime"), s.Ref("noise"), s.Ref("max_sample")
	r.hw, r.nmi, r.irq, r.soft, r.t = s.Ref("hw_count"), s.Ref("nmi_count"), s.Ref("irq_count"), s.Ref("softirq_count"), s.Ref("thread_count")
	r.seq, r.context, r.latency = s.Ref("seqnum"), s.Ref("context"), s.Ref("timer_latency")
	r.name, r.id = trace.NoField, trace.NoField
	switch s.Name {
	case "irq_noise":
		r.is, r.name, r.id = isNoise, s.Ref("desc"), s.Ref("vector")
	case "softirq_noise":
		r.is, r.id = isNoise, s.Ref("vector")
	case "thread_noise":
		r.is, r.name, r.id = isNoise, s.Ref("comm"), s.Ref("pid")
	case "nmi_noise":
		r.is = isNoise
	case "sample_threshold":
		r.is = isSample
	case "osnoise_sample", "osnoise":
		r.is = isRun
	case "timerlat_sample", "timerlat":
		r.is = isActivation
	}
	return r
}

func (n *Noises) cpu(cpu int32) *noiseCPU {
	for int(cpu) >= len(n.cpus) {
		n.cpus = append(n.cpus, noiseCPU{runBegin: Never, runEnd: Never, first: Never, last: Never, measuring: -1})
	}
	return &n.cpus[cpu]
}

// Event takes an event. What it returns is valid until the next one; both are nil
// for what is neither, and for the row that repeats an event.
func (n *Noises) Event(e *trace.Event) (*Noise, *NoiseReport) {
	r := n.roleOf(e)
	if r.is == isNoNoise || e.CPU < 0 {
		return nil, nil
	}
	switch r.is {
	case isNoise:
		return n.read(e, r), nil
	case isSample:
		return nil, n.sample(e, r)
	case isRun:
		return nil, n.run(e, r)
	}
	return nil, n.activation(e, r)
}

// read reads one of the four noise events.
func (n *Noises) read(e *trace.Event, r *noiseRole) *Noise {
	c := n.cpu(e.CPU)
	x := &n.noise
	*x = Noise{CPU: e.CPU, At: e.Time}
	switch e.Schema().Name {
	case "nmi_noise":
		x.Kind = NoiseNMI
	case "irq_noise":
		x.Kind = NoiseIRQ
	case "softirq_noise":
		x.Kind = NoiseSoftirq
	default:
		x.Kind = NoiseThread
	}
	x.ID, _ = e.Uint(r.id)
	if name, ok := e.Bytes(r.name); ok {
		x.Name = n.table.NameBytes(bytes.TrimLeft(name, " "))
	} else if x.Kind == NoiseSoftirq && x.ID < uint64(len(n.softirqs)) {
		x.Name = n.softirqs[x.ID]
	} else if x.Kind == NoiseNMI {
		x.Name = n.table.Name("nmi")
	}
	start, ok := e.Uint(r.start)
	net, ok2 := e.Uint(r.duration)
	x.Net = int64(net)
	if !ok || !ok2 || start == 0 || n.ticks {
		return n.broken(x)
	}
	if x.Kind != NoiseThread && x.Kind != NoiseSoftirq {
		c.clock.add(int64(start) + x.Net - int64(e.Time))
	}
	x.Begin = trace.Time(int64(start) - c.clock.offset(n.local))
	x.End = x.At
	if x.Net < 0 || x.Net > int64(x.At-x.Begin)+minBroken {
		return n.broken(x)
	}
	if x.Kind == NoiseNMI || x.Kind == NoiseIRQ {
		x.End = x.Begin + trace.Time(x.Net)
	}
	c.seen(x.Begin, x.At)
	return x
}

func (n *Noises) broken(x *Noise) *Noise {
	n.Broken++
	x.Broken, x.Begin, x.End = true, x.At, x.At
	return x
}

// seen notes that a noise or sample began.
func (c *noiseCPU) seen(begin, at trace.Time) {
	if c.runBegin == Never {
		c.runBegin = begin
	}
	if c.first == Never {
		c.first = begin
	}
	c.last = at
}

func (n *Noises) sample(e *trace.Event, r *noiseRole) *NoiseReport {
	start, ok := e.Uint(r.start)
	length, ok2 := e.Uint(r.duration)
	if !ok || !ok2 || start == 0 || n.ticks {
		n.Broken++
		return nil
	}
	c, x := n.cpu(e.CPU), &n.report
	c.clock.add(int64(start) + int64(length) - int64(e.Time))
	*x = NoiseReport{Kind: ReportSample, CPU: e.CPU, PID: e.PID, At: e.Time, Length: int64(length)}
	x.Begin = trace.Time(int64(start) - c.clock.offset(n.local))
	if x.Length < 0 || x.Length > int64(x.At-x.Begin)+minBroken {
		n.Broken++
		return nil
	}
	x.Interference, _ = e.Uint(r.interference)
	c.seen(x.Begin, x.At)
	c.samples, c.measuring = true, e.PID
	return x
}

// run reads the end of a run. With osnoise_sample each comes twice, the event
// first.
func (n *Noises) run(e *trace.Event, r *noiseRole) *NoiseReport {
	c, x := n.cpu(e.CPU), &n.report
	*x = NoiseReport{Kind: ReportRun, CPU: e.CPU, PID: e.PID, At: e.Time}
	for _, f := range [...]struct {
		ref trace.FieldRef
		to  *int64
	}{{r.runtime, &x.Runtime}, {r.noise, &x.Noise}, {r.max, &x.Longest}} {
		v, ok := e.Uint(f.ref)
		*f.to = int64(v)
		x.HasRuntime = x.HasRuntime || ok && f.to == &x.Runtime
	}
	for _, f := range [...]struct {
		ref trace.FieldRef
		to  *uint64
	}{{r.hw, &x.HW}, {r.nmi, &x.NMI}, {r.irq, &x.IRQ}, {r.soft, &x.Softirq}, {r.t, &x.Thread}} {
		*f.to, _ = e.Uint(f.ref)
	}
	last := &c.lastRun
	repeats := e.Schema().Name == "osnoise" && last.PID == x.PID && last.At != 0 && last.Noise == x.Noise && last.Longest == x.Longest &&
		last.HW == x.HW && last.NMI == x.NMI && last.IRQ == x.IRQ && last.Softirq == x.Softirq && last.Thread == x.Thread
	*last = NoiseReport{}
	if repeats {
		return nil
	}
	if e.Schema().Name != "osnoise" {
		*last = *x
	}
	c.samples, c.measuring = true, e.PID
	return x
}

// endRun is called behind the consumers of a run: what comes next is of another.
func (n *Noises) endRun(x *NoiseReport) {
	c := n.cpu(x.CPU)
	c.runBegin, c.runEnd = Never, x.At
}

func (n *Noises) activation(e *trace.Event, r *noiseRole) *NoiseReport {
	c, x := n.cpu(e.CPU), &n.report
	*x = NoiseReport{Kind: ReportActivation, CPU: e.CPU, PID: e.PID, At: e.Time}
	x.Seq, _ = e.Uint(r.seq)
	x.Context, _ = e.Uint(r.context)
	latency, ok := e.Uint(r.latency)
	if x.Latency = int64(latency); !ok || x.Latency < 0 {
		return nil
	}
	last := &c.lastActivation
	repeats := e.Schema().Name == "timerlat" && last.At != 0 && last.Seq == x.Seq && last.Context == x.Context && last.Latency == x.Latency
	*last = NoiseReport{}
	if repeats {
		return nil
	}
	if e.Schema().Name != "timerlat" {
		*last = *x
	}
	c.activations = true
	if x.Context > 0 {
		c.measuring = e.PID
	}
	return x
}

// Lost forgets what a gap in the events of a CPU makes doubtful.
func (n *Noises) Lost(l *trace.Lost) {
	if l.CPU >= 0 && int(l.CPU) < len(n.cpus) {
		c := &n.cpus[l.CPU]
		c.lastRun, c.lastActivation = NoiseReport{}, NoiseReport{}
		if c.first != Never && l.Time < c.last { // another recording begins
			c.before += max(0, int64(c.last-c.first))
			c.first, c.last = Never, Never
		}
	}
}

// Offset is how far the clock of a CPU's noise is ahead of the trace's now, ns.
func (n *Noises) Offset(cpu int32) int64 {
	if cpu < 0 || int(cpu) >= len(n.cpus) {
		return 0
	}
	return n.cpus[cpu].clock.offset(n.local)
}

// Measures tells which tracer's thread measures on a CPU: "osnoise", "timerlat",
// or "" where none was seen, and its pid, -1 if that is not known.
func (n *Noises) Measures(cpu int32) (tracer string, pid int32) {
	if cpu < 0 || int(cpu) >= len(n.cpus) {
		return "", -1
	}
	switch c := &n.cpus[cpu]; {
	case c.samples:
		return "osnoise", c.measuring
	case c.activations:
		return "timerlat", c.measuring
	}
	return "", -1
}

// Watched tells from when to when a CPU's noise was seen, Never if none was.
func (n *Noises) Watched(cpu int32) (first, last trace.Time) {
	if cpu < 0 || int(cpu) >= len(n.cpus) {
		return Never, Never
	}
	return n.cpus[cpu].first, n.cpus[cpu].last
}

// Observed is for how long a CPU's noise would have shown in a trace from begin to end:
// from its first noise on, of osnoise (silent: between its runs nothing shows) to its
// newest record only.
func (n *Noises) Observed(cpu int32, begin, end trace.Time, silent bool) int64 {
	first, last := n.Watched(cpu)
	if first == Never {
		return 0
	}
	to := end
	if silent {
		to = last
	}
	return n.cpus[cpu].before + max(0, int64(to-max(begin, first)))
}

// RunBegin is when the run of osnoise began that goes on, as far as noise or a
// sample shows it; Never if none does.
func (n *Noises) RunBegin(cpu int32) trace.Time {
	if cpu < 0 || int(cpu) >= len(n.cpus) {
		return Never
	}
	return n.cpus[cpu].runBegin
}
