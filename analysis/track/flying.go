package track

import "github.com/ipiscope/ipiscope/parser/trace"

// early takes a send as it comes: its hits start to wait for their interrupts.
func (d *Deliveries) early(w *Send) {
	if w.Traced {
		return // whom it goes to is not known
	}
	if w.Raise && d.direct {
		d.raised(w)
		return
	}
	if !w.Raise && !d.direct {
		d.direct = true
		d.forgetRaised()
	}
	d.anySend = true
	for i := range w.Hits {
		d.take(w, &w.Hits[i])
	}
	if w.CPU >= 0 && len(w.Hits) > 0 {
		for int(w.CPU) >= len(d.lastSend) {
			d.lastSend = append(d.lastSend, lastSend{})
		}
		last := &d.lastSend[w.CPU]
		last.serial = w.Serial
		last.flights = append(last.flights[:0], d.sent[len(d.sent)-len(w.Hits):]...)
	}
}

// take makes a flight of a hit.
func (d *Deliveries) take(w *Send, h *Hit) {
	t := d.target(h.Target)
	f := d.arrived(t, w)
	fresh := f == nil
	if fresh {
		f = d.newFlight()
		f.Target, f.Line = h.Target, w.Line
	}
	f.Serial, f.raise, f.known = w.Serial, w.Raise, false
	f.HasSend, f.Counted = true, w.Counted
	f.Sent, f.Sender, f.PID, f.Comm, f.Instance = w.Time, w.CPU, w.PID, w.Comm, w.Instance
	f.Callback, f.Callsite = w.Callback, w.Callsite
	if h.CSD != 0 {
		if r := d.requests[h.CSD]; r != nil && r.target == h.Target {
			f.req, r.linked, r.HasIPI = r, true, true
		}
	}
	d.sent = append(d.sent, f)
	if d.cfg.Sent != nil {
		d.cfg.Sent(h.Target, w.Time)
	}
	if !fresh {
		return
	}
	p := &t.pending[w.Line]
	if p.n >= maxPending {
		d.endHit(p.pop(), d.missing(t, w.Line), w.Time)
	}
	p.add(f)
}

// missing is why a hit has no entry: before the first entry of its line they may
// not have been recorded yet.
func (d *Deliveries) missing(t *target, l Line) Reason {
	if d.anySampled && !d.anyEntry {
		return NotSampled
	}
	if t.entries[l] {
		return NoEntry
	}
	return TraceStart
}

// arrived returns the interrupt that this send's must be although the target's
// clock says that it came before: nil if there is none or clocks agree.
func (d *Deliveries) arrived(t *target, w *Send) *flight {
	f := t.early[w.Line]
	if f == nil || w.Time-f.Entered() > maxSkew {
		return nil
	}
	t.early[w.Line] = nil
	f.early = false
	f.Arrival = Matched
	d.Hits[Matched]++
	d.Arrivals[f.Kind][Matched]++
	return f
}

// settle gives up on an interrupt that came before its send.
func (d *Deliveries) settle(t *target, l Line) {
	if f := t.early[l]; f != nil {
		t.early[l] = nil
		f.early = false
		d.account(&d.Arrivals[f.Kind], f.Arrival, f.Entered(), -1)
		if f.over {
			d.finish(f)
		}
	}
}

// raised notes the time of the ipi_raise that follows a send in its context.
func (d *Deliveries) raised(w *Send) {
	if w.CPU < 0 || int(w.CPU) >= len(d.lastSend) {
		return
	}
	last := &d.lastSend[w.CPU]
	for _, f := range last.flights {
		if f.Serial == last.serial && f.Line.raisedAs(w.Line) && f.PID == w.PID {
			f.Raised = w.Time
		}
	}
	last.flights = last.flights[:0]
}

// raisedAs reports whether a send on line l is raised as r: a reason does not
// tell calls to one CPU from those to many.
func (l Line) raisedAs(r Line) bool {
	return l == r || l == LineCallSingle && r == LineCall
}

// forgetRaised drops the hits of ipi_raise events when the first ipi_send_*
// event shows that they are not to be counted.
func (d *Deliveries) forgetRaised() {
	for i := range d.targets {
		for l := range d.targets[i].pending {
			p := &d.targets[i].pending[l]
			for f := p.pop(); f != nil; f = p.pop() {
				f.Counted, f.HasSend = false, false
				f.Arrival, f.over = NotRecorded, true
				d.finish(f)
			}
		}
	}
}

// send takes a send when all is known about it. It is passed on before its hits
// are delivered.
func (d *Deliveries) send(w *Send) {
	if d.cfg.Config.Send != nil {
		d.cfg.Config.Send(w)
	}
	for i := 0; d.head < len(d.sent) && d.sent[d.head].Serial == w.Serial; i++ {
		f := d.sent[d.head]
		d.sent[d.head] = nil
		d.head++
		h := &w.Hits[i]
		f.Function, f.Evidence, f.Stack, f.known = h.Function, h.Evidence, w.Stack, true
		if f.req != nil {
			d.sendKnown(f)
		}
		if f.over {
			d.deliver(f)
		}
	}
	if d.head > maxWaiting {
		n := copy(d.sent, d.sent[d.head:])
		d.sent, d.head = d.sent[:n], 0
	}
}

