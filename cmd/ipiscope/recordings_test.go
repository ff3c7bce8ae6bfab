package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecordings holds conclusions of recordings that do not come with the source, as
// they are large, against what was counted by hand from what trace-cmd prints of them.
// They are looked for in IPISCOPE_TRACES, a folder, or in shared/traces beside the
// project.
func TestRecordings(t *testing.T) {
	folder := os.Getenv("IPISCOPE_TRACES")
	if folder == "" {
		folder = "../../../shared/traces"
	}
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the recordings are not here")
	}
	for _, tt := range []struct {
		name, args, table, key string
		want                   []string // members, and values at them
	}{
		// 5504 hits of 4 CPUs in 6.116 s and 8 in 37.699 s: 5504 / 326.06 s an hour
		{"rates of unlike machines", "report k612s4-12-all/trace.dat k612s8-12-all/trace.dat", "groups", "do_sync_core", []string{"hits=5504", "per_cpu_hour=60770.176564489535"}},
		// the 1153rd of 1164 values in order, ceil(0.99 n)
		{"a quantile by nearest rank", "latency --isolated 2-3 k612s4-12-all/trace.dat", "groups", "do_sync_core", []string{"handler.count=1164", "handler.p99_ns=1412408"}},
		// the 57th of 57: the largest
		{"a quantile of few", "latency karm64s4-21-ipi-all/trace.dat", "groups", "reschedule", []string{"bracket.count=57", "bracket.p99_ns=116164"}},
		// 216 hits of the six CPUs of 2-199 that are there, in the time of those six
		{"CPUs that are not there", "report --isolated 2-199 k72s200-84a-wide-ipi/trace.dat", "groups", "do_sync_core", []string{"hits=216", "per_cpu_hour=7804.885417946015"}},
		// 8 + 21 hits, 8 of them among (other) of the first trace
		{"groups that one trace folded", "report --isolated 2-3 --max-groups 2 k612s4-12b-all-stack/trace.dat k612s4-51-statickey-after-1/trace.dat", "groups", "nohz_full_kick_func", []string{"hits=21", "bound=at least"}},
		// ticks of the TSC and nanoseconds have sums of their own
		{"clocks of two kinds", "report k612s4-03-none-tsc/trace.dat k612s4-01-zstd-local/trace.dat", "totals", "", []string{"duration_ns=31804005802", "duration_ticks=20815688664"}},
		// 751 of 896 sends are cpumask events, whose mask report -R prints as a place
		{"sends without a target", "report --isolated 2-3 k612s4-02-zlib-mono/report-R.txt.gz", "totals", "", []string{"sends=896", "sends_without_target=751"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.Fields(tt.args)
			for i, a := range args {
				if strings.Contains(a, "/") {
					args[i] = filepath.Join(folder, a)
				}
			}
			got := membersOf(t, append(args, "--format", "json"), tt.table, tt.key)
			for _, want := range tt.want {
				name, value, _ := strings.Cut(want, "=")
				if got[name] != value {
					t.Errorf("%s is %q, want %q", name, got[name], value)
				}
			}
		})
	}
	t.Run("hits of unknown function", func(t *testing.T) {
		out, _, status := said(t, "check", "--isolated", "2-3", "--max", "function=do_sync_core:0", filepath.Join(folder, "k612s4-15-nostack/trace.dat"))
		if status != 4 || !strings.Contains(out, "668 of 675 hits have no known function: record csd:csd_queue_cpu, or stacks") {
			t.Errorf("exit %d: %s", status, out)
		}
	})
}

// membersOf are the members of the object table, or of the row of an array table whose
// key has the function; those within others are called as in "handler.p99_ns".
func membersOf(t *testing.T, args []string, table, function string) map[string]string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := run(context.Background(), args, nil, &out, &errs); status > 1 {
		t.Fatalf("exit %d: %s", status, &errs)
	}
	dec := json.NewDecoder(&out)
	dec.UseNumber()
	var set map[string]any
	if err := dec.Decode(&set); err != nil {
		t.Fatal(err)
	}
	found := set[table]
	rows, _ := found.([]any)
	for _, row := range rows {
		if row.(map[string]any)["key"].(map[string]any)["function"] == function {
			found = row
		}
	}
	members := map[string]string{}
	object, _ := found.(map[string]any)
	for name, v := range object {
		inner, ok := v.(map[string]any)
		for key, w := range inner {
			members[name+"."+key] = fmt.Sprint(w)
		}
		if !ok {
			members[name] = fmt.Sprint(v)
		}
	}
	return members
}
