package track

import "github.com/ipiscope/ipiscope/parser/trace"

// senderNotRecorded stands behind the line of an IPI that only noise tells of.
const senderNotRecorded = " (sender not recorded)"

// A closing is the newest interrupt of a CPU that ended, as its own events say.
type closing struct {
	kind    BracketKind
	name    trace.NameID
	id      uint64
	noised  bool // a noise event told of it, too
	any     bool
	arrival uint64
}

// noise takes a noise event: it is joined with the interrupt's own events, or is
// an interrupt itself.
func (d *Deliveries) noise(n *Noise, e *trace.Event) {
	if n.Kind == NoiseIRQ && !n.Broken {
		d.joinNoise(n, e)
	}
	if d.cfg.Noise != nil && d.isolated(n.CPU) {
		d.cfg.Noise(n)
	}
}

// linesOf are the IPI lines of an interrupt that noise tells of, 0 for none.
// arm64 has one name for all; which it is tells ipi_entry only.
func (d *Deliveries) linesOf(n *Noise) lineSet {
	name := d.table.NameOf(n.Name)
	if lines := lineOfVector(name); lines != 0 || name != "IPI" {
		return lines
	}
	if lines := d.armLines[n.ID]; lines != 0 {
		return lines
	}
	// exactly one hit is under way
	var only lineSet
	count := 0
	t := d.target(n.CPU)
	for l := LineOther; l < NumLines; l++ {
		if t.pending[l].n > 0 {
			only = setOf(l)
			count += t.pending[l].n
		}
	}
	if count == 1 {
		return only
	}
	return setOf(LineOther)
}

// joinNoise finds the interrupt that a noise tells of, by the structure of the
// events: noise stands right behind the exit event or, by the order of the probes,
// before it. Clocks are not compared.
func (d *Deliveries) joinNoise(n *Noise, e *trace.Event) {
	t := d.target(n.CPU)
	open := d.brackets.Open(n.CPU)
	for i := len(open) - 1; i >= 0; i-- {
		if x := &open[i]; !x.noised && x.isOf(d.table, n) {
			x.noised, n.Told, n.IPI = true, true, x.IsIPI()
			if n.Arrival = x.arrival; x.IsIPI() {
				d.learnLine(n, x)
			}
			return
		}
	}
	if c := &t.closed; c.any && !c.noised {
		x := Bracket{Kind: c.kind, Name: c.name, ID: c.id}
		if x.isOf(d.table, n) {
			c.noised, n.Told, n.Arrival = true, true, c.arrival
			n.IPI = c.arrival != 0
			return
		}
	}
	lines := d.linesOf(n)
	if lines == 0 || !d.isolated(n.CPU) {
		return
	}
	n.IPI = true
	x := Bracket{Kind: BracketVector, CPU: n.CPU, PID: e.PID, Name: n.Name, lines: lines, Start: n.Begin, End: n.End, Outer: true, HasIPI: true, noise: true}
	x.Mode = ModeUnknown
	if e.PID == 0 {
		x.Mode = ModeIdle
	}
	d.arriveSampled(e, &x)
	n.Arrival = x.arrival
	for f := x.flights; f != nil; f = f.next {
		f.IRQExit, f.exit = x.End, x.End
	}
	d.leave(&x)
}

// learnLine remembers which IPI an interrupt number of arm64 is.
func (d *Deliveries) learnLine(n *Noise, x *Bracket) {
	if x.Kind != BracketIPI {
		return
	}
	if d.armLines == nil {
		d.armLines = map[uint64]lineSet{}
	}
	if len(d.armLines) < maxNesting {
		d.armLines[n.ID] = x.lines
	}
}

// isOf reports whether a noise tells of an interrupt with these events.
func (x *Bracket) isOf(t *trace.Table, n *Noise) bool {
	name := t.NameOf(n.Name)
	switch x.Kind {
	case BracketVector:
		own := t.NameOf(x.Name)
		return own == name || own == name+"_apic"
	case BracketIRQ:
		return x.ID == n.ID && lineOfVector(name) == 0
	case BracketIPI:
		return name == "IPI"
	}
	return false
}

// arriveSampled lets the hits arrive that an interrupt is for of which only noise
// tells: all of its line that were sent before it in the same run of the measuring
// thread; if there are none, the newest that was sent behind the run before. The
// others arrived while nothing was measured.
func (d *Deliveries) arriveSampled(e *trace.Event, x *Bracket) {
	d.anySampled = true
	c := d.noises.cpu(x.CPU)
	t := d.target(x.CPU)
	var first, last *flight
	take := func(f *flight) {
		f.Arrival = Matched
		d.Hits[Matched]++
		if f.next = nil; last == nil {
			first = f
		} else {
			last.next = f
		}
		last = f
	}
	for l := LineOther; l < NumLines; l++ {
		if !x.lines.has(l) {
			continue
		}
		d.settle(t, l)
		d.takeSampled(&t.pending[l], x.Start, c, take)
		if last == nil && d.skewed { // clocks that are not compared
			d.takeSampled(&t.pending[l], x.Start+maxSkew, c, take)
		}
		t.entries[l], t.lossAt[l] = true, d.losses
	}
	if first == nil {
		first = d.unsentNoise(t, x)
	} else {
		d.Arrivals[x.Kind][Matched]++
	}
	d.serviced++
	x.arrival = d.serviced
	for f, joined := first, false; f != nil; f, joined = f.next, true {
		f.Kind, f.Joined, f.Mode, f.Flags = x.Kind, joined, x.Mode, e.Flags
		f.IRQEntry, f.Serviced, f.Sampled = x.Start, x.arrival, true
	}
	x.flights = first
}

// takeSampled hands the hits over that were sent up to a time, and ends those that
// came while nothing was measured. Later ones go on waiting.
func (d *Deliveries) takeSampled(p *flights, upTo trace.Time, c *noiseCPU, take func(*flight)) {
	var newest *flight
	own := 0
	for n := p.n; n > 0; n-- {
		f := p.pop()
		switch {
		case f.Sent > upTo:
			p.add(f)
		case c.runBegin != Never && f.Sent >= c.runBegin:
			if newest != nil {
				d.endHit(newest, NotSampled, f.Sent)
				newest = nil
			}
			own++
			take(f)
		default:
			if newest != nil {
				d.endHit(newest, NotSampled, f.Sent)
			}
			newest = f
		}
	}
	switch {
	case newest == nil:
	case own == 0 && (c.runEnd == Never || newest.Sent > c.runEnd):
		take(newest)
	default:
		d.endHit(newest, NotSampled, upTo)
	}
}

// unsentNoise makes a flight of an interrupt that only noise tells of.
func (d *Deliveries) unsentNoise(t *target, x *Bracket) *flight {
	f := d.unsent(t, x)
	for l := LineOther; l < NumLines; l++ {
		if x.lines.has(l) {
			f.Line = l
			break
		}
	}
	if f.Line != LineReschedule || !d.anySend {
		name := f.Line.String()
		if f.Line == LineOther { // of arm64, where all are called alike
			name = d.table.NameOf(x.Name)
		}
		f.Function = d.table.Name(name + senderNotRecorded)
	}
	return f
}

// Noises tells of the tracers that the trace was recorded with.
func (d *Deliveries) Noises() *Noises { return d.noises }

// HasSampled reports whether an IPI was seen of which only noise tells.
func (d *Deliveries) HasSampled() bool { return d.anySampled }
