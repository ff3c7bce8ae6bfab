package stat

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// TestEdges: whatever the values, there are few edges, they rise, and the values
// lie between the first and the last.
func TestEdges(t *testing.T) {
	value := rapid.OneOf(rapid.SampledFrom([]int64{0, 1, 1 << 62, math.MaxInt64 - 1, math.MaxInt64}), rapid.Int64Min(0))
	law.Check(t, func(rt *rapid.T) {
		a, b := value.Draw(rt, "a"), value.Draw(rt, "b")
		least, most := min(a, b), max(a, b)
		for name, edges := range map[string][]int64{"linear": linearEdges(least, most), "decimal": decimalEdges(least, most)} {
			last := edges[len(edges)-1]
			if len(edges) < 2 && most < math.MaxInt64 || len(edges) > 200 || edges[0] > least || last <= most && last < math.MaxInt64 {
				rt.Fatalf("%s of %d to %d: %d", name, least, most, edges)
			}
			if !slices.IsSorted(edges) || len(slices.Compact(slices.Clone(edges))) != len(edges) {
				rt.Fatalf("%s of %d to %d do not rise: %d", name, least, most, edges)
			}
		}
	})
}
