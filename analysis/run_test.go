package analysis

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// sec is a second on the clock of the test's traces.
const sec = trace.Time(1e9)

// sample is a State that wants some events.
type sample struct {
	want    trace.Want
	times   []trace.Time
	skipped uint64
	span    Span
}

func (s *sample) Event(e *trace.Event) { s.times = append(s.times, e.Time) }
func (s *sample) Lost(*trace.Lost)     {}
func (s *sample) End(span Span)        { s.span = span }
func (s *sample) Wants() trace.Want    { return s.want }

// tallying counts what it does not want.
type tallying struct{ sample }

func (s *tallying) Skipped(k *trace.Skipped) { s.skipped += k.N }

// greedy is a State that does not say what it wants.
type greedy struct{ times []trace.Time }

func (g *greedy) Event(e *trace.Event) { g.times = append(g.times, e.Time) }
func (g *greedy) Lost(*trace.Lost)     {}
func (g *greedy) End(Span)             {}

// hinted is a Source that keeps its Hint, with records of its own in front.
type hinted struct {
	trace.Source
	got   trace.Hint
	first []trace.Record
	now   trace.Record
}

func (h *hinted) Hint(x trace.Hint) { h.got = x }

func (h *hinted) Scan() bool {
	if h.now = nil; len(h.first) > 0 {
		h.now, h.first = h.first[0], h.first[1:]
		return true
	}
	return h.Source.Scan()
}

func (h *hinted) Record() trace.Record {
	if h.now != nil {
		return h.now
	}
	return h.Source.Record()
}

// wrapped is a Source around another one.
type wrapped struct{ trace.Source }

func (w wrapped) Unwrap() trace.Source { return w.Source }

// TestHint: a source is told what all states together look at.
func TestHint(t *testing.T) {
	a := &sample{want: trace.Want{Events: []string{"a"}, Stacks: []string{}}}
	b := &sample{want: trace.Want{Events: []string{"b", "c"}, Stacks: []string{"b"}}}
	noStacks := &sample{want: trace.Want{Stacks: []string{}}}
	for _, tt := range []struct {
		name    string
		states  []State
		want    trace.Want
		byEvent bool
	}{
		{"one", []State{a}, a.want, false},
		{"two", []State{a, b}, trace.Want{Events: []string{"a", "b", "c"}, Stacks: []string{"b"}}, false},
		{"all events of one", []State{a, noStacks}, trace.Want{Stacks: []string{}}, false},
		{"one that does not say", []State{a, &greedy{}}, trace.Want{}, false},
		{"none", nil, trace.Want{}, false},
		{"a tallier", []State{&tallying{*a}}, a.want, true},
	} {
		src := &hinted{Source: tracetest.Parse("")}
		window := trace.Window{From: 1, To: 2}
		o := Options{Select: trace.Selection{Events: []string{"x"}}, Window: &window}
		if _, err := Run(context.Background(), wrapped{src}, o, tt.states...); err != nil {
			t.Fatal(err)
		}
		h := src.got
		if !equal(h.Want.Events, tt.want.Events) || !equal(h.Want.Stacks, tt.want.Stacks) || h.ByEvent != tt.byEvent {
			t.Errorf("%s: the source is asked for %+v", tt.name, h)
		}
		if !slices.Equal(h.Select.Events, o.Select.Events) || h.Window != o.Window {
			t.Errorf("%s: the selection is lost: %+v", tt.name, h)
		}
	}
}

// equal tells nil, which is all, from none.
func equal(a, b []string) bool { return (a == nil) == (b == nil) && slices.Equal(a, b) }

