package stat_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

func TestSequenceInTime(t *testing.T) {
	var a, b stat.Sequence
	a.Add(30, 3)
	a.Add(10, 1)
	a.Add(20, -5)
	b.Add(15, 2)
	b.Add(30, 1)
	a.Merge(&b)
	a.Merge(nil)
	if diff := cmp.Diff([]int64{1, 2, 1, 3}, a.InTime()); diff != "" {
		t.Error(diff)
	}
	if a.Count() != 4 || a.Negative() != 1 || a.IsThinned() || b.Count() != 2 {
		t.Errorf("%d durations, %d negative; %d", a.Count(), a.Negative(), b.Count())
	}
	c := a.Clone()
	c.Add(40, 9)
	if a.Count() != 4 || c.Count() != 5 {
		t.Error("a clone shares with its original")
	}
	var none *stat.Sequence
	if none.Count() != 0 || none.InTime() != nil || none.Clone() != nil || none.Dist().Count() != 0 {
		t.Error("no sequence is not empty")
	}
}

// TestSequenceThins: of many durations a part is kept, from all of the time, and
// not of one CPU alone where two take turns.
func TestSequenceThins(t *testing.T) {
	const n = 1_000_000
	var whole, head, tail stat.Sequence
	for i := range int64(n) {
		whole.Add(i, i)
		if i < n/3 {
			head.Add(i, i)
		} else {
			tail.Add(i, i)
		}
	}
	head.Merge(&tail)
	for _, s := range []*stat.Sequence{&whole, &head} {
		kept := s.InTime()
		if s.Count() != n || !s.IsThinned() || len(kept) < 1<<14 || len(kept) > 1<<16 {
			t.Fatalf("%d durations, %d kept", s.Count(), len(kept))
		}
		if !slices.IsSorted(kept) {
			t.Error("not in the order of time")
		}
		odd, early := 0, 0
		for _, v := range kept {
			odd += int(v & 1)
			if v < n/4 {
				early++
			}
		}
		if share := float64(odd) / float64(len(kept)); share < 0.48 || share > 0.52 {
			t.Errorf("%.3f of what is kept is of one kind of two", share)
		}
		if share := float64(early) / float64(len(kept)); share < 0.24 || share > 0.26 {
			t.Errorf("%.3f of what is kept is of the first quarter", share)
		}
		if d := s.Dist(); d.Count() != uint64(len(kept)) {
			t.Errorf("distribution of %d", d.Count())
		}
	}
}
