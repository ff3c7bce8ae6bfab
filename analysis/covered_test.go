package analysis

import (
	"context"
	"testing"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/trace/tracetest"
)

// TestCovered: the span is that of the recording where the recorder vouches for it
// and nothing speaks against that. Whatever does leaves that of the events.
func TestCovered(t *testing.T) {
	const events = "at 2.0 cpu 0 a x=1\nat 3.0 cpu 1 b x=1\n"
	whole, parts := Span{First: 1 * sec, Last: 9 * sec}, Span{First: 2 * sec, Last: 3 * sec}
	zero := ""
	var cpu0 cpumask.Mask
	cpu0.Set(0)
	for _, tt := range []struct {
		name   string
		script string
		count  uint64
		meta   func(*trace.Meta)
		o      Options
		want   Span
		whole  bool
	}{
		{name: "all events", script: events, count: 2, want: whole, whole: true},
		{name: "no event", count: 0, want: whole, whole: true},
		{name: "an event is missing", script: events, count: 3, want: parts},
		{name: "all events are missing", count: 2},
		{name: "one too many", script: events, count: 1, want: parts},
		{name: "the recorder does not vouch", script: events, count: 2, meta: func(m *trace.Meta) { m.Recorded.Covered = nil }, want: parts},
		{name: "nobody wrote anything down", script: events, count: 2, meta: func(m *trace.Meta) { m.Recorded = nil }, want: parts},
		{name: "the kernel dropped some", script: events, count: 2, meta: func(m *trace.Meta) { m.CPUStats = []trace.CPUStat{{DroppedEvents: 1}} }, want: parts},
		{name: "the kernel overwrote some", script: events, count: 2, meta: func(m *trace.Meta) { m.CPUStats = []trace.CPUStat{{Overrun: 1}} }, want: parts},
		{name: "of one instance", script: events, count: 2, o: Options{Select: trace.Selection{Instance: &zero}}, want: parts},
		{name: "of one CPU", script: events, count: 2, o: Options{Select: trace.Selection{CPUs: &cpu0}}, want: whole, whole: true},
		{name: "a window between the events", script: events, count: 2, o: Options{Window: &trace.Window{From: 4 * sec, To: 5 * sec}}, want: Span{First: 4 * sec, Last: 5 * sec}, whole: true},
		{name: "a window that begins before", script: events, count: 2, o: Options{Window: &trace.Window{From: 0, To: 5 * sec}}, want: Span{First: 1 * sec, Last: 5 * sec}, whole: true},
	} {
		src := tracetest.Parse(tt.script)
		src.Table().Meta.Recorded = &trace.Recorded{Covered: &trace.Covered{Window: trace.Window{From: 1 * sec, To: 9 * sec}, Count: tt.count}}
		if tt.meta != nil {
			tt.meta(&src.Table().Meta)
		}
		var s sample
		st, err := Run(context.Background(), src, tt.o, &s)
		if err != nil || st.Span != tt.want || s.span != tt.want || st.Whole != tt.whole {
			t.Errorf("%s: %v, whole %v, the state was told %v, want %v, whole %v, %v", tt.name, st.Span, st.Whole, s.span, tt.want, tt.whole, err)
		}
	}
	// a lost mark and a line that was not understood
	for _, r := range []trace.Record{&trace.Lost{CPU: 1, Time: 2 * sec}, &trace.SyntaxError{}, &trace.Restart{}} {
		src := &hinted{Source: tracetest.Parse(events), first: []trace.Record{r}}
		src.Table().Meta.Recorded = &trace.Recorded{Covered: &trace.Covered{Window: trace.Window{From: 1 * sec, To: 9 * sec}, Count: 2}}
		if st, err := Run(context.Background(), src, Options{}); err != nil || st.Span != parts || st.Whole {
			t.Errorf("%T: %v, whole %v, %v", r, st.Span, st.Whole, err)
		}
	}
}
