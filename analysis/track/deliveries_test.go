package track_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// journey prints what a track.Deliveries delivers.
type journey struct {
	*track.Deliveries
	t     *trace.Table
	lines []string
}

func (j *journey) End(analysis.Span) { j.Deliveries.End() }

// us prints the time between two events in microseconds.
func us(from, to trace.Time) string {
	if from == track.Never || to == track.Never {
		return "-"
	}
	return fmt.Sprint(int64(to-from) / 1000)
}

func follow(t *testing.T, src trace.Source) *journey {
	t.Helper()
	m, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	j := &journey{t: src.Table()}
	j.Deliveries = track.NewDeliveries(src.Table(), track.DeliveryConfig{
		Config: track.Config{Isolated: &m, Attribution: track.NewAttributor(cat, src.Table())},
		Window: 100_000,
		Delivery: func(d *track.Delivery) {
			line := fmt.Sprintf("%v %d>%d %s %v arrive %s irq %s handler %s %v", d.Line, d.Sender, d.Target, j.t.NameOf(d.Function), d.Arrival,
				us(d.Sent, d.Entered()), us(d.IRQEntry, d.IRQExit), us(d.HandlerEntry, d.HandlerExit), d.Mode)
			if d.Joined {
				line += " joined"
			}
			if d.Switched != track.Never {
				line += " switch " + us(d.IRQExit, d.Switched)
			}
			if d.Softirq {
				line += " softirq"
			}
			if d.Tick {
				line += " tick"
			}
			if d.Flags&trace.FlagNeedResched != 0 {
				line += " N"
			}
			j.lines = append(j.lines, line)
		},
		Run: func(r *track.Run) {
			line := fmt.Sprintf("run %d>%d %s %v after %s takes %s", r.Sender, r.CPU, j.t.NameOf(r.Function), r.Arrival, us(r.Queued, r.Start), us(r.Start, r.End))
			if r.Shared {
				line += " shared"
			}
			j.lines = append(j.lines, line)
		},
	})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, j); err != nil {
		t.Fatal(err)
	}
	slices.Sort(j.lines)
	return j
}

// reasons prints accounts.
func reasons(j *journey) []string {
	var out []string
	add := func(what string, a track.Account) {
		for r, n := range a {
			if n > 0 && track.Reason(r) != track.Matched {
				out = append(out, fmt.Sprintf("%s %v %d", what, track.Reason(r), n))
			}
		}
	}
	for k, a := range j.Arrivals {
		add(track.BracketKind(k).String()+" arrivals", a)
	}
	for k, a := range j.Runs() {
		add(track.BracketKind(k).String()+" runs", a)
	}
	add("hits", j.Hits)
	add("requests", j.Requests)
	return out
}

// at makes the lines of a script: "TIME CPU FLAGS EVENT", in microseconds.
func at(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) < 4 {
			continue
		}
		if w[2] == "lost" {
			fmt.Fprintf(&b, "lost cpu %s at 1.%06s n 1\n", w[1], zeros(w[0]))
			continue
		}
		task := "a-" + fmt.Sprint(100) + w[1]
		if w[2][0] == 'i' { // the idle task
			task, w[2] = "swapper-0", w[2][1:]
		}
		fmt.Fprintf(&b, "at 1.%s cpu %s task %s flags %s %s\n", zeros(w[0]), w[1], task, w[2], strings.Join(w[3:], " "))
	}
	return b.String()
}

func zeros(s string) string { return strings.Repeat("0", 6-len(s)) + s }

