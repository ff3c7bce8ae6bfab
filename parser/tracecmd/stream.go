package tracecmd

import "github.com/ipiscope/ipiscope/parser/trace"

// maxHeld bounds how many records of other instances may come between the entry
// of a function and what follows it in its own.
const maxHeld = 1 << 12

// A Stream prints the records of a trace in their order. It holds back the
// entry of a function until it has seen what comes next: trace-cmd prints a
// function that returns at once in one line.
type Stream struct {
	p    *Printer
	emit func(text []byte)
	held []held // held[0] is an entry; others wait behind it
	free []held
	buf  []byte
	// collect is how many bytes of text are collected for one call of emit
	collect int
}

// A held record is a copy of one.
type held struct {
	event  trace.Event
	lost   trace.Lost
	isLost bool
}

func (h *held) instance() trace.NameID {
	if h.isLost {
		return h.lost.Instance
	}
	return h.event.Instance
}

// NewStream returns a Stream that hands the text of each record to emit, which
// must not keep it.
func NewStream(p *Printer, emit func(text []byte)) *Stream { return &Stream{p: p, emit: emit} }

// Collect makes the Stream hand over the text of several records at once, n
// bytes or more, and the last ones at the End.
func (s *Stream) Collect(n int) { s.collect = n }

// Event prints an event.
func (s *Stream) Event(e *trace.Event) {
	if len(s.held) == 0 {
		if f := s.p.form(e); !f.entry || s.p.o.Raw {
			s.print(e, nil)
			return
		}
	}
	h := s.hold()
	e.CopyTo(&h.event)
	h.isLost = false
	s.release(false)
}

// Lost prints the line of lost events.
func (s *Stream) Lost(l *trace.Lost) {
	if len(s.held) == 0 {
		s.printLost(l)
		return
	}
	h := s.hold()
	h.lost, h.isLost = *l, true
	s.release(false)
}

// End prints what is held back.
func (s *Stream) End() {
	s.release(true)
	if len(s.buf) > 0 {
		s.flush()
	}
}

// hold makes room for one more record, reusing the memory of older ones.
func (s *Stream) hold() *held {
	if n := len(s.free); n > 0 {
		s.held = append(s.held, s.free[n-1])
		s.free = s.free[:n-1]
	} else {
		s.held = append(s.held, held{})
	}
	return &s.held[len(s.held)-1]
}

// release prints held records as far as their successors are known.
func (s *Stream) release(all bool) {
	for len(s.held) > 0 {
		h := &s.held[0]
		switch {
		case h.isLost:
			s.printLost(&h.lost)
		case !s.p.form(&h.event).entry:
			s.print(&h.event, nil)
		default:
			i := s.successor()
			if i == 0 && !all && len(s.held) < maxHeld {
				return
			}
			if i == 0 || !IsLeaf(&h.event, &s.held[i].event) {
				s.print(&h.event, nil)
				break
			}
			s.print(&h.event, &s.held[i].event)
			s.dropTo(i)
		}
		s.drop(0)
	}
}

// successor finds the next event in the instance of the first held one, 0 if it
// has not come yet.
func (s *Stream) successor() int {
	for i := 1; i < len(s.held); i++ {
		if h := &s.held[i]; !h.isLost && h.instance() == s.held[0].instance() {
			return i
		}
	}
	return 0
}

// dropTo drops the i-th record, and with it the loss in front of it.
func (s *Stream) dropTo(i int) {
	for ; i > 0; i-- {
		s.drop(i)
		if i == 1 || !s.held[i-1].isLost || s.held[i-1].instance() != s.held[0].instance() {
			return
		}
	}
}

func (s *Stream) drop(i int) {
	h := s.held[i]
	s.held = append(s.held[:i], s.held[i+1:]...)
	s.free = append(s.free, h)
}

func (s *Stream) print(e, next *trace.Event) {
	s.buf = s.p.AppendEvent(s.buf, e, next)
	if len(s.buf) >= s.collect {
		s.flush()
	}
}

func (s *Stream) printLost(l *trace.Lost) {
	s.buf = s.p.AppendLost(s.buf, l)
	if len(s.buf) >= s.collect {
		s.flush()
	}
}

func (s *Stream) flush() {
	s.emit(s.buf)
	s.buf = s.buf[:0]
}
