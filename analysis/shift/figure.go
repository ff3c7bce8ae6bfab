package shift

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// Figure shows how the durations of the first rows are distributed on each side:
// the share that does not exceed a time. The runs of a side are put together.
func Figure(sides []Side, cfg Config, top int) *result.Figure {
	type rowDist struct {
		key   []string
		dists []*stat.Dist // by side
		count uint64
	}
	byKey := map[string]*rowDist{}
	for i, s := range sides {
		for _, r := range s.Runs {
			for k := range r.Groups {
				g := &r.Groups[k]
				id := strings.Join(g.Key, "\x00")
				if byKey[id] == nil {
					byKey[id] = &rowDist{key: g.Key, dists: make([]*stat.Dist, len(sides))}
				}
				x := byKey[id]
				if x.dists[i] == nil {
					x.dists[i] = &stat.Dist{}
				}
				x.dists[i].Merge(g.Values.Dist())
				x.count += g.Values.Count()
			}
		}
	}
	var rows []*rowDist
	for _, x := range byKey {
		rows = append(rows, x)
	}
	slices.SortFunc(rows, func(a, b *rowDist) int { return cmp.Or(cmp.Compare(b.count, a.count), slices.Compare(a.key, b.key)) })
	if top > 0 && len(rows) > top {
		rows = rows[:top]
	}
	var samples []stat.Sample
	for _, x := range rows {
		for i, s := range sides {
			name := s.Name
			if len(x.key) > 0 && len(rows) > 1 {
				name = strings.Join(x.key, ", ") + ": " + s.Name
			}
			if x.dists[i] != nil && x.dists[i].Count() > 0 {
				samples = append(samples, stat.Sample{Name: name, Dist: x.dists[i]})
			}
		}
	}
	f := stat.Cumulative(samples, "side", result.Axis{Name: "time", Label: cfg.Of, Unit: "ns"})
	f.Value.Label = "share that does not exceed it"
	f.Title = cfg.Of + " before and after"
	if len(cfg.By) > 0 {
		f.Title += ", by " + strings.Join(cfg.By, ", ")
		if len(rows) == 1 {
			f.Title = cfg.Of + " before and after: " + strings.Join(rows[0].key, ", ")
		}
	}
	return f
}
