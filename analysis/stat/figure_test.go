package stat

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/law"
)

// TestHistogram: ranges do not overlap, all samples have the same, and each value
// is in the one that holds it.
func TestHistogram(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		limit := rapid.SampledFrom([]int64{3, 50, 1000, 1e6, 1e12}).Draw(t, "limit")
		values := rapid.SliceOfN(rapid.Int64Range(0, limit), 1, exactValues).Draw(t, "values") // exact
		d := &Dist{}
		for _, v := range values {
			d.Add(v)
		}
		f := Histogram([]Sample{{Name: "a", Dist: d}}, "x", result.Axis{Unit: "ns"})
		points := f.Series[0].Points
		total := 0.0
		for i, p := range points {
			n := 0
			for _, v := range values {
				if v >= p.From && v < p.To {
					n++
				}
			}
			if float64(n) != p.Value || n == 0 {
				t.Fatalf("%d to %d: %v, want %d", p.From, p.To, p.Value, n)
			}
			if i > 0 && p.From < points[i-1].To {
				t.Fatalf("%d overlaps %d", p.From, points[i-1].To)
			}
			if p.From < f.X.Min || p.To > f.X.Max {
				t.Fatalf("%d to %d is outside %d to %d", p.From, p.To, f.X.Min, f.X.Max)
			}
			total += p.Value
		}
		if int(total) != len(values) {
			t.Fatalf("%v of %d values", total, len(values))
		}
		if len(points) > 150 {
			t.Fatalf("%d ranges", len(points))
		}
	})
}

// TestDecimalEdges: the ranges of a logarithmic histogram are those of the
// series R10 of preferred numbers (ISO 3), rounded to integers.
func TestDecimalEdges(t *testing.T) {
	got := decimalEdges(90, 1500)
	want := []int64{79, 100, 126, 158, 200, 251, 316, 398, 501, 631, 794, 1000, 1259, 1585}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := decimalEdges(0, 5); !slices.Equal(got, []int64{0, 1, 2, 3, 4, 5, 6}) {
		t.Errorf("%v", got)
	}
}

// TestCumulative: shares grow to 1, and each is what Quantile says.
func TestCumulative(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Range(0, 1e9), 1, 2000).Draw(t, "values")
		d := &Dist{}
		for _, v := range values {
			d.Add(v)
		}
		f := Cumulative([]Sample{{Dist: d}}, "", result.Axis{Unit: "ns"})
		points := f.Series[0].Points
		if len(points) > 2*maxCurve+2 || points[len(points)-1].Value != 1 {
			t.Fatalf("%d points, the last %+v", len(points), points[len(points)-1])
		}
		last := 0.0
		for _, p := range points {
			n := 0
			for _, v := range values {
				if v <= p.To {
					n++
				}
			}
			if got := float64(n) / float64(len(values)); got-p.Value > 1e-12 || p.Value-got > 1e-12 || p.Value <= last {
				t.Fatalf("share up to %d is %v, want %v", p.To, p.Value, got)
			}
			last = p.Value
		}
		// what is read off a tail is exact
		for _, q := range []float64{0.01, 0.99} {
			i := slices.IndexFunc(points, func(p result.Point) bool { return p.Value >= q })
			if points[i].To != d.Quantile(q) {
				t.Fatalf("the curve reaches %v at %d, the quantile is %d", q, points[i].To, d.Quantile(q))
			}
		}
	})
}

func TestTopSamples(t *testing.T) {
	var samples []Sample
	for i := range 6 {
		d := &Dist{}
		d.AddN(int64(i), uint64(i))
		samples = append(samples, Sample{Name: fmt.Sprint(i), Dist: d})
	}
	names := func(top int) (all []string) {
		for _, s := range TopSamples(samples, top) {
			all = append(all, fmt.Sprint(s.Name, " ", s.Dist.Count()))
		}
		return all
	}
	for top, want := range map[int]string{0: "[5 5 4 4 3 3 2 2 1 1]", 2: "[5 5 4 4 other (3) 6]", 4: "[5 5 4 4 3 3 2 2 1 1]"} {
		if got := fmt.Sprint(names(top)); got != want {
			t.Errorf("top %d: %s, want %s", top, got, want)
		}
	}
	if samples[0].Dist.Count() != 0 || samples[1].Dist.Count() != 1 {
		t.Error("a sample was changed")
	}
}

// TestAddN: it is Add that many times.
func TestAddN(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		a, b := &Dist{}, &Dist{}
		for range rapid.IntRange(0, 8).Draw(t, "steps") {
			v, n := rapid.Int64Range(-2, 1e6).Draw(t, "value"), rapid.IntRange(0, 80).Draw(t, "n")
			a.AddN(v, uint64(n))
			for range n {
				b.Add(v)
			}
		}
		if x, y := fmt.Sprint(a.Bars(), a.Quantiles(), a.Negative()), fmt.Sprint(b.Bars(), b.Quantiles(), b.Negative()); x != y {
			t.Fatalf("%s, want %s", x, y)
		}
	})
}
