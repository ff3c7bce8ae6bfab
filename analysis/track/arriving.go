package track

import "github.com/ipiscope/ipiscope/parser/trace"

// open takes the beginning of interrupting work.
func (d *Deliveries) open(e *trace.Event, x *Bracket) {
	x.flights, x.req, x.noised, x.arrival = nil, nil, false, 0
	p := d.parent(x)
	if p != nil && x.IsIPI() {
		p.HasIPI = true
	}
	x.HasIPI = x.IsIPI()
	switch {
	case p == nil:
		x.Mode = d.modes.Interrupted(e)
	case x.Kind == BracketIPI && p.Kind == BracketIRQ, x.Kind == BracketCall:
		x.Mode = p.Mode // a part of it
	default:
		x.Mode = ModeKernel
	}
	if !d.isolated(x.CPU) {
		return
	}
	if p == nil && d.cfg.Begin != nil {
		d.cfg.Begin(x)
	}
	switch {
	case x.Kind == BracketCall:
		d.run(x)
	case x.IsIPI():
		d.arrive(e, x)
	}
}

// parent is the bracket that x lies in, nil if none.
func (d *Deliveries) parent(x *Bracket) *Bracket {
	open := d.brackets.Open(x.CPU)
	for i := range open {
		if &open[i] == x && i > 0 {
			return &open[i-1]
		}
	}
	return nil
}

// close takes the end of interrupting work.
func (d *Deliveries) close(_ *trace.Event, x *Bracket) {
	d.finished(x)
	if x.Kind == BracketCall {
		d.ran(x)
		return
	}
	if x.Kind != BracketSoftirq {
		d.target(x.CPU).closed = closing{kind: x.Kind, name: x.Name, id: x.ID, noised: x.noised, any: true, arrival: x.arrival}
	}
	if x.flights == nil {
		return
	}
	for f := x.flights; f != nil; f = f.next {
		if x.Kind == BracketIPI {
			f.HandlerExit = x.End
		} else {
			f.IRQExit = x.End
		}
		f.exit = x.End
	}
	if p := d.parent(x); x.Kind == BracketIPI && p != nil && p.Kind == BracketIRQ {
		p.flights = x.flights
		return
	}
	d.leave(x)
}

func (d *Deliveries) finished(x *Bracket) {
	if x.Outer && d.cfg.Finish != nil && d.isolated(x.CPU) {
		d.cfg.Finish(x)
	}
}

// drop takes interrupting work whose end is not known.
func (d *Deliveries) drop(x *Bracket, why Reason) {
	d.finished(x)
	if x.Kind == BracketCall {
		d.ran(x)
		return
	}
	for f := x.flights; f != nil; f = f.next {
		f.exit = max(f.exit, x.Start)
	}
	if why == NoExit {
		d.leave(x)
		return
	}
	for f := x.flights; f != nil; {
		next := f.next
		d.finish(f)
		f = next
	}
	x.flights = nil
}

// leave lets the hits of an interrupt wait for what it leads to. One that
// interrupted other such work leaves the rest to that (kernel/softirq.c,
// __irq_exit_rcu).
func (d *Deliveries) leave(x *Bracket) {
	t := d.target(x.CPU)
	for f := x.flights; f != nil; {
		next := f.next
		f.Watched, f.wayOut = true, x.Outer
		t.tail.add(f)
		f = next
	}
	x.flights = nil
}

// follow looks at the next events of a CPU after an interrupt.
func (d *Deliveries) follow(e *trace.Event, r deliveryRole) {
	t := &d.targets[e.CPU]
	for n := t.tail.n; n > 0; n-- {
		f := t.tail.pop()
		switch {
		case e.Time-f.exit > d.cfg.Window, r == roleUserEnter:
			d.finish(f)
		case r == roleSwitch:
			f.Switched = e.Time
			d.finish(f)
		default:
			f.wayOut = f.wayOut && r != roleInterrupt
			f.Softirq = f.Softirq || f.wayOut && r == roleSoftirq
			f.Tick = f.Tick || f.wayOut && r == roleTick
			t.tail.add(f)
		}
	}
}

