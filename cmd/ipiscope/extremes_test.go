package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// Whatever the times of a recording are, every analyzer and every figure ends, in
// bounded memory, and tells no duration below 0.

// extremeEvents are what happens to CPU 2, in this order; a recording has some of
// them. They are those that an analyzer or a figure reads.
var extremeEvents = []string{
	"[000] d..1. %s: csd_queue_cpu: cpu=2 callsite=smp_call_function_single+0x1 func=do_sync_core csd=0xffff8a9db7cb6080",
	"[000] d..1. %s: ipi_send_cpu: cpu=2 callsite=smp_call_function_single+0x1 callback=generic_smp_call_function_single_interrupt+0x0",
	"[000] d..1. %s: kernel_stack: <stack trace >\n=> smp_call_function_single (ffffffffaadc5e8d)\n=> irq_work_queue_on (ffffffffaae74ac6)",
	"[000] d..1. %s: ipi_send_cpumask: cpumask=2-3 callsite=smp_call_function_many_cond+0x1 callback=do_sync_core+0x0",
	"[002] d.h.. %s: call_function_single_entry: vector=251",
	"[002] d.h.. %s: csd_function_entry: func=do_sync_core, csd=0xffff8a9db7cb6080",
	"[002] d.h.. %s: csd_function_exit: func=do_sync_core, csd=0xffff8a9db7cb6080",
	"[002] d.h.. %s: call_function_single_exit: vector=251",
	"[002] d.h.. %s: local_timer_entry: vector=236",
	"[002] d.h.. %s: irq_work_entry: vector=246",
	"[002] d.h.. %s: irq_work_exit: vector=246",
	"[002] d.h.. %s: local_timer_exit: vector=236",
	"[002] d.h.. %s: irq_handler_entry: irq=9 name=acpi",
	"[002] d.h.. %s: irq_handler_exit: irq=9 ret=handled",
	"[002] ..s.. %s: softirq_entry: vec=7 [action=SCHED]",
	"[002] ..s.. %s: softirq_exit: vec=7 [action=SCHED]",
	"[002] d..2. %s: sched_switch: prev_comm=bash prev_pid=12 prev_prio=120 prev_state=R ==> next_comm=spin next_pid=13 next_prio=120",
	"[002] ..... %s: print: tracing_mark_write: begin",
	"[003] ..... %s: print: tracing_mark_write: end",
}

// extremeRecording draws a recording: events at times that go up. Its header tells
// the number of CPUs.
func extremeRecording(t *rapid.T) []byte {
	edges := []int64{0, 1, 999, 1000, 1e9, 1 << 32, 1 << 62, math.MaxInt64 - 1, math.MaxInt64, 365 * 86400e9, 30 * 365 * 86400e9}
	some := rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64Min(0))
	n := rapid.OneOf(rapid.SampledFrom([]int{1, 2, len(extremeEvents), 3 * len(extremeEvents)}), rapid.IntRange(1, 40)).Draw(t, "events")
	var times []int64
	for range rapid.IntRange(1, 3).Draw(t, "places") {
		times = append(times, some.Draw(t, "time"))
	}
	near := rapid.SampledFrom([]int64{0, 1, 1000, 1e6, 1e9}).Draw(t, "apart")
	for len(times) < n {
		at := times[rapid.IntRange(0, len(times)-1).Draw(t, "near")]
		if at <= math.MaxInt64-near {
			at += near
		}
		times = append(times, at)
	}
	times = times[:n]
	slices.Sort(times)
	first := rapid.IntRange(0, len(extremeEvents)-1).Draw(t, "first")
	if rapid.Bool().Draw(t, "from the begin") {
		first = 0
	}
	var b bytes.Buffer
	b.WriteString("cpus=4\n")
	for i, at := range times {
		clock := fmt.Sprintf("%d.%09d", at/1e9, at%1e9)
		fmt.Fprintf(&b, "bash-12 "+extremeEvents[(first+i)%len(extremeEvents)]+"\n", clock)
	}
	return b.Bytes()
}

