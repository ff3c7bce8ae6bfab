// Package text writes results for people: tables for a terminal and for
// markdown.
package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Options of the text forms.
type Options struct {
	Width  int  // columns available, 0 for no limit
	Colour bool // ANSI colours may be used
	Top    int  // rows of the first table to show, 0 for all
	Every  bool // Top holds for every table
	All    bool // idle rows are shown too, and those of CPUs that are alike
}

// top is how many rows of the table at index i are shown, 0 for all.
func (o Options) top(i int, t *result.Table) int {
	if t.Entire {
		return 0
	}
	if i == 0 || o.Every || o.Top == 0 { // 0 shows all of every table: what is left out says so
		return o.Top
	}
	return t.Brief
}

// gap is the number of blanks between two columns.
const gap = 2

// Write writes the verdict, then the tables.
func Write(w io.Writer, s *result.Set, o Options) error {
	lead := ""
	if s.Verdict != "" {
		if _, err := io.WriteString(w, Heading(wrap(Clean(s.Verdict), "", o.Width), o.Colour)+"\n"); err != nil {
			return err
		}
		for _, n := range s.Notes {
			if _, err := io.WriteString(w, wrap(Clean(n), "  ", o.Width)+"\n"); err != nil {
				return err
			}
		}
		lead = "\n"
	}
	for i, t := range s.Tables {
		if len(t.Rows) == 0 || t.Detail {
			continue
		}
		if _, err := io.WriteString(w, lead); err != nil {
			return err
		}
		lead = "\n"
		write := writeTable
		if t.Prose != "" {
			write = writeList
		}
		if err := write(w, t, o, o.top(i, t)); err != nil {
			return err
		}
	}
	return WriteExamples(w, s.Examples, o)
}

// writeTable renders one table without rules or borders, so that a line can be
// cut out and mailed.
func writeTable(w io.Writer, t *result.Table, o Options, top int) error {
	g := newGrid(t, choose(t, top, o.All))
	if g.rows == 0 {
		return g.writeRest(w, o.Width)
	}
	g.fit(o.Width)
	scale := g.addBars(o.Width)
	if o.Colour {
		g.paint()
	}
	cell := tw.CellConfig{
		Alignment:  tw.CellAlignment{PerColumn: g.align()},
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Padding:    tw.CellPadding{Global: tw.Padding{Right: strings.Repeat(" ", gap), Overwrite: true}},
	}
	var b strings.Builder
	tbl := tablewriter.NewTable(&b,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}),
	)
	if heads := g.heads(); strings.Join(heads, "") != "" {
		tbl.Header(heads)
	}
	if err := tbl.Bulk(g.lines()); err != nil {
		return err
	}
	if err := tbl.Render(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(w, trimRight(line)); err != nil {
			return err
		}
	}
	if scale != "" {
		if _, err := fmt.Fprintln(w, scale); err != nil {
			return err
		}
	}
	return g.writeRest(w, o.Width)
}

// WriteMarkdown writes the verdict and the tables as GitHub-flavoured markdown.
func WriteMarkdown(w io.Writer, s *result.Set, o Options) error {
	if s.Verdict != "" {
		if _, err := fmt.Fprintf(w, "**%s**\n", escapeMarkdown(Clean(s.Verdict))); err != nil {
			return err
		}
		for _, n := range s.Notes {
			if s.Sides == nil {
				break // only a comparison's say what its words mean
			}
			if _, err := fmt.Fprintf(w, "\n%s\n", escapeMarkdown(Clean(n))); err != nil {
				return err
			}
		}
	}
	for i, t := range s.Tables {
		if len(t.Rows) == 0 || t.Detail {
			continue
		}
		top := 0
		if (i == 0 || o.Every) && !t.Entire {
			top = o.Top
		}
		g := newGrid(t, choose(t, top, o.All))
		if _, err := fmt.Fprintln(w); err != nil {
			return err
		}
		if g.rows == 0 {
			if err := g.writeRest(w, 0); err != nil {
				return err
			}
			continue
		}
		for c := range g.cols {
			if col := &g.cols[c]; col.key {
				for r, cell := range col.cells {
					col.cells[r] = codeSpan(cell)
				}
			}
		}
		tbl := tablewriter.NewTable(w, tablewriter.WithRenderer(renderer.NewMarkdown()),
			tablewriter.WithConfig(tablewriter.Config{
				Header: tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: g.align()}, Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone}},
				Row:    tw.CellConfig{Alignment: tw.CellAlignment{PerColumn: g.align()}, Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone}},
			}))
		tbl.Header(g.heads())
		if err := tbl.Bulk(g.lines()); err != nil {
			return err
		}
		if err := tbl.Render(); err != nil {
			return err
		}
		if g.rest != "" {
			if _, err := fmt.Fprintln(w); err != nil { // or it would be a row of the table
				return err
			}
		}
		if err := g.writeRest(w, 0); err != nil {
			return err
		}
	}
	if err := writeMarkdownExamples(w, s.Examples, o); err != nil {
		return err
	}
	for _, x := range s.Warnings {
		if _, err := fmt.Fprintf(w, "\n> %s: %s\n", x.Code, escapeMarkdown(Clean(x.Text))); err != nil {
			return err
		}
	}
	return nil
}

func escapeMarkdown(s string) string {
	return strings.NewReplacer("*", `\*`, "_", `\_`, "<", "&lt;", "|", `\|`, "`", "'").Replace(s)
}

// codeSpan quotes a name in a table, where a bar ends the cell even within a
// code span.
func codeSpan(s string) string {
	return "`" + strings.NewReplacer("`", "'", "|", `\|`).Replace(s) + "`"
}
