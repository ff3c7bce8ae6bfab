package track_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// TestTailCalls: what ended with a call and left no frame is named by the event that the kernel records
// before it calls (kernel/workqueue.c process_one_work, kernel/time/timer.c call_timer_fn), and
// where that event is missing, lost or of something else, by nothing.
func TestTailCalls(t *testing.T) {
	cat := catalogtest.Load(t)
	const (
		start   = "at 1.000001 cpu 0 task kworker/0:1-7 flags ...1 workqueue_execute_start function=bpf_prog_free_deferred\n"
		end     = "at 1.000002 cpu 0 task kworker/0:1-7 flags ...1 workqueue_execute_end function=bpf_prog_free_deferred\n"
		timer   = "at 1.000001 cpu 0 task a-7 flags ..s1 timer_expire_entry function=process_timeout\n"
		expired = "at 1.000000 cpu 0 task a-7 flags ..s1 timer_expire_exit timer=1\n"
		send    = `at 1.000003 cpu 0 task %[1]s flags %[2]s ipi_send_cpu cpu=2 callsite=f+0x1 callback=generic_smp_call_function_single_interrupt
			at 1.000004 cpu 0 task %[1]s flags %[2]s kernel_stack %[3]s
			`
	)
	work := fmt.Sprintf(send, "kworker/0:1-7", "d..1", "smp_call_function_many_cond on_each_cpu_cond_mask __purge_vmap_area_lazy _vm_unmap_aliases vfree process_one_work worker_thread kthread")
	wake := fmt.Sprintf(send, "a-7", "d.s1", "__smp_call_single_queue ttwu_queue_wakelist try_to_wake_up call_timer_fn __run_timers run_timer_softirq handle_softirqs")
	for name, tt := range map[string]struct{ script, want string }{
		"named":                    {start + work, "bpf_prog_free_deferred by kworker:bpf_prog_free_deferred"},
		"not recorded":             {work, "unknown by kworker (tail call: vfree)"},
		"it has ended":             {start + end + work, "unknown by kworker (tail call: vfree)"},
		"lost":                     {start + "lost cpu 0 at 1.000002 n 3\n" + work, "unknown by kworker (tail call: vfree)"},
		"lost elsewhere":           {start + "lost cpu 1 at 1.000002 n 3\n" + work, "bpf_prog_free_deferred by kworker:bpf_prog_free_deferred"},
		"of another kworker":       {"at 1.000001 cpu 0 task kworker/0:2-8 flags ...1 workqueue_execute_start function=vmstat_update\n" + work, "unknown by kworker (tail call: vfree)"},
		"on another CPU":           {"at 1.000001 cpu 1 task kworker/0:1-7 flags ...1 workqueue_execute_start function=vmstat_update\n" + work, "unknown by kworker (tail call: vfree)"},
		"of a timer":               {expired + timer + work, "unknown by kworker (tail call: vfree)"},
		"a timer":                  {expired + timer + wake, "process_timeout by softirq/timer:process_timeout"},
		"a timer that has no end":  {timer + wake, "unknown by softirq/timer (tail call: try_to_wake_up)"},
		"the function is on stack": {start + fmt.Sprintf(send, "kworker/0:1-7", "d..1", "on_each_cpu_cond_mask vfree delayed_vfree_work process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm"), "delayed_vfree_work by kworker:delayed_vfree_work"},
	} {
		src := tracetest.Parse(tt.script)
		attr := track.NewAttributor(cat, src.Table())
		got := ""
		c := &collector{t: src.Table()}
		c.Sends = track.NewSends(src.Table(), track.Config{Attribution: attr, Send: func(w *track.Send) {
			f := attr.Stack(w.Stack)
			got += c.t.NameOf(f.Cause) + " by " + c.t.NameOf(f.Entry)
		}})
		if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