// The expected values follow from docs/definitions.md; the event sequences are
// those of kernel/smp.c, arch/x86/kernel/smp.c and arch/arm64/kernel/smp.c.
func TestDeliveries(t *testing.T) {
	const resched = "callsite=f+0x1 callback=0x0"
	const call = "callsite=f+0x1 callback=" + generic
	tests := []struct {
		name, script  string
		want, reasons []string
	}{
		{"x86: a reschedule, then a switch", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			15 2 id.h1 reschedule_entry vector=253
			17 2 id.h1 reschedule_exit vector=253
			30 2 id..2 sched_switch prev_pid=0`,
			[]string{"reschedule 0>2 reschedule matched arrive 5 irq 2 handler - idle switch 13"}, nil},
		{"a switch behind the window is another's", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			15 2 id.h1 reschedule_entry vector=253
			17 2 id.h1 reschedule_exit vector=253
			130 2 id..2 sched_switch prev_pid=0`,
			[]string{"reschedule 0>2 reschedule matched arrive 5 irq 2 handler - idle"}, nil},
		{"back in user mode there is no switch to come", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			14 2 d.... user_exit
			15 2 d.h. reschedule_entry vector=253
			17 2 d.h. reschedule_exit vector=253
			18 2 ..s. softirq_entry vec=9
			19 2 ..s. softirq_exit vec=9
			20 2 d... user_enter
			30 2 d..2 sched_switch prev_pid=0`,
			[]string{"reschedule 0>2 reschedule matched arrive 5 irq 2 handler - user softirq"}, nil},
		{"the work of irq_exit, not that of the next interrupt", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			15 2 dNh. reschedule_entry vector=253
			17 2 dNh. reschedule_exit vector=253
			18 2 dN.. tick_stop success=0
			19 2 d.h. local_timer_entry vector=236
			20 2 d.h. local_timer_exit vector=236
			21 2 ..s. softirq_entry vec=9
			22 2 ..s. softirq_exit vec=9
			40 2 d..2 sched_switch prev_pid=7`,
			[]string{"reschedule 0>2 reschedule matched arrive 5 irq 2 handler - unknown switch 23 tick N"}, nil},
		{"in a softirq the rest is that softirq's", `
			8 2 ..s. softirq_entry vec=1
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			15 2 d.H. reschedule_entry vector=253
			17 2 d.H. reschedule_exit vector=253
			18 2 ..s. softirq_exit vec=1
			19 2 ..s. softirq_entry vec=9
			20 2 ..s. softirq_exit vec=9`,
			[]string{"reschedule 0>2 reschedule matched arrive 5 irq 2 handler - kernel"}, nil},
		{"x86: a call and what it runs", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=7
			11 0 d..1 ipi_send_cpu cpu=2 ` + call + `
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=7
			18 2 d.h1 csd_function_exit func=g csd=7
			19 2 d.h1 call_function_single_exit vector=251`,
			[]string{"call_function_single 0>2 g matched arrive 4 irq 4 handler - kernel", "run 0>2 g matched after 6 takes 2"}, nil},
		{"one interrupt serves the calls that were queued behind the first", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=7
			11 0 d..1 ipi_send_cpu cpu=2 ` + call + `
			12 1 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=h csd=8
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=7
			18 2 d.h1 csd_function_exit func=g csd=7
			20 2 d.h1 csd_function_entry func=h csd=8
			25 2 d.h1 csd_function_exit func=h csd=8
			29 2 d.h1 call_function_single_exit vector=251`,
			[]string{"call_function_single 0>2 g matched arrive 4 irq 14 handler - kernel", "run 0>2 g matched after 6 takes 2", "run 1>2 h matched after 8 takes 5"}, nil},
		{"wake-ups share one run", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=7
			12 1 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=8
			16 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=7
			18 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=7`,
			[]string{"run 0>2 sched_ttwu_pending matched after 6 takes 2", "run 1>2 sched_ttwu_pending matched after 4 takes - shared"}, nil},
		{"a wake-up that is queued while a run begins has a run of its own", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=7
			12 1 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=8
			15 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=9
			16 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=7
			18 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=7
			20 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=9
			23 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=9`,
			[]string{
				"run 0>2 sched_ttwu_pending matched after 5 takes 3",
				"run 0>2 sched_ttwu_pending matched after 6 takes 2",
				"run 1>2 sched_ttwu_pending matched after 4 takes - shared",
			}, nil},
		{"a wake-up that was queued after the run before it, and traced out of order", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=7
			16 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=7
			18 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=7
			20 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=8
			21 1 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=9
			26 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=9
			27 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=9`,
			[]string{
				"run 0>2 sched_ttwu_pending matched after 6 takes - shared",
				"run 0>2 sched_ttwu_pending matched after 6 takes 2",
				"run 1>2 sched_ttwu_pending matched after 5 takes 1",
			}, nil},
		{"a task that is woken twice, a wake-up that nothing answers, and a gap", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=7
			12 1 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=8
			16 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=7
			18 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=7
			22 1 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=8
			30 2 lost x x
			40 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=8
			44 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=8`,
			[]string{
				"run -1>2 sched_ttwu_pending lost-events after - takes 4",
				"run 0>2 sched_ttwu_pending matched after 6 takes 2",
				"run 1>2 sched_ttwu_pending lost-events after - takes -",
				"run 1>2 sched_ttwu_pending matched after 4 takes - shared",
			}, []string{"csd arrivals lost-events 1", "requests lost-events 1"}},
		{"a queued irq_work runs without csd_function_entry; a local function is no IPI", `
			10 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=nohz_full_kick_func csd=7
			16 2 d..1 csd_function_entry func=g csd=0
			18 2 d..1 csd_function_exit func=g csd=0`,
			nil, []string{"csd arrivals local 1", "requests irq-work 1"}},
		{"an irq_work's self-IPI", `
			10 2 d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=nohz_full_kick_func
			15 2 d.h1 irq_work_entry vector=246
			17 2 d.h1 irq_work_exit vector=246`,
			[]string{"irq_work 2>2 nohz_full_kick_func matched arrive 5 irq 2 handler - kernel"}, nil},
		{"two sends, one interrupt", `
			1 2 d.h1 reschedule_entry vector=253
			2 2 d.h1 reschedule_exit vector=253
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			12 1 d..1 ipi_send_cpu cpu=2 ` + resched + `
			15 2 d.h1 reschedule_entry vector=253
			17 2 d.h1 reschedule_exit vector=253`,
			[]string{"reschedule -1>2 reschedule trace-start arrive - irq 1 handler - kernel", "reschedule 0>2 reschedule matched arrive 5 irq 2 handler - kernel", "reschedule 1>2 reschedule matched arrive 3 irq 2 handler - kernel joined"},
			[]string{"vector arrivals trace-start 1"}},
		{"before the first entry there may have been others that were not recorded yet", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			12 1 d..1 ipi_send_cpu cpu=2 ` + resched + `
			15 2 d.h1 reschedule_entry vector=253
			17 2 d.h1 reschedule_exit vector=253`,
			[]string{"reschedule 0>2 reschedule trace-start arrive - irq - handler - unknown", "reschedule 1>2 reschedule matched arrive 3 irq 2 handler - kernel"},
			[]string{"hits trace-start 1"}},
		{"lines do not mix", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			12 1 d..1 ipi_send_cpumask cpumask=2-3 ` + call + `
			15 2 d.h1 call_function_entry vector=252
			17 2 d.h1 call_function_exit vector=252`,
			[]string{
				"call_function 1>2 unknown matched arrive 3 irq 2 handler - kernel",
				"call_function 1>3 unknown trace-end arrive - irq - handler - unknown",
				"reschedule 0>2 reschedule trace-end arrive - irq - handler - unknown",
			}, []string{"hits trace-end 2"}},
		{"an interrupt within a softirq within an interrupt", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			11 2 d.h. local_timer_entry vector=236
			12 2 d.h. local_timer_exit vector=236
			13 2 ..s. softirq_entry vec=1
			15 2 d.H1 reschedule_entry vector=253
			17 2 d.H1 reschedule_exit vector=253
			19 2 ..s. softirq_exit vec=1`,
			[]string{"reschedule 0>2 reschedule matched arrive 5 irq 2 handler - kernel"}, nil},
		{"a pair that crosses a loss is censored", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			12 2 lost x x
			15 2 d.h1 reschedule_entry vector=253
			16 2 lost x x
			17 2 d.h1 reschedule_exit vector=253`,
			[]string{"reschedule -1>2 reschedule lost-events arrive - irq - handler - kernel", "reschedule 0>2 reschedule lost-events arrive - irq - handler - unknown"},
			[]string{"vector arrivals lost-events 1", "vector runs lost-events 2", "hits lost-events 1"}},
		{"all that one interrupt runs may have been queued in the gap before it", `
			1 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=7
			2 2 d.h1 csd_function_entry func=g csd=7
			3 2 d.h1 csd_function_exit func=g csd=7
			10 0 lost x x
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=7
			18 2 d.h1 csd_function_exit func=g csd=7
			20 2 d.h1 csd_function_entry func=h csd=8
			25 2 d.h1 csd_function_exit func=h csd=8
			29 2 d.h1 call_function_single_exit vector=251
			35 2 d.h1 csd_function_entry func=h csd=8
			36 2 d.h1 csd_function_exit func=h csd=8`,
			[]string{
				"call_function_single -1>2 unknown lost-events arrive - irq 14 handler - kernel",
				"run -1>2 g lost-events after - takes 2",
				"run -1>2 h lost-events after - takes 5",
				"run -1>2 h no-send after - takes 1",
				"run 0>2 g matched after 1 takes 1",
			},
			[]string{"vector arrivals not-recorded 1", "csd arrivals lost-events 2", "csd arrivals no-send 1"}},
		{"a sender's gap shows late", `
			9 0 d..1 ipi_send_cpu cpu=0 ` + resched + `
			10 2 d.h1 reschedule_entry vector=253
			11 2 d.h1 reschedule_exit vector=253
			12 2 d.h1 reschedule_entry vector=253
			13 2 d.h1 reschedule_exit vector=253
			20 0 lost x x
			21 0 d..1 ipi_send_cpu cpu=0 ` + resched + `
			30 2 d.h1 reschedule_entry vector=253
			31 2 d.h1 reschedule_exit vector=253
			32 2 d.h1 reschedule_entry vector=253
			33 2 d.h1 reschedule_exit vector=253`,
			[]string{
				"reschedule -1>2 reschedule lost-events arrive - irq 1 handler - kernel",
				"reschedule -1>2 reschedule no-send arrive - irq 1 handler - kernel",
				"reschedule -1>2 reschedule no-send arrive - irq 1 handler - kernel",
				"reschedule -1>2 reschedule trace-start arrive - irq 1 handler - kernel",
			},
			[]string{"vector arrivals lost-events 2", "vector arrivals trace-start 1", "vector arrivals no-send 1"}},
		{"the trace's edges", `
			9 2 d.h1 csd_function_exit func=g csd=7
			10 2 d.h1 reschedule_exit vector=253
			11 2 d.h1 reschedule_entry vector=253
			12 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=7`,
			[]string{"reschedule -1>2 reschedule trace-start arrive - irq - handler - kernel", "run 0>2 g trace-end after - takes -"},
			[]string{"vector arrivals not-recorded 1", "vector runs trace-start 1", "vector runs trace-end 1", "csd runs trace-start 1", "requests not-recorded 1"}},
		{"an exit that is missing", `
			10 2 d.h1 reschedule_entry vector=253
			11 2 d.h1 reschedule_entry vector=253
			12 2 d.h1 reschedule_exit vector=253`,
			[]string{"reschedule -1>2 reschedule trace-start arrive - irq - handler - kernel", "reschedule -1>2 reschedule trace-start arrive - irq 1 handler - kernel"},
			[]string{"vector arrivals not-recorded 2", "vector runs no-exit 1"}},
		{"arm64: the interrupt around the handler is not another one", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched + `
			11 0 d..1 ipi_raise target_cpus=2 reason=Rescheduling
			15 2 d.h. irq_handler_entry irq=2 name=IPI
			16 2 d.h. ipi_entry reason=Rescheduling
			18 2 dNh. ipi_exit reason=Rescheduling
			21 2 dNh. irq_handler_exit irq=2 ret=1
			30 2 d... sched_switch prev_pid=5`,
			[]string{"reschedule 0>2 reschedule matched arrive 6 irq 6 handler 2 unknown switch 9"}, nil},
		{"arm64 up to 5.9: no interrupt around it", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + call + `
			16 2 d.h. ipi_entry reason=Function
			18 2 dNh. ipi_exit reason=Function`,
			[]string{"call_function_single 0>2 unknown matched arrive 6 irq - handler 2 unknown"}, nil},
		{"arm64 without ipi_send events: ipi_raise is the send", `
			10 0 d..1 ipi_raise target_cpus=2-3 reason=Function
			16 2 d.h. ipi_entry reason=Function
			18 2 dNh. ipi_exit reason=Function`,
			[]string{"call_function 0>2 Function matched arrive 6 irq - handler 2 unknown", "call_function 0>3 Function trace-end arrive - irq - handler - unknown"},
			[]string{"hits trace-end 1"}},
		{"housekeeping CPUs are not looked at", `
			10 2 d..1 ipi_send_cpu cpu=0 ` + resched + `
			15 0 d.h1 reschedule_entry vector=253
			17 0 d.h1 reschedule_exit vector=253`,
			nil, nil},
		{"nothing of the receiving side is recorded", `
			10 0 d..1 ipi_send_cpu cpu=2 ` + resched,
			[]string{"reschedule 0>2 reschedule trace-end arrive - irq - handler - unknown"}, []string{"hits not-recorded 1"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := follow(t, tracetest.Parse(at(tt.script)))
			if diff := cmp.Diff(tt.want, j.lines); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.reasons, reasons(j)); diff != "" {
				t.Errorf("reasons -want +got:\n%s", diff)
			}
		})
	}
}

