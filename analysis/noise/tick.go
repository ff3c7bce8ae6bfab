package noise

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Dependencies of the tick by their bit (include/linux/tick.h). tick_stop names
// the first one that it finds, so RCU hides behind SCHED.
var dependencies = [...]string{"POSIX_TIMER", "PERF_EVENTS", "SCHED", "CLOCK_UNSTABLE", "RCU", "RCU_EXP"}

const (
	tickStopped = "stopped"  // the tick was the last one
	tickNotSaid = "not said" // no tick_stop behind it
)

const (
	kickFunction = "nohz_full_kick_func"
	// maxKick is how long before an episode its kick may have been sent, ns.
	maxKick = 20_000_000
	// maxEpisodes bounds the episodes that wait for the stacks of their kicks, and
	// maxKicks the kicks that are remembered of a CPU.
	maxEpisodes = 256
	maxKicks    = 512
)

// ticks follows the ticks of the isolated CPUs.
type ticks struct {
	s        *State
	cpus     []tickCPU
	recorded bool // there are tick_stop events
	expires  bool // there are hrtimer_expire_entry events
	timers   map[trace.EventID]timerEvent
	kick     trace.NameID
}

type timerEvent uint8

const (
	timerNone timerEvent = iota
	timerEntry
	timerExit
	otherEntry // of another interrupt
	ipiEntry
	anySend
	anyQueue
)

// tickCPU is what is kept of one CPU.
type tickCPU struct {
	rows map[string]*tickRow
	// The timer interrupt whose fate is not known yet.
	open    bool
	inside  bool
	ticks   uint64   // how often the tick's own timer expired in it
	counted *tickRow // of the interrupt that goes on, once its fate is known
	piece   *piece
	expired trace.NameID
	newest  expiry
	work    trace.NameID

	episode  bool
	by       string
	since    trace.Time
	episodes []episode
	kicks    []kick
	fresh    bool // the newest event is the send of a kick from here to here
}

type expiry struct {
	at trace.Time
	fn trace.NameID
}

// A tickRow is what one dependency did on one CPU.
type tickRow struct {
	interrupts, ticks, checks, stops, episodes uint64
	kept, longest                              int64
	setBy                                      map[string]uint64
}

func (r *tickRow) add(o *tickRow) {
	r.interrupts += o.interrupts
	r.ticks += o.ticks
	r.checks += o.checks
	r.stops += o.stops
	r.episodes += o.episodes
	r.kept += o.kept
	r.longest = max(r.longest, o.longest)
	for name, n := range o.setBy {
		if r.setBy == nil {
			r.setBy = map[string]uint64{}
		}
		r.setBy[name] += n
	}
}

type episode struct {
	by    string
	since trace.Time
}

// A kick is the IPI that makes a CPU look at its dependencies.
type kick struct {
	at          trace.Time
	sender      int32
	comm, cause string
	entry       trace.Time // of the IPI in whose entry a kick from the CPU itself was sent
	via         string     // its sender
}

func (t *ticks) set(s *State) {
	t.s, t.timers, t.kick = s, map[trace.EventID]timerEvent{}, s.table.Name(kickFunction)
}

func (t *ticks) cpu(n int32) *tickCPU {
	for int(n) >= len(t.cpus) {
		t.cpus = append(t.cpus, tickCPU{rows: map[string]*tickRow{}})
	}
	return &t.cpus[n]
}

func (c *tickCPU) row(by string) *tickRow {
	r := c.rows[by]
	if r == nil {
		r = &tickRow{}
		c.rows[by] = r
	}
	return r
}

// eventOf says what an event means here.
func (t *ticks) eventOf(e *trace.Event) timerEvent {
	k, ok := t.timers[e.ID]
	if ok {
		return k
	}
	name := e.Schema().Name
	switch entry, isEntry := strings.CutSuffix(name, "_entry"); {
	case name == "local_timer_entry":
		k = timerEntry
	case name == "local_timer_exit":
		k = timerExit
	case name == "ipi_send_cpu", name == "ipi_send_cpumask":
		k = anySend
	case name == "csd_queue_cpu":
		k = anyQueue
	case isEntry && track.IsIPIVector(entry), name == "ipi_entry":
		k = ipiEntry
	case isEntry && track.IsVector(entry), name == "irq_handler_entry":
		k = otherEntry
	}
	t.timers[e.ID] = k
	return k
}

