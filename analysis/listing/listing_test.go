package listing_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// list runs the analyzer; each row goes to f.
func list(t *testing.T, src trace.Source, f func([]result.Value) error, also ...analysis.State) (*listing.State, analysis.Stats) {
	t.Helper()
	return listRows(t, listing.Hits, src, f, also...)
}

func listRows(t *testing.T, rows listing.Rows, src trace.Source, f func([]result.Value) error, also ...analysis.State) (*listing.State, analysis.Stats) {
	t.Helper()
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	state := listing.New(src.Table(), listing.Config{Isolated: &isolated, Catalog: cat, Rows: rows, Row: f})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, append(also, state)...)
	if err != nil {
		t.Fatal(err)
	}
	return state, st
}

func text(row []result.Value) string {
	var cells []string
	for _, v := range row {
		cells = append(cells, v.Text())
	}
	return strings.Join(cells, "|")
}

func lines(t *testing.T, script string) []string {
	t.Helper()
	var all []string
	state, _ := list(t, tracetest.Parse(script), func(row []result.Value) error {
		all = append(all, text(row))
		return nil
	})
	if state.Err() != nil {
		t.Error(state.Err())
	}
	return all
}

// TestColumns: names are a contract with other programs (the first sixteen are
// in the description of the export command).
func TestColumns(t *testing.T) {
	var names []string
	for _, c := range listing.Hits.Columns() {
		names = append(names, c.Name)
	}
	for _, name := range listing.RowsNames() {
		rows, err := listing.ParseRows(name)
		if err != nil {
			t.Error(err)
		}
		cols := rows.Columns()
		if cols[0].Name != "time_ns" {
			t.Errorf("%s begin with %s: rows are sorted by their first column", name, cols[0].Name)
		}
		for _, c := range cols {
			if c.Help == "" {
				t.Errorf("%s is not documented", c.Name)
			}
		}
	}
	const want = "time_ns,sender,target,pid,comm,event,callback,callsite,function,evidence,cause,entry,class,self,instance,file"
	if got := strings.Join(names, ","); !strings.HasPrefix(got, want) {
		t.Errorf("columns %s, want %s first", got, want)
	}
}

