package noise_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/report/json"
)

// read analyses a text of the kernel, of which CPUs 2 and 3 are isolated.
func read(t testing.TB, config noise.Config, text string) *noise.Counts {
	t.Helper()
	src, err := ftext.New(strings.NewReader("# tracer: osnoise\n#\n"+text), "test", ftext.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	s := noise.New(src.Table(), config)
	stats, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	return s.Counts(stats.Input(&src.Table().Meta, nil))
}

func config(t testing.TB) noise.Config {
	t.Helper()
	m, _ := cpumask.ParseList([]byte("2-3"))
	return noise.Config{Isolated: &m, Top: 4, Catalog: catalogtest.Load(t)}
}

// TestWithoutCatalog: without one it is that which comes with the program.
func TestWithoutCatalog(t *testing.T) {
	const events = "  <idle>-0  [002] d.... 1.000100: tick_stop: success=0 dependency=RCU\n"
	cfg := config(t)
	want := text(read(t, cfg, events))
	cfg.Catalog = nil
	if got := text(read(t, cfg, events)); got != want || !strings.Contains(got, `"advice": "`) {
		t.Errorf("%s\nwant %s", got, want)
	}
}

func text(c *noise.Counts) string {
	var b strings.Builder
	if err := json.Write(&b, c.Result()); err != nil {
		return err.Error()
	}
	return b.String()
}

// withoutInputs leaves out what depends on the order of the inputs.
func withoutInputs(c *noise.Counts) string {
	set := c.Result()
	set.Inputs = nil
	var b strings.Builder
	json.Write(&b, set)
	return b.String()
}

func event(cpu int, ns int64, what string) string {
	return fmt.Sprintf("       osnoise/%d-2364    [%03d] d.h1.  %d.%09d: %s\n", cpu, cpu, ns/1e9, ns%1e9, what)
}

func irq(cpu int, begin, net int64) string {
	return event(cpu, begin+net+100, fmt.Sprintf("irq_noise: call_function:252 start %d.%09d duration %d ns", begin/1e9, begin%1e9, net))
}

func sample(cpu int, begin, length int64, interference int) string {
	return event(cpu, begin+length+500, fmt.Sprintf("sample_threshold: start %d.%09d duration %d ns interference %d", begin/1e9, begin%1e9, length, interference))
}

func row(cpu int, at, runtime, noise int64, irqs int) string {
	return event(cpu, at, fmt.Sprintf("%d %d 99.00000 %d 0 0 %d 0 0", runtime, noise, noise, irqs))
}

func TestMergeLaws(t *testing.T) {
	cfg := config(t)
	at := int64(5e9)
	timer := event(2, at+15_000, "local_timer_entry: vector=236") + event(2, at+15_500, "hrtimer_expire_entry: hrtimer=0000000012345678 function=tick_nohz_handler now=5") +
		event(2, at+16_000, "local_timer_exit: vector=236")
	shifted := "" // by another clock than the noise
	for i := range int64(70) {
		shifted += event(3, at+i*1e6, fmt.Sprintf("irq_noise: call_function:252 start 9.%09d duration 700 ns", i*1e6))
	}
	scripts := []string{
		irq(2, at, 700) + sample(2, at-100, 5000, 1) + row(2, at+100_000, 90, 5, 1),
		irq(3, at, 800) + irq(3, at+1000, 10) + sample(3, at-100, 5000, 2) + sample(3, at+9000, 5000, 0),
		event(2, at, "timerlat_sample: timer_latency=5000 seqnum=1 context=0") + irq(2, at-1000, 1200) + event(2, at+4000, "#1      context thread timer_latency     9000 ns"),
		event(2, at, "tick_stop: success=0 dependency=RCU") + event(2, at+100, "tick_stop: success=1 dependency=NONE"),
		// noise of a task that cannot be, a sample of which a noise is missing, more
		// samples than are listed, a tick that was kept, an activation behind a loss
		event(2, at, "thread_noise: x:9 start 0.000000000 duration 1579312762210 ns") + irq(2, at, 700) + sample(2, at-100, 5000, 2) +
			strings.Repeat(sample(2, at+9000, 700, 0), 5) + timer + event(2, at+20_000, "tick_stop: success=0 dependency=SCHED") +
			event(2, at+30_000, "timerlat_sample: timer_latency=5000 seqnum=1 context=0") + "CPU:2 [LOST 3 EVENTS]\n" +
			event(2, at+34_000, "timerlat_sample: timer_latency=9000 seqnum=1 context=1"),
		shifted,
		"",
		// an IPI whose sender is known, and a row of hwlat
		event(1, at-2000, "#1     inner/outer(us): 60/27 ts:1796054978.556141112 count:215 nmi-total:7 nmi-count:2") +
			event(0, at-900, "ipi_send_cpumask: cpumask=2 callsite=smp_call_function_many_cond+0x1/0x2 callback=generic_smp_call_function_single_interrupt+0x0/0x2") + irq(2, at, 700),
	}
	law := analysistest.Merging[*noise.Counts]{
		Zero: func() *noise.Counts { return noise.NewCounts(cfg) }, Part: func(i int) *noise.Counts { return read(t, cfg, scripts[i]) }, Parts: len(scripts),
		Merge: func(into, from *noise.Counts) { into.Merge(from) }, Text: text, Unordered: withoutInputs,
	}
	law.Laws(t)
	var parts []*noise.Counts
	for i := range scripts {
		parts = append(parts, law.Part(i))
	}
	analysistest.Covered(t, map[string]string{"folded": "TestBounds", "moreHW": "TestBounds", "time.hi": "track: TestCPUTime"}, parts...)
}

// TestBounds: what is beyond the bounds of one of several inputs is said of all.
func TestBounds(t *testing.T) {
	cfg := config(t)
	cfg.MaxGroups = 1
	folded := noise.NewCounts(cfg)
	folded.Merge(read(t, cfg, irq(2, 5e9, 700)+event(2, 6e9, "irq_noise: local_timer:236 start 5.999998000 duration 700 ns")))
	folded.Merge(read(t, cfg, irq(2, 5e9, 700)))
	if got := fmt.Sprint(numbers(t, folded.Result(), "groups", "name")); !strings.Contains(got, "other") {
		t.Errorf("groups %s", got)
	}
	var b strings.Builder
	for i := range 1<<16 + 2 {
		b.WriteString(event(0, 5e9+int64(i)*1000, fmt.Sprintf("#%d     inner/outer(us): 60/27 ts:1796054978.556141112 count:215", i+1)))
	}
	many := noise.NewCounts(cfg)
	many.Merge(read(t, cfg, b.String()))
	many.Merge(read(t, cfg, ""))
	if got := fmt.Sprint(many.Result().Warnings); !strings.Contains(got, "2 more rows of hwlat") {
		t.Errorf("warnings %s", got)
	}
}

// numbers finds the cells of a column.
func numbers(t testing.TB, set *result.Set, table, column string) (out []result.Value) {
	t.Helper()
	for _, x := range set.Tables {
		if x.Name == table {
			for _, row := range x.Rows {
				out = append(out, row[x.Index(column)])
			}
		}
	}
	return out
}

// TestLaws makes runs as the kernel writes them: samples one behind the other,
// interrupts in them, a row at the end. What is said of them adds up, and noise that
// is taken away makes nothing better.
func TestLaws(t *testing.T) {
	cfg := config(t)
	law.Check(t, func(r *rapid.T) {
		at := int64(10_000_000_000)
		begin := at
		var b, cut strings.Builder
		var noiseSum, all, length int64
		irqs, samples := 0, rapid.IntRange(1, 6).Draw(r, "samples")
		dropped := rapid.IntRange(0, 5).Draw(r, "dropped")
		lost := 0
		for range samples {
			start := at
			n := rapid.IntRange(0, 4).Draw(r, "interference")
			at += 50
			for range n {
				net := rapid.Int64Range(0, 10_000).Draw(r, "net")
				line := irq(2, at, net)
				b.WriteString(line)
				if irqs != dropped {
					cut.WriteString(line)
				} else {
					lost++
				}
				irqs++
				all += net
				at += net + rapid.Int64Range(200, 3000).Draw(r, "between")
			}
			line := sample(2, start, at-start, n)
			b.WriteString(line)
			cut.WriteString(line)
			noiseSum += at - start
			length = max(length, at-start)
			at += 1000
		}
		end := row(2, at, (at-begin)/1000, noiseSum/1000, irqs)
		b.WriteString(end)
		cut.WriteString(end)

		set := read(t, cfg, b.String()).Result()
		total := map[string]int64{}
		for _, f := range set.Totals {
			total[f.Name] = f.Value.Int
		}
		if total["samples"] != int64(samples) || total["incomplete"] != 0 || total["noises"] != int64(irqs) {
			r.Fatalf("samples %d, incomplete %d, noises %d: want %d, 0, %d", total["samples"], total["incomplete"], total["noises"], samples, irqs)
		}
		if total["explained_ns"] != all || total["explained_ns"]+total["rest_ns"] != noiseSum || total["rest_ns"] < 0 {
			r.Fatalf("explained %d of %d, rest %d of %d", total["explained_ns"], all, total["rest_ns"], noiseSum)
		}
		if d := numbers(t, set, "cpus", "noise_ns")[0].Int - noiseSum; d > 0 || d < -1000 {
			r.Fatalf("noise of the row is off by %d", d)
		}
		if got := numbers(t, set, "cpus", "irq")[0].Int; got != int64(irqs) {
			r.Fatalf("%d interrupts, want %d", got, irqs)
		}

		less := read(t, cfg, cut.String()).Result()
		if got := int64(0); lost > 0 {
			for _, f := range less.Totals {
				if f.Name == "incomplete" {
					got = f.Value.Int
				}
			}
			if got != 1 {
				r.Fatalf("one noise event is missing, and %d samples are incomplete", got)
			}
		}
	})
}

// TestRowsRepeatEvents: with timerlat_sample recorded each row comes twice and is one
// activation.
func TestRowsRepeatEvents(t *testing.T) {
	cfg := config(t)
	at := int64(5e9)
	both := event(2, at, "timerlat_sample: timer_latency=5000 seqnum=1 context=0") + event(2, at+900, "#1      context    irq timer_latency     5000 ns") +
		event(2, at+4000, "timerlat_sample: timer_latency=9000 seqnum=1 context=1") + event(2, at+4900, "#1      context thread timer_latency     9000 ns")
	one := event(2, at, "timerlat_sample: timer_latency=5000 seqnum=1 context=0") + event(2, at+4000, "timerlat_sample: timer_latency=9000 seqnum=1 context=1")
	for _, x := range []string{both, one} {
		if got := fmt.Sprint(numbers(t, read(t, cfg, x).Result(), "activations", "thread_ns")); !strings.Contains(got, "9000") || strings.Count(got, "9000") != 1 {
			t.Errorf("activations %s of\n%s", got, x)
		}
	}
}
