package rows_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/rows"
)

func columns() []result.Col {
	return []result.Col{
		{Name: "time_ns", Unit: "ns", Kind: result.KindInt},
		{Name: "comm", Kind: result.KindString},
		{Name: "exit_ns", Unit: "ns", Kind: result.KindInt, Optional: true},
	}
}

func row(at int64, comm string, exit result.Value) []result.Value {
	return []result.Value{result.Int(at), result.Str(comm), exit}
}

func write(t *testing.T, format string, all ...[]result.Value) []byte {
	t.Helper()
	i := slices.IndexFunc(rows.Formats(), func(f rows.Format) bool { return f.Name == format })
	if i < 0 {
		t.Fatalf("no format %s", format)
	}
	var out bytes.Buffer
	w, err := rows.Formats()[i].New(&out, "hits", columns())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close([]result.Input{{Path: "a.dat", Clock: "x86-tsc", Ticks: true, Lost: 3}}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestText: hostile names, what is not known, and nothing at all.
func TestText(t *testing.T) {
	all := [][]result.Value{row(-1, "a\"\n,\x1b[31m", result.Int(7)), row(2, "b\xff", result.None())}
	for format, want := range map[string]string{
		"csv":   "time_ns,comm,exit_ns\n-1,\"a\"\"\\n,\\x1b[31m\",7\n2,b\\xff,\n",
		"jsonl": `{"time_ns":-1,"comm":"a\"\n,\u001b[31m","exit_ns":7}` + "\n" + `{"time_ns":2,"comm":"b\ufffd","exit_ns":null}` + "\n",
	} {
		if d := cmp.Diff(want, string(write(t, format, all...))); d != "" {
			t.Errorf("%s: -want +got:\n%s", format, d)
		}
	}
	if got := string(write(t, "csv")); got != "time_ns,comm,exit_ns\n" {
		t.Errorf("csv without rows: %q", got)
	}
}

// read returns the rows of a Parquet file as texts, and how many rows each row
// group has.
func read(t *testing.T, data []byte) (all []string, groups []int64) {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.RowGroups() {
		groups = append(groups, g.NumRows())
		r := g.Rows()
		buf := make([]parquet.Row, 1000)
		for err == nil {
			var n int
			n, err = r.ReadRows(buf)
			for _, values := range buf[:n] {
				var cells []string
				for _, v := range values {
					cells = append(cells, v.String())
				}
				all = append(all, strings.Join(cells, "|"))
			}
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		err = r.Close()
	}
	return all, groups
}

func TestParquet(t *testing.T) {
	got, groups := read(t, write(t, "parquet",
		row(-1, "a\"\n", result.Int(7)), row(2, "b\xff", result.None()), row(2, "", result.Int(0)), row(1, "next", result.None())))
	want := []string{"-1|a\"\n|7", "2|b\uFFFD|<null>", "2||0", "1|next|<null>"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]int64{3, 1}, groups); d != "" {
		t.Errorf("row groups (a new one where time goes back): -want +got:\n%s", d)
	}
	if got, _ := read(t, write(t, "parquet")); len(got) != 0 {
		t.Errorf("no rows are %q", got)
	}
}

// TestParquetGroups: row groups are bounded, and no row is lost between them.
func TestParquetGroups(t *testing.T) {
	const n = 300000
	var all [][]result.Value
	for i := range n {
		all = append(all, row(int64(i), "x", result.None()))
	}
	data := write(t, "parquet", all...)
	got, groups := read(t, data)
	if len(got) != n || got[n-1] != fmt.Sprint(n-1, "|x|<null>") {
		t.Errorf("%d rows", len(got))
	}
	if d := cmp.Diff([]int64{131072, 131072, n - 2*131072}, groups); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	inputs, _ := file.Lookup("ipiscope.inputs")
	if want := `[{"path":"a.dat","format":"","kernel":"","clock":"x86-tsc","unit":"ticks","events":0,"lossy":true}]`; inputs != want {
		t.Errorf("inputs %s, want %s", inputs, want)
	}
}

// TestErrors: what cannot be written is said, at the latest by Close.
func TestErrors(t *testing.T) {
	for _, f := range rows.Formats() {
		w, err := f.New(full{}, "hits", columns())
		for i := range 1000 {
			if err == nil {
				err = w.Write(row(int64(i), "x", result.None()))
			}
		}
		if err == nil && w.Close(nil) == nil {
			t.Errorf("%s: no error", f.Name)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// BenchmarkWrite writes rows as hits are: times, a few texts that repeat.
func BenchmarkWrite(b *testing.B) {
	names := []string{"mix", "bash", "kworker/0:1", "swapper/0"}
	cols := columns()
	for i := range 12 {
		cols = append(cols, result.Col{Name: fmt.Sprint("text", i), Kind: result.KindString})
	}
	for _, f := range rows.Formats() {
		b.Run(f.Name, func(b *testing.B) {
			w, err := f.New(io.Discard, "hits", cols)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			r := row(0, "", result.None())
			for i := 0; b.Loop(); i++ {
				r = append(r[:0], result.Int(int64(i)), result.Str(names[i%4]), result.Int(int64(i+9)))
				for j := range 12 {
					r = append(r, result.Str(names[(i+j)%4]))
				}
				if err := w.Write(r); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.Close(nil); err != nil {
				b.Fatal(err)
			}
		})
	}
}
