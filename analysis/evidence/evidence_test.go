package evidence_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/evidence"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

func run(t *testing.T, src trace.Source, also ...analysis.State) *result.Set {
	t.Helper()
	isolated, err := cpumask.ParseList([]byte("2-3"))
	if err != nil {
		t.Fatal(err)
	}
	cat := catalogtest.Load(t)
	state := evidence.New(src.Table(), evidence.Config{Isolated: &isolated, Catalog: cat})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, append(also, state)...)
	if err != nil {
		t.Fatal(err)
	}
	return state.Result(st.Input(&src.Table().Meta, nil))
}

// rows shows a table, cells without shares.
func rows(set *result.Set, table string) []string {
	var lines []string
	for _, row := range set.Table(table).Rows {
		var cells []string
		for _, v := range row {
			if v.Kind != result.KindFloat {
				cells = append(cells, v.Text())
			}
		}
		lines = append(lines, strings.Join(cells, " | "))
	}
	return lines
}

const generic = "generic_smp_call_function_single_interrupt"

// A send to CPU 2 with a queued call, with a stack, with both.
func send(at string) string {
	return "at " + at + "2 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=" + generic + "\n"
}

func call(at, function string) string {
	return "at " + at + "1 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=" + function + " csd=1\n" + send(at)
}

func stack(at, frames string) string {
	return "at " + at + "3 cpu 0 task a-7 flags d..1 kernel_stack smp_call_function_many_cond " + frames + " kthread\n"
}

// TestEvidence: what the frames say is a row of the catalogue's rules: text_poke*
// is do_sync_core, static_key_* is do_sync_core|do_nothing.
func TestEvidence(t *testing.T) {
	set := run(t, tracetest.Parse(
		call("1.0", "do_sync_core")+stack("1.0", "text_poke_bp_batch start")+ // the same
			call("1.1", "do_nothing")+stack("1.1", "static_key_enable start")+ // the set holds it
			call("1.2", "ipi_mb")+stack("1.2", "text_poke_bp_batch start")+ // different
			call("1.3", "ipi_mb")+stack("1.3", "text_poke_bp_batch start")+
			call("1.4", "ipi_mb")+stack("1.4", "nobody_knows")+ // does not tell
			call("1.5", "ipi_mb")+ // no stack
			send("2.0")+stack("2.0", "text_poke_bp_batch start")+ // by stack
			send("2.1")+stack("2.1", "static_key_enable start")+ // by stack, a set
			send("2.2")+stack("2.2", "nobody_knows")+
			send("2.3")+stack("2.3", "")+ // tells no cause either
			"at 3.0 cpu 0 task a-7 flags d..1 ipi_send_cpumask cpumask=0-3 callsite=f+0x1 callback=0x0\n"))
	if d := cmp.Diff([]string{"none | 2", "callback | 2", "csd | 6", "stack | 2"}, rows(set, "evidence")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	want := []string{
		"by stack, a set of functions | 1 | 2",
		"without a stack | 3 | 12",
		"with a stack that tells no cause | 1 | 9",
		"csd and stack: the same function | 1 | 5",
		"csd and stack: the stack's set holds it | 1 | 5",
		"csd and stack: different functions | 2 | 5",
		"csd and stack: the stack does not tell | 1 | 5",
		"csd and callsite: the same function | 0 | 6",
		"csd and callsite: the callsite's set holds it | 0 | 6",
		"csd and callsite: different functions | 0 | 6",
		"csd and callsite: the callsite does not tell | 6 | 6",
	}
	if d := cmp.Diff(want, rows(set, "checks")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff([]string{"ipi_mb | do_sync_core | 2"}, rows(set, "differences")); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if set.Verdict != "test: 12 hits, 2 without a known function" || set.Total("hits") != 12 {
		t.Errorf("%q, %v", set.Verdict, set.Totals)
	}
}

// TestRaise: ipi_raise events are looked at only where there are no others.
func TestRaise(t *testing.T) {
	raise := "at 1.0 cpu 0 ipi_raise target_cpus=2-3 reason=x\n"
	if got := run(t, tracetest.Parse(raise)).Total("hits"); got != 2 {
		t.Errorf("%d hits, want 2", got)
	}
	if got := run(t, tracetest.Parse(raise+call("1.1", "g"))).Total("hits"); got != 1 {
		t.Errorf("%d hits beside a send, want 1", got)
	}
	if got := run(t, tracetest.Parse(raise+"at 1.1 cpu 0 ipi_send_cpu cpu=1 callsite=f+0x1 callback=0x0")).Total("hits"); got != 0 {
		t.Errorf("%d hits beside a send to nobody, want 0", got)
	}
}

// TestSameHits: these are the hits that are counted, on every recording.
func TestSameHits(t *testing.T) {
	paths, err := filepath.Glob("../../fixtures/*/trace.dat*")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	isolated, _ := cpumask.ParseList([]byte("2-3"))
	cat := catalogtest.Load(t)
	for _, path := range paths {
		src, err := parser.Open(path, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		counts := ipi.New(src.Table(), ipi.Config{Isolated: &isolated, Catalog: cat})
		set := run(t, src, counts)
		total := counts.Counts(set.Inputs[0]).Total()
		none := int64(0)
		for _, row := range set.Table("evidence").Rows {
			if row[0].Str == "none" {
				none = row[1].Int
			}
		}
		if uint64(set.Total("hits")) != total.Hits || uint64(none) != total.Unattributed {
			t.Errorf("%s: %d hits, %d unknown; report counts %d and %d", path, set.Total("hits"), none, total.Hits, total.Unattributed)
		}
		src.Close()
	}
}
