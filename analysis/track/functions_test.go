package track_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// calls are the sends that the function tracer shows in a trace, by the innermost
// function of each, and what is said of the input.
func calls(t testing.TB, src trace.Source) (map[string]int, result.Input) {
	t.Helper()
	by := map[string]int{}
	c := &collector{t: src.Table()}
	c.Sends = track.NewSends(src.Table(), track.Config{Send: func(w *track.Send) {
		if w.Traced && (!w.Untargeted || len(w.Hits) > 0 || w.Evidence != track.EvidenceFunction) {
			t.Errorf("a call at %d goes to %v by evidence %v", w.Time, w.Hits, w.Evidence)
		}
		if w.Traced {
			by[src.Table().NameOf(w.Callback)]++
		}
	}})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, c)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(&src.Table().Meta, nil)
	c.Testify(&in)
	return by, in
}

// TestCallsOfKernel: on Linux 6.1 each call of the functions that hand an IPI to the
// APIC of one CPU is one interrupt there: as many as the recording has entries of
// (fixtures/k61s4-11-function/README). What has callers or stacks counts each call once.
func TestCallsOfKernel(t *testing.T) {
	for _, x := range []struct {
		file string
		want map[string]int
	}{
		{"trace.dat", map[string]int{
			"native_send_call_func_single_ipi": 72, "native_smp_send_reschedule": 12, "native_send_call_func_ipi": 46, // the interrupts
			"__smp_call_single_queue": 8, "smp_call_function_many_cond": 1, // without an IPI
		}},
		// without callers one call that sent nothing is taken for the beginning of the next
		{"report-t-3.1.6.txt.gz", map[string]int{"native_send_call_func_single_ipi": 72, "native_smp_send_reschedule": 12, "native_send_call_func_ipi": 46, "__smp_call_single_queue": 8}},
		{"plain.txt.gz", map[string]int{"native_send_call_func_single_ipi": 58, "native_smp_send_reschedule": 6, "native_send_call_func_ipi": 20, "__smp_call_single_queue": 8, "smp_call_function_many_cond": 1}},
		{"graph-report-t.txt.gz", map[string]int{
			"native_send_call_func_single_ipi": 62, "native_smp_send_reschedule": 9, "native_send_call_func_ipi": 28, "arch_irq_work_raise": 1, "__smp_call_single_queue": 17, "smp_call_function_many_cond": 1,
		}},
	} {
		path := filepath.Join("..", "..", "fixtures", "k61s4-11-function", x.file)
		src, err := parser.Open(path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, in := calls(t, src)
		if diff := cmp.Diff(x.want, got); diff != "" {
			t.Errorf("%s: -want +got\n%s", x.file, diff)
		}
		all := uint64(0)
		for _, n := range got {
			all += uint64(n)
		}
		if in.Sent.All() != all || in.Sent.Untargeted != all || !in.IsLossy() || in.TellsOfNone() || in.Identity.Sends != all {
			t.Errorf("%s: sent %+v, identity of %d sends; %d calls", x.file, in.Sent, in.Identity.Sends, all)
		}
		src.Close()
	}
}

func callLine(us int, flags, what string) string {
	return fmt.Sprintf("            bash-202     [001] %s    99.%06d: %s\n", flags, us, what)
}

func textCalls(t testing.TB, text string) (map[string]int, result.Input) {
	t.Helper()
	src, err := ftext.New(strings.NewReader("# tracer: function\n#\n"+text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	return calls(t, src)
}

// TestNestedCalls: what is one call.
func TestNestedCalls(t *testing.T) {
	for _, x := range []struct {
		name, text string
		want       map[string]int
	}{
		{"each calls the next", callLine(1, "...1.", "smp_call_function_many_cond <-on_each_cpu_cond_mask") + callLine(2, "d..2.", "native_send_call_func_ipi <-smp_call_function_many_cond"),
			map[string]int{"native_send_call_func_ipi": 1}},
		{"each jumps to the next", callLine(1, "d.s3.", "__smp_call_single_queue <-ttwu_queue_wakelist") + callLine(2, "d.s3.", "native_send_call_func_single_ipi <-ttwu_queue_wakelist"),
			map[string]int{"native_send_call_func_single_ipi": 1}},
		{"by another caller", callLine(1, "...1.", "smp_call_function_single <-f") + callLine(2, "...1.", "native_send_call_func_single_ipi <-ttwu_queue_wakelist"),
			map[string]int{"smp_call_function_single": 1, "native_send_call_func_single_ipi": 1}},
		{"one after the other", callLine(1, "...1.", "smp_call_function_single <-f") + callLine(2, "...1.", "smp_call_function_single <-f"),
			map[string]int{"smp_call_function_single": 2}},
		{"of different kinds", callLine(1, "...1.", "__smp_call_single_queue <-f") + callLine(2, "...1.", "native_smp_send_reschedule <-f"),
			map[string]int{"__smp_call_single_queue": 1, "native_smp_send_reschedule": 1}},
		{"an interrupt in between", callLine(1, "...1.", "smp_call_function_many_cond <-f") + callLine(2, "d.h2.", "native_smp_send_reschedule <-g") + callLine(3, "d..2.", "native_send_call_func_ipi <-smp_call_function_many_cond"),
			map[string]int{"native_send_call_func_ipi": 1, "native_smp_send_reschedule": 1}},
		{"something else in between", callLine(1, "...1.", "smp_call_function_many_cond <-f") + callLine(2, "...1.", "sched_wakeup: comm=x pid=3 prio=120 target_cpu=002") + callLine(3, "d..2.", "native_send_call_func_ipi <-smp_call_function_many_cond"),
			map[string]int{"smp_call_function_many_cond": 1, "native_send_call_func_ipi": 1}},
		{"long after", callLine(1, "...1.", "smp_call_function_many_cond") + callLine(20_000, "...1.", "native_send_call_func_ipi"),
			map[string]int{"smp_call_function_many_cond": 1, "native_send_call_func_ipi": 1}},
		{"other functions", callLine(1, "...1.", "flush_tlb_mm_range <-f") + callLine(2, "...1.", "smp_call_function_many_cond.cold <-f"), map[string]int{}},
	} {
		if got, _ := textCalls(t, x.text); !cmp.Equal(got, x.want) {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// TestCallsStack: the stack of any function of a call tells who called.
func TestCallsStack(t *testing.T) {
	text := callLine(1, "...1.", "smp_call_function_many_cond <-on_each_cpu_cond_mask") + callLine(2, "...2.", "native_send_call_func_ipi <-smp_call_function_many_cond") +
		callLine(3, "...2.", "<stack trace>") + " => 0xffffffffc0457083\n => native_send_call_func_ipi\n => smp_call_function_many_cond\n => on_each_cpu_cond_mask\n => text_poke_bp_batch\n => sysctl_schedstats\n => do_syscall_64\n"
	src, err := ftext.New(strings.NewReader("# tracer: function\n#\n"+text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	attr := track.NewAttributor(nil, src.Table())
	var got []string
	c := &collector{t: src.Table()}
	c.Sends = track.NewSends(src.Table(), track.Config{Attribution: attr, Send: func(w *track.Send) {
		got = append(got, src.Table().NameOf(w.Function)+" "+src.Table().NameOf(attr.Facts(w.Stack, w.Callsite).Cause)+" "+w.Evidence.String())
	}})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
		t.Fatal(err)
	}
	if want := []string{"do_sync_core sysctl_schedstats function"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSendsBeforeCalls: where the kernel tells of its sends, calls tell nothing twice.
func TestSendsBeforeCalls(t *testing.T) {
	call := callLine(1, "...1.", "smp_call_function_many_cond <-on_each_cpu_cond_mask")
	for _, send := range []string{
		"ipi_send_cpumask: cpumask=00000000,0000000d callsite=on_each_cpu_cond_mask+0x24/0x40 callback=generic_smp_call_function_single_interrupt+0x0/0x20",
		"ipi_raise: target_mask=00000000,0000000d (Function call interrupts)",
	} {
		_, in := textCalls(t, call+callLine(2, "...1.", send)+call)
		if in.Sent.Untargeted != 0 || in.Sent.All() != 1 || in.Identity.Sends != 1 || len(in.Notes) > 0 {
			t.Errorf("%s: sent %+v, identity %+v, notes %q", send, in.Sent, in.Identity, in.Notes)
		}
	}
}

// TestFewerCalls: a recording with fewer functions, or that lost some, tells of fewer
// calls or as many, and never that there were none.
func TestFewerCalls(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "calls.txt"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(text), "\n")
	sum := func(by map[string]int) (n int) {
		for _, k := range by {
			n += k
		}
		return n
	}
	whole, _ := textCalls(t, string(text))
	law.Check(t, func(r *rapid.T) {
		var functions []string
		if rapid.Bool().Draw(r, "by function") {
			functions = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"smp_call_function_many_cond ", "native_send_call_func_ipi ", "native_send_call_func_single_ipi ", "__smp_call_single_queue ", "native_smp_send_reschedule ", "generic_exec_single "}), rapid.ID[string]).Draw(r, "not traced")
		}
		var b strings.Builder
		for i, line := range lines {
			gone := slices.ContainsFunc(functions, func(f string) bool { return strings.Contains(line, ": "+f) })
			if !gone && (functions != nil || rapid.IntRange(0, 9).Draw(r, fmt.Sprint("line ", i)) > 0) {
				b.WriteString(line)
			}
		}
		by, in := textCalls(t, b.String())
		// a call that lost its middle is two, of those that were there
		if n := sum(by); functions != nil && n > sum(whole) || in.TellsOfNone() || in.Sent.All() != uint64(n) || in.Sent.Untargeted != uint64(n) {
			r.Fatalf("%d calls of %d, %+v", n, sum(whole), in.Sent)
		}
	})
}
