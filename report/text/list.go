package text

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// writeList renders a table with a column of sentences: each row is a line with
// the sentence wrapped below it.
func writeList(w io.Writer, t *result.Table, o Options, top int) error {
	prose := t.Index(t.Prose)
	heads := *t
	heads.Show = slices.DeleteFunc(slices.Clone(t.Show), func(name string) bool { return name == t.Prose })
	chosen := choose(t, top, o.All)
	g := newGrid(&heads, chosen)
	g.fit(o.Width - 2)
	widths := make([]int, len(g.cols))
	for c := range g.cols {
		widths[c] = g.cols[c].width()
	}
	if o.Colour {
		g.paint()
	}
	var b strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&b, "%s:\n", t.Title)
	}
	for i, row := range g.lines() {
		line := "  "
		for c, cell := range row {
			if c > 0 {
				line += strings.Repeat(" ", gap)
			}
			pad := strings.Repeat(" ", max(0, widths[c]-visible(cell)))
			if g.cols[c].right {
				line += pad + cell
			} else {
				line += cell + pad
			}
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
		b.WriteString(wrap(Clean(chosen.rows[i][prose].Str), "      ", o.Width) + "\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return g.writeRest(w, o.Width)
}

// wrap breaks text into indented lines of at most width columns, where its words
// allow; 0 breaks nothing.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := runewidth.StringWidth(word)
		switch {
		case b.Len() == 0:
			b.WriteString(indent)
			used = len(indent)
		case width > 0 && used+1+n > width:
			b.WriteString("\n" + indent)
			used = len(indent)
		default:
			b.WriteByte(' ')
			used++
		}
		b.WriteString(word)
		used += n
	}
	return b.String()
}
