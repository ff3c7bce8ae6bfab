// Package mail writes results as plain text for a mailing list: ASCII, no
// line longer than 72 columns, nothing that only a terminal shows. It can be
// pasted under "Testing" in a cover letter as it is.
package mail

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// Width is the length of the longest line, but for names that are longer.
const Width = 72

// Write writes a result that has the tables "rows", "total" and "sides" of a
// comparison. top is how many rows are written, 0 for all.
func Write(w io.Writer, s *result.Set, top int) error {
	rows, total, sides := s.Table("rows"), s.Table("total"), s.Table("sides")
	if rows == nil || total == nil || sides == nil || len(sides.Rows) == 0 {
		return errors.New("the form mail is for comparisons (ipiscope diff)")
	}
	var b strings.Builder
	writeSides(&b, sides)
	several := rows.Index("group") >= 0
	for group := range groups(total, several) {
		b.WriteByte('\n')
		if several {
			fmt.Fprintf(&b, "%s:\n", ascii(group))
		}
		writeRows(&b, s, rows, total, group, top)
	}
	b.WriteByte('\n')
	wrap(&b, "", notes(s))
	for _, x := range s.Warnings {
		wrap(&b, "  ", "- "+ascii(x.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// A record is one row of a table.
type record struct {
	t   *result.Table
	row int
}

func (r record) value(col string) result.Value {
	if i := r.t.Index(col); i >= 0 {
		return r.t.Rows[r.row][i]
	}
	return result.Value{}
}

func (r record) str(col string) string    { return ascii(r.value(col).Str) }
func (r record) int(col string) int64     { return r.value(col).Int }
func (r record) float(col string) float64 { return r.value(col).Float }

// groups yields the names of the groups that are compared with the first one; a
// single empty name if there is one.
func groups(total *result.Table, several bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for i := range total.Rows {
			name := ""
			if several {
				name = record{total, i}.value("group").Str
			}
			if !yield(name) {
				return
			}
		}
	}
}

// writeSides writes what was recorded: what all sides have in common once.
func writeSides(b *strings.Builder, sides *result.Table) {
	common := ""
	own := make([]string, len(sides.Rows))
	for _, f := range []struct{ col, name string }{
		{"isolated", "isolated CPUs "}, {"kernel", "Linux "}, {"host", "host "}, {"clock", "clock "},
	} {
		same := true
		for i := range sides.Rows {
			same = same && record{sides, i}.str(f.col) == record{sides, 0}.str(f.col)
		}
		for i := range sides.Rows {
			value := record{sides, i}.str(f.col)
			switch {
			case value == "":
			case !same:
				own[i] += ", " + f.name + value
			case i == 0:
				common += ", " + f.name + value
			}
		}
	}
	for i := range sides.Rows {
		r := record{sides, i}
		runs := "1 run"
		if n := r.int("runs"); n != 1 {
			runs = fmt.Sprintf("%d runs", n)
		}
		facts := runs + ", " + ascii(result.Duration(r.int("duration_ns")))
		if work := r.float("work"); work > 0 {
			facts += ", " + text.Significant(work) + " units of work"
		}
		wrap(b, "  ", r.str("name")+": "+facts+own[i]+", events lost: "+r.str("lost"))
	}
	if common != "" {
		wrap(b, "  ", "all: "+strings.TrimPrefix(common, ", "))
	}
}

// writeRows writes the table of one comparison.
func writeRows(b *strings.Builder, s *result.Set, rows, total *result.Table, group string, top int) {
	lines := [][]string{append([]string{strings.Join(s.By, ", ")}, head(s, group)...)}
	lines, left := appendRows(lines, rows, group, top, func(r record) []string { return append([]string{keyOf(s, r)}, figures(r)...) })
	for i := range total.Rows {
		if r := (record{total, i}); r.value("group").Str == group {
			lines = append(lines, append([]string{"all hits"}, figures(r)...))
		}
	}
	writeGrid(b, lines)
	writeLeft(b, left)
}

// appendRows adds the lines of the first top rows of a group (0: all) and tells
// how many rows are left.
func appendRows(lines [][]string, rows *result.Table, group string, top int, line func(record) []string) ([][]string, int) {
	n, left := 0, 0
	for i := range rows.Rows {
		r := record{rows, i}
		if r.value("group").Str != group {
			continue
		}
		if n++; top > 0 && n > top {
			left++
			continue
		}
		lines = append(lines, line(r))
	}
	return lines, left
}

func keyOf(s *result.Set, r record) string {
	var key []string
	for _, k := range s.By {
		key = append(key, r.str(k))
	}
	return strings.Join(key, ", ")
}

func writeLeft(b *strings.Builder, left int) {
	if left > 0 {
		fmt.Fprintf(b, "and %d more rows\n", left)
	}
}

// head names the columns after the first side and the group compared with it.
func head(s *result.Set, group string) []string {
	sides := s.Table("sides")
	if group == "" && len(sides.Rows) > 1 {
		group = sides.Rows[1][sides.Index("name")].Str
	}
	return []string{short(record{sides, 0}.str("name")), short(ascii(group)), "ratio", "(95 % CI)", "verdict"}
}

// short keeps the end of a name, where versions differ.
func short(name string) string { return name[max(0, len(name)-9):] }

func figures(r record) []string {
	verdict := strings.NewReplacer(" of before", "", "< ", "<", " %", "%").Replace(r.str("says")) // 72 columns are few
	if verdict == "unclear" {
		verdict = "~"
	}
	if r.int("control") != 0 {
		verdict += " (c)"
	}
	of, interval := r.ratio()
	return []string{strconv.FormatInt(r.int("before.hits"), 10), strconv.FormatInt(r.int("after.hits"), 10), of, interval, verdict}
}

// ratio is that of a row with its interval, where it is known.
func (r record) ratio() (of, interval string) {
	if r.value("ratio").Kind == result.KindNone {
		return "-", ""
	}
	return ratio(r.float("ratio")), "(" + ratio(r.float("ci.lo")) + "-" + ratio(r.float("ci.hi")) + ")"
}

func ratio(f float64) string {
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsNaN(f):
		return "-"
	case f != 0 && f < 0.001:
		return strconv.FormatFloat(f, 'g', 1, 64)
	case f < 10:
		return strconv.FormatFloat(f, 'g', 2, 64)
	}
	return strconv.FormatFloat(f, 'f', 0, 64)
}

// gap is the number of blanks between two columns.
const gap = 2

// writeGrid aligns the columns: names left, figures right, verdicts left. A name
// that does not fit has a line of its own.
func writeGrid(b *strings.Builder, lines [][]string) {
	widths := make([]int, len(lines[0]))
	figures := 0
	for c := 1; c < len(widths); c++ {
		for _, l := range lines {
			widths[c] = max(widths[c], len(l[c]))
		}
		figures += gap + widths[c]
	}
	for _, l := range lines {
		if len(l[0])+figures <= Width {
			widths[0] = max(widths[0], len(l[0]))
		}
	}
	last := len(widths) - 1
	for _, l := range lines {
		name := l[0]
		if len(name) > widths[0] {
			fmt.Fprintln(b, name)
			name = ""
		}
		line := fmt.Sprintf("%-*s", widths[0], name)
		for c := 1; c < last; c++ {
			line += fmt.Sprintf("%*s", gap+widths[c], l[c])
		}
		fmt.Fprintln(b, strings.TrimRight(line+strings.Repeat(" ", gap)+l[last], " "))
	}
}

// notes says what the figures and the verdicts are.
func notes(s *result.Set) string {
	alpha, margin, unit := 0.05, 2.0, "hits per isolated CPU and hour"
	for _, f := range s.Totals {
		switch f.Name {
		case "alpha":
			alpha = f.Value.Float
		case "margin":
			margin = f.Value.Float
		case "rate_unit":
			unit = ascii(f.Value.Str)
		}
	}
	seen := map[string]bool{}
	for _, t := range []*result.Table{s.Table("rows"), s.Table("total")} {
		for i := range t.Rows {
			seen[record{t, i}.str("verdict")] = true
		}
	}
	text := fmt.Sprintf("Counts are hits; ratios are of %s, after to before. ", unit)
	if seen["gone"] || seen["reduced"] || seen["new"] || seen["grown"] {
		text += fmt.Sprintf("Differences are significant at a false discovery rate of %g: neither counting (exact test of two Poisson counts, divided by the size of a burst) nor the variation from run to run (negative-binomial likelihood ratio) explains them.", alpha)
	} else {
		text += fmt.Sprintf("No difference is significant at a false discovery rate of %g.", alpha)
	}
	if seen["gone"] {
		text += " gone (<N%): none were seen, and at 95 % confidence the rate is below N % of that before."
	}
	if seen["unchanged"] {
		text += fmt.Sprintf(" unchanged: within a factor of %g.", margin)
	}
	if s.Table("rows").Index("control") >= 0 {
		text += " (c): a control, not expected to change."
	}
	for _, n := range s.Notes {
		text += " " + ascii(n) + "."
	}
	return text
}

// wrap writes words in lines of at most Width columns, all but the first one
// indented.
func wrap(b *strings.Builder, indent, words string) {
	line := ""
	for word := range strings.FieldsSeq(words) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > Width:
			fmt.Fprintln(b, line)
			line = indent + word
		default:
			line += " " + word
		}
	}
	fmt.Fprintln(b, line)
}

// ascii makes text fit for every mail program.
func ascii(s string) string {
	s = strings.NewReplacer("µ", "u", "×", "x", "…", "...", "–", "-").Replace(text.Clean(s))
	quoted := strconv.QuoteToASCII(s)
	return strings.ReplaceAll(strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`), `\\`, `\`)
}
