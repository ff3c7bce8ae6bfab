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
func writeList(w io.Writer, t *result.Table, width, top int) error {
	prose := t.Index(t.Prose)
	heads := *t
	heads.Show = slices.DeleteFunc(slices.Clone(t.Show), func(name string) bool { return name == t.Prose })
	g := newGrid(&heads, top)
	var b strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&b, "%s:\n", t.Title)
	}
	g.fit(width)
	widths := g.widths()
	for i, row := range g.rows {
		b.WriteString(" ")
		for c, cell := range row {
			pad := strings.Repeat(" ", max(0, widths[c]-runewidth.StringWidth(cell)))
			if g.right[c] {
				cell = pad + cell
			} else {
				cell += pad
			}
			b.WriteString(" " + cell + " ")
		}
		line := strings.TrimRight(b.String(), " ")
		b.Reset()
		b.WriteString(line + "\n")
		b.WriteString(wrap(Clean(t.Rows[i][prose].Str), "      ", width))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	return g.writeRest(w)
}

// wrap breaks text into indented lines of at most width columns; 0 breaks
// nothing.
func wrap(text, indent string, width int) string {
	var b strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		n := runewidth.StringWidth(word)
		switch {
		case used == 0:
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
	b.WriteByte('\n')
	return b.String()
}
