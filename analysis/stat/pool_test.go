package stat

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/law"
)

// TestPool: of pooled curves each share has the shortest, the median and the longest
// value that any CPU has for it; in each range of a histogram the counts lie between
// those of the CPUs.
func TestPool(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "half")*2 + 1 // of an odd number one is in the middle
		var samples []Sample
		for i := range n {
			d := &Dist{}
			for _, v := range rapid.SliceOfN(rapid.Int64Range(0, 300), 1, 30).Draw(t, "values") {
				d.Add(v)
			}
			samples = append(samples, Sample{Name: fmt.Sprint(i), Dist: d})
		}
		curves := Cumulative(samples, "target", result.Axis{Unit: "ns"})
		Pool(curves)
		for _, q := range []float64{0.1, 0.5, 0.99, 1} {
			var all []int64
			for _, s := range samples {
				all = append(all, s.Dist.Quantile(q))
			}
			slices.Sort(all)
			for i, want := range []int64{all[n/2], all[n-1], all[0]} {
				points := curves.Series[i].Points
				at := slices.IndexFunc(points, func(p result.Point) bool { return p.Value >= q-1e-12 })
				if points[at].To != want {
					t.Fatalf("%s at %v is %d, want %d of %v", curves.Series[i].Name, q, points[at].To, want, all)
				}
			}
		}
		bins := Histogram(samples, "target", result.Axis{Unit: "ns"})
		counts := map[int64][]float64{}
		for _, s := range bins.Series {
			for _, p := range s.Points {
				counts[p.From] = append(counts[p.From], p.Value)
			}
		}
		Pool(bins)
		pooled := map[string]map[int64]float64{}
		for _, s := range bins.Series {
			pooled[s.Name] = map[int64]float64{}
			for _, p := range s.Points {
				pooled[s.Name][p.From] = p.Value
			}
		}
		for from, list := range counts {
			all := append(make([]float64, n-len(list)), list...) // the others have none
			slices.Sort(all)
			if got := []float64{pooled["min"][from], pooled[fmt.Sprintf("median of %d CPUs", n)][from], pooled["max"][from]}; !slices.Equal(got, []float64{all[0], all[n/2], all[n-1]}) {
				t.Fatalf("range from %d: %v of %v", from, got, all)
			}
		}
	})
}
