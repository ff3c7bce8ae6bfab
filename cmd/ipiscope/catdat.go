package main

import (
	"sync"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// An eventPrinter prints the events of binary traces as trace-cmd report does.
// Reading and printing go on at the same time: Event copies records into
// batches, which a goroutine prints in their order. That goroutine alone looks
// names up in the trace's table while the trace is read.
type eventPrinter struct {
	out    *catOutput
	match  func(*trace.Event) bool // nil: every event
	owners track.Owners
	stream *tracecmd.Stream

	batch *batch
	work  chan *batch
	free  chan *batch
	done  sync.WaitGroup
}

// A batch is a run of records on their way to be printed.
type batch struct {
	records []batchRecord
	n       int
}

type batchRecord struct {
	event  trace.Event
	lost   trace.Lost
	isLost bool
}

const (
	batchRecords = 512
	batches      = 4
)

// binaryTrace is a Source of binary records, which knows the names of kernel
// addresses.
type binaryTrace interface {
	trace.Source
	tracefmt.Names
}

func newEventPrinter(src binaryTrace, out *catOutput, o tracecmd.Options, match func(*trace.Event) bool) *eventPrinter {
	printer := tracecmd.New(src.Table(), src, o)
	p := &eventPrinter{out: out, match: match, work: make(chan *batch, batches), free: make(chan *batch, batches)}
	p.stream = tracecmd.NewStream(printer, out.record)
	if out.takesAll() {
		p.stream.Collect(outputBuffer)
	}
	for range batches {
		p.free <- &batch{records: make([]batchRecord, batchRecords)}
	}
	p.batch = <-p.free
	out.head(printer.AppendHead(nil))
	p.done.Go(p.print)
	return p
}

// Event implements analysis.State.
func (p *eventPrinter) Event(e *trace.Event) {
	r := p.next()
	e.CopyTo(&r.event)
	r.isLost = false
}

// Lost implements analysis.State.
func (p *eventPrinter) Lost(l *trace.Lost) {
	r := p.next()
	r.lost, r.isLost = *l, true
}

func (p *eventPrinter) next() *batchRecord {
	if p.batch.n == batchRecords {
		p.work <- p.batch
		p.batch = <-p.free
	}
	p.batch.n++
	return &p.batch.records[p.batch.n-1]
}

// End implements analysis.State. It returns when everything is printed.
func (p *eventPrinter) End(analysis.Span) {
	p.work <- p.batch
	close(p.work)
	p.done.Wait()
}

// Err is the first error of writing.
func (p *eventPrinter) Err() error { return p.out.failure() }

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
	switch {
	case r.isLost:
		p.owners.Lost(&r.lost)
		p.stream.Lost(&r.lost)
	case p.match == nil || p.passes(&r.event):
		p.stream.Event(&r.event)
	}
}

// passes asks the filter; a stack passes with the event it belongs to.
func (p *eventPrinter) passes(e *trace.Event) bool {
	if e.Schema().IsStack {
		return p.owners.Stack(e)
	}
	ok := p.match(e)
	p.owners.Event(e, ok)
	return ok
}
