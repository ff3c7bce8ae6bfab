// Package merge puts the records of several streams, each of which is in order, into
// one order: by time, then by the rank of the stream.
package merge

import "github.com/ipiscope/ipiscope/parser/trace"

// A Queue holds the streams that have a record, the next one first. It is a binary
// heap of the times themselves, so that streams are not looked at to compare them.
// The zero Queue is empty.
type Queue[T any] struct{ slots []slot[T] }

type slot[T any] struct {
	time trace.Time
	rank int // no two streams have the same
	of   T
}

func (a *slot[T]) before(b *slot[T]) bool {
	return a.time < b.time || a.time == b.time && a.rank < b.rank
}

// Empty reports whether no stream has a record.
func (q *Queue[T]) Empty() bool { return len(q.slots) == 0 }

// Top is the stream whose record is next; the Queue must not be empty.
func (q *Queue[T]) Top() T { return q.slots[0].of }

// Push adds a stream whose first record is due at a time.
func (q *Queue[T]) Push(of T, time trace.Time, rank int) {
	q.slots = append(q.slots, slot[T]{time, rank, of})
	h := q.slots
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h[i].before(&h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// Move says that the next record of Top is due at a time.
func (q *Queue[T]) Move(time trace.Time) {
	q.slots[0].time = time
	q.sink()
}

// Drop removes Top, which has no more records.
func (q *Queue[T]) Drop() {
	last := len(q.slots) - 1
	q.slots[0] = q.slots[last]
	q.slots[last] = slot[T]{}
	if q.slots = q.slots[:last]; last > 0 {
		q.sink()
	}
}

func (q *Queue[T]) sink() {
	h := q.slots
	at := h[0]
	i := 0
	for {
		least := 2*i + 1
		if least >= len(h) {
			break
		}
		if right := least + 1; right < len(h) && h[right].before(&h[least]) {
			least = right
		}
		if !h[least].before(&at) {
			break
		}
		h[i] = h[least]
		i = least
	}
	h[i] = at
}
