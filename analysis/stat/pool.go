package stat

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// maxPooled bounds the points of a curve that many curves are pooled in.
const maxPooled = 2000

// Pool puts the series of a figure of Histogram or Cumulative, one for each CPU, into
// three: of a histogram the least, the median and the most values in each range, of
// curves the shortest, the median and the longest time (or what x counts) at each share.
// More lines than that cannot be told apart, and a sum of CPUs hides the one that is
// worse than the others.
func Pool(f *result.Figure) {
	n := len(f.Series)
	places := placesOf(f)
	pooled := []result.Series{{Name: fmt.Sprintf("median of %d CPUs", n)}, {Name: "max"}, {Name: "min"}}
	next := make([]int, n) // first point of each series that is not behind the place
	values := make([]float64, n)
	for _, at := range places {
		for i, s := range f.Series {
			values[i] = 0
			for next[i] < len(s.Points) && s.Points[next[i]].To <= at.To {
				next[i]++
			}
			if k := next[i] - 1; k >= 0 && (f.Form == result.FormCurve || s.Points[k].To == at.To) {
				values[i] = s.Points[k].Value
			}
		}
		slices.Sort(values)
		if f.Form == result.FormCurve { // the longest times are where the least share is done
			slices.Reverse(values)
		}
		for i, v := range []float64{values[(n-1)/2], values[n-1], values[0]} {
			if v > 0 || f.Form == result.FormCurve {
				pooled[i].Points = append(pooled[i].Points, result.Point{From: at.From, To: at.To, Value: v})
			}
		}
	}
	f.Series, f.By, f.Pooled = pooled, "pooled", true
}

// placesOf are the stretches that any series has a point for, in their order. Those of a
// curve begin where the one before them ends, and there are no more than can be seen.
func placesOf(f *result.Figure) []result.Span {
	var all []result.Span
	for _, s := range f.Series {
		for _, p := range s.Points {
			all = append(all, result.Span{From: p.From, To: p.To})
		}
	}
	slices.SortFunc(all, func(a, b result.Span) int { return cmp.Compare(a.To, b.To) })
	all = slices.CompactFunc(all, func(a, b result.Span) bool { return a.To == b.To })
	if f.Form != result.FormCurve {
		return all
	}
	every := len(all)/maxPooled + 1
	var places []result.Span
	from := int64(0)
	for i, s := range all {
		if i%every == 0 || i == len(all)-1 {
			places = append(places, result.Span{From: from, To: s.To})
			from = s.To
		}
	}
	return places
}
