package ipi

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestTimeline: the cells of two timelines on one ruler are what counting with
// the final width gives, and no hit gets lost.
func TestTimeline(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 300).Draw(t, "times")
		slices.Sort(times)
		r := ruler{start: trace.Time(times[0])}
		var lines [2]timeline
		for i, at := range times {
			lines[i%2].add(&r, trace.Time(at))
		}
		if last := times[len(times)-1] - times[0]; r.shift > 0 && last>>r.shift < maxCells/2 {
			t.Fatalf("%d cells are too few", last>>r.shift)
		}
		want := [2][]uint32{make([]uint32, maxCells), make([]uint32, maxCells)}
		for i, at := range times {
			want[i%2][(at-times[0])>>r.shift]++
		}
		for i := range lines {
			if got := lines[i].fixed(&r, maxCells); !slices.Equal(got, want[i]) {
				t.Fatalf("got  %v\nwant %v", got, want[i])
			}
		}
	})
}

func TestTimelineAllocs(t *testing.T) {
	r, l := ruler{}, timeline{cells: make([]uint32, 0, maxCells)}
	at := trace.Time(0)
	if n := testing.AllocsPerRun(1000, func() { l.add(&r, at); at += 1e6 }); n != 0 {
		t.Errorf("%v allocations a hit", n)
	}
}