// extremeCommands are the command lines of every analyzer and figure. $IN is the
// recording and $OUT a file.
func extremeCommands() []string {
	commands := []string{
		"report --by function --format json $IN", "report --spark $IN", "report --by function,sender,target,stack --format json $IN",
		"report --mark m.begin=begin --mark m.end=end --format json $IN", "report --what-if deferral --format json $IN", "report --format html $IN",
		"report --trim auto --format json $IN",
		"latency --format json $IN", "latency --by function,context --format json $IN", "latency $IN",
		"quiet --format json $IN", "quiet $IN", "quiet --at 4611686018.4 --format json $IN", "quiet --at 0 --within 1000000h --format json $IN",
		"stacks --format json $IN", "stacks --format folded $IN", "info --format json $IN", "info $IN",
		"check --max all:0 --max-handler 1us --format json $IN", "diff --allow-duplicates -b $IN -a $IN", "cat -t $IN",
		"debug contexts $IN", "debug evidence $IN", "plot diff --allow-duplicates -b $IN -a $IN -o $OUT.svg",
	}
	for _, format := range []string{"csv", "jsonl", "chrome", "perfetto", "parquet"} {
		commands = append(commands, "export --format "+format+" -o $OUT $IN")
	}
	for _, of := range []string{"quiet", "gaps", "hits-per-second", "targets", "delivery", "handler", "bracket", "wait"} {
		for _, kind := range []string{"hist", "cdf"} {
			commands = append(commands, "plot "+kind+" --of "+of+" $IN", "plot "+kind+" --of "+of+" $IN -o $OUT.svg")
		}
	}
	for _, kind := range []string{"bars", "heatmap", "matrix", "rate", "timeline"} {
		commands = append(commands, "plot "+kind+" $IN", "plot "+kind+" $IN -o $OUT.svg", "plot "+kind+" --data csv $IN")
	}
	return commands
}

func TestExtremeTimes(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs the program some hundred times")
	}
	dir := t.TempDir()
	names := strings.NewReplacer("$IN", filepath.Join(dir, "in.txt"), "$OUT", filepath.Join(dir, "out"))
	commands := extremeCommands()
	law.Check(t, func(t *rapid.T) {
		in := extremeRecording(t)
		if err := os.WriteFile(filepath.Join(dir, "in.txt"), in, 0o600); err != nil {
			t.Fatal(err)
		}
		// A few of all: every command comes with many recordings in time.
		for range 2 {
			command := rapid.SampledFrom(commands).Draw(t, "command")
			args := strings.Fields(names.Replace(command))
			if !slices.Contains([]string{"info", "cat", "debug"}, args[0]) {
				args = append(args, "--isolated", "2-3")
			}
			ends(t, command, args, in)
		}
	})
}

// ends runs a command and holds it to what it may take and tell.
func ends(t *rapid.T, command string, args []string, in []byte) {
	const (
		patience = 60 * time.Second // of a busy machine
		memory   = 256 << 20
	)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	type ended struct {
		out, said []byte
		status    int
	}
	done := make(chan ended, 1)
	go func() {
		out, said, status := invoke(nil, args...)
		done <- ended{out, said, status}
	}()
	select {
	case e := <-done:
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > memory {
			t.Errorf("%s: %d MiB for\n%s", command, n>>20, in)
		}
		if e.status == 2 || bytes.Contains(e.said, []byte("unknown flag")) {
			t.Errorf("%s: exit %d: %s\n%s", command, e.status, e.said, in)
		}
		var tree any
		d := json.NewDecoder(bytes.NewReader(e.out))
		d.UseNumber()
		if strings.Contains(command, "json $IN") && d.Decode(&tree) == nil {
			if where := negative(tree); where != "" {
				t.Errorf("%s: %s in\n%s", command, where, in)
			}
		}
	case <-time.After(patience):
		panic(fmt.Sprintf("%s does not end with\n%s", command, in)) // it goes on in the background
	}
}

// negative names a member whose number is below 0, "" if there is none. An unknown
// number is null, never -1.
func negative(tree any) string {
	switch v := tree.(type) {
	case map[string]any:
		for name, of := range v {
			if where := negative(of); where != "" {
				return name + "." + where
			}
		}
	case []any:
		for _, of := range v {
			if where := negative(of); where != "" {
				return where
			}
		}
	case json.Number:
		if strings.HasPrefix(v.String(), "-") {
			return v.String()
		}
	}
	return ""
}
