package track_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// TestStarts: what has no counterpart lies before the start where nothing of its
// kind was recorded yet, and is missing where something was. The expected values
// follow from docs/definitions.md, "matched and its reasons".
func TestStarts(t *testing.T) {
	const send = "d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
	sends := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "%d 0 %s", from+i, send)
		}
		return b.String()
	}
	const entry, exit = " 2 d.h. reschedule_entry vector=253\n", " 2 d.h. reschedule_exit vector=253\n"
	const other = "5 0 d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0\n6 3 d.h. reschedule_entry vector=253\n7 3 d.h. reschedule_exit vector=253\n"
	run := func(at int, csd string) string {
		return fmt.Sprintf("%d 2 d.h. call_function_single_entry vector=251\n%d 2 d.h. csd_function_entry func=g csd=%s\n%d 2 d.h. csd_function_exit func=g csd=%s\n%d 2 d.h. call_function_single_exit vector=251\n",
			at, at+1, csd, at+2, csd, at+3)
	}
	queue := func(at int, csd string) string {
		return fmt.Sprintf("%d 0 d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=%s\n", at, csd)
	}
	for _, tt := range []struct {
		name, script string
		want         []string // of the accounts, what is not matched
	}{
		{"64 sends can wait, the older ones have no entry: none was recorded on their target yet",
			other + sends(10, 67), []string{"hits trace-start 3", "hits trace-end 64"}},
		{"one was recorded, and entries are missing", other + sends(10, 1) + "11" + entry + "12" + exit + sends(20, 67),
			[]string{"hits trace-end 64", "hits no-entry 3"}},
		{"a send 100 ms before the first entry of its line arrives with it", "5 0 " + send + "100005" + entry + "100006" + exit, nil},
		{"one that is older may have arrived before entries were recorded", "5 0 " + send + "100006" + entry + "100007" + exit,
			[]string{"vector arrivals trace-start 1", "hits trace-start 1"}},
		{"a csd that is queued again before any function ran", queue(10, "1") + queue(20, "1") + run(30, "1"),
			[]string{"vector arrivals not-recorded 1", "requests trace-start 1"}},
		{"and after one ran", queue(10, "1") + run(20, "1") + queue(30, "2") + queue(40, "2") + run(50, "2"),
			[]string{"vector arrivals not-recorded 2", "requests no-entry 1"}},
		{"the first run of a CPU may have been queued before the start", queue(5, "9") + run(10, "1"),
			[]string{"vector arrivals not-recorded 1", "csd arrivals trace-start 1", "requests trace-end 1"}},
		{"so may all of its interrupt", queue(5, "9") + "10 2 d.h. call_function_single_entry vector=251\n" +
			"11 2 d.h. csd_function_entry func=g csd=1\n12 2 d.h. csd_function_exit func=g csd=1\n" +
			"13 2 d.h. csd_function_entry func=g csd=2\n14 2 d.h. csd_function_exit func=g csd=2\n15 2 d.h. call_function_single_exit vector=251\n",
			[]string{"vector arrivals not-recorded 1", "csd arrivals trace-start 2", "requests trace-end 1"}},
		{"the second was not", queue(5, "9") + run(10, "1") + run(20, "2"),
			[]string{"vector arrivals not-recorded 2", "csd arrivals trace-start 1", "csd arrivals no-send 1", "requests trace-end 1"}},
		{"unless no request was recorded yet", run(10, "1") + run(20, "2") + queue(30, "3") + run(40, "4"),
			[]string{"vector arrivals not-recorded 3", "csd arrivals trace-start 2", "csd arrivals no-send 1", "requests trace-end 1"}},
		{"after a gap it may have been lost", queue(5, "9") + run(10, "1") + "15 0 lost 1\n" + run(20, "2") + run(30, "3"),
			[]string{"vector arrivals not-recorded 3", "csd arrivals trace-start 1", "csd arrivals lost-events 1", "csd arrivals no-send 1", "requests trace-end 1"}},
	} {
		got := reasons(follow(t, tracetest.Parse(at(tt.script))))
		slices.Sort(got)
		slices.Sort(tt.want)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}
