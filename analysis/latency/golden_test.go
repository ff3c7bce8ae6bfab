package latency_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/internal/golden"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestGolden holds all that is said of each recording. Its figures are those that
// the tests beside it and those of the commands compare with other programs.
func TestGolden(t *testing.T) {
	isolated := golden.Isolated()
	for name, fixture := range golden.Recordings() {
		var all []*latency.State
		in := golden.Read(t, fixture, func(table *trace.Table) []analysis.State {
			var states []analysis.State
			for _, c := range []struct {
				by   string
				kind latency.Kind
				set  *cpumask.Mask
				max  int
			}{
				{"function", latency.KindAll, isolated, 0},
				{"cause,sender,target,entry,class", latency.KindAll, nil, 7},
				{"callback", latency.KindCSD, isolated, 0},
				{"comm", latency.KindVector, nil, 0},
				{"function", latency.KindIPI, nil, 0},
			} {
				keys, err := latency.ParseKeys(c.by)
				if err != nil {
					t.Fatal(err)
				}
				s := latency.New(table, latency.Config{Isolated: c.set, By: keys, Kind: c.kind, Window: latency.DefaultWindow, MaxGroups: c.max, Sequences: true})
				all, states = append(all, s), append(states, s)
			}
			return states
		})
		text := ""
		for _, s := range all {
			c := s.Counts(in)
			text += golden.Text(c.Result()) + timedText(s, c)
		}
		golden.CheckText(t, name, text)
	}
}

// TestGoldenSum is TestGolden of several recordings together.
func TestGoldenSum(t *testing.T) {
	keys, err := latency.ParseKeys("function")
	if err != nil {
		t.Fatal(err)
	}
	var sum *latency.Counts
	for _, name := range []string{"all-stack", "arm64", "lost", "date"} {
		var s *latency.State
		in := golden.Read(t, golden.Recordings()[name], func(table *trace.Table) []analysis.State {
			s = latency.New(table, latency.Config{By: keys, Window: latency.DefaultWindow})
			return []analysis.State{s}
		})
		c := s.Counts(in)
		if sum == nil {
			sum = c
			continue
		}
		sum.Merge(c)
	}
	golden.Check(t, "sum", sum.Result())
}

func timedText(s *latency.State, c *latency.Counts) string {
	var b strings.Builder
	for t := latency.Time(0); t < latency.NumTimes; t++ {
		fmt.Fprintf(&b, "%d missing of time %d, folded %t\n", s.Missing(t), t, s.Folded())
		for _, x := range s.Timed(t) {
			fmt.Fprintf(&b, "  %q %s: %d values, %d negative\n", x.Key, x.Means, x.Values.Count(), x.Values.Negative())
		}
		for _, x := range c.Samples(t) {
			fmt.Fprintf(&b, "  %s: %d values\n", x.Name, x.Dist.Count())
		}
	}
	return b.String()
}
