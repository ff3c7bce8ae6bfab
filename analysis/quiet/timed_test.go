package quiet_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func timed(t *testing.T, src trace.Source) ([]quiet.Timed, *quiet.Counts) {
	t.Helper()
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	s := quiet.New(src.Table(), quiet.Config{Isolated: &m, Catalog: cat, Sequences: true})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	c := s.Counts(st.Input(&src.Table().Meta, nil))
	return s.Timed(c), c
}

// TestTimed: stretches that the edges of a trace or a gap cut off are not among
// the values, and are counted.
func TestTimed(t *testing.T) {
	src := tracetest.Parse(`
at 1.000000 cpu 2 task a-7 flags .... sched_switch prev_pid=0 next_pid=7
at 1.000100 cpu 2 task a-7 flags d.h. reschedule_entry vector=253
at 1.000110 cpu 2 task a-7 flags d.h. reschedule_exit vector=253
at 1.000160 cpu 2 task a-7 flags d.h. reschedule_entry vector=253
at 1.000170 cpu 2 task a-7 flags d.h. reschedule_exit vector=253
at 1.000470 cpu 2 task a-7 flags d.h. reschedule_entry vector=253
at 1.000480 cpu 2 task a-7 flags d.h. reschedule_exit vector=253
at 1.001000 cpu 3 task b-8 flags d... sched_switch prev_pid=0 next_pid=8
`)
	list, c := timed(t, src)
	if len(list) != 2 || list[0].CPU != 2 || list[1].CPU != 3 {
		t.Fatalf("%+v", list)
	}
	if diff := cmp.Diff([]int64{50_000, 300_000}, list[0].Values.InTime()); diff != "" || list[0].Missing != 2 {
		t.Errorf("%s, %d cut off", diff, list[0].Missing)
	}
	if list[1].Values.Count() != 0 || list[1].Missing != 1 {
		t.Errorf("CPU 3: %d stretches, %d cut off", list[1].Values.Count(), list[1].Missing)
	}
	if got := c.Means(); got != "irq_vectors or irq_handler_entry, sched_switch" {
		t.Errorf("means %q", got)
	}
}

// TestTimedRecordings: values and cut ones add up to the stretches that quiet
// counts, but for what is lost in a gap.
func TestTimedRecordings(t *testing.T) {
	for _, path := range []string{"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat", "k612s4-51-statickey-before-1/report-t.txt.gz"} {
		src, err := parser.Open("../../fixtures/"+path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		list, c := timed(t, src)
		for i, x := range c.CPUs() {
			if n := list[i].Values.Count() + list[i].Missing; n != x.Quiet.Count() || list[i].Missing > 2 {
				t.Errorf("%s, CPU %d: %d whole and %d cut stretches of %d", path, x.CPU, list[i].Values.Count(), list[i].Missing, x.Quiet.Count())
			}
		}
	}
}
