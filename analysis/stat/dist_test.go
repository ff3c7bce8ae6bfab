package stat_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/internal/law"
)

// Up to 4096 values are kept: quantiles are those of the nearest rank,
// computed here by sorting.
func TestDistIsExactForFewValues(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1<<40), 1, 200).Draw(t, "values")
		var d stat.Dist
		for _, v := range values {
			d.Add(v)
		}
		slices.Sort(values)
		for _, perMille := range []int{500, 900, 990, 999} {
			q := float64(perMille) / 1000
			if got, want := d.Quantile(q), nearestRank(values, perMille); got != want {
				t.Errorf("quantile %v of %v: %d, want %d", q, values, got, want)
			}
		}
	})
}

// More values are at most 0.1 % off; count, minimum and maximum are exact.
func TestDistIsCloseForManyValues(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		drawn := rapid.SliceOfN(rapid.Int64Range(0, math.MaxInt64), 65, 500).Draw(t, "values")
		spread := uint(rapid.IntRange(0, 62).Draw(t, "spread"))
		var values []int64
		var d stat.Dist
		for i := range 4097 { // one more than are kept
			v := drawn[i%len(drawn)] >> (uint(i) % (spread + 1))
			values = append(values, v)
			d.Add(v)
		}
		slices.Sort(values)
		q := d.Quantiles()
		if q.Count != uint64(len(values)) || q.Min != values[0] || q.Max != values[len(values)-1] {
			t.Errorf("%+v of %d values from %d to %d", q, len(values), values[0], values[len(values)-1])
		}
		for perMille, got := range map[int]int64{500: q.P50, 900: q.P90, 990: q.P99, 999: q.P999} {
			want := nearestRank(values, perMille)
			if got < want || got-want > want/1024 {
				t.Errorf("quantile of %d per mille: %d, want %d", perMille, got, want)
			}
		}
	})
}

// nearestRank is the quantile by its definition, in whole numbers: the least of
// the sorted values that at least so many per mille of them do not exceed.
func nearestRank(sorted []int64, perMille int) int64 {
	for i, v := range sorted {
		if 1000*(i+1) >= perMille*len(sorted) {
			return v
		}
	}
	return sorted[len(sorted)-1]
}

// A p99 of fewer than 100 values is the largest of them, and the ranks of 51 to
// 64, 65 to 99 and of 1164 values (the handlers of do_sync_core in the recording
// k612s4-12-all, whose p99 is the 1153rd) are those of sorted values: exactly for
// as many values as are kept.
func TestQuantileRanks(t *testing.T) {
	few := []int{1, 2, 99, 100, 101, 199, 200, 201, 1000, 1164, 4096}
	for n := 51; n < 99; n++ {
		few = append(few, n)
	}
	for _, n := range few {
		var d stat.Dist
		var values []int64
		for i := range n {
			v := int64(1000 + 7919*i%n)
			values = append(values, v)
			d.Add(v)
		}
		slices.Sort(values)
		for _, perMille := range []int{500, 900, 950, 990, 999, 1000} {
			got, want := d.Quantile(float64(perMille)/1000), nearestRank(values, perMille)
			if got != want {
				t.Errorf("%d per mille of %d values: %d, want %d", perMille, n, got, want)
			}
		}
	}
	for n := 51; n < 100; n++ {
		var d stat.Dist
		d.AddN(7, uint64(n-1))
		d.Add(1_000_000)
		if got := d.Quantile(0.99); got != 1_000_000 {
			t.Errorf("p99 of %d values: %d, want the largest", n, got)
		}
	}
}

// Merging is a monoid: the order and the grouping of parts do not show, and what
// is merged from is not changed. One value in 4097 of a sum decides whether they
// are kept.
func TestDistMergeLaws(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(-3, 1<<30), 0, 200).Draw(t, "values")
		if len(values) > 0 && rapid.Bool().Draw(t, "many") {
			values = slices.Repeat(values, 1+rapid.IntRange(4000, 4200).Draw(t, "n")/len(values))
		}
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
