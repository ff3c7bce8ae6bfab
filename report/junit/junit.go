// Package junit writes checks as JUnit XML, which test rigs and CI servers read.
package junit

import (
	"encoding/xml"
	"io"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/origin"
)

type suites struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suites   []suite  `xml:"testsuite"`
}

type suite struct {
	Name     string     `xml:"name,attr"`
	Tests    int        `xml:"tests,attr"`
	Failures int        `xml:"failures,attr"`
	Errors   int        `xml:"errors,attr"`
	Props    []property `xml:"properties>property,omitempty"`
	Cases    []testcase `xml:"testcase"`
	Out      string     `xml:"system-out,omitempty"`
}

type property struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type testcase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Failure *failure `xml:"failure"`
	Error   *failure `xml:"error"` // undecided
	Out     string   `xml:"system-out,omitempty"`
}

type failure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// Write writes the table "checks" of s: each row is a test case, each CPU a
// class of them. A failed check is a failure, an undecided one an error: the test
// could not be done. from is where the result comes from, a property of the suite; ""
// for none.
func Write(w io.Writer, s *result.Set, from string) error {
	t := s.Table("checks")
	one := suite{Name: "ipiscope check"}
	if from != "" {
		one.Props = []property{{origin.Key, from}}
	}
	if t != nil {
		for _, row := range t.Rows {
			text := func(col string) string { return row[t.Index(col)].Text() }
			c := testcase{Class: "cpu." + text("cpu"), Name: text("check")}
			detail := "measured " + text("measured") + ", limit " + text("limit")
			if b := text("bound"); b != "" {
				detail += ", " + b
			}
			one.Tests++
			switch why := (&failure{Message: text("reason"), Text: detail}); text("result") {
			case "fail":
				one.Failures++
				c.Failure = why
			case "undecided":
				one.Errors++
				c.Error = why
			default:
				c.Out = detail
			}
			one.Cases = append(one.Cases, c)
		}
	}
	var out []string
	if s.Verdict != "" {
		out = append(out, s.Verdict)
	}
	for _, x := range s.Warnings {
		out = append(out, x.Code+": "+x.Text)
	}
	one.Out = strings.Join(out, "\n")
	data, err := xml.MarshalIndent(suites{Tests: one.Tests, Failures: one.Failures, Errors: one.Errors, Suites: []suite{one}}, "", " ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(data)+"\n")
	return err
}
