package tracedat

import (
	"unsafe"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A batch is what a worker takes out of a block: the records that are delivered,
// in their order, and a count of the others.
type batch struct {
	stream *stream
	block  block
	// data holds the payloads: those that were taken, or the whole block if
	// everything is.
	data   []byte
	recs   []rec
	faults []string // what cannot be read, and why
	losses []loss

	events uint64     // in the block, for their numbers
	last   trace.Time // of the last of them
	// missed says that events are missing after the last one.
	missed loss
	// waits are the stacks that may still come after the block; head is set if
	// one that was awaited before the block may still come, too.
	waits waits
	head  bool
	// broken: the file could not be read on.
	broken bool
	order  order // of its pages

	skipped tally
}

// A rec is one record of a batch.
type rec struct {
	time   trace.Time
	pos    uint32 // from the block's begin in the file, that of the chunk for unpacked data
	off, n uint32 // of the payload in data; off is the index of a fault or loss
	behind uint32 // bytes after the payload that are kept, see reach
	seq    uint32 // number of the event within the block
	typ    uint16
	kind   recKind
	// only says that the record is delivered only if something before the block
	// asks for it.
	only only
}

// recSize is what a rec takes.
const recSize = int(unsafe.Sizeof(rec{}))

type recKind uint8

const (
	recEvent recKind = iota
	// recFirst stands before the first event of a block: events were lost before
	// it in the block, or after the block before.
	recFirst
	recLost  // events were lost before the next one
	recBad   // an event that cannot be read
	recFault // damage: delivered as soon as it is reached
	recSkipped
)

type only uint8

const (
	always    only = iota
	ifFirst        // it is the first event of its CPU
	ifAwaited      // it is or ends an awaited stack
	ifEither       // one of both
)

// A loss is a number of missing events.
type loss struct {
	any bool
	n   uint64 // 0 if not known
	// since is the time of the last event before them. It is in the block before
	// if behind is not set.
	since  trace.Time
	behind bool
}

// add counts n more missing events, 0 if their number is not known. What is
// missing between two events adds up.
func (l *loss) add(n uint64) {
	if l.any && (l.n == 0 || n == 0) {
		n, l.n = 0, 0
	}
	l.any, l.n = true, l.n+n
}

// join adds a loss that comes right after. last is the time of the last event of
// the blocks before.
func (l *loss) join(o loss, last trace.Time) {
	if !o.any {
		return
	}
	if !o.behind {
		o.since, o.behind = last, true
	}
	if l.any {
		l.add(o.n)
	} else {
		*l = o
	}
}

// reset empties b but for its block and memory.
func (b *batch) reset(p *plan) {
	*b = batch{
		stream: b.stream, block: b.block, data: b.data[:0], recs: b.recs[:0], faults: b.faults[:0], losses: b.losses[:0], waits: waits{open: b.waits.open[:0]},
		skipped: tally{byType: b.skipped.byType},
	}
	if p.byEvent && b.skipped.byType == nil {
		b.skipped.byType = make([]uint64, len(p.class))
	}
	clear(b.skipped.byType)
}

// payload returns the bytes of an event, with what is kept after them as its
// capacity.
func (b *batch) payload(r *rec) []byte { return b.data[r.off:][: r.n : r.n+r.behind] }

// addFault adds a part that cannot be read.
func (b *batch) addFault(kind recKind, at trace.Time, off int64, msg string) {
	b.recs = append(b.recs, rec{time: at, pos: uint32(off - b.block.off), kind: kind, off: uint32(len(b.faults))})
	b.faults = append(b.faults, msg)
}

// A tally counts events that take part and are not delivered.
type tally struct {
	n           uint64 // within the window
	any         bool
	first, last trace.Time // of all events that take part
	byType      []uint64   // nil if nobody asks
}

// see widens the tally's time.
func (t *tally) see(at trace.Time) {
	if !t.any {
		t.any, t.first, t.last = true, at, at
		return
	}
	t.first, t.last = min(t.first, at), max(t.last, at)
}

// add adds o.
func (t *tally) add(o *tally) {
	t.n += o.n
	if o.any {
		t.see(o.first)
		t.see(o.last)
	}
	for typ, n := range o.byType {
		t.byType[typ] += n
	}
}

// waits are the events of one CPU whose stack may still come: each interrupts
// the one before.
type waits struct{ open []wait }

type wait struct {
	at trace.Context
	// came: the stack did. One of another kind may follow it.
	came bool
}

// goOn ends the waits that an event in this context shows to be over. It is true
// if a stack did not come.
func (w *waits) goOn(at trace.Context) (ended bool) {
	keep := len(w.open)
	for keep > 0 && !at.Interrupts(w.open[keep-1].at) {
		keep--
		ended = ended || !w.open[keep].came
	}
	w.open = w.open[:keep]
	return ended
}

// await adds an event that goOn was told of.
func (w *waits) await(at trace.Context) { w.open = append(w.open, wait{at: at}) }

// stack reports whether a stack in this context is awaited, or shows that another
// one does not come: what interrupted its event is over.
func (w *waits) stack(at trace.Context) bool {
	ended := false
	for i := len(w.open) - 1; i >= 0 && !at.Interrupts(w.open[i].at); i-- {
		if w.open[i].at == at {
			w.open[i].came = true
			return true
		}
		ended = ended || !w.open[i].came
		w.open = w.open[:i]
	}
	return ended
}
