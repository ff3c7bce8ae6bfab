package html

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// A table is a result.Table as the page shows it.
type table struct {
	ID    string
	Heads []head
	Rows  []tableRow
	Rest  string // what is not shown
	List  bool   // its rows are of one kind, so that it can be filtered and added up
}

type head struct{ Name, Text, Help, Style string }

// A tableRow has the index of its line of cells over time, -1 if it has none.
type tableRow struct {
	Cells []cell
	Line  int
}

// A cell is what it says and, of a number, the exact value.
type cell struct {
	Head    bool // names the row
	Text    string
	Value   string
	Style   string
	Class   string // marked with the colour of this class
	Picture template.HTML
	// Bar is a picture in front of the text.
	Bar template.HTML
}

// newTable takes what people are shown of t: the columns that say something,
// the names of the rows first.
func newTable(s *result.Set, t *result.Table, l limits) *table {
	v := &table{ID: t.Name, List: t.Name == "cpus" || t.Detail || slices.ContainsFunc(t.Cols, func(c result.Col) bool { return c.Key })}
	cols := shownColumns(t)
	pics := newPictures(t)
	for _, i := range cols {
		v.Heads = append(v.Heads, newHead(t, i, l))
		if h, ok := pics.head(i); ok {
			v.Heads = append(v.Heads, h)
		}
	}
	room := l.table
	for r, row := range t.Rows {
		x := tableRow{Line: -1}
		for _, i := range cols {
			x.Cells = append(x.Cells, newCell(s, t, i, row[i], l))
			if _, ok := pics.head(i); ok {
				x.Cells = append(x.Cells, cell{Picture: pics.draw(r)})
			}
		}
		if pics.over >= 0 {
			x.Line = r
		}
		if room -= x.size(); room < 0 || r == l.rows {
			v.Rest = rest(t, r)
			break
		}
		v.Rows = append(v.Rows, x)
	}
	return v
}

// rest says what the rows from r on are.
func rest(t *result.Table, r int) string {
	left := len(t.Rows) - r
	more := fmt.Sprintf("… and %d more rows", left)
	if i := t.Index("hits"); i >= 0 {
		var hits int64
		for _, row := range t.Rows[r:] {
			hits += row[i].Int
		}
		more += fmt.Sprintf(" with %d hits", hits)
	}
	return more + "; --format csv has all of them"
}

// size is about how many bytes a row takes.
func (x *tableRow) size() int {
	n := 32
	for _, c := range x.Cells {
		n += 48 + len(template.HTMLEscapeString(c.Text)) + len(c.Value) + len(c.Picture) + len(c.Bar)
	}
	return n
}

// shownColumns are the columns that people are shown, those that name the row
// first.
func shownColumns(t *result.Table) []int {
	var keys, others []int
	for _, i := range t.Shown() {
		switch {
		case i == t.OverTime(): // a picture
		case namesRow(t, i):
			keys = append(keys, i)
		case !saysNothing(t, i):
			others = append(others, i)
		}
	}
	return append(keys, others...)
}

// namesRow reports whether a column tells the rows apart: a key, or where there
// is none the first column or that of names.
func namesRow(t *result.Table, i int) bool {
	if slices.ContainsFunc(t.Cols, func(c result.Col) bool { return c.Key }) {
		return t.Cols[i].Key
	}
	if name := t.Index("name"); name >= 0 {
		return i == name
	}
	return i == 0
}

// saysNothing reports whether a column is 0 or empty in all rows.
func saysNothing(t *result.Table, col int) bool {
	return !slices.ContainsFunc(t.Rows, func(r []result.Value) bool {
		return r[col].Int != 0 || r[col].Float != 0 || r[col].Str != ""
	})
}

// retotalled are the columns that can be told for a part of the time.
func retotalled() []string { return []string{"hits", "share", "rate_hz", "per_cpu_hour"} }

func newHead(t *result.Table, i int, l limits) head {
	c := t.Cols[i]
	h := head{Name: c.Name, Text: l.shown(c.Head), Help: l.shown(c.Help), Style: style(t, i)}
	return h
}

// style is the classes of a column's cells, as style.css names them.
func style(t *result.Table, i int) string {
	c := t.Cols[i]
	number := len(t.Rows) > 0 && t.Rows[0][i].Kind != result.KindString
	var all []string
	switch {
	case number && namesRow(t, i):
	case number:
		all = append(all, "num")
	case c.Name == "verdict" && t.Name == "cpus" || c.Name == "reason":
		all = append(all, "prose")
	case c.Key || c.Name == "top_cause":
		all = append(all, "key")
		if isLong(t, i) {
			all = append(all, "long")
		}
	}
	if !namesRow(t, i) && t.OverTime() >= 0 && !slices.Contains(retotalled(), c.Name) {
		all = append(all, "whole")
	}
	return strings.Join(all, " ")
}

// longName is how many characters a name has at most to stand in one line.
const longName = 48

// isLong reports whether a column holds names that have to be broken.
func isLong(t *result.Table, i int) bool {
	return slices.ContainsFunc(t.Rows, func(r []result.Value) bool { return len(r[i].Str) > longName })
}

// marked are the columns of words that have a colour.
func marked(name string) bool {
	return name == "class" || name == "verdict" || name == "says" || name == "result"
}

func newCell(s *result.Set, t *result.Table, i int, v result.Value, l limits) cell {
	col := t.Cols[i]
	c := cell{Text: l.shown(human(s, v, col.Unit)), Style: style(t, i)}
	c.Head = namesRow(t, i)
	switch v.Kind {
	case result.KindInt:
		c.Value = strconv.FormatInt(v.Int, 10)
	case result.KindFloat:
		if !math.IsNaN(v.Float) {
			c.Value = strconv.FormatFloat(v.Float, 'g', -1, 64)
		}
	default:
		if marked(col.Name) && t.Name != "cpus" && v.Str != "" {
			c.Class, _, _ = strings.Cut(c.Text, "+")
			c.Class, _, _ = strings.Cut(c.Class, " (")
		}
	}
	if col.Name == "share" {
		c.Bar = bar(v.Float)
	}
	return c
}

// withoutIdle is the result without the rows that tell of nothing, and how many they
// are by table. The result that was given stays as it is.
func withoutIdle(s *result.Set) (*result.Set, map[string]int) {
	busy, idle := *s, map[string]int{}
	busy.Tables, busy.Examples = slices.Clone(s.Tables), result.Shown(s.Examples, 0, false)
	for i, t := range s.Tables {
		rows := t.Busy()
		if n := len(t.Rows) - len(rows); n > 0 {
			of := *t
			of.Rows = rows
			busy.Tables[i], idle[t.Name] = &of, n
		}
	}
	return &busy, idle
}

// sayIdle adds how many rows without a hit the tables have.
func (p *page) sayIdle(idle map[string]int) {
	for i := range p.Sections {
		t := p.Sections[i].Table
		if t == nil || idle[t.ID] == 0 {
			continue
		}
		if t.Rest != "" {
			t.Rest += "; "
		}
		t.Rest += fmt.Sprintf("%d without a hit left out (--all-rows shows them)", idle[t.ID])
	}
}