func TestRows(t *testing.T) {
	const generic = "generic_smp_call_function_single_interrupt"
	got := lines(t, `
		at 1.000001 cpu 0 task web-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x24 func=do_sync_core csd=1
		at 1.000002 cpu 0 task web-7 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x24 callback=`+generic+`
		at 1.000003 cpu 0 task web-7 flags d..1 kernel_stack on_each_cpu_cond_mask static_key_enable set_it __x64_sys_bpf do_syscall_64 entry_SYSCALL_64_after_hwframe
		at 1.000004 cpu 2 task spin-8 instance isol flags d.h1 ipi_send_cpu cpu=2 callsite=irq_work_queue+0x2d callback=rb_wake_up_waiters
		at 1.000005 cpu 0 task web-7 flags d..1 ipi_send_cpu cpu=1 callsite=f+0x24 callback=0x0
		at 1.000006 cpu 0 task trace-cmd-9 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x24 func=enable_trace_buffered_event csd=1
		at 1.000007 cpu 0 task trace-cmd-9 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x24 callback=`+generic)
	const stack = "on_each_cpu_cond_mask < static_key_enable < set_it < __x64_sys_bpf < do_syscall_64 < entry_SYSCALL_64_after_hwframe|not-recorded|0|||unknown"
	want := []string{
		"1000002000|0|2|7|web|ipi_send_cpumask|" + generic + "|f+0x24|do_sync_core|csd|set_it|syscall:bpf|deferrable|0||test|static_key_enable|0|" + stack,
		// a set whose members have different classes
		"1000002000|0|3|7|web|ipi_send_cpumask|" + generic + "|f+0x24|do_sync_core|do_nothing|stack|set_it|syscall:bpf|unknown|0||test|static_key_enable|0|" + stack,
		"1000004000|2|2|8|spin|ipi_send_cpu|rb_wake_up_waiters|irq_work_queue+0x2d|rb_wake_up_waiters|callback|(no stack)|(no stack)|noise|1|isol|test|(no stack)|0|(no stack)|not-recorded|0|||unknown",
		"1000007000|0|3|9|trace-cmd|ipi_send_cpu|" + generic + "|f+0x24|enable_trace_buffered_event|csd|f|(no stack)|noise|0||test|(no stack)|1|(no stack)|not-recorded|0|||unknown",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestOtherRows: sends and requests of the same kind of trace, with an arrival.
func TestOtherRows(t *testing.T) {
	const generic = "generic_smp_call_function_single_interrupt"
	const script = `
		at 1.000001 cpu 0 task web-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x24 func=do_sync_core csd=0x1
		at 1.000002 cpu 0 task web-7 flags d..1 csd_queue_cpu cpu=3 callsite=f+0x24 func=do_nothing csd=0x3
		at 1.000003 cpu 0 task web-7 flags d..1 ipi_send_cpumask cpumask=1-3 callsite=f+0x24 callback=` + generic + `
		at 1.000004 cpu 0 task web-7 flags d..1 kernel_stack on_each_cpu_cond_mask static_key_enable set_it
		at 1.000005 cpu 2 task spin-8 flags d.h1 call_function_entry vector=252
		at 1.000006 cpu 2 task spin-8 flags d.h1 csd_function_entry func=do_sync_core csd=0x1
		at 1.000007 cpu 2 task spin-8 flags d.h1 csd_function_exit func=do_sync_core csd=0x1
		at 1.000008 cpu 2 task spin-8 flags d.h1 call_function_exit vector=252
		at 1.000009 cpu 0 task web-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x24 func=do_sync_core csd=0x1
		at 1.000010 cpu 0 task web-7 flags d..1 ipi_send_cpu cpu=1 callsite=f+0x24 callback=0x0`
	for rows, want := range map[listing.Rows][]string{
		listing.Sends: {
			"1000003000|0|1-3|7|web|ipi_send_cpumask|" + generic + "|f+0x24|do_sync_core+do_nothing|csd|set_it|unknown|deferrable+candidate|2|0|0|2||test|static_key_enable|on_each_cpu_cond_mask < static_key_enable < set_it",
			"1000010000|0|1|7|web|ipi_send_cpu|0x0|f+0x24|reschedule|callback|f|(no stack)|avoidable|0|0|0|0||test|(no stack)|(no stack)",
		},
		listing.Requests: {
			"1000001000|0|2|7|web|do_sync_core|f+0x24|1|1000003000|ipi_send_cpumask|set_it|unknown|deferrable|static_key_enable|matched|1000006000|1000007000|0||test|on_each_cpu_cond_mask < static_key_enable < set_it",
			"1000002000|0|3|7|web|do_nothing|f+0x24|1|1000003000|ipi_send_cpumask|set_it|unknown|candidate|static_key_enable|trace-end|||0||test|on_each_cpu_cond_mask < static_key_enable < set_it",
			"1000009000|0|2|7|web|do_sync_core|f+0x24|0||(no ipi)|f|(no stack)|deferrable|(no stack)|trace-end|||0||test|(no stack)",
		},
	} {
		var got []string
		state, _ := listRows(t, rows, tracetest.Parse(script), func(row []result.Value) error {
			if len(row) != len(rows.Columns()) {
				t.Errorf("%v: %d values for %d columns", rows, len(row), len(rows.Columns()))
			}
			got = append(got, text(row))
			return nil
		})
		if d := cmp.Diff(want, got); d != "" || state.Err() != nil {
			t.Errorf("%v, error %v: -want +got:\n%s", rows, state.Err(), d)
		}
	}
}

// TestRaise: ipi_raise events are hits only where there are no others, whether
// these come before or after and whether they hit anybody.
func TestRaise(t *testing.T) {
	const raise, other = "at 1.0 cpu 0 ipi_raise target_cpus=2-3 reason=x\n", "at 1.1 cpu 0 ipi_send_cpu cpu=1 callsite=f+0x1 callback=0x0\n"
	for script, want := range map[string]int{raise + raise: 4, raise + other: 0, other + raise: 0, raise + other + raise: 0} {
		if got := lines(t, script); len(got) != want {
			t.Errorf("%s: %d rows %q, want %d", script, len(got), got, want)
		}
	}
}

// TestRaiseOnly: none is lost of a long trace that has ipi_raise events only.
// One that goes on with others after very many is an error.
func TestRaiseOnly(t *testing.T) {
	const n = 40000 // two hits each: more than are held back
	long := func(last string) *repeated {
		src := tracetest.Parse("at 1.0 cpu 0 ipi_raise target_cpus=2-3 reason=x\n" + last)
		return &repeated{Source: src, n: n}
	}
	got := 0
	count := func([]result.Value) error { got++; return nil }
	if state, _ := list(t, long(""), count); state.Err() != nil || got != 2*n {
		t.Errorf("%d rows, %v, want %d", got, state.Err(), 2*n)
	}
	state, _ := list(t, long("at 2.0 cpu 0 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"), count)
	if state.Err() == nil || !strings.Contains(state.Err().Error(), "--events") {
		t.Errorf("error %v, want one that says what to do", state.Err())
	}
}

// repeated delivers the first record n times.
type repeated struct {
	*tracetest.Source
	n, at int
}

func (r *repeated) Scan() bool {
	if r.at++; r.at > 1 && r.at <= r.n {
		return true
	}
	return r.Source.Scan()
}

// TestRowError: after an error no more rows are handed out.
func TestRowError(t *testing.T) {
	full := errors.New("no space left")
	rows := 0
	state, _ := list(t, tracetest.Parse("at 1.0 cpu 0 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0\n"), func([]result.Value) error {
		rows++
		return full
	})
	if state.Err() != full || rows != 1 {
		t.Errorf("%d rows, error %v", rows, state.Err())
	}
}

// TestSums: the rows of a recording add up to what is counted of it.
func TestSums(t *testing.T) {
	paths, err := filepath.Glob("../../fixtures/*/trace.dat*")
	texts, err2 := filepath.Glob("../../fixtures/*/*.txt.gz")
	more, err3 := filepath.Glob("../../fixtures/*/fmt/*.txt.gz")
	if err := errors.Join(err, err2, err3); err != nil || len(paths) == 0 || len(texts) == 0 || len(more) == 0 {
		t.Fatal(err)
	}
	isolated, _ := cpumask.ParseList([]byte("2-3"))
	cat := catalogtest.Load(t)
	by, err := ipi.ParseKeys("function,target,comm,class,instance")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(append(paths, texts...), more...) {
		src, err := parser.Open(path, parser.Options{})
		if err != nil {
			var unknown *parser.UnknownFormatError
			if errors.As(err, &unknown) {
				continue // a format that is not read yet
			}
			t.Fatal(err)
		}
		counts := ipi.New(src.Table(), ipi.Config{Isolated: &isolated, By: by, Catalog: cat})
		var sum ipi.Group
		groups := map[string]uint64{}
		last := int64(0)
		_, st := list(t, src, func(row []result.Value) error {
			sum.Hits++
			sum.Self += uint64(row[13].Int)
			sum.Noise += uint64(row[17].Int)
			if row[9].Str == "none" {
				sum.Unattributed++
			}
			groups[fmt.Sprint(row[8].Str, row[2].Text(), row[4].Str, row[12].Str, row[14].Str)]++
			if row[0].Int < last {
				return fmt.Errorf("the row of %d ns comes after %d ns", row[0].Int, last)
			}
			last = row[0].Int
			return nil
		}, counts)
		c := counts.Counts(st.Input(&src.Table().Meta, nil))
		total := c.Total()
		if sum.Hits != total.Hits || sum.Self != total.Self || sum.Noise != total.Noise || sum.Unattributed != total.Unattributed {
			t.Errorf("%s: the rows add up to %+v, report counts %+v", path, sum, total)
		}
		for _, g := range c.Groups() {
			if k := fmt.Sprint(g.Key[0], g.Key[1], g.Key[2], g.Key[3], g.Key[4]); g.Hits != groups[k] {
				t.Errorf("%s: %v has %d rows, report counts %d", path, g.Key, groups[k], g.Hits)
			}
		}
		src.Close()
	}
}
