package tracedat

import (
	"math"

	"github.com/ipiscope/ipiscope/parser/internal/ahead"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A stream is one CPU of one buffer. Workers prepare its batches; what is
// carried from one to the next is added here.
type stream struct {
	cut      *cutter
	cpu      int32
	instance trace.NameID
	// rank is the order among streams whose records have the same time: buffer, then
	// CPU. trace-cmd takes the first of equal times in that order (lib/trace-cmd,
	// tracecmd_peek_next_data compares with a strict <).
	rank      int
	clock     cpuClock
	takesPart bool // the Selection has it

	queue *ahead.Queue[*batch]
	batch *batch // the current one, nil before the first
	next  int    // of its records
	done  int64  // bytes of the file behind us
	base  uint64 // events before the batch

	cur   *rec
	time  trace.Time // when the current record is due
	lost  loss       // what it says is missing, if it is a recFirst or recLost
	taken bool       // it was delivered
	ended bool

	last   trace.Time // of the last event of the batches before, 0 if there was none
	missed loss       // after the batch before, or with no event since
	waits  waits      // of the batches before
	order  order      // of the last batch with events
	began  bool       // the first event was delivered

	skipped tally // not told yet
	// what belongs to the pid of the last event: most often the next one's too
	task task
}

// A task is what the file says about a pid.
type task struct {
	known bool
	pid   int32
	tgid  int32
	comm  trace.NameID
}

// now is earlier than any record: damage is told as soon as it is reached.
const now = trace.Time(math.MinInt64)

// advance moves st to its next record.
func (s *Source) advance(st *stream) {
	for {
		if st.batch != nil && st.next == len(st.batch.recs) {
			s.leave(st)
			if !s.plan.all || !st.takesPart { // tell before the next one is waited for
				st.cur, st.time, st.taken = &s.between, now, false
				return
			}
		}
		if st.batch == nil {
			if st.queue.Empty() {
				st.ended = true
				return
			}
			s.nextBatch(st)
			continue
		}
		r := &st.batch.recs[st.next]
		st.next++
		st.cur, st.time, st.taken = r, r.time, false
		switch r.kind {
		case recFault:
			st.time = now
			return
		case recBad:
			return
		case recFirst, recLost:
			if st.reachLoss(st.batch.losses[r.off], r.kind == recFirst) {
				return
			}
		case recEvent:
			if s.reachEvent(st, r) {
				return
			}
		}
	}
}

// reachLoss takes a loss; the first one of a batch goes on with what is missing
// after the batch before. It is false if nothing is missing.
func (st *stream) reachLoss(l loss, first bool) bool {
	st.lost = l
	if first {
		st.missed.join(l, st.last)
		st.lost, st.missed = st.missed, loss{}
	}
	if st.lost.any {
		st.waits.open = st.waits.open[:0]
	}
	return st.lost.any
}

// reachEvent decides about events that depend on what was before their batch.
func (s *Source) reachEvent(st *stream, r *rec) bool {
	first := !st.began
	st.began = true
	awaited := len(st.waits.open) > 0 && s.follow(st, r)
	switch {
	case r.only == always, r.only != ifAwaited && first, r.only != ifFirst && awaited:
		return true
	}
	st.skipped.n++
	if st.skipped.byType != nil {
		st.skipped.byType[r.typ]++
	}
	return false
}

// follow reports whether an event is or ends what is awaited from the batches
// before.
func (s *Source) follow(st *stream, r *rec) bool {
	at := s.common.Context(st.batch.payload(r), s.f.bigEndian)
	if s.plan.class[r.typ] == classStack {
		return st.waits.stack(at)
	}
	return st.waits.goOn(at)
}

// nextBatch takes the next batch.
func (s *Source) nextBatch(st *stream) {
	st.batch = st.queue.Take()
	st.next = 0
	s.settle(st, st.batch)
	s.taken.add(st.batch)
}

// leave ends a batch: what it leaves to the next one is taken over, and it is sent
// on its way again.
func (s *Source) leave(st *stream) {
	b := st.batch
	st.batch = nil
	st.base += b.events
	st.done += b.block.end - b.block.off
	st.missed.join(b.missed, st.last)
	if b.events > 0 {
		st.last = b.last
	}
	if !b.head {
		st.waits.open = st.waits.open[:0]
	}
	st.waits.open = append(st.waits.open, b.waits.open...)
	st.skipped.add(&b.skipped)
	if b.broken {
		st.cut.stop()
		for !st.queue.Empty() {
			st.queue.Take()
		}
		return
	}
	s.refill(st, b)
	for st.queue.Len() < s.depth() && s.refill(st, nil) {
	}
}

// refill lets the next block be prepared in b, or in a new batch if that is nil.
// It is false if there is none.
func (s *Source) refill(st *stream, b *batch) bool {
	if st.queue.Full() || st.cut.over() {
		return false
	}
	fresh := b == nil
	if fresh {
		b = &batch{stream: st}
	}
	if !st.cut.cut(&b.block) {
		return false
	}
	if fresh {
		s.makeRoom(b)
	}
	st.queue.Put(b)
	return true
}

// makeRoom gives a new batch the memory that its block is likely to need: what
// grows is copied, and each of its sizes is new to the kernel and the collector. A
// block's size is the file's word, so it counts as blockSize at most.
func (s *Source) makeRoom(b *batch) {
	if s.plan.all || s.taken.blocks == 0 {
		return
	}
	share := 1.25 * float64(min(b.block.size, blockSize)) / float64(s.taken.blocks)
	b.data = make([]byte, 0, int(float64(s.taken.data)*share))
	b.recs = make([]rec, 0, int(float64(s.taken.recs)*share))
}

// Progress implements trace.Progresser.
func (s *Source) Progress() (done, total int64) {
	for _, st := range s.streams {
		total += st.cut.total
		if st.ended {
			done += st.cut.total
		} else {
			done += st.done
		}
	}
	return done, total
}
