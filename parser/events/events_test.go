package events

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestFieldsAgreeWithKernel holds the rows against the format files of a real
// kernel: names, order, sizes and signedness.
func TestFieldsAgreeWithKernel(t *testing.T) {
	text, err := os.ReadFile("testdata/formats-6.12.txt")
	if err != nil {
		t.Fatal(err)
	}
	field := regexp.MustCompile(`field:(.*?)(\w+)(\[\w*\])?;\s+offset:\d+;\s+size:(\d+);\s+signed:(\d);`)
	type decl struct{ Name, Size, Signed string }
	checked := map[string]bool{}
	for block := range strings.SplitSeq(string(text), "event: ") {
		name, fields, _ := strings.Cut(block, "\n")
		if name == "" {
			continue
		}
		s, ok := New(name)
		if !ok {
			t.Errorf("the catalogue lacks %s", name)
			continue
		}
		checked[s.Name] = true
		var want, got []decl
		for _, m := range field.FindAllStringSubmatch(fields, -1) {
			want = append(want, decl{m[2], m[4], m[5]})
		}
		for _, f := range s.Fields {
			signed := "0"
			if f.Signed {
				signed = "1"
			}
			got = append(got, decl{f.Name, itoa(f.Size), signed})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-kernel +catalogue):\n%s", name, diff)
		}
	}
	// What that kernel's folder did not hold: read in the headers.
	headers := map[string]bool{
		"thread_noise": true, "softirq_noise": true, "irq_noise": true, "nmi_noise": true, "sample_threshold": true,
		"sys_enter": true, "sys_exit": true, "sys_enter_membarrier": true, "sys_exit_membarrier": true,
		"page_fault_user": true, "page_fault_kernel": true,
		"osnoise_sample": true, "timerlat_sample": true, // in the format files of a 7.2 kernel
	}
	for e := range All() {
		if !checked[e.Name] && !headers[e.Name] {
			t.Errorf("%s:%s was not compared with a kernel: its fields go into testdata/formats-6.12.txt, or its name into the list of those that were read in headers (docs/adding.md)", e.System, e.Name)
		}
	}
}

func itoa(n uint32) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for e := range All() {
		if old, ok := seen[e.Name]; ok {
			t.Errorf("%s is in %s and %s", e.Name, old, e.System)
		}
		seen[e.Name] = e.System
		if e.File == "" {
			t.Errorf("%s names no kernel file", e.Name)
		}
	}
}

// TestRowsAreSound finds forms and enums that name no field, and fields of an
// unknown type.
func TestRowsAreSound(t *testing.T) {
	capture := regexp.MustCompile(`\{(\w+)(?::[xs])?\}`)
	for _, e := range rows().entries {
		s, _ := New(e.name)
		for _, f := range s.Fields {
			if f.Size == 0 && !strings.HasSuffix(f.Type, "[]") || f.Name == "" || f.Kind == trace.KindUnknown {
				t.Errorf("%s: field %+v", e.name, f)
			}
		}
		for _, text := range e.row.forms {
			for _, m := range capture.FindAllStringSubmatch(text, -1) {
				if s.Ref(m[1]) == trace.NoField {
					t.Errorf("%s: form %q: no field %s", e.name, text, m[1])
				}
			}
		}
		for _, en := range e.row.enums {
			if s.Ref(en.field) == trace.NoField {
				t.Errorf("%s: enum of no field %s", e.name, en.field)
			}
		}
	}
}

func TestNew(t *testing.T) {
	a, ok := New("ipi_send_cpumask")
	b, ok2 := New("ipi:ipi_send_cpumask")
	if !ok || !ok2 || a == b {
		t.Fatalf("New: %v %v, fresh %v", ok, ok2, a != b)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Error(diff)
	}
	f := a.Fields[a.Ref("cpumask")]
	if f.Type != "__data_loc cpumask_t" || f.Kind != trace.KindMask || f.Loc != trace.DataLoc {
		t.Errorf("cpumask: %+v", f)
	}
	for _, name := range []string{"", "sched:ipi_send_cpu", "no_such_event", ":ipi_send_cpu"} {
		if _, ok := New(name); ok || IsKnown(name) {
			t.Errorf("New(%q) knows it", name)
		}
	}
}

