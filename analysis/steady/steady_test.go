package steady_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/steady"
	"github.com/ipiscope/ipiscope/parser/trace"
)

const (
	ms = 1_000_000
	s  = 1000 * ms
)

// A train is sends at a rate from one time to another, ns. Sends come at random
// as those of many tasks do (a Poisson process), or evenly.
type train struct {
	from, to int64
	perSec   float64
	even     bool
}

func times(trains ...train) []int64 {
	r := rand.New(rand.NewPCG(1, 2))
	var all []int64
	for _, tr := range trains {
		for at := float64(tr.from); ; {
			gap := 1e9 / tr.perSec
			if !tr.even {
				gap *= r.ExpFloat64()
			}
			if at += gap; at >= float64(tr.to) {
				break
			}
			all = append(all, int64(at))
		}
	}
	slices.Sort(all)
	return all
}

// cut runs the analysis over sends at these times, with other events at the
// edges and one of them each 10 ms.
func cut(t *testing.T, first, last int64, sends []int64) steady.Cut {
	t.Helper()
	var all []event
	for at := first; at < last; at += 10 * ms {
		all = append(all, event{at, "sched_wakeup"})
	}
	all = append(all, event{last, "sched_wakeup"})
	kinds := []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"}
	for i, at := range sends {
		all = append(all, event{at, kinds[i%3]})
	}
	slices.SortStableFunc(all, func(a, b event) int { return int(a.at - b.at) })
	src := newSource(all)
	state := steady.New()
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, state); err != nil {
		t.Fatal(err)
	}
	return state.Cut()
}

// near allows a stretch (1/64 of the trace) and a bin at each end.
func near(got, want int64, length int64) bool {
	d := got - want
	return d >= -length/50 && d <= length/50
}

func TestCut(t *testing.T) {
	const end = 20 * s
	for _, tt := range []struct {
		name       string
		trains     []train
		start, end int64 // what is cut
	}{
		{"steady and even", []train{{0, end, 100, true}}, 0, 0},
		{"steady and random", []train{{0, end, 100, false}}, 0, 0},
		{"a burst at the start", []train{{0, end, 100, false}, {0, 1 * s, 900, false}}, 1 * s, 0},
		{"a burst at the end", []train{{0, end, 100, false}, {18 * s, end, 900, false}}, 0, 2 * s},
		{"bursts at both ends", []train{{0, end, 100, false}, {0, 1500 * ms, 900, false}, {19 * s, end, 900, false}}, 1500 * ms, 1 * s},
		{"silence at both ends", []train{{2 * s, 17 * s, 100, true}}, 2 * s, 3 * s},
		{"a short burst where the recorder stops", []train{{0, end, 100, true}, {end - 50*ms, end, 4000, false}}, 0, 50 * ms},
		{"bursts in the middle are no ends", []train{{0, end, 100, true}, {9 * s, 10 * s, 2000, false}}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			// traces do not begin at 0, and how long they are shows at their end
			for _, offset := range []int64{0, 5 * s, 12345*s + 678901} {
				sends := times(tt.trains...)
				for i := range sends {
					sends[i] += offset
				}
				c := cut(t, offset, offset+end, sends)
				if c.TooFewSends || c.Unsteady || !near(c.Start, tt.start, end) || !near(c.End, tt.end, end) {
					t.Fatalf("cut %v and %v ms, want %v and %v: %+v", c.Start/ms, c.End/ms, tt.start/ms, tt.end/ms, c)
				}
				if (c.Start == 0) != (tt.start == 0) || (c.End == 0) != (tt.end == 0) {
					t.Errorf("cut %d and %d ns, want %d and %d", c.Start, c.End, tt.start, tt.end)
				}
				if int64(c.Window.From) != offset+c.Start || int64(c.Window.To) != offset+end-c.End {
					t.Errorf("the window is %v, cut were %d and %d ns", c.Window, c.Start, c.End)
				}
				checkSends(t, c, sends)
			}
		})
	}
}

// checkSends holds the numbers of sends in what is cut against the times.
func checkSends(t *testing.T, c steady.Cut, sends []int64) {
	t.Helper()
	var before, behind uint64
	for _, at := range sends {
		if at < int64(c.Window.From) {
			before++
		}
		if c.End > 0 && at >= int64(c.Window.To) {
			behind++
		}
	}
	if c.StartSends != before || c.EndSends != behind {
		t.Errorf("says that %d and %d sends are cut; there are %d and %d", c.StartSends, c.EndSends, before, behind)
	}
}

