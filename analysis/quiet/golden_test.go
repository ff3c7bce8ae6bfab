package quiet_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/internal/golden"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestGolden holds all that is said of each recording. Its figures are those that
// the tests beside it and those of the commands compare with other programs.
func TestGolden(t *testing.T) {
	isolated := golden.Isolated()
	sum := quiet.NewCounts(quiet.Config{})
	recordings := golden.Recordings()
	for _, name := range slices.Sorted(maps.Keys(recordings)) {
		fixture := recordings[name]
		var all []*quiet.State
		in := golden.Read(t, fixture, func(table *trace.Table) []analysis.State {
			for _, set := range []*cpumask.Mask{isolated, nil} {
				all = append(all, quiet.New(table, quiet.Config{Isolated: set, Sequences: true, Within: 50_000, Gaps: gaps()}))
			}
			return []analysis.State{all[0], all[1]}
		})
		text := ""
		for _, s := range all {
			c := s.Counts(in)
			text += golden.Text(c.Result()) + timedText(s, c)
			if s == all[1] && slices.Contains([]string{"all-stack", "lost", "osnoise"}, name) {
				sum.Merge(c)
			}
		}
		golden.CheckText(t, name, text)
	}
	golden.Check(t, "sum", sum.Result())
}

// gaps are stretches of 0.4 ms in the times at which the fixtures were recorded, on
// one CPU after the other.
func gaps() []quiet.Gap {
	var all []quiet.Gap
	for ms := trace.Time(0); ms < 60_000; ms += 7 {
		at := ms * 1e6
		all = append(all, quiet.Gap{CPU: int32(ms % 4), Start: at, End: at + 400_000})
	}
	return append(all, quiet.Gap{CPU: -1, Start: 1, End: 9e18, File: "another"})
}

func timedText(s *quiet.State, c *quiet.Counts) string {
	var b strings.Builder
	fmt.Fprintf(&b, "means %s; seen %s\n", c.Means(), c.Seen())
	for _, x := range s.Timed(c) {
		fmt.Fprintf(&b, "CPU %d: %d stretches, %d missing\n", x.CPU, x.Values.Count(), x.Missing)
	}
	for _, x := range c.Samples() {
		fmt.Fprintf(&b, "%s: %d stretches\n", x.Name, x.Dist.Count())
	}
	return b.String()
}
