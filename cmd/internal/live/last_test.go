package live

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// TestLast: of a function the newest send that has a stack is kept.
func TestLast(t *testing.T) {
	c, iso := catalogAndIsolated(t)
	src := tracetest.Parse(`
		at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
		at 1.000002 cpu 0 task a-7 flags d..1 kernel_stack resched_curr wake_up_q futex_wake
		at 1.000003 cpu 1 task b-8 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0
		at 1.000004 cpu 1 task b-8 flags d..1 kernel_stack resched_curr ttwu_do_activate
		at 1.000005 cpu 0 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
		at 1.000006 cpu 0 task c-9 flags d..1 ipi_send_cpu cpu=0 callsite=f+0x1 callback=0x0`)
	l := NewLast(src.Table())
	by, err := ipi.ParseKeys("function")
	if err != nil {
		t.Fatal(err)
	}
	s := ipi.New(src.Table(), ipi.Config{Isolated: iso, By: by, Catalog: c, Seen: l.See})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	src.Table().Forget(s, l)
	want := map[string][]string{"reschedule": {"last stack, of b-8 on CPU 1 at 1.000003:", "  resched_curr", "  ttwu_do_activate"}}
	if diff := cmp.Diff(want, l.Stacks()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
