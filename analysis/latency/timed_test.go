package latency_test

import (
	"context"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// TestTimed: the sequences hold what the distributions hold, group by group, and
// what was not matched is missing.
func TestTimed(t *testing.T) {
	for path, missing := range map[string]bool{"../../fixtures/k612s4-12b-all-stack/trace.dat": false, "../../fixtures/karm64s4-21-ipi-all/trace.dat": false, "../../fixtures/k612s4-07-lost/trace.dat": true} {
		s, c := measureFixture(t, path, true)
		for time := latency.Delivery; time < latency.NumTimes; time++ {
			timed := map[string]*latency.Timed{}
			list := s.Timed(time)
			for i := range list {
				timed[list[i].Key[0]] = &list[i]
			}
			var all uint64
			for _, g := range c.Groups() {
				n := g.Times[time].Count()
				all += n
				x := timed[g.Key[0]]
				if n == 0 && x == nil {
					continue
				}
				if x == nil || x.Values.Count() != n || uint64(len(x.Values.InTime())) != n || x.Values.Negative() != g.Times[time].Negative() || n > 0 && x.Means == "" {
					t.Errorf("%s: %s of %s: %+v, want %d values", path, time, g.Key[0], x, n)
				}
			}
			if got := s.Missing(time) > 0; all > 0 && got != missing && time == latency.Bracket {
				t.Errorf("%s: %s: %d missing", path, time, s.Missing(time))
			}
		}
	}
	if s, _ := measureFixture(t, "../../fixtures/karm64s4-21-ipi-all/trace.dat", false); s.Timed(latency.Bracket) != nil {
		t.Error("sequences that were not asked for")
	}
}

// TestTimedNegative: a group has as many impossible times as times that are good (5 us
// after its send, 2 us before it). It is there with both.
func TestTimedNegative(t *testing.T) {
	src := tracetest.Parse(script(1) + "at 1.000100 cpu 2 task b-8 flags d.h1 reschedule_entry vector=253\n" +
		"at 1.000102 cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=g+0x1 callback=0x0\n")
	src.Table().Meta.Clock = "local"
	keys, _ := latency.ParseKeys("function")
	s := latency.New(src.Table(), latency.Config{By: keys, Window: latency.DefaultWindow, Sequences: true})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	list := s.Timed(latency.Delivery)
	if len(list) != 2 || list[1].Key[0] != "reschedule" || list[1].Values.Count() != 1 || list[1].Values.Negative() != 1 {
		t.Errorf("%+v, want do_sync_core, and reschedule with one time and an impossible one", list)
	}
}

// measureFixture reads a recording with sequences or without.
func measureFixture(t *testing.T, path string, sequences bool) (*latency.State, *latency.Counts) {
	t.Helper()
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	keys, err := latency.ParseKeys("function")
	if err != nil {
		t.Fatal(err)
	}
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	s := latency.New(src.Table(), latency.Config{Isolated: &isolated, By: keys, Catalog: cat, Window: latency.DefaultWindow, Sequences: sequences})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s, s.Counts(st.Input(&src.Table().Meta, nil))
}
