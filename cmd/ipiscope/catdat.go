package main

import (
	"sync"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/perftext"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// An eventPrinter prints the events of binary traces as trace-cmd report does.
// Reading and printing go on at the same time: records are copied into batches,
// which a goroutine prints in their order. That goroutine alone looks names up
// in the traces' tables while the traces are read.
type eventPrinter struct {
	stream *tracecmd.Stream
	// direct: records are printed as they come, since a trace learns names while
	// it is read.
	direct bool

	batch *batch
	work  chan *batch
	free  chan *batch
	done  sync.WaitGroup
	once  sync.Once
}

// An eventSource is a trace that events come from. What it holds besides its
// printer's head is for the goroutine that prints.
type eventSource struct {
	printer *tracecmd.Printer
	perf    *perftext.Printer       // nil but for perf.data, which is printed as perf does
	match   func(*trace.Event) bool // nil: every event
	owners  track.Owners
}

// A batch is a run of records on their way to be printed.
type batch struct {
	records []batchRecord
	n       int
}

type batchRecord struct {
	src    *eventSource
	event  trace.Event
	lost   trace.Lost
	isLost bool
}

const (
	batchRecords = 512
	batches      = 4
)

func newEventPrinter(out *catOutput) *eventPrinter {
	p := &eventPrinter{work: make(chan *batch, batches), free: make(chan *batch, batches)}
	p.stream = tracecmd.NewStream(out.record)
	if out.takesAll() {
		p.stream.Collect(outputBuffer)
	}
	for range batches {
		p.free <- &batch{}
	}
	p.batch = <-p.free
	p.done.Go(p.print)
	return p
}

func (p *eventPrinter) event(src *eventSource, e *trace.Event) {
	if p.direct {
		p.printEvent(src, e)
		return
	}
	r := p.next()
	e.CopyTo(&r.event)
	r.src, r.isLost = src, false
}

func (p *eventPrinter) lost(src *eventSource, l *trace.Lost) {
	if p.direct {
		p.printLost(src, l)
		return
	}
	r := p.next()
	r.src, r.lost, r.isLost = src, *l, true
}

func (p *eventPrinter) next() *batchRecord {
	if p.batch.n == batchRecords {
		p.work <- p.batch
		p.batch = <-p.free
	}
	if p.batch.records == nil {
		p.batch.records = make([]batchRecord, batchRecords)
	}
	p.batch.n++
	return &p.batch.records[p.batch.n-1]
}

// close returns when everything is printed. The traces must stay open until
// then.
func (p *eventPrinter) close() {
	p.once.Do(func() {
		p.work <- p.batch
		close(p.work)
		p.done.Wait()
	})
}

func (p *eventPrinter) print() {
	for b := range p.work {
		for i := range b.records[:b.n] {
			p.printRecord(&b.records[i])
		}
		b.n = 0
		p.free <- b
	}
	p.stream.End()
}

func (p *eventPrinter) printRecord(r *batchRecord) {
	if r.isLost {
		p.printLost(r.src, &r.lost)
		return
	}
	p.printEvent(r.src, &r.event)
}

func (p *eventPrinter) printLost(src *eventSource, l *trace.Lost) {
	src.owners.Lost(l)
	if src.perf != nil {
		p.stream.Text(func(dst []byte) []byte { return src.perf.AppendLost(dst, l) })
		return
	}
	p.stream.Lost(src.printer, l)
}

func (p *eventPrinter) printEvent(src *eventSource, e *trace.Event) {
	switch {
	case src.match != nil && !src.passes(e):
	case src.perf != nil:
		p.stream.Text(func(dst []byte) []byte { return src.perf.AppendEvent(dst, e) })
	default:
		p.stream.Event(src.printer, e)
	}
}

// passes asks the filter; a stack passes with the event it belongs to.
func (s *eventSource) passes(e *trace.Event) bool {
	if e.Schema().IsStack {
		return s.owners.Stack(e)
	}
	ok := s.match(e)
	s.owners.Event(e, ok)
	return ok
}

// printedEvents prints the events of the only trace as they come.
type printedEvents struct {
	p   *eventPrinter
	src *eventSource
}

// Event implements analysis.State.
func (s printedEvents) Event(e *trace.Event) { s.p.event(s.src, e) }

// Lost implements analysis.State.
func (s printedEvents) Lost(l *trace.Lost) { s.p.lost(s.src, l) }

// End implements analysis.State.
func (s printedEvents) End(analysis.Span) { s.p.close() }