func TestNotCut(t *testing.T) {
	const end = 20 * s
	uncut := func(t *testing.T, c steady.Cut) {
		t.Helper()
		if c.Start != 0 || c.End != 0 || c.Window != (trace.Window{From: 0, To: end}) {
			t.Errorf("something was cut: %+v", c)
		}
	}
	t.Run("too few", func(t *testing.T) {
		c := cut(t, 0, end, times(train{0, end, 9, true})) // 179 sends
		if !c.TooFewSends {
			t.Errorf("%+v", c)
		}
		uncut(t, c)
	})
	t.Run("just enough", func(t *testing.T) {
		c := cut(t, 0, end, times(train{0, end, 10.5, true}))
		if c.TooFewSends {
			t.Errorf("%+v", c)
		}
		uncut(t, c)
	})
	t.Run("no events", func(t *testing.T) {
		state := steady.New()
		if _, err := analysis.Run(context.Background(), newSource(nil), analysis.Options{}, state); err != nil {
			t.Fatal(err)
		}
		if c := state.Cut(); !c.TooFewSends || c.Window != (trace.Window{}) {
			t.Errorf("%+v", c)
		}
	})
	t.Run("one moment", func(t *testing.T) {
		sends := make([]int64, 1000)
		if c := cut(t, 0, 0, sends); !c.TooFewSends || c.Start != 0 || c.End != 0 {
			t.Errorf("%+v", c)
		}
	})
	// a burst of more than a quarter of the trace is no end of it
	t.Run("unsteady", func(t *testing.T) {
		c := cut(t, 0, end, times(train{0, end, 100, true}, train{0, 6 * s, 900, false}))
		if !c.Unsteady || c.TooFewSends {
			t.Errorf("%+v", c)
		}
		uncut(t, c)
	})
	t.Run("unsteady at one end, cut at the other", func(t *testing.T) {
		c := cut(t, 0, end, times(train{0, end, 100, true}, train{0, 6 * s, 900, false}, train{19 * s, end, 900, false}))
		if !c.Unsteady || c.Start != 0 || !near(c.End, 1*s, end) {
			t.Errorf("%+v", c)
		}
	})
}

// TestEventAllocs: memory is constant however long the trace.
func TestEventAllocs(t *testing.T) {
	src := newSource([]event{{0, "sched_wakeup"}, {1, "ipi_send_cpu"}})
	src.Scan()
	a := *src.Record().(*trace.Event)
	src.Scan()
	b := *src.Record().(*trace.Event)
	state := steady.New()
	state.Event(&a)
	state.Event(&b)
	if n := testing.AllocsPerRun(1000, func() {
		a.Time += 1000 * s
		b.Time += 1000 * s
		state.Event(&a)
		state.Event(&b)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// An event is one of a source, which is made of times and names because a
// script of thousands of lines would show nothing.
type event struct {
	at   int64
	name string
}

type source struct {
	table  *trace.Table
	events []event
	next   int
	e      trace.Event
}

func newSource(events []event) *source { return &source{table: trace.NewTable(), events: events} }

func (s *source) Scan() bool {
	s.next++
	return s.next <= len(s.events)
}

func (s *source) Record() trace.Record {
	e := s.events[s.next-1]
	found := s.table.Lookup(e.name)
	if found == nil {
		s.table.AddSchema(&trace.Schema{Name: e.name})
		found = s.table.Lookup(e.name)
	}
	s.e.Reset(s.table, nil, found[0], nil)
	s.e.Time = trace.Time(e.at)
	return &s.e
}

func (s *source) Err() error          { return nil }
func (s *source) Table() *trace.Table { return s.table }
func (s *source) Close() error        { return nil }

// TestSteadyOfAnyLength: the last stretch of a trace is seldom whole. That it
// has less in it does not make it odd.
func TestSteadyOfAnyLength(t *testing.T) {
	for end := int64(8 * s); end < 24*s; end += 137 * ms {
		if c := cut(t, 0, end, times(train{0, end, 150, true})); c.Start != 0 || c.End != 0 || c.TooFewSends || c.Unsteady {
			t.Errorf("%d ms long: %+v", end/ms, c)
		}
	}
}
