package merge

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestQueue: streams come out as a stable sort by time and rank of all their records
// would have them.
func TestQueue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type record struct {
			time trace.Time
			rank int
		}
		times := rapid.SliceOfN(rapid.SliceOf(rapid.Int64Range(-5, 5)), 0, 12).Draw(t, "streams")
		var want []record
		var q Queue[*[]int64]
		ranks := map[*[]int64]int{}
		for rank := range times {
			slices.Sort(times[rank])
			for _, at := range times[rank] {
				want = append(want, record{trace.Time(at), rank})
			}
			ranks[&times[rank]] = rank
			if s := &times[rank]; len(*s) > 0 {
				q.Push(s, trace.Time((*s)[0]), rank)
			}
		}
		slices.SortStableFunc(want, func(a, b record) int {
			return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.rank, b.rank))
		})
		var got []record
		for !q.Empty() {
			s := q.Top()
			got = append(got, record{trace.Time((*s)[0]), ranks[s]})
			if *s = (*s)[1:]; len(*s) > 0 {
				q.Move(trace.Time((*s)[0]))
			} else {
				q.Drop()
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func BenchmarkMove(b *testing.B) {
	for _, n := range []int{4, 64} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var q Queue[*trace.Time]
			for i := range n {
				at := trace.Time(i)
				q.Push(&at, at, i)
			}
			b.ReportAllocs()
			for b.Loop() {
				at := q.Top()
				*at += trace.Time(n)
				q.Move(*at)
			}
		})
	}
}