// decode reads every field of a payload: "0x.." or a number by Uint, else the
// symbol, mask or text.
func decode(t *testing.T, name, payload string) map[string]string {
	t.Helper()
	table := trace.NewTable()
	d := NewDecoder(table)
	s, l := d.Add(name)
	l.Learn([]byte(payload))
	var e trace.Event
	p := []byte(payload)
	d.Next(p)
	e.Reset(table, testDecoder{d}, s, p)
	got := map[string]string{}
	for i := range s.Fields {
		f, ref := &s.Fields[i], trace.FieldRef(i)
		text, ok := e.Bytes(ref)
		if !ok {
			continue
		}
		v, isNum := e.Uint(ref)
		var m cpumask.Mask
		switch {
		case f.Kind == trace.KindMask:
			if e.Mask(ref, &m) {
				got[f.Name] = "mask " + m.String()
			}
		case f.Kind == trace.KindInt && isNum:
			got[f.Name] = dec(int64(v))
		case f.Kind == trace.KindInt:
			if id, ok := e.Symbol(ref); ok {
				got[f.Name] = table.SymbolOf(id).String()
			} else {
				got[f.Name] = "? " + string(text)
			}
		default:
			got[f.Name] = string(text)
		}
	}
	return got
}

func dec(v int64) string {
	if v < 0 {
		return "-" + itoa(uint32(-v))
	}
	if v > 1<<31 {
		return "big"
	}
	return itoa(uint32(v))
}

type testDecoder struct{ *Decoder }

func (testDecoder) Stack(*trace.Event) (trace.StackID, bool) { return 0, false }

