package plot

import (
	"fmt"
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// longestName is how many characters of a name are shown beside a row or in the
// legend where there is room.
const longestName = 36

// seriesNames are what the series are called in a legend.
func seriesNames(f *result.Figure) []string {
	var names []string
	for _, s := range f.Series {
		name := s.Name
		if _, err := strconv.Atoi(name); err == nil && f.IsOfCPUs() && !s.Rest {
			name = "CPU " + name
		}
		names = append(names, name)
	}
	return names
}

// shown is a name as it is shown.
func shown(s string) string {
	if s == "" {
		return "(none)"
	}
	return text.Clean(s)
}

// shortNames are names as they are shown where there is little room. Those that
// look alike then, such as stacks, are numbered.
func shortNames(names []string, longest int) []string {
	out := make([]string, len(names))
	seen := map[string]int{}
	for i, s := range names {
		short := text.Shorten(shown(s), longest)
		seen[short]++
		if n := seen[short]; n > 1 {
			short += fmt.Sprintf(" #%d", n)
		}
		out[i] = short
	}
	return out
}
