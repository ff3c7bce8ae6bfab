package ipi

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestTimeline: the cells of two timelines on one ruler are what counting with
// the final width gives, and no hit gets lost.
func TestTimeline(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 300).Draw(t, "times")
		slices.Sort(times)
		r := ruler{start: trace.Time(times[0]), most: maxCells}
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
	r, l := ruler{most: maxCells}, timeline{cells: make([]uint32, 0, maxCells)}
	at := trace.Time(0)
	if n := testing.AllocsPerRun(1000, func() { l.add(&r, at); at += 1e6 }); n != 0 {
		t.Errorf("%v allocations a hit", n)
	}
}

// TestExtent: all that is shown, before and after the first send, is less than
// maxShown cells.
func TestExtent(t *testing.T) {
	for _, c := range []struct {
		lead, after trace.Time
		width       int64
	}{
		{0, 255, 1}, {0, 256, 2}, {maxShown - 1, 0, 1}, {maxShown, 0, 2}, {maxShown - 256, 255, 1}, {maxShown - 255, 255, 2}, {2*maxShown - 1, 0, 2}, {1 << 20, 1 << 20, 1 << 13},
	} {
		s := &State{ruler: ruler{begun: true, start: 1 << 30, most: maxCells}, span: analysis.Span{First: 1<<30 - c.lead, Last: 1<<30 + c.after}}
		x := s.extent()
		if x.width != c.width || x.lead != int64(c.lead) || x.to != int64(c.after) || x.origin != int64(s.span.First) {
			t.Errorf("%+v: %+v", c, x)
		}
	}
}

// TestTimelineMemory: groups without end make the cells wider, not the memory
// larger.
func TestTimelineMemory(t *testing.T) {
	r := ruler{most: maxCells}
	r.cell(1 << 30)
	before := r.shift
	r.share(maxMemory / maxCells)
	if r.cell(1 << 30); r.shift != before {
		t.Error("cells are wider before the memory is used up")
	}
	r.share(maxMemory / 64)
	if i := r.cell(1 << 30); i >= 64 || i < 32 {
		t.Errorf("cell %d", i)
	}
	r.share(1 << 30)
	if i := r.cell(1 << 30); i != 0 {
		t.Errorf("cell %d", i)
	}
}
