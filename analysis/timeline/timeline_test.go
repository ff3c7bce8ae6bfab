package timeline_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/timeline"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// draw returns copies of the marks of a trace, CPUs 2-3 being isolated.
func draw(t *testing.T, src trace.Source) []result.Mark {
	t.Helper()
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	var marks []result.Mark
	s := timeline.New(src.Table(), timeline.Config{Isolated: &isolated, Catalog: cat, Mark: func(m *result.Mark) error {
		own := *m
		own.From, own.To, own.Args = slices.Clone(m.From), slices.Clone(m.To), slices.Clone(m.Args)
		marks = append(marks, own)
		return nil
	}})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return marks
}

// lines shows marks with the arguments of these names.
func lines(marks []result.Mark, args string) []string {
	arrows := map[uint64]int{} // numbered as they come
	number := func(ids []uint64) (all []int) {
		for _, id := range ids {
			if arrows[id] == 0 {
				arrows[id] = len(arrows) + 1
			}
			all = append(all, arrows[id])
		}
		return all
	}
	var out []string
	for _, m := range marks {
		line := fmt.Sprintf("%d", m.Start/1000-1_000_000)
		if !m.Moment {
			line += fmt.Sprintf("-%d", m.End/1000-1_000_000)
		}
		line += fmt.Sprintf(" cpu %d %s %s", m.CPU, m.Category, m.Name)
		if len(m.From) > 0 {
			line += fmt.Sprint(" from", number(m.From))
		}
		if len(m.To) > 0 {
			line += fmt.Sprint(" to", number(m.To))
		}
		for _, a := range m.Args {
			if strings.Contains(" "+args+" ", " "+a.Name+" ") {
				line += " " + a.Name + "=" + a.Value.Text()
			}
		}
		if len(m.Stack) > 0 {
			line += " stack=" + strings.Join(m.Stack, "<")
		}
		out = append(out, line)
	}
	return out
}

func TestMarks(t *testing.T) {
	const generic = "generic_smp_call_function_single_interrupt"
	for _, c := range []struct {
		name, script, args string
		want               []string
	}{
		{"x86: a call that arrives and runs, and one that is not seen to", `
			at 1.000001 cpu 0 task web-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=do_sync_core csd=0x1
			at 1.000002 cpu 0 task web-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=` + generic + `
			at 1.000003 cpu 0 task web-7 flags d..1 kernel_stack on_each_cpu_cond_mask static_key_enable set_it
			at 1.000005 cpu 2 task spin-8 flags d.h1 call_function_entry vector=252
			at 1.000006 cpu 2 task spin-8 flags d.h1 csd_function_entry func=do_sync_core csd=0x1
			at 1.000007 cpu 2 task spin-8 flags d.h1 csd_function_exit func=do_sync_core csd=0x1
			at 1.000008 cpu 2 task spin-8 flags d.h1 call_function_exit vector=252`, "arrival delivery_ns class cause ipi interrupt",
			[]string{
				"1 cpu 0 request do_sync_core from[1] ipi=1 arrival=matched cause=set_it stack=on_each_cpu_cond_mask<static_key_enable<set_it",
				"2 cpu 0 send do_sync_core+do_sync_core|do_nothing from[2 3] cause=set_it stack=on_each_cpu_cond_mask<static_key_enable<set_it",
				"2 cpu 3 hit do_sync_core|do_nothing to[3] interrupt=call_function arrival=trace-end class=unknown cause=set_it stack=on_each_cpu_cond_mask<static_key_enable<set_it",
				"5-8 cpu 2 hit do_sync_core to[2] interrupt=call_function arrival=matched delivery_ns=3000 class=deferrable cause=set_it stack=on_each_cpu_cond_mask<static_key_enable<set_it",
				"6-7 cpu 2 function do_sync_core to[1] arrival=matched delivery_ns=5000",
			}},
		{"one interrupt for two hits, one without a send, a gap", `
			at 1.000000 cpu 2 task c-3 flags d.h1 reschedule_entry vector=253
			at 1.000000 cpu 2 task c-3 flags d.h1 reschedule_exit vector=253
			at 1.000001 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.000002 cpu 1 task b-2 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.000003 cpu 2 task c-3 flags d.h1 reschedule_entry vector=253
			at 1.000004 cpu 2 task c-3 flags d.h1 reschedule_exit vector=253
			at 1.000005 cpu 2 task c-3 flags d.h1 reschedule_entry vector=253
			at 1.000006 cpu 2 task c-3 flags d.h1 reschedule_exit vector=253
			lost cpu 1 at 1.000007 n 12
			at 1.000008 cpu 1 task b-2 flags d..1 sched_switch`, "arrival joined",
			[]string{
				"0-0 cpu 2 interrupt reschedule arrival=trace-start",
				"1 cpu 0 send reschedule from[1]",
				"2 cpu 1 send reschedule from[2]",
				"3-4 cpu 2 hit reschedule to[1] arrival=matched",
				"3 cpu 2 hit reschedule to[2] arrival=matched joined=1",
				"5-6 cpu 2 interrupt reschedule arrival=no-send",
				"7 cpu 1 lost 12 events lost",
			}},
		{"microseconds only: the interrupt comes before what it holds", `
			at 1.000001 cpu 0 task a-1 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=do_sync_core csd=0x1
			at 1.000001 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.000003 cpu 2 task c-3 flags d.h1 call_function_single_entry vector=251
			at 1.000003 cpu 2 task c-3 flags d.h1 csd_function_entry func=do_sync_core csd=0x1
			at 1.000004 cpu 2 task c-3 flags d.h1 csd_function_exit func=do_sync_core csd=0x1
			at 1.000004 cpu 2 task c-3 flags d.h1 call_function_single_exit vector=251`, "",
			[]string{
				"1 cpu 0 request do_sync_core from[1]",
				"1 cpu 0 send do_sync_core from[2]",
				"3-4 cpu 2 hit do_sync_core to[2]",
				"3-4 cpu 2 function do_sync_core to[1]",
			}},
		{"arm64: the handler within its interrupt", `
			at 1.000001 cpu 0 task a-1 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0
			at 1.000003 cpu 3 task c-3 flags d.h1 irq_handler_entry irq=1 name=IPI
			at 1.000004 cpu 3 task c-3 flags d.h1 ipi_entry reason=(Rescheduling interrupts)
			at 1.000005 cpu 3 task c-3 flags d.h1 ipi_exit reason=(Rescheduling interrupts)
			at 1.000006 cpu 3 task c-3 flags d.h1 irq_handler_exit irq=1 ret=handled`, "delivery_ns",
			[]string{
				"1 cpu 0 send reschedule from[1]",
				"4-5 cpu 3 hit reschedule to[1] delivery_ns=3000",
			}},
	} {
		if d := gocmp.Diff(c.want, lines(draw(t, tracetest.Parse(c.script)), c.args)); d != "" {
			t.Errorf("%s: -want +got:\n%s", c.name, d)
		}
	}
}

