package github_test

import (
	"bytes"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/github"
)

// The escapes are those of docs.github.com, "Workflow commands for GitHub
// Actions", as actions/toolkit makes them.
func TestWrite(t *testing.T) {
	s := &result.Set{Verdict: "fail: 100%", Warnings: []result.Warning{{Code: "lost", Text: "a\nb"}}, Tables: []*result.Table{{
		Name: "verdicts",
		Cols: []result.Col{{Name: "result"}, {Name: "cpus"}, {Name: "check"}, {Name: "measured"}, {Name: "limit"}, {Name: "bound"}, {Name: "reason"}},
		Rows: [][]result.Value{
			{result.Str("fail"), result.Str("2"), result.Str("hits, all"), result.Str("3"), result.Str("1"), result.Str(""), result.Str("too many")},
			{result.Str("undecided"), result.Str("3-5,7"), result.Str("f"), result.Str("0 to 4"), result.Str("1"), result.Str(""), result.Str("not known")},
			{result.Str("pass"), result.Str("3"), result.Str("hits"), result.Str("0"), result.Str("1"), result.Str(""), result.Str("")},
		},
	}}}
	var b bytes.Buffer
	if err := github.Write(&b, s); err != nil {
		t.Fatal(err)
	}
	want := "::error title=CPU 2%3A hits%2C all::too many (measured 3, limit 1)\n::error title=undecided%3A CPUs 3-5%2C7%3A f::not known (measured 0 to 4, limit 1)\n::warning title=lost::a%0Ab\n::notice title=ipiscope check::fail: 100%25\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}
