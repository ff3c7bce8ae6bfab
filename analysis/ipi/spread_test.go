package ipi

import (
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestSpreadAllocs: a hit and an event cost no memory once their CPUs are known.
func TestSpreadAllocs(t *testing.T) {
	var x spread
	at, send := trace.Time(0), uint64(0)
	hit := func() {
		send++
		x.hit(int32(send%4), at, track.Never, send)
		at += 1e6
	}
	for range 1000 { // the histograms are there then
		hit()
	}
	if n := testing.AllocsPerRun(1000, hit); n != 0 {
		t.Errorf("%v allocations a hit", n)
	}
	var l losses
	e := &trace.Event{CPU: 3}
	l.event(e)
	if n := testing.AllocsPerRun(1000, func() { e.Time++; l.event(e) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

// TestSpreadHits: a second without hits, a loss, and a send with two targets.
func TestSpreadHits(t *testing.T) {
	var x spread
	second := trace.Time(nsPerSecond)
	x.hit(1, second/2, track.Never, 1) // in a second that is not whole
	x.hit(0, second, track.Never, 2)
	x.hit(1, second, track.Never, 2)
	x.hit(0, second+5, track.Never, 3)
	x.hit(0, 3*second, 2*second, 4)     // events were lost before 2 s
	x.hit(0, 3*second+7, 2*second, 5)   // not since
	x.hit(0, 4*second+100, 2*second, 6) // in the last second, which is not whole
	whole := wholeSeconds(analysis.Span{First: second / 2, Last: 4*second + 200})
	if whole != (secondRange{1, 4}) {
		t.Errorf("whole seconds %v", whole)
	}
	x.end(whole)
	x.quietSeconds(2, 3)
	for name, got := range map[string][]int64{
		"gaps":    {int64(x.Gaps.Count()), x.Gaps.Quantile(0), x.Gaps.Quantile(0.5), x.Gaps.Max()},
		"seconds": {int64(x.Seconds.Count()), x.Seconds.Quantile(0.5), x.Seconds.Max()},
		"targets": {int64(x.Targets.Count()), x.Targets.Quantile(0.5), x.Targets.Max()},
	} {
		want := map[string][]int64{"gaps": {4, 5, 7, int64(second) + 93}, "seconds": {6, 0, 2}, "targets": {6, 1, 2}}[name]
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: %v, want %v", name, got, want)
				break
			}
		}
	}
}
