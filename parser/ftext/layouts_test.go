package ftext

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// fields prints an event with its decoded fields, in short.
func fields(e *trace.Event) string {
	t, s := e.Table(), e.Schema()
	out := s.Name
	for i := range s.Fields {
		f, ref := &s.Fields[i], trace.FieldRef(i)
		var m cpumask.Mask
		if f.Kind == trace.KindMask {
			if e.Mask(ref, &m) {
				out += " " + f.Name + "=" + m.String()
			}
			continue
		}
		if v, ok := e.Uint(ref); ok && f.Kind == trace.KindInt {
			out += fmt.Sprintf(" %s=%d", f.Name, int64(v))
		} else if id, ok := e.Symbol(ref); ok {
			out += " " + f.Name + "=" + t.SymbolOf(id).String()
		}
	}
	return out
}

// TestLayouts reads the same events as the kernel and trace-cmd printed them
// with different options: what a layout holds must come out alike.
func TestLayouts(t *testing.T) {
	type row struct {
		file string
		want []string // the first events, with what they hold
	}
	send := "ipi_send_cpumask cpumask=0,2-3 callsite=on_each_cpu_cond_mask+0x24 callback=generic_smp_call_function_single_interrupt+0x0"
	tests := []row{
		{"kernel-default.txt", []string{"bash-202 [1] d=1 27.383608000 " + send}},
		{"kernel-tgid-stack.txt", []string{"bash-202 [0] d=1 7.428080000 " + strings.Replace(send, "0,2-3", "1-3", 1)}},
		{"kernel-noirq-info.txt", []string{"bash-202 [0] d=? 7.428080000 " + strings.Replace(send, "0,2-3", "1-3", 1)}},
		{"kernel-sym-offset-addr.txt", []string{"bash-202 [0] d=1 7.428080000 " + strings.Replace(send, "0,2-3", "1-3", 1)}},
		// relative times; the verbose form has the absolute one as well
		{"kernel-latency.txt", []string{"bash-202 [1] d=1 0.084450000 " + send}},
		{"kernel-latency-verbose.txt", []string{"bash-202 [1] d=1 27.383608000 " + send}},
		{"kernel-nocontext.txt", []string{"--1 [-1] d=? 0.000000000 " + strings.Replace(send, "0,2-3", "1-3", 1)}},
		{"kernel-fields.txt", []string{"bash-202 [1] d=1 27.383608000 ipi_send_cpumask callsite=-2118363292 callback=-2118362096"}},
		{"kernel-function-graph.txt", []string{"--1 [1] d=? 0.000000000 " + strings.Replace(send, "on_each_cpu_cond_mask+0x24", "return_to_handler+0x0", 1)}},
		{"kernel-raw.txt", []string{"-202 [1] d=? 27.383607864 type_287"}},
		{"kernel-hex.txt", []string{"-202 [1] d=? 27.383607864 type_287"}},
		{"report-all.txt", []string{"mix-1167 [1] d=1 217.158302000 tlb_flush reason=0 pages=-1", "mix-1167 [1] d=3 217.159461000 tlb_flush reason=3 pages=1"}},
		{"report-all-t.txt", []string{"mix-1167 [1] d=1 217.158301666 tlb_flush reason=0 pages=-1"}},
		{"report-all-l.txt", []string{"mix-1167 [1] d=1 217.158302000 tlb_flush reason=0 pages=-1"}},
		{"report-all-R.txt", []string{"mix-1167 [1] d=0 217.158302000 tlb_flush reason=0 pages=-1"}},
		{"report-boot.txt", []string{"migration/0-23 [0] d=3 426.004421875 ipi_send_cpu cpu=3 callsite=enqueue_task_fair+0x3e7 callback=0"}},
		{"report-multi-v6.txt", []string{"irq/<idle>-0 [0] d=1 138.905904000 local_timer_entry vector=236"}},
	}
	for _, tt := range tests {
		s := open(t, string(readFile(t, tt.file)), Options{})
		for _, want := range tt.want {
			if !s.Scan() {
				t.Fatalf("%s: no event for %s", tt.file, want)
			}
			e, ok := s.Record().(*trace.Event)
			if !ok {
				t.Fatalf("%s: %v", tt.file, s.Record())
			}
			depth := "?"
			if e.HasFlags {
				depth = fmt.Sprint(e.Depth())
			}
			task := e.Table().NameOf(e.Comm)
			if e.Instance != 0 {
				task = e.Table().NameOf(e.Instance) + "/" + task
			}
			got := fmt.Sprintf("%s-%d [%d] d=%s %d.%09d %s", task, e.PID, e.CPU, depth, e.Time/1e9, e.Time%1e9, fields(e))
			if got != want {
				t.Errorf("%s:\n got %s\nwant %s", tt.file, got, want)
			}
		}
	}
}

