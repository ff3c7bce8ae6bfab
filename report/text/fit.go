package text

import "slices"

// Widths to which names are shortened where there is no room.
const (
	readable = 24
	short    = 18
	narrow   = 13
	tiny     = 4
)

// A round says how far names and keys may be shortened.
type round struct{ names, keys int }

// rounds are gone through until the table fits: keys keep more than other names.
func rounds() []round {
	return []round{{readable, wide}, {short, wide}, {short, readable}, {narrow, readable}, {narrow, short}, {narrow, narrow}, {tiny, tiny}}
}

// wide is more than any name has.
const wide = 1 << 16

// fit makes the table at most width columns wide. Names that are no keys are
// shortened in the middle first; then figures and sentences are left out that the table
// can spare, then the last figures, then other columns that it can spare; then
// names are shortened further, keys last; only then is left out what is in front.
func (g *grid) fit(width int) {
	if width <= 0 {
		return
	}
	for g.spareFirst && !g.fits(width, round{wide, wide}) && g.drop(g.spare(func(*column) bool { return true })) {
	}
	for !g.fits(width, round{readable, readable}) && g.drop(g.spare(func(c *column) bool { return !c.name || c.wraps })) {
	}
	for !g.fits(width, round{readable, readable}) && g.drop(g.lastFigure()) {
	}
	for !g.fits(width, round{narrow, readable}) && g.drop(g.spare(func(*column) bool { return true })) {
	}
	for !g.fits(width, round{narrow, short}) && g.drop(g.lastOf(func(c *column) bool { return !c.key && !c.wraps })) {
	}
	before := round{wide, wide}
	for _, r := range rounds() {
		if g.fits(width, r) {
			g.shorten(width, before, r)
			return
		}
		before = r
	}
	g.shorten(width, before, before)
}

// least is the width that a column may be shortened to.
func (c *column) least(r round) int {
	switch {
	case c.wraps:
		return min(c.width(), readable)
	case !c.name:
		return c.width()
	case c.key:
		return min(c.width(), r.keys)
	}
	return min(c.width(), r.names)
}

// fits reports whether there is room if names are shortened so far.
func (g *grid) fits(width int, r round) bool {
	sum := -gap
	for c := range g.cols {
		sum += g.cols[c].least(r) + gap
	}
	return sum <= width
}

// shorten shortens names as far as needed, from one round on to the next:
// sentences first, then names, then keys, and among these the widest.
func (g *grid) shorten(width int, from, to round) {
	widths := make([]int, len(g.cols))
	over := -gap - width
	for c := range g.cols {
		widths[c] = g.cols[c].least(from)
		if g.cols[c].wraps {
			widths[c] = g.cols[c].width()
		}
		over += widths[c] + gap
	}
	for _, turn := range []func(*column) bool{
		func(c *column) bool { return c.wraps },
		func(c *column) bool { return !c.key },
		func(c *column) bool { return true },
	} {
		for over > 0 {
			widest := -1
			for c := range g.cols {
				if turn(&g.cols[c]) && widths[c] > g.cols[c].least(to) && (widest < 0 || widths[c] > widths[widest]) {
					widest = c
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
			over--
		}
	}
	for c := range g.cols {
		g.cols[c].cut(widths[c])
	}
}

// cut makes the column at most width wide.
func (c *column) cut(width int) {
	if c.width() <= width {
		return
	}
	c.head = Shorten(c.head, width)
	if c.wraps {
		for r, cell := range c.cells {
			c.cells[r] = wrap(cell, "", width)
		}
		return
	}
	if c.list {
		for r, cell := range c.cells {
			c.cells[r] = shortenList(cell, width)
		}
	}
	c.cells = shortenApart(c.cells, width)
}

// lastFigure is the last column behind all names, -1 if there is none.
func (g *grid) lastFigure() int {
	if c := len(g.cols) - 1; c > 0 && !g.cols[c].name {
		return c
	}
	return -1
}

// spare is the column that people miss least of those for which may holds, -1 if
// the table can spare none of them.
func (g *grid) spare(may func(*column) bool) int {
	least := -1
	for i := range g.cols {
		c := &g.cols[i]
		if c.spare > 0 && !c.key && may(c) && (least < 0 || c.spare < g.cols[least].spare) {
			least = i
		}
	}
	return least
}

// lastOf is the last column for which may holds, the first one excepted; -1 if
// there is none.
func (g *grid) lastOf(may func(*column) bool) int {
	for c := len(g.cols) - 1; c > 0; c-- {
		if may(&g.cols[c]) {
			return c
		}
	}
	return -1
}

// drop leaves out a column, whose name is kept, and reports whether there is one.
func (g *grid) drop(c int) bool {
	if c < 0 {
		return false
	}
	g.out = append(g.out, g.cols[c])
	g.cols = slices.Delete(g.cols, c, c+1)
	return true
}
