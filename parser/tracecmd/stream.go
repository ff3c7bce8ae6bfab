package tracecmd

import "github.com/ipiscope/ipiscope/parser/trace"

// maxHeld bounds how many records of other instances may come between the entry
// of a function and what follows it in its own.
const maxHeld = 1 << 12

// A Stream prints the records of one or more traces in their order. It holds back the
// entry of a function until it has seen what comes next: trace-cmd prints a
// function that returns at once in one line.
type Stream struct {
	emit func(text []byte)
	held []held // held[0] is an entry; others wait behind it
	free []held
	buf  []byte
	// collect is how many bytes of text are collected for one call of emit
	collect int
}

// A held record is a copy of one.
type held struct {
	p      *Printer
	event  trace.Event
	lost   trace.Lost
	isLost bool
}

// follows reports whether h is of the same buffer as o.
func (h *held) follows(o *held) bool { return h.p == o.p && h.instance() == o.instance() }

func (h *held) instance() trace.NameID {
	if h.isLost {
		return h.lost.Instance
	}
	return h.event.Instance
}

// NewStream returns a Stream that hands the text of each record to emit, which
// must not keep it.
func NewStream(emit func(text []byte)) *Stream { return &Stream{emit: emit} }

// Collect makes the Stream hand over the text of several records at once, n
// bytes or more, and the last ones at the End.
func (s *Stream) Collect(n int) { s.collect = n }

// Event prints an event of p's trace.
func (s *Stream) Event(p *Printer, e *trace.Event) {
	if len(s.held) == 0 {
		if f := p.form(e); !f.entry || p.o.Raw {
			s.print(p, e, nil)
			return
		}
	}
	h := s.hold()
	e.CopyTo(&h.event)
	h.p, h.isLost = p, false
	s.release(false)
}

// Lost prints the line of lost events of p's trace.
func (s *Stream) Lost(p *Printer, l *trace.Lost) {
	if len(s.held) == 0 {
		s.printLost(p, l)
		return
	}
	h := s.hold()
	h.p, h.lost, h.isLost = p, *l, true
	s.release(false)
}

// Text prints what another printer made of a record of its own trace.
func (s *Stream) Text(append func(dst []byte) []byte) {
	s.release(true)
	s.buf = append(s.buf)
	if len(s.buf) >= s.collect {
		s.flush()
	}
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
			s.printLost(h.p, &h.lost)
		case !h.p.form(&h.event).entry:
			s.print(h.p, &h.event, nil)
		default:
			i := s.successor()
			if i == 0 && !all && len(s.held) < maxHeld {
				return
			}
			if i == 0 || !IsLeaf(&h.event, &s.held[i].event) {
				s.print(h.p, &h.event, nil)
				break
			}
			s.print(h.p, &h.event, &s.held[i].event)
			s.dropTo(i)
		}
		s.drop(0)
	}
}

// successor finds the next event in the instance of the first held one, 0 if it
// has not come yet.
func (s *Stream) successor() int {
	for i := 1; i < len(s.held); i++ {
		if h := &s.held[i]; !h.isLost && h.follows(&s.held[0]) {
			return i
		}
	}
	return 0
}

// dropTo drops the i-th record, and with it the loss in front of it.
func (s *Stream) dropTo(i int) {
	for ; i > 0; i-- {
		s.drop(i)
		if i == 1 || !s.held[i-1].isLost || !s.held[i-1].follows(&s.held[0]) {
			return
		}
	}
}

func (s *Stream) drop(i int) {
	h := s.held[i]
	s.held = append(s.held[:i], s.held[i+1:]...)
	s.free = append(s.free, h)
}

func (s *Stream) print(p *Printer, e, next *trace.Event) {
	s.buf = p.AppendEvent(s.buf, e, next)
	if len(s.buf) >= s.collect {
		s.flush()
	}
}

func (s *Stream) printLost(p *Printer, l *trace.Lost) {
	s.buf = p.AppendLost(s.buf, l)
	if len(s.buf) >= s.collect {
		s.flush()
	}
}

func (s *Stream) flush() {
	s.emit(s.buf)
	s.buf = s.buf[:0]
}
