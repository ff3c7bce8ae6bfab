package noise

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/stat"
)

// A Timed is the single noises of a group in their order, for comparisons.
type Timed struct {
	Key    []string
	Values stat.Sequence
	// Means says which tracers told of them: they do not see the same.
	Means string
}

// Timed returns the groups of noise with single times in their order, but for
// idle and the CPU's own task. It needs Config.Sequences, and a State whose
// Counts were taken.
func (s *State) Timed() []Timed {
	tracers := map[string]bool{}
	for n := range s.cpus {
		if !s.cpus[n].seesNoise() {
			continue
		}
		if tracer, _ := s.deliveries.Noises().Measures(int32(n)); tracer != "" {
			tracers[tracer] = true
		} else {
			tracers["no workload"] = true
		}
	}
	means := "noise events of " + strings.Join(sorted(tracers), ", ")
	byKey := map[string]*Timed{}
	for ids, g := range s.groups.All() {
		if g.sequence == nil {
			continue
		}
		var key []string
		for i, k := range s.cfg.By {
			key = append(key, k.Text(ids[i], s.table, s.attr))
		}
		id := strings.Join(key, "\x00")
		if byKey[id] == nil {
			byKey[id] = &Timed{Key: key, Means: means}
		}
		byKey[id].Values.Merge(g.sequence)
	}
	var list []Timed
	for _, x := range byKey {
		list = append(list, *x)
	}
	slices.SortFunc(list, func(a, b Timed) int { return slices.Compare(a.Key, b.Key) })
	return list
}

func sorted(set map[string]bool) []string {
	var list []string
	for name := range set {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}

// Missing is how many noises the trace lacks at most, or does not put into their
// group: those that samples count and no event tells of, those whose times cannot
// be, and those of IPIs whose send was not recorded, or not told from others.
func (s *State) Missing() uint64 {
	n := s.unseen + s.unnamed
	for i := range s.cpus {
		n += s.cpus[i].bad
	}
	return n
}

// Folded reports whether the trace had more groups than Config.MaxGroups.
func (s *State) Folded() bool { return s.groups.Folded() }
