package main

import (
	"fmt"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/perftext"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// sendLines keep the lines of sends, and of the stacks that belong to them, until it
// is known what the sends are: that shows later, by their stack or by what their
// targets run.
type sendLines struct {
	head  string // what stands before all
	event func(dst []byte, e *trace.Event) []byte
	lost  func(dst []byte, l *trace.Lost) []byte
	now   *trace.Event // the one that is being taken
	queue []*sendText  // in the order of the trace, from first on
	first int
	free  []*sendText
	last  uint64 // serial of the newest
}

// A sendText is a send, or a gap in the events, as it is printed. A gap has the serial
// of the send before it.
type sendText struct {
	serial      uint64
	time        trace.Time
	instance    trace.NameID
	line, stack []byte
	isLost      bool
}

// text is the send with its stack.
func (s *sendText) text() []byte { return append(s.line, s.stack...) }

// newSendLines prints the events of a trace as cat does: the lines of a text as they
// are, others as trace-cmd report and perf script print them. name stands in front of
// each event of a perf.data, if there is one.
func newSendLines(src trace.Source, report *tracecmd.Report, file, name string, form tracecmd.Options) (*sendLines, error) {
	if lines, ok := trace.As[trace.Texter](src); ok {
		return &sendLines{
			event: func(dst []byte, _ *trace.Event) []byte { return append(dst, lines.Raw()...) },
			lost:  func(dst []byte, _ *trace.Lost) []byte { return append(dst, lines.Raw()...) },
		}, nil
	}
	events, ok := trace.As[tracecmd.Source](src)
	if !ok {
		return nil, fmt.Errorf("%s: %s cannot be printed", src.Table().Meta.Path, src.Table().Meta.Format)
	}
	events.ExpectNames()
	p := report.Printer(file, events.Table(), events, form)
	if perf, ok := trace.As[perftext.Source](src); ok && !form.Latency && !form.Raw {
		pp := perftext.New(perf, p, name, form.Nanoseconds)
		return &sendLines{event: pp.AppendEvent, lost: pp.AppendLost}, nil
	}
	return &sendLines{
		head:  string(p.AppendHead(nil)),
		event: func(dst []byte, e *trace.Event) []byte { return p.AppendEvent(dst, e, nil) },
		lost:  p.AppendLost,
	}, nil
}

// take lets records take an event, and keeps its lines if they find a send or the stack
// of one in it.
func (k *sendLines) take(r *track.Records, e *trace.Event) {
	k.now = e
	r.Event(e)
	k.now = nil
}

// began keeps the event of a send.
func (k *sendLines) began(serial uint64) {
	s := k.add(serial)
	s.time, s.instance = k.now.Time, k.now.Instance
	s.line = k.event(s.line, k.now)
	k.last = serial
}

// stacked keeps the stack of a send.
func (k *sendLines) stacked(serial uint64) {
	for i := len(k.queue) - 1; i >= k.first; i-- {
		if s := k.queue[i]; s.serial == serial && !s.isLost {
			s.stack = k.event(s.stack[:0], k.now)
			return
		}
	}
}

// gap keeps the line of a gap in its place.
func (k *sendLines) gap(l *trace.Lost) {
	s := k.add(k.last)
	s.time, s.instance, s.isLost = l.Time, l.Instance, true
	s.line = k.lost(s.line, l)
}

func (k *sendLines) add(serial uint64) *sendText {
	if k.first > 256 && 2*k.first > len(k.queue) {
		n := copy(k.queue, k.queue[k.first:])
		k.queue, k.first = k.queue[:n], 0
	}
	s := &sendText{}
	if n := len(k.free); n > 0 {
		s, k.free = k.free[n-1], k.free[:n-1]
	}
	*s = sendText{serial: serial, line: s.line[:0], stack: s.stack[:0]}
	k.queue = append(k.queue, s)
	return s
}

// pass hands on what was kept up to a send: the gaps, and the send itself if it was
// chosen. Each is valid during the call.
func (k *sendLines) pass(serial uint64, chosen bool, emit func(*sendText)) {
	for k.first < len(k.queue) && k.queue[k.first].serial <= serial {
		s := k.queue[k.first]
		k.first++
		if s.isLost || chosen && s.serial == serial {
			emit(s)
		}
		k.free = append(k.free, s)
	}
}
