package track_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// The callsite answers where neither a request nor a stack does, if the function
// that sent makes its targets run one thing only (kernel/sched/core.c,
// ttwu_queue_wakelist; kernel/smp.c, kick_all_cpus_sync). It is the cause then,
// and decides the class: resched_cpu is RCU's, which cannot wait.
func TestCallsites(t *testing.T) {
	const carrier = " callback=" + generic + "\n"
	for _, tt := range []struct{ name, script, want string }{
		{"a wake-up", "ipi_send_cpu cpu=2 callsite=ttwu_queue_wakelist+0x15b/0x250" + carrier,
			"sched_ttwu_pending callsite cause ttwu_queue_wakelist"},
		{"text patching of arm64", "ipi_send_cpumask cpumask=2 callsite=kick_all_cpus_sync+0x30" + carrier,
			"do_nothing callsite cause kick_all_cpus_sync"},
		{"membarrier", "ipi_send_cpumask cpumask=2 callsite=membarrier_global_expedited+0xf4" + carrier,
			"ipi_mb callsite cause membarrier_global_expedited"},
		{"RCU asks for the CPU", "ipi_send_cpu cpu=2 callsite=resched_cpu+0x8a/0xa0 callback=0x0\n",
			"reschedule callback cause resched_cpu class unavoidable"},
		{"a function that passes any call on", "ipi_send_cpumask cpumask=2 callsite=on_each_cpu_cond_mask+0x24" + carrier,
			"unknown none cause (no stack)"},
		{"another one", "ipi_send_cpu cpu=2 callsite=generic_exec_single+0x33" + carrier, "unknown none cause (no stack)"},
		{"an address", "ipi_send_cpu cpu=2 callsite=0xffffffff81234567" + carrier, "unknown none cause (no stack)"},
		{"a stack has the last word", "ipi_send_cpu cpu=2 callsite=ttwu_queue_wakelist+0x15b" + carrier +
			"at 1.000003 cpu 0 task a-7 flags d..1 kernel_stack x y\n", "unknown none cause x"},
		{"a request, too", "csd_queue_cpu cpu=2 callsite=ttwu_queue_wakelist+0x15b func=g csd=1\n" +
			"at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=ttwu_queue_wakelist+0x15b" + carrier, "g csd cause ttwu_queue_wakelist"},
	} {
		src := tracetest.Parse("at 1.000002 cpu 0 task a-7 flags d..1 " + tt.script)
		cat := catalogtest.Load(t)
		attr := track.NewAttributor(cat, src.Table())
		got := ""
		s := track.NewSends(src.Table(), track.Config{Attribution: attr, Send: func(w *track.Send) {
			h := &w.Hits[0]
			name := src.Table().NameOf
			got = fmt.Sprintf("%s %v cause %s", name(h.Function), h.Evidence, name(attr.Facts(w.Stack, w.Callsite).Cause))
			if c := attr.Class(h.Function, w.Stack, w.Callsite).Class; c == catalog.Unavoidable {
				got += " class unavoidable"
			}
		}})
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, &collector{Sends: s}); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}
