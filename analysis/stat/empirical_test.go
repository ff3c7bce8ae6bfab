package stat_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/internal/law"
)

// oneTo are the durations 1 to n.
func oneTo(n int) *stat.Empirical {
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(i + 1)
	}
	return stat.NewEmpirical(values)
}

// TestNearestRank: the smallest value with at least the share at or below it.
func TestNearestRank(t *testing.T) {
	for n := 1; n <= 1200; n++ {
		e := oneTo(n)
		for _, thousandths := range []int{500, 900, 990, 999} {
			want := (n*thousandths + 999) / 1000 // integers: no rounding to go wrong
			if got := e.At(float64(thousandths) / 1000); got != int64(want) {
				t.Fatalf("n %d, %d/1000: rank %d, want %d", n, thousandths, got, want)
			}
		}
	}
}

// TestMedianInterval holds intervals against a textbook's table of "Confidence
// Intervals for the Population Median": the first of each n there that holds it
// with 95 % or more from inside (n 6: 96.9 %, 8: 99.2, 9: 96.1, 12: 96.1, 15:
// 96.5, 17: 95.1, 20: 95.9).
func TestMedianInterval(t *testing.T) {
	for _, c := range []struct {
		n      int
		lo, hi int64
	}{{6, 1, 6}, {7, 1, 7}, {8, 1, 8}, {9, 2, 8}, {10, 2, 9}, {12, 3, 10}, {13, 3, 11}, {15, 4, 12}, {16, 4, 13}, {17, 5, 13}, {18, 5, 14}, {20, 6, 15}} {
		lo, hi, ok := oneTo(c.n).Interval(0.5, 0.95, 1)
		if !ok || lo != c.lo || hi != c.hi {
			t.Errorf("n %d: %d to %d, %v, want %d to %d", c.n, lo, hi, ok, c.lo, c.hi)
		}
	}
	if _, _, ok := oneTo(5).Interval(0.5, 0.95, 1); ok {
		t.Error("five values have an interval")
	}
}

// TestIntervalCovers computes the coverage of order statistics from binomial
// probabilities: P(lo <= quantile <= hi) = P(lo <= B < hi), B of n.
func TestIntervalCovers(t *testing.T) {
	for _, share := range []float64{0.5, 0.9, 0.99} {
		least := int(math.Ceil(stat.LeastValues(share, 0.95)))
		if _, _, ok := oneTo(least-1).Interval(share, 0.95, 1); ok {
			t.Errorf("%g: %d values have an interval", share, least-1)
		}
		for _, n := range []int{least, least + 1, 2 * least, 1164, 5000} {
			lo, hi, ok := oneTo(n).Interval(share, 0.95, 1)
			if !ok {
				t.Fatalf("%g of %d: no interval", share, n)
			}
			b := distuv.Binomial{N: float64(n), P: share}
			if below := b.CDF(float64(lo - 1)); below > 0.025+1e-9 {
				t.Errorf("%g of %d: %d to %d: too short below, %.4f", share, n, lo, hi, below)
			}
			if above := 1 - b.CDF(float64(hi-1)); above > 0.025+1e-9 {
				t.Errorf("%g of %d: %d to %d: too short above, %.4f", share, n, lo, hi, above)
			}
		}
	}
	// 0.99^368 is 0.0248, 0.99^367 is 0.0250 and more
	if n := stat.LeastValues(0.99, 0.95); math.Ceil(n) != 368 {
		t.Errorf("p99 takes %v values", n)
	}
}

// TestEffect: durations that come k at a time and are alike tell as much as one
// of them.
func TestEffect(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, k := range []int{1, 2, 6} {
		sum := 0.0
		for range 40 {
			var values []int64
			for len(values) < 1200 {
				v := int64(1000 * r.ExpFloat64())
				for range k {
					values = append(values, v)
				}
			}
			sum += stat.NewEmpirical(values).Effect(0.5)
		}
		// the largest of several scales lies above the true one, more so where it is 1
		if mean := sum / 40; mean < float64(k) || mean > 1.6*float64(k)+0.3 {
			t.Errorf("bursts of %d: effect %.2f", k, mean)
		}
	}
}

// TestBounds adds durations to those that were measured: the quantile of all
// lies within the bounds, whatever was added.
func TestBounds(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		seen := rapid.SliceOfN(rapid.Int64Range(1, 1000), 1, 60).Draw(t, "seen")
		missing := rapid.SliceOfN(rapid.Int64Range(0, 2000), 0, 20).Draw(t, "missing")
		share := rapid.SampledFrom([]float64{0.5, 0.9, 0.99}).Draw(t, "share")
		lo, hi := stat.NewEmpirical(seen).Bounds(share, uint64(len(missing)))
		all := stat.NewEmpirical(slices.Concat(seen, missing)).At(share)
		if all < lo || all > hi {
			t.Fatalf("%d of all, bounds %d to %d", all, lo, hi)
		}
	})
}

func TestUnit(t *testing.T) {
	for _, c := range []struct {
		values []int64
		want   int64
	}{{[]int64{1000, 12000, 0}, 1000}, {[]int64{1000, 1001}, 1}, {[]int64{0, 0}, 1}, {nil, 1}, {[]int64{120, 30}, 10}} {
		if got := stat.NewEmpirical(c.values).Unit(); got != c.want {
			t.Errorf("%v: %d, want %d", c.values, got, c.want)
		}
	}
}
