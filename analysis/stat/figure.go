package stat

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// A Sample is a distribution with a name.
type Sample struct {
	Name string
	Dist *Dist
	Rest bool // the sum of what has no sample of its own
}

// RestName is the name of what is put together because it is small.
func RestName(n int) string { return fmt.Sprintf("other (%d)", n) }

// TopSamples orders samples by their number of values and merges those behind
// the first ones; 0 keeps all. Samples without values are left out.
func TopSamples(samples []Sample, top int) []Sample {
	all := slices.DeleteFunc(slices.Clone(samples), func(s Sample) bool { return s.Dist.Count() == 0 })
	slices.SortFunc(all, func(a, b Sample) int {
		return cmp.Or(cmp.Compare(b.Dist.Count(), a.Dist.Count()), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
	})
	if top <= 0 || len(all) <= top+1 {
		return all // one more instead of a rest of one
	}
	rest := Sum(all[top:])
	rest.Name, rest.Rest = RestName(len(all)-top), true
	return append(all[:top:top], rest)
}

// Sum puts samples together.
func Sum(samples []Sample) Sample {
	sum := Sample{Dist: &Dist{}}
	for _, s := range samples {
		sum.Dist.Merge(s.Dist)
	}
	return sum
}

// Histogram shows how many values of each sample lie in which range of x. The
// ranges are the same for all: of equal width if the values are close together,
// else ten in each power of ten.
func Histogram(samples []Sample, by string, x result.Axis) *result.Figure {
	f := &result.Figure{Name: "hist", Form: result.FormBins, By: by, X: x}
	f.Value = result.Axis{Name: "count", Label: "count"}
	least, most := bounds(samples)
	f.X.Log = isWide(least, most)
	edges := linearEdges(least, most)
	if f.X.Log {
		edges = decimalEdges(least, most)
	}
	f.X.Min, f.X.Max = edges[0], edges[len(edges)-1]
	for _, s := range samples {
		counts := make([]uint64, len(edges)-1)
		for _, b := range s.Dist.Bars() {
			i, found := slices.BinarySearch(edges, b.To)
			if !found {
				i--
			}
			counts[min(i, len(counts)-1)] += b.Count // the last edge may be the last number there is
		}
		series := result.Series{Name: s.Name, Rest: s.Rest}
		for i, n := range counts {
			if n > 0 {
				series.Points = append(series.Points, result.Point{From: edges[i], To: edges[i+1], Value: float64(n)})
			}
		}
		f.Series = append(f.Series, series)
	}
	f.Value.Log = f.Spans(100)
	return f
}

// maxCurve is how many points the middle of a curve has at most; the tails, which are
// what is read off, have one for each hundredth of what is left.
const maxCurve = 400

// Cumulative shows the share of each sample's values that do not exceed x.
func Cumulative(samples []Sample, by string, x result.Axis) *result.Figure {
	f := &result.Figure{Name: "cdf", Form: result.FormCurve, By: by, X: x}
	f.Value = result.Axis{Name: "share", Label: "share of all", Unit: "1"}
	least, most := bounds(samples)
	f.X.Log = isWide(least, most)
	f.X.Min, f.X.Max = least, most
	for _, s := range samples {
		series := result.Series{Name: s.Name, Rest: s.Rest}
		bars := s.Dist.Bars()
		n := s.Dist.Count()
		step := n/maxCurve + 1
		var sum, shown uint64
		from := int64(0)
		for i, b := range bars {
			sum += b.Count
			// every value of few, and the first and the last one of many
			if i == 0 || i == len(bars)-1 || sum-shown >= min(step, max(1, min(sum, n-sum)/100)) {
				series.Points = append(series.Points, result.Point{From: from, To: b.To, Value: float64(sum) / float64(n)})
				from, shown = b.To, sum
			}
		}
		f.Series = append(f.Series, series)
	}
	return f
}

// bounds are the smallest and the largest value of all samples.
func bounds(samples []Sample) (least, most int64) {
	least, most = math.MaxInt64, 0
	for _, s := range samples {
		bars := s.Dist.Bars()
		if len(bars) > 0 {
			least, most = min(least, bars[0].To), max(most, bars[len(bars)-1].To)
		}
	}
	return min(least, most), most
}

// isWide reports whether values need a logarithmic scale to be told apart.
func isWide(least, most int64) bool { return most > 64 && most/max(least, 1) > 20 }

// maxBins is how many ranges of equal width a histogram has at most.
const maxBins = 50

// linearEdges are edges at multiples of a round width; the last one is above
// most, or the last number there is.
func linearEdges(least, most int64) []int64 {
	width := int64(1)
	for next := []int64{2, 5, 10}; (most-least)/width >= maxBins; {
		width = next[0]
		next = append(next[1:], next[0]*10)
	}
	edges := []int64{least / width * width}
	for last := edges[0]; last <= most && last < math.MaxInt64; {
		if last > math.MaxInt64-width {
			return append(edges, math.MaxInt64)
		}
		last += width
		edges = append(edges, last)
	}
	return edges
}

// decimalEdges are ten edges in each power of ten, as integers, and 0 if least
// is. The last one is above most.
func decimalEdges(least, most int64) []int64 {
	edges := []int64{0}
	for k := 0; edges[len(edges)-1] <= most; k++ {
		power := math.Round(math.Pow(10, float64(k)/10))
		if power >= math.MaxInt64 {
			return append(edges, math.MaxInt64)
		}
		edge := int64(power)
		switch last := len(edges) - 1; {
		case edge <= least:
			edges[0] = edge
		case edge > edges[last]:
			edges = append(edges, edge)
		}
	}
	return edges
}
