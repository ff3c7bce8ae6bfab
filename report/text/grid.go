package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// A grid is a table as text, cut to what is shown.
type grid struct {
	cols []column
	rows int
	left int // rows that are not shown
	// colours holds a word for each row that decides its colour
	colours []string
	bars    *bars
}

// A column is the cells of one column from top to bottom.
type column struct {
	head  string
	cells []string
	key   bool // never left out
	name  bool // text, which may be shortened
	spare bool // left out before others
	wraps bool // sentences: they take the width that is left
	right bool // numbers
}

func newGrid(t *result.Table, top int) *grid {
	rows := t.Rows
	g := &grid{}
	if top > 0 && top < len(rows) {
		g.left = len(rows) - top
		rows = rows[:top]
	}
	g.rows = len(rows)
	show := t.Show
	if show == nil {
		for _, c := range t.Cols {
			show = append(show, c.Name)
		}
	}
	for _, name := range show {
		i := t.Index(name)
		c := t.Cols[i]
		if !c.Key && !c.Keep && isAllZero(rows, i) && len(show) > 4 || c.NeedsWhole() && isAllNone(rows, i) {
			continue // a column of nothing tells nothing
		}
		kind := result.KindInt
		if len(rows) > 0 {
			kind = rows[0][i].Kind
		}
		if kind == result.KindBars {
			g.bars = newBars(&c, rows, i)
			continue
		}
		col := column{
			head: c.Head, key: c.Key, right: len(rows) > 0 && kind != result.KindString, wraps: name == t.Wrap,
			name: len(rows) > 0 && kind == result.KindString && name != "cpus", spare: !c.Key && slices.Contains(t.Spare, name),
		}
		for _, row := range rows {
			cell := Human(row[i], c.Unit)
			if end := t.Index(c.To); end >= 0 {
				cell = "(" + cell + "–" + Human(row[end], t.Cols[end].Unit) + ")"
			}
			col.cells = append(col.cells, Clean(cell))
		}
		g.cols = append(g.cols, col)
	}
	g.colours = colourWords(t, rows)
	return g
}

func isAllNone(rows [][]result.Value, col int) bool {
	return len(rows) > 0 && !slices.ContainsFunc(rows, func(r []result.Value) bool { return r[col].Kind != result.KindNone })
}

func isAllZero(rows [][]result.Value, col int) bool {
	return !slices.ContainsFunc(rows, func(r []result.Value) bool {
		return r[col].Int != 0 || r[col].Float != 0 || r[col].Str != "" || r[col].Bars != nil
	})
}

// colourWords finds the column that rows are coloured by.
func colourWords(t *result.Table, rows [][]result.Value) []string {
	i := max(t.Index("class"), t.Index("verdict"))
	words := make([]string, len(rows))
	for r, row := range rows {
		if i >= 0 {
			words[r] = leading(row[i].Str)
		}
	}
	return words
}

// leading is the word that a cell begins with: of a list the most frequent one, of
// a verdict the one before its bound.
func leading(cell string) string {
	word, _, _ := strings.Cut(cell, "+")
	word, _, _ = strings.Cut(word, " (")
	return word
}

// paint colours the keys and the words that decide the colour.
func (g *grid) paint() {
	for c := range g.cols {
		col := &g.cols[c]
		for r, cell := range col.cells {
			if col.key || col.name && leading(cell) == g.colours[r] {
				col.cells[r] = Coloured(cell, g.colours[r])
			}
		}
	}
}

func (g *grid) writeRest(w io.Writer) error {
	if g.left == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "… and %d more (--top 0 shows all)\n", g.left)
	return err
}

func (g *grid) heads() []string {
	heads := make([]string, len(g.cols))
	for c := range g.cols {
		heads[c] = g.cols[c].head
	}
	return heads
}

// lines are the rows.
func (g *grid) lines() [][]string {
	lines := make([][]string, g.rows)
	for r := range lines {
		for c := range g.cols {
			lines[r] = append(lines[r], g.cols[c].cells[r])
		}
	}
	return lines
}

func (g *grid) align() tw.Alignment {
	align := make(tw.Alignment, len(g.cols))
	for c := range g.cols {
		align[c] = tw.AlignLeft
		if g.cols[c].right {
			align[c] = tw.AlignRight
		}
	}
	return align
}

func (c *column) width() int {
	n := runewidth.StringWidth(c.head)
	for _, cell := range c.cells {
		n = max(n, runewidth.StringWidth(cell))
	}
	return n
}
