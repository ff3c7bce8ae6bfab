// Package ringlive reads the kernel's ring buffers while they fill.
//
// Pages come from each CPU on their own, and those of one CPU may come long after
// those of another. So that events come in their order all the same, what is younger
// than a look at all CPUs is held back: the order is that of a trace.dat with the
// same pages, however they arrived.
package ringlive

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/ipiscope/ipiscope/parser/internal/merge"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

// A Feed brings pages as they are read.
type Feed interface {
	// Look waits until it is time to look at all CPUs, and hands over the pages that
	// each has, in its order. A page is valid during the call of take. The error is
	// io.EOF if nothing comes any more: what this last look brought is all there is.
	Look(take func(cpu int, page []byte)) (Looked, error)
}

// A Namer is a Feed that can be asked for the names of tasks when there is an event
// of one without. It returns nil if it was asked not long ago.
type Namer interface {
	Names() map[int32]string
}

// A Looked is what a look tells.
type Looked struct {
	// Begun is when the look began, on the clock of the events.
	Begun trace.Time
	// Full are the CPUs that have more than was taken.
	Full []int
	// Names are those of tasks by PID that hold from now on, beside those told
	// before.
	Names map[int32]string
}

// Stats are counts of a Source so far.
type Stats struct {
	Looks, Pages, Events uint64
	// Late are events that came although all looks had passed their time by: such
	// an event is out of order.
	Late uint64
	// Held are pages that are held back.
	Held int
	// Until is the time before which everything was delivered.
	Until trace.Time
}

// A Source delivers the events of a running kernel. It implements trace.Source. Scan
// waits for the Feed. It belongs to one goroutine.
type Source struct {
	feed    Feed
	records *tracedat.Records
	layout  *ringbuf.Layout

	streams map[int]*stream
	queue   merge.Queue[*stream] // those that have a record, by time, then CPU
	free    [][]byte             // pages to use again

	begun  trace.Time // of the last look
	any    bool       // there was one
	mark   trace.Time // what is older than that may be delivered
	told   trace.Time // the last mark that a record told of
	ended  bool
	err    error // of the feed
	last   trace.Time
	stats  Stats
	damage error

	event  trace.Event
	lost   trace.Lost
	syntax trace.SyntaxError
	until  trace.Until
	record trace.Record
}

// never is before any time.
const never = trace.Time(math.MinInt64)

// New returns a Source for what records describes. It closes records with itself.
func New(records *tracedat.Records, feed Feed) *Source {
	return &Source{feed: feed, records: records, layout: records.Layout(), streams: map[int]*stream{}, mark: never, told: never, last: never, stats: Stats{Until: never}}
}

// Table implements trace.Source.
func (s *Source) Table() *trace.Table { return s.records.Table() }

// Record implements trace.Source.
func (s *Source) Record() trace.Record { return s.record }

// Err implements trace.Source.
func (s *Source) Err() error {
	if s.err != nil && s.err != io.EOF {
		return s.err
	}
	return s.damage
}

// Hold implements trace.Holder.
func (s *Source) Hold(h *trace.Held) {
	s.records.Hold(h)
	h.Name(s.event.Comm)
}

// Close implements trace.Source.
func (s *Source) Close() error { return s.records.Close() }

// Stats tells what was read so far. It may be asked while a Feed is.
func (s *Source) Stats() Stats {
	st := s.stats
	for _, c := range s.streams {
		st.Held += len(c.pages)
	}
	return st
}

// Scan implements trace.Source.
func (s *Source) Scan() bool {
	if !s.queue.Empty() && s.queue.Top().taken {
		top := s.queue.Top()
		if s.advance(top); top.queued {
			s.queue.Move(top.time)
		} else {
			s.queue.Drop()
		}
	}
	for {
		switch {
		case !s.queue.Empty() && (s.ended || s.queue.Top().time < s.mark):
			s.deliver(s.queue.Top())
			return true
		case s.ended:
			s.record = nil
			return false
		case s.mark > s.told:
			s.told, s.stats.Until = s.mark, s.mark
			s.until.Time = s.mark
			s.record = &s.until
			return true
		}
		s.look()
	}
}

// look asks the feed for more and moves the mark.
//
// An event has its time before it can be read: an interrupt may come in between, and
// with it the events of the interrupt. So a CPU that was empty in this look has told
// all that happened before the look before it, not before this one. A CPU that had
// more has told what is older than its last event.
func (s *Source) look() {
	looked, err := s.feed.Look(s.take)
	s.stats.Looks++
	s.records.UseNames(looked.Names)
	if err != nil {
		s.ended, s.err = true, err
		if !errors.Is(err, io.EOF) {
			s.err = fmt.Errorf("%s: %w", s.Table().Meta.Path, err)
		}
		return
	}
	mark := never
	if s.any {
		mark = s.begun
	}
	for _, cpu := range looked.Full {
		newest := never
		if st := s.streams[cpu]; st != nil {
			newest = st.newest
		}
		mark = min(mark, newest)
	}
	s.mark = max(s.mark, mark)
	s.begun, s.any = looked.Begun, true
}

// take keeps a copy of a page.
func (s *Source) take(cpu int, page []byte) {
	s.stats.Pages++
	st := s.streams[cpu]
	if st == nil {
		st = &stream{cpu: int32(cpu), newest: never}
		s.streams[cpu] = st
	}
	var buf []byte
	if n := len(s.free); n > 0 {
		buf, s.free = s.free[n-1], s.free[:n-1]
	}
	if at, ok := s.layout.Time(page); ok {
		st.newest = trace.Time(at)
	}
	st.pages = append(st.pages, append(buf[:0], page...))
	if !st.queued {
		s.advance(st)
		if st.queued {
			s.queue.Push(st, st.time, int(st.cpu))
		}
	}
}

// deliver makes the stream's current record the Source's.
func (s *Source) deliver(st *stream) {
	st.taken = true
	at := trace.Pos{File: s.Table().Meta.Path, Off: -1}
	switch st.kind {
	case kindFault:
		s.syntax = trace.SyntaxError{At: at, Msg: st.fault}
		if s.damage == nil {
			s.damage = &trace.SyntaxError{At: at, Msg: st.fault}
		}
		s.record = &s.syntax
	case kindLost:
		s.lost = trace.Lost{CPU: st.cpu, N: st.told.n, Time: st.time, Since: st.told.since, At: at}
		s.record = &s.lost
	case kindEvent:
		if data := st.page.Data(); !s.records.HasName(data) {
			if n, ok := s.feed.(Namer); ok {
				s.records.UseNames(n.Names())
			}
		}
		s.records.Event(&s.event, st.typ, st.page.Data())
		s.event.Time, s.event.CPU, s.event.Seq, s.event.At = st.time, st.cpu, st.events, at
		s.stats.Events++
		if st.time < s.last {
			s.stats.Late++
		}
		s.last = max(s.last, st.time)
		s.record = &s.event
	}
}

var (
	_ trace.Source = (*Source)(nil)
	_ trace.Holder = (*Source)(nil)
)
