package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// First is when and where each group of hits shows first, by the dates of the units'
// recordings. Units without a date are left out.
func (f *Fleet) First(over string) *result.Set {
	set := f.newSet()
	var dated []*unit
	for _, u := range f.sorted() {
		if u.date != "" {
			dated = append(dated, u)
		}
	}
	slices.SortStableFunc(dated, func(a, b *unit) int { return cmp.Compare(a.date, b.date) })
	t := &result.Table{Name: "first", Title: "where groups show first"}
	for _, k := range f.by {
		t.Cols = append(t.Cols, result.Col{Name: k, Head: k, Key: true})
	}
	t.Cols = append(t.Cols,
		result.Col{Name: "date", Head: "date"}, result.Col{Name: "host", Head: over}, result.Col{Name: "kernel", Head: "kernel"},
		result.Col{Name: "hosts_before", Head: over + "s before", Keep: true, Help: "recorded at an earlier date without it: 0 says that it may be older than all recordings"},
		result.Col{Name: "hosts_in_doubt", Head: "of them in doubt", Help: "with lost events or sends that were not recorded, so that it may have been there"},
		result.Col{Name: "hosts_since", Head: over + "s since", Help: "with it, from that date on"})
	for _, id := range f.groupsByHits() {
		if row := f.first(id, dated); row != nil {
			t.Rows = append(t.Rows, row)
		}
	}
	slices.SortStableFunc(t.Rows, func(a, b []result.Value) int {
		return cmp.Or(cmp.Compare(b[len(f.by)].Str, a[len(f.by)].Str), slices.CompareFunc(a, b, result.Value.Compare))
	})
	set.Tables = []*result.Table{t}
	set.Verdict = fmt.Sprintf("%d groups on %s with a date", len(t.Rows), count(len(dated), over))
	if n := len(f.units) - len(dated); n > 0 {
		set.Warn("no-date", fmt.Sprintf("%s have no date, in a manifest or of a file: they are left out", count(n, over)))
	}
	f.warn(set, dated, over)
	return set
}

// first is the row of a group, nil if no dated unit has it.
func (f *Fleet) first(id string, dated []*unit) []result.Value {
	var at *unit
	since := 0
	for _, u := range dated {
		if u.first[id] == "" {
			continue
		}
		since++
		if at == nil || u.first[id] < at.first[id] {
			at = u
		}
	}
	if at == nil {
		return nil
	}
	date := at.first[id]
	before, inDoubt := 0, 0
	for _, u := range dated {
		if u.date < date {
			before++
			if u.doubted {
				inDoubt++
			}
		}
	}
	var row []result.Value
	for _, k := range strings.Split(id, "\x00") {
		row = append(row, result.Str(k))
	}
	return append(row, result.Str(date), result.Str(at.name), result.Str(at.is["kernel"]), result.Int(before), result.Int(inDoubt), result.Int(since))
}
