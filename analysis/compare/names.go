package compare

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/parser/ksym"
)

// normalize returns a side whose groups are named alike in every build of a
// kernel: functions without the suffixes that compilers append, callsites
// without offset.
func normalize(s Side, by []string) Side {
	s.Runs = slices.Clone(s.Runs)
	for i := range s.Runs {
		s.Runs[i].regroup(func(key []string) []string {
			key = slices.Clone(key)
			for k, name := range by {
				key[k] = normalName(name, key[k])
			}
			return key
		})
	}
	return s
}

// regroup gives the groups of a run other keys. Groups whose keys become the
// same become one.
func (r *Run) regroup(rename func(key []string) []string) {
	var groups []Group
	at := map[string]int{}
	for _, g := range r.Groups {
		g.Key = rename(g.Key)
		id := keyID(g.Key)
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

// unite makes one row of those whose keys hold sets with a name in common, on
// whatever sides they are: "a|b" before and "b" after may be the same cause,
// and one cause is not to be gone twice. The row's key has all their names.
func unite(sides []Side, by []string) {
	keys := keysOf(pointers(sides)...)
	parent := make([]int, len(keys))
	find := func(i int) int {
		for parent[i] != i {
			i = parent[i]
		}
		return i
	}
	holder := map[string]int{} // of a choice of names, one for each set
	for i := range keys {
		parent[i] = i
		for _, id := range choices(by, keys[i]) {
			if h, ok := holder[id]; ok {
				a, b := find(h), find(i)
				parent[max(a, b)] = min(a, b)
				continue
			}
			holder[id] = i
		}
	}
	joined := map[int][]string{} // by the first of the keys
	for i := range keys {
		joined[find(i)] = union(by, joined[find(i)], keys[i])
	}
	name := map[string][]string{}
	for i := range keys {
		name[keyID(keys[i])] = joined[find(i)]
	}
	for i := range sides {
		for j := range sides[i].Runs {
			sides[i].Runs[j].regroup(func(key []string) []string { return name[keyID(key)] })
		}
	}
}

// maxChoices bounds what names that are not of a kernel can make of a key.
const maxChoices = 1 << 12

// choices are the ids of all keys that a key with sets may be, two of which can
// be the same exactly if they share one. What is not known has none.
func choices(by, values []string) []string {
	if isNameless(by, values) {
		return nil
	}
	ids := []string{""}
	for k, v := range values {
		members := []string{v}
		if hasSets(by[k]) {
			members = slices.Collect(names.Members(v))
		}
		if len(ids)*len(members) > maxChoices {
			return nil
		}
		var longer []string
		for _, id := range ids {
			for _, m := range members {
				longer = append(longer, id+"\x00"+m)
			}
		}
		ids = longer
	}
	return ids
}

func pointers(sides []Side) []*Side {
	var out []*Side
	for i := range sides {
		out = append(out, &sides[i])
	}
	return out
}

// union adds the names of b to the values of a.
func union(by, a, b []string) []string {
	if a == nil {
		return slices.Clone(b)
	}
	for k := range a {
		if !hasSets(by[k]) {
			continue // they are the same
		}
		have := slices.Collect(names.Members(a[k]))
		for n := range names.Members(b[k]) {
			if !slices.Contains(have, n) {
				have = append(have, n)
			}
		}
		a[k] = strings.Join(have, "|")
	}
	return a
}

// add takes the hits of o in. A send that is in both counts twice.
func (g *Group) add(o Group) {
	g.Sends += o.Sends
	g.Hits += o.Hits
	g.Unattributed += o.Unattributed
	switch {
	case o.Cells == nil && o.Hits == 0:
		return
	case g.Cells == nil && g.Hits == o.Hits: // it had none itself
		g.Cells = slices.Clone(o.Cells)
		return
	case len(g.Cells) != len(o.Cells):
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
