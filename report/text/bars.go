package text

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Widths of a column of bars: what it has at most, and at least if there is room for it
// at all.
const (
	mostBars  = 80
	leastBars = 16
)

// bars are a column of values over time, drawn as bars of one scale.
type bars struct {
	head string
	unit string // of the time: ns, unless it says ticks
	rows []*result.Bars
}

func newBars(c *result.Col, rows [][]result.Value, col int) *bars {
	s := &bars{head: c.Head, unit: c.Unit}
	if s.unit == "" {
		s.unit = "ns"
	}
	for _, row := range rows {
		if row[col].Bars == nil {
			return nil
		}
		s.rows = append(s.rows, row[col].Bars)
	}
	return s
}

// addBars draws them into the width that the other columns leave. It
// returns a sentence about the scale, "" if there is no room.
func (g *grid) addBars(width int) string {
	if g.bars == nil {
		return ""
	}
	room := mostBars
	if width > 0 {
		for c := range g.cols {
			width -= g.cols[c].width() + gap
		}
		room = min(room, width)
	}
	if room < leastBars {
		return ""
	}
	return g.draw(room)
}

// draw adds a column of n bars at most.
func (g *grid) draw(n int) string {
	var rows [][]int64
	var most, cell int64
	for _, s := range g.bars.rows {
		per := max(1, (len(s.Counts)+n-1)/n)
		cell = s.Width * int64(per)
		row := make([]int64, (len(s.Counts)+per-1)/per)
		for i, v := range s.Counts {
			row[i/per] += v
			most = max(most, row[i/per])
		}
		rows = append(rows, row)
	}
	if most == 0 {
		return ""
	}
	col := column{head: g.bars.head}
	for _, row := range rows {
		var b strings.Builder
		for _, v := range row {
			b.WriteRune(bar(v, most))
		}
		col.cells = append(col.cells, b.String())
	}
	g.cols = append(g.cols, col)
	return fmt.Sprintf("over time: █ is %d in %s, a blank none", most, Human(result.Int(cell), g.bars.unit))
}

// bar is v of most, in eighths; what is not nothing is never shown as nothing.
func bar(v, most int64) rune {
	if v == 0 {
		return ' '
	}
	return []rune("▁▂▃▄▅▆▇█")[(v*8-1)/most]
}
