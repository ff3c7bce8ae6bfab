package mail

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// WriteReport writes what hit the isolated CPUs of one set of recordings, which has the
// table "groups": what was recorded and lost, the groups, what to do about them, and
// every doubt. top is how many groups are written, 0 for all; those without a hit are
// counted, and written too if all is set.
func WriteReport(w io.Writer, s *result.Set, top int, all bool) error {
	groups := s.Table("groups")
	if groups == nil || groups.Index("hits") < 0 {
		return errors.New("this form is for reports (ipiscope report)")
	}
	var b strings.Builder
	wrap(&b, "  ", ascii(s.Verdict))
	for _, n := range s.Notes {
		wrap(&b, "  ", "- "+ascii(n))
	}
	wrap(&b, "  ", "recorded: "+recorded(s))
	b.WriteByte('\n')
	writeGroups(&b, s, groups, top, all)
	if advice := s.Table("advice"); advice != nil && len(advice.Rows) > 0 {
		b.WriteByte('\n')
		writeAdvice(&b, advice)
	}
	writeExamples(&b, result.Shown(s.Examples, top, all))
	if len(s.Warnings) > 0 {
		b.WriteByte('\n')
	}
	for _, x := range s.Warnings {
		wrap(&b, "  ", "- "+ascii(x.Text))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// recorded says what was read, on which host, by which clocks, and what it lacks.
func recorded(s *result.Set) string {
	facts := []string{ascii(strings.ReplaceAll(s.Source(), " · ", ", "))}
	for _, f := range []struct {
		name string
		of   func(result.Input) string
	}{
		{"host", func(in result.Input) string { return in.Host }},
		{"clock", func(in result.Input) string { return in.Clock }},
		{"by", func(in result.Input) string { return in.Tool }},
	} {
		var values []string
		for _, in := range s.Inputs {
			if v := ascii(f.of(in)); v != "" && !slices.Contains(values, v) {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			facts = append(facts, f.name+" "+strings.Join(values, " and "))
		}
	}
	return strings.Join(facts, ", ")
}

// writeGroups writes the groups that have hits, and "at least" where it is said of them.
func writeGroups(b *strings.Builder, s *result.Set, groups *result.Table, top int, all bool) {
	lines := [][]string{{strings.Join(s.By, ", "), "hits", "share", "/CPU/hour", "class"}}
	busy := *groups
	if !all {
		busy.Rows = groups.Busy()
	}
	idle := len(groups.Rows) - len(busy.Rows)
	lines, left := appendRows(lines, &busy, "", top, func(r record) []string {
		hits := strconv.FormatInt(r.int("hits"), 10)
		if bound := r.str("bound"); bound != "" {
			hits = bound + " " + hits
		}
		rate := "-"
		if v := r.value("per_cpu_hour"); v.Kind == result.KindFloat {
			rate = text.Significant(v.Float)
		}
		return []string{keyOf(s, r), hits, strings.ReplaceAll(text.Percent(r.float("share")), " ", ""), rate, r.str("class")}
	})
	if len(lines) > 1 {
		writeGrid(b, lines)
	}
	writeLeft(b, left)
	if idle > 0 {
		fmt.Fprintf(b, "and %d rows without a hit\n", idle)
	}
}

// writeAdvice writes what to do, each with the hits that it would remove.
func writeAdvice(b *strings.Builder, advice *result.Table) {
	fmt.Fprintln(b, "What to do:")
	for i := range advice.Rows {
		r := record{advice, i}
		wrap(b, "  ", fmt.Sprintf("- %d hits (%s, %s): %s", r.int("hits"), r.str("function"), r.str("class"), r.str("mitigation")))
	}
}

// writeExamples writes events as they are pasted: their lines are as long as they are,
// since what is broken up cannot be read back.
func writeExamples(b *strings.Builder, examples []result.Example) {
	for _, x := range examples {
		b.WriteByte('\n')
		wrap(b, "  ", ascii(x.Row+": "+x.Note))
		for i, line := range x.Lines {
			line = ascii(text.ExampleLine(line))
			if i == 0 {
				line = strings.TrimLeft(line, " ")
			}
			fmt.Fprintln(b, "  "+line)
		}
	}
}
