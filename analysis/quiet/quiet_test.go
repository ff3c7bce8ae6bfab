package quiet_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
	"github.com/ipiscope/ipiscope/report/json"
)

func watch(t testing.TB, script string, gaps ...quiet.Gap) *quiet.Counts {
	t.Helper()
	return watchWorst(t, script, 0, gaps...)
}

func watchWorst(t testing.TB, script string, worst int, gaps ...quiet.Gap) *quiet.Counts {
	t.Helper()
	src := tracetest.Parse(script)
	src.Table().Meta.CPUs = 4
	cat := catalogtest.Load(t)
	m, _ := cpumask.ParseList([]byte("2"))
	s := quiet.New(src.Table(), quiet.Config{Isolated: &m, Catalog: cat, Gaps: gaps, Within: 50_000, Worst: worst})
	st, err := analysis.Run(context.Background(), analysistest.Poison(src), analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s.Counts(st.Input(&src.Table().Meta, nil))
}

// rows prints columns of a table.
func rows(t testing.TB, set *result.Set, table string, cols ...string) []string {
	t.Helper()
	var out []string
	tb := set.Table(table)
	for _, row := range tb.Rows {
		var w []string
		for _, c := range cols {
			w = append(w, row[tb.Index(c)].Text())
		}
		out = append(out, strings.Join(w, " "))
	}
	return out
}

const (
	first = "at 1.000000 cpu 0 task x-1 flags d... sched_wakeup pid=3\n"
	last  = "at 1.001000 cpu 0 task x-1 flags d... sched_wakeup pid=3\n"
)

func on2(us int, event string) string {
	return fmt.Sprintf("at 1.%06d cpu 2 task loop-9 flags d.h. %s\n", us, event)
}

// TestUnpaired: entries without an exit and exits without an entry are counted, but
// for those that the ends of the trace and gaps explain.
func TestUnpaired(t *testing.T) {
	pair := func(us int) string {
		return on2(us, "local_timer_entry vector=236") + on2(us+5, "local_timer_exit vector=236")
	}
	for _, tt := range []struct {
		name, script string
		want         [3]uint64 // interrupts, functions, softirqs
	}{
		{"all have both", pair(100) + pair(200), [3]uint64{}},
		{"the first exit and the last entry", on2(100, "local_timer_exit vector=236") + pair(200) + on2(300, "local_timer_entry vector=236"), [3]uint64{}},
		{"an exit that is not there", on2(100, "local_timer_entry vector=236") + pair(200), [3]uint64{1}},
		{"an entry that is not there", pair(100) + on2(200, "local_timer_exit vector=236") + pair(300), [3]uint64{1}},
		{"a gap", on2(100, "local_timer_entry vector=236") + "lost cpu 2 at 1.000150 n 1\n" + pair(200), [3]uint64{}},
		{"an interrupt by number", on2(100, "irq_handler_entry irq=5 name=x") + on2(200, "irq_handler_entry irq=5 name=x") + on2(205, "irq_handler_exit irq=5 ret=handled"), [3]uint64{1}},
		{"a function and a softirq", pair(90) + on2(100, "softirq_entry vec=1") + on2(105, "softirq_exit vec=1") + on2(110, "softirq_exit vec=1") +
			on2(200, "call_function_single_entry vector=251") + on2(201, "csd_function_entry func=g csd=7") + on2(203, "call_function_single_exit vector=251"), [3]uint64{0, 1, 1}},
	} {
		c := watch(t, first+tt.script+last)
		c.Merge(watch(t, first+pair(100)+last)) // the sum has those of both
		x := c.CPUs()[0]
		if got := [3]uint64{x.Unpaired, x.UnpairedCalls, x.UnpairedSoftirqs}; got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
		sum := watch(t, first+pair(100)+last)
		sum.Merge(watch(t, first+tt.script+last))
		if y := sum.CPUs()[0]; y.Unpaired != x.Unpaired {
			t.Errorf("%s: the other way round %d", tt.name, y.Unpaired)
		}
	}
}

// TestTakenBack: Linux 6.4 traces a call and, if it sends an IPI, its carrier
// (kernel/smp.c of 6.4, smp_call_function_many_cond and send_call_function_ipi_mask:
// 68f4ff04dbad). Where no interrupt was recorded hits are known by their sends, and
// of three events here one is an IPI: quiet lasts from the first event to that send,
// 601 us, and 399 us from there. Calls so many that they were counted by the time
// that is known are no interruptions either.
func TestTakenBack(t *testing.T) {
	const call = "cpu 0 task x-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback="
	carried := "at 1.000600 " + call + "do_sync_core\nat 1.000601 " + call + "generic_smp_call_function_single_interrupt\n"
	c := watch(t, first+"at 1.000200 "+call+"do_flush_tlb_all\n"+carried+last)
	x := c.CPUs()[0]
	if x.Interruptions != 1 || x.Longest != 601_000 || !slices.Equal(rows(t, c.Result(), "sources", "kind", "name", "count"), []string{"ipi do_sync_core 1"}) {
		t.Errorf("%d interruptions, quiet for %d ns, %q; want 1, 601000 and do_sync_core", x.Interruptions, x.Longest, rows(t, c.Result(), "sources", "kind", "name", "count"))
	}
	if !slices.ContainsFunc(c.Result().Warnings, func(w result.Warning) bool { return strings.HasPrefix(w.Text, "1 hits are known by their sends alone") }) {
		t.Errorf("warnings %v, want one hit that is known by its send", c.Result().Warnings)
	}
	many := ""
	for i := range 100 {
		many += fmt.Sprintf("at 1.%06d ", 200+i) + call + "do_flush_tlb_all\n"
	}
	if x := watch(t, first+many+carried+last).CPUs()[0]; x.Interruptions != 1 {
		t.Errorf("after many calls there were %d interruptions, want 1", x.Interruptions)
	}
	// with the interrupt's own events a hit is where they are
	entry := on2(610, "call_function_single_entry vector=251") + on2(612, "call_function_single_exit vector=251")
	if x := watch(t, first+on2(100, "reschedule_entry vector=253")+on2(101, "reschedule_exit vector=253")+"at 1.000200 "+call+"do_flush_tlb_all\n"+carried+entry+last).CPUs()[0]; x.Interruptions != 2 {
		t.Errorf("with interrupts there were %d interruptions, want 2", x.Interruptions)
	}
}

// The expected values are sums of the times in the scripts.
func TestQuiet(t *testing.T) {
	tests := []struct {
		name, script string
		cpu, sources []string
	}{
		{"nothing happens: all of the trace is quiet", first + last,
			[]string{"2 0 0 1000000 1"}, nil},
		{"a timer and the softirq behind it", first +
			on2(100, "local_timer_entry vector=236") + on2(110, "local_timer_exit vector=236") +
			on2(112, "softirq_entry vec=1") + on2(120, "softirq_exit vec=1") + last,
			[]string{"2 2 18000 880000 3"}, []string{"timer local_timer 1 10000", "softirq TIMER 1 8000"}},
		{"what lies in another interruption counts once", first +
			on2(100, "softirq_entry vec=9") + on2(110, "local_timer_entry vector=236") + on2(115, "local_timer_exit vector=236") + on2(130, "softirq_exit vec=9") + last,
			[]string{"2 1 30000 870000 2"}, []string{"softirq RCU 1 30000"}},
		{"an IPI is told by its function", first +
			"at 1.000100 cpu 0 task x-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n" +
			on2(110, "reschedule_entry vector=253") + on2(114, "reschedule_exit vector=253") + last,
			[]string{"2 1 4000 886000 2"}, []string{"ipi reschedule 1 4000"}},
		{"an IPI that is known by its send alone", first +
			"at 1.000400 cpu 0 task x-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n" + last,
			[]string{"2 1 0 600000 2"}, []string{"ipi reschedule 1 0"}},
		{"another task runs", first +
			on2(10, "sched_switch prev_pid=9 next_pid=0 next_comm=swapper") + on2(20, "sched_switch prev_pid=0 next_pid=9 next_comm=loop") +
			on2(100, "sched_switch prev_pid=9 next_pid=30 next_comm=kworker") +
			on2(110, "local_timer_entry vector=236") + on2(115, "local_timer_exit vector=236") +
			on2(150, "sched_switch prev_pid=30 next_pid=9 next_comm=loop") + last,
			[]string{"2 2 50000 850000 2"}, []string{"task kworker 1 50000", "timer local_timer 1 5000"}},
		{"the first task on a CPU that was idle is its own", first +
			on2(100, "sched_switch prev_pid=0 next_pid=9 next_comm=loop") + last,
			[]string{"2 0 0 1000000 1"}, nil},
		{"a task that runs longer than the one before becomes the CPU's own", first +
			on2(100, "sched_switch prev_pid=30 next_pid=9 next_comm=loop") +
			on2(500, "local_timer_entry vector=236") + on2(505, "local_timer_exit vector=236") + last,
			[]string{"2 2 105000 495000 3"}, []string{"task loop 1 100000", "timer local_timer 1 5000"}},
		{"a foreign task runs when the trace ends", first +
			on2(700, "sched_switch prev_pid=9 next_pid=30 next_comm=kworker") + last,
			[]string{"2 1 300000 700000 1"}, []string{"task kworker 1 300000"}},
		{"the task of the first switch has run since the start", first +
			on2(600, "sched_switch prev_pid=9 next_pid=30 next_comm=kworker") + on2(900, "sched_switch prev_pid=30 next_pid=9 next_comm=loop") +
			on2(910, "sched_switch prev_pid=9 next_pid=30 next_comm=kworker") + on2(920, "sched_switch prev_pid=30 next_pid=9 next_comm=loop") + last,
			[]string{"2 2 310000 600000 3"}, []string{"task kworker 2 310000"}},
		{"a tick is a timer interrupt in which the tick's own function expires, before and since Linux 6.9", first +
			on2(100, "local_timer_entry vector=236") + on2(102, "hrtimer_expire_entry function=tick_nohz_handler+0x0") + on2(110, "local_timer_exit vector=236") +
			on2(200, "local_timer_entry vector=236") + on2(202, "hrtimer_expire_entry function=hrtick+0x0") + on2(210, "local_timer_exit vector=236") +
			on2(300, "local_timer_entry vector=236") + on2(303, "local_timer_exit vector=236") +
			on2(400, "local_timer_entry vector=236") + on2(402, "hrtimer_expire_entry function=tick_sched_timer+0x0") + on2(405, "hrtimer_expire_entry function=hrtick+0x0") + on2(410, "local_timer_exit vector=236") + last,
			[]string{"2 4 33000 590000 5"}, []string{"timer local_timer 2 13000", "tick tick_nohz_handler 1 10000", "tick tick_sched_timer 1 10000"}},
		{"quiet that a gap ends does not count", first +
			on2(100, "local_timer_entry vector=236") + on2(110, "local_timer_exit vector=236") + "lost cpu 2 at 1.000900 n 1\n" + on2(900, "sched_wakeup pid=1") + last,
			[]string{"2 1 10000 100000 2"}, []string{"timer local_timer 1 10000"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := watch(t, tt.script).Result()
			if diff := cmp.Diff(tt.cpu, rows(t, set, "cpus", "cpu", "interruptions", "stolen_ns", "longest_quiet_ns", "quiet.count")); diff != "" {
				t.Errorf("cpus -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(tt.sources, rows(t, set, "sources", "kind", "name", "count", "stolen_ns")); diff != "" {
				t.Errorf("sources -want +got:\n%s", diff)
			}
		})
	}
}

func TestWorstSecond(t *testing.T) {
	script := "at 1.000000 cpu 0 task x-1 sched_wakeup pid=3\n"
	for _, p := range [][2]string{{"1.5", "1.500010"}, {"2.1", "2.100020"}, {"3.2", "3.200005"}, {"3.3", "3.300005"}} {
		script += "at " + p[0] + " cpu 2 task a-9 local_timer_entry vector=236\nat " + p[1] + " cpu 2 task a-9 local_timer_exit vector=236\n"
	}
	got := rows(t, watch(t, script).Result(), "cpus", "worst_second.at_ns", "worst_second.interruptions", "worst_second.stolen_ns")
	if want := []string{"2000000000 1 20000"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestWorstSecondTie: of seconds that are alike the first one counts.
func TestWorstSecondTie(t *testing.T) {
	script := "at 1.000000 cpu 0 task x-1 sched_wakeup pid=3\n"
	for _, at := range []int{2, 3, 4} {
		script += fmt.Sprintf("at %d.1 cpu 2 task a-9 local_timer_entry vector=236\nat %[1]d.100020 cpu 2 task a-9 local_timer_exit vector=236\n", at)
	}
	got := rows(t, watch(t, script).Result(), "cpus", "worst_second.at_ns", "worst_second.interruptions", "worst_second.stolen_ns")
	if want := []string{"2000000000 1 20000"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestManyCulprits: 16384 interruptions in gaps are kept, the others are counted.
func TestManyCulprits(t *testing.T) {
	var b strings.Builder
	b.WriteString("at 1.000000 cpu 0 task x-1 sched_wakeup pid=3\n")
	for i := range 16384 + 3 {
		fmt.Fprintf(&b, "at 1.%06d cpu 2 task a-9 local_timer_entry vector=236\nat 1.%06d cpu 2 task a-9 local_timer_exit vector=236\n", 10+4*i, 11+4*i)
	}
	set := watch(t, b.String(), quiet.Gap{CPU: 2, Start: 1_000_000_000, End: 2_000_000_000}).Result()
	if !slices.ContainsFunc(set.Warnings, func(w result.Warning) bool {
		return w.Code == "cut" && w.Text == "3 more interruptions hit the gaps and are left out"
	}) {
		t.Errorf("warnings %v, want that 3 more hit the gaps", set.Warnings)
	}
	if n := len(set.Table("culprits").Rows); n != 16384 {
		t.Errorf("%d culprits, want 16384", n)
	}
}

// TestSwitchesTell: osnoise tells of a thread that sched_switch shows, too. It ran once.
func TestSwitchesTell(t *testing.T) {
	line := func(ms int, what string) string {
		return fmt.Sprintf("          loop-9       [002] d....     5.%03d000: %s\n", ms, what)
	}
	text := "# tracer: nop\n#\n" + line(0, "sched_switch: prev_comm=swapper/2 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=loop next_pid=9 next_prio=120") +
		line(100, "sched_switch: prev_comm=loop prev_pid=9 prev_prio=120 prev_state=R ==> next_comm=kworker/2:1 next_pid=77 next_prio=120") +
		line(101, "sched_switch: prev_comm=kworker/2:1 prev_pid=77 prev_prio=120 prev_state=R ==> next_comm=loop next_pid=9 next_prio=120") +
		line(102, "thread_noise: kworker/2:1:77 start 5.100000000 duration 1000000 ns") +
		line(103, "thread_noise: loop:9 start 5.101000000 duration 1000000 ns") + line(300, "sched_wakeup: comm=x pid=3 prio=120 target_cpu=002")
	src, err := ftext.New(strings.NewReader(text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := quiet.New(src.Table(), quiet.Config{})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	got := rows(t, s.Counts(st.Input(&src.Table().Meta, nil)).Result(), "sources", "kind", "name", "count", "stolen_ns")
	if want := []string{"task kworker/2:1 1 1000000"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSeen: where nobody says how many CPUs there are, those up to the last one that
// shows are, be it the first.
func TestSeen(t *testing.T) {
	src := tracetest.Parse(first + last)
	s := quiet.New(src.Table(), quiet.Config{})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Counts(st.Input(&src.Table().Meta, nil)).Seen().String(); got != "0" {
		t.Errorf("CPUs %q, want 0", got)
	}
}

func TestGaps(t *testing.T) {
	script := first +
		"at 1.000100 cpu 0 task net-5 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n" +
		on2(110, "reschedule_entry vector=253") + on2(114, "reschedule_exit vector=253") +
		on2(300, "local_timer_entry vector=236") + on2(330, "local_timer_exit vector=236") + last
	us := func(n int64) trace.Time { return trace.Time(1_000_000_000 + n*1000) }
	set := watch(t, script, quiet.Gap{CPU: 2, Start: us(310), End: us(320)}, quiet.Gap{CPU: 2, Start: us(150), End: us(150)},
		quiet.Gap{CPU: -1, Start: us(250), End: us(800)}, quiet.Gap{CPU: 3, Start: us(110), End: us(120)}, quiet.Gap{CPU: 2, Start: us(170), End: us(180)}).Result()
	want := []string{"1 1 10000 timer:local_timer", "2 1 0 ipi:reschedule", "3 1 30000 timer:local_timer", "4 0 0 nothing that was recorded", "5 0 0 nothing that was recorded"}
	if diff := cmp.Diff(want, rows(t, set, "gaps", "gap", "interruptions", "stolen_ns", "culprits")); diff != "" {
		t.Errorf("gaps -want +got:\n%s", diff)
	}
	want = []string{"1 2 10000 30000 local_timer  ", "2 2 40000 4000 reschedule 0 net", "3 2 -50000 30000 local_timer  "}
	if diff := cmp.Diff(want, rows(t, set, "culprits", "gap", "cpu", "before_ns", "taken_ns", "name", "sender", "comm")); diff != "" {
		t.Errorf("culprits -want +got:\n%s", diff)
	}
}

// What cyclictest, jitterdebugger and oslat write to trace_marker; the last one
// as fixtures/gaps/oslat-threshold.txt has it.
func TestMarkers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.txt")
	text := `cpus=4
              sh-8     [000]     1.000400: written:              buf=Hit latency 249
      cyclictest-9     [002]     1.000500: print:                tracing_mark_write: hit latency threshold (138 > 100)
  jitterdebugger-7     [003]     1.000600: print:                tracing_mark_write: Hit latency 249
           oslat-8     [001]     1.000700: print:                tracing_mark_write: oslat: Trace threshold (20 us) triggered on cpu 1 with 58 us!
           oslat-8     [001]     1.000710: print:                tracing_mark_write: oslat: Trace threshold (20 us) triggered with x
              sh-8     [001]     1.000720: print:                tracing_mark_write: hello
              sh-8     [001]     1.000730: bprint:               some_function: Hit latency 249
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	m := quiet.NewMarkers(src.Table())
	if _, err := analysis.Run(context.Background(), analysistest.Poison(src), analysis.Options{}, m); err != nil {
		t.Fatal(err)
	}
	us := func(n int64) trace.Time { return trace.Time(1_000_000_000 + n*1000) }
	want := []quiet.Gap{{2, us(362), us(500), path}, {3, us(351), us(600), path}, {1, us(642), us(700), path}}
	if diff := cmp.Diff(want, m.Gaps); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestGapsOutside(t *testing.T) {
	set := watch(t, first+last, quiet.Gap{CPU: 2, Start: 5_000_000_000, End: 5_000_001_000}, quiet.Gap{CPU: 2, Start: 1_000_500_000, End: 1_000_501_000},
		quiet.Gap{CPU: 2, Start: 1_000_500_000, End: 1_000_501_000, File: "another"}).Result()
	if len(set.Warnings) == 0 || !slices.ContainsFunc(set.Warnings, func(w result.Warning) bool {
		return w.Code == "gaps-outside" && strings.HasPrefix(w.Text, "2 of 3 gaps")
	}) {
		t.Errorf("%+v", set.Warnings)
	}
}

// TestGapsOfOthers: a gap that begins with the last event of the recording lies in it;
// one of a CPU that is not looked at is told of.
func TestGapsOfOthers(t *testing.T) {
	set := watch(t, first+last, quiet.Gap{CPU: 2, Start: 1_001_000_000, End: 1_002_000_000}, quiet.Gap{CPU: 2, Start: 999_000_000, End: 1_000_000_000}, quiet.Gap{CPU: 0, Start: 1_000_500_000, End: 1_000_600_000}).Result()
	var said []string
	for _, w := range set.Warnings {
		if strings.HasPrefix(w.Code, "gaps-") {
			said = append(said, w.Text)
		}
	}
	if want := []string{"1 of 3 gaps are on CPUs that --isolated leaves out: what hit those is not looked at"}; !slices.Equal(said, want) {
		t.Errorf("said %q, want %q", said, want)
	}
}

func TestContextTracking(t *testing.T) {
	set := watch(t, first+
		on2(10, "user_enter")+on2(20, "user_exit")+on2(21, "local_timer_entry vector=236")+on2(22, "local_timer_exit vector=236")+
		on2(30, "user_exit")+on2(31, "sys_enter nr=1")+on2(40, "user_enter")+on2(41, "user_enter")+
		on2(50, "local_timer_entry vector=236")+on2(51, "local_timer_exit vector=236")+last).Result()
	if got, want := rows(t, set, "context", "cpu", "user_enter", "user_exit", "user_ns", "kernel_ns", "double_enter", "double_exit", "irq_in_user"), []string{"2 3 2 10000 10000 1 1 1"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := rows(t, set, "entries", "event", "count", "after.max_ns"), []string{"local_timer_entry 1 1000", "sys_enter 1 1000"}; !cmp.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	odd := []string{
		"1.000030000 2 user_exit while in the kernel user_exit  loop 9 1000", "1.000041000 2 user_enter while in user mode user_enter  loop 9 ",
		"1.000050000 2 interrupt while still in user mode local_timer_entry 236 loop 9 ",
	}
	if got, want := rows(t, set, "context", "exit.count", "exit.max_ns"), []string{"2 1000"}; !cmp.Equal(got, want) {
		t.Errorf("user_exit took at most %q, want %q", got, want)
	}
	if diff := cmp.Diff(odd, rows(t, set, "anomalies", "at", "cpu", "what", "event", "vector", "comm", "pid", "after_ns")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestWorst: the longest of each kind, with what is known of them; they are at least that
// long where an end is missing or events are.
func TestWorst(t *testing.T) {
	timer := func(from, to int) string {
		return on2(from, "local_timer_entry vector=236") + on2(to, "local_timer_exit vector=236")
	}
	ipi := "at 1.000300 cpu 0 task make-7 flags d..1 ipi_send_cpu cpu=2 callsite=smp_call_function_single+0x1 callback=func_a\n" +
		on2(305, "call_function_single_entry vector=251") + on2(325, "call_function_single_exit vector=251")
	script := first + timer(100, 103) + timer(110, 117) + timer(120, 127) + ipi
	for _, tt := range []struct{ more, bound string }{
		{"", ""}, {on2(400, "local_timer_entry vector=236") + timer(500, 501), "at least"}, {"lost cpu 2 at 1.000600 n 3\n", "at least"},
	} {
		counts := watchWorst(t, script+on2(700, "softirq_entry vec=1")+on2(701, "softirq_exit vec=1")+on2(710, "irq_handler_entry irq=1")+on2(711, "irq_handler_exit irq=1")+
			on2(720, "sched_switch prev_comm=loop prev_pid=9 prev_state=R next_comm=loop next_pid=9")+tt.more+last, 2)
		other := watchWorst(t, first+timer(50, 51)+last, 2)
		other.Merge(counts) // the order does not matter
		counts.Merge(watchWorst(t, first+timer(50, 51)+last, 2))
		set := counts.Result()
		if diff := cmp.Diff(rows(t, set, "worst", "took_ns", "at", "kind"), rows(t, other.Result(), "worst", "took_ns", "at", "kind")); diff != "" {
			t.Errorf("in the other order: %s", diff)
		}
		got := rows(t, set, "worst", "took_ns", "at", "cpu", "kind", "name", "sender", "comm", "delivery_ns", "bound")[:3]
		want := []string{
			"20000 1.000305000 2 ipi func_a 0 make 5000 " + tt.bound,
			"7000 1.000110000 2 timer local_timer    " + tt.bound, // of equal ones the first
			"7000 1.000120000 2 timer local_timer    " + tt.bound,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: -want +got:\n%s", tt.more, diff)
		}
		if got := rows(t, set, "sources", "kind", "longest.at_ns", "longest.cpu"); !slices.Contains(got, "timer 1000110000 2") {
			t.Errorf("the longest are %q", got)
		}
	}
}

func TestMergeLaws(t *testing.T) {
	scripts := []string{
		first + on2(100, "local_timer_entry vector=236") + on2(110, "local_timer_exit vector=236") + last,
		first + last, "",
		first + on2(10, "user_enter") + on2(20, "user_exit") + on2(210, "softirq_entry vec=1") + on2(290, "softirq_exit vec=1") + last,
		first + on2(10, "user_exit") + on2(20, "user_exit") + on2(30, "user_enter") + on2(40, "local_timer_entry vector=236") + on2(41, "local_timer_exit vector=236") + last,
	}
	m, _ := cpumask.ParseList([]byte("2"))
	text := func(inputs bool) func(*quiet.Counts) string {
		return func(c *quiet.Counts) string {
			set := c.Result()
			if !inputs {
				set.Inputs = nil
			}
			var b bytes.Buffer
			if err := json.Write(&b, set); err != nil {
				t.Fatal(err)
			}
			return b.String()
		}
	}
	law := analysistest.Merging[*quiet.Counts]{
		Zero:      func() *quiet.Counts { return quiet.NewCounts(quiet.Config{Isolated: &m}) },
		Part:      func(i int) *quiet.Counts { return again(t, watch(t, scripts[i])) },
		Parts:     len(scripts),
		Merge:     func(into, from *quiet.Counts) { into.Merge(from) },
		Text:      text(true),
		Unordered: text(false),
	}
	law.Laws(t)
}

// again is a sum that went through a state.
func again(t *testing.T, c *quiet.Counts) *quiet.Counts {
	t.Helper()
	for range 2 {
		sums, err := c.State()
		if err != nil {
			t.Fatal(err)
		}
		back, err := quiet.Decode(sums, c.Result().Inputs)
		if err != nil {
			t.Fatal(err)
		}
		if sums2, _ := back.State(); !bytes.Equal(sums, sums2) {
			t.Errorf("encoded again the bytes differ:\n%s\n%s", sums, sums2)
		}
		var a, b bytes.Buffer
		if err := errors.Join(json.Write(&a, c.Result()), json.Write(&b, back.Result())); err != nil || a.String() != b.String() {
			t.Errorf("%s is behind a state %s %v", &a, &b, err)
		}
		if was, is := c.CPUs(), back.CPUs(); fmt.Sprintf("%+v", was) != fmt.Sprintf("%+v", is) {
			t.Errorf("%+v is behind a state %+v", was, is)
		}
		c = back
	}
	return c
}

// TestUnlike: of machines with different isolated CPUs there is no table of CPUs.
func TestUnlike(t *testing.T) {
	m, _ := cpumask.ParseList([]byte("5"))
	c := watch(t, first+last)
	c.Merge(quiet.NewCounts(quiet.Config{Isolated: &m}))
	set := again(t, c).Result()
	if set.Isolated != "2,5" || !strings.Contains(set.Verdict, "CPUs 2,5, not the same ones") || set.Table("cpus") != nil {
		t.Errorf("isolated %s: %s", set.Isolated, set.Verdict)
	}
}

// TestStateRefused: what cannot be is an error that names it.
func TestStateRefused(t *testing.T) {
	sums, err := watch(t, first+on2(10, "user_exit")+on2(11, "user_exit")+last).State()
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string][2]string{
		"CPU -2 twice, or none": {`"cpu":2`, `"cpu":-2`},
		"oddity 77 of":          {`"what":1`, `"what":77`},
	} {
		text := strings.Replace(string(sums), change[0], change[1], 1)
		if text == string(sums) {
			t.Fatalf("%s: nothing to change in %s", want, sums)
		}
		if _, err := quiet.Decode([]byte(text), []result.Input{{}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	if _, err := quiet.NewCounts(quiet.Config{Gaps: []quiet.Gap{{}}}).State(); err == nil {
		t.Error("what hit gaps is in no state, and no error says so")
	}
}
