package tracedat

import (
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A walker takes the records of one block into its batch. Its result depends on
// the block alone.
type walker struct {
	plan      *plan
	f         *file
	common    *tracefmt.Common
	layout    *ringbuf.Layout
	clock     *cpuClock
	symbols   *symbols
	takesPart bool // the CPU and its buffer do
	chunked   bool
	cpu       int32

	b    *batch
	page ringbuf.Page
	off  int64 // of the page in the file, or of its chunk
	at   int   // of the page in b.data, if everything is delivered
	// counts: what is passed over takes part.
	counts bool
	// some event of the block was seen, began: one that takes part, in the
	// window.
	some, began bool
	// surveying: pages are added to a survey instead of the batch. survey says
	// which pages to leave out.
	surveying, survey *survey
	until             position // where the page after begins, if events after that are to be found
	// As long as b.head is set, low is the shallowest context so far.
	low      trace.Context
	headSeen bool
}

// deepest is beyond any preempt depth.
const deepest = 0xff

func (s *Source) newWalker(b *batch) *walker {
	b.head = s.plan.stacks && b.stream.takesPart
	return &walker{
		plan: s.plan, f: s.f, common: &s.common, layout: s.layout, clock: &b.stream.clock, symbols: s.symbols, takesPart: b.stream.takesPart, chunked: s.f.compressed, cpu: b.stream.cpu,
		b: b,
	}
}

// pages takes the events of consecutive pages. off is where they, or their
// chunk, lie in the file, at where they lie in the batch's data.
func (w *walker) pages(data []byte, pageSize int, off int64, at int) {
	for used := 0; used < len(data); used += pageSize {
		page := data[used:min(used+pageSize, len(data)):len(data)]
		w.off, w.at = off, at+used
		if !w.chunked {
			w.off += int64(used)
		}
		w.page.Reset(w.layout, page)
		switch {
		case w.surveying != nil:
			w.look(page)
		case w.survey != nil:
			w.judged(page)
		case w.page.Empty() && w.page.Err() == nil:
			w.empty(page)
		default:
			w.events(w.place(page, data[used+len(page):]))
		}
	}
}

// look adds the current page to the survey.
func (w *walker) look(buf []byte) {
	p := surveyed{off: w.off, begin: w.page.Time()}
	switch {
	case !w.page.Empty():
		p.kind = pageEvents
	case w.page.Err() == nil && !isZero(buf):
		if _, missed := w.page.Missed(); !missed {
			p.kind = pageEmpty
		}
	}
	for w.page.Next() {
	}
	p.last = w.page.Time()
	p.back[0], p.back[1], _ = w.page.Back()
	w.surveying.pages = append(w.surveying.pages, p)
}

// judged takes the events of the current page if the survey says so.
func (w *walker) judged(buf []byte) {
	p := &w.survey.pages[w.survey.next]
	w.survey.next++
	if p.empty.any {
		w.fault(w.off, fmt.Sprintf("a page with events after one without at offset %#x: what was in that one is lost", p.empty.at))
	}
	switch {
	case w.page.Empty() && w.page.Err() == nil:
		w.empty(buf)
		return
	case p.out != "":
		w.fault(w.off, p.out)
		return
	}
	where := inside
	if w.plan.window != nil {
		where = across // the next page may be left out
	}
	w.until = p.end
	w.events(where)
	w.until = position{}
	if p.gap {
		w.miss(0)
	}
}

// empty takes a page without events. The kernel hands out none; trace-cmd writes
// none either.
func (w *walker) empty(buf []byte) {
	w.b.order.none()
	if isZero(buf) {
		w.fault(w.off, "a page of zeros (a hole in the file?): what was in it is lost")
		return
	}
	if n, missed := w.page.Missed(); missed {
		w.miss(n)
		return
	}
	w.b.order.empty = position{uint64(w.off), true}
}

func isZero(b []byte) bool {
	for _, x := range b {
		if x != 0 {
			return false
		}
	}
	return true
}

func (w *walker) place(page, next []byte) place {
	if w.plan.window == nil {
		return inside
	}
	begin, ok := w.layout.Time(page)
	if !ok {
		return across
	}
	end, ok := w.layout.Time(next)
	return w.plan.place(w.clock.time(begin), w.clock.time(end), ok)
}

// events takes the events of the current page.
func (w *walker) events(where place) {
	if w.page.Empty() {
		w.b.order.none()
	} else {
		w.b.order.page(w.page.Time())
	}
	if n, missed := w.page.Missed(); missed {
		w.miss(n)
	}
	var skip ringbuf.Skip // without Pass each event gets a look
	w.counts = w.takesPart && !w.plan.picked
	switch {
	case w.until.any:
	case !w.takesPart:
		skip = w.plan.off
	case where == inside:
		skip = w.plan.skip
		if w.counts {
			skip.Count = w.b.skipped.byType
		}
	case where == outside:
		skip = w.plan.outside
		w.leave()
	}
	for w.page.Next() {
		if w.until.any && w.page.Time() > w.until.at {
			w.fault(w.off, fmt.Sprintf("byte %d: an event at %d on the recording's clock, the page after it begins at %d: the rest of the page is lost", w.page.Offset(), w.page.Time(), w.until.at))
			return
		}
		w.event(where)
		if skip.Pass != nil && !w.following() {
			w.pass(&skip, where)
		}
	}
	w.b.order.within(&w.page)
	if err := w.page.Err(); err != nil {
		w.fault(w.off, err.Error())
	}
}

// following reports whether the contexts of events matter.
func (w *walker) following() bool { return w.b.head || len(w.b.waits.open) > 0 }

// pass passes over events without a look at them.
func (w *walker) pass(skip *ringbuf.Skip, where place) {
	n := w.page.Skip(skip)
	if n == 0 {
		return
	}
	w.b.events += uint64(n)
	w.b.last = w.clock.time(w.page.Time())
	if !w.counts {
		return
	}
	w.b.skipped.see(w.b.last)
	if where == inside {
		w.b.skipped.n += uint64(n)
	}
}

// leave ends what goes on: an event outside of the window follows.
func (w *walker) leave() {
	w.b.waits.open = w.b.waits.open[:0]
	w.b.head = false
}

// miss says that n events are missing before the next one, 0 if the number is
// not known.
func (w *walker) miss(n uint64) {
	if !w.b.missed.any {
		w.b.missed.since, w.b.missed.behind = w.b.last, w.some
	}
	w.b.missed.add(n)
	w.leave()
}

// fault notes damage. What it hid is lost.
func (w *walker) fault(off int64, msg string) {
	w.b.order.none()
	w.b.addFault(recFault, 0, off, fmt.Sprintf("CPU %d: %s", w.cpu, msg))
	w.miss(0)
}

// hole is a fault in the place of pages.
func (w *walker) hole(off int64, msg string) {
	switch {
	case w.surveying != nil:
		w.surveying.pages = append(w.surveying.pages, surveyed{})
	case w.survey != nil:
		w.survey.next++
	}
	w.fault(off, msg)
}

// event looks at the current event.
func (w *walker) event(where place) {
	b := w.b
	b.events++
	data := w.page.Data()
	at := w.clock.time(w.page.Time())
	if !w.some || b.missed.any {
		w.lost(at)
	}
	b.last = at
	if uint64(len(data)) < uint64(w.common.MinSize) {
		w.bad(at, fmt.Sprintf("record of %d bytes, the common header needs %d", len(data), w.common.MinSize))
		return
	}
	typ := w.typeOf(data)
	c := classUnknown
	if typ < uint64(len(w.plan.class)) {
		c = w.plan.class[typ]
	}
	switch {
	case c == classUnknown:
		w.bad(at, fmt.Sprintf("event id %d has no format in this file", typ))
		return
	case !w.takesPart || c == classOff:
		return
	}
	b.skipped.see(at)
	if where == outside || where == across && !w.plan.window.Has(at) {
		w.leave()
		return
	}
	deliver, only := c >= classTake, always
	if deliver && w.plan.names {
		w.symbols.expect()
	}
	if w.plan.stacks && (c == classOwner || w.following()) {
		deliver, only = w.follow(c, data)
	}
	if !w.began {
		w.began = true
		switch {
		case !deliver:
			deliver, only = true, ifFirst
		case only == ifAwaited:
			only = ifEither
		}
	}
	if deliver {
		w.take(at, uint16(typ), only)
		return
	}
	b.skipped.n++
	if b.skipped.byType != nil {
		b.skipped.byType[typ]++
	}
}

// typeOf is the id of a record that is long enough to have one.
func (w *walker) typeOf(data []byte) uint64 {
	if w.plan.plainType && len(data) >= 2 {
		return uint64(binary.LittleEndian.Uint16(data))
	}
	typ, _ := tracefmt.Integer(data, w.common.Type.Off, w.common.Type.Size, w.f.bigEndian)
	return typ
}

// follow tells what is delivered because of the events before it.
func (w *walker) follow(c class, data []byte) (deliver bool, only only) {
	b := w.b
	at := w.common.Context(data, w.f.bigEndian)
	edge := b.head && w.atHead(at, c == classStack)
	if c == classStack {
		if b.waits.stack(at) {
			return true, always
		}
		return edge, ifAwaited
	}
	ended := b.waits.goOn(at)
	if c == classOwner {
		b.waits.await(at)
	}
	if c >= classTake || ended {
		return true, always
	}
	return edge, ifAwaited
}

// atHead follows the head of a block, where stacks may come that were awaited
// before it: that is as long as all events have one pid and interrupt what came
// before. It reports whether an event may be such a stack or end the wait for one.
func (w *walker) atHead(at trace.Context, stack bool) bool {
	if w.headSeen && at.PID != w.low.PID {
		w.b.head = false
		return true
	}
	edge := !w.headSeen || w.low.Interrupts(at)
	if !w.headSeen { // a stack does not end the wait for another one
		w.headSeen, w.low = true, trace.Context{PID: at.PID, Flags: trace.FlagNMI, Depth: deepest}
	}
	if edge && !stack {
		w.low = at
		w.b.head = at.Nesting() > 0
	}
	return edge
}

// lost notes what is missing before the current event.
func (w *walker) lost(at trace.Time) {
	r := w.rec(at, recLost)
	if !w.some {
		w.some = true
		r.kind = recFirst
	}
	r.off = uint32(len(w.b.losses))
	w.b.losses = append(w.b.losses, w.b.missed)
	w.b.missed = loss{}
	w.b.recs = append(w.b.recs, r)
}

func (w *walker) bad(at trace.Time, msg string) {
	w.b.addFault(recBad, at, w.pos(), fmt.Sprintf("CPU %d: %s", w.cpu, msg))
}

// take takes the current event.
func (w *walker) take(at trace.Time, typ uint16, only only) {
	b, data := w.b, w.page.Data()
	if len(b.recs) == cap(b.recs) {
		b.recs = slices.Grow(b.recs, 1)
	}
	b.recs = b.recs[:len(b.recs)+1]
	r := &b.recs[len(b.recs)-1] // written in place: there is one for each event
	r.time, r.pos = at, uint32(w.pos()-b.block.off)
	r.n, r.behind = uint32(len(data)), uint32(w.f.reach[typ].behind(data))
	r.seq, r.typ, r.kind, r.only = uint32(b.events), typ, recEvent, only
	if w.plan.all {
		r.off = uint32(w.at + w.page.Offset())
		return
	}
	r.off = uint32(len(b.data))
	b.data = append(b.data, data[:r.n+r.behind]...)
}

func (w *walker) rec(at trace.Time, kind recKind) rec {
	return rec{time: at, pos: uint32(w.pos() - w.b.block.off), kind: kind}
}

// pos is where the current event lies in the file, or the chunk it was unpacked
// from.
func (w *walker) pos() int64 {
	if w.chunked {
		return w.off
	}
	return w.off + int64(w.page.Offset())
}
