package quiet

import (
	"bytes"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Markers finds the gaps that measuring programs mark in the trace itself when
// they stop it: what they write to trace_marker says how long they did not run,
// and the event where and until when.
type Markers struct {
	table *trace.Table
	print []int8 // by EventID: 0 not looked up, 1 yes, -1 no
	Gaps  []Gap
}

// NewMarkers returns a Markers for a trace with this table.
func NewMarkers(t *trace.Table) *Markers { return &Markers{table: t} }

var _ analysis.Selective = (*Markers)(nil)

// Wants implements analysis.Selective.
func (m *Markers) Wants() trace.Want {
	return trace.Want{Events: []string{"print"}, Stacks: []string{}}
}

// Event implements analysis.State.
func (m *Markers) Event(e *trace.Event) {
	if e.CPU < 0 || !m.isPrint(e) || len(m.Gaps) >= maxMarkers {
		return
	}
	text, ok := e.Bytes(e.Schema().Ref("buf"))
	if !ok {
		return
	}
	if us, ok := markedLatency(text); ok {
		m.Gaps = append(m.Gaps, Gap{CPU: e.CPU, Start: e.Time - trace.Time(us*1000), End: e.Time, File: m.table.Meta.Path})
	}
}

// maxMarkers bounds the gaps of one trace: programs stop at the first.
const maxMarkers = 1 << 12

func (m *Markers) isPrint(e *trace.Event) bool {
	for int(e.ID) >= len(m.print) {
		m.print = append(m.print, 0)
	}
	if m.print[e.ID] == 0 {
		m.print[e.ID] = -1
		if e.Schema().Name == "print" {
			m.print[e.ID] = 1
		}
	}
	return m.print[e.ID] > 0
}

// Lost implements analysis.State.
func (m *Markers) Lost(*trace.Lost) {}

// End implements analysis.State.
func (m *Markers) End(analysis.Span) {}

// markedLatency reads the microseconds of a mark:
//
//	hit latency threshold (138 > 100)                       cyclictest -b 100 --tracemark
//	Hit latency 138                                         jitterdebugger -b 100
//	oslat: Trace threshold (20 us) triggered ... with 138 us!  oslat -T 20
func markedLatency(text []byte) (us int64, ok bool) {
	if _, rest, found := bytes.Cut(text, []byte("hit latency threshold (")); found {
		return leadingNumber(rest)
	}
	if _, rest, found := bytes.Cut(text, []byte("Hit latency ")); found {
		return leadingNumber(rest)
	}
	if _, rest, found := bytes.Cut(text, []byte("Trace threshold (")); found {
		if _, rest, found = bytes.Cut(rest, []byte(" with ")); found {
			return leadingNumber(rest)
		}
	}
	return 0, false
}

// leadingNumber reads the digits in front, up to 12 of them: eleven days in
// microseconds.
func leadingNumber(b []byte) (n int64, ok bool) {
	for i := 0; i < len(b) && i < 12 && b[i] >= '0' && b[i] <= '9'; i++ {
		n, ok = n*10+int64(b[i]-'0'), true
	}
	return n, ok
}
