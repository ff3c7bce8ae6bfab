// Package timeline puts sends, hits and requests and what they led to on the
// timeline of each CPU, for viewers of traces.
package timeline

import (
	"container/heap"
	"fmt"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Config says what is shown and who gets it.
type Config struct {
	Isolated *cpumask.Mask // nil: every CPU
	Counts   func(*trace.Event) bool
	Catalog  *catalog.Catalog
	// Mark receives each mark; it is valid during the call.
	Mark func(*result.Mark) error
}

// A State makes the marks of one trace.
type State struct {
	cfg     Config
	table   *trace.Table
	attr    *track.Attributor
	records *track.Records
	queue   queue
	came    uint64
	mark    result.Mark
	err     error
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg, table: t, attr: track.NewAttributor(cfg.Catalog, t)}
	s.records = track.NewRecords(t, track.RecordsConfig{
		Config:  track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Attribution: s.attr},
		Hit:     s.hit,
		Send:    s.send,
		Request: s.request,
		Run:     s.run,
		Unsent:  s.unsent,
		Noise:   s.noise,
		Report:  s.reported,
	})
	return s
}

var _ analysis.Selective = (*State)(nil)

var _ analysis.Witness = (*State)(nil)

// Testify implements analysis.Witness.
func (s *State) Testify(in *result.Input) { s.records.Testify(in) }

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want { return track.DeliveryWants() }

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) { s.records.Event(e) }

// Lost implements analysis.State.
func (s *State) Lost(l *trace.Lost) {
	s.records.Lost(l)
	lost := *l
	s.put(item{start: l.Time, end: l.Time, rank: rankLost, draw: func() { s.drawLost(&lost) }})
}

// End implements analysis.State.
func (s *State) End(analysis.Span) {
	s.records.End()
	for len(s.queue) > 0 {
		s.draw()
	}
}

// Err is the first error that Mark returned, or that the marks cannot be told;
// none were handed out after it.
func (s *State) Err() error {
	if s.err != nil {
		return s.err
	}
	return s.records.Err()
}

// An item waits for its turn in the order of marks.
type item struct {
	start, end trace.Time
	rank       rank
	came       uint64
	draw       func()
}

// A rank orders what has equal times: causes first, outer work before inner.
type rank uint8

const (
	rankLost rank = iota
	rankSample
	rankNoise
	rankRequest
	rankSend
	rankInterrupt
	rankFunction
)

// maxQueued is how far marks are put in order: records come in the order of
// their sends, and interrupts that lie near to each other in another one.
const maxQueued = 1 << 12

func (s *State) put(i item) {
	s.came++
	i.came = s.came
	heap.Push(&s.queue, i)
	if len(s.queue) > maxQueued {
		s.draw()
	}
}

func (s *State) draw() {
	i := heap.Pop(&s.queue).(item)
	if s.err == nil {
		i.draw()
	}
}

// A queue is a heap of items: earlier ones first, of these the longer.
type queue []item

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	a, b := &q[i], &q[j]
	if a.start != b.start {
		return a.start < b.start
	}
	if a.end != b.end {
		return a.end > b.end
	}
	if a.rank != b.rank {
		return a.rank < b.rank
	}
	return a.came < b.came
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(item)) }
func (q *queue) Pop() any {
	last := len(*q) - 1
	i := (*q)[last]
	(*q)[last] = item{}
	*q = (*q)[:last]
	return i
}

func (s *State) isolated(cpu int32) bool {
	return cpu >= 0 && (s.cfg.Isolated == nil || s.cfg.Isolated.Has(int(cpu)))
}

// begin starts the next mark. Without an end it is a moment.
func (s *State) begin(category string, cpu int32, name trace.NameID, start, end trace.Time) *result.Mark {
	m := &s.mark
	*m = result.Mark{
		CPU: cpu, Isolated: s.isolated(cpu), Category: category, Name: s.table.NameOf(name), Start: int64(start), End: int64(end),
		From: m.From[:0], To: m.To[:0], Args: m.Args[:0],
	}
	if end == track.Never {
		m.Moment, m.End = true, m.Start
	}
	return m
}

func (s *State) emit() { s.err = s.cfg.Mark(&s.mark) }

// text adds an argument; an empty one says nothing.
func (s *State) text(name, value string) {
	if value != "" {
		s.mark.Args = append(s.mark.Args, result.Field{Name: name, Value: result.Str(value)})
	}
}

func (s *State) named(name string, id trace.NameID) { s.text(name, s.table.NameOf(id)) }

func (s *State) number(name string, n int64) {
	s.mark.Args = append(s.mark.Args, result.Field{Name: name, Value: result.Int(n)})
}

// flag adds an argument that is there only if it is so.
func (s *State) flag(name string, is bool) {
	if is {
		s.number(name, 1)
	}
}

// between adds the time between two events if both are known.
func (s *State) between(name string, from, to trace.Time) {
	if from != track.Never && to != track.Never {
		s.number(name, int64(to-from))
	}
}

// stack adds the frames of a stack, and what they say; without one the cause
// that the callsite tells.
func (s *State) stack(id trace.StackID, callsite trace.NameID) {
	facts := s.attr.Facts(id, callsite)
	if id == 0 {
		if s.table.NameOf(facts.Cause) != track.NoStack {
			s.named("cause", facts.Cause)
		}
		return
	}
	s.named("cause", facts.Cause)
	s.named("mechanism", facts.Mechanism)
	s.named("entry", facts.Entry)
	s.mark.Stack = facts.Frames
}

func (s *State) drawLost(l *trace.Lost) {
	m := s.begin(result.MarkLost, l.CPU, 0, l.Time, track.Never)
	m.Name = "events lost"
	if l.N > 0 {
		m.Name = fmt.Sprintf("%d events lost", l.N)
	}
	s.named("instance", l.Instance)
	s.emit()
}
