package csv_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/csv"
)

func table(comms ...string) *result.Set {
	t := &result.Table{
		Name: "groups",
		Cols: []result.Col{{Name: "comm", Head: "task", Key: true}, {Name: "hits"}, {Name: "share", Unit: "1"}, {Name: "delivery.max_ns", Unit: "ns"}},
		Show: []string{"hits"}, // for people only
	}
	for i, c := range comms {
		t.Rows = append(t.Rows, []result.Value{result.Str(c), result.Int(i), result.Float(1.0 / 3), result.Int(int64(1)<<53 + 1)})
	}
	other := &result.Table{Name: "cpus", Cols: []result.Col{{Name: "cpu"}}, Rows: [][]result.Value{{result.Int(1)}}}
	return &result.Set{Verdict: "not for machines", Tables: []*result.Table{t, other}}
}

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		comma rune
		want  string
	}{
		{',', "comm,hits,share,delivery.max_ns\nmb/2,0,0.3333333333333333,9007199254740993\n\"a,b\",1,0.3333333333333333,9007199254740993\n"},
		{'\t', "comm\thits\tshare\tdelivery.max_ns\nmb/2\t0\t0.3333333333333333\t9007199254740993\na,b\t1\t0.3333333333333333\t9007199254740993\n"},
	} {
		var b bytes.Buffer
		if err := csv.Write(&b, table("mb/2", "a,b"), csv.Options{Comma: c.comma}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(c.want, b.String()); d != "" {
			t.Errorf("comma %q (-want +got)\n%s", c.comma, d)
		}
	}
}

// hostile are names that a task may give itself.
var hostile = []string{`"quoted"`, "a;b,c|d", "new\nline", "carriage\rreturn", "tab\tstop", "", " blanks ", `\N`, "世界"}

// TestCSVReadsBack: a CSV reader gets every name back. encoding/csv reads \r\n
// inside quotes as \n, a lone \r it keeps.
func TestCSVReadsBack(t *testing.T) {
	var b bytes.Buffer
	if err := csv.Write(&b, table(hostile...), csv.Options{Comma: ',', Raw: true}); err != nil {
		t.Fatal(err)
	}
	rows, err := stdcsv.NewReader(&b).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range hostile {
		if got := rows[i+1][0]; got != name {
			t.Errorf("%q was read back as %q", name, got)
		}
	}
}

// TestTSVShape: whatever the names, a line is a row and a tab ends a column, so
// that cut and awk work.
func TestTSVShape(t *testing.T) {
	var b bytes.Buffer
	if err := csv.Write(&b, table(hostile...), csv.Options{Comma: '\t', Raw: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 1+len(hostile) {
		t.Fatalf("%d lines for %d rows", len(lines), len(hostile))
	}
	for _, l := range lines {
		if n := strings.Count(l, "\t"); n != 3 || strings.Contains(l, "\r") {
			t.Errorf("%q has %d tabs, want 3, and no carriage return", l, n)
		}
	}
}

// TestNumbers: nothing is rounded.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		v    result.Value
		want string
	}{
		{result.Int(-1), "-1"},
		{result.Float(0.1), "0.1"},
		{result.Float(1e-9), "1e-09"},
		{result.Float(math.NaN()), "NaN"},
	} {
		one := &result.Table{Cols: []result.Col{{Name: "n"}}, Rows: [][]result.Value{{c.v}}}
		var b bytes.Buffer
		if err := csv.Write(&b, &result.Set{Tables: []*result.Table{one}}, csv.Options{Comma: ',', Raw: true}); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); got != "n\n"+c.want+"\n" {
			t.Errorf("%+v: got %q, want %q", c.v, got, c.want)
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteError(t *testing.T) {
	full := errors.New("no space left")
	for _, comma := range []rune{',', '\t'} {
		if err := csv.Write(brokenWriter{full}, table("x"), csv.Options{Comma: comma, Raw: true}); !errors.Is(err, full) {
			t.Errorf("comma %q: got %v, want %v", comma, err, full)
		}
	}
}

// TestCells: no cell begins as a formula does or holds a control character, and
// numbers stay numbers.
func TestCells(t *testing.T) {
	for name, want := range map[string]string{
		"=1+1": "'=1+1", "+a": "'+a", "-a": "'-a", "@a": "'@a", "\ta": `'\ta`, "\ra": `'\ra`, "a\x1b[31m": `a\x1b[31m`, "a\nb": `a\nb`, "a=b": "a=b", "": "",
	} {
		if got := csv.Cell(result.Str(name)); got != want {
			t.Errorf("%q is written as %q, want %q", name, got, want)
		}
	}
	if got := csv.Cell(result.Int(-5)); got != "-5" {
		t.Errorf("-5 is written as %q", got)
	}
}
