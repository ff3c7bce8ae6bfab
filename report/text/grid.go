package text

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mattn/go-runewidth"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Widths to which names are shortened, in two steps.
const (
	readable = 24
	narrow   = 13
)

// A grid is a table as text, cut to what is shown.
type grid struct {
	heads []string
	keys  []bool // key columns, which are never left out
	names []bool // columns of names, which may be shortened
	right []bool // numbers
	rows  [][]string
	left  int // rows that are not shown
}

func newGrid(t *result.Table, top int) *grid {
	g := &grid{}
	rows := t.Rows
	if top > 0 && top < len(rows) {
		g.left = len(rows) - top
		rows = rows[:top]
	}
	show := t.Show
	if show == nil {
		for _, c := range t.Cols {
			show = append(show, c.Name)
		}
	}
	g.rows = make([][]string, len(rows))
	for _, name := range show {
		i := t.Index(name)
		c := t.Cols[i]
		if !c.Key && !c.Keep && isAllZero(rows, i) && len(show) > 4 {
			continue // a column of nothing tells nothing
		}
		g.heads = append(g.heads, c.Head)
		g.keys = append(g.keys, c.Key)
		g.names = append(g.names, len(rows) > 0 && rows[0][i].Kind == result.KindString && name != "cpus")
		g.right = append(g.right, len(rows) > 0 && rows[0][i].Kind != result.KindString)
		for r, row := range rows {
			g.rows[r] = append(g.rows[r], Clean(Human(row[i], c.Unit)))
		}
	}
	return g
}

func isAllZero(rows [][]result.Value, col int) bool {
	return !slices.ContainsFunc(rows, func(r []result.Value) bool { return r[col].Int != 0 || r[col].Float != 0 || r[col].Str != "" })
}

func (g *grid) writeRest(w io.Writer) error {
	if g.left == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "… and %d more (--top 0 shows all)\n", g.left)
	return err
}

func (g *grid) align() tw.Alignment {
	align := make(tw.Alignment, len(g.right))
	for c, right := range g.right {
		align[c] = tw.AlignLeft
		if right {
			align[c] = tw.AlignRight
		}
	}
	return align
}

func (g *grid) widths() []int {
	widths := make([]int, len(g.heads))
	for c, h := range g.heads {
		widths[c] = runewidth.StringWidth(h)
		for _, r := range g.rows {
			widths[c] = max(widths[c], runewidth.StringWidth(r[c]))
		}
	}
	return widths
}

// fit makes the table at most width columns wide. It shortens names in the
// middle while they stay readable, leaves out the last figures, shortens names
// further, and only then leaves out what is in front.
func (g *grid) fit(width int) {
	if width <= 0 {
		return
	}
	for {
		widths := g.widths()
		over := -gap - width
		for _, n := range widths {
			over += n + gap
		}
		switch {
		case over <= 0:
			return
		case g.shrink(widths, over, readable):
		case g.dropLast(func(c int) bool { return !g.names[c] }, g.lastName()):
		case g.shrink(widths, over, narrow):
		case g.dropLast(func(c int) bool { return !g.keys[c] }, 0):
		default:
			return
		}
	}
}

// shrink shortens the widest name to the width of the second widest, to least,
// or by what is needed. It reports whether it could.
func (g *grid) shrink(widths []int, over, least int) bool {
	widest, second := -1, least
	for c, n := range widths {
		if !g.names[c] {
			continue
		}
		if widest < 0 || n > widths[widest] {
			if widest >= 0 {
				second = max(second, widths[widest])
			}
			widest = c
		} else {
			second = max(second, n)
		}
	}
	if widest < 0 || widths[widest] <= least {
		return false
	}
	to := max(widths[widest]-over, least, min(second, widths[widest]-1))
	for _, r := range g.rows {
		r[widest] = Shorten(r[widest], to)
	}
	g.heads[widest] = Shorten(g.heads[widest], to)
	return true
}

// lastName is the last column of names.
func (g *grid) lastName() int {
	for c := len(g.names) - 1; c > 0; c-- {
		if g.names[c] {
			return c
		}
	}
	return 0
}

// dropLast leaves out the last column behind column after for which may holds.
func (g *grid) dropLast(may func(int) bool, after int) bool {
	for c := len(g.heads) - 1; c > after; c-- {
		if may(c) {
			g.drop(c)
			return true
		}
	}
	return false
}

func (g *grid) drop(c int) {
	g.heads = slices.Delete(g.heads, c, c+1)
	g.keys = slices.Delete(g.keys, c, c+1)
	g.names = slices.Delete(g.names, c, c+1)
	g.right = slices.Delete(g.right, c, c+1)
	for i, r := range g.rows {
		g.rows[i] = slices.Delete(r, c, c+1)
	}
}

// Shorten cuts s in the middle to at most width columns: the ends of a symbol
// say more than its middle.
func Shorten(s string, width int) string {
	if runewidth.StringWidth(s) <= width {
		return s
	}
	if width < 3 {
		return runewidth.Truncate(s, width, "")
	}
	head := (width - 1) / 2
	tail := width - 1 - head
	runes := []rune(s)
	for len(runes) > 0 && runewidth.StringWidth(string(runes)) > tail {
		runes = runes[1:]
	}
	return runewidth.Truncate(s, head, "") + "…" + string(runes)
}

// Clean makes text from a trace fit for a terminal: a comm may hold escape
// sequences, line breaks or bytes that are no UTF-8.
func Clean(s string) string {
	ok := func(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }
	if !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if ok(r) {
			b.WriteString(s[:n])
		} else {
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// Human is a value as a person reads it.
func Human(v result.Value, unit string) string {
	switch {
	case v.Void:
		return ""
	case v.Kind == result.KindString:
		return v.Str
	case unit == "1":
		return Percent(v.Float)
	case unit == "ns":
		return Duration(v.Int)
	case unit == "p":
		return Probability(v.Float)
	case unit == "ratio" && math.IsInf(v.Float, 1):
		return "∞"
	case unit == "ratio" && math.IsNaN(v.Float):
		return "–"
	case v.Kind == result.KindFloat:
		return Significant(v.Float)
	}
	return strconv.FormatInt(v.Int, 10)
}

// Percent prints a share; one that is not the whole is never rounded up to it,
// nor one that is not nothing down to it.
func Percent(share float64) string {
	p := 100 * share
	switch {
	case p > 99.9 && p < 100:
		return ">99.9 %"
	case p > 0 && p < 0.1:
		return "<0.1 %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// Probability prints the result of a test; less than a thousandth is all the
// same to a reader.
func Probability(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}

// Duration prints nanoseconds in the unit that leaves one to three digits
// before the point.
func Duration(ns int64) string {
	d := time.Duration(ns)
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		// what would round up to 1000.0 of the next smaller unit is one of this
		if limit := u.unit - u.unit/20000; d >= limit || -d >= limit {
			return strconv.FormatFloat(float64(d)/float64(u.unit), 'f', 1, 64) + " " + u.name
		}
	}
	return strconv.FormatInt(ns, 10) + " ns"
}

// Significant prints a number with three significant digits and no exponent.
func Significant(f float64) string {
	if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(f))))
	return strconv.FormatFloat(f, 'f', max(0, digits), 64)
}
