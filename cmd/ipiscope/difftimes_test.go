package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// composeReschedules is the text of one run on arm64: reschedule IPIs to CPU 3,
// each an irq_handler bracket around ipi_entry and ipi_exit. The body takes
// about 1.2 µs, what is around it cost; a run is slower or faster as a whole by
// about 4 %. The layout is that of fixtures/karm64s4-21-ipi-all.
func composeReschedules(seed uint64, cost float64) []byte {
	r := rand.New(rand.NewPCG(seed, 0x1d1))
	pace := math.Exp(0.04 * r.NormFloat64())
	var b bytes.Buffer
	now := int64(40e9)
	line := func(at int64, task string, cpu int, flags, event, fields string) {
		fmt.Fprintf(&b, "%20s [%03d] %s %5d.%09d: %-21s %s\n", task, cpu, flags, at/1e9, at%1e9, event+":", fields)
	}
	b.WriteString("cpus=4\n")
	for range 60 {
		now += int64(2e6 + 8e6*r.ExpFloat64())
		noise := func(ns, spread float64) int64 { return int64(ns * pace * math.Exp(spread*r.NormFloat64())) }
		entry := now + noise(9000, 0.4)
		body := entry + noise(0.6*cost, 0.15)
		done := body + noise(1200, 0.25)
		exit := done + noise(0.4*cost, 0.15)
		line(now, "pipe-431", 1, "d....", "ipi_send_cpu", "cpu=3 callsite=try_to_wake_up+0x2b4 callback=0x0")
		line(entry, "pipe-432", 3, "dNh..", "irq_handler_entry", "irq=1 name=IPI")
		line(body, "pipe-432", 3, "dNh..", "ipi_entry", "(Rescheduling interrupts)")
		line(done, "pipe-432", 3, "dNh..", "ipi_exit", "(Rescheduling interrupts)")
		line(exit, "pipe-432", 3, "dNh..", "irq_handler_exit", "irq=1 ret=handled")
	}
	return b.Bytes()
}

// TestThread000 holds the files that the guide compares against what composes
// them: the reschedule IPI before and after it became an interrupt like any
// other, as "arm64: Allow the rescheduling IPI to bypass irq_enter/exit"
// (20201101131430.257038-1-maz@kernel.org) has it: irq_enter and irq_exit come
// on top. -update writes them.
func TestThread000(t *testing.T) {
	for run := uint64(1); run <= 3; run++ {
		for side, cost := range map[string]float64{"before": 1800, "after": 3700} {
			want := composeReschedules(run+100*uint64(cost), cost)
			path := filepath.Join("testdata", "thread000", side, fmt.Sprintf("%d.txt.gz", run))
			if *update {
				writeGzip(t, path, want)
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			z, err := gzip.NewReader(f)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s is not what composes it: %s", path, cmp.Diff(string(want), string(got)))
			}
		}
	}
}

