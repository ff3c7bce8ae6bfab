package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/cmd/internal/live"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ringlive"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// timekept holds a recording against a budget as live does. Arrivals are given up in
// the middle if that is wanted.
func timekept(t *testing.T, limits string, giveUp bool) (results map[string]string, broken string) {
	t.Helper()
	b, err := budget.Parse([]byte(limits), "b")
	if err != nil {
		t.Fatal(err)
	}
	iso, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := parser.Open(filepath.Join("..", "..", "fixtures", "k612s4-12b-all-stack", "trace.dat"), parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	middle := trace.Time(0)
	f := live.NewFallback(1, func(name string) bool { return !strings.Contains(name, ":ipi_send_") && name != "csd:csd_queue_cpu" }, func() (trace.Time, error) { return middle, nil })
	k := newTimekeeper(src.Table(), b.Times(), &iso, nil, f)
	progress := &watchedRun{src: f.Source(src), at: 20_000, do: func(now trace.Time) {
		if !giveUp {
			return
		}
		middle = now
		none := func() (uint64, error) { return 0, nil }
		for i, until := range []trace.Time{now - 2e9, now} {
			if err := f.Look(ringlive.Stats{Until: until, Events: uint64(i) * 1e6}, none); err != nil {
				t.Error(err)
			}
		}
	}}
	src.Table().Meta.Clock = "mono" // or no delivery is decided
	st, err := analysis.Run(t.Context(), progress, analysis.Options{}, k.hits, k.toArrive, k.toBeQuiet, k.present)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(&src.Table().Meta, nil)
	set, _ := k.check(in)
	results = map[string]string{}
	checks := set.Table("verdicts")
	for _, row := range checks.Rows {
		results[row[checks.Index("check")].Str] = row[checks.Index("result")].Str
	}
	if lines := checkLines(set); len(lines) == 0 || !strings.Contains(lines[0], "CPU 2: longest") {
		t.Errorf("it says %q", lines)
	}
	return results, k.broken(in)
}

// A watchedRun calls a function after so many records.
type watchedRun struct {
	src trace.Source
	at  int
	do  func(now trace.Time)
}

func (w *watchedRun) Scan() bool {
	ok := w.src.Scan()
	if e, is := w.src.Record().(*trace.Event); ok && is {
		if w.at--; w.at == 0 {
			w.do(e.Time)
		}
	}
	return ok
}
func (w *watchedRun) Record() trace.Record { return w.src.Record() }
func (w *watchedRun) Err() error           { return w.src.Err() }
func (w *watchedRun) Table() *trace.Table  { return w.src.Table() }
func (w *watchedRun) Close() error         { return w.src.Close() }

// TestTimekeeper: what live measures is held against a budget as check does. Without
// arrivals nothing passes, and what may have been better behind their end does not
// fail.
func TestTimekeeper(t *testing.T) {
	for _, tt := range []struct {
		limits     string
		giveUp     bool
		breaks     bool
		handler    string
		quiet, p99 string
	}{
		{"max_handler: 1s\nmin_quiet: 1h\nmax_delivery_p99: 1s", false, false, budget.Pass, budget.Fail, budget.Pass},
		{"max_handler: 1s\nmin_quiet: 1h\nmax_delivery_p99: 1s", true, false, budget.Undecided, budget.Undecided, budget.Undecided},
		{"max_handler: 1ns\nmin_quiet: 1h\nmax_delivery_p99: 1ns", false, true, budget.Fail, budget.Fail, budget.Fail},
		{"max_handler: 1ns\nmin_quiet: 1h\nmax_delivery_p99: 1ns", true, true, budget.Fail, budget.Undecided, budget.Undecided},
	} {
		got, broken := timekept(t, tt.limits, tt.giveUp)
		want := map[string]string{"lost events": budget.Pass, "longest handler": tt.handler, "longest quiet time": tt.quiet, "delivery p99": tt.p99}
		if diff := cmp.Diff(want, got); diff != "" || (broken != "") != tt.breaks {
			t.Errorf("%q, given up %v: broken %q, -want +got:\n%s", tt.limits, tt.giveUp, broken, diff)
		}
	}
}
