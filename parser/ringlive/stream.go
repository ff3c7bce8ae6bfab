package ringlive

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A stream is the pages of one CPU, of which some were not looked at yet.
type stream struct {
	cpu    int32
	pages  [][]byte // the first one is the current one if open
	open   bool
	page   ringbuf.Page
	newest trace.Time // when the newest page begins: nothing older comes
	queued bool       // it has a record and is in the Source's queue

	kind  kind
	time  trace.Time // when the current record is due
	taken bool       // it was delivered
	typ   int        // of a kindEvent
	fault string     // of a kindFault
	told  loss       // of a kindLost

	events  uint64     // so far
	last    trace.Time // of the last event
	lastRaw uint64     // and of pages, in the buffer's own time
	missed  loss       // before the next event
	pending bool       // the page stands at an event that a loss was told before
}

type kind uint8

const (
	kindFault kind = iota // delivered as soon as it is reached
	kindLost
	kindEvent
)

// A loss is a number of events that are missing.
type loss struct {
	any   bool
	n     uint64 // 0 if not known
	since trace.Time
}

// miss counts n more missing events, 0 if their number is not known. What is missing
// between two events adds up.
func (st *stream) miss(n uint64) {
	l := &st.missed
	switch {
	case !l.any:
		*l = loss{true, n, st.last}
	case l.n == 0 || n == 0:
		l.n = 0
	default:
		l.n += n
	}
}

// advance moves a stream to its next record, or out of the queue if there is none.
func (s *Source) advance(st *stream) {
	st.queued = s.next(st)
	st.taken = false
}

func (s *Source) next(st *stream) bool {
	if st.pending {
		st.pending = false
		return s.reach(st)
	}
	for len(st.pages) > 0 {
		if !st.open && !s.begin(st) {
			s.drop(st)
			if st.fault != "" {
				return true
			}
			continue
		}
		if st.page.Next() {
			return s.reach(st)
		}
		err := st.page.Err()
		st.lastRaw = max(st.lastRaw, st.page.Time())
		s.drop(st)
		if err != nil {
			st.fail(err.Error())
			return true
		}
	}
	return false
}

// begin takes the first page. It is false if nothing is to be read in it, with the
// fault if that is one.
func (s *Source) begin(st *stream) bool {
	page := st.pages[0]
	st.page.Reset(s.layout, page)
	st.fault = ""
	if st.page.Empty() && st.page.Err() == nil && isZero(page) {
		st.fail("a page of zeros: what was in it is lost")
		return false
	}
	// the kernel fills pages one after the other (kernel/trace/ring_buffer.c, rb_move_tail)
	if at := st.page.Time(); !st.page.Empty() && at < st.lastRaw {
		st.fail(fmt.Sprintf("a page that begins at %d on the buffer's clock, the one before it ends at %d: it is left out", at, st.lastRaw))
		return false
	}
	if n, missed := st.page.Missed(); missed {
		st.miss(n)
	}
	st.open = true
	return true
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

// drop gives the first page back.
func (s *Source) drop(st *stream) {
	s.free = append(s.free, st.pages[0])
	n := copy(st.pages, st.pages[1:])
	st.pages[n] = nil
	st.pages = st.pages[:n]
	st.open = false
}

// fail notes damage. What it hid is lost.
func (st *stream) fail(msg string) {
	st.kind, st.time = kindFault, never
	st.fault = fmt.Sprintf("CPU %d: %s", st.cpu, msg)
	st.miss(0)
}

// reach makes the event that the page stands at the current record, or what is
// missing before it.
func (s *Source) reach(st *stream) bool {
	at := trace.Time(st.page.Time())
	if st.missed.any {
		st.told, st.missed = st.missed, loss{}
		st.kind, st.time, st.pending = kindLost, at, true
		return true
	}
	data := st.page.Data()
	st.events++
	st.last = at
	typ, err := s.records.Type(data)
	if err != nil {
		st.kind, st.time = kindFault, at
		st.fault = fmt.Sprintf("CPU %d: %v", st.cpu, err)
		return true
	}
	st.kind, st.time, st.typ = kindEvent, at, typ
	return true
}
