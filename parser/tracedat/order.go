package tracedat

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
)

// The kernel fills a CPU's pages one after the other, so none begins before the
// last event of the one before it (kernel/trace/ring_buffer.c, rb_move_tail).
// Where one does, pages were exchanged, written twice or are left from an older
// file, or a page's time is damaged. So it is where an absolute time stamp within a
// page is earlier than what stands before it: such a stamp may bring a page whose own
// time is wrong back between its neighbours. That shows while a block is read; the block
// is then read once more with care: it is surveyed first, then walked without the
// pages that do not fit.

// An order is what the pages of a block, or all of a CPU so far, say about their
// place among others, in raw times. The walker of a block keeps it.
type order struct {
	seen bool // something of the block was looked at
	lead bool // that was a page with events

	some  bool   // there are pages with events
	first uint64 // when the first of them begins
	last  uint64 // the time of the last event
	odd   bool   // some page does not fit into the block
	// empty is where a page without events lies that has none with events after
	// it, out when the page begins that was left out last.
	empty, out position
}

// A position is a number that need not be there.
type position struct {
	at  uint64
	any bool
}

// page adds a page with events that begins at that time.
func (o *order) page(begin uint64) {
	if !o.seen {
		o.seen, o.lead = true, true
	}
	if !o.some {
		o.some, o.first = true, begin
	}
	o.odd = o.odd || o.empty.any || begin < o.last
}

// within adds what a page that was walked says of itself.
func (o *order) within(p *ringbuf.Page) {
	o.last = max(o.last, p.Time())
	_, _, back := p.Back()
	o.odd = o.odd || back
}

// none adds something without events.
func (o *order) none() { o.seen = true }

// fits reports whether the pages that o is of can stand after those of before
// and in front of those of next, which is nil if there are none.
func (o *order) fits(before, next *order) bool {
	switch {
	case !o.some:
		return true
	case o.odd, before.empty.any, before.out.any, before.some && o.first < before.last:
		return false
	}
	return next == nil || !next.lead || next.first >= o.last
}

// follow takes o, which fits, as the latest.
func (o *order) follow(latest *order) {
	if latest.some {
		o.some, o.last = true, latest.last
	}
	if latest.empty.any || latest.some {
		o.empty = latest.empty
	}
}

// A survey is what a block has, in its order, and what becomes of it.
type survey struct {
	pages []surveyed
	next  int // of them when they are walked
}

type surveyed struct {
	kind        pageKind
	off         int64
	begin, last uint64
	back        [2]uint64 // from where to where its own time goes back, if they differ
	out         string    // why it is left out, empty if it is not
	empty       position
	// end is when the page after it begins, if that is before its last event:
	// the page is damaged within.
	end position
	// gap: the page may stand in the place of another one, which belongs after it.
	gap bool
}

type pageKind uint8

const (
	pageNone  pageKind = iota // something without events, or that could not be read
	pageEmpty                 // nothing was committed to it
	pageEvents
)

const exchanged = ": pages were exchanged or repeated, or this one's time is damaged"

// judge finds the pages that do not fit between those before and those after the
// block, and makes o the order of all up to its end.
func (v *survey) judge(o *order, behind *order) {
	for i := range v.pages {
		p := &v.pages[i]
		switch p.kind {
		case pageEmpty:
			o.empty = position{uint64(p.off), true}
			continue
		case pageEvents:
		default:
			continue
		}
		p.empty, o.empty = o.empty, position{}
		if p.back[0] != p.back[1] {
			p.out = fmt.Sprintf("the page begins at %d on the recording's clock, a time stamp within it goes back from %d to %d: one of them is damaged", p.begin, p.back[0], p.back[1])
		} else if o.some && p.begin < o.last {
			p.out = fmt.Sprintf("the page begins at %d on the recording's clock, the page before it ends at %d"+exchanged, p.begin, o.last)
		} else if next, ok := v.beginBehind(i, behind); ok && next < p.last && !(o.some && next < o.last) {
			if p.begin < next {
				p.end, p.last = position{next, true}, next
				o.some, o.last, o.out = true, p.last, position{}
				continue
			}
			p.out = fmt.Sprintf("the page ends at %d on the recording's clock, the page after it begins at %d"+exchanged, p.last, next)
		}
		if p.out != "" {
			p.out += "; its events are left out"
			o.out = position{p.begin, true}
			continue
		}
		// Of two copies one is in the place of another page; which, is not known.
		p.gap = o.out.any && o.out.at == p.begin
		o.some, o.last, o.out = true, p.last, position{}
	}
}

// beginBehind is when the page after page i begins, if it has events.
func (v *survey) beginBehind(i int, behind *order) (uint64, bool) {
	if i+1 < len(v.pages) {
		p := &v.pages[i+1]
		return p.begin, p.kind == pageEvents
	}
	if behind == nil {
		return 0, false
	}
	return behind.first, behind.lead
}

// settle looks at the batch that comes next: whether its pages are in order, among
// themselves and with those before and after them. If not, it is prepared again
// without those that are not.
func (s *Source) settle(st *stream, b *batch) {
	if st.queue.Empty() {
		s.refill(st, nil)
	}
	var behind *order
	if !st.queue.Empty() {
		behind = &st.queue.Peek().order
	}
	if b.order.fits(&st.order, behind) {
		st.order.follow(&b.order)
		return
	}
	v := &survey{}
	w := s.newWalker(b)
	w.surveying = v
	b.reset(s.plan)
	s.fill(b, w, &s.scratch[0])
	v.judge(&st.order, behind)
	b.reset(s.plan)
	w = s.newWalker(b)
	w.survey = v
	s.fill(b, w, &s.scratch[0])
}
