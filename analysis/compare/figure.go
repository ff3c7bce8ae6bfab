package compare

import (
	"math"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Figure shows the first rows of a comparison: the rate of each side with its
// interval, and the verdict. The sum of all rows comes first.
func Figure(set *result.Set, top int) *result.Figure {
	f := &result.Figure{Name: "diff", Form: result.FormIntervals, By: "side", Title: "Before and after, by " + strings.Join(set.By, ", ")}
	f.Y = result.Axis{Name: strings.Join(set.By, ","), Label: strings.Join(set.By, ", ")}
	f.Value = result.Axis{Name: "rate", Label: "hits per isolated CPU and hour", Unit: "1/h"}
	for _, t := range set.Totals {
		if t.Name == "rate_unit" {
			f.Value.Label = t.Value.Str
		}
	}
	f.Value.Label += ", with 95 % intervals"
	rows, total := set.Table("rows"), set.Table("total")
	b := figureRows{f: f, sides: map[string]int{}}
	b.side(total.Cols[total.Index("before.hits")].Head)
	for _, row := range total.Rows {
		b.add("all hits", total, row)
	}
	for _, row := range rows.Rows {
		var key []string
		for _, k := range set.By {
			key = append(key, row[rows.Index(k)].Str)
		}
		name := strings.Join(key, ", ")
		if top > 0 && len(f.Rows) > top && !slices.Contains(f.Rows, name) {
			continue
		}
		b.add(name, rows, row)
	}
	return f
}

// figureRows puts the rows of a comparison's tables into a figure.
type figureRows struct {
	f     *result.Figure
	sides map[string]int // index of Series
}

func (b *figureRows) side(name string) int {
	i, ok := b.sides[name]
	if !ok {
		i = len(b.f.Series)
		b.sides[name] = i
		b.f.Series = append(b.f.Series, result.Series{Name: name})
	}
	return i
}

func (b *figureRows) add(name string, t *result.Table, row []result.Value) {
	at := slices.Index(b.f.Rows, name)
	isNew := at < 0
	if isNew {
		at = len(b.f.Rows)
		b.f.Rows = append(b.f.Rows, name)
	}
	point := func(side string) result.Point {
		p := result.Point{Row: at, Value: row[t.Index(side+".rate")].Float, Lo: row[t.Index(side+".lo")].Float, Hi: row[t.Index(side+".hi")].Float}
		if math.IsInf(p.Hi, 0) || math.IsNaN(p.Hi) {
			p.Hi = p.Value
		}
		return p
	}
	if isNew {
		b.f.Series[0].Points = append(b.f.Series[0].Points, point("before"))
	}
	after := t.Cols[t.Index("after.hits")].Head
	if i := t.Index("group"); i >= 0 {
		after = row[i].Str
	}
	p := point("after")
	p.Note = row[t.Index("verdict")].Str
	i := b.side(after)
	b.f.Series[i].Points = append(b.f.Series[i].Points, p)
}