// event takes an event before all others look at it.
func (t *ticks) event(e *trace.Event, r role) {
	if !t.s.isolated(e.CPU) || r == roleStack {
		return
	}
	c, k := t.cpu(e.CPU), t.eventOf(e)
	fresh := c.fresh
	c.fresh = false
	switch {
	case k == timerEntry, k == otherEntry && t.isTimer(e):
		t.over(c)
		c.open, c.inside, c.ticks, c.counted, c.piece, c.expired = true, true, 0, nil, nil, 0
	case k == timerExit:
		c.inside = false
	case k == ipiEntry:
		t.over(c)
		if fresh && len(c.kicks) > 0 {
			c.kicks[len(c.kicks)-1].entry = e.Time
		}
	case k == otherEntry, r == roleSwitch, r == roleUserEnter:
		t.over(c)
	case r == roleTickStop:
		t.stop(c, e)
	case r == roleExpire:
		t.expire(c, e)
	case k == anySend:
		if fn, ok := e.Symbol(e.Schema().Ref("callback")); ok && t.s.table.SymbolName(fn) == t.kick {
			c.fresh = true
			c.kicked(kick{at: e.Time, sender: e.CPU, entry: track.Never})
		}
	}
}

// isTimer reports whether an irq_handler_entry is that of the timer of arm64.
func (t *ticks) isTimer(e *trace.Event) bool {
	name, ok := e.Bytes(e.Schema().Ref("name"))
	return ok && string(name) == "arch_timer"
}

// expire takes a timer that expires in the timer interrupt.
func (t *ticks) expire(c *tickCPU, e *trace.Event) {
	fn, ok := e.Symbol(e.Schema().Ref("function"))
	if !ok {
		return
	}
	t.expires = true
	name := t.s.table.SymbolName(fn)
	c.newest = expiry{e.Time, name}
	if c.inside {
		c.expires(name, t.s.table.NameOf(name))
	}
}

// expires notes what expired. The tick's own function is tick_sched_timer before
// about Linux 6.9 (kernel/time/tick-sched.c).
func (c *tickCPU) expires(fn trace.NameID, name string) {
	isTick := name == "tick_nohz_handler" || name == "tick_sched_timer"
	if isTick {
		c.ticks++
		if c.counted != nil {
			c.counted.ticks++
		}
	}
	if c.expired == 0 || isTick {
		c.expired = fn
	}
}

// noise takes a noise event of the CPU: a timer interrupt of which only noise tells,
// or what one took.
func (t *ticks) noise(n *track.Noise, p *piece) {
	c := t.cpu(n.CPU)
	switch {
	case n.Kind == track.NoiseThread:
		if strings.HasPrefix(t.s.table.NameOf(n.Name), "kworker/") {
			p.work = c.work
		}
	case p.kind == "timer" && n.Told:
		c.piece = p
		p.expired = c.expired
	case n.Kind != track.NoiseIRQ, n.Told:
	case p.kind == "timer":
		t.over(c)
		c.open, c.inside, c.ticks, c.counted, c.piece, c.expired = true, false, 0, nil, p, 0
		if c.newest.at >= n.Begin && c.newest.fn != 0 {
			c.expires(c.newest.fn, t.s.table.NameOf(c.newest.fn))
		}
		p.expired = c.expired
	default:
		t.over(c)
		if n.IPI && len(c.kicks) > 0 {
			if k := &c.kicks[len(c.kicks)-1]; k.sender == n.CPU && k.entry == track.Never && k.at <= n.Begin+maxKick && n.Begin <= k.at+2*maxKick {
				k.entry = n.Begin
			}
		}
	}
}

// over ends the wait for a tick_stop behind the timer interrupt.
func (t *ticks) over(c *tickCPU) {
	if !c.open {
		return
	}
	if c.episode {
		t.kept(c, c.by)
		return
	}
	t.kept(c, tickNotSaid)
}

// kept counts the timer interrupt that waits.
func (t *ticks) kept(c *tickCPU, by string) {
	c.open = false
	r := c.row(by)
	c.counted = r
	r.interrupts++
	r.ticks += c.ticks
	if c.piece != nil && c.ticks > 0 {
		c.piece.keptBy = by
	}
	c.piece = nil
}

