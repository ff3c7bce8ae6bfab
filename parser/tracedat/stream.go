package tracedat

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A stream is one CPU of one buffer.
type stream struct {
	pager    *pager
	layout   *ringbuf.Layout
	cpu      int32
	instance trace.NameID
	rank     int // order among streams whose events have the same time

	clock   cpuClock
	page    ringbuf.Page
	time    trace.Time
	seq     uint64
	missed  bool // events were lost before the current one
	missedN uint64
	since   trace.Time // of the last event before them
	taken   bool       // the current event was delivered
	done    bool

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

// advance moves st to its next event, over page and chunk borders. Damage on
// the way becomes a SyntaxError, and the events it hid a loss.
func (s *Source) advance(st *stream) {
	for {
		if st.page.Next() {
			st.seq++
			st.time = st.clock.time(st.page.Time())
			return
		}
		if err := st.page.Err(); err != nil {
			s.damagedPage(st, err)
		}
		buf, err := st.pager.page()
		if err != nil {
			s.damagedPage(st, err)
			st.page = ringbuf.Page{}
			continue
		}
		if buf == nil {
			st.done = true
			return
		}
		st.page.Reset(st.layout, buf)
		if n, missed := st.page.Missed(); missed {
			st.miss(n)
		}
	}
}

func (s *Source) damagedPage(st *stream, err error) {
	e := trace.SyntaxError{At: trace.Pos{File: s.f.path, Off: st.pager.pageOff}, Msg: fmt.Sprintf("CPU %d: %v", st.cpu, err)}
	s.damages = append(s.damages, e)
	s.note(&e)
	st.miss(0)
}

// miss says that n events are missing before the next one, 0 if the number is
// not known. What was missed since the last event adds up.
func (st *stream) miss(n uint64) {
	if st.missed && (st.missedN == 0 || n == 0) {
		n, st.missedN = 0, 0
	}
	if !st.missed {
		st.since = st.time
	}
	st.missed, st.missedN = true, st.missedN+n
}

// before is the total order of a trace: time, then buffer, then CPU. trace-cmd
// takes the first of equal times in that order (lib/trace-cmd, tracecmd_peek_next_data
// compares with a strict <).
func before(a, b *stream) bool {
	return a.time < b.time || a.time == b.time && a.rank < b.rank
}

func (s *Source) push(st *stream) {
	s.heap = append(s.heap, st)
	h := s.heap
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !before(h[i], h[parent]) {
			break
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

// fixTop restores the heap after its smallest stream moved on.
func (s *Source) fixTop() {
	h := s.heap
	if h[0].done {
		last := len(h) - 1
		h[0] = h[last]
		h[last] = nil
		h = h[:last]
		s.heap = h
	}
	for i := 0; ; {
		least := i
		if l := 2*i + 1; l < len(h) && before(h[l], h[least]) {
			least = l
		}
		if r := 2*i + 2; r < len(h) && before(h[r], h[least]) {
			least = r
		}
		if least == i {
			return
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}

// Progress implements trace.Progresser.
func (s *Source) Progress() (done, total int64) {
	for _, st := range s.streams {
		total += st.pager.total
		done += st.pager.done()
	}
	return done, total
}
