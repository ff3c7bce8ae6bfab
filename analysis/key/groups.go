package key

import (
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Other stands for the keys of all groups beyond a limit.
const Other = "(other)"

// DefaultMaxGroups is the limit that keeps the groups of any trace within some
// 64 MiB.
const DefaultMaxGroups = 1 << 16

// Groups holds what is counted for each combination of keys. Beyond its limit
// further combinations share one more group, so that memory has a bound whatever
// a trace holds: groups that have a place of their own are complete.
type Groups[G any] struct {
	byIDs map[IDs]*G
	keys  int // how many there are in a combination
	max   int
	other *G
}

// NewGroups returns an empty Groups for combinations of that many keys, at most
// max of them; 0 sets no limit.
func NewGroups[G any](keys, max int) Groups[G] {
	return Groups[G]{byIDs: map[IDs]*G{}, keys: keys, max: max}
}

// Get returns the group of a combination, and whether it is a new one.
func (g *Groups[G]) Get(ids IDs) (v *G, isNew bool) {
	if v := g.byIDs[ids]; v != nil {
		return v, false
	}
	if g.other != nil {
		return g.other, false
	}
	full := g.max > 0 && len(g.byIDs) >= g.max
	if full {
		for i := range g.keys {
			ids[i] = other
		}
	}
	if v = g.byIDs[ids]; v == nil {
		v, isNew = new(G), true
		g.byIDs[ids] = v
	}
	if full {
		g.other = v
	}
	return v, isNew
}

// Hold notes the stacks and the names of tasks among the keys.
func (g *Groups[G]) Hold(h *trace.Held, by []Key) {
	for i, k := range by {
		switch k {
		case Comm, Name:
			for ids := range g.byIDs {
				h.Name(trace.NameID(ids[i]))
			}
		case Stack:
			for ids := range g.byIDs {
				h.Stack(trace.StackID(ids[i]))
			}
		}
	}
}

// All returns the groups by their keys. It is not to be changed.
func (g *Groups[G]) All() map[IDs]*G { return g.byIDs }

// Folded reports whether there were more combinations than the limit.
func (g *Groups[G]) Folded() bool { return g.other != nil }

// FoldedCode is the code of what WarnFolded says.
const FoldedCode = "max-groups"

// WarnFolded says in a result that groups were folded together.
func WarnFolded(set *result.Set) {
	text := "there are more groups than --max-groups: those that came first have all that is theirs, the rest is together in " + Other
	if len(set.Inputs) > 1 {
		text = "there are more groups than --max-groups: those that came first in each trace have all that is theirs there, the rest is together in " + Other +
			"; a group that came late in one of them is at least what it shows"
	}
	set.Warn(FoldedCode, text)
}
