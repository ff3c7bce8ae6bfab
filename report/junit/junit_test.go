package junit_test

import (
	"bytes"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/junit"
)

func TestWrite(t *testing.T) {
	s := &result.Set{Verdict: "fail: CPUs 2", Warnings: []result.Warning{{Code: "x", Text: "a <b> & c"}}, Tables: []*result.Table{{
		Name: "checks",
		Cols: []result.Col{{Name: "result"}, {Name: "cpu"}, {Name: "check"}, {Name: "measured"}, {Name: "limit"}, {Name: "bound"}, {Name: "reason"}},
		Rows: [][]result.Value{
			{result.Str("fail"), result.Str("2"), result.Str(`"hits"`), result.Str("3"), result.Str("1"), result.Str(""), result.Str("3 > 1\x01")},
			{result.Str("undecided"), result.Str("3"), result.Str("f"), result.Str("0 to 4"), result.Str("1"), result.Str(""), result.Str("not known")},
			{result.Str("pass"), result.Str("3"), result.Str("hits"), result.Str("0"), result.Str("1"), result.Str("below 2"), result.Str("")},
		},
	}}}
	var b bytes.Buffer
	if err := junit.Write(&b, s, ""); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Suites []struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Errors   int `xml:"errors,attr"`
			Cases    []struct {
				Class   string `xml:"classname,attr"`
				Name    string `xml:"name,attr"`
				Failure *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"failure"`
				Error *struct {
					Message string `xml:"message,attr"`
					Text    string `xml:",chardata"`
				} `xml:"error"`
			} `xml:"testcase"`
			Out string `xml:"system-out"`
		} `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatalf("%v in %s", err, b.String())
	}
	one := got.Suites[0]
	if one.Tests != 3 || one.Failures != 1 || one.Errors != 1 || len(one.Cases) != 3 || !strings.Contains(one.Out, "a <b> & c") {
		t.Errorf("%+v", one)
	}
	if c := one.Cases[0]; c.Class != "cpu.2" || c.Name != `"hits"` || c.Failure == nil || !strings.HasPrefix(c.Failure.Message, "3 > 1") || c.Failure.Text != "measured 3, limit 1" {
		t.Errorf("%+v", c)
	}
	if c := one.Cases[1]; c.Failure != nil || c.Error == nil || c.Error.Message != "not known" || c.Error.Text != "measured 0 to 4, limit 1" {
		t.Errorf("%+v", c)
	}
	if c := one.Cases[2]; c.Failure != nil || c.Error != nil || c.Class != "cpu.3" {
		t.Errorf("%+v", c)
	}
	if err := junit.Write(&b, &result.Set{}, ""); err != nil {
		t.Error(err)
	}
}