// TestReportFlagsAgree: trace-cmd report with -t, -l and -R prints one file's
// events in the same order.
func TestReportFlagsAgree(t *testing.T) {
	read := func(name string, strip func(e *trace.Event) string) (out []string) {
		s := open(t, string(readFile(t, name)), Options{})
		for s.Scan() {
			if e, ok := s.Record().(*trace.Event); ok {
				out = append(out, strip(e))
			}
		}
		return out
	}
	us := func(e *trace.Event) string {
		return fmt.Sprintf("%d %d %d %v %s", e.CPU, e.PID, (e.Time+500)/1000, e.Flags&trace.FlagsContext, fields(e))
	}
	want := read("report-all.txt", us)
	if diff := cmp.Diff(want, read("report-all-t.txt", us)); diff != "" {
		t.Errorf("-t:\n%s", diff)
	}
	if diff := cmp.Diff(want, read("report-all-l.txt", us)); diff != "" {
		t.Errorf("-l:\n%s", diff)
	}
	// -R has other fields (a mask is lost, user_exit has a dummy).
	header := func(e *trace.Event) string {
		return fmt.Sprintf("%d %d %d %v %s", e.CPU, e.PID, e.Time, e.Flags&trace.FlagsContext, e.Schema().Name)
	}
	if diff := cmp.Diff(read("report-all.txt", header), read("report-all-R.txt", header)); diff != "" {
		t.Errorf("-R:\n%s", diff)
	}
}

// TestMeta holds what a text says, and says it lacks, against its excerpt.
func TestMeta(t *testing.T) {
	type meta struct {
		Format, Kernel, Unit string
		CPUs                 int
		Instances, Dropped   []string
		Notes                int
	}
	tests := map[string]meta{
		"kernel-default.txt":    {Format: "ftrace text", CPUs: 4},
		"kernel-noirq-info.txt": {Format: "ftrace text", CPUs: 4, Dropped: []string{"flags"}, Notes: 2},
		"kernel-latency.txt":    {Format: "ftrace text", Kernel: "6.12.107+deb13-amd64", CPUs: 4, Notes: 1},
		"kernel-nocontext.txt":  {Format: "ftrace text", Dropped: []string{"task", "cpu", "time", "flags"}, Notes: 1},
		"kernel-overrun.txt":    {Format: "ftrace text", CPUs: 4, Notes: 1},
		"report-all.txt":        {Format: "trace-cmd report text", CPUs: 4},
		"report-all-R.txt":      {Format: "trace-cmd report text", CPUs: 4, Dropped: []string{"preempt"}, Notes: 1},
		"report-tsc.txt":        {Format: "trace-cmd report text", CPUs: 4, Unit: "ticks", Notes: 1},
		"report-multi-v6.txt":   {Format: "trace-cmd report text", CPUs: 4, Instances: []string{"irq", "isol"}},
	}
	for name, want := range tests {
		s := open(t, string(readFile(t, name)), Options{})
		for s.Scan() {
		}
		m := s.Table().Meta
		got := meta{m.Format, m.Kernel, m.ClockUnit, m.CPUs, m.Instances, m.DroppedColumns, len(m.Notes)}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s%q", name, diff, m.Notes)
		}
	}
	s := open(t, string(readFile(t, "report-boot.txt")), Options{Clock: "boot"})
	for s.Scan() {
	}
	if m := s.Table().Meta; m.ClockUnit != "" || len(m.Notes) != 0 || m.Clock != "boot" {
		t.Errorf("clock boot: unit %q, notes %q", m.ClockUnit, m.Notes)
	}
}

// TestOverwritten: what the kernel's head says of events that were overwritten is a
// loss, as the same counters are in a trace.dat: the oldest events that are left of
// CPUs are of different times (kernel/trace/trace.c, get_total_entries: what was
// written is what is there and what was overrun).
func TestOverwritten(t *testing.T) {
	for text, want := range map[string]uint64{
		string(readFile(t, "kernel-overrun.txt")): 42245 - 1060,
		string(readFile(t, "kernel-default.txt")): 0,
	} {
		s := open(t, text, Options{})
		for s.Scan() {
		}
		var lost uint64
		for _, st := range s.Table().Meta.CPUStats {
			lost += st.Lost()
		}
		if lost != want {
			t.Errorf("%d overwritten, want %d", lost, want)
		}
	}
}
