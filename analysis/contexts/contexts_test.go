package contexts_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/contexts"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func run(t *testing.T, src trace.Source) *result.Set {
	t.Helper()
	state := contexts.New(src.Table(), nil) // the embedded catalogue
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, state)
	if err != nil {
		t.Fatal(err)
	}
	return state.Result(st.Input(&src.Table().Meta, nil))
}

// shapes shows the rows of the table.
func shapes(set *result.Set) []string {
	var lines []string
	for _, row := range set.Tables[0].Rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, v.Text())
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	return lines
}

func stack(frames string) string { return "at 1.0 cpu 0 kernel_stack " + frames + "\n" }

// The frames of the interrupted code around which the tests turn.
const (
	inner = "preempt_schedule_irq irqentry_exit sysvec_apic_timer_interrupt asm_sysvec_apic_timer_interrupt "
	soft  = "rcu_core handle_softirqs __irq_exit_rcu "
	outer = "sysvec_call_function asm_sysvec_call_function "
	read  = "vfs_read ksys_read do_syscall_64 entry_SYSCALL_64_after_hwframe"
)

// TestNesting is the question of the mail thread "PREEMPT_AUTO: support lazy
// rescheduling" (22 February 2024): "Surely the problematic case is where the
// first interrupt is taken from a trampoline, but the inner interrupt is taken
// from not-a-trampoline?" The interrupted frames are listed innermost first, so
// that case is "- < bpf", which must differ from the others.
func TestNesting(t *testing.T) {
	const bpf = "bpf_trampoline_6442536467_1 "
	for name, tt := range map[string]struct{ stack, want string }{
		"the first interrupt on a trampoline, the inner one not": {inner + "rcu_segcblist_enqueue " + soft + outer + bpf + read, "1 | 2 | hardirq < softirq < hardirq < syscall | - < bpf"},
		"the inner interrupt on a trampoline, the first one not": {inner + bpf + soft + outer + read, "1 | 2 | hardirq < softirq < hardirq < syscall | bpf < -"},
		"both":                     {inner + bpf + soft + outer + bpf + read, "1 | 2 | hardirq < softirq < hardirq < syscall | bpf < bpf"},
		"neither":                  {inner + "rcu_segcblist_enqueue " + soft + outer + read, "1 | 2 | hardirq < softirq < hardirq < syscall | "},
		"no interrupt":             {read, "1 | 0 | syscall | "},
		"one, on a trampoline":     {outer + bpf + read, "1 | 1 | hardirq < syscall | bpf"},
		"in user mode":             {outer, "1 | 1 | hardirq | "},
		"a softirq has no frame":   {soft + outer + bpf + read, "1 | 1 | softirq < hardirq < syscall | bpf"},
		"unknown text interrupted": {outer + "0xffffffffc0a01230 " + read, "1 | 1 | hardirq < syscall | unresolved"},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff([]string{tt.want}, shapes(run(t, tracetest.Parse(stack(tt.stack))))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestTable: equal shapes are one row, the most frequent first; only kernel
// stacks count, and each counts once however often it came.
func TestTable(t *testing.T) {
	set := run(t, tracetest.Parse(
		stack(read)+stack(outer+"bpf_trampoline_6442536467_1 "+read)+stack(read)+stack("new_sync_read "+read)+
			"at 1.0 cpu 0 user_stack main\nat 1.0 cpu 0 ipi_send_cpu cpu=2\n"))
	want := []string{"3 | 0 | syscall | ", "1 | 1 | hardirq < syscall | bpf"}
	if d := cmp.Diff(want, shapes(set)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if set.Total("stacks") != 4 || set.Total("marked") != 1 || !strings.Contains(set.Verdict, "4 stacks, 1 of them") {
		t.Errorf("%+v, %q", set.Totals, set.Verdict)
	}
}

// TestRecording: every kernel stack of a recording is in one row. trace-cmd
// report prints 27178 "kernel_stack:" lines for it.
func TestRecording(t *testing.T) {
	src, err := parser.Open("../../fixtures/k612s4-12b-all-stack/trace.dat", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	set := run(t, src)
	var sum int64
	for _, row := range set.Tables[0].Rows {
		sum += row[0].Int
	}
	if sum != 27178 || set.Total("stacks") != 27178 {
		t.Errorf("%d stacks in the rows, %d in the totals, want 27178", sum, set.Total("stacks"))
	}
}
