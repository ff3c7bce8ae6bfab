package result

import (
	"slices"
	"testing"
)

// TestNameTicks: nothing that is shown of a clock of ticks speaks of seconds.
func TestNameTicks(t *testing.T) {
	set := func(inputs ...Input) *Set {
		return &Set{Inputs: inputs, Tables: []*Table{{Cols: []Col{
			{Name: "rate_hz", Head: "per second", Unit: "Hz", Help: "hits per second"}, {Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h", Help: "hits per CPU and hour"}, {Name: "long_ns", Head: "long", Unit: "ns"},
		}}}}
	}
	heads := func(s *Set) (out []string) {
		s.NameTicks()
		for _, c := range s.Tables[0].Cols {
			out = append(out, c.Head+"|"+c.Help+"|"+c.Unit)
		}
		return out
	}
	for _, tt := range []struct {
		inputs []Input
		want   []string
	}{
		{[]Input{{}}, []string{"per second|hits per second|Hz", "/CPU/hour|hits per CPU and hour|1/h", "long||ns"}},
		{[]Input{{Ticks: true}}, []string{"per 1e9 ticks|hits per 1e9 ticks|Hz", "/CPU/3.6e12 ticks|hits per CPU and 3.6e12 ticks|1/h", "long||ticks"}},
		// rates of several clocks are those of nanoseconds
		{[]Input{{Ticks: true}, {}}, []string{"per second|hits per second|Hz", "/CPU/hour|hits per CPU and hour|1/h", "long||ticks"}},
	} {
		if got := heads(set(tt.inputs...)); !slices.Equal(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
