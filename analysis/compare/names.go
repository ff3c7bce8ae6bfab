package compare

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/parser/ksym"
)

// normalize returns a side whose groups are named alike in every build of a
// kernel: functions without the suffixes that compilers append, callsites
// without offset. Groups whose names become the same become one.
func normalize(s Side, by []string) Side {
	s.Runs = slices.Clone(s.Runs)
	for i := range s.Runs {
		r := &s.Runs[i]
		var groups []Group
		at := map[string]int{}
		for _, g := range r.Groups {
			g.Key = slices.Clone(g.Key)
			for k, name := range by {
				g.Key[k] = normalName(name, g.Key[k])
			}
			id := strings.Join(g.Key, "\x00")
			if j, ok := at[id]; ok {
				groups[j].add(g)
				continue
			}
			at[id] = len(groups)
			g.Cells = slices.Clone(g.Cells)
			groups = append(groups, g)
		}
		r.Groups, r.index = groups, at
	}
	return s
}

// add takes the hits of o in. A send that is in both counts twice.
func (g *Group) add(o Group) {
	g.Sends += o.Sends
	g.Hits += o.Hits
	g.Unattributed += o.Unattributed
	if len(g.Cells) != len(o.Cells) {
		g.Cells = nil
		return
	}
	for i, n := range o.Cells {
		g.Cells[i] += n
	}
}

func normalName(key, value string) string {
	switch key {
	case "function", "callback", "cause", "mechanism", "entry":
		return each(value, "|", ksym.Normalize)
	case "stack":
		return each(value, " < ", normalSymbol)
	case "callsite":
		return normalSymbol(value)
	}
	return value
}

// normalSymbol takes the offset off "sym+0x24/0x80".
func normalSymbol(s string) string {
	if i := strings.Index(s, "+0x"); i > 0 {
		s = s[:i]
	}
	return ksym.Normalize(s)
}

func each(s, sep string, f func(string) string) string {
	parts := strings.Split(s, sep)
	for i, p := range parts {
		parts[i] = f(p)
	}
	return strings.Join(parts, sep)
}
