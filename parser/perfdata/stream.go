package perfdata

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/parser/internal/ahead"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A stream is one file of records. perf record drains the buffers of the CPUs one
// after another and writes a FINISHED_ROUND after each pass: in the file a CPU's
// samples are in order, CPUs are not. At the end of a round everything is
// delivered up to the latest time that was seen by the end of the round before
// (tools/perf/util/ordered-events.c). So two rounds are held.
type stream struct {
	src     *Source
	outer   outer
	inflate *inflate
	sized   bool // the size of the data is known
	began   bool // its first samples were reached
	broken  bool

	early []*batch // cut when the input was opened
	queue *ahead.Queue[*batch]
	spare []*batch
	depth int
	ended bool // nothing is left to cut

	pending []item // not due yet, in no order
	ready   []item // due, in their order, from next on
	next    int
	bytes   int    // of the batches that are held
	count   uint64 // records so far: equal times keep the order of the file
	// latest time so far, that by the end of the last round, and what was
	// delivered up to
	max, limit, flushed int64
	rounds              int
	open                bool             // samples came after the last round's end
	order               map[int32]levels // by CPU
}

// An item is a record that waits until it is due.
type item struct {
	time int64
	pos  uint64
	b    *batch
	rec  int32
}

// maxHeld bounds what is held of a file, in bytes: two rounds are at most twice
// the buffers of the recorder, which has 128 pages for each CPU.
const maxHeld = 256 << 20

// queueDepth is how many batches are under way.
func queueDepth(threads int, live bool) int {
	if live || threads == 1 {
		return 1
	}
	return 2 * threads
}

// refill sends the next batches on their way.
func (st *stream) refill() {
	for !st.ended && st.queue.Len() < st.depth {
		var b *batch
		if len(st.early) > 0 {
			b, st.early = st.early[0], st.early[1:]
		} else if b = st.cutNext(); b == nil {
			st.ended = true
			return
		}
		if b.dir.plan == nil {
			b.dir.plan = st.src.planOf(b.dir)
		}
		b.plan = b.dir.plan
		st.queue.Put(b)
	}
}

// cutNext returns the next batch, nil at the end.
func (st *stream) cutNext() *batch {
	b := &batch{st: st}
	if n := len(st.spare); n > 0 {
		b, st.spare = st.spare[n-1], st.spare[:n-1]
	}
	if !st.cut(b) {
		return nil
	}
	b.dir, st.src.shared = st.src.dir, true
	return b
}

// fail notes what ends the stream.
func (st *stream) fail(off int64, err error) {
	st.broken = true
	st.src.fault(off, st.src.path, err.Error())
}

// head is the item that the stream delivers next, nil at its end. Records that
// have no time are dealt with on the way.
func (st *stream) head() *item {
	for st.next == len(st.ready) {
		st.ready, st.next = st.ready[:0], 0
		if len(st.src.told) > 0 {
			return nil // tell first
		}
		st.refill()
		if st.queue.Empty() {
			if err := st.endedWithin(); err != nil {
				st.fail(st.outer.at(), err)
			}
			st.flush(1<<63 - 1)
			if len(st.ready) == 0 {
				return nil
			}
			continue
		}
		st.take(st.queue.Take())
	}
	return &st.ready[st.next]
}

// take sorts the records of a batch into what waits.
func (st *stream) take(b *batch) {
	s := st.src
	s.tell(b)
	st.bytes += len(b.data)
	b.held = 1
	cur := 0
	st.late(b, &b.rounds[0])
	for i := range b.recs {
		r := &b.recs[i]
		st.count++
		switch {
		case r.kind == kindRound:
			st.max = max(st.max, b.rounds[r.raw].max)
			st.round()
			st.open = false
			cur = int(r.raw) + 1
			st.late(b, &b.rounds[cur])
		case r.kind == kindBad:
			s.fault(b.off+int64(r.off), s.path, b.faults[r.raw])
		case r.kind == kindNoted:
			s.noted(b, r)
		case r.kind == kindTotal:
			s.losses.total(s, b, r)
		case r.time == 0 && r.kind == kindTask:
			s.tasks.record(s, b.data[r.raw:][:r.rawN]) // made up by perf for what was there before
		default:
			b.held++
			st.pending = append(st.pending, item{r.time, st.count, b, int32(i)})
		}
	}
	st.max = max(st.max, b.rounds[cur].max)
	st.open = st.open || b.rounds[cur].samples
	st.follow(b)
	s.losses.saw(b)
	st.release(b)
	if st.bytes > s.maxHeld {
		st.hasten()
	}
}

