package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSuggest: a budget that was written passes on each recording that it came from and
// on all of them; recordings that lost an unknown number of events, or are a part of one,
// give none.
func TestSuggest(t *testing.T) {
	const fixtures = "../../fixtures/"
	lossy := filepath.Join(t.TempDir(), "lossy.txt")
	if err := os.WriteFile(lossy, []byte(lostSome), 0o666); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name     string
		isolated string
		args     []string
		refused  bool
		says     string
	}{
		{"sends alone", "2-3", []string{fixtures + "k612s4-02-zlib-mono/trace.dat"}, false, "# not limited: max_handler: CPU 2: "},
		{"several", "2-3", []string{fixtures + "k612s4-51-statickey-before-1/report-t.txt.gz", fixtures + "k612s4-51-statickey-before-2/report-t.txt.gz"}, false, "where recordings are alike, 1 in 3 further ones"},
		{"arm64", "2-3", []string{fixtures + "karm64s4-21-ipi-all/trace.dat"}, false, "max_hits_per_cpu_hour: "},
		{"osnoise", "2-3", []string{fixtures + "k72rts4-74c-rtla-osnoise/osnoise_trace.txt.gz"}, false, "max_sample: "},
		{"a part of its events", "2-3", []string{"--events", "ipi_send_cpu", fixtures + "k612s4-02-zlib-mono/trace.dat"}, true, "decide nothing"},
		{"lost, nobody knows how many", "2-3", []string{fixtures + "k612s4-07-lost/trace.dat"}, true, "events were lost"},
		{"lost, as a text says", "2-3", []string{lossy}, false, "NOT A GOOD RECORDING"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "budget.yaml")
			check := func(args ...string) (string, int) {
				var out, err bytes.Buffer
				status := run(context.Background(), append([]string{"check"}, args...), strings.NewReader(""), &out, &err)
				return out.String() + err.String(), status
			}
			said, status := check(append([]string{"--isolated", tt.isolated, "--suggest", "-o", file}, tt.args...)...)
			text, err := os.ReadFile(file)
			if tt.refused {
				if status == 0 || err == nil || !strings.Contains(said, tt.says) {
					t.Errorf("status %d, want a refusal that says %q: %s%s", status, tt.says, said, text)
				}
				return
			}
			if status != 0 || err != nil || !strings.Contains(string(text), tt.says) {
				t.Fatalf("status %d, %v, want %q: %s%s", status, err, tt.says, said, text)
			}
			for _, args := range append([][]string{tt.args}, each(tt.args)...) {
				if said, status := check(append([]string{"--budget", file}, args...)...); status != 0 {
					t.Errorf("%s: status %d: %s\n%s", args, status, said, text)
				}
			}
		})
	}
}

func each(args []string) (list [][]string) {
	if len(args) == 1 {
		return nil
	}
	for _, a := range args {
		list = append(list, []string{a})
	}
	return list
}

// lostSome is a text that lost three events.
const lostSome = `cpus=4
            bash-202     [000] d..1.     7.428080: ipi_send_cpu: cpu=3 callsite=irq_work_queue_on+0x56/0x90 callback=rb_wake_up_waiters+0x0/0x20
            bash-202     [000] d..1.     7.428090: ipi_send_cpumask: cpumask=2-3 callsite=on_each_cpu_cond_mask+0x24/0x40 callback=do_sync_core+0x0/0x20
          <idle>-0       [001] d..1.     8.000000: ipi_send_cpu: cpu=2 callsite=irq_work_queue_on+0x56/0x90 callback=rb_wake_up_waiters+0x0/0x20
CPU:1 [LOST 3 EVENTS]
          <idle>-0       [001] d..1.     9.428080: ipi_send_cpu: cpu=2 callsite=irq_work_queue_on+0x56/0x90 callback=rb_wake_up_waiters+0x0/0x20
            cat-203      [002] d..1.     9.428180: ipi_send_cpu: cpu=3 callsite=irq_work_queue_on+0x56/0x90 callback=rb_wake_up_waiters+0x0/0x20
            cat-204      [003] d..1.     9.428280: ipi_send_cpu: cpu=0 callsite=irq_work_queue_on+0x56/0x90 callback=rb_wake_up_waiters+0x0/0x20
`
