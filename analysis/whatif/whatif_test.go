package whatif_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/analysistest"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/whatif"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
	"github.com/ipiscope/ipiscope/report/json"
)

func ask(t testing.TB, script string) *whatif.Counts {
	t.Helper()
	src := tracetest.Parse(script)
	cat := catalogtest.Load(t)
	m, _ := cpumask.ParseList([]byte("2"))
	s := whatif.New(src.Table(), whatif.Config{Isolated: &m, Catalog: cat})
	if _, err := analysis.Run(context.Background(), analysistest.Poison(src), analysis.Options{}, s); err != nil {
		t.Fatal(err)
	}
	return s.Counts()
}

// script makes events of words, a microsecond apart: E user_enter, X user_exit,
// D a deferrable hit, C a candidate, A an avoidable one, S a self-IPI, W a switch
// to a task, I one to the idle task, T a timer, P arm's IPI, L a loss.
func script(words string) string {
	var b strings.Builder
	for i, w := range strings.Fields(words) {
		on := func(cpu int, event string) {
			fmt.Fprintf(&b, "at 1.%06d cpu %d task x-%d flags d..1 %s\n", i*10, cpu, cpu+5, event)
		}
		call := func(fn string) {
			on(0, fmt.Sprintf("csd_queue_cpu cpu=2 callsite=f+0x1 func=%s csd=%d", fn, i+1))
			on(0, "ipi_send_cpu cpu=2 callsite=f+0x1 callback=generic_smp_call_function_single_interrupt")
		}
		switch w {
		case "E":
			on(2, "user_enter")
		case "X":
			on(2, "user_exit")
		case "W":
			on(2, "sched_switch prev_pid=7 next_pid=8")
		case "I":
			on(2, "sched_switch prev_pid=7 next_pid=0")
		case "T":
			on(2, "local_timer_entry vector=236")
		case "P":
			on(2, "irq_handler_entry irq=2 name=IPI")
		case "D":
			call("do_sync_core")
		case "C":
			call("do_nothing")
		case "A":
			on(0, "ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0")
		case "S":
			on(2, "ipi_send_cpu cpu=2 callsite=f+0x1 callback=nohz_full_kick_func")
		case "L":
			fmt.Fprintf(&b, "lost cpu 2 at 1.%06d n 1\n", i*10)
		}
	}
	return b.String()
}

// hits, deferred, coalesced, stay, unknown; entries, paying
func TestWhatIf(t *testing.T) {
	for _, tt := range []struct{ name, words, want string }{
		{"in user mode it waits for the next entry that happens anyway", "E D X E X E", "1 1 0 0 0; 1 1"},
		{"the entry that the IPI made does not happen", "E D X E", "1 1 0 0 0; 0 0"},
		{"three rounds of text patching are one", "E D X E D X E D X E X E", "3 1 2 0 0; 1 1"},
		{"rounds that come while the first is handled", "E D X D E X D E X E X E", "3 1 2 0 0; 1 1"},
		{"two kinds of work wait both, one entry pays", "E D X E C X E X E", "2 2 0 0 0; 1 1"},
		{"in the kernel it is sent", "E X D E", "1 0 0 1 0; 1 0"},
		{"what is not deferrable enters, and that entry pays", "E D X E A X E", "2 1 0 1 0; 1 1"},
		{"an entry that both made", "E D A X E", "2 1 0 1 0; 1 1"},
		{"a self-IPI stays", "E X S E", "1 0 0 1 0; 1 0"},
		{"a switch shows that the entry happened for more than the IPI", "E D X W E", "1 1 0 0 0; 1 1"},
		{"so does a timer", "E D X T E", "1 1 0 0 0; 1 1"},
		{"behind it the CPU is in the kernel", "E D X D T D E", "3 1 1 1 0; 1 1"},
		{"the interrupt of the IPI itself does not", "E D X P E", "1 1 0 0 0; 0 0"},
		{"what is sent to a CPU that would be in user mode enters", "E D X A E X E", "2 1 0 1 0; 1 1"},
		{"entries without anything waiting cost nothing", "E X E X E", "0 0 0 0 0; 2 0"},
		{"the good case: never enters", "E D X E D X E D X E D X E", "4 1 3 0 0; 0 0"},
		{"the bad case: enters each time", "E D X E X E D X E X E D X E X E", "3 3 0 0 0; 3 3"},
		{"without context tracking nobody knows", "W D W D", "2 0 0 0 2; 0 0"},
		{"an idle target is in the kernel", "I D", "1 0 0 1 0; 0 0"},
		{"behind a loss nobody knows", "E D X E L D E D X E", "3 2 0 0 1; 0 0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var set result.Set
			ask(t, script(tt.words)).AddTo(&set)
			got := "0 0 0 0 0; 0 0"
			for _, row := range set.Table("what_if_cpus").Rows {
				var v []any
				for _, c := range row[1:8] {
					v = append(v, c.Int)
				}
				got = fmt.Sprintf("%d %d %d %d %d; %d %d", v...)
			}
			if got != tt.want {
				t.Errorf("%s: got %s, want %s", tt.words, got, tt.want)
			}
		})
	}
}

func TestClasses(t *testing.T) {
	var set result.Set
	ask(t, script("E D X E C X E A X E X E")).AddTo(&set)
	var got []string
	for _, row := range set.Table("what_if").Rows {
		got = append(got, fmt.Sprint(row[0].Str, " ", row[1].Int, row[2].Int, row[3].Int, row[4].Int, row[5].Int))
	}
	if diff := cmp.Diff([]string{"avoidable 1 0 0 1 0", "candidate 1 1 0 0 0", "deferrable 1 1 0 0 0"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestMergeLaws(t *testing.T) {
	words := []string{"E D X E X E", "", "E X D E A X E", "W D", "E D X E D X E D X E X E"}
	law := analysistest.Merging[*whatif.Counts]{
		Zero:  whatif.NewCounts,
		Part:  func(i int) *whatif.Counts { return ask(t, script(words[i])) },
		Parts: len(words),
		Merge: func(into, from *whatif.Counts) { into.Merge(from) },
		Text: func(c *whatif.Counts) string {
			var set result.Set
			c.AddTo(&set)
			var b bytes.Buffer
			if err := json.Write(&b, &set); err != nil {
				t.Fatal(err)
			}
			return b.String()
		},
	}
	law.Laws(t)
	analysistest.Covered(t, map[string]string{"without": "a setting: all parts of a sum have it"}, law.Part(0), law.Part(2), law.Part(3), law.Part(4))
}
