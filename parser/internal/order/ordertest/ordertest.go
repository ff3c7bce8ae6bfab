// Package ordertest holds the readers of texts to what they owe: a text of which a
// part is taken away, or changes its place, does not read like a whole one.
package ordertest

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// jitter is how far times go back in rounding.
const jitter = 20_000

// A Source is read by Reading. Ordered says whether its times are to go on within
// each CPU; those that count from event to event are not.
type Source struct {
	trace.Source
	Ordered func() bool
}

// Reading is what a text holds, and whether it is said that something is wrong.
// Time never goes back within a CPU without that.
func Reading(t testing.TB, s Source) (events []string, said bool) {
	last := map[int32]trace.Time{}
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			if s.Ordered() && r.Time < last[r.CPU]-jitter {
				t.Fatalf("time goes back on CPU %d from %d to %d, and nothing is said", r.CPU, last[r.CPU], r.Time)
			}
			last[r.CPU] = r.Time
			events = append(events, fmt.Sprintf("%d %d %d %s %q %d", r.Time, r.CPU, r.PID, r.Schema().Name, r.Payload(), len(s.Table().StackOf(r.Stack()))))
		case *trace.Restart:
			clear(last)
			said = true
		default:
			said = true
		}
	}
	return events, said || s.Err() != nil
}

// Cut cuts a text in which nothing is wrong within a line: its events are those of
// the whole one, or it is said that something is wrong.
func Cut(t testing.TB, text []byte, open func(text []byte) Source) {
	want, said := Reading(t, open(text))
	if said || len(want) == 0 {
		return
	}
	h := fnv.New64a()
	h.Write(text)
	rng := rand.New(rand.NewPCG(18, h.Sum64())) // the same places each time
	for range 4 {
		part := text[:1+rng.IntN(len(text))]
		if part[len(part)-1] == '\n' {
			continue // whole lines: nothing tells that others are missing
		}
		if got, said := Reading(t, open(part)); !said && !slices.Equal(got, want) {
			t.Fatalf("cut to %d of %d bytes, and nothing is said:\n%q", len(part), len(text), part)
		}
	}
}
