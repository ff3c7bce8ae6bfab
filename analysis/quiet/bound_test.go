package quiet_test

import (
	"context"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog/catalogtest"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// watchAs watches CPU 2 in a script of which more is known than it says.
func watchAs(t *testing.T, script string, known func(*result.Input)) *quiet.Counts {
	t.Helper()
	src := tracetest.Parse(script)
	src.Table().Meta.CPUs = 4
	cat := catalogtest.Load(t)
	m, _ := cpumask.ParseList([]byte("2"))
	s := quiet.New(src.Table(), quiet.Config{Isolated: &m, Catalog: cat})
	st, err := analysis.Run(context.Background(), src, analysis.Options{}, s)
	if err != nil {
		t.Fatal(err)
	}
	in := st.Input(&src.Table().Meta, nil)
	s.Testify(&in)
	known(&in)
	return s.Counts(in)
}

// TestBound: the longest quiet is said to be what it is only where all that would
// have ended it shows, and counts where nothing was lost. The cases follow from
// the definition in docs/definitions.md.
func TestBound(t *testing.T) {
	const (
		send  = "cpu 0 task x-1 flags d..1 ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n"
		timer = "local_timer_entry vector=236"
	)
	pair := on2(100, timer) + on2(105, "local_timer_exit vector=236")
	ipi := "at 1.000290 " + send + on2(300, "reschedule_entry vector=253") + on2(301, "reschedule_exit vector=253")
	as := func(change func(*result.Input)) func(*result.Input) { return change }
	asIs := as(func(*result.Input) {})
	for _, tt := range []struct {
		name, script string
		known        func(*result.Input)
		want, why    string
	}{
		{"all is there", pair + ipi, asIs, "", ""},
		{"an interrupt has no exit", on2(50, timer) + pair + ipi, asIs, "at most", "1 interrupts and softirqs have an entry without an exit"},
		{"an interrupt has no entry", pair + on2(200, "local_timer_exit vector=236") + ipi, asIs, "at most", "1 interrupts and softirqs"},
		{"hits are known by their sends alone", pair + "at 1.000290 " + send, asIs, "at most", ""},
		{"a hit has no interrupt", pair + ipi + "at 1.000400 " + send + strings.Repeat("at 1.000410 "+send, 64), asIs, "at most", "1 hits have no interrupt"},
		{"the interrupts of IPIs were switched on late", pair + "at 1.000110 " + send + "at 1.000120 " + send + ipi, asIs, "at most", "2 hits have no interrupt"},
		{"nobody says that device interrupts were recorded", pair + ipi, as(func(in *result.Input) { in.Untold = []string{"irq_handler_entry", "sched_switch"} }),
			"at most", "nothing says that irq_handler_entry was recorded"},
		{"nobody says so, but here they are", pair + ipi + on2(400, "irq_handler_entry irq=5 name=x") + on2(401, "irq_handler_exit irq=5 ret=handled"),
			as(func(in *result.Input) { in.Untold = []string{"irq_handler_entry"} }), "", ""},
		{"no IPI, and sends of one kind were off", pair, as(func(in *result.Input) { in.Unrecorded = []string{"x"} }), "at most", ""},
		{"no IPI, and nobody says that sends of one kind were on", pair, as(func(in *result.Input) { in.Unsaid = []string{"x"} }), "at most", ""},
		{"no IPI, and a send without a target", pair, as(func(in *result.Input) { in.Sent.Untargeted = 1 }), "at most", ""},
		{"IPIs, and a send without a target", pair + ipi, as(func(in *result.Input) { in.Sent.Untargeted = 1 }), "", ""},
		{"a CPU that was taken down, nobody knows when", pair + ipi + on2(400, "sched_switch prev_pid=9 next_pid=22 next_comm=cpuhp/2"), asIs, "at most", "the thread ran that takes CPUs down"},
		{"a CPU that was taken down, and was not offline meanwhile", pair + ipi + on2(400, "sched_switch prev_pid=9 next_pid=22 next_comm=cpuhp/2") +
			"at 1.000450 cpu 0 task kworker-3 flags d..1 cpuhp_enter cpu=3 target=0 idx=236\n", asIs, "", ""},
		{"a gap", pair + "lost cpu 2 at 1.000150 n 1\n" + ipi, asIs, "about", ""},
		{"a gap of unknown size", pair + "lost cpu 2 at 1.000150\n" + ipi, asIs, "about", ""},
		{"a gap of another CPU", pair + "lost cpu 1 at 1.000150 n 1\n" + ipi, asIs, "about", ""},
		{"a gap of another CPU, which may have sent", pair + "lost cpu 1 at 1.000150 n 1\n" + "at 1.000290 " + send, asIs, "about", ""},
		{"losses that only counters tell of", pair + ipi, as(func(in *result.Input) { in.Lost = 3 }), "about", ""},
		{"more of them than gaps tell", pair + "lost cpu 1 at 1.000150 n 1\n" + ipi, as(func(in *result.Input) { in.Lost = 3 }), "about", ""},
		{"losses that nobody counted", pair + ipi, as(func(in *result.Input) { in.LostUnknown = true }), "about", ""},
		{"not read to its end", pair + ipi, as(func(in *result.Input) { in.Incomplete = true }), "about", ""},
	} {
		c := watchAs(t, first+tt.script+last, tt.known)
		set := c.Result()
		if got := c.CPUs()[0].Bound; got != tt.want {
			t.Errorf("%s: %q, want %q (%v)", tt.name, got, tt.want, set.Warnings)
		}
		if got := rows(t, set, "cpus", "longest_quiet_bound"); got[0] != tt.want {
			t.Errorf("%s: the table says %q", tt.name, got)
		}
		text := ""
		for _, w := range set.Warnings {
			if w.Code == "quiet-bound" {
				text = w.Text
			}
		}
		if !strings.Contains(text, tt.why) || (tt.why == "") != (text == "") {
			t.Errorf("%s: warned %q, want %q", tt.name, text, tt.why)
		}
		// the sum of two is as doubtful
		sum := watchAs(t, first+pair+ipi+last, asIs)
		sum.Merge(c)
		if got := sum.CPUs()[0].Bound; got != tt.want {
			t.Errorf("%s, and another: %q, want %q", tt.name, got, tt.want)
		}
	}
}
