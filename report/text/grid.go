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
	spareFirst bool // columns that can be spared go before any name is shortened
	cols       []column
	rows       int
	rest       string   // what rows are not shown
	out        []column // for which there was no room
	// colours holds a word for each row that decides its colour
	colours []string
	bars    *bars
}

// A column is the cells of one column from top to bottom.
type column struct {
	head  string
	at    int // where it stood among those to be shown
	cells []string
	key   bool // never left out
	name  bool // text, which may be shortened
	list  bool // words with + between them, the most frequent first
	spare int  // left out before others, the smallest first; 0 is none
	wraps bool // sentences: they take the width that is left
	right bool // numbers
}

func newGrid(t *result.Table, chosen choice) *grid {
	rows := chosen.rows
	g := &grid{rows: len(rows), rest: chosen.rest(), spareFirst: t.SpareFirst}
	show := t.Shown()
	for _, i := range show {
		c := t.Cols[i]
		name := c.Name
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
			head: c.Head, at: len(g.cols), key: c.Key, right: len(rows) > 0 && kind != result.KindString || name == t.Fold, wraps: name == t.Wrap,
			name: len(rows) > 0 && kind == result.KindString && name != "cpus" && name != t.Fold, spare: slices.Index(t.Spare, name) + 1,
			list: name == "class" || name == "evidence",
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
	i := max(t.Index("class"), t.Index("verdict"), t.Index("result"))
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

// writeRest says which rows and columns of the table are not shown.
func (g *grid) writeRest(w io.Writer, width int) error {
	if g.rest != "" {
		if _, err := fmt.Fprintln(w, g.rest); err != nil {
			return err
		}
	}
	if len(g.out) == 0 {
		return nil
	}
	slices.SortFunc(g.out, func(a, b column) int { return a.at - b.at })
	var heads []string
	for _, c := range g.out {
		heads = append(heads, Clean(c.head))
	}
	_, err := fmt.Fprintln(w, wrap("left out: "+strings.Join(heads, ", ")+" (wider, or --format json)", "", width))
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