// follow holds the times of a batch against those of the batches before.
func (st *stream) follow(b *batch) {
	if st.order == nil {
		st.order = map[int32]levels{}
	}
	for _, cpu := range b.seen {
		next := &b.cpus[cpu+1].order
		if !next.any {
			continue
		}
		l := st.order[cpu]
		if t, last, ok := l.then(next); !ok {
			st.src.fault(b.off, st.src.path, backwards(cpu, t, last))
		}
		st.order[cpu] = l
	}
}

// round is the end of one.
func (st *stream) round() {
	st.flush(st.limit)
	st.limit = st.max
	st.rounds++
}

// hasten delivers what is not due, as more would be held than there may be.
func (st *stream) hasten() {
	if len(st.pending) == 0 {
		return
	}
	st.src.hastened++
	slices.SortFunc(st.pending, byTime)
	at := len(st.pending) / 2
	st.flush(st.pending[at].time)
}

func byTime(a, b item) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.pos, b.pos))
}

// flush makes ready what is due up to a time.
func (st *stream) flush(limit int64) {
	st.flushed = max(st.flushed, min(limit, st.max))
	from := len(st.ready)
	rest := st.pending[:0]
	for _, it := range st.pending {
		if it.time <= limit {
			st.ready = append(st.ready, it)
		} else {
			rest = append(rest, it)
		}
	}
	clear(st.pending[len(rest):])
	st.pending = rest
	slices.SortFunc(st.ready[from:], byTime)
}

// late counts the records of a stretch that come later than what was delivered
// already.
func (st *stream) late(b *batch, x *stretch) {
	if x.max == 0 || x.min >= st.flushed {
		return
	}
	for at := x.from; at < x.to; {
		size := uint32(b.dir.order.Uint16(b.data[at+6:]))
		if t := b.dir.timeOf(b.data[at : at+size]); t > 0 && t < st.flushed {
			st.src.lateCount++
		}
		at += size
	}
}

// pop takes the head.
func (st *stream) pop() { st.next++ }

// release gives a batch back when nothing of it waits.
func (st *stream) release(b *batch) {
	if b.held--; b.held == 0 {
		st.bytes -= len(b.data)
		if len(st.spare) < st.depth+2 {
			st.spare = append(st.spare, b)
		}
	}
}

// prepareBatch is what workers do.
func prepareBatch(b *batch, _ int) { b.prepare() }

// fault makes a record of something that cannot be read.
func (s *Source) fault(off int64, path, msg string) {
	e := &trace.SyntaxError{At: trace.Pos{File: path, Off: off}, Msg: msg}
	s.note(e)
	if s.faults++; s.faults <= maxFaults {
		s.told = append(s.told, e)
	}
}

// maxFaults bounds what is told of a damaged file, record by record.
const maxFaults = 1000

// note keeps the first damage for Err.
func (s *Source) note(err error) {
	if s.damage == nil {
		s.damage = err
	}
	s.damaged++
}

const maxNotes = 100

// remark adds to the description what limits it.
func (s *Source) remark(format string, args ...any) {
	m := &s.table.Meta
	switch n := len(m.Notes); {
	case n < maxNotes:
		m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
	case n == maxNotes:
		m.Notes = append(m.Notes, "and more of this kind")
	}
}
