// Package golden holds what analyzers say of the fixtures against files: all of it,
// what renderers leave out as well.
package golden

import (
	"encoding/json"
	"flag"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis/result"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// Check holds a result against testdata/NAME.golden of the tested package. With -update the file is written instead. A difference is
// either a defect or to be explained by the commit that changes the file.
func Check(t *testing.T, name string, set *result.Set) {
	t.Helper()
	CheckText(t, name, Text(set))
}

// CheckText is Check of what is text already.
func CheckText(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); d != "" {
		t.Errorf("%s (-update rewrites it):\n%s", path, d)
	}
}

// Text shows all of a result, a line for each thing in it. Of long tables and series
// the first lines stand there, and a checksum of the others.
func Text(set *result.Set) string {
	d := &dump{}
	d.line("%s: %s", set.Schema, set.Verdict)
	d.list("note", set.Notes)
	for i := range set.Inputs {
		d.json("input", set.Inputs[i])
	}
	for _, s := range set.Sides {
		for i := range s.Inputs {
			d.json("input "+s.Name, s.Inputs[i])
		}
	}
	d.line("isolated %q by %q", set.Isolated, set.By)
	d.fields("total", set.Totals)
	for _, o := range set.Objects {
		d.fields(o.Name, o.Fields)
	}
	for _, t := range set.Tables {
		d.table(t)
	}
	if set.Stacks != nil {
		d.json("stacks", set.Stacks)
	}
	figures := set.Figures
	if set.Figure != nil {
		figures = append([]*result.Figure{set.Figure}, figures...)
	}
	for _, f := range figures {
		d.figure(f)
	}
	if set.Time != nil {
		d.json("time", set.Time)
	}
	for _, w := range set.Warnings {
		d.line("warning %s: %s", w.Code, w.Text)
	}
	return d.String()
}

// longest is how many lines of a table are shown as they are.
const longest = 10

type dump struct{ strings.Builder }

func (d *dump) line(format string, args ...any) {
	fmt.Fprintf(d, format, args...)
	d.WriteByte('\n')
}

// list writes lines, those after the first ones as a checksum.
func (d *dump) list(head string, lines []string) {
	for i, l := range lines {
		if i == longest {
			sum := fnv.New64a()
			for _, l := range lines[i:] {
				fmt.Fprintln(sum, l)
			}
			d.line("%s: %d more %016x", head, len(lines)-i, sum.Sum64())
			return
		}
		d.line("%s: %s", head, short(l, 240))
	}
}

// short is the beginning of a text with a checksum of the rest.
func short(text string, n int) string {
	if len(text) <= n {
		return text
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(text[n:]))
	return fmt.Sprintf("%s... %d more %016x", text[:n], len(text)-n, sum.Sum64())
}

// json shows the members of a value that are not zero.
func (d *dump) json(head string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		d.line("%s: %v", head, err)
		return
	}
	d.line("%s: %s", head, short(string(b), 1000))
}

func (d *dump) fields(head string, fields []result.Field) {
	for _, f := range fields {
		d.line("%s: %s = %s", head, f.Name, cell(f.Value))
	}
}

func (d *dump) table(t *result.Table) {
	d.line("table %s: %s; show %q prose %q wrap %q spare %q brief %d", t.Name, t.Title, t.Show, t.Prose, t.Wrap, t.Spare, t.Brief)
	if t.Idle != nil || t.Fold != "" || t.Rank != "" {
		d.line("  idle %q fold %q rank %q", t.Idle, t.Fold, t.Rank)
	}
	cols := make([]string, len(t.Cols))
	for i, c := range t.Cols {
		cols[i] = c.Name
		if c.Unit != "" {
			cols[i] += " " + c.Unit
		}
		for _, m := range []struct {
			set  bool
			text string
		}{{c.Key, "key"}, {c.Keep, "keep"}, {c.Array, "array"}, {c.Optional, "optional"}, {c.To != "", "to " + c.To}} {
			if m.set {
				cols[i] += " " + m.text
			}
		}
	}
	d.line("  columns: %s", strings.Join(cols, " | "))
	rows := make([]string, len(t.Rows))
	for i, r := range t.Rows {
		cells := make([]string, len(r))
		for j := range r {
			cells[j] = cell(r[j])
		}
		rows[i] = strings.Join(cells, " | ")
	}
	d.list("  row", rows)
}

func cell(v result.Value) string {
	text := v.Text()
	switch v.Kind {
	case result.KindNone:
		text = "none"
	case result.KindFloat:
		text = fmt.Sprintf("%.9g", v.Float) // the last digits are the machine's
	case result.KindBars:
		text = short(fmt.Sprintf("%d+%d: %s", v.Bars.Start, v.Bars.Width, text), 60)
	case result.KindRows:
		inner := &dump{}
		inner.table(v.Rows)
		text = short(strings.ReplaceAll(inner.String(), "\n", "; "), 200)
	}
	if v.Void {
		text += " (void)"
	}
	return text
}

func (d *dump) figure(f *result.Figure) {
	head := *f
	head.Series = nil
	d.json("figure", &head)
	for _, s := range f.Series {
		points := make([]string, len(s.Points))
		for i, p := range s.Points {
			points[i] = fmt.Sprintf("%d %d-%d %.9g [%.9g, %.9g] %s", p.Row, p.From, p.To, p.Value, p.Lo, p.Hi, p.Note)
		}
		d.line("  series %q rest %t", s.Name, s.Rest)
		d.list("    point", points)
	}
}

// Lines shows lines as Text shows the rows of a table.
func Lines(head string, lines []string) string {
	d := &dump{}
	d.line("%s: %d", head, len(lines))
	d.list("  "+head, lines)
	return d.String()
}
