// Package csv writes the first table of a result as comma- or tab-separated
// values with a header line.
package csv

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// Options change how cells are written.
type Options struct {
	Comma rune
	Raw   bool // cells as they are in the trace
}

// Cell is a value's text as it may stand in a spreadsheet. A task gives itself any
// name: one that begins as a formula does gets a quote before it, which makes a
// spreadsheet take it for text (OWASP, "CSV Injection"), and control characters are
// written as escapes.
func Cell(v result.Value) string {
	if v.Kind == result.KindInt || v.Kind == result.KindFloat {
		return v.Text()
	}
	s := v.Text()
	if s != "" && strings.IndexByte("=+-@\t\r", s[0]) >= 0 {
		s = "'" + s
	}
	return text.Clean(s)
}

// Write writes the first table of s, all columns and all rows, exact numbers.
// Tab-separated values are not quoted: tabs and line breaks in a name become
// blanks.
func Write(w io.Writer, s *result.Set, o Options) error {
	comma, cell := o.Comma, Cell
	if o.Raw {
		cell = result.Value.Text
	}

	t := s.Tables[0]
	header := make([]string, len(t.Cols))
	for i, c := range t.Cols {
		header[i] = c.Name
	}
	rows := [][]string{header}
	for _, r := range t.Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = cell(v)
		}
		rows = append(rows, row)
	}
	if comma == '\t' {
		return writeTabs(w, rows)
	}
	cw := csv.NewWriter(w)
	cw.Comma = comma
	return cw.WriteAll(rows)
}

func writeTabs(w io.Writer, rows [][]string) error {
	clean := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	var b strings.Builder
	for _, row := range rows {
		for i, f := range row {
			if i > 0 {
				b.WriteByte('\t')
			}
			b.WriteString(clean.Replace(f))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
