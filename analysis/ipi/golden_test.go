package ipi_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/internal/golden"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestGolden holds all that is said of each recording, and of some of them together.
// Its figures are those that the tests beside it and those of the commands compare
// with other programs.
func TestGolden(t *testing.T) {
	isolated := golden.Isolated()
	setups := []struct {
		by  string
		set *cpumask.Mask
		max int
	}{
		{"function", isolated, 0}, {"cause,class", nil, 9}, {"comm,pid,sender", isolated, 0},
		{"event,callback,callsite,evidence,mechanism,entry", nil, 0}, {"target", isolated, 0}, {"sender,target", nil, 0}, {"file,instance,function", nil, 0},
	}
	sums := map[int]*ipi.Counts{}
	recordings := golden.Recordings()
	for _, name := range slices.Sorted(maps.Keys(recordings)) {
		var all []*ipi.State
		in := golden.Read(t, recordings[name], func(table *trace.Table) []analysis.State {
			var states []analysis.State
			for _, c := range setups {
				cfg := ipi.Config{Isolated: c.set, By: parse(t, c.by), MaxGroups: c.max, Timeline: true, Spread: c.by == "target" || c.by == "function"}
				all = append(all, ipi.New(table, cfg))
				states = append(states, all[len(all)-1])
			}
			return states
		})
		text := ""
		for i, s := range all {
			c := s.Counts(in)
			text += golden.Text(c.Result()) + groupsText(c) + figuresText(c)
			if setups[i].by == "sender,target" {
				text += golden.Text(&result.Set{Figure: c.Matrix()})
			}
			if sums[i] == nil {
				sums[i] = ipi.NewCounts(setups[i].set, parse(t, setups[i].by))
			}
			if slices.Contains([]string{"all-stack", "arm64", "date", "lost"}, name) {
				sums[i].Merge(c)
			}
		}
		golden.CheckText(t, name, text)
	}
	text := ""
	for i := range setups {
		text += golden.Text(sums[i].Result()) + groupsText(sums[i])
	}
	golden.CheckText(t, "sum", text)
}

func groupsText(c *ipi.Counts) string {
	lines := []string{fmt.Sprintf("%+v", c.Total()), fmt.Sprint(c.Duration(), c.CPUTime(), c.Missed(), c.CellWidth(), c.Regime())}
	for _, g := range c.Groups() {
		lines = append(lines, fmt.Sprintf("%+v", g))
	}
	return golden.Lines("groups", lines)
}

func figuresText(c *ipi.Counts) string {
	var b strings.Builder
	for _, f := range []*result.Figure{c.Timeline(3), c.Heatmap(), c.Rate(2), c.Bars(4)} {
		b.WriteString(golden.Text(&result.Set{Figure: f}))
	}
	var gaps []string
	for _, x := range c.Spreads(func(s *ipi.Spread) *stat.Dist { return &s.Gaps }) {
		gaps = append(gaps, fmt.Sprintf("%s: %d", x.Name, x.Dist.Count()))
	}
	slices.Sort(gaps)
	return b.String() + golden.Lines("gaps", gaps)
}
