package track_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// sender is a Sends as a State.
type sender struct{ *track.Sends }

func (s sender) End(analysis.Span) { s.Sends.End() }

// hitsOf counts the hits of CPU 2 and the requests that sent no IPI, and wants those
// sends to be taken back that were told of early and are none.
func hitsOf(t *testing.T, format, script string) (hits, requests int, in result.Input) {
	t.Helper()
	src := tracetest.Parse(script)
	src.Table().Meta.Format = format
	m, _ := cpumask.ParseList([]byte("2"))
	early := map[uint64]bool{}
	s := track.NewSends(src.Table(), track.Config{
		Isolated: &m, Send: func(w *track.Send) {
			hits += len(w.Hits)
			if !early[w.Serial] {
				t.Errorf("send %d was taken back or not told of early", w.Serial)
			}
			delete(early, w.Serial)
		}, Request: func(*track.Request) { requests++ },
		Early: func(w *track.Send) { early[w.Serial] = true }, Unsent: func(serial uint64) { delete(early, serial) },
	})
	if _, err := analysis.Run(context.Background(), src, analysis.Options{}, sender{s}); err != nil {
		t.Fatal(err)
	}
	if len(early) > 0 {
		t.Errorf("%d sends were neither handed out nor taken back", len(early))
	}
	s.Testify(&in)
	return hits, requests, in
}

// twice are n sends of alternating tasks, 1 ms apart, each of them as often as
// said, a few microseconds apart.
func twice(n int, samples func(i int) int) string {
	var b strings.Builder
	for i := range n {
		for j := range samples(i) {
			fmt.Fprintf(&b, "at 1.%06d cpu 0 task a-%d csd_queue_cpu cpu=2 callsite=f+0x1 func=g csd=%d\n", i*1000+7*j, 10+i%3, 100+i)
		}
		for j := range samples(i) {
			fmt.Fprintf(&b, "at 1.%06d cpu 0 task a-%d ipi_send_cpu cpu=2 callsite=f+0x1 callback=%s\n", i*1000+100+7*j, 10+i%3, generic)
		}
	}
	return b.String()
}

// TestDoubledTracepoint: perf record -e csd:csd_queue_cpu -e 'csd:*' gives two samples
// of each hit, microseconds apart, on one CPU, of one task, with equal fields (perf
// 6.12 and 7.2). ftrace cannot record one event twice in one buffer.
func TestDoubledTracepoint(t *testing.T) {
	const perf = "perf script text"
	for _, tt := range []struct {
		name, format, script  string
		hits, requests, noted int
	}{
		{"once", perf, twice(20, func(int) int { return 1 }), 20, 0, 0},
		{"all twice", perf, twice(20, func(int) int { return 2 }), 20, 0, 2},
		{"the second of one was lost", perf, twice(40, func(i int) int { return 2 - i/38%2*(i%2) }), 40, 0, 2},
		{"a few are alike", perf, twice(20, func(i int) int { return 1 + i%2 }), 30, 10, 0},
		{"too few to tell", perf, twice(2, func(int) int { return 2 }), 4, 2, 0},
		{"not perf's", "ftrace text", twice(20, func(int) int { return 2 }), 40, 20, 0},
		{"evenly spaced", perf, func() string {
			var b strings.Builder
			for i := range 20 {
				fmt.Fprintf(&b, "at 1.%06d cpu 0 task a-%d ipi_send_cpu cpu=2 callsite=f+0x1 callback=0x0\n", i*1000, 10+i/2)
			}
			return b.String()
		}(), 20, 0, 0},
	} {
		hits, requests, in := hitsOf(t, tt.format, tt.script)
		if hits != tt.hits || requests != tt.requests || len(in.Notes) != tt.noted || in.Sent.CPU != uint64(tt.hits) {
			t.Errorf("%s: %d hits, %d requests without, notes %q, sent %+v; want %d, %d and %d notes", tt.name, hits, requests, in.Notes, in.Sent, tt.hits, tt.requests, tt.noted)
		}
	}
}
