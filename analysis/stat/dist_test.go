package stat_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Up to 64 values are kept: quantiles are those of the nearest rank,
// computed here by sorting.
func TestDistIsExactForFewValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 64).Draw(t, "values")
		var d stat.Dist
		for _, v := range values {
			d.Add(v)
		}
		slices.Sort(values)
		for _, q := range []float64{0.5, 0.9, 0.99, 0.999} {
			rank := int(q*float64(len(values)) + 0.5)
			if got, want := d.Quantile(q), values[max(rank, 1)-1]; got != want {
				t.Errorf("quantile %v of %v: %d, want %d", q, values, got, want)
			}
		}
	})
}

// More values are at most 1 % off; count, minimum and maximum are exact.
func TestDistIsCloseForManyValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<45), 65, 500).Draw(t, "values")
		var d stat.Dist
		for _, v := range values {
			d.Add(v)
		}
		slices.Sort(values)
		q := d.Quantiles()
		if q.Count != uint64(len(values)) || q.Min != values[0] || q.Max != values[len(values)-1] {
			t.Errorf("%+v of %d values from %d to %d", q, len(values), values[0], values[len(values)-1])
		}
		for q, got := range map[float64]int64{0.5: q.P50, 0.9: q.P90, 0.99: q.P99} {
			want := values[int(q*float64(len(values))+0.5)-1]
			if diff := max(got-want, want-got); diff > want/100+1 {
				t.Errorf("quantile %v: %d, want %d", q, got, want)
			}
		}
	})
}

// Merging is a monoid: the order and the grouping of parts do not show, and what
// is merged from is not changed.
func TestDistMergeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(-3, 1<<30), 0, 200).Draw(t, "values")
		cut1 := rapid.IntRange(0, len(values)).Draw(t, "cut1")
		cut2 := rapid.IntRange(cut1, len(values)).Draw(t, "cut2")
		of := func(v []int64) *stat.Dist {
			d := &stat.Dist{}
			for _, x := range v {
				d.Add(x)
			}
			return d
		}
		same := func(what string, a, b *stat.Dist) {
			if a.Quantiles() != b.Quantiles() || a.Negative() != b.Negative() || !slices.Equal(a.Bars(), b.Bars()) {
				t.Errorf("%s: %+v and %+v", what, a.Quantiles(), b.Quantiles())
			}
		}
		sum := func(d ...*stat.Dist) *stat.Dist {
			s := &stat.Dist{}
			for _, x := range d {
				s.Merge(x)
			}
			return s
		}
		a, b, c, all := of(values[:cut1]), of(values[cut1:cut2]), of(values[cut2:]), of(values)
		same("a+b+c = all", sum(a, b, c), all)
		same("c+b+a = all", sum(c, b, a), all)
		same("a+(b+c) = all", sum(a, sum(b, c)), all)
		same("identity", sum(all), all)
		same("right-hand side", a, of(values[:cut1]))
	})
}
