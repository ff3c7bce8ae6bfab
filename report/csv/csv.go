// Package csv writes the first table of a result as comma- or tab-separated
// values with a header line.
package csv

import (
	"encoding/csv"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Write writes the first table of s, all columns and all rows, exact numbers.
// Tab-separated values are not quoted: tabs and line breaks in a name become
// blanks.
func Write(w io.Writer, s *result.Set, comma rune) error {
	t := s.Tables[0]
	header := make([]string, len(t.Cols))
	for i, c := range t.Cols {
		header[i] = c.Name
	}
	rows := [][]string{header}
	for _, r := range t.Rows {
		row := make([]string, len(r))
		for i, v := range r {
			row[i] = v.Text()
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