// takeBack forgets the hits of a send that turned out to be the call of another:
// nothing was sent for them. It is asked for until the first IPI that carries a
// call was seen, a few times at most. An interrupt that they were taken for is
// nobody's then.
func (d *Deliveries) takeBack(serial uint64) {
	keep := d.sent[:d.head]
	for _, f := range d.sent[d.head:] {
		if f.Serial != serial {
			keep = append(keep, f)
			continue
		}
		if d.cfg.TakenBack != nil {
			d.cfg.TakenBack(f.Target, f.Sent)
		}
		f.HasSend, f.known, f.Serial = false, true, 0
		switch {
		case d.target(f.Target).pending[f.Line].remove(f):
			d.free = append(d.free, f)
		case f.Entered() == Never:
			d.Hits[f.Arrival]--
			d.free = append(d.free, f)
		default:
			d.Hits[Matched]--
			if !f.Joined {
				d.Arrivals[f.Kind][Matched]--
				d.Arrivals[f.Kind][NoSend]++
			}
			f.Arrival, f.Sent, f.Sender, f.PID = NoSend, Never, -1, -1
			if f.over {
				d.deliver(f)
			}
		}
	}
	clear(d.sent[len(keep):])
	d.sent = keep
}

// sendKnown tells a request the stack of the send that took it.
func (d *Deliveries) sendKnown(f *flight) {
	r := f.req
	f.req = nil
	r.linked, r.Stack, r.Counted = false, f.Stack, f.Counted
	if r.over {
		d.deliverRun(r)
	}
}

// arrive lets the pending hits of an interrupt's lines arrive with it.
func (d *Deliveries) arrive(e *trace.Event, x *Bracket) {
	d.anyEntry = true
	t := d.target(x.CPU)
	var first, last *flight
	for l := LineOther; l < NumLines; l++ {
		if !x.lines.has(l) {
			continue
		}
		d.settle(t, l)
		for p := &t.pending[l]; !t.entries[l] && p.first != nil && (p.n > 1 || x.Start-p.first.Sent > maxFirst); {
			// entries are recorded from here on: the older hits arrived before
			d.endHit(p.pop(), TraceStart, x.Start)
		}
		for f := t.pending[l].pop(); f != nil; f = t.pending[l].pop() {
			f.Arrival = Matched
			d.Hits[Matched]++
			if last == nil {
				first = f
			} else {
				last.next = f
			}
			last = f
		}
	}
	if first == nil {
		first = d.unsent(t, x)
	} else {
		d.Arrivals[x.Kind][Matched]++
	}
	for f, joined := first, false; f != nil; f, joined = f.next, true {
		f.Kind, f.Joined, f.Mode, f.Flags = x.Kind, joined, x.Mode, e.Flags
		if x.Kind == BracketIPI {
			f.HandlerEntry = x.Start
			if p := d.parent(x); p != nil {
				f.IRQEntry = p.Start
			}
		} else {
			f.IRQEntry = x.Start
		}
	}
	d.serviced++
	x.arrival = d.serviced
	for f := first; f != nil; f = f.next {
		f.Serviced = x.arrival
	}
	x.flights = first
	for l := LineOther; l < NumLines; l++ {
		if x.lines.has(l) {
			t.entries[l], t.lossAt[l] = true, d.losses
		}
	}
}

// unsent makes a flight of an interrupt that no recorded send led to.
func (d *Deliveries) unsent(t *target, x *Bracket) *flight {
	f := d.newFlight()
	f.Target, f.Counted, f.known = x.CPU, true, true
	f.Arrival = NoSend
	for l := LineOther; l < NumLines; l++ {
		if !x.lines.has(l) {
			continue
		}
		f.Line = l
		switch {
		case t.lossAt[l] != d.losses:
			f.Arrival = Lost
		case !t.entries[l], !d.anySend:
			f.Arrival = TraceStart
		}
		if d.skewed && f.Arrival != Lost {
			f.early = true
			t.early[l] = f
			break
		}
	}
	f.Function = d.names.unknown
	if f.Line == LineReschedule {
		f.Function = d.names.reschedule
	}
	if !f.early {
		d.account(&d.Arrivals[x.Kind], f.Arrival, x.Start, -1)
	}
	return f
}

// endHit ends a hit whose interrupt was not seen.
func (d *Deliveries) endHit(f *flight, why Reason, at trace.Time) {
	f.Arrival = why
	d.account(&d.Hits, why, at, f.Target)
	d.finish(f)
}

// finish delivers a flight if all is known about it.
func (d *Deliveries) finish(f *flight) {
	f.over = true
	if f.known && !f.early {
		d.deliver(f)
	}
}

func (d *Deliveries) deliver(f *flight) {
	if f.HasSend || f.Kind != 0 || f.IRQEntry != Never {
		d.cfg.Delivery(&f.Delivery)
	}
	d.free = append(d.free, f)
}

func (d *Deliveries) newFlight() *flight {
	var f *flight
	if n := len(d.free); n > 0 {
		f = d.free[n-1]
		d.free = d.free[:n-1]
	} else {
		f = &flight{}
	}
	*f = flight{Delivery: Delivery{
		Sent: Never, Raised: Never, IRQEntry: Never, IRQExit: Never, HandlerEntry: Never, HandlerExit: Never, Switched: Never,
		Sender: -1, PID: -1, Target: -1,
	}}
	return f
}
