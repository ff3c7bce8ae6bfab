package track

import (
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

const (
	// maxPending bounds the hits of one target and line that wait for their
	// interrupt: more are under way only where entries are not recorded.
	maxPending = 64
	// maxFirst is how long before the first entry of a line on a CPU its send may
	// be, ns: events are switched on CPU by CPU (perf), and a send that is older
	// may as well be one whose arrival was not recorded yet.
	maxFirst = 100_000_000
	// maxRequests bounds the queued calls that wait to be run.
	maxRequests = 1 << 14
	// maxSkew is how far clocks that are not synchronised may differ for an
	// interrupt to be taken for that of a later send, ns.
	maxSkew = 1_000_000
)

// Deliveries follows IPIs from their send to what they did: it joins sends with
// the interrupts of their targets, and queued calls with the functions that
// ran. The definitions are those of docs/definitions.md.
type Deliveries struct {
	cfg      DeliveryConfig
	table    *trace.Table
	sends    *Sends
	brackets *Brackets
	modes    Modes
	roles    []deliveryRole // by EventID
	names    struct{ wake, reschedule, unknown trace.NameID }
	skewed   bool // the trace's clocks are not comparable across CPUs

	targets  []target
	sent     []*flight // in the order of their sends, from head on
	head     int
	lastSend []lastSend // by sending CPU
	free     []*flight
	requests map[uint64]*request // by csd pointer
	freeReqs []*request
	losses   uint64
	unsure   []unsure
	lastTime []trace.Time // by CPU: of its newest event
	direct   bool         // the trace has ipi_send_* events

	anySend, anyRequest, anyEntry, anyRun bool

	noises     *Noises
	anySampled bool               // an IPI was seen of which only noise tells
	serviced   uint64             // interrupts of IPIs so far
	armLines   map[uint64]lineSet // by interrupt number

	// Arrivals, Hits and Requests say what became of the entry events by kind,
	// of the hits, and of the queued calls. They are complete after End.
	Arrivals [NumBracketKinds]Account
	Hits     Account
	Requests Account
}

// DeliveryConfig says what is followed and where it is delivered.
type DeliveryConfig struct {
	Config            // its Send may be nil, its Early must be
	Window trace.Time // how long after an interrupt a switch is put down to it, ns
	// Delivery receives every hit, and every interrupt that no hit led to, when
	// all is known about it: in no useful order.
	Delivery func(*Delivery)
	// Run receives every function that a queued call ran; nil ignores them.
	Run func(*Run)
	// Begin and Finish receive every outermost bracket when it begins and when
	// it ends, in the order of the trace; a bracket whose end is not known has
	// Never for it. They may be nil.
	Begin  func(*Bracket)
	Finish func(*Bracket)
	// Sent receives every hit as it is sent, and TakenBack one that turned out to
	// be none, with the same time; they may be nil.
	Sent      func(target int32, at trace.Time)
	TakenBack func(target int32, at trace.Time)
	// Noise receives every noise event of the isolated CPUs, and Report what their
	// measuring threads say; they may be nil.
	Noise  func(*Noise)
	Report func(*NoiseReport)
}

// target is what is kept of one CPU that is hit.
type target struct {
	pending [NumLines]flights
	early   [NumLines]*flight
	entries [NumLines]bool   // there was one since the start
	lossAt  [NumLines]uint64 // the number of losses at the last entry
	tail    flights          // left their interrupt, may lead to a switch
	wakes   wakes
	closed  closing
	runs    runs
}

// unsure is a verdict that a gap overturns if it turns out that it was open by
// then: a gap shows with the first event behind it.
type unsure struct {
	account *Account
	reason  Reason
	time    trace.Time
	cpu     int32 // whose gap it is, -1 for any CPU's
}

// maxUnsure bounds the verdicts that are kept: gaps are short.
const maxUnsure = 1 << 10

// lastSend is the newest send of a CPU, for the ipi_raise that belongs to it.
type lastSend struct {
	serial  uint64
	flights []*flight // its hits, until it was raised
}

type deliveryRole uint8

const (
	roleUnseen deliveryRole = iota
	roleNone
	roleSwitch
	roleSoftirq
	roleTick
	roleInterrupt
	roleUserEnter
	roleQueue
	roleStack
)

// NewDeliveries returns a Deliveries for the events of one table.
func NewDeliveries(t *trace.Table, cfg DeliveryConfig) *Deliveries {
	d := &Deliveries{cfg: cfg, table: t, requests: map[uint64]*request{}, skewed: !t.Meta.ClockComparable()}
	d.names.wake, d.names.reschedule, d.names.unknown = t.Name(wakeFunction), t.Name(Reschedule), t.Name(Unknown)
	sc := cfg.Config
	sc.Whole = true
	sc.Early, sc.Send, sc.Unsent = d.early, d.send, d.takeBack
	d.sends = NewSends(t, sc)
	d.noises = NewNoises(t)
	d.brackets = NewBrackets(t, BracketConfig{Open: d.open, Close: d.close, Drop: d.drop})
	return d
}

// DeliveryWants are what Deliveries looks at: any event may show what a CPU does,
// but only sends tell by their stack.
func DeliveryWants() trace.Want { return trace.Want{Stacks: Wants().Stacks, Names: true} }

// ArrivalEvents are those by which an IPI shows on its target.
func ArrivalEvents() []string {
	names := []string{"ipi_entry", "ipi_exit"}
	for l := LineReschedule; l < NumLines; l++ { // all but LineOther
		names = append(names, l.String()+"_entry", l.String()+"_exit")
	}
	return names
}

// Runs says what became of the entry and exit events by kind.
func (d *Deliveries) Runs() *[NumBracketKinds]Account { return &d.brackets.Runs }

// Unpaired counts the entry and exit events of a CPU without counterpart by kind.
func (d *Deliveries) Unpaired(cpu int32) [NumBracketKinds]uint64 { return d.brackets.Unpaired(cpu) }

// Online tells when CPUs were watched.
func (d *Deliveries) Online() *Online { return d.sends.Online() }

// HasEntries reports whether an interrupt of an IPI was seen so far.
func (d *Deliveries) HasEntries() bool { return d.anyEntry }

// Event takes the next event of the trace.
func (d *Deliveries) Event(e *trace.Event) {
	r := d.roleOf(e)
	if r == roleStack {
		d.sends.Event(e)
		return
	}
	d.now(e)
	if r == roleQueue {
		d.queue(e)
	}
	d.sends.Event(e)
	if e.CPU >= 0 && int(e.CPU) < len(d.targets) && d.targets[e.CPU].tail.n > 0 {
		d.follow(e, r)
	}
	d.brackets.Event(e)
	switch n, r := d.noises.Event(e); {
	case n != nil:
		d.noise(n, e)
	case r != nil:
		if d.cfg.Report != nil && d.isolated(r.CPU) {
			d.cfg.Report(r)
		}
		if r.Kind == ReportRun {
			d.noises.endRun(r)
		}
	}
	d.modes.Event(e)
}

func (d *Deliveries) roleOf(e *trace.Event) deliveryRole {
	for int(e.ID) >= len(d.roles) {
		d.roles = append(d.roles, roleUnseen)
	}
	r := &d.roles[e.ID]
	if *r == roleUnseen {
		switch s := e.Schema(); {
		case s.IsStack:
			*r = roleStack
		case s.Name == "sched_switch":
			*r = roleSwitch
		case s.Name == "softirq_entry":
			*r = roleSoftirq
		case s.Name == "tick_stop":
			*r = roleTick
		case isInterrupt(s.Name):
			*r = roleInterrupt
		case s.Name == "user_enter":
			*r = roleUserEnter
		case s.Name == "csd_queue_cpu":
			*r = roleQueue
		default:
			*r = roleNone
		}
	}
	return *r
}

func (d *Deliveries) target(cpu int32) *target {
	for int(cpu) >= len(d.targets) {
		d.targets = append(d.targets, target{})
	}
	return &d.targets[cpu]
}

func (d *Deliveries) isolated(cpu int32) bool { return cpu >= 0 && d.sends.isolated(cpu) }

func (d *Deliveries) now(e *trace.Event) {
	if e.CPU < 0 {
		return
	}
	for int(e.CPU) >= len(d.lastTime) {
		d.lastTime = append(d.lastTime, Never)
	}
	d.lastTime[e.CPU] = e.Time
}

// Now takes that nothing that happened before t comes any more.
func (d *Deliveries) Now(t trace.Time) { d.sends.Now(t) }

// account counts a verdict; one that a gap would overturn is remembered.
func (d *Deliveries) account(a *Account, why Reason, at trace.Time, cpu int32) {
	a[why]++
	if why != NoSend && why != NoEntry {
		return
	}
	if len(d.unsure) >= maxUnsure {
		d.unsure = d.unsure[:copy(d.unsure, d.unsure[maxUnsure/2:])]
	}
	d.unsure = append(d.unsure, unsure{a, why, at, cpu})
}

// overturn takes back the verdicts that fell while a gap was open.
func (d *Deliveries) overturn(cpu int32) {
	since := Never
	if cpu >= 0 && int(cpu) < len(d.lastTime) {
		since = d.lastTime[cpu]
	}
	d.unsure = slices.DeleteFunc(d.unsure, func(u unsure) bool {
		if u.time < since || u.cpu >= 0 && u.cpu != cpu {
			return false
		}
		u.account[u.reason]--
		u.account[Lost]++
		return true
	})
	for i := range d.targets {
		t := &d.targets[i]
		for l, f := range t.early {
			if f != nil && f.Entered() >= since { // its send may be in the gap
				f.Arrival = Lost
				d.settle(t, Line(l))
			}
		}
	}
}

// Lost takes a gap in the events of one CPU: what waits there is censored.
func (d *Deliveries) Lost(l *trace.Lost) {
	d.losses++
	d.overturn(l.CPU)
	d.sends.Lost(l)
	d.brackets.Lost(l)
	d.noises.Lost(l)
	d.modes.Lost(l)
	if l.CPU < 0 {
		return
	}
	d.target(l.CPU).closed = closing{}
	d.censor(l.CPU, Lost)
	for csd, r := range d.requests {
		if r.target == l.CPU {
			delete(d.requests, csd)
			d.endRequest(r, Lost, Never)
		}
	}
}

// censor ends all that waits for a CPU.
func (d *Deliveries) censor(cpu int32, why Reason) {
	t := d.target(cpu)
	for l := range t.pending {
		for f := t.pending[l].pop(); f != nil; f = t.pending[l].pop() {
			d.endHit(f, why, Never)
		}
		d.settle(t, Line(l))
	}
	for f := t.tail.pop(); f != nil; f = t.tail.pop() {
		f.Watched = false
		d.finish(f)
	}
	d.endWakes(&t.wakes)
}

// End ends what is under way and completes the accounts.
func (d *Deliveries) End() {
	d.brackets.End()
	for cpu := range d.targets {
		d.censor(int32(cpu), TraceEnd)
	}
	for csd, r := range d.requests {
		delete(d.requests, csd)
		d.endRequest(r, TraceEnd, Never)
	}
	d.sends.End()
	if !d.anyEntry && !d.anySampled {
		d.Hits.notRecorded(TraceStart, TraceEnd, NoEntry, Lost)
	}
	if !d.anyRun {
		d.Requests.notRecorded(TraceStart, TraceEnd, NoEntry, Lost)
	}
	for k := range d.Arrivals {
		if k == int(BracketCall) && !d.anyRequest || k != int(BracketCall) && !d.anySend {
			d.Arrivals[k].notRecorded(TraceStart, NoSend, Lost)
		}
	}
}

// notRecorded replaces reasons where the other side has no events at all.
func (a *Account) notRecorded(reasons ...Reason) {
	for _, r := range reasons {
		a[NotRecorded] += a[r]
		a[r] = 0
	}
}
