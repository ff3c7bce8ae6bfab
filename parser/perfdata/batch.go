package perfdata

import (
	"fmt"
	"math"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A batch is a run of records and what a worker found in it. It is kept until all
// that is delivered of it was.
type batch struct {
	st   *stream
	dir  *directory
	plan *plan
	mem  []byte
	data []byte
	off  int64 // in the file, for messages

	recs    []rec
	faults  []string
	rounds  []stretch // of time: up to each end of a round, and after the last
	cpus    []tally   // by CPU + 1
	seen    []int32   // the CPUs that have something
	samples []uint64  // all of them, by attr
	guests  uint64    // of virtual machines

	held int // records of it that wait
}

// A rec is a record that the scanning thread looks at.
type rec struct {
	time  int64
	since int64  // a loss: the last event before it on its CPU in this batch
	off   uint32 // of the record in the batch
	raw   uint32 // of the event's bytes
	rawN  uint32
	chain uint32 // of the kernel's part of the callchain
	frame uint32 // number of addresses in it
	cpu   int32
	tgid  int32
	tid   int32
	attr  int32
	kind  recKind
	// first: it is delivered only if it is the first event of its CPU.
	first   bool
	noChain bool // the sample has no callchain at all
}

type recKind uint8

const (
	kindEvent recKind = iota
	kindRound         // the index of the stretch that ends here is in raw
	kindTask          // COMM, FORK or EXIT
	kindLost          // LOST
	kindTotal         // LOST_SAMPLES
	kindNoted         // (UN)THROTTLE, AUX
	kindBad           // the index of the fault is in raw
)

// A stretch is a part of a batch between two ends of rounds.
type stretch struct {
	from, to uint32
	min, max int64
	samples  bool
}

// A tally is what a batch passes over of one CPU.
type tally struct {
	n           uint64
	any         bool
	first, last trace.Time
	lastSeen    int64 // of all its samples
	has         bool
	byEvent     []uint64
	order       levels
}

func (t *tally) see(at trace.Time) {
	if !t.any {
		t.any, t.first, t.last = true, at, at
		return
	}
	t.first, t.last = min(t.first, at), max(t.last, at)
}

// count counts an event that is not delivered.
func (t *tally) count(id trace.EventID) {
	t.n++
	if len(t.byEvent) > 0 {
		t.byEvent[id]++
	}
}

// reset empties b but for its data.
func (b *batch) reset() {
	b.recs, b.faults, b.rounds = b.recs[:0], b.faults[:0], b.rounds[:0]
	for _, cpu := range b.seen {
		t := &b.cpus[cpu+1]
		clear(t.byEvent)
		*t = tally{byEvent: t.byEvent}
	}
	b.seen = b.seen[:0]
	if len(b.samples) < len(b.plan.attrs) {
		b.samples = make([]uint64, len(b.plan.attrs))
	}
	clear(b.samples)
	b.guests = 0
}

// cpu returns the tally of a CPU, -1 for none.
func (b *batch) cpu(cpu int32) *tally {
	for int(cpu)+1 >= len(b.cpus) {
		b.cpus = append(b.cpus, tally{})
	}
	t := &b.cpus[cpu+1]
	if !t.has {
		t.has = true
		b.seen = append(b.seen, cpu)
		if b.plan.byEvent && len(t.byEvent) < b.plan.schemas {
			t.byEvent = make([]uint64, b.plan.schemas)
		}
	}
	return t
}

// prepare looks at the records of a batch. It is what workers do.
func (b *batch) prepare() {
	b.reset()
	order := b.dir.order
	cur := stretch{min: math.MaxInt64}
	for at := 0; at < len(b.data); {
		size := int(order.Uint16(b.data[at+6:]))
		rec := b.data[at : at+size]
		var t int64
		switch typ := order.Uint32(rec); {
		case typ == recSAMPLE:
			t = b.sample(rec, at)
			cur.samples = true
		case typ == recROUND:
			cur.to = uint32(at)
			b.recs = append(b.recs, newRound(len(b.rounds)))
			b.rounds = append(b.rounds, cur)
			cur = stretch{from: uint32(at), min: math.MaxInt64}
		case typ < recPerf:
			t = b.other(typ, rec, at)
		}
		if t > 0 {
			cur.min, cur.max = min(cur.min, t), max(cur.max, t)
		}
		at += size
	}
	cur.to = uint32(len(b.data))
	b.rounds = append(b.rounds, cur)
}

func newRound(i int) rec { return rec{kind: kindRound, raw: uint32(i)} }

func (b *batch) bad(at int, format string, args ...any) {
	b.recs = append(b.recs, rec{kind: kindBad, off: uint32(at), raw: uint32(len(b.faults))})
	b.faults = append(b.faults, fmt.Sprintf(format, args...))
}

// timeOf is the time of a sample, for counting those that come late.
func (d *directory) timeOf(rec []byte) int64 {
	switch typ := d.order.Uint32(rec); {
	case typ == recSAMPLE:
		if i := d.ofSample(rec); i >= 0 {
			if a := d.attrs[i]; a.offTime > 0 && a.offTime+8 <= len(rec) {
				return int64(d.order.Uint64(rec[a.offTime:]))
			}
		}
	case typ < recPerf:
		if i := d.ofOther(rec); i >= 0 {
			if a := d.attrs[i]; a.endTime > 0 && a.endTime <= len(rec)-headerSize {
				return int64(d.order.Uint64(rec[len(rec)-a.endTime:]))
			}
		}
	}
	return 0
}

// sample looks at a sample and returns its time.
func (b *batch) sample(rec []byte, at int) int64 {
	d := b.dir
	i := d.ofSample(rec)
	if i < 0 {
		b.bad(at, "a sample whose id is that of no event: it cannot be read")
		return 0
	}
	a, x := d.attrs[i], &b.plan.attrs[i]
	if a.offRest > len(rec) {
		b.bad(at, "a sample of %d bytes, want at least %d", len(rec), a.offRest)
		return 0
	}
	var t int64
	cpu := int32(-1)
	if a.offTime > 0 {
		t = int64(d.order.Uint64(rec[a.offTime:]))
	}
	if a.offCPU > 0 {
		n := d.order.Uint32(rec[a.offCPU:])
		if n >= maxCPU {
			b.bad(at, "a sample of CPU %d: there is none", n)
			return t
		}
		cpu = int32(n)
	}
	if t < 0 {
		b.bad(at, "a sample with the time %#x: there is none", uint64(t))
		return 0
	}
	if len(d.guests) > 0 && a.offID > 0 && d.guests[d.order.Uint64(rec[a.offID:])] {
		b.guests++
		return t
	}
	if a.isTracepoint() && !b.whole(a, cpu, t, rec, at) {
		return 0
	}
	if b.samples[i]++; x.class == classOther {
		return t
	}
	tally := b.cpu(cpu)
	tally.lastSeen = t
	if x.class == classOff || b.plan.cpus != nil && !b.plan.cpus(cpu) {
		if x.twin { // its twin is to know
			b.take(a, i, cpu, t, rec, at)
		}
		return t
	}
	in := b.plan.window == nil || b.plan.window.Has(trace.Time(t))
	switch {
	case x.class == classTake && in || x.twin:
		b.take(a, i, cpu, t, rec, at)
	case in && !tally.any && tally.n == 0 && x.class == classSkip:
		b.take(a, i, cpu, t, rec, at)
		if n := len(b.recs) - 1; n >= 0 && b.recs[n].off == uint32(at) && b.recs[n].kind == kindEvent {
			b.recs[n].first = true
		}
		tally.any = true
		tally.first, tally.last = trace.Time(t), trace.Time(t)
	default:
		tally.see(trace.Time(t))
		if in {
			b.pass(tally, a, x, rec)
		}
	}
	return t
}

// pass counts a sample that nobody looks at, and its stack.
func (b *batch) pass(t *tally, a *attr, x *planned, rec []byte) {
	t.count(x.event)
	if b.plan.stackOn && a.sampleType&sampleCallchain != 0 {
		if chain, ok := a.chainAt(rec, b.dir); ok && chain.frames > 0 {
			t.count(b.plan.stackID)
		}
	}
}

// take adds a sample to the records.
func (b *batch) take(a *attr, attr int, cpu int32, t int64, whole []byte, at int) {
	chain, ok := a.chainAt(whole, b.dir)
	off := chain.end
	if !ok || off+4 > len(whole) {
		b.bad(at, "a sample of %s ends before its fields do", a.label())
		return
	}
	n := int(b.dir.order.Uint32(whole[off:]))
	if n > len(whole)-off-4 {
		b.bad(at, "a sample of %s has %d bytes of fields, want %d", a.label(), len(whole)-off-4, n)
		return
	}
	r := rec{time: t, off: uint32(at), raw: uint32(at + off + 4), rawN: uint32(n), chain: uint32(at + chain.off), frame: uint32(chain.frames),
		cpu: cpu, tgid: -1, tid: -1, attr: int32(attr), kind: kindEvent, noChain: chain.all == 0}
	if a.offTID > 0 {
		r.tgid, r.tid = int32(b.dir.order.Uint32(whole[a.offTID:])), int32(b.dir.order.Uint32(whole[a.offTID+4:]))
	}
	b.recs = append(b.recs, r)
}

// label names an event in messages.
func (a *attr) label() string { return fmt.Sprintf("event %d", a.config) }

// A chain is where the kernel's part of a callchain lies in a sample.
type chain struct {
	off, frames int
	all         int // entries of the whole callchain, with markers
	end         int // of the whole callchain: the event's bytes follow
}

// Values that stand in a callchain for what the next ones are (enum
// perf_callchain_context): all above this are such.
const contextMax = ^uint64(4095) + 1 // -4095
const contextKernel = ^uint64(128) + 1

// rawAt finds the size of the event's fields, without a look at the callchain.
func (a *attr) rawAt(rec []byte, d *directory) (at int, ok bool) {
	at = a.offRest
	if a.sampleType&sampleRead != 0 {
		if at, ok = a.readEnd(rec, at, d); !ok {
			return at, false
		}
	}
	if a.sampleType&sampleCallchain == 0 {
		return at, true
	}
	if at+8 > len(rec) {
		return at, false
	}
	n := d.order.Uint64(rec[at:])
	if at += 8; n > uint64(len(rec)-at)/8 {
		return at, false
	}
	return at + int(n)*8, true
}

// chainAt finds the callchain. It is false if the sample ends before.
func (a *attr) chainAt(rec []byte, d *directory) (c chain, ok bool) {
	at := a.offRest
	if a.sampleType&sampleRead != 0 {
		if at, ok = a.readEnd(rec, at, d); !ok {
			return c, false
		}
	}
	c.off, c.end = at, at
	if a.sampleType&sampleCallchain == 0 {
		return c, true
	}
	if at+8 > len(rec) {
		return c, false
	}
	n := d.order.Uint64(rec[at:])
	at += 8
	if n > uint64(len(rec)-at)/8 {
		return c, false
	}
	c.end, c.all = at+int(n)*8, int(n)
	c.off = at
	inKernel := false
	for ; at < c.end; at += 8 {
		v := d.order.Uint64(rec[at:])
		if v >= contextMax {
			if inKernel && c.frames > 0 {
				break
			}
			inKernel, c.off = v == contextKernel, at+8
			continue
		}
		if inKernel {
			c.frames++
		}
	}
	return c, true
}

// readEnd passes over the counts of PERF_SAMPLE_READ. The members of a group were
// not sampled: their counts are no events.
func (a *attr) readEnd(rec []byte, at int, d *directory) (int, bool) {
	f := a.readFormat
	words := 0
	for _, bit := range []uint64{readEnabled, readRunning} {
		if f&bit != 0 {
			words++
		}
	}
	each := 1
	for _, bit := range []uint64{readID, readLost} {
		if f&bit != 0 {
			each++
		}
	}
	if f&readGroup == 0 {
		at += 8 * (words + each)
		return at, at <= len(rec)
	}
	if at+8 > len(rec) {
		return 0, false
	}
	n := d.order.Uint64(rec[at:])
	if n > uint64(len(rec)) {
		return 0, false
	}
	at += 8 * (1 + words + int(n)*each)
	return at, at <= len(rec)
}

// other looks at a record that is no sample and returns its time.
func (b *batch) other(typ uint32, whole []byte, at int) int64 {
	d := b.dir
	if !d.endsWhereItShould(typ, whole) {
		b.bad(at, "a record of type %d with %d bytes, which no such record has", typ, len(whole))
		return 0
	}
	var kind recKind
	switch typ {
	case recCOMM, recFORK, recEXIT:
		kind = kindTask
	case recLOST:
		kind = kindLost
	case recLOSTSAMPLES:
		kind = kindTotal
	case recTHROTTLE, recUNTHROTTLE, recAUX:
		kind = kindNoted
	default:
		return d.timeOf(whole)
	}
	r := rec{kind: kind, off: uint32(at), raw: uint32(at), rawN: uint32(len(whole)), cpu: -1, attr: int32(d.ofOther(whole)), time: d.timeOf(whole)}
	if r.attr >= 0 {
		if a := d.attrs[r.attr]; a.endCPU > 0 && a.endCPU <= len(whole)-headerSize {
			if n := d.order.Uint32(whole[len(whole)-a.endCPU:]); n < maxCPU {
				r.cpu = int32(n)
			}
		}
	}
	if kind == kindLost && r.cpu >= 0 && int(r.cpu)+1 < len(b.cpus) {
		r.since = b.cpus[r.cpu+1].lastSeen
	}
	if r.time < 0 {
		r.time = 0
	}
	b.recs = append(b.recs, r)
	return r.time
}