// TestSkipped: what a source passed over counts as if it had been seen.
func TestSkipped(t *testing.T) {
	src := &hinted{
		Source: tracetest.Parse("at 5.0 cpu 1 a x=1\nat 8.0 cpu 1 b x=1"),
		first: []trace.Record{
			&trace.Skipped{N: 7, Any: true, First: 2 * sec, Last: 9 * sec},
			&trace.Skipped{}, // progress
			&trace.Skipped{Any: true, First: 1 * sec, Last: 11 * sec}, // outside the window
		},
	}
	s := &tallying{sample{want: trace.Want{Events: []string{"a", "b"}}}}
	ticks := 0
	st, err := Run(context.Background(), src, Options{Window: &trace.Window{From: 0, To: 10 * sec}, Tick: func() error { ticks++; return nil }}, s)
	if err != nil {
		t.Fatal(err)
	}
	if st.Events != 9 || st.Span != (Span{First: 1 * sec, Last: 10 * sec}) || s.span != st.Span {
		t.Errorf("%+v, want 9 events from 1 to 10 s", st)
	}
	if s.skipped != 7 || len(s.times) != 2 || ticks != 3 {
		t.Errorf("%d skipped, %d events, %d ticks", s.skipped, len(s.times), ticks)
	}
}

// TestCancel: a run ends between two events, also while nothing but skipping
// goes on.
func TestCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	src := &hinted{Source: tracetest.Parse("at 5.0 cpu 1 a x=1"), first: []trace.Record{&trace.Skipped{}}}
	s := &greedy{}
	if _, err := Run(ctx, src, Options{}, s); !errors.Is(err, context.Canceled) || len(s.times) != 0 {
		t.Errorf("%v, %d events", err, len(s.times))
	}
}

// TestSelect: what does not take part is not counted, whether the source leaves
// it out or not.
func TestSelect(t *testing.T) {
	src := tracetest.Parse("at 1.0 cpu 0 a x=1\nat 2.0 cpu 1 a x=1\nat 3.0 cpu 1 b x=1")
	s := &greedy{}
	st, err := Run(context.Background(), src, Options{Select: trace.Selection{Events: []string{"a"}}}, s)
	if err != nil || st.Events != 2 || st.Span != (Span{First: 1 * sec, Last: 2 * sec}) || len(s.times) != 2 {
		t.Errorf("%+v, %v", st, err)
	}
}

// TestCountedLosses: what found the buffer full with overwrite=0, and what an
// interrupted write took the place of, is lost though no page says so
// (kernel/trace/ring_buffer.c, dropped_events and commit_overrun).
func TestCountedLosses(t *testing.T) {
	const script = "at 1.0 cpu 0 a x=1\nat 2.0 cpu 1 a x=1\n"
	counters := []trace.CPUStat{{CPU: 0, Overrun: 100, DroppedEvents: 10}, {CPU: 1, Instance: "isol", CommitOverrun: 1}}
	top := ""
	one := &cpumask.Mask{}
	one.Set(1)
	for _, tt := range []struct {
		name   string
		script string
		o      Options
		want   uint64
	}{
		{"the marks are gone", script, Options{}, 111},
		{"the marks are there", script + "lost cpu 0 at 2.5 n 100\nat 2.5 cpu 0 a x=1", Options{}, 111},
		{"a window does not leave them out", script, Options{Window: &trace.Window{From: 0, To: 3 * sec}}, 11},
		{"one CPU", script, Options{Select: trace.Selection{CPUs: one}}, 1},
		{"one buffer", script, Options{Select: trace.Selection{Instance: &top}}, 110},
	} {
		src := tracetest.Parse(tt.script)
		src.Table().Meta.CPUStats = counters
		st, err := Run(context.Background(), src, tt.o, &greedy{})
		if err != nil || st.Lost != tt.want {
			t.Errorf("%s: %d lost, want %d, %v", tt.name, st.Lost, tt.want, err)
		}
	}
}

// waiting is a State that is told the time.
type waiting struct {
	sample
	marks []trace.Time
}

func (w *waiting) Now(t trace.Time) { w.marks = append(w.marks, t) }

// TestRunTellsTheTime: states that wait learn how far a live source is, and nobody
// else is bothered.
func TestRunTellsTheTime(t *testing.T) {
	src := tracetest.Parse("at 1.0 cpu 0 x\nuntil at 2.0\nuntil at 3.0\nat 3.5 cpu 1 x")
	w, other := &waiting{}, &sample{}
	st, err := Run(context.Background(), src, Options{}, other, w)
	if err != nil || !slices.Equal(w.marks, []trace.Time{2 * sec, 3 * sec}) || st.Events != 2 || len(other.times) != 2 || st.Last != 3*sec+sec/2 {
		t.Errorf("%v, marks %v, %+v", err, w.marks, st)
	}
}
