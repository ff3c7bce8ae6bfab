package track_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestWants leaves out of recordings what track.Wants allows to leave out: the
// sends must be the same, with the same stacks.
func TestWants(t *testing.T) {
	for _, path := range []string{
		"k612s4-12b-all-stack/trace.dat",
		"k612s4-07-lost/trace.dat",
		"karm64s4-21-ipi-all/trace.dat", // ipi_raise
	} {
		t.Run(path, func(t *testing.T) {
			whole, n := described(t, open(t, path))
			thin := &thinned{Source: open(t, path), waiting: map[int32][]trace.Context{}}
			part, m := described(t, thin)
			if len(whole) == 0 || m*2 > n {
				t.Fatalf("%d sends, %d of %d events left: this tests nothing", len(whole), m, n)
			}
			if diff := cmp.Diff(whole, part); diff != "" {
				t.Errorf("-of all events +of those that are read:\n%s", diff)
			}
		})
	}
}

// TestEventNames: what is looked for exists, and what is recorded for Sends is looked
// at by it.
func TestEventNames(t *testing.T) {
	wants := track.Wants().Events
	for _, name := range slices.Concat(wants, track.BracketEvents(), track.NoiseEvents(), track.ArrivalEvents()) {
		if !events.IsKnown(name) {
			t.Errorf("%q is no known event", name)
		}
	}
	for _, name := range append(track.SendEvents(), track.ReasonEvents()...) {
		if !slices.Contains(wants, name) && name != "kernel_stack" { // those come with the sends
			t.Errorf("%s is recorded and not looked at", name)
		}
	}
}

// described returns what is told of each send, and how many events were read.
func described(t *testing.T, src trace.Source) (sends []string, events int) {
	t.Helper()
	c := &collector{t: src.Table()}
	c.Sends = track.NewSends(src.Table(), track.Config{Send: func(w *track.Send) {
		var stack []string
		for _, f := range c.t.StackOf(w.Stack) {
			stack = append(stack, c.t.SymbolOf(f).Name)
		}
		for _, h := range w.Hits {
			c.lines = append(c.lines, fmt.Sprint(w.Time, w.CPU, w.PID, h.Target, c.t.NameOf(h.Function), h.Evidence, h.Requests, stack))
		}
	}})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, c)
	if err != nil {
		t.Fatal(err)
	}
	return c.lines, int(st.Events)
}

// thinned leaves out events that are not read, unless they are the first of
// their CPU behind one whose stack may still come.
type thinned struct {
	trace.Source
	waiting map[int32][]trace.Context // by CPU, for a stack
}

func (s *thinned) Scan() bool {
	want := track.Wants()
	for s.Source.Scan() {
		switch r := s.Record().(type) {
		case *trace.Lost:
			s.waiting[r.CPU] = nil
			return true
		case *trace.Event:
			waited := len(s.waiting[r.CPU]) > 0
			if r.Schema().IsStack {
				if waited {
					return true
				}
				continue
			}
			s.waiting[r.CPU] = slices.DeleteFunc(s.waiting[r.CPU], func(c trace.Context) bool { return !r.Context().Interrupts(c) })
			if slices.Contains(want.Stacks, r.Schema().Name) {
				s.waiting[r.CPU] = append(s.waiting[r.CPU], r.Context())
			}
			if waited || slices.Contains(want.Events, r.Schema().Name) {
				return true
			}
		default:
			return true
		}
	}
	return false
}