// Without runs wake-ups wait in vain, and each is accounted for.
func TestManyWakes(t *testing.T) {
	var b strings.Builder
	for i := range 3 * 256 {
		fmt.Fprintf(&b, "%d 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=sched_ttwu_pending csd=%d\n", 10+i, 1000+i%700)
	}
	j := follow(t, tracetest.Parse(at(b.String())))
	if diff := cmp.Diff([]string{"requests not-recorded 768"}, reasons(j)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// a run that begins then serves those that are still remembered
	j = follow(t, tracetest.Parse(at(b.String()+"900 2 d.h1 csd_function_entry func=sched_ttwu_pending csd=1600\n901 2 d.h1 csd_function_exit func=sched_ttwu_pending csd=1600\n")))
	matched := 0
	for _, line := range j.lines {
		if strings.Contains(line, " matched ") {
			matched++
		}
	}
	if matched == 0 || matched > 256 {
		t.Errorf("%d wake-ups are matched", matched)
	}
}

// With clocks that differ an interrupt may be stamped earlier than its send.
func TestDeliveriesOfSkewedClocks(t *testing.T) {
	script := at(`
		10 2 d.h1 reschedule_entry vector=253
		11 2 d.h1 reschedule_exit vector=253
		12 0 d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
		5000 2 d.h1 reschedule_entry vector=253
		5001 2 d.h1 reschedule_exit vector=253`)
	skewed := tracetest.Parse(script)
	skewed.Table().Meta.Clock = "local"
	for _, tt := range []struct {
		src  *tracetest.Source
		want []string
	}{
		{skewed, []string{"reschedule -1>2 reschedule no-send arrive - irq 1 handler - kernel", "reschedule 0>2 reschedule matched arrive -2 irq 1 handler - kernel"}},
		{tracetest.Parse(script), []string{"reschedule -1>2 reschedule trace-start arrive - irq 1 handler - kernel", "reschedule 0>2 reschedule matched arrive 4988 irq 1 handler - kernel"}},
	} {
		j := follow(t, tt.src)
		if diff := cmp.Diff(tt.want, j.lines); diff != "" {
			t.Errorf("clock %s: -want +got:\n%s", tt.src.Table().Meta.Clock, diff)
		}
	}
}

// An interrupt whose send may have been dropped is not taken for that of a later
// send, whatever the clocks: the gap explains it. A gap of the sender shows with
// the sender's next event, behind the interrupt.
func TestGapsOfSkewedClocks(t *testing.T) {
	for _, tt := range []struct{ name, script string }{
		{"before the interrupt", `
			9 0 d..1 sched_wakeup pid=1
			12 0 lost x x
			13 0 d..1 sched_wakeup pid=1
			15 2 d.h1 reschedule_entry vector=253`},
		{"open at the interrupt", `
			9 0 d..1 sched_wakeup pid=1
			15 2 d.h1 reschedule_entry vector=253
			20 0 lost x x`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := tracetest.Parse(at(`
				2 0 d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
				3 2 d.h1 reschedule_entry vector=253
				4 2 d.h1 reschedule_exit vector=253` + tt.script + `
				25 2 d.h1 reschedule_exit vector=253
				100 0 d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
				130 2 d.h1 reschedule_entry vector=253
				131 2 d.h1 reschedule_exit vector=253`))
			src.Table().Meta.Clock = "local"
			j := follow(t, src)
			want := []string{"vector arrivals lost-events 1"}
			if diff := cmp.Diff(want, reasons(j)); diff != "" {
				t.Errorf("reasons -want +got:\n%s", diff)
			}
			if !slices.Contains(j.lines, "reschedule 0>2 reschedule matched arrive 30 irq 1 handler - kernel") {
				t.Errorf("got %q", j.lines)
			}
		})
	}
}

