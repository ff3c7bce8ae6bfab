// Package analysis turns the events of a trace into results. It reads events
// through package trace and returns package result: it does no input or output
// and knows no file format.
package analysis

import (
	"context"
	"math"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A State is what an analyzer keeps while it reads one trace. It does not keep
// the events it is given.
type State interface {
	Event(*trace.Event)
	Lost(*trace.Lost)
	// End is called once after the last record, with the time that the
	// records cover.
	End(Span)
}

// A Span is a stretch of trace time, both ends included. Gap is the time in it
// that does not count, because it lies between recordings that stand one behind
// the other in an input; it is negative where they overlap.
type Span struct{ First, Last, Gap trace.Time }

// Duration is the length of the span without its gaps, in units of the trace's
// clock, 0 or more: what is longer than there are numbers for is as long as
// there are.
func (s Span) Duration() int64 {
	d := int64(s.Last - s.First)
	switch {
	case s.Last < s.First:
		return 0
	case d < 0:
		d = math.MaxInt64
	}
	if gap := int64(s.Gap); gap >= 0 || d <= math.MaxInt64+gap {
		return max(0, d-gap)
	}
	return math.MaxInt64
}

// AddTimes adds two lengths of time. What is longer than there are numbers for is as
// long as there are.
func AddTimes(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// Stats counts what went by.
type Stats struct {
	Events       uint64
	Lost         uint64
	LostUnknown  bool
	SyntaxErrors uint64
	// Restarts is how often another recording begins; Lapsed says that events are
	// missing besides those that may lie between recordings.
	Restarts int
	Lapsed   bool
	// Span is the time covered: from the first to the last event, and of that
	// what lies in the window.
	Span
	// Whole says that the recorder vouches for the span: that what was recorded
	// and is not there did not happen. The span is then that of the recording.
	Whole bool
}

// Options of Run.
type Options struct {
	// Select says which events take part.
	Select trace.Selection
	// Window is the time to look at; nil is all of it.
	Window *trace.Window
	// Syntax is called for every part of the input that was not understood;
	// nil ignores them. The record is not to be kept.
	Syntax func(*trace.SyntaxError)
	// Tick is called now and then. An error of it ends the run.
	Tick func() error
	// Progress is where Run counts, for those who look at it meanwhile; nil if
	// nobody does.
	Progress *Progress
}

// tickEvery is how often Run looks at its context, in records.
const tickEvery = 1 << 14

// A Selective is a State that does not look at all events. It may get others
// too.
type Selective interface {
	State
	Wants() trace.Want
}

// A Tallier is a Selective that counts events by their id without looking at
// them.
type Tallier interface {
	Selective
	// Skipped is told of events within the window that it did not get.
	Skipped(*trace.Skipped)
}

// A Waiter is a State that holds back what it may learn more of. Now tells it that
// nothing that happened before t comes any more, although nothing else came since.
type Waiter interface {
	State
	Now(t trace.Time)
}

// Run feeds all of src to the states. It returns the context's error when it
// was cancelled and that of the source if it could not be read to its end; the
// states are valid in either case and hold what was read. Events that no state
// wants are counted, but the source need not deliver them.
func Run(ctx context.Context, src trace.Source, o Options, states ...State) (Stats, error) {
	window := trace.Always()
	if o.Window != nil {
		window = *o.Window
	}
	talliers := hint(src, &o, states)
	takesPart := o.Select.Test(src.Table())
	p := o.Progress
	if p == nil {
		p = &Progress{}
	}
	p.window = window
	st, seen := &p.stats, &p.seen
	var restart trace.Pos // the last one
	var err error
	for n := uint(1); err == nil && src.Scan(); n++ {
		r := src.Record()
		if _, isSkipped := r.(*trace.Skipped); isSkipped || n%tickEvery == 0 {
			if err = ctx.Err(); err == nil && o.Tick != nil {
				err = o.Tick()
			}
		}
		switch r := r.(type) {
		case *trace.Event:
			if takesPart != nil && !takesPart(r) {
				continue
			}
			seen.add(r.Time)
			if !window.Has(r.Time) {
				continue
			}
			st.Events++
			for _, s := range states {
				s.Event(r)
			}
		case *trace.Lost:
			if !window.Has(r.Time) {
				continue
			}
			st.Lost += r.N
			st.LostUnknown = st.LostUnknown || r.N == 0
			st.Lapsed = st.Lapsed || r.N > 0 || st.Restarts == 0 || r.At != restart
			for _, s := range states {
				s.Lost(r)
			}
		case *trace.SyntaxError:
			st.SyntaxErrors++
			if o.Syntax != nil {
				o.Syntax(r)
			}
		case *trace.Restart:
			seen.restart()
			st.Restarts++
			restart = r.At
			st.LostUnknown = true // nobody knows what lies between
			if o.Syntax != nil {
				o.Syntax(&trace.SyntaxError{At: r.At, Msg: r.Msg})
			}
		case *trace.Skipped:
			st.Events += r.N
			if r.Any {
				seen.add(r.First)
				seen.add(r.Last)
			}
			for _, s := range talliers {
				s.Skipped(r)
			}
		case *trace.Until:
			for _, s := range states {
				if w, ok := s.(Waiter); ok {
					w.Now(r.Time)
				}
			}
		}
	}
	if err == nil {
		err = src.Err()
	}
	meta := &src.Table().Meta
	st.addCounted(meta.CPUStats, &o)
	if c := coveredBy(meta); c != nil && err == nil && st.agrees(c, &o) {
		st.Whole = true
		seen.add(c.From)
		seen.add(c.To)
	}
	stats := p.Stats()
	for _, s := range states {
		s.End(stats.Span)
	}
	return stats, err
}

// coveredBy is the time that the recorder vouches for, nil if it does not.
func coveredBy(m *trace.Meta) *trace.Covered {
	if m.Recorded == nil {
		return nil
	}
	return m.Recorded.Covered
}

// agrees reports whether what was read is what a recorder says that it recorded
// whole: nothing was lost or is unreadable, and of a trace of which all takes part
// no event is missing.
func (st *Stats) agrees(c *trace.Covered, o *Options) bool {
	if st.Lost > 0 || st.LostUnknown || st.SyntaxErrors > 0 || o.Select.Instance != nil {
		return false
	}
	if w := o.Window; w != nil && (w.From > c.To || w.To < c.From) {
		return false
	}
	part := o.Window != nil || o.Select.CPUs != nil || o.Select.Events != nil
	return part || st.Events == c.Count
}

// addCounted adds the losses that only the kernel's counters tell of. When they
// happened is not known, so a window does not leave them out. What readers were
// too late for is marked in the data; where the whole of it has no mark the marks
// are gone, and the counters stand in.
func (st *Stats) addCounted(counters []trace.CPUStat, o *Options) {
	marked := st.Lost > 0 || st.LostUnknown || o.Window != nil
	for _, c := range counters {
		if o.Select.CPUs != nil && c.CPU >= 0 && !o.Select.CPUs.Has(c.CPU) || o.Select.Instance != nil && *o.Select.Instance != c.Instance {
			continue
		}
		st.Lost += c.Unmarked()
		if !marked {
			st.Lost += c.Overrun
		}
	}
}

// A Witness is a State that knows from the events how far its input can be
// believed. Testify is called after the end and adds what it saw to the
// description of the input.
type Witness interface {
	State
	Testify(*result.Input)
}

// A Progress is what a Run has counted so far. It may be looked at between two
// records, which is for the caller to know.
type Progress struct {
	stats  Stats
	seen   extent // of all events, those outside the window too
	window trace.Window
}

// Stats is what Run would return if the trace ended here.
func (p *Progress) Stats() Stats {
	st := p.stats
	st.Span = p.seen.within(p.window)
	return st
}

// hint tells the source what the states look at, and returns those that count
// what it passes over.
func hint(src trace.Source, o *Options, states []State) []Tallier {
	h := trace.Hint{Select: o.Select, Window: o.Window}
	var talliers []Tallier
	for i, s := range states {
		var want trace.Want // everything
		if s, ok := s.(Selective); ok {
			want = s.Wants()
		}
		if t, ok := s.(Tallier); ok {
			talliers, h.ByEvent = append(talliers, t), true
		}
		if i == 0 {
			h.Want = want
		} else {
			h.Want = h.Want.And(want)
		}
	}
	if src, ok := trace.As[trace.Hinter](src); ok {
		src.Hint(h)
	}
	return talliers
}

// An extent is the span of the times added to it. Text that was pasted together
// need not be in order.
type extent struct {
	Span
	any  bool
	done []Span // recordings that ended
}

// restart ends a recording: the time until the next one does not count.
func (x *extent) restart() {
	if x.any {
		x.done = append(x.done, x.Span)
		x.any = false
	}
}

func (x *extent) add(t trace.Time) {
	if !x.any {
		x.any = true
		x.First, x.Last = t, t
		return
	}
	x.First, x.Last = min(x.First, t), max(x.Last, t)
}

// within is the part of the extent that lies in w: a window that begins between
// two events covers the quiet time in front of the second one.
func (x *extent) within(w trace.Window) Span {
	var all extent
	counted := trace.Time(0)
	parts := x.done
	if x.any {
		parts = append(parts[:len(parts):len(parts)], x.Span)
	}
	for _, s := range parts {
		if s.Last < w.From || s.First > w.To {
			continue
		}
		first, last := max(s.First, w.From), min(s.Last, w.To)
		all.add(first)
		all.add(last)
		counted += last - first
	}
	all.Gap = all.Last - all.First - counted
	return all.Span
}

// Input describes a source and what Run counted in it.
func (st Stats) Input(m *trace.Meta, err error) result.Input {
	recordings := 0
	if st.Restarts > 0 && !st.Lapsed && st.Lost == 0 && err == nil {
		recordings = st.Restarts + 1
	}
	return result.Input{
		Path: m.Path, Format: m.Format, Tool: m.Tool, Kernel: m.Kernel, Host: m.Host, Arch: m.Arch, Clock: m.Clock, CPUs: m.CPUs,
		Events: st.Events, Recordings: recordings, Lost: st.Lost, LostUnknown: st.LostUnknown, SyntaxErrors: st.SyntaxErrors,
		First: int64(st.First), Last: int64(st.Last), Ticks: m.ClockUnit == "ticks", Incomplete: err != nil,
		Whole: st.Whole, Excerpt: m.Excerpt(), FramesLeft: m.FramesLeft, Notes: m.Notes,
	}
}
