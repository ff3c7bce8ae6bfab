package ipi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	reportjson "github.com/ipiscope/ipiscope/report/json"
)

// scan reads a fixture; f sees every event. The source stays open until the end
// of the test, for the symbols that it looks up.
func scan(t *testing.T, path string, f func(*trace.Event)) *trace.Table {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			f(e)
		}
	}
	if err := src.Err(); err != nil {
		t.Fatal(err)
	}
	return src.Table()
}

// counted is what the ipi analyzer says about a fixture, for each of several
// lists of keys.
func counted(t *testing.T, path, isolated string, bys ...[]ipi.Key) []*ipi.Counts {
	t.Helper()
	src, err := parser.Open("../../fixtures/"+path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	cfg := ipi.Config{Catalog: catalogtest.Load(t)}
	if isolated != "" {
		m, err := cpumask.ParseList([]byte(isolated))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Isolated = &m
	}
	var states []analysis.State
	for _, by := range bys {
		cfg.By = by
		states = append(states, ipi.New(src.Table(), cfg))
	}
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, states...)
	var counts []*ipi.Counts
	for _, s := range states {
		counts = append(counts, s.(*ipi.State).Counts(st.Input(&src.Table().Meta, err)))
	}
	return counts
}

func parse(t *testing.T, by string) []ipi.Key {
	t.Helper()
	keys, err := ipi.ParseKeys(by)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestMergeLaws: the sums of several files do not depend on how they are added
// up. The parts are real: with and without stacks and csd events, instances,
// arm64, text without a single send, and one with losses.
func TestMergeLaws(t *testing.T) {
	files := []string{
		"k612s4-02-zlib-mono/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-06-multi/trace.dat",
		"k612s4-32-trace_pipe/trace_pipe-lost.txt.gz", "k612s4-30-native-ipi-stack/fmt/default.txt.gz",
	}
	for by, sets := range map[string][]string{"function": {"2-3", ""}, "cause,class,file,target": {"2-3"}} {
		for _, isolated := range sets {
			t.Run(by+" "+isolated, func(t *testing.T) {
				keys := parse(t, by)
				var mask *cpumask.Mask
				if isolated != "" {
					m, err := cpumask.ParseList([]byte(isolated))
					if err != nil {
						t.Fatal(err)
					}
					mask = &m
				}
				// reading is what costs; a part is a sum of one that was read
				read := make([]*ipi.Counts, len(files))
				for i, f := range files {
					read[i] = counted(t, f, isolated, keys)[0]
				}
				zero := func() *ipi.Counts { return ipi.NewCounts(mask, keys) }
				m := analysistest.Merging[*ipi.Counts]{
					Zero: zero, Parts: len(files), Merge: (*ipi.Counts).Merge,
					Part: func(i int) *ipi.Counts {
						c := zero()
						c.Merge(read[i])
						return c
					},
					Text:      func(c *ipi.Counts) string { return all(t, c, c.Result()) },
					Unordered: func(c *ipi.Counts) string { return all(t, c, sorted(c.Result())) },
				}
				m.Laws(t)
				for i, f := range files {
					if before, after := all(t, read[i], read[i].Result()), all(t, m.Part(i), m.Part(i).Result()); before != after {
						t.Errorf("%s: merging it into nothing changes it", f)
					}
				}
			})
		}
	}
}

// all shows all that can be asked of a sum.
func all(t *testing.T, c *ipi.Counts, set *result.Set) string {
	t.Helper()
	groups := c.Groups()
	b, err := json.Marshal([]any{set, groups, c.Total(), c.Duration(), c.Missed(), c.Isolated().String()})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// sorted takes the order of the inputs out of a result: they are listed in it,
// and each has a column of its own.
func sorted(set *result.Set) *result.Set {
	s := *set
	s.Inputs = slices.Clone(set.Inputs)
	slices.SortFunc(s.Inputs, func(a, b result.Input) int { return strings.Compare(a.Path, b.Path) })
	s.Warnings = slices.Clone(set.Warnings)
	slices.SortFunc(s.Warnings, func(a, b result.Warning) int { return strings.Compare(a.Text, b.Text) })
	s.Tables = nil
	for _, t := range set.Tables {
		order := make([]int, len(t.Cols))
		for i := range order {
			order[i] = i
		}
		slices.SortFunc(order, func(i, j int) int { return strings.Compare(t.Cols[i].Name, t.Cols[j].Name) })
		c := &result.Table{Name: t.Name}
		for _, i := range order {
			c.Cols = append(c.Cols, t.Cols[i])
		}
		for _, row := range t.Rows {
			var r []result.Value
			for _, i := range order {
				r = append(r, row[i])
			}
			c.Rows = append(c.Rows, r)
		}
		c.SortDown(0)
		s.Tables = append(s.Tables, c)
	}
	return &s
}

// TestMergeAddsUp: the sum of several files has the sum of each figure, and a
// column of hits for each file.
func TestMergeAddsUp(t *testing.T) {
	by := parse(t, "callback")
	m, _ := cpumask.ParseList([]byte("2-3"))
	files := []string{"k612s4-02-zlib-mono/trace.dat", "karm64s4-21-ipi-all/trace.dat"}
	a, b := counted(t, files[0], "2-3", by)[0], counted(t, files[1], "2-3", by)[0]
	sum := ipi.NewCounts(&m, by)
	sum.Merge(a)
	sum.Merge(b)
	ta, tb, ts := a.Total(), b.Total(), sum.Total()
	if ts.Hits != ta.Hits+tb.Hits || ts.Sends != ta.Sends+tb.Sends || ts.Requests != ta.Requests+tb.Requests || ts.Self != ta.Self+tb.Self || ta.Hits == 0 || tb.Hits == 0 {
		t.Errorf("%+v + %+v = %+v", ta, tb, ts)
	}
	if sum.Duration() != a.Duration()+b.Duration() || len(sum.Inputs()) != 2 {
		t.Errorf("%d ns, %d inputs", sum.Duration(), len(sum.Inputs()))
	}
	g := sum.Result().Table("groups")
	for i, f := range files {
		col := g.Index("by_file.../../fixtures/" + f)
		if col < 0 {
			t.Fatalf("no column for %s: %v", f, g.Cols)
		}
		var hits int64
		for _, row := range g.Rows {
			hits += row[col].Int
		}
		if want := []*ipi.Counts{a, b}[i].Total().Hits; uint64(hits) != want {
			t.Errorf("%s: the column adds up to %d hits, want %d", f, hits, want)
		}
	}
}

// TestGroupsAddUp: for any keys the hits of all groups are the totals. Requests
// and what else belongs to single hits add up too; sends need not.
func TestGroupsAddUp(t *testing.T) {
	paths, err := filepath.Glob("../../fixtures/*/trace.dat*")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	for _, path := range paths {
		path = strings.TrimPrefix(path, "../../fixtures/")
		for _, c := range counted(t, path, "2-3", parse(t, "function"), parse(t, "callback,target"), parse(t, "stack,comm,instance")) {
			var sum ipi.Group
			for _, g := range c.Groups() {
				sum.Hits += g.Hits
				sum.Requests += g.Requests
				sum.Self += g.Self
				sum.Noise += g.Noise
				sum.Unattributed += g.Unattributed
				sum.Sends = max(sum.Sends, g.Sends)
			}
			total := c.Total()
			if sum.Hits != total.Hits || sum.Requests != total.Requests || sum.Self != total.Self || sum.Noise != total.Noise || sum.Unattributed != total.Unattributed || sum.Sends > total.Sends {
				t.Errorf("%s by %v: the groups add up to %+v, totals are %+v", path, c.Result().By, sum, total)
			}
		}
	}
}

// TestEventAllocs: once every stack, name and group was met, an event costs no
// allocation. Events of a recording are held in memory, so that nothing else is
// measured.
func TestEventAllocs(t *testing.T) {
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-06-multi/trace.dat"} {
		t.Run(filepath.Dir(path), func(t *testing.T) {
			var events []*trace.Event
			table := scan(t, path, func(e *trace.Event) {
				events = append(events, &trace.Event{})
				e.CopyTo(events[len(events)-1])
			})
			by := parse(t, "function,evidence,callsite,cause,class,comm,sender,target,stack,instance")
			isolated, _ := cpumask.ParseList([]byte("2-3"))
			state := ipi.New(table, ipi.Config{Isolated: &isolated, By: by, Catalog: catalogtest.Load(t), Timeline: true})
			feed := func() {
				for _, e := range events {
					state.Event(e)
				}
			}
			feed()
			if n := testing.AllocsPerRun(3, feed); n > 0 {
				t.Errorf("%v allocations for %d events, want none", n, len(events))
			}
		})
	}
}

func BenchmarkEvent(b *testing.B) {
	src, err := parser.Open("../../fixtures/k612s4-12b-all-stack/trace.dat", parser.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	var events []*trace.Event
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			events = append(events, &trace.Event{})
			e.CopyTo(events[len(events)-1])
		}
	}
	by, err := ipi.ParseKeys("function")
	if err != nil {
		b.Fatal(err)
	}
	isolated, _ := cpumask.ParseList([]byte("2-3"))
	state := ipi.New(src.Table(), ipi.Config{Isolated: &isolated, By: by, Catalog: catalogtest.Load(b)})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		state.Event(events[i%len(events)])
	}
}

