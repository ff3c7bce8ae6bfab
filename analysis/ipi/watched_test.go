package ipi_test

import (
	"context"
	"math"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// sum adds up traces that are counted alike.
func sum(parts ...*ipi.Counts) *result.Set {
	keys, _ := ipi.ParseKeys("function")
	total := ipi.NewCounts(nil, keys)
	for _, p := range parts {
		total.Merge(p)
	}
	return total.Result()
}

func column(set *result.Set, table, key, col string) result.Value {
	t := set.Table(table)
	for _, row := range t.Rows {
		if row[0].Text() == key {
			return row[t.Index(col)]
		}
	}
	return result.None()
}

func codes(set *result.Set) string {
	var list []string
	for _, w := range set.Warnings {
		list = append(list, w.Code)
	}
	return strings.Join(list, " ")
}

// A machine of 4 CPUs for 1 s and one of 8 CPUs for 3 s: 28 CPU-seconds, whatever
// the union of the sets and the sum of the durations say (8 CPUs times 4 s).
func TestRatesOfSeveralMachines(t *testing.T) {
	part := func(cpus, seconds string, n int) *ipi.Counts {
		return count(t, setup{meta: func(m *trace.Meta) { m.CPUs = n }},
			"at 1.0 cpu 0 ipi_send_cpumask cpumask=1-"+cpus+" callsite=f+0x1 callback=0x0\nat "+seconds+" cpu 0 sched_wakeup pid=1\n")
	}
	set := sum(part("3", "2.0", 4), part("7", "4.0", 8))
	if got, want := column(set, "groups", "reschedule", "per_cpu_hour").Float, 10*3600./28; math.Abs(got-want) > 1e-9 {
		t.Errorf("%g hits per CPU and hour, want %g", got, want)
	}
	if got := set.Total("cpu_time_ns"); got != 28e9 {
		t.Errorf("%d ns of CPU time, want 28 s", got)
	}
	// CPU 2 was watched for 4 s, CPU 7 for 3 s
	for cpu, want := range map[string]float64{"2": 2. / 4, "7": 1. / 3} {
		if got := column(set, "cpus", cpu, "rate_hz").Float; got != want {
			t.Errorf("CPU %s: %g hits a second, want %g", cpu, got, want)
		}
	}
}

// Ticks are not added to nanoseconds: they have sums of their own, and hits of
// such a trace are in no rate of the others.
func TestTicksAndNanoseconds(t *testing.T) {
	const script = "at 1.0 cpu 0 ipi_send_cpumask cpumask=0-3 callsite=f+0x1 callback=0x0\nat 2.0 cpu 0 sched_wakeup pid=1\n"
	inTicks := count(t, setup{meta: func(m *trace.Meta) { m.Clock, m.ClockUnit = "x86-tsc", "ticks" }}, script)
	set := sum(count(t, setup{}, script), inTicks)
	for name, want := range map[string]int64{"hits": 8, "duration_ns": 1e9, "cpu_time_ns": 4e9, "duration_ticks": 1e9, "cpu_time_ticks": 4e9} {
		if got := set.Total(name); got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	if got := column(set, "groups", "reschedule", "per_cpu_hour").Float; got != 3600 {
		t.Errorf("%g hits per CPU and hour, want 4 in 4 s", got)
	}
	if got := codes(set); !strings.Contains(got, "mixed-clocks") {
		t.Errorf("warnings %s", got)
	}
	if want := "in 1.00 s and 1000000000 ticks of clock x86-tsc"; !strings.Contains(set.Verdict, want) {
		t.Errorf("verdict %q, want %q in it", set.Verdict, want)
	}
}

// The traces have 8 and 21 hits of nohz_full_kick_func (trace-cmd report and
// awk): with two groups the first one has them among all others, so that the 21
// that show are at least what there is.
func TestGroupsThatOneTraceFolded(t *testing.T) {
	mask, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := ipi.ParseKeys("function")
	total := ipi.NewCounts(&mask, keys)
	for _, path := range []string{"../../fixtures/k612s4-12b-all-stack/trace.dat", "../../fixtures/k612s4-51-statickey-after-1/report-t.txt.gz"} {
		src, err := parser.Open(path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		state := ipi.New(src.Table(), ipi.Config{Isolated: &mask, By: keys, Catalog: catalogtest.Load(t), MaxGroups: 2})
		st, err := analysis.Run(context.Background(), src, analysis.Options{}, state)
		if err != nil {
			t.Fatal(err)
		}
		total.Merge(state.Counts(st.Input(&src.Table().Meta, nil)))
		src.Close()
	}
	set := total.Result()
	if hits, bound := column(set, "groups", "nohz_full_kick_func", "hits").Int, column(set, "groups", "nohz_full_kick_func", "bound").Str; hits != 21 || bound != "at least" {
		t.Errorf("%s %d, want at least 21", bound, hits)
	}
	if got := column(set, "groups", "(other)", "bound").Str; got != "" {
		t.Errorf("all others are %s what they show", got)
	}
}

// A CPU that is offline is not quiet, and not in the rates.
func TestOfflineIsNotQuiet(t *testing.T) {
	set := count(t, setup{isolated: "2-3"}, `
		at 1.0 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0
		at 2.0 cpu 0 task a-7 flags d..1 cpuhp_enter cpu=3 target=0 idx=88
		at 8.0 cpu 0 task a-7 flags d..1 cpuhp_enter cpu=3 target=236 idx=2
		at 8.5 cpu 3 task c-42 flags d..1 cpuhp_enter cpu=3 target=236 idx=150
		at 11.0 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=2-3 callsite=f+0x1 callback=0x0
	`).Result()
	for cpu, want := range map[string]int64{"2": 10e9, "3": 2.5e9} {
		if got := column(set, "cpus", cpu, "longest_quiet_ns").Int; got != want {
			t.Errorf("CPU %s was quiet for %d ns, want %d", cpu, got, want)
		}
	}
	if got := set.Total("cpu_time_ns"); got != 13.5e9 {
		t.Errorf("%d ns of CPU time, want 13.5 s", got)
	}
	if got := codes(set); got != "cpu-offline" {
		t.Errorf("warnings %s", got)
	}
}

// Hits without a function that came before csd_queue_cpu was on are told from
// those of recordings that do not have it.
func TestLateCalls(t *testing.T) {
	late := count(t, setup{isolated: "2-3"}, "at 1.0 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=on_each_cpu_cond_mask+0x1 callback="+generic+"\n"+call("2.0", 0, "a-7", 2, "g"))
	text := func(set *result.Set) string {
		for _, w := range set.Warnings {
			if w.Code == "unattributed" {
				return w.Text
			}
		}
		return ""
	}
	if got := text(late.Result()); strings.Contains(got, "record csd") || !strings.Contains(got, "recorded from 2.001000 on, 1 of its 1 such hits came before that") {
		t.Errorf("%q", got)
	}
	without := count(t, setup{isolated: "2-3"}, "at 1.0 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=on_each_cpu_cond_mask+0x1 callback="+generic+"\n")
	if got := text(without.Result()); !strings.HasSuffix(got, "record csd:csd_queue_cpu as well, or stacks") {
		t.Errorf("%q", got)
	}
}
