package inventory_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/inventory"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func run(t *testing.T, script string, meta func(*trace.Meta)) *result.Set {
	t.Helper()
	src := tracetest.Parse(script)
	m := &src.Table().Meta
	if meta != nil {
		meta(m)
	}
	state := inventory.New(src.Table())
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, state)
	if err != nil {
		t.Fatal(err)
	}
	return state.Result(st.Input(m, nil))
}

func rows(set *result.Set, table string) []string {
	var lines []string
	for _, row := range set.Table(table).Rows {
		var cells []string
		for _, v := range row {
			cells = append(cells, v.Text())
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	return lines
}

func TestTables(t *testing.T) {
	set := run(t, `
		at 1.5 cpu 0 ipi:ipi_send_cpu cpu=2
		at 2.0 cpu 2 ipi:ipi_send_cpu cpu=1
		at 2.5 cpu 2 instance isol ipi:ipi_send_cpu cpu=1
		at 3.0 cpu 1 sched:sched_switch prev_pid=1
		at 3.1 cpu 0 unheard_of x=1
		lost cpu 0 at 3.2 n 7
		lost cpu 0 at 3.3 n 2
		lost cpu 1 at 3.4
		at 4.000000001 cpu 0 sched:sched_switch prev_pid=1`,
		func(m *trace.Meta) {
			m.CPUs, m.Kernel, m.Compression, m.Instances = 5, "6.12", "zstd", []string{"other"}
			m.CPUStats = []trace.CPUStat{{CPU: 1, Overrun: 3, CommitOverrun: 4, DroppedEvents: 5}, {CPU: 1, Instance: "isol", Overrun: 1}, {CPU: 2}}
			m.Notes = []string{"a section was skipped"}
			m.Options = []trace.Option{{Name: "BUFFER"}, {Name: "UNAME"}, {Name: "BUFFER"}}
		})
	if d := cmp.Diff([]string{
		"ipi:ipi_send_cpu | 3 | 0,2 | 0:1 2:2",
		"sched:sched_switch | 2 | 0-1 | 0:1 1:1",
		"unheard_of | 1 | 0 | 0:1",
	}, rows(set, "events")); d != "" {
		t.Errorf("events (-want +got):\n%s", d)
	}
	// CPU, events, lost, gaps of unknown size, lost by the kernel's counters; 9 of
	// those (commit overrun and dropped) no page can tell of
	if d := cmp.Diff([]string{"0 | 3 | 9 | 0 | 0", "1 | 1 | 0 | 1 | 13", "2 | 2 | 0 | 0 | 0", "3 | 0 | 0 | 0 | 0", "4 | 0 | 0 | 0 | 0"}, rows(set, "cpus")); d != "" {
		t.Errorf("cpus (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{
		"file | test", "format | test", "compression | zstd", "kernel | 6.12", "clock | mono", "clock unit | ns", "CPUs | 5",
		"instances | isol, other", "first event | 1.500000000 s", "last event | 4.000000001 s", "length | 2.50 s",
		"events | 6", "lost events | at least 18", "options | BUFFER UNAME",
		"kernel lost | CPU 1: overrun 3, commit overrun 4, dropped 5", "kernel lost | CPU 1 of isol: overrun 1, commit overrun 0, dropped 0",
	}, rows(set, "properties")); d != "" {
		t.Errorf("properties (-want +got):\n%s", d)
	}
	if set.Total("events") != 6 || set.Total("lost") != 18 || set.Total("duration_ns") != 2500000001 {
		t.Errorf("totals %v", set.Totals)
	}
	if set.WarnNotes(); !slices.Contains(set.Warnings, result.Warning{Code: "note", Text: "test: a section was skipped"}) {
		t.Errorf("warnings %v", set.Warnings)
	}
}

func TestProperties(t *testing.T) {
	value := func(set *result.Set, name string) string {
		for _, row := range set.Table("properties").Rows {
			if row[0].Str == name {
				return row[1].Str
			}
		}
		return ""
	}
	set := run(t, "at 0.000000123 cpu 0 e\nat 0.000000456 cpu 0 e", func(m *trace.Meta) {
		m.Clock, m.ClockUnit, m.LongSize, m.BigEndian, m.DroppedColumns = "x86-tsc", "ticks", 8, true, []string{"flags"}
	})
	for name, want := range map[string]string{
		"first event": "123", "last event": "456", "length": "333 ticks", "byte order": "big-endian", "long size": "8", "page size": "",
		"lost events": "0", "events": "2", "missing columns": "flags",
	} {
		if got := value(set, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := value(run(t, "lost cpu 0 at 1.0", nil), "lost events"); got != "some, number unknown" {
		t.Errorf("lost events: %q", got)
	}
	empty := run(t, "", nil)
	if got := value(empty, "events"); got != "0" || len(rows(empty, "events")) != 0 {
		t.Errorf("%s events of nothing", got)
	}
}

// TestAbilities: what the recorded events can answer.
func TestAbilities(t *testing.T) {
	const send, stack, csd = "at 1.0 cpu 0 ipi_send_cpu cpu=2\n", "at 1.0 cpu 0 kernel_stack f\n", "at 1.0 cpu 0 csd_queue_cpu cpu=2\n"
	local := func(m *trace.Meta) { m.Clock = "local" }
	for _, tt := range []struct {
		name, script string
		meta         func(*trace.Meta)
		want         []string // IPIs, functions, root causes, latency, user or kernel
	}{
		{"everything", send + stack + csd + "at 1.0 cpu 2 call_function_single_entry vector=251\nat 1.0 cpu 2 user_exit x=1", nil, []string{"yes", "exactly", "yes", "yes", "yes"}},
		{"nothing", "", nil, []string{"no", "no", "no", "no", "no"}},
		{"stacks only", send + stack, nil, []string{"yes", "mostly", "yes", "no", "no"}},
		{"sends only", "at 1.0 cpu 0 ipi_send_cpumask cpumask=2\n", nil, []string{"yes", "partly", "no", "no", "no"}},
		{"arm64 before 6.5", "at 1.0 cpu 0 ipi_raise target_cpus=2 reason=x\nat 1.0 cpu 2 ipi_entry reason=x", nil, []string{"by kind", "no", "no", "yes", "no"}},
		{"a clock that differs between CPUs", send + csd + "at 1.0 cpu 2 csd_function_entry func=f\nat 1.0 cpu 2 sched_switch prev_pid=1", local, []string{"yes", "exactly", "no", "handler only", "idle only"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, row := range run(t, tt.script, tt.meta).Table("analyses").Rows {
				got = append(got, row[1].Str)
				if row[2].Str == "" {
					t.Errorf("%s: no reason", row[0].Str)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
