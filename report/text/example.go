package text

import (
	"fmt"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// ExampleLine is a line of a trace as a form for people shows it: tabs are the blanks
// they stand for, everything else that is no text is an escape.
func ExampleLine(line string) string {
	return Clean(strings.ReplaceAll(line, "\t", "        "))
}

// WriteExamples writes the events behind the rows that are shown, as they are pasted:
// their lines are not wrapped.
func WriteExamples(w io.Writer, examples []result.Example, o Options) error {
	var b strings.Builder
	for _, x := range result.Shown(examples, o.Top, o.All) {
		b.WriteString("\n" + Heading(wrap(Clean(x.Row+": "+x.Note), "  ", o.Width), o.Colour) + "\n")
		for _, line := range x.Lines {
			b.WriteString("  " + ExampleLine(line) + "\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeMarkdownExamples is WriteExamples for markdown.
func writeMarkdownExamples(w io.Writer, examples []result.Example, o Options) error {
	for _, x := range result.Shown(examples, o.Top, o.All) {
		if _, err := fmt.Fprintf(w, "\n%s\n", escapeMarkdown(Clean(x.Row+": "+x.Note))); err != nil {
			return err
		}
		if len(x.Lines) == 0 {
			continue
		}
		fence := "```"
		for _, line := range x.Lines {
			for strings.Contains(line, fence) {
				fence += "`"
			}
		}
		if _, err := fmt.Fprintf(w, "\n%s\n", fence); err != nil {
			return err
		}
		for _, line := range x.Lines {
			if _, err := fmt.Fprintln(w, ExampleLine(line)); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(w, fence); err != nil {
			return err
		}
	}
	return nil
}
