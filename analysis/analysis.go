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

// Scope says what an analyzer's state is keyed by, and with that which parts of
// a trace may be analyzed apart and merged.
type Scope uint8

const (
	// ScopeEvent: every event counts for itself; any split is legal.
	ScopeEvent Scope = iota
	// ScopeCPU: events of one CPU depend on one another; CPUs may be split.
	ScopeCPU
	// ScopeTask: events of one task depend on one another.
	ScopeTask
	// ScopeTrace: the whole order matters; only whole traces may be merged.
	ScopeTrace
)

// An Analyzer describes one analysis.
type Analyzer struct {
	Name  string
	Doc   string // first sentence stands alone
	Scope Scope
	Needs Needs
}

// Needs names the events an analyzer reads. Without one of All, or of Any if
// that is not empty, it has nothing to say.
type Needs struct {
	All, Any, Optional []string
}

// A State is what an analyzer keeps while it reads one trace. It does not keep
// the events it is given.
type State interface {
	Event(*trace.Event)
	Lost(*trace.Lost)
	// End is called once after the last record, with the time that the
	// records cover.
	End(Span)
}

// A Span is a stretch of trace time, both ends included.
type Span struct{ First, Last trace.Time }

// Duration is the length of the span in units of the trace's clock.
func (s Span) Duration() int64 { return int64(s.Last - s.First) }

// Stats counts what went by.
type Stats struct {
	Events       uint64
	Lost         uint64
	LostUnknown  bool
	SyntaxErrors uint64
	// Span is the time covered: from the first to the last event, and of that
	// what lies in the window.
	Span
}

// A Window cuts a trace in time. Both ends are included.
type Window struct {
	From, To trace.Time
}

// All is the window that cuts nothing.
func All() Window { return Window{math.MinInt64, math.MaxInt64} }

// Has reports whether t lies in the window.
func (w Window) Has(t trace.Time) bool { return t >= w.From && t <= w.To }

// Options of Run.
type Options struct {
	// Keep reports whether an event takes part; nil keeps all.
	Keep func(*trace.Event) bool
	// Window is the time to look at; nil is all of it.
	Window *Window
	// Syntax is called for every part of the input that was not understood;
	// nil ignores them. The record is not to be kept.
	Syntax func(*trace.SyntaxError)
	// Tick is called now and then with the number of records read so far.
	Tick func(records uint64)
}

// tickEvery is how often Run looks at its context, in records.
const tickEvery = 1 << 14

// Run feeds all of src to the states. It returns the context's error when it
// was cancelled and that of the source if it could not be read to its end; the
// states are valid in either case and hold what was read.
func Run(ctx context.Context, src trace.Source, o Options, states ...State) (Stats, error) {
	window := All()
	if o.Window != nil {
		window = *o.Window
	}
	var st Stats
	var seen extent // of all events, those outside the window too
	var n uint64
	var err error
	for src.Scan() {
		if n++; n%tickEvery == 0 {
			if o.Tick != nil {
				o.Tick(n)
			}
			if err = ctx.Err(); err != nil {
				break
			}
		}
		switch r := src.Record().(type) {
		case *trace.Event:
			if o.Keep != nil && !o.Keep(r) {
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
			for _, s := range states {
				s.Lost(r)
			}
		case *trace.SyntaxError:
			st.SyntaxErrors++
			if o.Syntax != nil {
				o.Syntax(r)
			}
		}
	}
	st.Span = seen.within(window)
	for _, s := range states {
		s.End(st.Span)
	}
	if err == nil {
		err = src.Err()
	}
	return st, err
}

// An extent is the span of the times added to it. Text that was pasted together
// need not be in order.
type extent struct {
	Span
	any bool
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
func (x *extent) within(w Window) Span {
	if !x.any || x.Last < w.From || x.First > w.To {
		return Span{}
	}
	return Span{max(x.First, w.From), min(x.Last, w.To)}
}

// Input describes a source and what Run counted in it.
func (st Stats) Input(m *trace.Meta, err error) result.Input {
	return result.Input{
		Path: m.Path, Format: m.Format, Tool: m.Tool, Kernel: m.Kernel, Host: m.Host, Clock: m.Clock, CPUs: m.CPUs,
		Events: st.Events, Lost: st.Lost, LostUnknown: st.LostUnknown, SyntaxErrors: st.SyntaxErrors,
		First: int64(st.First), Last: int64(st.Last), Ticks: m.ClockUnit == "ticks", Incomplete: err != nil,
	}
}
