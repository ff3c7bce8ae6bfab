package bound_test

import (
	"math"
	"regexp"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/bound"
	"github.com/ipiscope/ipiscope/internal/law"
)

func parse(t interface{ Fatalf(string, ...any) }, text string) bound.Bound {
	m := regexp.MustCompile(`^` + bound.Pattern + `$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("%q does not match", text)
	}
	b, err := bound.Parse(m[1], m[2])
	if err != nil {
		t.Fatalf("%v", err)
	}
	return b
}

func TestMeets(t *testing.T) {
	for _, tt := range []struct {
		text string
		meet []float64
		miss []float64
	}{
		{"> 0", []float64{1, math.Inf(1)}, []float64{0, -1, math.NaN()}},
		{">= +5", []float64{5, 6}, []float64{4.9, math.NaN()}},
		{"<-.5", []float64{-1}, []float64{-0.5, 0, math.NaN()}},
		{"<= 2", []float64{2, -3}, []float64{2.1, math.NaN()}},
		{"== 3", []float64{3}, []float64{2, 4, math.NaN()}},
	} {
		b := parse(t, tt.text)
		for _, x := range tt.meet {
			if !b.Meets(x) {
				t.Errorf("%v does not meet %q", x, tt.text)
			}
		}
		for _, x := range tt.miss {
			if b.Meets(x) {
				t.Errorf("%v meets %q", x, tt.text)
			}
		}
	}
}

// TestMayMeet: what is said of a range is true of each figure in it.
func TestMayMeet(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		small := rapid.IntRange(-3, 3)
		b := bound.Bound{Op: rapid.SampledFrom([]string{">", ">=", "<", "<=", "=="}).Draw(t, "op"), Value: float64(small.Draw(t, "value"))}
		least := small.Draw(t, "least")
		most := least + rapid.IntRange(0, 3).Draw(t, "width")
		all, any := true, false
		for x := least; x <= most; x++ {
			all, any = all && b.Meets(float64(x)), any || b.Meets(float64(x))
		}
		sure, could := b.MayMeet(float64(least), float64(most))
		if could != any || sure && !all || all && least == most && !sure {
			t.Fatalf("%d to %d of %v: sure %v, could %v; all %v, any %v", least, most, b, sure, could, all, any)
		}
	})
}
