package main

import (
	"context"
	"iter"
	"path/filepath"
	"slices"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// A merged record is the next one of a trace that is printed with others. One
// without a source stands for the end of the trace.
type mergedRecord struct {
	src   *eventSource
	event *trace.Event
	lost  *trace.Lost // instead of an event
	text  *sendText   // instead of both: it is printed already
}

func (r *mergedRecord) time() trace.Time {
	if r.text != nil {
		return r.text.time
	}
	if r.lost != nil {
		return r.lost.Time
	}
	return r.event.Time
}

func (r *mergedRecord) instance() trace.NameID {
	if r.text != nil {
		return r.text.instance
	}
	if r.lost != nil {
		return r.lost.Instance
	}
	return r.event.Instance
}

// before orders records of several files as trace-cmd report does: by time, and
// at equal times those of the files' top buffers before those of instances
// (tracecmd/trace-read.c adds the instances behind all files). The order of the
// files decides last.
func (r *mergedRecord) before(o *mergedRecord) bool {
	if r.time() != o.time() {
		return r.time() < o.time()
	}
	return r.instance() == 0 && o.instance() != 0
}

// together prints several traces: texts one after the other, then the events of
// the binary ones merged. Each trace is read by a coroutine that stops at every
// record, and at its end until all is printed.
func (c *cat) together(ctx context.Context, traces []cli.Trace) error {
	var names []string
	for _, tr := range traces {
		names = append(names, filepath.Base(tr.Path))
	}
	c.report = tracecmd.NewReport(names...)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(traces))
	var heads []pulledTrace
	for i, tr := range traces {
		next, stop := iter.Pull(func(yield func(mergedRecord) bool) {
			errs[i] = c.pulled(ctx, tr, yield)
		})
		defer stop() // if something panics
		head, ok := next()
		heads = append(heads, pulledTrace{head, ok, next, stop})
		if cli.Status(errs[i]) == cli.ExitUsage {
			cancel() // ends those that have begun
			return errs[i]
		}
	}
	c.merge(slices.Clone(heads))
	c.events.close()
	cancel()
	for _, h := range heads {
		h.stop()
	}
	return cli.Worst(errs)
}

// pulled reads a trace whose records are pulled.
func (c *cat) pulled(ctx context.Context, tr cli.Trace, yield func(mergedRecord) bool) error {
	if c.rows == nil {
		return c.read(ctx, tr, func(src *eventSource) analysis.State { return &pulledEvents{src: src, yield: yield} })
	}
	state := &pulledEvents{src: &eventSource{}, yield: yield}
	return c.readRows(ctx, tr, func(s *sendText) { state.put(mergedRecord{src: state.src, text: s}) })
}

// A pulledTrace is a trace that stands at a record.
type pulledTrace struct {
	mergedRecord
	ok   bool
	next func() (mergedRecord, bool)
	stop func()
}

// merge passes the records of several traces on in their order.
func (c *cat) merge(heads []pulledTrace) {
	for {
		heads = slices.DeleteFunc(heads, func(h pulledTrace) bool { return !h.ok || h.src == nil })
		if len(heads) == 0 {
			return
		}
		for {
			h := least(heads)
			switch {
			case h.text != nil:
				c.printText(h.text)
			case h.lost != nil:
				c.events.lost(h.src, h.lost)
			default:
				c.events.event(h.src, h.event)
			}
			h.mergedRecord, h.ok = h.next()
			if !h.ok || h.src == nil {
				break
			}
		}
	}
}

// least is the trace whose record comes first.
func least(heads []pulledTrace) *pulledTrace {
	least := &heads[0]
	for i := range heads[1:] {
		if heads[i+1].before(&least.mergedRecord) {
			least = &heads[i+1]
		}
	}
	return least
}

// pulledEvents hands records to whoever pulls them.
type pulledEvents struct {
	src   *eventSource
	yield func(mergedRecord) bool
	ended bool // nobody pulls any more
}

// Event implements analysis.State.
func (s *pulledEvents) Event(e *trace.Event) { s.put(mergedRecord{src: s.src, event: e}) }

// Lost implements analysis.State.
func (s *pulledEvents) Lost(l *trace.Lost) { s.put(mergedRecord{src: s.src, lost: l}) }

// End implements analysis.State.
func (s *pulledEvents) End(analysis.Span) { s.put(mergedRecord{}) }

func (s *pulledEvents) put(r mergedRecord) { s.ended = s.ended || !s.yield(r) }