// queue takes a csd_queue_cpu.
func (d *Deliveries) queue(e *trace.Event) {
	role := d.sends.roleOf(e)
	cpu, ok := e.Uint(role.cpu)
	csd, ok2 := e.Uint(role.csd)
	fn, ok3 := e.Symbol(role.function)
	target := int32(cpu)
	if !ok || !ok2 || !ok3 || cpu >= 1<<16 || csd == 0 || !d.isolated(target) {
		return
	}
	d.anyRequest = true
	name := d.table.SymbolName(fn)
	if a := d.cfg.Attribution; a != nil && a.Kind(name) == "irq_work" {
		d.Requests[IRQWork]++
		return
	}
	if old := d.requests[csd]; old != nil {
		if d.sends.doubles.calls.is && old.Function == name && old.target == target && old.Sender == e.CPU && old.PID == e.PID && e.Time-old.Queued <= doubledWithin {
			return // the second sample of one event
		}
		d.queuedAgain(old, e.Time)
	}
	if len(d.requests) >= maxRequests {
		d.forgetRequests(e.Time)
	}
	r := d.newRequest()
	r.csd, r.target, r.pending = csd, target, true
	r.Serial = d.sends.queued + 1 // Sends takes the event next
	r.CPU, r.Function, r.Queued, r.Sender, r.PID = target, name, e.Time, e.CPU, e.PID
	r.Comm, r.Instance = e.Comm, e.Instance
	if site, ok := e.Symbol(role.callsite); ok {
		r.Callsite = d.table.SymbolText(site)
	}
	d.requests[csd] = r
	if name == d.names.wake {
		d.target(target).wakes.queue(r)
	}
}

// queuedAgain ends a request whose csd is in use again: it was not seen to run.
func (d *Deliveries) queuedAgain(r *request, at trace.Time) {
	if r.Function == d.names.wake {
		w := &d.target(r.target).wakes
		w.remove(r)
		if w.served(r) {
			d.share(r, w)
			return
		}
	}
	delete(d.requests, r.csd)
	d.endRequest(r, d.missingRun(), at)
}

// forgetRequests ends all requests: that many wait only where runs are not
// recorded.
func (d *Deliveries) forgetRequests(at trace.Time) {
	for i := range d.targets {
		d.endWakes(&d.targets[i].wakes)
	}
	for csd, r := range d.requests {
		delete(d.requests, csd)
		d.endRequest(r, d.missingRun(), at)
	}
}

// missingRun is why a request was not seen to run.
func (d *Deliveries) missingRun() Reason {
	if d.anyRun {
		return NoEntry
	}
	return TraceStart
}

// runs says when functions ran on a CPU, to tell why one has no request. All
// that one interrupt runs was queued before it began, so the gaps that count are
// those since the interrupt before.
type runs struct {
	batch       trace.Time // when the interrupt of the newest run began
	now, before runsSeen
}

// runsSeen is what was seen when an interrupt began.
type runsSeen struct {
	any    bool
	losses uint64
}

func (r *runs) begin(batch trace.Time, losses uint64) {
	if !r.now.any || batch != r.batch {
		r.batch, r.before = batch, r.now
	}
	r.now = runsSeen{true, losses}
}

// run takes a csd_function_entry.
func (d *Deliveries) run(x *Bracket) {
	if x.ID == 0 {
		d.Arrivals[BracketCall][Local]++
		return
	}
	d.anyRun = true
	t := d.target(x.CPU)
	batch := x.Start
	if p := d.parent(x); p != nil {
		batch = p.Start
	}
	t.runs.begin(batch, d.losses)
	r := d.requests[x.ID]
	if r != nil && r.target == x.CPU {
		delete(d.requests, x.ID)
		r.Arrival, r.pending = Matched, false
		d.Requests[Matched]++
		if r.Function == d.names.wake && x.Name != r.Function { // no kernel's trace
			t.wakes.remove(r)
		}
	} else {
		r = d.newRequest()
		r.CPU, r.Counted, r.Arrival = x.CPU, true, NoSend
		switch {
		case t.runs.before.losses != d.losses:
			r.Arrival = Lost
		case !t.runs.before.any, !d.anyRequest:
			r.Arrival = TraceStart
		}
	}
	d.account(&d.Arrivals[BracketCall], r.Arrival, x.Start, -1)
	r.Function, r.Start, r.Mode = x.Name, x.Start, x.Mode
	x.req = r
	if x.Name == d.names.wake {
		d.wake(&t.wakes, r, x)
	}
}

// ran takes the end of a function, or that it is not known.
func (d *Deliveries) ran(x *Bracket) {
	r := x.req
	if r == nil {
		return
	}
	x.req = nil
	r.End = x.End
	d.overRun(r)
}

// endRequest ends a request that was not seen to run.
func (d *Deliveries) endRequest(r *request, why Reason, at trace.Time) {
	d.account(&d.Requests, why, at, r.target)
	r.Arrival, r.pending = why, false
	d.overRun(r)
}

func (d *Deliveries) overRun(r *request) {
	r.over = true
	if !r.linked {
		d.deliverRun(r)
	}
}

func (d *Deliveries) deliverRun(r *request) {
	if d.cfg.Run != nil {
		d.cfg.Run(&r.Run)
	}
	d.freeReqs = append(d.freeReqs, r)
}

func (d *Deliveries) newRequest() *request {
	var r *request
	if n := len(d.freeReqs); n > 0 {
		r = d.freeReqs[n-1]
		d.freeReqs = d.freeReqs[:n-1]
	} else {
		r = &request{}
	}
	*r = request{Run: Run{Sender: -1, PID: -1, Queued: Never, Start: Never, End: Never, Counted: true}}
	return r
}
