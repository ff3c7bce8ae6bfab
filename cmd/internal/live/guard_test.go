package live

import (
	"context"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// guarded runs a script past a Guard with these limits.
func guarded(t *testing.T, script string, limits ...string) *Guard {
	t.Helper()
	b := &budget.Budget{}
	for _, l := range limits {
		if err := b.AddLimit(l); err != nil {
			t.Fatal(err)
		}
	}
	c, iso := catalogAndIsolated(t)
	src := tracetest.Parse(script)
	g := NewGuard(src.Table(), b, c, iso)
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, g); err != nil {
		t.Fatal(err)
	}
	return g
}

const unknownHit = "at 1.95 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=x+0x1 callback=generic_smp_call_function_single_interrupt\n"

func TestGuard(t *testing.T) {
	late := "at 9001.5 cpu 1 task e-9 flags d..1 ipi_send_cpu cpu=3 callsite=resched_curr+0x1 callback=0x0\n"
	for _, tt := range []struct {
		name, script string
		limits       []string
		broken       string // "" if it is not
		undecided    string
	}{
		{"the first hit of what is not allowed", sent(3), []string{"function=ipi_mb:0"}, "CPU 2: ipi_mb: 0 allowed per CPU and hour: hit 1 at 1.000001: ipi_mb (avoidable) by (no stack), from CPU 0, task a-7", ""},
		{"one more than allowed", sent(3), []string{"function=ipi_mb:2"}, "hit 3 at 1.000021", ""},
		{"as many as allowed", sent(3), []string{"function=ipi_mb:3"}, "", ""},
		{"a function of another CPU", sent(3), []string{"function=reschedule:0"}, "CPU 3: reschedule: 0 allowed", ""},
		{"all of a CPU, not of all CPUs", sent(3), []string{"all:3"}, "", ""},
		{"a class", sent(3), []string{"class=avoidable:1"}, "CPU 2: avoidable hits: 1 allowed per CPU and hour: hit 2", ""},
		{"what did not come", sent(3), []string{"class=deferrable:0", "function=do_sync_core:0"}, "", ""},
		{"a hit that may be any function", sent(3) + unknownHit, []string{"function=do_sync_core:0"}, "", `1 hits of CPU 3 may be of "do_sync_core"`},
		{"a hit that may be any function, of which one is allowed", sent(3) + unknownHit, []string{"function=do_sync_core:1"}, "", ""},
		{"a hit of any function counts among all", sent(3) + unknownHit, []string{"all:1"}, "CPU 2: hits", ""},
		{"two and a half hours allow more than one", sent(0) + late, []string{"all:1"}, "", ""},
		{"a self-IPI is no interference", "at 1.5 cpu 3 task a-7 flags d..1 ipi_send_cpu cpu=3 callsite=f+0x1 callback=0x0\n", []string{"all:0"}, "", ""},
	} {
		g := guarded(t, tt.script, tt.limits...)
		said := ""
		if b := g.Broken(); b != nil {
			said = b.String()
		}
		if (said == "") != (tt.broken == "") || !strings.Contains(said, tt.broken) {
			t.Errorf("%s: broken %q, want %q", tt.name, said, tt.broken)
		}
		if got := g.Undecided(0, false); (got == "") != (tt.undecided == "") || !strings.Contains(got, tt.undecided) {
			t.Errorf("%s: undecided %q, want %q", tt.name, got, tt.undecided)
		}
	}
}

// TestGuardLost: losses leave a budget undecided, unless it allows them.
func TestGuardLost(t *testing.T) {
	g := guarded(t, sent(1), "function=do_sync_core:0")
	g.budget.MaxLost = 5
	for _, tt := range []struct {
		lost      uint64
		unknown   bool
		undecided bool
	}{{0, false, false}, {5, false, false}, {6, false, true}, {0, true, true}} {
		if got := g.Undecided(tt.lost, tt.unknown); (got != "") != tt.undecided {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// TestGuardTellsTheStack: a break has the stack of its send.
func TestGuardTellsTheStack(t *testing.T) {
	g := guarded(t, `
		at 1.000001 cpu 0 task a-7 flags d..1 csd_queue_cpu cpu=2 callsite=f+0x1 func=do_sync_core csd=1
		at 1.000002 cpu 0 task a-7 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=generic_smp_call_function_single_interrupt
		at 1.000003 cpu 0 task a-7 flags d..1 kernel_stack smp_call_function_many_cond on_each_cpu_cond_mask text_poke_bp_batch arch_jump_label_transform_apply static_key_enable`, "function=do_sync_core:0")
	b := g.Broken()
	if b == nil || !strings.HasSuffix(b.String(), "\n  text_poke_bp_batch\n  arch_jump_label_transform_apply\n  static_key_enable") || b.Class != "deferrable" {
		t.Errorf("%v", b)
	}
}

func TestCheckBudget(t *testing.T) {
	for text, ok := range map[string]bool{
		"max_hits_per_cpu_hour: 3": true, "classes:\n  deferrable: 0\nmax_lost: 3": true, "functions:\n  ipi_mb: 0": true,
		"max_hits_per_cpu_hour: 3\nmin_quiet: 1s": true, "max_handler: 1us\nmax_hits_per_cpu_hour: 3": true, "max_stolen: 1": true, "max_sample: 1us": false,
		"min_quiet: 1s\ninterruptions:\n  all: 3": false, "groups:\n  a:\n    cpus: 2\n    min_quiet: 1s": false, "max_untraced: 0": false, "max_lost: 3": false, "": false,
	} {
		b, err := budget.Parse([]byte(text), "b")
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := CheckBudget(b); (got == nil) != ok {
			t.Errorf("%q: %v", text, got)
		}
	}
}
