package stat_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/internal/law"
)

// TestDistAsJSON: a distribution that went through JSON is what it was, whichever order
// its values came in, those of a histogram too.
func TestDistAsJSON(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Int64Min(-5), 0, 50).Draw(t, "values")
		times := rapid.SampledFrom([]uint64{1, 5, 4000, 1 << 50}).Draw(t, "times")
		var d, back, turned stat.Dist
		for _, v := range values {
			d.AddN(v, times)
		}
		slices.Reverse(values)
		for _, v := range values {
			turned.AddN(v, times)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if other, err := json.Marshal(turned); err != nil || string(other) != string(text) {
			t.Errorf("%s of the same values in another order: %s, %v", text, other, err)
		}
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		if d.Quantiles() != back.Quantiles() || d.Negative() != back.Negative() || !slices.Equal(d.Bars(), back.Bars()) {
			t.Errorf("%+v is behind JSON %+v", d.Quantiles(), back.Quantiles())
		}
		d.Merge(&turned)
		back.Merge(&turned)
		if d.Quantiles() != back.Quantiles() {
			t.Errorf("merged %+v is behind JSON %+v", d.Quantiles(), back.Quantiles())
		}
	})
}

// TestDistRefused: JSON that no distribution has is an error.
func TestDistRefused(t *testing.T) {
	for _, text := range []string{
		`{"values":[9223372036854775808]}`, `{"values":[9223372036854775807,1]}`, `{"values":[1` + strings.Repeat(",0", 4096) + `]}`, `{"steps":[1]}`,
		`{"steps":[1,5000,0,1],"min":1,"max":1}`, `{"steps":[99999999,5000],"min":1,"max":1}`, `{"steps":[1,0],"min":1,"max":1}`, `{"steps":[1,5000],"min":2,"max":2}`,
		`{"steps":[1,5000],"min":1}`, `{"steps":[1,5],"min":1,"max":1}`, `{"steps":[1,18446744073709551615,1,2],"min":1,"max":2}`, `{"steps":[56319,5000],"min":1,"max":2}`, `[]`,
	} {
		var d stat.Dist
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%.60s is taken: %+v", text, d.Quantiles())
		}
	}
}
