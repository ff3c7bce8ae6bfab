package track_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// collector prints what a track.Sends delivers.
type collector struct {
	*track.Sends
	t     *trace.Table
	lines []string
	orph  []string
}

func (c *collector) Now(t trace.Time) {
	c.Sends.Now(t)
	c.lines = append(c.lines, fmt.Sprintf("%d wait", c.Waiting()))
}

func (c *collector) End(analysis.Span) { c.Sends.End() }

// stack is the first frame of a stack, if there is one.
func (c *collector) stack(id trace.StackID) string {
	if id == 0 {
		return ""
	}
	return " stack " + c.t.SymbolOf(c.t.StackOf(id)[0]).Name
}

func collect(t *testing.T, isolated, script string) []string {
	t.Helper()
	src := tracetest.Parse(script)
	m, err := cpumask.ParseList([]byte(isolated))
	if err != nil {
		t.Fatal(err)
	}
	c := &collector{t: src.Table()}
	c.Sends = track.NewSends(src.Table(), track.Config{
		Isolated: &m,
		Send: func(w *track.Send) {
			hits := []string{}
			for _, h := range w.Hits {
				hits = append(hits, fmt.Sprintf("%d:%s/%v/%d", h.Target, c.t.NameOf(h.Function), h.Evidence, h.Requests))
			}
			c.lines = append(c.lines, fmt.Sprintf("%d from %d: %s%s", int64(w.Time)%1e9/1e3, w.CPU, strings.Join(hits, " "), c.stack(w.Stack)))
		},
		Request: func(r *track.Request) {
			c.orph = append(c.orph, fmt.Sprintf("no ipi %d->%d %s%s", r.CPU, r.Target, c.t.NameOf(r.Function), c.stack(r.Stack)))
		},
	})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, c); err != nil {
		t.Fatal(err)
	}
	slices.Sort(c.orph)
	return append(c.lines, c.orph...)
}

const generic = "generic_smp_call_function_single_interrupt"