// TestPayloads holds the values against lines that kernels (6.12, 7.2) and
// trace-cmd (3.3, 3.4) printed, and a few that they would print for odd names.
func TestPayloads(t *testing.T) {
	type want = map[string]string
	tests := []struct {
		event, payload string
		want           want
	}{
		{"ipi_send_cpu", "cpu=2 callsite=irq_work_queue_on+0x56 callback=generic_smp_call_function_single_interrupt+0x0",
			want{"cpu": "2", "callsite": "irq_work_queue_on+0x56", "callback": "generic_smp_call_function_single_interrupt+0x0"}},
		{"ipi_send_cpu", "cpu=3 callsite=wakeup_preempt+0x37/0x70 callback=0x0",
			want{"cpu": "3", "callsite": "wakeup_preempt+0x37", "callback": "0"}},
		{"ipi_send_cpu", "cpu=1 callsite=p9_client_cb+0x28/0x40 [9pnet] callback=f+0x0/0x10 [m]",
			want{"cpu": "1", "callsite": "p9_client_cb+0x28", "callback": "f+0x0"}},
		{"ipi_send_cpu", "cpu=2 callsite=dl_task_timer+0x1df (0xf) callback= (0x0)", // report -R
			want{"cpu": "2", "callsite": "15", "callback": "0"}},
		{"ipi_send_cpu", "cpu=0x3 (3) callsite=0x10 (16) callback=0x20 (32)", // option fields
			want{"cpu": "3", "callsite": "16", "callback": "32"}},
		{"ipi_send_cpumask", "cpumask=0,2-3 callsite=f+0x24 callback=g+0x0",
			want{"cpumask": "mask 0,2-3", "callsite": "f+0x24", "callback": "g+0x0"}},
		{"ipi_send_cpumask", "cpumask=00000000,0000000e callsite=f+0x24/0x40 callback=g+0x0/0x20",
			want{"cpumask": "mask 1-3", "callsite": "f+0x24", "callback": "g+0x0"}},
		{"ipi_send_cpumask", "cpumask= callsite=f+0x24 callback=g+0x0",
			want{"cpumask": "mask ", "callsite": "f+0x24", "callback": "g+0x0"}},
		{"ipi_send_cpumask", "cpumask=8 callsite=f callback=g",
			want{"cpumask": "mask 8", "callsite": "f", "callback": "g"}},
		{"ipi_send_cpumask", "cpumask=524320 callsite=f callback=g", // report -R
			want{"callsite": "f", "callback": "g"}},
		{"ipi_send_cpumask", "cpumask=<INVALID-TYPE> callsite=0x10 (16) callback=0x20 (32)",
			want{"callsite": "16", "callback": "32"}},
		{"ipi_send_cpumask", "[FAILED TO PARSE] cpumask=ARRAY[02, 81, 00, 00, 00, 00, 00, 00] callsite=0x10 callback=0x20",
			want{"cpumask": "mask 1,8,15", "callsite": "16", "callback": "32"}},
		{"ipi_send_cpumask", "cpumask=ARRAY[02, 81 callsite=0x10 callback=0x20", want{"callsite": "16", "callback": "32"}},
		{"csd_queue_cpu", "cpu=1 callsite=ttwu_queue_wakelist+0xdd func=sched_ttwu_pending csd=0xf",
			want{"cpu": "1", "callsite": "ttwu_queue_wakelist+0xdd", "func": "sched_ttwu_pending", "csd": "15"}},
		{"csd_function_entry", "func=do_sync_core, csd=00000000b31c8966",
			want{"func": "do_sync_core", "csd": "big"}},
		{"csd_function_exit", "func=do_sync_core, csd=(nil)", want{"func": "do_sync_core", "csd": "0"}},
		{"ipi_raise", "target_mask=00000000,00000002 (Rescheduling interrupts)",
			want{"target_cpus": "00000000,00000002", "reason": "Rescheduling interrupts"}},
		{"ipi_entry", "(CPU stop (for crash dump) interrupts)", want{"reason": "CPU stop (for crash dump) interrupts"}},
		{"local_timer_entry", "vector=236", want{"vector": "236"}},
		// of a recording of 6.12 in which CPU 3 was taken down (trace-cmd 3.4)
		{"cpuhp_enter", "cpu: 0003 target: 145 step: 236 (cpuhp_kick_ap_work)", want{"cpu": "3", "target": "145", "idx": "236", "fun": "cpuhp_kick_ap_work"}},
		{"cpuhp_multi_enter", "cpu: 0010 target:   0 step:  36 (blk_mq_hctx_notify_dead)", want{"cpu": "10", "target": "0", "idx": "36", "fun": "blk_mq_hctx_notify_dead"}},
		{"cpuhp_exit", "cpu: 0003  state: 234 step: 235 ret: 0", want{"cpu": "3", "state": "234", "idx": "235", "ret": "0"}},
		{"softirq_raise", "vec=9 [action=RCU]", want{"vec": "9"}},
		{"softirq_raise", "vec=9", want{"vec": "9"}},
		{"irq_handler_entry", "irq=30 name=virtio0-requests", want{"irq": "30", "name": "virtio0-requests"}},
		{"irq_handler_exit", "irq=30 ret=handled", want{"irq": "30", "ret": "1"}},
		{"irq_handler_exit", "irq=30 ret=1", want{"irq": "30", "ret": "1"}},
		{"tick_stop", "success=0 dependency=SCHED", want{"success": "0", "dependency": "4"}},
		{"tick_stop", "success=1 dependency=NONE", want{"success": "1", "dependency": "0"}},
		{"tlb_flush", "pages:-1 reason:flush on task switch (0)", want{"pages": "-1", "reason": "0"}},
		{"tlb_flush", "pages=-1 reason=remote ipi send (4)", want{"pages": "-1", "reason": "4"}},
		{"tlb_flush", "reason=3 pages=1", want{"pages": "1", "reason": "3"}},
		{"sched_switch", "prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=rcu_preempt next_pid=18 next_prio=120",
			want{"prev_comm": "swapper/0", "prev_pid": "0", "prev_prio": "120", "prev_state": "0", "next_comm": "rcu_preempt", "next_pid": "18", "next_prio": "120"}},
		{"sched_switch", "prev_comm=swapper/0 prev_pid=0 prev_prio=120 prev_state=256 next_comm=a b next_pid=18 next_prio=-1",
			want{"prev_comm": "swapper/0", "prev_pid": "0", "prev_prio": "120", "prev_state": "256", "next_comm": "a b", "next_pid": "18", "next_prio": "-1"}},
		{"sched_switch", "kworker/u16:1:49 [120] D|S+ ==> a:1 [0] b:7 [98]",
			want{"prev_comm": "kworker/u16:1", "prev_pid": "49", "prev_prio": "120", "prev_state": "259", "next_comm": "a:1 [0] b", "next_pid": "7", "next_prio": "98"}},
		{"sched_switch", "swapper/0:0 [120] R ==> rcu_preempt:18 [120]",
			want{"prev_comm": "swapper/0", "prev_pid": "0", "prev_prio": "120", "prev_state": "0", "next_comm": "rcu_preempt", "next_pid": "18", "next_prio": "120"}},
		{"sched_wakeup", "mix:713 [120] CPU:001", want{"comm": "mix", "pid": "713", "prio": "120", "target_cpu": "1"}},
		{"sched_waking", "comm=Chrome IOThread pid=709 prio=120 target_cpu=010",
			want{"comm": "Chrome IOThread", "pid": "709", "prio": "120", "target_cpu": "10"}},
		{"sched_waking", "comm=x success=1 y pid=709 prio=120 success=1 target_cpu=010",
			want{"comm": "x success=1 y", "pid": "709", "prio": "120", "target_cpu": "10"}},
		{"sched_stat_runtime", "comm=trace-cmd pid=708 runtime=1005540 [ns]",
			want{"comm": "trace-cmd", "pid": "708", "runtime": "1005540"}},
		{"sched_migrate_task", "comm=a pid=1 b pid=709 prio=120 orig_cpu=0 dest_cpu=1",
			want{"comm": "a pid=1 b", "pid": "709", "prio": "120", "orig_cpu": "0", "dest_cpu": "1"}},
		{"sched_process_fork", "comm=mix pid=712 child_comm=mix child_pid=713",
			want{"parent_comm": "mix", "parent_pid": "712", "child_comm": "mix", "child_pid": "713"}},
		{"workqueue_queue_work", "work struct=0xf function=flush_memcg_stats_dwork workqueue=events_unbound req_cpu=8192 cpu=4294967295",
			want{"work": "15", "function": "flush_memcg_stats_dwork", "workqueue": "events_unbound", "req_cpu": "8192", "cpu": "big"}},
		{"workqueue_execute_start", "work struct 0xf: function vmstat_update", want{"work": "15", "function": "vmstat_update"}},
		{"hrtimer_start", "hrtimer=0xf function=dl_task_timer/0x0 expires=1 softexpires=2",
			want{"hrtimer": "15", "function": "dl_task_timer", "expires": "1", "softexpires": "2"}},
		{"hrtimer_expire_entry", "hrtimer=0xf now=160 function=tick_nohz_handler/0x0",
			want{"hrtimer": "15", "function": "tick_nohz_handler", "now": "160"}},
		{"timer_start", "timer=0xf function=process_timeout expires=42 [timeout=1] bucket_expiry=43 cpu=1 idx=125 flags=",
			want{"timer": "15", "function": "process_timeout", "expires": "42", "bucket_expiry": "43", "flags": "? "}},
		{"print", "tracing_mark_write: lab marker: start", want{"ip": "tracing_mark_write", "buf": "lab marker: start"}},
		{"print", "tracing_mark_write <ffffffff81c2536a>: text", want{"ip": "tracing_mark_write", "buf": "text"}},
		{"function", "smp_call_function_many_cond <-on_each_cpu_cond_mask",
			want{"ip": "smp_call_function_many_cond", "parent_ip": "on_each_cpu_cond_mask"}},
		{"function", "flush_tlb_batched_pending", want{"ip": "flush_tlb_batched_pending"}},
		{"funcgraph_entry", "|  smp_call_function_many_cond() {", want{"func": "smp_call_function_many_cond"}},
		{"funcgraph_entry", "8.472 us   |  mutex_unlock();", want{"func": "mutex_unlock"}},
		{"raw_data", "# 1234 72 61 77 31", want{"id": "4660", "buf": "72 61 77 31"}},
		{"sys_exit", "NR 1 = -11", want{"id": "1", "ret": "-11"}},
		{"sys_enter", "NR 59 (7ffdbed8deb0, 7, 0, 0)", want{"id": "59", "args": "7ffdbed8deb0, 7, 0, 0"}},
		{"sys_enter_membarrier", "cmd: 0x00000010, flags: 0x00000000, cpu_id: 0x00000000", want{"cmd": "16", "flags": "0", "cpu_id": "0"}},
		{"sys_enter_membarrier", "cmd: 10, flags: 0, cpu_id: 0", want{"cmd": "16", "flags": "0", "cpu_id": "0"}},
		{"irq_noise", "local_timer:236 start 1.500000929 duration 1845 ns",
			want{"desc": "local_timer", "vector": "236", "start": "1500000929", "duration": "1845"}},
		{"sample_threshold", "start 0.000000042 duration 7 ns interferences 2", want{"start": "42", "duration": "7", "interference": "2"}},
		{"user_enter", "", want{}},
		// Unknown events: what was printed.
		{"my_event", "a=1 name=two words b=0x1f (x) c=foo, d=", want{"a": "1", "name": "two words", "b": "0x1f (x)", "c": "foo", "d": ""}},
		{"my_event", "x==1 1a=2 a.b=3 (c=4)", want{"c": "4)"}},
	}
	for _, tt := range tests {
		got := decode(t, tt.event, tt.payload)
		if len(tt.want) == 0 && len(got) == 0 {
			continue
		}
		if tt.event == "my_event" {
			got["a"] = strings.TrimSuffix(got["a"], "?")
			if _, ok := tt.want["a"]; !ok {
				delete(got, "a")
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tt.event, tt.payload, diff)
		}
	}
}

