package track

import (
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// open takes the beginning of interrupting work.
func (d *Deliveries) open(e *trace.Event, x *Bracket) {
	x.flights, x.req = nil, nil
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

// leave lets the hits of an interrupt wait for what it leads to.
func (d *Deliveries) leave(x *Bracket) {
	t := d.target(x.CPU)
	for f := x.flights; f != nil; {
		next := f.next
		f.Watched = true
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
			f.Softirq = f.Softirq || r == roleSoftirq
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
		delete(d.requests, csd)
		d.endRequest(old, d.missingRun(), e.Time)
	}
	if len(d.requests) >= maxRequests {
		for csd, r := range d.requests {
			delete(d.requests, csd)
			d.endRequest(r, d.missingRun(), e.Time)
		}
	}
	r := d.newRequest()
	r.csd, r.target, r.pending = csd, target, true
	r.CPU, r.Function, r.Queued, r.Sender, r.PID = target, name, e.Time, e.CPU, e.PID
	r.Comm, r.Instance = e.Comm, e.Instance
	if site, ok := e.Symbol(role.callsite); ok {
		r.Callsite = d.table.SymbolText(site)
	}
	d.requests[csd] = r
	if name == d.names.wake {
		t := d.target(target)
		if len(t.wakes) >= maxWakes { // they are not seen to run
			t.wakes = slices.DeleteFunc(t.wakes, func(r *request) bool { return !r.pending })
		}
		t.wakes = append(t.wakes, r)
	}
}

// missingRun is why a request was not seen to run.
func (d *Deliveries) missingRun() Reason {
	if d.anyRun {
		return NoEntry
	}
	return TraceStart
}

// run takes a csd_function_entry.
func (d *Deliveries) run(x *Bracket) {
	if x.ID == 0 {
		d.Arrivals[BracketCall][Local]++
		return
	}
	d.anyRun = true
	t := d.target(x.CPU)
	r := d.requests[x.ID]
	if r != nil && r.target == x.CPU {
		delete(d.requests, x.ID)
		r.Arrival, r.pending = Matched, false
		d.Requests[Matched]++
	} else {
		r = d.newRequest()
		r.CPU, r.Counted, r.Arrival = x.CPU, true, NoSend
		switch {
		case t.runLoss != d.losses:
			r.Arrival = Lost
		case !t.runs, !d.anyRequest:
			r.Arrival = TraceStart
		}
	}
	d.account(&d.Arrivals[BracketCall], r.Arrival, x.Start, -1)
	t.runs, t.runLoss = true, d.losses
	r.Function, r.Start, r.Mode = x.Name, x.Start, x.Mode
	x.req = r
	if x.Name == d.names.wake {
		d.wake(t, x)
	}
}

// wake serves all wake-ups that were queued for a CPU: they share one run.
func (d *Deliveries) wake(t *target, x *Bracket) {
	for _, r := range t.wakes {
		if !r.pending || r.target != x.CPU || r.Function != d.names.wake {
			continue // it gave its csd to the run, or was dropped and is another one now
		}
		delete(d.requests, r.csd)
		r.pending, r.Arrival, r.Shared = false, Matched, true
		r.Start, r.Mode = x.Start, x.Mode
		d.Requests[Matched]++
		d.overRun(r)
	}
	t.wakes = t.wakes[:0]
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