// The expected values follow from the definitions in docs/definitions.md; the
// event sequences are those that kernel/smp.c and kernel/irq_work.c make.
func TestSends(t *testing.T) {
	tests := []struct {
		name, script string
		want         []string
	}{
		{"a call and its IPI", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"2 from 0: 2:g/csd/1"}},
		{"an interrupt between the call and its IPI, to the same target from the same place", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=outer csd=1
			at 1.000002 cpu 0 task a-7 flags d.h2 csd_queue_cpu cpu=2 callsite=f+0x1 func=inner csd=2
			at 1.000003 cpu 0 task a-7 flags d.h2 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.000004 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"3 from 0: 2:inner/csd/1", "4 from 0: 2:outer/csd/1"}},
		{"a call that found the queue full sends no IPI", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=first csd=1
			at 1.000002 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=second csd=2
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"3 from 0: 2:second/csd/1", "no ipi 0->2 first"}},
		{"a call of another place is not taken", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=other+0x1 func=g csd=1
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"2 from 0: 2:unknown/none/0", "no ipi 0->2 g"}},
		{"a call of another task is not taken", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			at 1.000002 cpu 0 task b-8 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"2 from 0: 2:unknown/none/0", "no ipi 0->2 g"}},
		{"nothing is joined across a loss", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			lost cpu 0 at 1.000002 n 3
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"3 from 0: 2:unknown/none/0", "no ipi 0->2 g"}},
		{"a loss on another CPU changes nothing", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			lost cpu 1 at 1.000002
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"3 from 0: 2:g/csd/1"}},
		{"several targets, one of them housekeeping, one without a call of its own", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=1 callsite=f+0x1 func=g csd=1
			at 1.000002 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=2
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x1 callback=` + generic,
			[]string{"3 from 0: 2:g/csd/1 3:unknown/none/0"}},
		{"callbacks that say what runs", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=resched_curr+0x1 callback=0x0
			at 1.000002 cpu 3 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=irq_work_queue+0x1 callback=nohz_full_kick_func`,
			[]string{"1 from 0: 2:reschedule/callback/0", "2 from 3: 3:nohz_full_kick_func/callback/0"}},
		{"a reschedule IPI does not consume a call", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"2 from 0: 2:reschedule/callback/0", "3 from 0: 2:g/csd/1"}},
		{"a mask without isolated targets is a send without hits", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=0-1 callsite=f+0x1 callback=` + generic + `
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask= callsite=f+0x1 callback=` + generic,
			[]string{"1 from 0: ", "2 from 0: "}},
		{"text without flags joins by task", `
			at 1.000001 cpu 0 task a-7 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			at 1.000002 cpu 0 task a-7 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"2 from 0: 2:g/csd/1"}},
		{"6.4: the logical call lends its callback to the IPI", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x1 callback=do_sync_core
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x9 callback=` + generic,
			[]string{"2 from 0: 2:do_sync_core/callback/1 3:do_sync_core/callback/1"}},
		{"6.4: a logical call without an IPI is a request", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=g
			at 1.000002 cpu 0 task b-8 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=h
			at 1.000003 cpu 0 task b-8 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic,
			[]string{"3 from 0: 3:h/callback/1", "no ipi 0->2 g"}},
		{"a send that names a function counts where no call was seen with its carrier", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=on_each_cpu_cond_mask+0x1 callback=do_flush_tlb_all
			at 1.000002 cpu 0 task a-7 flags d..1 kernel_stack x
			at 1.000003 cpu 1 task b-8 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic + `
			at 1.000004 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0`,
			[]string{"1 from 0: 2:do_flush_tlb_all/callback/0 3:do_flush_tlb_all/callback/0 stack x", "3 from 1: 3:unknown/none/0", "4 from 0: 2:reschedule/callback/0"}},
		{"6.4 shows late: calls that came before are requests with their stacks", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=g
			at 1.000002 cpu 0 task a-7 flags d..1 kernel_stack x
			at 1.000003 cpu 1 task b-8 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0
			at 1.000004 cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=h
			at 1.000005 cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic + `
			at 1.000006 cpu 1 task c-9 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=k
			at 1.000007 cpu 1 task c-9 flags d..1 kernel_stack y`,
			[]string{"3 from 1: 3:reschedule/callback/0", "5 from 1: 3:h/callback/1", "no ipi 0->2 g stack x", "no ipi 1->2 k stack y"}},
		{"csd_queue_cpu tells that calls before it are sends", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=g
			at 1.000002 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x1 func=h csd=1
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic,
			[]string{"1 from 0: 2:g/callback/0", "3 from 0: 3:h/csd/1"}},
		{"a gap between a call and its carrier", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=g
			lost cpu 0 at 1.000002 n 1
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic,
			[]string{"1 from 0: 2:g/callback/0", "3 from 0: 2:unknown/none/0"}},
		{"a callback that is a beginning of the carrier's name is a cut line", `
			at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=generic_smp_cal`,
			[]string{"2 from 0: 2:g/csd/1"}},
		{"text without CPUs keeps its sends and stacks", `
			at 1.000001 cpu -1 task a-7 ipi_send_cpumask cpumask=1-3 callsite=f+0x1 callback=do_sync_core
			at 1.000001 cpu -1 task a-7 kernel_stack x
			at 1.000002 cpu -1 task b-8 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.000002 cpu -1 task b-8 kernel_stack y`,
			[]string{"1 from -1: 2:do_sync_core/callback/0 3:do_sync_core/callback/0 stack x", "2 from -1: 2:reschedule/callback/0 stack y"}},
		{"text without CPUs: an irq_work may be for the CPU itself, and is no call of the IPI behind it", `
			at 1.000001 cpu -1 task a-7 ipi_send_cpu cpu=2 callsite=irq_work_queue+0x2d callback=nohz_full_kick_func
			at 1.000002 cpu -1 task a-7 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.000003 cpu -1 task b-8 ipi_send_cpu cpu=3 callback=g
			at 1.000004 cpu -1 task b-8 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic,
			[]string{"1 from -1: 2:nohz_full_kick_func/callback/0", "2 from -1: 2:unknown/none/0", "3 from -1: 3:g/callback/0", "4 from -1: 3:unknown/none/0"}},
		{"6.4: text without CPUs", `
			at 1.000001 cpu -1 task a-7 ipi_send_cpumask cpumask=1-3 callsite=f+0x1 callback=do_sync_core
			at 1.000002 cpu -1 task a-7 ipi_send_cpumask cpumask=2-3 callsite=f+0x9 callback=` + generic + `
			at 1.000003 cpu -1 task b-8 ipi_send_cpu cpu=3 callsite=__smp_call_single_queue+0x1 callback=g
			at 1.000004 cpu -1 task b-8 ipi_send_cpu cpu=3 callsite=__smp_call_single_queue+0x9 callback=` + generic,
			[]string{"2 from -1: 2:do_sync_core/callback/1 3:do_sync_core/callback/1", "4 from -1: 3:g/callback/1"}},
		{"an IPI of another function is not that of the call before it", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=wakeup_preempt+0x64 callback=netfs_subrequest_slab
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=ttwu_queue_wakelist+0x162 callback=` + generic,
			[]string{"1 from 0: 2:netfs_subrequest_slab/callback/0", "2 from 0: 2:unknown/none/0"}},
		{"an IPI that goes elsewhere is not that of the call before it", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=g
			at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=` + generic,
			[]string{"1 from 0: 2:g/callback/0", "2 from 0: 3:unknown/none/0"}},
		{"6.4: an irq_work's self-IPI is no logical call", `
			at 1.000001 cpu 2 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=nohz_full_kick_func`,
			[]string{"1 from 2: 2:nohz_full_kick_func/callback/0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, collect(t, "2-3", tt.script)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestStacks(t *testing.T) {
	send := func(at, flags, cpu string) string {
		return "at " + at + " cpu 0 task a-7 flags " + flags + " ipi_send_cpu cpu=" + cpu + " callsite=f+0x1 callback=0x0\n"
	}
	stack := func(at, flags, frame string) string {
		return "at " + at + " cpu 0 task a-7 flags " + flags + " kernel_stack " + frame + "\n"
	}
	tests := []struct {
		name, script string
		want         []string
	}{
		{"right behind", send("1.000001", "d..1", "2") + stack("1.000002", "d..1", "x"),
			[]string{"1 from 0: 2:reschedule/callback/0 stack x"}},
		{"an interrupt's event and stack in between",
			send("1.000001", "d..1", "2") + send("1.000002", "d.h1", "3") + stack("1.000003", "d.h1", "inner") + stack("1.000004", "d..1", "outer"),
			[]string{"1 from 0: 2:reschedule/callback/0 stack outer", "2 from 0: 3:reschedule/callback/0 stack inner"}},
		{"another event of the same context has the stack",
			send("1.000001", "d..1", "2") + "at 1.000002 cpu 0 task a-7 flags d..1 sched_wakeup pid=3\n" + stack("1.000003", "d..1", "x"),
			[]string{"1 from 0: 2:reschedule/callback/0"}},
		{"the recorder wakes its reader in between, at the same level but deeper",
			send("1.000001", "d.s2", "2") + send("1.000002", "d.s5", "3") + stack("1.000003", "d.s5", "inner") + stack("1.000004", "d.s2", "outer"),
			[]string{"1 from 0: 2:reschedule/callback/0 stack outer", "2 from 0: 3:reschedule/callback/0 stack inner"}},
		{"the CPU has returned to a task in between",
			send("1.000001", "d.h1", "2") + "at 1.000002 cpu 0 task a-7 flags d..2 sched_wakeup pid=3\n" + stack("1.000003", "d.h1", "x"),
			[]string{"1 from 0: 2:reschedule/callback/0"}},
		{"another task has run in between",
			send("1.000001", "d..1", "2") + "at 1.000002 cpu 0 task b-8 flags d..2 sched_wakeup pid=3\n" + stack("1.000003", "d..1", "x"),
			[]string{"1 from 0: 2:reschedule/callback/0"}},
		{"a loss in between",
			send("1.000001", "d..1", "2") + "lost cpu 0 at 1.000002 n 1\n" + stack("1.000003", "d..1", "x"),
			[]string{"1 from 0: 2:reschedule/callback/0"}},
		{"a user stack is not the kernel's",
			send("1.000001", "d..1", "2") + "at 1.000002 cpu 0 task a-7 flags d..1 user_stack u\n" + stack("1.000003", "d..1", "k"),
			[]string{"1 from 0: 2:reschedule/callback/0 stack k"}},
		{"another CPU's stack",
			send("1.000001", "d..1", "2") + "at 1.000002 cpu 1 task a-7 flags d..1 kernel_stack x\n",
			[]string{"1 from 0: 2:reschedule/callback/0"}},
		{"its first frame names its event",
			send("1.000001", "d..1", "2") + stack("1.000002", "d..1", "trace_event_raw_event_ipi_send_cpu x"),
			[]string{"1 from 0: 2:reschedule/callback/0 stack trace_event_raw_event_ipi_send_cpu"}},
		{"its first frame names another event, which was not recorded",
			send("1.000001", "d..1", "2") + stack("1.000002", "d..1", "trace_event_raw_event_csd_queue_cpu x"),
			[]string{"1 from 0: 2:reschedule/callback/0"}},
		{"a stack that belongs to nothing", stack("1.000001", "d..1", "x") + send("1.000002", "d..1", "2"),
			[]string{"2 from 0: 2:reschedule/callback/0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, collect(t, "2-3", tt.script)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A trace without stacks must not be held back: memory stays bounded.
func TestSendsAreDeliveredWithoutStacks(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		// each on a CPU of its own, so that none ends the wait for another
		fmt.Fprintf(&b, "at 1.%06[1]d cpu %[1]d task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n", i)
	}
	if got := collect(t, "2-3", b.String()); len(got) != 1000 || got[999] != "999 from 999: 2:reschedule/callback/0" {
		t.Errorf("got %d sends, the last %q", len(got), got[len(got)-1])
	}
}

func TestSendsDoNotAllocate(t *testing.T) {
	src := tracetest.Parse(`
		at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=1
		at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=` + generic + `
		at 1.000003 cpu 0 task a-7 flags d..1 kernel_stack x`)
	var events []*trace.Event
	for src.Scan() {
		events = append(events, src.Record().(*trace.Event))
	}
	s := track.NewSends(src.Table(), track.Config{Send: func(*track.Send) {}})
	feed := func() {
		for _, e := range events {
			s.Event(e)
		}
	}
	// The test's own decoder allocates for each field it reads; what is
	// measured is that nothing is added to that.
	base := testing.AllocsPerRun(100, func() { readFields(events) })
	for range 300 { // until the queue of sends that wait for a handler has its size
		feed()
	}
	if got := testing.AllocsPerRun(100, feed); got > base {
		t.Errorf("%v allocations, the decoder alone makes %v", got, base)
	}
}

func readFields(events []*trace.Event) {
	q, w, k := events[0], events[1], events[2]
	var m cpumask.Mask
	q.Uint(q.Schema().Ref("cpu"))
	q.Symbol(q.Schema().Ref("func"))
	q.Symbol(q.Schema().Ref("callsite"))
	q.Uint(q.Schema().Ref("csd"))
	w.Mask(w.Schema().Ref("cpumask"), &m)
	w.Symbol(w.Schema().Ref("callback"))
	w.Symbol(w.Schema().Ref("callsite"))
	k.Stack()
}

// TestSendsDoNotHang: what is held back for what may still come goes when a live
// source says that it does not, and not before.
func TestSendsDoNotHang(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         []string
	}{
		{"no stack comes", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			until at 1.9
			until at 2.1`,
			[]string{"1 wait", "1 from 0: 2:reschedule/callback/0", "0 wait"}},
		{"a stack comes late, but in time", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			until at 1.9
			at 1.9 cpu 0 task a-7 flags d..1 kernel_stack f h
			until at 2.1`,
			[]string{"1 wait", "1 from 0: 2:reschedule/callback/0 stack f", "0 wait"}},
		{"sends in an interrupt of another one go in order", `
			at 1.000001 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0
			at 1.500002 cpu 0 task a-7 flags d.h2 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0
			until at 2.1
			until at 2.6`,
			[]string{"1 from 0: 2:reschedule/callback/0", "500002 from 0: 3:reschedule/callback/0", "0 wait", "0 wait"}},
		{"what runs on the target is waited for no longer than in a file", `
			at 1.000001 cpu 2 task b-8 flags d.h1 call_function_single_entry vector=251
			at 1.000002 cpu 2 task b-8 flags d.h1 call_function_single_exit vector=251
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.000004 cpu 0 task a-7 flags d..1 kernel_stack f h
			at 1.000005 cpu 2 task b-8 flags d.h1 call_function_single_entry vector=251
			until at 1.005
			until at 1.02
			at 1.03 cpu 2 task b-8 flags d.h1 csd_function_entry func=late csd=7`,
			[]string{"1 wait", "3 from 0: 2:unknown/none/0 stack f", "0 wait"}},
		{"the same without word of a live source", `
			at 1.000001 cpu 2 task b-8 flags d.h1 call_function_single_entry vector=251
			at 1.000002 cpu 2 task b-8 flags d.h1 call_function_single_exit vector=251
			at 1.000003 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=` + generic + `
			at 1.000004 cpu 0 task a-7 flags d..1 kernel_stack f h
			at 1.000005 cpu 2 task b-8 flags d.h1 call_function_single_entry vector=251
			at 1.03 cpu 2 task b-8 flags d.h1 csd_function_entry func=late csd=7`,
			[]string{"3 from 0: 2:unknown/none/0 stack f"}},
	} {
		if diff := cmp.Diff(tt.want, collect(t, "2-3", tt.script)); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
	}
}

// TestNoInterruptsToWaitFor: functions that run on the target tell nothing without
// the interrupt around them: but for the first few, sends do not wait for them.
func TestNoInterruptsToWaitFor(t *testing.T) {
	var b strings.Builder
	b.WriteString("at 1.0 cpu 2 task x-1 csd_function_entry func=g csd=1\n")
	const n = 1000
	for i := range n {
		fmt.Fprintf(&b, "at 1.%09d cpu 0 task a-7 ipi_send_cpu cpu=2 callsite=f+0x1 callback=%s\n", 1000+i, generic)
	}
	src := tracetest.Parse(b.String())
	handed := 0
	s := track.NewSends(src.Table(), track.Config{Send: func(*track.Send) { handed++ }})
	for src.Scan() {
		s.Event(src.Record().(*trace.Event))
	}
	if handed < n-10 {
		t.Errorf("%d of %d sends were handed out while the trace was read", handed, n)
	}
}
