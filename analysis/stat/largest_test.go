package stat_test

import (
	"cmp"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// TestLargest: it is what sorting all and cutting leaves, however the values are parted.
func TestLargest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.IntRange(0, 20), 0, 30).Draw(t, "values")
		n, cut := rapid.IntRange(0, 6).Draw(t, "n"), rapid.IntRange(0, len(values)).Draw(t, "cut")
		compare := func(a, b *int) int { return cmp.Compare(*b, *a) }
		one, other := stat.NewLargest(n, compare), stat.NewLargest(n, compare)
		for i := range values {
			if i < cut {
				one.Add(&values[i])
			} else {
				other.Add(&values[i])
			}
		}
		one.Merge(&other)
		want := slices.Clone(values)
		slices.SortFunc(want, func(a, b int) int { return cmp.Compare(b, a) })
		if want = want[:min(n, len(want))]; !slices.Equal(want, one.All()) {
			t.Fatalf("%d of %v: %v", n, values, one.All())
		}
	})
}
