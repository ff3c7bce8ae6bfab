package track

import "slices"

// A window puts records in the order of their ids, in which they also come,
// although not all is known about each of them at once: it holds them back
// behind the oldest one that waits. What it holds is bounded: beyond that the
// oldest one goes as it is.
type window[T any] struct {
	slots []slot[T] // from head on
	head  int
}

type slot[T any] struct {
	id     uint64
	waits  waits
	record T
}

// waits says what a record waits for.
type waits uint8

const (
	waitsForIPI     waits = 1 << iota // whether it sends one
	waitsForArrival                   // of its interrupt, or of its function
	waitsForKind                      // whether the trace has other sends than ipi_raise
	isGone                            // it turned out to be none
)

const (
	// maxHeld is how many records a window holds.
	maxHeld = 1 << 16
	// maxGrace is how many it holds for what may not come at all: events are
	// switched on one after the other, so the first of a kind may be late.
	maxGrace = 1 << 10
)

func (w *window[T]) add(id uint64, on waits, record T) {
	w.slots = append(w.slots, slot[T]{id, on, record})
}

// find returns the record with this id, nil if it is not held (any more).
func (w *window[T]) find(id uint64) *slot[T] {
	held := w.slots[w.head:]
	i, ok := slices.BinarySearchFunc(held, id, func(s slot[T], id uint64) int {
		switch {
		case s.id < id:
			return -1
		case s.id > id:
			return 1
		}
		return 0
	})
	if !ok {
		return nil
	}
	return &held[i]
}

// flush hands out what is complete; must says what is waited for, and may what
// only for a while. It reports whether a record waits for its kind that cannot
// be held any longer.
func (w *window[T]) flush(must, may waits, f func(*T)) (undecided bool) {
	for w.head < len(w.slots) {
		s, held := &w.slots[w.head], len(w.slots)-w.head
		if s.waits&isGone == 0 {
			on := s.waits & must
			if on != 0 && held <= maxHeld || s.waits&may != 0 && held <= maxGrace {
				break
			}
			if on&waitsForKind != 0 {
				undecided = true
				break
			}
			f(&s.record)
		}
		w.head++
	}
	if w.head > maxHeld || w.head == len(w.slots) {
		n := copy(w.slots, w.slots[w.head:])
		clear(w.slots[n:])
		w.slots, w.head = w.slots[:n], 0
	}
	return undecided
}
