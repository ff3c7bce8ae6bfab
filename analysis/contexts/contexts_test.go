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
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func run(t *testing.T, src trace.Source) *result.Set {
	t.Helper()
	state := contexts.New(src.Table(), contexts.Config{}) // the embedded catalogue
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
		for _, v := range row[:4] { // the rest is for TestStates
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

// TestStates: need-resched by context, the first stack of each row, which stacks are
// looked at, and what a text cannot show.
func TestStates(t *testing.T) {
	const script = "at 1.0 cpu 2 task a-1 flags d... ipi_send_cpu cpu=3\n" + "at 1.1 cpu 2 task a-1 flags dN.. kernel_stack vfs_read do_syscall_64\n" +
		"at 1.2 cpu 3 task b-2 flags d... ipi_send_cpu cpu=1\n" + "at 1.3 cpu 3 task b-2 flags dL.. kernel_stack vfs_write do_syscall_64\n" +
		"at 1.4 cpu 3 task b-2 flags d... sched_wakeup pid=1\n" + "at 1.5 cpu 3 task b-2 flags d... kernel_stack one two\n"
	isolated, _ := cpumask.ParseList([]byte("3"))
	for _, tt := range []struct {
		name  string
		cfg   contexts.Config
		want  []string
		noted bool
	}{
		{"all", contexts.Config{}, []string{"2 syscall 1 1 1.100000000 2 vfs_read < do_syscall_64", "1 unknown 0 0 1.500000000 3 one < two"}, false},
		{"of an isolated CPU", contexts.Config{Isolated: &isolated}, []string{"1 syscall 0 1 1.300000000 3 vfs_write < do_syscall_64", "1 unknown 0 0 1.500000000 3 one < two"}, false},
		{"of events that pass a filter", contexts.Config{Counts: func(e *trace.Event) bool { return e.Schema().Name == "ipi_send_cpu" && e.CPU == 2 }},
			[]string{"1 syscall 1 0 1.100000000 2 vfs_read < do_syscall_64"}, true},
	} {
		src := tracetest.Parse(script)
		s := contexts.New(src.Table(), tt.cfg)
		st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
		if err != nil {
			t.Fatal(err)
		}
		set := s.Result(st.Input(&src.Table().Meta, nil))
		tab := set.Table("contexts")
		var got []string
		for _, row := range tab.Rows {
			var cells []string
			for _, col := range []string{"stacks", "contexts", "need_resched", "need_resched_lazy", "example.at", "example.cpu", "example.stack"} {
				cells = append(cells, row[tab.Index(col)].Text())
			}
			got = append(got, strings.Join(cells, " "))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
		if noted := len(set.Notes) > 0; noted != tt.noted {
			t.Errorf("%s: notes %q", tt.name, set.Notes)
		}
	}
}
