// Package github writes checks as the workflow commands of GitHub Actions
// (docs.github.com, "Workflow commands for GitHub Actions"), which show at the
// head of a run.
package github

import (
	"fmt"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Write writes an error for each check of the table "verdicts" of s that failed or is
// undecided, with all CPUs of which that is so, a warning for each of its warnings, and
// its verdict. GitHub shows ten annotations of a step.
func Write(w io.Writer, s *result.Set) error {
	var b strings.Builder
	if t := s.Table("verdicts"); t != nil {
		for _, row := range t.Rows {
			text := func(col string) string { return row[t.Index(col)].Text() }
			title := of(text("cpus")) + ": " + text("check")
			switch text("result") {
			case "undecided":
				title = "undecided: " + title
			case "fail":
			default:
				continue
			}
			fmt.Fprintf(&b, "::error title=%s::%s\n", property(title),
				data(fmt.Sprintf("%s (measured %s, limit %s)", text("reason"), text("measured"), text("limit"))))
		}
	}
	for _, x := range s.Warnings {
		fmt.Fprintf(&b, "::warning title=%s::%s\n", property(x.Code), data(x.Text))
	}
	fmt.Fprintf(&b, "::notice title=ipiscope check::%s\n", data(s.Verdict))
	_, err := io.WriteString(w, b.String())
	return err
}

// of names the CPUs of a check.
func of(cpus string) string {
	switch {
	case cpus == "all":
		return "all CPUs"
	case strings.ContainsAny(cpus, ",-"):
		return "CPUs " + cpus
	}
	return "CPU " + cpus
}

// data escapes the text of a command.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property escapes a property of a command.
func property(s string) string { return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(data(s)) }
