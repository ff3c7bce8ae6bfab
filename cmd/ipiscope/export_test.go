package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/ipiscope/ipiscope/analysis/listing"
)

// A tally counts things by function and CPU, "do_sync_core 3".
type tally map[string]int

func (c tally) add(function, cpu string) { c[function+" "+cpu]++ }

// TestExportsAgree: of one trace all exports hold what report counts, by
// function and CPU.
func TestExportsAgree(t *testing.T) {
	for _, input := range [][]string{
		{"../../fixtures/k612s4-12b-all-stack/trace.dat"}, // with all events of an arrival
		{"../../fixtures/k612s4-12b-all-stack/trace.dat", "--filter", "common_pid & 1"},
		{"../../fixtures/karm64s4-21-ipi-all/trace.dat"},
		{"../../fixtures/k612s4-07-lost/trace.dat"},
		{"../../fixtures/k72s4-01-zstd-local/report-t.txt.gz"}, // sends and stacks only
	} {
		t.Run(filepath.Base(filepath.Dir(input[0])), func(t *testing.T) {
			hits, totals := reportedHits(t, input...)
			if len(hits) < 4 {
				t.Fatalf("%d groups: too few to tell anything", len(hits))
			}
			for _, format := range []string{"csv", "jsonl", "parquet"} {
				for kind, want := range map[string]int{"hits": totals.Hits, "sends": totals.Sends, "requests": totals.Requests} {
					rows := readRows(t, format, exported(t, append([]string{"--rows", kind, "--format", format}, input...)...))
					if len(rows) != want {
						t.Errorf("%s: %d %s, report counts %d", format, len(rows), kind, want)
					}
					if kind != "hits" {
						continue
					}
					got := tally{}
					for _, r := range rows {
						got.add(r["function"], r["target"])
					}
					if d := cmp.Diff(hits, got); d != "" {
						t.Errorf("%s (-report +export)\n%s", format, d)
					}
				}
			}
			for format, read := range map[string]func(*testing.T, []byte) []mark{"perfetto": perfettoMarks, "chrome": chromeMarks} {
				got, counts := tally{}, map[string]int{}
				from, to := map[uint64]bool{}, map[uint64]bool{}
				for _, m := range read(t, exported(t, append([]string{"--format", format}, input...)...)) {
					counts[m.category]++
					if m.category == "hit" {
						got.add(m.name, m.cpu)
					}
					for _, id := range m.from {
						from[id] = true
					}
					for _, id := range m.to {
						to[id] = true
					}
				}
				if d := cmp.Diff(hits, got); d != "" {
					t.Errorf("%s (-report +export)\n%s", format, d)
				}
				if counts["send"] != totals.Sends || counts["request"] != totals.Requests {
					t.Errorf("%s: %d sends and %d requests, report counts %d and %d", format, counts["send"], counts["request"], totals.Sends, totals.Requests)
				}
				if d := cmp.Diff(from, to); d != "" {
					t.Errorf("%s: arrows that begin (-) and end (+):\n%s", format, d)
				}
			}
		})
	}
}

func exported(t *testing.T, args ...string) []byte {
	t.Helper()
	var out, errs bytes.Buffer
	args = append([]string{"export", "--isolated", "2-3"}, args...)
	if status := run(context.Background(), args, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("%v: exit status %d: %s", args, status, errs.String())
	}
	return out.Bytes()
}

type totals struct{ Hits, Sends, Requests int }

// reportedHits is what report counts by function and target.
func reportedHits(t *testing.T, input ...string) (tally, totals) {
	t.Helper()
	var out, errs bytes.Buffer
	args := append([]string{"report", "--isolated", "2-3", "--format", "json", "--by", "function,target"}, input...)
	if status := run(context.Background(), args, strings.NewReader(""), &out, &errs); status != 0 {
		t.Fatalf("exit status %d: %s", status, errs.String())
	}
	var doc struct {
		Totals totals
		Groups []struct {
			Key  map[string]string
			Hits int
		}
	}
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	hits := tally{}
	for _, g := range doc.Groups {
		if g.Hits > 0 {
			hits[g.Key["function"]+" "+g.Key["target"]] = g.Hits
		}
	}
	return hits, doc.Totals
}

// readRows reads rows back as texts.
func readRows(t *testing.T, format string, data []byte) []map[string]string {
	t.Helper()
	switch format {
	case "csv":
		return csvRows(t, data)
	case "parquet":
		return parquetRows(t, data)
	}
	var rows []map[string]string
	for line := range strings.Lines(string(data)) {
		var row map[string]any
		d := json.NewDecoder(strings.NewReader(line))
		d.UseNumber()
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		texts := map[string]string{}
		for name, v := range row {
			switch v := v.(type) {
			case json.Number:
				texts[name] = v.String()
			case string:
				texts[name] = v
			}
		}
		rows = append(rows, texts)
	}
	return rows
}

