package json_test

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/json"
)

// want is written by hand from the contract: the names, their order and the
// nesting of keys and dotted columns.
const want = `{
 "schema": "ipiscope/report/v1",
 "inputs": [
  {
   "path": "a.dat",
   "format": "trace.dat v7",
   "tool": "3.3.1",
   "kernel": "6.12",
   "host": "",
   "arch": "",
   "clock": "local",
   "cpus": 4,
   "events": 7,
   "lost": 2,
   "lost_unknown": true,
   "syntax_errors": 1,
   "first_ns": -5,
   "last_ns": 9007199254740993,
   "incomplete": true,
   "sends_without_target": 0
  }
 ],
 "isolated": "2-3",
 "totals": {
  "hits": 3,
  "duration_ns": 12
 },
 "by": [
  "callback",
  "comm"
 ],
 "groups": [
  {
   "key": {
    "callback": "do_sync_core",
    "comm": "mb/2"
   },
   "hits": 3,
   "delivery": {
    "count": 2,
    "p50_ns": 1.5
   },
   "share": null
  }
 ],
 "cpus": [],
 "warnings": [
  {
   "code": "lost-events",
   "text": "2 lost"
  }
 ]
}
`

func TestWrite(t *testing.T) {
	set := &result.Set{
		Schema: "ipiscope/report/v1",
		Inputs: []result.Input{{
			Path: "a.dat", Format: "trace.dat v7", Tool: "3.3.1", Kernel: "6.12", Clock: "local", CPUs: 4,
			// 2^53+1: a reader that goes through a float would lose it
			Events: 7, Lost: 2, LostUnknown: true, SyntaxErrors: 1, First: -5, Last: 1<<53 + 1, Incomplete: true,
		}},
		Isolated: "2-3",
		By:       []string{"callback", "comm"},
		Totals:   []result.Field{{Name: "hits", Value: result.Int(3)}, {Name: "duration_ns", Value: result.Int(12)}},
		Tables: []*result.Table{
			{
				Name: "groups",
				Cols: []result.Col{{Name: "callback", Key: true}, {Name: "comm", Key: true}, {Name: "hits"},
					{Name: "delivery.count"}, {Name: "delivery.p50_ns"}, {Name: "share"}},
				Rows: [][]result.Value{{result.Str("do_sync_core"), result.Str("mb/2"), result.Int(3),
					result.Int(2), result.Float(1.5), result.Float(math.NaN())}},
				Show: []string{"hits"}, // for people only
			},
			{Name: "cpus", Cols: []result.Col{{Name: "cpu"}}},
		},
		Warnings: []result.Warning{{Code: "lost-events", Text: "2 lost"}},
	}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := json.Write(b, set); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(want, first.String()); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if first.String() != second.String() {
		t.Error("the same result was written in two ways")
	}
}

// TestEmpty: lists that are empty are [], never null, and every member is there.
func TestEmpty(t *testing.T) {
	var b bytes.Buffer
	if err := json.Write(&b, &result.Set{}); err != nil {
		t.Fatal(err)
	}
	const want = `{"schema":"","inputs":[],"isolated":"","totals":{},"by":[],"warnings":[]}`
	var got bytes.Buffer
	if err := stdjson.Compact(&got, b.Bytes()); err != nil || strings.TrimSpace(got.String()) != want {
		t.Errorf("%v: got %s, want %s", err, got.String(), want)
	}
}

// TestHostileNames writes what a comm may hold; a JSON reader must get it back.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		`a;b,"<script>|`:     `a;b,"<script>|`,
		"\x1b[31mred":        "\x1b[31mred",
		"tab\tnew\nline\r":   "tab\tnew\nline\r",
		"nul\x00byte":        "nul\x00byte",
		"back\\slash/":       "back\\slash/",
		"世界 🔥":               "世界 🔥",
		"cut \xe4\xb8":       "cut \ufffd\ufffd",
		"\xff":               "\ufffd",
		"\u2028\u202e":       "\u2028\u202e",
		"key.with.dots":      "key.with.dots",
		"</script><!-- ]]> ": "</script><!-- ]]> ",
	} {
		set := &result.Set{
			Inputs:   []result.Input{{Path: name}},
			Tables:   []*result.Table{{Name: "groups", Cols: []result.Col{{Name: "comm", Key: true}}, Rows: [][]result.Value{{result.Str(name)}}}},
			Warnings: []result.Warning{{Code: "x", Text: name}},
		}
		var b bytes.Buffer
		if err := json.Write(&b, set); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		var got struct {
			Inputs   []struct{ Path string }
			Groups   []struct{ Key struct{ Comm string } }
			Warnings []struct{ Text string }
		}
		if err := stdjson.Unmarshal(b.Bytes(), &got); err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		for _, s := range []string{got.Inputs[0].Path, got.Groups[0].Key.Comm, got.Warnings[0].Text} {
			if s != want {
				t.Errorf("%q: read back as %q, want %q", name, s, want)
			}
		}
	}
}

// TestNumbers: integers are exact, what JSON cannot say is null.
func TestNumbers(t *testing.T) {
	for _, c := range []struct {
		v    result.Value
		want string
	}{
		{result.Int(int64(math.MaxInt64)), "9223372036854775807"},
		{result.Int(int64(math.MinInt64)), "-9223372036854775808"},
		{result.Float(0), "0"},
		{result.Float(0.1), "0.1"},
		{result.Float(1e21), "1e+21"},
		{result.Float(math.Inf(1)), "null"},
		{result.Float(math.Inf(-1)), "null"},
		{result.Float(math.NaN()), "null"},
	} {
		var b bytes.Buffer
		if err := json.Write(&b, &result.Set{Totals: []result.Field{{Name: "n", Value: c.v}}}); err != nil {
			t.Fatal(err)
		}
		var got struct {
			Totals struct{ N stdjson.RawMessage }
		}
		if err := stdjson.Unmarshal(b.Bytes(), &got); err != nil || string(got.Totals.N) != c.want {
			t.Errorf("%+v: got %s (%v), want %s", c.v, got.Totals.N, err, c.want)
		}
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestWriteError(t *testing.T) {
	full := errors.New("no space left")
	if err := json.Write(brokenWriter{full}, &result.Set{}); !errors.Is(err, full) {
		t.Errorf("got %v, want %v", err, full)
	}
}

// TestAppendString: strings are as encoding/json writes them.
func TestAppendString(t *testing.T) {
	for c := range 256 {
		for _, s := range []string{string(rune(c)), string([]byte{byte(c)}), "a" + string([]byte{byte(c)}) + "b", ""} {
			want, err := stdjson.Marshal(s)
			if got := string(json.AppendString([]byte("x"), s)); err != nil || got != "x"+string(want) {
				t.Errorf("%q is %s, want x%s", s, got, want)
			}
		}
	}
}
