package track

import (
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// TestStaleCalls: of a source without an end, calls that no IPI can be of any more do
// not wait for one for ever; those that are young, or few, do.
func TestStaleCalls(t *testing.T) {
	for _, tt := range []struct {
		calls, want int
		now         trace.Time
	}{{maxStale, 0, 10e9}, {maxStale + 1, maxStale + 1, 10e9}, {maxStale + 1, 0, 1_500_000_000}} {
		requests := 0
		tab := trace.NewTable()
		s := NewSends(tab, Config{Request: func(*Request) { requests++ }})
		for i := range tt.calls {
			s.calls.queue(1, callKey{trace.Context{PID: int32(i)}, 2, 0}, call{time: 1e9})
		}
		if s.Now(tt.now); requests != tt.want {
			t.Errorf("%d calls at %d: %d requests without an IPI, want %d", tt.calls, tt.now, requests, tt.want)
		}
	}
}