func csvRows(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	lines, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			if line[i] != "" {
				row[name] = line[i]
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func parquetRows(t *testing.T, data []byte) []map[string]string {
	t.Helper()
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var rows []map[string]string
	for _, group := range file.RowGroups() {
		r := group.Rows()
		defer r.Close()
		buf := make([]parquet.Row, 100)
		for {
			n, err := r.ReadRows(buf)
			for _, values := range buf[:n] {
				row := map[string]string{}
				for i, column := range file.Schema().Columns() {
					if !values[i].IsNull() {
						row[column[0]] = values[i].String()
					}
				}
				rows = append(rows, row)
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return rows
}

// TestRowsAreEqual: the forms of rows hold the same values.
func TestRowsAreEqual(t *testing.T) {
	const path = "../../fixtures/k612s4-12b-all-stack/trace.dat"
	for _, kind := range listing.RowsNames() {
		want := readRows(t, "csv", exported(t, "--rows", kind, path))
		for _, format := range []string{"jsonl", "parquet"} {
			got := readRows(t, format, exported(t, "--rows", kind, "--format", format, path))
			for _, row := range got {
				for name, v := range row {
					if v == "" {
						delete(row, name) // CSV does not tell it from a value that is not known
					}
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s as %s (-csv +%s)\n%s", kind, format, format, d)
			}
		}
	}
}

// TestParquetFile: what docs/formats/parquet.md promises about the file.
func TestParquetFile(t *testing.T) {
	const path = "../../fixtures/k612s4-12b-all-stack/trace.dat"
	data := exported(t, "--format", "parquet", path, path)
	file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range file.Schema().Columns() {
		names = append(names, c[0])
	}
	var want []string
	for _, c := range listing.Hits.Columns() {
		want = append(want, c.Name)
	}
	if !slices.Equal(names, want) {
		t.Errorf("columns %v, want %v", names, want)
	}
	if v, ok := file.Lookup("ipiscope.schema"); !ok || v != "ipiscope/hits/v1" {
		t.Errorf("schema %q", v)
	}
	if v, _ := file.Lookup("ipiscope.inputs"); !strings.Contains(v, `"clock":"local"`) {
		t.Errorf("inputs %s", v)
	}
	groups := file.Metadata().RowGroups
	if len(groups) != 2 {
		t.Errorf("%d row groups, want one for each trace, whose times begin anew", len(groups))
	}
	for _, g := range groups {
		if len(g.SortingColumns) != 1 || g.SortingColumns[0].ColumnIdx != 0 || g.SortingColumns[0].Descending {
			t.Errorf("sorting columns %v, want time_ns, ascending", g.SortingColumns)
		}
		for _, c := range g.Columns {
			if s := c.MetaData.Statistics; s.MinValue == nil || s.MaxValue == nil {
				if c.MetaData.PathInSchema[0] != "instance" { // all empty
					t.Errorf("%v has no statistics", c.MetaData.PathInSchema)
				}
			}
		}
	}
}

// A mark is one event of a timeline.
type mark struct {
	category, name, cpu string
	from, to            []uint64
}

func chromeMarks(t *testing.T, data []byte) []mark {
	t.Helper()
	var doc struct {
		TraceEvents []struct {
			Ph, Name, Cat, ID string
			Tid               int
		}
	}
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	var marks []mark
	for _, e := range doc.TraceEvents {
		switch e.Ph {
		case "X", "i":
			marks = append(marks, mark{category: e.Cat, name: e.Name, cpu: strconv.Itoa(e.Tid - 1)})
		case "s", "f":
			id, err := strconv.ParseUint(e.ID, 0, 64)
			if err != nil {
				t.Fatal(err)
			}
			m := &marks[len(marks)-1] // what it is bound to
			if e.Ph == "s" {
				m.from = append(m.from, id)
			} else {
				m.to = append(m.to, id)
			}
		}
	}
	return marks
}

// perfettoMarks reads a trace by Perfetto's schema.
func perfettoMarks(t *testing.T, data []byte) []mark {
	t.Helper()
	text, err := os.ReadFile("../../report/timeline/testdata/perfetto.proto")
	if err != nil {
		t.Fatal(err)
	}
	c := protocompile.Compiler{Resolver: &protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"perfetto.proto": string(text)})}}
	files, err := c.Compile(context.Background(), "perfetto.proto")
	if err != nil {
		t.Fatal(err)
	}
	trace := dynamicpb.NewMessage(files[0].Messages().ByName("Trace"))
	if err := proto.Unmarshal(data, trace); err != nil {
		t.Fatal(err)
	}
	get := func(m protoreflect.Message, name protoreflect.Name) protoreflect.Value {
		return m.Get(m.Descriptor().Fields().ByName(name))
	}
	tracks, categories, names := map[uint64]string{}, map[uint64]string{}, map[uint64]string{}
	intern := func(m protoreflect.Message, list protoreflect.Name, into map[uint64]string) {
		for l, i := get(m, list).List(), 0; i < l.Len(); i++ {
			into[get(l.Get(i).Message(), "iid").Uint()] = get(l.Get(i).Message(), "name").String()
		}
	}
	ids := func(m protoreflect.Message, list protoreflect.Name) (all []uint64) {
		for l, i := get(m, list).List(), 0; i < l.Len(); i++ {
			all = append(all, l.Get(i).Uint())
		}
		return all
	}
	var marks []mark
	for packets, i := get(trace, "packet").List(), 0; i < packets.Len(); i++ {
		p := packets.Get(i).Message()
		if d := get(p, "track_descriptor").Message(); d.IsValid() {
			tracks[get(d, "uuid").Uint()] = strings.TrimPrefix(get(d, "name").String(), "CPU ")
			continue
		}
		intern(get(p, "interned_data").Message(), "event_categories", categories)
		intern(get(p, "interned_data").Message(), "event_names", names)
		e := get(p, "track_event").Message()
		if get(e, "type").Enum() == 2 {
			continue // an end
		}
		m := mark{name: names[get(e, "name_iid").Uint()], cpu: tracks[get(e, "track_uuid").Uint()], from: ids(e, "flow_ids"), to: ids(e, "terminating_flow_ids")}
		m.category = categories[ids(e, "category_iids")[0]]
		marks = append(marks, m)
	}
	return marks
}
