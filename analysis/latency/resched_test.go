package latency_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// flags makes events of CPU 2: "TIME FLAGS EVENT", in microseconds.
func flags(lines string) string {
	var b strings.Builder
	for line := range strings.Lines(lines) {
		w := strings.Fields(line)
		if len(w) < 3 {
			continue
		}
		if w[1] == "lost" {
			fmt.Fprintf(&b, "lost cpu 2 at 1.%06s n 1\n", w[0])
			continue
		}
		fmt.Fprintf(&b, "at 1.%s cpu 2 task a-7 flags %s %s\n", strings.Repeat("0", 6-len(w[0]))+w[0], w[1], strings.Join(w[2:], " "))
	}
	return b.String()
}

// The life of need-resched flags: N is need-resched, L the lazy one, B both.
func TestNeedResched(t *testing.T) {
	const change = " d..2 sched_switch prev_pid=7 next_pid=8\n"
	for _, tt := range []struct {
		name, script string
		want         string // need to switch, lazy to switch, lazy to need
	}{
		{"a switch that is due", "10 dN.. x a=1\n15 dN.. x a=1\n40" + change, "30 - -"},
		{"the lazy flag alone, as at the end of a tick", "10 dL.. x a=1\n40" + change, "- 30 -"},
		{"lazy, then in earnest", "10 dL.. x a=1\n50 dB.. x a=1\n80" + change, "30 70 40"},
		{"in earnest from the start: lazy adds nothing", "10 dN.. x a=1\n20 dB.. x a=1\n80" + change, "70 - -"},
		{"both at once are no upgrade", "10 dB.. x a=1\n80" + change, "70 70 -"},
		{"a flag that goes without a switch", "10 dL.. x a=1\n50 d... x a=1\n80" + change, "- - -"},
		{"a gap ends what it may have ended", "10 dN.. x a=1\n20 lost x\n80" + change, "- - -"},
		{"the flag of a stack is its event's", "10 d... x a=1\n11 dN.. kernel_stack f\n80" + change, "- - -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tb := measure(t, tracetest.Parse(flags(tt.script)), "function", latency.KindAll).Result().Table("resched")
			got := map[string]string{}
			for _, row := range tb.Rows {
				if n := row[tb.Index("count")].Int; n != 1 {
					t.Errorf("%s: %d", row[0].Str, n)
				}
				got[row[0].Str] = fmt.Sprint(row[tb.Index("max_ns")].Int / 1000)
			}
			var list []string
			for _, flag := range []string{"need-resched to switch", "lazy to switch", "lazy to need-resched"} {
				if got[flag] == "" {
					got[flag] = "-"
				}
				list = append(list, got[flag])
			}
			if s := strings.Join(list, " "); s != tt.want {
				t.Errorf("got %s, want %s", s, tt.want)
			}
		})
	}
}

// A delivery that ends before it begins is counted and left out of the times.
func TestNegative(t *testing.T) {
	src := tracetest.Parse(backwards)
	src.Table().Meta.Clock = "local"
	set := measure(t, src, "function", latency.KindAll).Result()
	if n := set.Total("negative"); n != 1 {
		t.Errorf("%d negative deliveries, want 1", n)
	}
	for col, want := range map[string]int64{"delivery.count": 1, "delivery.max_ns": 10_000, "bracket.count": 2} {
		if got := cell(t, set, "groups", "reschedule", col); got != want {
			t.Errorf("%s is %d, want %d", col, got, want)
		}
	}
	var codes []string
	for _, w := range set.Warnings {
		codes = append(codes, w.Code)
	}
	if !strings.Contains(strings.Join(codes, " "), "negative") {
		t.Errorf("warnings: %q", codes)
	}
	if tb := set.Table("groups"); tb.Rows[0][tb.Index("doubtful")].Str != "delivery" {
		t.Errorf("doubtful: %+v", tb.Rows[0])
	}
}
