package ipi_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// The expected values of this package's tests follow from docs/definitions.md,
// worked out by hand; the event sequences are those that kernel/smp.c and
// kernel/irq_work.c make.

const generic = "generic_smp_call_function_single_interrupt"

// call is a call that is queued at a time and its IPI, 1 µs later.
func call(at string, from int, task string, to int, function string) string {
	return fmt.Sprintf("at %s01 cpu %d task %s flags d..1 csd_queue_cpu cpu=%d callsite=f+0x1 func=%s csd=1\n", at, from, task, to, function) +
		fmt.Sprintf("at %s02 cpu %d task %s flags d..1 ipi_send_cpu cpu=%d callsite=f+0x1 callback=%s\n", at, from, task, to, generic)
}

// tick is an event that means nothing here but that time passes.
func tick(at string) string { return "at " + at + " cpu 0 sched_wakeup pid=1\n" }

// A setup is how a script is counted.
type setup struct {
	isolated string // "" is every CPU
	by       string // "function" if empty
	counts   func(*trace.Event) bool
	window   *trace.Window
	meta     func(*trace.Meta)
	lossy    bool // the source broke off
}

func count(t *testing.T, s setup, script string) *ipi.Counts {
	t.Helper()
	src := tracetest.Parse(script)
	m := &src.Table().Meta
	m.CPUs = 4
	if s.meta != nil {
		s.meta(m)
	}
	by, err := ipi.ParseKeys(cmpOr(s.by, "function"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := ipi.Config{By: by, Catalog: catalogtest.Load(t), Counts: s.counts}
	if s.isolated != "" {
		mask, err := cpumask.ParseList([]byte(s.isolated))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Isolated = &mask
	}
	state := ipi.New(src.Table(), cfg)
	st, err := analysis.Run(context.Background(), src, analysis.Options{Window: s.window}, state)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(m, nil)
	in.Incomplete = s.lossy
	return state.Counts(in)
}

func cmpOr(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// groups shows the sums of each group, then those of all, without zeros.
func groups(c *ipi.Counts) []string {
	line := func(name string, g ipi.Group) string {
		var b strings.Builder
		b.WriteString(name + ":")
		for _, f := range []struct {
			n    uint64
			what string
		}{{g.Sends, "sends"}, {g.Requests, "requests"}, {g.Hits, "hits"}, {g.Self, "self"}, {g.Noise, "noise"}, {g.Unattributed, "unattributed"}} {
			if f.n > 0 {
				fmt.Fprintf(&b, " %d %s", f.n, f.what)
			}
		}
		return b.String()
	}
	var lines []string
	for _, g := range c.Groups() {
		lines = append(lines, line(strings.Join(g.Key, ","), g))
	}
	return append(lines, line("total", c.Total()))
}

func TestCounting(t *testing.T) {
	for _, tt := range []struct {
		name   string
		setup  setup
		script string
		want   []string
	}{
		{
			"a broadcast is one send and a hit for each isolated target", setup{isolated: "2-3"},
			`at 1.0 cpu 0 flags d..1 ipi_send_cpumask cpumask=0-3 callsite=f+0x1 callback=` + generic,
			[]string{"unknown: 1 sends 2 hits 2 unattributed", "total: 1 sends 2 hits 2 unattributed"},
		},
		{
			"sends with an empty mask or without isolated targets have no hits", setup{isolated: "2-3"},
			`at 1.0 cpu 0 flags d..1 ipi_send_cpumask cpumask= callsite=f+0x1 callback=` + generic + `
			at 1.1 cpu 0 flags d..1 ipi_send_cpumask cpumask=0-1 callsite=f+0x1 callback=` + generic + `
			at 1.2 cpu 0 flags d..1 ipi_send_cpu cpu=1 callsite=f+0x1 callback=0x0`,
			[]string{"reschedule: 1 sends", "unknown: 2 sends", "total: 3 sends"},
		},
		{
			"a send counts once in each group that one of its targets is in", setup{isolated: "1-3", by: "function"},
			`at 1.1 cpu 0 flags d..1 csd_queue_cpu cpu=1 callsite=f+0x1 func=g csd=1
			at 1.2 cpu 0 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=2
			at 1.3 cpu 0 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x1 func=h csd=3
			at 1.4 cpu 0 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x1 callback=` + generic,
			[]string{"g: 1 sends 2 requests 2 hits", "h: 1 sends 1 requests 1 hits", "total: 1 sends 3 requests 3 hits"},
		},
		{
			"by target", setup{isolated: "2-3", by: "target"},
			`at 1.0 cpu 0 flags d..1 ipi_send_cpumask cpumask=0-3 callsite=f+0x1 callback=0x0
			at 1.1 cpu 0 flags d..1 ipi_send_cpumask cpumask=0-1 callsite=f+0x1 callback=0x0`,
			[]string{": 1 sends", "2: 1 sends 1 hits", "3: 1 sends 1 hits", "total: 2 sends 2 hits"},
		},
		{
			"an IPI to oneself is a hit and self", setup{isolated: "2-3"},
			`at 1.0 cpu 2 flags d.h1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=nohz_full_kick_func
			at 1.1 cpu 1 flags d.h1 ipi_send_cpu cpu=1 callsite=f+0x1 callback=nohz_full_kick_func
			at 1.2 cpu 3 flags d.h1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0`,
			[]string{"nohz_full_kick_func: 2 sends 1 hits 1 self", "reschedule: 1 sends 2 hits 1 self", "total: 3 sends 3 hits 2 self"},
		},
		{
			// enable_trace_buffered_event runs on all CPUs when a filter is
			// installed (kernel/trace/trace.c): always the recorder's
			"what only a recorder does is noise", setup{isolated: "2-3"},
			call("1.0", 0, "bash-5", 2, "enable_trace_buffered_event") + call("1.1", 0, "bash-5", 2, "ipi_mb"),
			[]string{
				"enable_trace_buffered_event: 1 sends 1 requests 1 hits 1 noise", "ipi_mb: 1 sends 1 requests 1 hits",
				"total: 2 sends 2 requests 2 hits 1 noise",
			},
		},
		{
			// switching a tracepoint on patches text, which others do as well
			"what a recorder does among others is noise if one sent it", setup{isolated: "2-3", by: "comm"},
			call("1.0", 0, "trace-cmd-5", 2, "do_sync_core") + "at 1.003 cpu 0 task trace-cmd-5 flags d..1 kernel_stack on_each_cpu_cond_mask tracepoint_add_func\n" +
				call("1.1", 0, "bash-6", 2, "do_sync_core") + "at 1.103 cpu 0 task bash-6 flags d..1 kernel_stack on_each_cpu_cond_mask tracepoint_add_func\n" +
				call("1.2", 0, "perf-7", 2, "ipi_mb"),
			[]string{
				"bash: 1 sends 1 requests 1 hits", "perf: 1 sends 1 requests 1 hits", "trace-cmd: 1 sends 1 requests 1 hits 1 noise",
				"total: 3 sends 3 requests 3 hits 1 noise",
			},
		},
		{
			"a hit is self or noise, never both", setup{isolated: "2-3"},
			`at 1.0 cpu 2 flags d.h1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=rb_wake_up_waiters`,
			[]string{"rb_wake_up_waiters: 1 sends 1 hits 1 self", "total: 1 sends 1 hits 1 self"},
		},
		{
			"ipi_raise is a send where there is no other; its reason is the callback", setup{isolated: "2-3", by: "callback,function,evidence"},
			`at 1.0 cpu 0 flags d..1 ipi_raise target_cpus=1-3 reason=Rescheduling
			at 1.1 cpu 2 flags d..1 ipi_raise target_cpus=2 reason=Irq-work`,
			[]string{"Irq-work,Irq-work,callback: 1 sends 1 hits 1 self", "Rescheduling,Rescheduling,callback: 1 sends 2 hits", "total: 2 sends 3 hits 1 self"},
		},
		{
			"ipi_raise is not counted beside ipi_send events", setup{isolated: "2-3", by: "event"},
			`at 1.0 cpu 0 flags d..1 ipi_raise target_cpus=2-3 reason=Rescheduling
			at 1.1 cpu 0 flags d..1 ipi_raise target_cpus=2-3 reason=Rescheduling
			at 1.2 cpu 0 flags d..1 ipi_send_cpu cpu=1 callsite=f+0x1 callback=0x0`,
			[]string{"ipi_send_cpu: 1 sends", "total: 1 sends"},
		},
		{
			"nor where a filter takes none of those", setup{isolated: "2-3", by: "event", counts: func(e *trace.Event) bool { return e.Schema().Name == "ipi_raise" }},
			`at 1.0 cpu 0 flags d..1 ipi_raise target_cpus=2-3 reason=Rescheduling
			at 1.1 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0`,
			[]string{"total:"},
		},
		{
			"queued calls are requests beside ipi_raise, too", setup{isolated: "2-3", by: "callback"},
			`at 1.0 cpu 0 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			at 1.1 cpu 0 flags d..1 csd_queue_cpu cpu=1 callsite=f+0x1 func=g csd=1
			at 1.2 cpu 0 flags d..1 ipi_raise target_cpus=1-2 reason=Function-call`,
			[]string{"(no ipi): 1 requests", "Function-call: 1 sends 1 hits", "total: 1 sends 1 requests 1 hits"},
		},
		{
			"a request belongs to the send that it led to, or to (no ipi)", setup{isolated: "2-3", by: "callback,function"},
			`at 1.0 cpu 0 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=first csd=1
			at 1.1 cpu 0 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=second csd=2
			at 1.2 cpu 0 flags d..1 csd_queue_cpu cpu=1 callsite=f+0x1 func=elsewhere csd=3
			at 1.3 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"(no ipi),first: 1 requests", generic + ",second: 1 sends 1 requests 1 hits", "total: 1 sends 2 requests 1 hits"},
		},
		{
			"a request without an IPI has the keys of its event", setup{isolated: "2-3", by: "callback,function,evidence,event,callsite,comm,pid,sender,target,cause"},
			`at 1.0 cpu 1 task bash-12 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x24 func=g csd=1`,
			[]string{"(no ipi),g,csd,(no ipi),f+0x24,bash,12,1,3,f: 1 requests", "total: 1 requests"},
		},
		{
			"functions by callback, csd and none", setup{isolated: "2-3", by: "function,evidence"},
			call("1.0", 0, "a-7", 2, "ipi_mb") + `
			at 1.1 cpu 2 flags d..1 ipi_send_cpu cpu=2 callsite=irq_work_queue+0x2d callback=nohz_full_kick_func
			at 1.2 cpu 0 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0
			at 1.3 cpu 0 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic,
			[]string{
				"ipi_mb,csd: 1 sends 1 requests 1 hits", "nohz_full_kick_func,callback: 1 sends 1 hits 1 self", "reschedule,callback: 1 sends 1 hits",
				"unknown,none: 1 sends 1 hits 1 unattributed", "total: 4 sends 1 requests 4 hits 1 self 1 unattributed",
			},
		},
		{
			// both sets are rows of the catalogue's rules
			"a set of functions counts as resolved", setup{isolated: "2-3", by: "function,evidence,cause,mechanism"},
			`at 1.1 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=` + generic + `
			at 1.2 cpu 0 task a-7 flags d..1 kernel_stack on_each_cpu_cond_mask static_key_enable start_feature kthread
			at 1.3 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.4 cpu 0 task a-7 flags d..1 kernel_stack on_each_cpu_cond_mask nobody_knows kthread`,
			[]string{
				"do_sync_core|do_nothing,stack,start_feature,static_key_enable: 1 sends 2 hits",
				"unknown,none,nobody_knows,(none): 1 sends 1 hits 1 unattributed", "total: 2 sends 3 hits 1 unattributed",
			},
		},
		{
			"membarrier's command narrows a set", setup{isolated: "2-3", by: "function,evidence,entry"},
			// MEMBARRIER_CMD_PRIVATE_EXPEDITED is 1 << 3 (include/uapi/linux/membarrier.h)
			`at 1.0 cpu 0 task a-7 flags ...1 sys_enter_membarrier cmd=8
			at 1.1 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.2 cpu 0 task a-7 flags d..1 kernel_stack smp_call_function_many_cond membarrier_private_expedited __x64_sys_membarrier do_syscall_64 entry_SYSCALL_64_after_hwframe
			at 1.3 cpu 0 task b-8 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.4 cpu 0 task b-8 flags d..1 kernel_stack smp_call_function_many_cond membarrier_private_expedited __x64_sys_membarrier do_syscall_64 entry_SYSCALL_64_after_hwframe`,
			[]string{
				"ipi_mb,stack,syscall:membarrier: 1 sends 1 hits", "ipi_mb|ipi_rseq|ipi_sync_core,stack,syscall:membarrier: 1 sends 1 hits", "total: 2 sends 2 hits",
			},
		},
		{
			"the same flush has a class by who asks for it", setup{isolated: "2-3", by: "class,cause"},
			call("1.0", 0, "a-7", 2, "do_flush_tlb_all") + "at 1.003 cpu 0 task a-7 flags d..1 kernel_stack on_each_cpu_cond_mask __purge_vmap_area_lazy drain_vmap_area_work process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm\n" +
				call("1.1", 0, "a-7", 2, "do_flush_tlb_all") + "at 1.103 cpu 0 task a-7 flags d..1 kernel_stack on_each_cpu_cond_mask pcpu_reclaim_populated pcpu_balance_workfn process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm\n" +
				call("1.2", 0, "a-7", 2, "nobody_knows"),
			[]string{
				"candidate,pcpu_balance_workfn: 1 sends 1 requests 1 hits", "deferrable,drain_vmap_area_work: 1 sends 1 requests 1 hits",
				"unknown,f: 1 sends 1 requests 1 hits", "total: 3 sends 3 requests 3 hits",
			},
		},
		{
			"losses make open calls requests without an IPI", setup{isolated: "2-3", by: "callback,function"},
			`at 1.0 cpu 0 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			lost cpu 0 at 1.1 n 5
			at 1.2 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"(no ipi),g: 1 requests", generic + ",unknown: 1 sends 1 hits 1 unattributed", "total: 1 sends 1 requests 1 hits 1 unattributed"},
		},
		{
			"Linux 6.4 traces a call twice and it counts once", setup{isolated: "2-3", by: "callback,function,evidence"},
			`at 1.0 cpu 0 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x1 callback=do_sync_core
			at 1.1 cpu 0 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x9 callback=` + generic + `
			at 1.2 cpu 0 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=no_ipi_sent`,
			[]string{
				"(no ipi),no_ipi_sent,csd: 1 requests", generic + ",do_sync_core,callback: 1 sends 2 requests 2 hits", "total: 1 sends 3 requests 2 hits",
			},
		},
		{
			"a filter chooses what is counted and leaves what resolves functions", setup{isolated: "2-3", counts: func(e *trace.Event) bool { return e.CPU == 0 }},
			call("1.0", 0, "a-7", 2, "g") + call("1.1", 1, "a-7", 2, "h"),
			[]string{"g: 1 sends 1 requests 1 hits", "total: 1 sends 1 requests 1 hits"},
		},
		{
			"instances are added up", setup{isolated: "2-3", by: "instance,function"},
			`at 1.0 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.1 cpu 0 instance isol flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0`,
			[]string{",reschedule: 1 sends 1 hits", "isol,reschedule: 1 sends 1 hits", "total: 2 sends 2 hits"},
		},
		{
			"without a set every CPU counts", setup{by: "target"},
			`at 1.0 cpu 0 flags d..1 ipi_send_cpumask cpumask=0,3 callsite=f+0x1 callback=0x0`,
			[]string{"0: 1 sends 1 hits 1 self", "3: 1 sends 1 hits", "total: 1 sends 2 hits 1 self"},
		},
		{
			"all keys of a hit", setup{isolated: "2-3", by: "callback,function,evidence,callsite,event,cause,mechanism,entry,class,comm,pid,sender,target,stack,file"},
			call("1.0", 1, "Web-Content-77", 3, "do_sync_core") + "at 1.003 cpu 1 task Web-Content-77 flags d..1 kernel_stack trace_event_raw_event_ipi_send_cpu smp_call_function_many_cond on_each_cpu_cond_mask text_poke_bp_batch bpf_arch_text_poke bpf_trampoline_update bpf_tracing_prog_attach __sys_bpf __x64_sys_bpf do_syscall_64 entry_SYSCALL_64_after_hwframe",
			[]string{
				generic + ",do_sync_core,csd,f+0x1,ipi_send_cpu,bpf_tracing_prog_attach,bpf_trampoline_update,syscall:bpf,deferrable,Web-Content,77,1,3," +
					"smp_call_function_many_cond < on_each_cpu_cond_mask < text_poke_bp_batch < bpf_arch_text_poke < bpf_trampoline_update < bpf_tracing_prog_attach < __sys_bpf < __x64_sys_bpf < do_syscall_64 < entry_SYSCALL_64_after_hwframe,test" +
					": 1 sends 1 requests 1 hits",
				"total: 1 sends 1 requests 1 hits",
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if d := cmp.Diff(tt.want, groups(count(t, tt.setup, tt.script))); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// TestRates: 4 hits in 2 s on two CPUs.
func TestRates(t *testing.T) {
	c := count(t, setup{isolated: "2-3"}, tick("10.0")+`
		at 10.5 cpu 0 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0
		at 11.0 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
		at 11.5 cpu 2 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=nohz_full_kick_func
	`+tick("12.0"))
	set := c.Result()
	want := map[string]map[string]float64{
		// hits per second over all isolated CPUs; hits per CPU and hour
		"reschedule":          {"rate_hz": 1.5, "per_cpu_hour": 2700, "share": 0.75},
		"nohz_full_kick_func": {"rate_hz": 0.5, "per_cpu_hour": 900, "share": 0.25},
	}
	g := set.Table("groups")
	for _, row := range g.Rows {
		for col, v := range want[row[0].Str] {
			if got := row[g.Index(col)].Float; got != v {
				t.Errorf("%s: %s is %v, want %v", row[0].Str, col, got, v)
			}
		}
	}
	if g.Rows[0][0].Str != "reschedule" || len(g.Rows) != 2 {
		t.Errorf("the group with the most hits is not first: %v", g.Rows)
	}
	if set.Total("duration_ns") != 2e9 || set.Total("hits") != 4 || set.Total("self") != 1 || set.Total("events") != 5 {
		t.Errorf("totals %v", set.Totals)
	}
	cpus := set.Table("cpus")
	if got := cpus.Rows[0][cpus.Index("rate_hz")].Float; got != 1.5 {
		t.Errorf("CPU 2 has %v hits a second, want 1.5", got)
	}
}

// TestLongestQuiet: the stretches up to the edges of the trace count, and a CPU
// that was never hit was quiet all the time.
func TestLongestQuiet(t *testing.T) {
	const s = 1e9
	hit := func(at string) string {
		return "at " + at + " cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	}
	for _, tt := range []struct {
		name   string
		script string
		window *trace.Window
		want   int64 // of CPU 2, s
		never  int64 // of CPU 3, s
	}{
		{"between two hits", tick("0.0") + hit("1.0") + hit("5.0") + hit("7.0") + tick("9.0"), nil, 4, 9},
		{"before the first", tick("0.0") + hit("3.0") + hit("4.0") + tick("6.0"), nil, 3, 6},
		{"behind the last", tick("0.0") + hit("1.0") + hit("2.0") + tick("8.0"), nil, 6, 8},
		{"the only hit", tick("0.0") + hit("1.0") + tick("8.0"), nil, 7, 8},
		{"hits at both edges", hit("0.0") + hit("2.0") + hit("9.0"), nil, 7, 9},
		{"a window that begins between two hits", tick("0.0") + hit("1.0") + hit("6.0") + tick("9.0"), &trace.Window{From: 2 * s, To: 7 * s}, 4, 5},
		{"a window beyond the trace", tick("0.0") + hit("1.0") + tick("3.0"), &trace.Window{From: -5 * s, To: 50 * s}, 2, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cpus := count(t, setup{isolated: "2-3", window: tt.window}, tt.script).Result().Table("cpus")
			var got []int64
			for _, row := range cpus.Rows {
				got = append(got, row[cpus.Index("longest_quiet_ns")].Int)
			}
			if want := []int64{tt.want * s, tt.never * s}; !slices.Equal(got, want) {
				t.Errorf("CPUs 2 and 3 were quiet for %v ns, want %v", got, want)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	resched := func(at string) string {
		return "at " + at + " cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	}
	var many strings.Builder
	for i := range 399 {
		many.WriteString(resched(fmt.Sprintf("1.%03d", i)))
	}
	for _, tt := range []struct {
		name   string
		setup  setup
		script string
		want   string
	}{
		{"several hits", setup{isolated: "2-3"}, resched("1.0") + resched("1.1") + resched("1.2") + call("1.3", 0, "a-7", 2, "g") + tick("6.1"), "CPUs 2-3: 4 hits in 5.10 s, 75 % reschedule"},
		{"one CPU, one hit", setup{isolated: "2"}, resched("1.0") + tick("1.5"), "CPU 2: 1 hit in 500.0 ms, 100 % reschedule"},
		{"equal shares: the first by name", setup{isolated: "2-3"}, call("1.1", 0, "a-7", 2, "zz") + call("1.2", 0, "a-7", 2, "aa") + tick("2.101"), "CPUs 2-3: 2 hits in 1.00 s, 50 % aa"},
		{"self-IPIs", setup{isolated: "2-3"}, resched("1.0") + "at 2.0 cpu 3 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0", "CPUs 2-3: 2 hits in 1.00 s, 100 % reschedule (1 self-IPIs)"},
		{"the plumbing is never the answer", setup{isolated: "2-3"}, "at 1.0 cpu 0 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=" + generic + "\n" + tick("2.0"), "CPUs 2-3: 1 hit in 1.00 s, 100 % of unknown function"},
		{"losses make lower bounds", setup{isolated: "2-3"}, resched("1.0") + "lost cpu 3 at 1.5 n 7\n" + tick("2.0"), "CPUs 2-3: at least 1 hit in 1.00 s, 100 % reschedule"},
		{"so do losses of unknown number", setup{isolated: "2-3"}, resched("1.0") + "lost cpu 3 at 1.5\n" + tick("2.0"), "CPUs 2-3: at least 1 hit in 1.00 s, 100 % reschedule"},
		{"and inputs that were cut", setup{isolated: "2-3", lossy: true}, resched("1.0") + resched("2.0"), "CPUs 2-3: at least 2 hits in 1.00 s, 100 % reschedule"},
		{"just seconds", setup{isolated: "3"}, resched("1.0") + tick("60.9"), "CPU 3: 0 hits in 59.9 s"},
		{"minutes", setup{isolated: "3"}, resched("1.0") + tick("151.0"), "CPU 3: 0 hits in 2.50 min"},
		{"just minutes", setup{isolated: "3"}, resched("1.0") + tick("3595.0"), "CPU 3: 0 hits in 59.9 min"},
		{"hours", setup{isolated: "3"}, resched("1.0") + tick("9001.0"), "CPU 3: 0 hits in 2.50 h"},
		{"no hits", setup{isolated: "3"}, resched("1.0") + tick("61.0"), "CPU 3: 0 hits in 1.00 min"},
		{"no hits that are known of", setup{isolated: "3", lossy: true}, resched("1.0") + tick("61.0"), "CPU 3: at least 0 hits in 1.00 min"},
		{"no sends", setup{isolated: "3"}, tick("1.0") + tick("181.0"), "CPU 3: no IPI sends recorded in 3.00 min"},
		{"a filter that lets nothing through", setup{isolated: "3", counts: func(*trace.Event) bool { return false }}, resched("1.0") + tick("2.0"), "CPU 3: 0 hits in 1.00 s"},
		{"an empty trace", setup{isolated: "3"}, "", "CPU 3: no IPI sends recorded in 0 ns"},
		{"all CPUs", setup{}, resched("1.0") + tick("7201.0"), "CPUs 0-3: 1 hit in 2.00 h, 100 % reschedule"},
		{"a part is never rounded up to the whole", setup{isolated: "2"}, many.String() + "at 1.5 cpu 1 flags d..1 ipi_send_cpumask cpumask=2 callsite=f+0x1 callback=" + generic + "\n" + tick("2.0"), "CPU 2: 400 hits in 1.00 s, >99 % reschedule"},
		{
			"a clock without a unit", setup{isolated: "2", meta: func(m *trace.Meta) { m.Clock, m.ClockUnit = "x86-tsc", "ticks" }},
			resched("1.0") + resched("1.000001"), "CPU 2: 2 hits in 1000 ticks of clock x86-tsc, 100 % reschedule",
		},
		{
			"and without a name, as in text", setup{isolated: "2", meta: func(m *trace.Meta) { m.Clock, m.ClockUnit = "", "ticks" }},
			resched("1.0") + resched("1.000001"), "CPU 2: 2 hits in 1000 ticks, 100 % reschedule",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := count(t, tt.setup, tt.script).Result().Verdict; got != tt.want {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	resched := "at 1.0 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	both := resched + "at 1.0 cpu 0 instance isol flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	for _, tt := range []struct {
		name   string
		setup  setup
		script string
		want   []string // code: part of the text
	}{
		{"nothing to say", setup{isolated: "2-3"}, resched, nil},
		{"two buffers hold the same send", setup{isolated: "2-3"}, both, []string{`duplicate-buffers: test: 1 sends are in the buffers (top) and "isol" both and count twice: choose one with --instance`}},
		{
			"an event of another CPU, task, time or kind is not the same", setup{isolated: "2-3"}, resched + `
			at 1.0 cpu 1 instance isol flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.0 cpu 0 task b-9 instance isol flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.0 cpu 0 instance isol flags d..1 ipi_send_cpumask cpumask=2 callsite=f+0x1 callback=0x0
			at 1.1 cpu 0 instance isol flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0`, nil,
		},
		{"the same buffer may hold two at one time", setup{isolated: "2-3"}, resched + resched + "at 2.0 cpu 0 instance isol sched_wakeup pid=1", nil},
		{"losses", setup{isolated: "2-3"}, resched + "lost cpu 0 at 1.5 n 7", []string{"lost-events: test: 7 events were lost: counts are lower bounds"}},
		{"losses of unknown number", setup{isolated: "2-3"}, resched + "lost cpu 0 at 1.5", []string{"lost-events: test: events were lost, the recording does not know how many"}},
		{"losses of both kinds", setup{isolated: "2-3"}, resched + "lost cpu 0 at 1.5\nlost cpu 1 at 1.5 n 3", []string{"lost-events: test: at least 3 events were lost"}},
		{"not read to the end", setup{isolated: "2-3", lossy: true}, resched, []string{"incomplete: test: not read to its end"}},
		{"nothing recorded", setup{isolated: "2-3"}, tick("1.0"), []string{"no-sends: no ipi_send_cpu, ipi_send_cpumask or ipi_raise event"}},
		{
			"a filter that lets nothing through", setup{isolated: "2-3", counts: func(*trace.Event) bool { return false }}, resched + resched,
			[]string{"all-excluded: the filter lets none of the 2 sends through"},
		},
		{"functions that nothing tells", setup{isolated: "2-3"}, resched + "at 1.1 cpu 0 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=" + generic, []string{`unattributed: 1 of 2 hits have function "unknown"`}},
		{"CPUs that the machine does not have", setup{isolated: "2-5"}, resched, []string{"isolated-beyond: CPUs 4-5 of the isolated set are not in the trace (0-3)"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, w := range count(t, tt.setup, tt.script).Result().Warnings {
				got = append(got, w.Code+": "+w.Text)
			}
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i := range got {
				if !strings.HasPrefix(got[i], tt.want[i]) {
					t.Errorf("got %q, want %q", got[i], tt.want[i])
				}
			}
		})
	}
}

// TestPatching: text_poke_bp_batch interrupts up to three times, one after the
// other in one task (arch/x86/kernel/alternative.c).
func TestPatching(t *testing.T) {
	poke := func(at, task string) string { return call(at, 0, task, 2, "do_sync_core") }
	for _, tt := range []struct {
		name, script string
		want         string // "" is no note
	}{
		{"three rounds", poke("1.0", "a-7") + poke("1.01", "a-7") + poke("1.02", "a-7"), "3 do_sync_core sends are 1 text-patching operations of up to 3 rounds each"},
		{"a fourth one begins the next operation", poke("1.0", "a-7") + poke("1.01", "a-7") + poke("1.02", "a-7") + poke("1.03", "a-7"), "4 do_sync_core sends are 2 "},
		{"another task's", poke("1.0", "a-7") + poke("1.01", "a-7") + poke("1.02", "b-8"), "3 do_sync_core sends are 2 "},
		{"0.1 s later", poke("1.0", "a-7") + poke("1.01", "a-7") + poke("1.2", "a-7"), "3 do_sync_core sends are 2 "},
		{"one round each", poke("1.0", "a-7") + poke("1.5", "a-7"), ""},
		{"what isolated CPUs do not see is not counted", call("1.0", 0, "a-7", 1, "do_sync_core") + call("1.01", 0, "a-7", 1, "do_sync_core"), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			for _, n := range count(t, setup{isolated: "2-3"}, tt.script).Result().Notes {
				if strings.Contains(n, "text-patching") {
					got = n
				}
			}
			if !strings.HasPrefix(got, tt.want) || (got == "") != (tt.want == "") {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestAdvice: hits by what would remove them, self-IPIs and the recorder's own
// left out. Class and mitigation are the catalogue's.
func TestAdvice(t *testing.T) {
	const tracer = "at %s cpu 0 task %s flags d..1 kernel_stack on_each_cpu_cond_mask tracepoint_add_func\n"
	set := count(t, setup{isolated: "2-3"},
		call("1.0", 0, "a-7", 2, "ipi_mb")+call("1.1", 0, "a-7", 3, "ipi_rseq")+call("1.2", 0, "a-7", 3, "ipi_rseq")+ // one mitigation
			call("2.0", 0, "bash-8", 2, "do_sync_core")+fmt.Sprintf(tracer, "2.003", "bash-8")+
			call("2.1", 0, "bash-8", 2, "do_sync_core")+ // without a stack: the callback's own row
			call("2.2", 0, "trace-cmd-9", 2, "do_sync_core")+fmt.Sprintf(tracer, "2.203", "trace-cmd-9")+ // noise
			"at 3.0 cpu 2 flags d.h1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=nohz_full_kick_func\n"+ // self
			call("4.0", 0, "a-7", 2, "nobody_knows")+call("4.1", 0, "a-7", 2, "nobody_knows")).Result()
	cat := catalogtest.Load(t)
	mitigation := func(function string) string {
		cb, ok := cat.Callback(function)
		if !ok || cb.Do == "" {
			t.Fatalf("%s is not in the catalogue", function)
		}
		return cb.Do
	}
	table := set.Table("advice")
	var got [][]string
	for _, row := range table.Rows {
		got = append(got, []string{row[0].Text(), row[2].Text(), row[3].Text(), row[4].Text(), row[5].Text()})
	}
	want := [][]string{
		{"3", "ipi_rseq, ipi_mb", "", "avoidable", mitigation("ipi_mb")},
		{"2", "nobody_knows", "", "unknown", cat.Classify("nobody_knows", nil).Do},
		{"1", "do_sync_core", "tracepoint_add_func", "deferrable", cat.Classify("do_sync_core", []string{"tracepoint_add_func"}).Do},
		{"1", "do_sync_core", "", "deferrable", mitigation("do_sync_core")},
	}
	slices.SortStableFunc(got[2:], func(a, b []string) int { return strings.Compare(b[2], a[2]) })
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	// 9 hits in all: 3 of them are the first row
	if share := table.Rows[0][1].Float; share != 3./9 {
		t.Errorf("share %v, want 3/9", share)
	}
	if want := "interference: 7 hits; not in it: 1 self-IPIs, 1 caused by the recorder"; len(set.Notes) == 0 || set.Notes[0] != want {
		t.Errorf("notes %q, want %q first", set.Notes, want)
	}
	if n := set.Notes[len(set.Notes)-1]; strings.Contains(n, "no known cause") {
		t.Errorf("notes end with %q, but callsites tell", n)
	}
}

// TestDescriptions: what the keys leave open, the most frequent first.
func TestDescriptions(t *testing.T) {
	set := count(t, setup{isolated: "2-3", by: "comm"},
		call("1.0", 0, "a-7", 2, "ipi_mb")+call("1.1", 0, "a-7", 2, "do_sync_core")+
			"at 1.103 cpu 0 task a-7 flags d..1 kernel_stack on_each_cpu_cond_mask static_key_enable start_feature kthread\n"+
			call("1.2", 0, "a-7", 2, "do_sync_core")+
			"at 1.203 cpu 0 task a-7 flags d..1 kernel_stack on_each_cpu_cond_mask static_key_enable start_feature kthread\n"+
			"at 1.3 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=3 callsite=f+0x1 callback=0x0\n").Result()
	g := set.Table("groups")
	row := func(col string) string { return g.Rows[0][g.Index(col)].Text() }
	if got := []string{row("evidence"), row("class"), row("top_cause"), row("cpus")}; !slices.Equal(got, []string{"csd+callback", "avoidable+deferrable", "f", "2-3"}) {
		t.Errorf("got %q", got)
	}
	// what is a key is not described again
	set = count(t, setup{isolated: "2-3", by: "class,cause,evidence"}, call("1.0", 0, "a-7", 2, "ipi_mb")).Result()
	if g := set.Table("groups"); g.Index("top_cause") >= 0 || len(g.Cols) != 3+9 {
		t.Errorf("columns %+v", g.Cols)
	}
}

// TestRegime: how a kernel tells of its IPIs.
func TestRegime(t *testing.T) {
	for script, want := range map[string]ipi.Regime{
		tick("1.0"): ipi.RegimeNone,
		"at 1.0 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0":                                                                             ipi.RegimeSend,
		"at 1.0 cpu 0 ipi_raise target_cpus=2 reason=x":                                                                                           ipi.RegimeRaise,
		"at 1.0 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=g\nat 1.1 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=" + generic:           ipi.RegimeTwice,
		"at 1.0 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\nat 1.1 cpu 0 ipi_raise target_cpus=2 reason=x":                              ipi.RegimeSend,
		"at 1.0 cpu 0 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1\nat 1.1 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=" + generic + "\n": ipi.RegimeSend,
	} {
		if got := count(t, setup{isolated: "2"}, script).Regime(); got != want {
			t.Errorf("%s: %v, want %v", script, got, want)
		}
	}
}

func TestParseKeys(t *testing.T) {
	// the keys of the command line's contract, in any order
	all := "callback,function,evidence,callsite,event,cause,mechanism,entry,class,comm,pid,sender,target,stack,instance,file"
	keys, err := ipi.ParseKeys(all)
	if err != nil || len(keys) != len(ipi.KeyNames()) {
		t.Fatalf("%d keys, %v; there are %v", len(keys), err, ipi.KeyNames())
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.String())
		if k.Doc() == "" {
			t.Errorf("%v is not documented", k)
		}
	}
	if strings.Join(names, ",") != all {
		t.Errorf("got %v", names)
	}
	if keys, err := ipi.ParseKeys(" comm , pid "); err != nil || len(keys) != 2 {
		t.Errorf("blanks: %v, %v", keys, err)
	}
	for list, want := range map[string]string{"": `unknown key ""`, "calback": `unknown key "calback": want callback, function,`, "pid,pid": "twice", "pid,": `unknown key ""`} {
		if _, err := ipi.ParseKeys(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", list, err, want)
		}
	}
}

// TestMissed counts the sends that hit no isolated CPU.
func TestMissed(t *testing.T) {
	c := count(t, setup{isolated: "2-3"}, "at 1.0 cpu 0 ipi_send_cpumask cpumask=0-1 callsite=f+0x1 callback=0x0\nat 1.1 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0")
	if c.Missed() != 1 {
		t.Errorf("%d missed, want 1", c.Missed())
	}
}
