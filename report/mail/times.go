package mail

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// WriteTimes writes a comparison of durations, which has the tables "rows" and
// "sides". top is how many rows are written, 0 for all.
func WriteTimes(w io.Writer, s *result.Set, top int) error {
	rows, sides := s.Table("rows"), s.Table("sides")
	if rows == nil || sides == nil || rows.Index("quantile") < 0 {
		return errors.New("this form is for comparisons of durations (ipiscope diff --of)")
	}
	var b strings.Builder
	writeSides(&b, sides)
	several := rows.Index("group") >= 0
	for i := range sides.Rows[1:] {
		name := record{sides, i + 1}.value("name").Str
		b.WriteByte('\n')
		if several {
			fmt.Fprintf(&b, "%s:\n", ascii(name))
		} else {
			name = ""
		}
		writeTimeRows(&b, s, rows, name, top)
	}
	b.WriteByte('\n')
	wrap(&b, "", timeNotes(s))
	for _, n := range s.Notes {
		wrap(&b, "  ", "- "+ascii(n))
	}
	for _, x := range s.Warnings {
		wrap(&b, "  ", "- "+ascii(x.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeTimeRows writes the table of one comparison.
func writeTimeRows(b *strings.Builder, s *result.Set, rows *result.Table, group string, top int) {
	title := []string{""}
	for _, f := range s.Totals {
		if f.Name == "of" {
			title[0] = ascii(f.Value.Str)
		}
	}
	lines, left := appendRows([][]string{append(title, head(s, group)...)}, rows, group, top, func(r record) []string {
		return append([]string{strings.TrimSpace(keyOf(s, r) + " " + r.str("quantile"))}, timeFigures(r)...)
	})
	writeGrid(b, lines)
	writeLeft(b, left)
}

func timeFigures(r record) []string {
	verdict := r.str("verdict")
	if verdict == "unclear" {
		verdict = "~ " + r.str("reason")
	}
	time := func(col string) string {
		if v := r.value(col); v.Kind != result.KindNone {
			return ascii(result.Duration(v.Int))
		}
		return "-"
	}
	of, interval := r.ratio()
	return []string{time("before.ns"), time("after.ns"), of, interval, verdict}
}

// timeNotes says what the figures are.
func timeNotes(s *result.Set) string {
	of, alpha, margin := "", 0.05, 1.25
	for _, f := range s.Totals {
		switch f.Name {
		case "of":
			of = ascii(f.Value.Str)
		case "alpha":
			alpha = f.Value.Float
		case "margin":
			margin = f.Value.Float
		}
	}
	return fmt.Sprintf("Medians (p50) and 99th percentiles (p99) of %s; ratios after to before. Changes are significant at a false discovery rate of %g (Benjamini-Hochberg; runs as random effects, t quantiles). unchanged: within a factor of %g; ~: not known, and why.", of, alpha, margin)
}
