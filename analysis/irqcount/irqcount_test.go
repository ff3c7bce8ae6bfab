package irqcount_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func TestAddTo(t *testing.T) {
	src := tracetest.Parse(`
		at 1.000001 cpu 2 task a-7 call_function_entry vector=252
		at 1.000002 cpu 2 task a-7 call_function_exit vector=252
		at 1.000003 cpu 2 task a-7 call_function_single_entry vector=251
		at 1.000004 cpu 2 task a-7 call_function_single_exit vector=251
		at 1.000005 cpu 2 task a-7 irq_handler_entry irq=24 name=eth0
		at 1.000006 cpu 2 task a-7 irq_handler_exit irq=24 ret=1
		at 1.000007 cpu 2 task a-7 ipi_entry reason=Rescheduling
		at 1.000008 cpu 2 task a-7 ipi_exit reason=Rescheduling
		at 1.000009 cpu 0 task a-7 local_timer_entry vector=236
		at 1.000010 cpu 2 task a-7 local_timer_entry vector=236`)
	s := irqcount.New(src.Table())
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	c := irqcount.NewCounts()
	c.Merge(s.Counts())
	m, _ := cpumask.ParseList([]byte("2"))
	var set result.Set
	c.AddTo(&set, []irqcount.Delta{
		{"24", "eth0", 2, 1}, {"24", "eth0", 0, 9}, {"CAL", "Function call interrupts", 2, 2}, {"TLB", "TLB shootdowns", 2, 1},
		{"RES", "Rescheduling interrupts", 2, 4}, {"IPI0", "Rescheduling", 2, 1}, {"NMI", "Non-maskable interrupts", 2, 3}, {"PIN", "", 2, 0},
	}, &m)
	// CAL has TLB in it: between the copies in fixtures/interrupts, of Linux 6.18,
	// both grew by 689 on CPU 0 and by 415 on CPU 1
	var got []string
	for _, r := range set.Tables[0].Rows {
		got = append(got, fmt.Sprintf("%d %s %s %d %d %d", r[0].Int, r[1].Str, r[2].Str, r[3].Int, r[4].Int, r[5].Int))
	}
	want := []string{"2 (no event) NMI NMI 3 0 3", "2 call_function CAL+TLB 2 2 0", "2 ipi Rescheduling IPI0 1 1 0", "2 irq 24 24 1 1 0", "2 local_timer  0 1 -1", "2 reschedule RES 4 0 4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(set.Warnings) != 1 || set.Warnings[0].Code != "not-traced" {
		t.Errorf("warnings %+v", set.Warnings)
	}
}
