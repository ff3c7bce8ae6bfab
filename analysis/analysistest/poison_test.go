package analysistest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/contexts"
	"github.com/ipiscope/ipiscope/analysis/evidence"
	"github.com/ipiscope/ipiscope/analysis/inventory"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/steady"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// TestPoisonRuins: a record that is kept, or a part of it, is of no use after
// the next Scan; one that was copied is.
func TestPoisonRuins(t *testing.T) {
	src := analysistest.Poison(tracetest.Parse(`
		at 1.0 cpu 1 task a-7 flags d..1 sched_wakeup pid=3
		lost cpu 1 at 2.0 n 3
		at 3.0 cpu 1 task a-7 flags d..1 sched_wakeup pid=4`))
	src.Scan()
	kept := src.Record().(*trace.Event)
	if src.Record() != trace.Record(kept) {
		t.Error("Record returns another record at its second call")
	}
	pid := kept.Schema().Ref("pid")
	view, payload := kept.Payload(), string(kept.Payload())
	var copied trace.Event
	kept.CopyTo(&copied)
	if got, _ := kept.Uint(pid); got != 3 || kept.Time != 1e9 || kept.CPU != 1 {
		t.Errorf("before the next Scan: pid=%d, %+v", got, kept)
	}

	src.Scan()
	if string(view) == payload || strings.Contains(string(view), "pid") {
		t.Errorf("the payload is still there: %q", view)
	}
	if kept.Time == 1e9 || kept.CPU == 1 || kept.PID == 7 {
		t.Errorf("the header is still there: %+v", kept)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("a field of an event that is over could be read")
			}
		}()
		kept.Uint(pid)
	}()
	if got, _ := copied.Uint(pid); got != 3 {
		t.Errorf("the copy has pid=%d, want 3", got)
	}

	lost := src.Record().(*trace.Lost)
	if lost.N != 3 || lost.CPU != 1 || lost.Time != 2e9 {
		t.Errorf("got %+v", lost)
	}
	src.Scan()
	if lost.N == 3 || lost.CPU == 1 {
		t.Errorf("the loss is still there: %+v", lost)
	}
	last := src.Record().(*trace.Event)
	src.Close()
	if last.Time == 3e9 {
		t.Error("the last event outlives its source")
	}
}

// TestPoison runs every analyzer over real recordings twice: as they are, and
// with every record ruined behind it. An analyzer that keeps what it was only
// lent gives other results.
func TestPoison(t *testing.T) {
	cat := catalogtest.Load(t)
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range fixtures(t) {
		t.Run(filepath.Base(filepath.Dir(path)), func(t *testing.T) {
			want := analyze(t, path, cat, &isolated, func(s trace.Source) trace.Source { return s })
			got := analyze(t, path, cat, &isolated, analysistest.Poison)
			for name := range want {
				if got[name] != want[name] {
					t.Errorf("%s keeps what it was lent (-want +got):\n%s", name, cmp.Diff(want[name], got[name]))
				}
			}
		})
	}
}

// fixtures are recordings of every kind: with and without stacks and csd
// events, instances, losses, arm64, and text.
func fixtures(t *testing.T) []string {
	var all []string
	for _, pattern := range []string{"*/trace.dat", "*/trace.dat.zst", "k612s4-05-date/report-t.txt.gz", "k612s4-30-*/fmt/default.txt.gz", "k612s4-32-*/trace_pipe-lost.txt.gz"} {
		paths, err := filepath.Glob("../../fixtures/" + pattern)
		if err != nil || len(paths) == 0 {
			t.Fatalf("no fixture %s: %v", pattern, err)
		}
		all = append(all, paths...)
	}
	return all
}

// analyze runs all analyzers in one pass and shows what each says.
func analyze(t *testing.T, path string, cat *catalog.Catalog, isolated *cpumask.Mask, wrap func(trace.Source) trace.Source) map[string]string {
	t.Helper()
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src = wrap(src)
	defer src.Close()
	table := src.Table()
	var by []ipi.Key
	for _, name := range []string{"callback", "function", "evidence", "callsite", "event", "cause", "mechanism", "entry", "class", "comm", "pid", "sender", "target", "stack", "instance", "file"} {
		keys, err := ipi.ParseKeys(name)
		if err != nil {
			t.Fatal(err)
		}
		by = append(by, keys...)
	}
	var rows strings.Builder
	counts := ipi.New(table, ipi.Config{Isolated: isolated, By: by, Catalog: cat, Timeline: true})
	list := listing.New(table, listing.Config{Isolated: isolated, Catalog: cat, Row: func(row []result.Value) error {
		_, err := fmt.Fprintln(&rows, row)
		return err
	}})
	ev := evidence.New(table, evidence.Config{Isolated: isolated, Catalog: cat})
	cx, inv, rate := contexts.New(table, contexts.Config{Catalog: cat}), inventory.New(table), steady.New()
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, counts, list, ev, cx, inv, rate)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(&table.Meta, nil)
	c := counts.Counts(in)
	if st.Events == 0 || c.Total().Sends == 0 && !strings.Contains(path, "trace_pipe") {
		t.Fatalf("%d events, %d sends: nothing was tested", st.Events, c.Total().Sends)
	}
	return map[string]string{
		"ipi": text(t, c.Result()), "ipi's timeline": text(t, c.Groups()), "hits": rows.String(), "evidence": text(t, ev.Result(in)),
		"contexts": text(t, cx.Result(in)), "inventory": text(t, inv.Result(in)), "steady": fmt.Sprint(rate.Cut()),
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