// TestMaskNotes checks that a mask which cannot be decided is said, once.
func TestMaskNotes(t *testing.T) {
	tests := []struct{ event, field, payload, mask, note string }{
		{"ipi_raise", "target_cpus", "target_mask=16 (x)", "16", "read as the number of one CPU"},
		{"ipi_raise", "target_cpus", "target_mask=0x10 (x)", "4", "read as hex"},
		{"ipi_raise", "target_cpus", "target_mask=00000000,00000012 (x)", "1,4", ""},
		{"ipi_raise", "target_cpus", "target_mask=0,2-5 (x)", "0,2-5", ""},
		{"ipi_raise", "target_cpus", "target_mask= (x)", "", ""},
		{"ipi_send_cpumask", "cpumask", "cpumask=16 callsite=f callback=g", "16", ""},
		{"ipi_send_cpumask", "cpumask", "cpumask=[FAILED callsite=f callback=g", "bad", "not a CPU set: whom it is about is lost"},
	}
	for _, tt := range tests {
		table := trace.NewTable()
		d := NewDecoder(table)
		s, _ := d.Add(tt.event)
		var e trace.Event
		var m cpumask.Mask
		e.Reset(table, testDecoder{d}, s, []byte(tt.payload))
		got := "bad"
		for range 2 {
			if e.Mask(s.Ref(tt.field), &m) {
				got = m.String()
			}
		}
		if got != tt.mask {
			t.Errorf("%s: mask %s, want %s", tt.payload, got, tt.mask)
		}
		notes := table.Meta.Notes
		if tt.note == "" && len(notes) > 0 || tt.note != "" && (len(notes) != 1 || !strings.HasSuffix(notes[0], tt.note)) {
			t.Errorf("%s: notes %q, want %q", tt.payload, notes, tt.note)
		}
	}
}