func writeGzip(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTimesLaw takes events out of one side of a comparison that is clear: its
// verdicts stay what they were or become unclear.
func TestTimesLaw(t *testing.T) {
	// with all evidence; what is not here is unclear
	whole := map[string]string{"bracket reschedule p50": "grown", "handler reschedule p50": "unchanged"}
	for name, take := range map[string]func() func([]byte, int) bool{
		"nothing":              func() func([]byte, int) bool { return func([]byte, int) bool { return false } },
		"all sends":            func() func([]byte, int) bool { return has("ipi_send_cpu") },
		"every second send":    func() func([]byte, int) bool { return every(2, has("ipi_send_cpu")) },
		"all exits":            func() func([]byte, int) bool { return has("irq_handler_exit") },
		"every second exit":    func() func([]byte, int) bool { return every(2, has("irq_handler_exit")) },
		"every second entry":   func() func([]byte, int) bool { return every(2, has("irq_handler_entry")) },
		"all of the interrupt": func() func([]byte, int) bool { return has("irq_handler") },
		"ipi_entry":            func() func([]byte, int) bool { return has("ipi_entry") },
		"CPU 3":                func() func([]byte, int) bool { return has("[003]") },
		"every fifth line":     func() func([]byte, int) bool { return every(5, has("")) },
		"the second half":      func() func([]byte, int) bool { return func(_ []byte, at int) bool { return at > 150 } },
		"all but a few":        func() func([]byte, int) bool { return func(_ []byte, at int) bool { return at > 20 } },
	} {
		for _, damaged := range []string{"before", "after"} {
			before, after := robbed(t, composeReschedules, map[string]float64{"before": 1800, "after": 3700}, damaged, take)
			for _, of := range []string{"bracket", "handler", "quiet"} {
				out, stderr, status := diff(t, "--of", of, "--isolated", "3", "--format", "csv", before, after)
				if status != 0 && status != 1 {
					t.Errorf("%s of %s: status %d: %s", name, damaged, status, stderr)
				}
				if status == 1 && out == "" {
					continue // nothing that could be read
				}
				rows := csvRows(t, []byte(out))
				if name == "nothing" && of != "quiet" && len(rows) != 2 {
					t.Errorf("%s: %d rows", of, len(rows))
				}
				for _, row := range rows {
					key := of + " " + row["function"] + row["target"] + " " + row["quantile"]
					if v := row["verdict"]; v != "unclear" && v != whole[key] {
						t.Errorf("%s of %s taken away: %s is %s", name, damaged, key, v)
					}
				}
			}
		}
	}
}

// has takes the lines that hold all words.
func has(words ...string) func([]byte, int) bool {
	return func(line []byte, _ int) bool {
		for _, w := range words {
			if !bytes.Contains(line, []byte(w)) {
				return false
			}
		}
		return true
	}
}

// every takes one in n of the lines that take takes.
func every(n int, take func([]byte, int) bool) func([]byte, int) bool {
	seen := 0
	return func(line []byte, at int) bool {
		if take(line, at) {
			seen++
			return seen%n == 0
		}
		return false
	}
}

// robbed writes three runs of each side into a folder, those of one with lines taken
// away.
func robbed(t *testing.T, compose func(seed uint64, cost float64) []byte, costs map[string]float64, damaged string, take func() func([]byte, int) bool) (before, after string) {
	t.Helper()
	dir := t.TempDir()
	for side, cost := range costs {
		for run := uint64(1); run <= 3; run++ {
			text := compose(run+100*uint64(cost), cost)
			if side == damaged {
				text = withoutLines(text, take())
			}
			path := filepath.Join(dir, side, fmt.Sprint(run, ".txt"))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, text, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return filepath.Join(dir, "before"), filepath.Join(dir, "after")
}

// withoutLines leaves lines out.
func withoutLines(text []byte, take func(line []byte, at int) bool) []byte {
	var b bytes.Buffer
	for i, line := range bytes.SplitAfter(text, []byte("\n")) {
		if !take(line, i) || i == 0 {
			b.Write(line)
		}
	}
	return b.Bytes()
}

// composeNoise writes what osnoise and the events of IPIs tell of CPU 3: 60 samples,
// in each an interrupt for do_sync_core of CPU 1.
func composeNoise(seed uint64, cost float64) []byte {
	r := rand.New(rand.NewPCG(seed, 0x05e))
	pace := math.Exp(0.04 * r.NormFloat64())
	var b bytes.Buffer
	b.WriteString("# tracer: osnoise\n#\n")
	now := int64(40e9)
	line := func(task string, cpu int, at int64, what string) {
		fmt.Fprintf(&b, "%20s [%03d] d.h1. %5d.%09d: %s\n", task, cpu, at/1e9, at%1e9, what)
	}
	for range 60 {
		now += int64(2e6 + 8e6*r.ExpFloat64())
		net := int64(cost * pace * math.Exp(0.15*r.NormFloat64()))
		begin := now + 5000
		line("mb-431", 1, now, "ipi_send_cpumask: cpumask=3 callsite=on_each_cpu_cond_mask+0x24 callback=do_sync_core+0x0")
		line("osnoise/3-2364", 3, begin+net+300, fmt.Sprintf("irq_noise: call_function:252 start %d.%09d duration %d ns", begin/1e9, begin%1e9, net))
		line("osnoise/3-2364", 3, begin+net+900, fmt.Sprintf("sample_threshold: start %d.%09d duration %d ns interference 1", (begin-200)/1e9, (begin-200)%1e9, net+700))
	}
	return b.Bytes()
}

// TestNoiseLaw takes events out of one side of a comparison of noise that is clear:
// its verdicts stay what they were or become unclear.
func TestNoiseLaw(t *testing.T) {
	every := func(n int, word string) func([]byte, int) bool { return every(n, has(word)) }
	for name, take := range map[string]func() func([]byte, int) bool{
		"nothing":            func() func([]byte, int) bool { return func([]byte, int) bool { return false } },
		"all sends":          func() func([]byte, int) bool { return every(1, "ipi_send") },
		"every second send":  func() func([]byte, int) bool { return every(2, "ipi_send") },
		"all noise":          func() func([]byte, int) bool { return every(1, "irq_noise") },
		"every second noise": func() func([]byte, int) bool { return every(2, "irq_noise") },
		"all samples":        func() func([]byte, int) bool { return every(1, "sample_threshold") },
		"every fifth line":   func() func([]byte, int) bool { return every(5, "[00") },
		"the second half":    func() func([]byte, int) bool { return func(_ []byte, at int) bool { return at > 90 } },
		"all but a few":      func() func([]byte, int) bool { return func(_ []byte, at int) bool { return at > 20 } },
	} {
		for _, damaged := range []string{"before", "after"} {
			before, after := robbed(t, composeNoise, map[string]float64{"before": 6000, "after": 9500}, damaged, take)
			out, stderr, status := diff(t, "--of", "noise", "--isolated", "3", "--format", "csv", before, after)
			if status != 0 && status != 1 {
				t.Errorf("%s of %s: status %d: %s", name, damaged, status, stderr)
			}
			if status == 1 && out == "" {
				continue // nothing that could be read
			}
			clear := false
			for _, row := range csvRows(t, []byte(out)) {
				v := row["verdict"]
				if v != "unclear" && (v != "grown" || row["quantile"] != "p50" || row["name"] != "do_sync_core") {
					t.Errorf("%s of %s taken away: %s %s is %s", name, damaged, row["name"], row["quantile"], v)
				}
				clear = clear || v == "grown"
			}
			if name == "nothing" && !clear {
				t.Errorf("nothing is clear of\n%s", out)
			}
		}
	}
}