func TestHandlerEvidence(t *testing.T) {
	const call = "callsite=f+0x1 callback=" + generic
	send := "10 0 d..1 ipi_send_cpu cpu=2 " + call + "\n"
	tests := []struct {
		name, script, want string
	}{
		{"the first function in the first interrupt", send + `
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=7
			17 2 d.h1 csd_function_entry func=h csd=8
			19 2 d.h1 call_function_single_exit vector=251`, "10 from 0: 2:g/handler/0"},
		{"arm64", send + `
			15 2 d.h1 ipi_entry reason=Function
			16 2 d.h1 csd_function_entry func=g csd=7
			19 2 d.h1 ipi_exit reason=Function`, "10 from 0: 2:g/handler/0"},
		{"a local function in it does not tell", send + `
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=0
			19 2 d.h1 call_function_single_exit vector=251`, "10 from 0: 2:unknown/none/0"},
		{"the first interrupt decides", send + `
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 call_function_single_exit vector=251
			17 2 d.h1 call_function_single_entry vector=251
			18 2 d.h1 csd_function_entry func=g csd=7
			19 2 d.h1 call_function_single_exit vector=251`, "10 from 0: 2:unknown/none/0"},
		{"never without the interrupt's events", send + `
			16 2 d.h1 csd_function_entry func=g csd=7`, "10 from 0: 2:unknown/none/0"},
		{"an interrupt of another line", send + `
			15 2 d.h1 call_function_entry vector=252
			16 2 d.h1 csd_function_entry func=g csd=7
			19 2 d.h1 call_function_exit vector=252`, "10 from 0: 2:unknown/none/0"},
		{"a loss on the target", send + `
			12 2 lost x x
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=7`, "10 from 0: 2:unknown/none/0"},
		{"too late", send + `
			15 2 d.h1 sched_wakeup pid=1
			20015 2 d.h1 call_function_single_entry vector=251
			20016 0 d..1 sched_wakeup pid=1
			30016 2 d.h1 csd_function_entry func=g csd=7`, "10 from 0: 2:unknown/none/0"},
		{"a call event tells more", "9 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=q csd=9\n" + send + `
			15 2 d.h1 call_function_single_entry vector=251
			16 2 d.h1 csd_function_entry func=g csd=7`, "10 from 0: 2:q/csd/1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := collect(t, "2-3", at(tt.script))
			if diff := cmp.Diff([]string{tt.want}, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