// TestLearnIsBounded feeds more keys than any event has.
func TestLearnIsBounded(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		b.WriteString(" k" + itoa(uint32(i)) + "=1")
	}
	s := &trace.Schema{Name: "my_event"}
	l := NewLayout(s)
	l.Learn([]byte(b.String()))
	if len(s.Fields) != maxFields || l.Len() != maxFields {
		t.Errorf("%d fields, layout %d, want %d", len(s.Fields), l.Len(), maxFields)
	}
}

func TestDecodeNoAllocations(t *testing.T) {
	table := trace.NewTable()
	d := NewDecoder(table)
	var e trace.Event
	var m cpumask.Mask
	events := []struct{ name, payload string }{
		{"ipi_send_cpumask", "cpumask=00000000,0000000e callsite=f+0x24/0x40 callback=g+0x0/0x20"},
		{"sched_switch", "kworker/u16:1:49 [120] D|S+ ==> b:7 [98]"},
		{"my_event", "a=1 name=two words b=0x1f (x) c=foo"},
	}
	for _, ev := range events {
		s, l := d.Add(ev.name)
		p := []byte(ev.payload)
		run := func() {
			d.Next(p)
			l.Learn(p)
			e.Reset(table, testDecoder{d}, s, p)
			for i := range s.Fields {
				e.Uint(trace.FieldRef(i))
				e.Symbol(trace.FieldRef(i))
				e.Bytes(trace.FieldRef(i))
				if s.Fields[i].Kind == trace.KindMask {
					e.Mask(trace.FieldRef(i), &m)
				}
			}
		}
		run()
		if n := testing.AllocsPerRun(100, run); n != 0 {
			t.Errorf("%s: %v allocations", ev.name, n)
		}
	}
}

func FuzzFind(f *testing.F) {
	for _, p := range []string{
		"cpu=2 callsite=a+0x56 callback=b+0x0", "kworker/u16:1:49 [120] D ==> a:1 [0]",
		"comm=a pid=1 b pid=709 prio=120", "a=1 name=two words b=0x1f", ": [ ] ==> : [ ]",
	} {
		f.Add("ipi_send_cpu", p)
		f.Add("sched_switch", p)
		f.Add("unknown", p)
	}
	f.Fuzz(func(t *testing.T, name, payload string) {
		s, ok := New(name)
		if !ok {
			s = &trace.Schema{Name: "x"}
		}
		l := NewLayout(s)
		p := []byte(payload)
		l.Learn(p)
		spans := make([]Span, l.Len())
		l.Find(p, spans)
		for i, sp := range spans {
			if sp != absent && (sp.Start < 0 || sp.End < sp.Start || sp.End > len(p)) {
				t.Fatalf("%s: %v of %d bytes", s.Fields[i].Name, sp, len(p))
			}
		}
	})
}