// stop takes a tick_stop.
func (t *ticks) stop(c *tickCPU, e *trace.Event) {
	t.recorded = true
	sc := e.Schema()
	success, ok := e.Uint(sc.Ref("success"))
	mask, _ := e.Uint(sc.Ref("dependency"))
	if !ok {
		return
	}
	if success != 0 {
		if c.open {
			t.kept(c, tickStopped)
		}
		c.row(tickStopped).stops++
		t.close(c, e.Time)
		return
	}
	by := "unknown"
	for i, name := range dependencies {
		if mask>>i&1 != 0 {
			by = name
			break
		}
	}
	if c.open {
		t.kept(c, by)
	}
	c.row(by).checks++
	if !c.episode {
		c.episode, c.by, c.since = true, by, e.Time
		if len(c.episodes) >= maxEpisodes {
			t.resolve(c, len(c.episodes)/2)
		}
		c.episodes = append(c.episodes, episode{by, e.Time})
	}
}

// close ends the episode that goes on.
func (t *ticks) close(c *tickCPU, at trace.Time) {
	if !c.episode {
		return
	}
	c.episode = false
	r := c.row(c.by)
	r.episodes++
	d := int64(at - c.since)
	r.kept += d
	r.longest = max(r.longest, d)
}

// resolve finds who set the dependencies of the oldest n episodes.
func (t *ticks) resolve(c *tickCPU, n int) {
	for _, x := range c.episodes[:n] {
		r := c.row(x.by)
		if r.setBy == nil {
			r.setBy = map[string]uint64{}
		}
		r.setBy[c.setBy(x.since)]++
	}
	c.episodes = c.episodes[:copy(c.episodes, c.episodes[n:])]
}

// setBy tells who kicked the CPU before an episode.
func (c *tickCPU) setBy(since trace.Time) string {
	var best *kick
	for i := range c.kicks {
		k := &c.kicks[i]
		if k.at <= since && since-k.at <= maxKick && (best == nil || k.at >= best.at) {
			best = k
		}
	}
	switch {
	case best == nil:
		return "set on the CPU itself"
	case best.via != "":
		return best.via
	}
	return best.text()
}

func (k *kick) text() string {
	text := k.comm + " on CPU " + itoa(k.sender)
	if k.cause != "" && k.cause != "(no stack)" {
		text = k.cause + " (" + text + ")"
	}
	return text
}

func (c *tickCPU) kicked(k kick) {
	if len(c.kicks) >= maxKicks {
		c.kicks = c.kicks[:copy(c.kicks, c.kicks[maxKicks/2:])]
	}
	c.kicks = append(c.kicks, k)
}

// send takes a send when all is known about it.
func (t *ticks) send(w *track.Send) {
	for i := range w.Hits {
		h := &w.Hits[i]
		if h.Function != t.kick {
			continue
		}
		c := t.cpu(h.Target)
		x := kick{at: w.Time, sender: w.CPU, comm: t.s.table.NameOf(w.Comm), cause: t.s.table.NameOf(t.s.attr.Facts(w.Stack, w.Callsite).Cause), entry: track.Never}
		for j := range c.kicks {
			if k := &c.kicks[j]; k.at == x.at && k.sender == x.sender {
				k.comm, k.cause = x.comm, x.cause
				x.at = track.Never
				break
			}
		}
		if x.at != track.Never {
			c.kicked(x)
		}
	}
}

// queued takes a request as it comes: the IPI that carries it may be another's.
func (t *ticks) queued(r *track.Request) {
	if r.Function == t.kick {
		t.cpu(r.Target).kicked(kick{at: r.Time, sender: r.CPU, comm: t.s.table.NameOf(r.Comm), entry: track.Never})
	}
}

// arrived tells the kick of which IPI's entry it was sent in.
func (t *ticks) arrived(d *track.Delivery) {
	if !d.HasSend || int(d.Target) >= len(t.cpus) {
		return
	}
	c := &t.cpus[d.Target]
	for i := range c.kicks {
		if k := &c.kicks[i]; k.entry == d.Entered() && k.entry != track.Never && k.via == "" {
			x := kick{sender: d.Sender, comm: t.s.table.NameOf(d.Comm), cause: t.s.table.NameOf(t.s.attr.Facts(d.Stack, d.Callsite).Cause)}
			k.via = x.text()
		}
	}
}

func (t *ticks) lastWork(cpu int32, fn trace.NameID) { t.cpu(cpu).work = fn }

// lost ends what a gap makes doubtful.
func (t *ticks) lost(l *trace.Lost) {
	if !t.s.isolated(l.CPU) {
		return
	}
	c := t.cpu(l.CPU)
	if c.open {
		t.kept(c, tickNotSaid)
	}
	c.episode, c.fresh = false, false
}

// end completes what goes on at the end of the trace.
func (t *ticks) end(last trace.Time) {
	for i := range t.cpus {
		c := &t.cpus[i]
		t.over(c)
		t.close(c, last)
		t.resolve(c, len(c.episodes))
	}
}