// TestMarksNest: put in the order of their times, as viewers do, the stretches
// of a CPU lie one in the other or one after the other, also where times are
// equal because the trace has microseconds only.
func TestMarksNest(t *testing.T) {
	for _, path := range []string{
		"k612s4-12b-all-stack/trace.dat", "karm64s4-21-ipi-all/trace.dat", "karm64s4-21-ipi-all/report-t.txt.gz", "k612s4-07-lost/trace.dat",
	} {
		src, err := parser.Open("../../fixtures/"+path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		type edge struct {
			at    int64
			mark  *result.Mark
			begin bool
		}
		var edges []edge
		marks := draw(t, src)
		for i := range marks {
			if m := &marks[i]; !m.Moment {
				edges = append(edges, edge{m.Start, m, true}, edge{m.End, m, false})
			}
		}
		if len(edges) < 20 {
			t.Errorf("%s: %d stretches", path, len(edges)/2)
		}
		slices.SortStableFunc(edges, func(a, b edge) int { return cmp.Compare(a.at, b.at) })
		open := map[int32][]*result.Mark{}
		for _, e := range edges {
			stack := open[e.mark.CPU]
			if e.begin {
				open[e.mark.CPU] = append(stack, e.mark)
				continue
			}
			if top := stack[len(stack)-1]; top.End != e.at {
				t.Fatalf("%s: CPU %d: %s %s of %d-%d ends within %s %s of %d-%d", path, e.mark.CPU, e.mark.Category, e.mark.Name, e.mark.Start, e.mark.End, top.Category, top.Name, top.Start, top.End)
			}
			open[e.mark.CPU] = stack[:len(stack)-1]
		}
		src.Close()
	}
}

// TestNoise: what rtla's saved trace tells of 59 samples and 13 noises, 12 of them in
// samples, is on a track of its own, the noises within their samples. The sample of 3882005 ns
// and the four noises in it were counted by another program.
func TestNoise(t *testing.T) {
	src, err := parser.Open("../../fixtures/k72rts4-74c-rtla-osnoise/osnoise_trace.txt.gz", parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	counts := map[string]int{}
	var worst *result.Mark
	marks := draw(t, src)
	for i := range marks {
		if m := &marks[i]; m.OnNoise {
			if counts[m.Category]++; m.End-m.Start == 3882005 {
				worst = m
			}
		}
	}
	if want := map[string]int{result.MarkSample: 59, result.MarkNoise: 13}; !gocmp.Equal(want, counts) || worst == nil {
		t.Fatalf("%v, want %v; the longest: %v", counts, want, worst)
	}
	var inside []string
	for _, m := range marks {
		if m.Category == result.MarkNoise && m.CPU == worst.CPU && m.Start >= worst.Start && m.End <= worst.End {
			inside = append(inside, m.Name)
		}
	}
	slices.Sort(inside)
	if want := []string{"call_function", "local_timer", "local_timer", "tlb/2"}; !gocmp.Equal(want, inside) {
		t.Errorf("in the longest sample: %v, want %v", inside, want)
	}
}