// TestJSONNames holds the JSON form against the names that other programs rely
// on. They are written down here once more on purpose: a change is to be seen.
func TestJSONNames(t *testing.T) {
	set := count(t, setup{isolated: "2-3", by: "callback"}, call("1.0", 0, "a-7", 2, "g")+"lost cpu 0 at 1.5 n 7\n"+
		"at 2.0 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback="+generic).Result()
	var out bytes.Buffer
	if err := reportjson.Write(&out, set); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var missing []string
	need := func(path string, got any, names ...string) {
		if list, ok := got.([]any); ok {
			if len(list) == 0 {
				missing = append(missing, path+" is empty")
				return
			}
			got = list[0]
		}
		object, ok := got.(map[string]any)
		if !ok {
			missing = append(missing, path+" is no object")
		}
		for _, n := range names {
			if _, ok := object[n]; !ok {
				missing = append(missing, path+"."+n)
			}
		}
	}
	need("", doc, "schema", "inputs", "isolated", "totals", "by", "groups", "cpus", "warnings")
	need("inputs", doc["inputs"], "path", "format", "tool", "kernel", "clock", "cpus", "events", "lost", "lost_unknown", "syntax_errors", "first_ns", "last_ns")
	need("totals", doc["totals"], "events", "sends", "requests", "hits", "self", "noise", "unattributed", "duration_ns")
	need("groups", doc["groups"], "key", "sends", "requests", "hits", "self", "noise", "cpus", "rate_hz", "per_cpu_hour", "share")
	need("groups.key", doc["groups"].([]any)[0].(map[string]any)["key"], "callback")
	need("cpus", doc["cpus"], "cpu", "hits", "rate_hz", "longest_quiet_ns")
	need("warnings", doc["warnings"], "code", "text")
	if len(missing) > 0 {
		t.Errorf("missing: %q in\n%s", missing, out.String())
	}
	if doc["schema"] != "ipiscope/report/v1" || doc["isolated"] != "2-3" {
		t.Errorf("schema %v, isolated %v", doc["schema"], doc["isolated"])
	}
}
