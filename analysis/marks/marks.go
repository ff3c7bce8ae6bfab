// Package marks makes spans and counts of what trace_printk and trace_marker wrote,
// and says how many IPIs came meanwhile.
package marks

import (
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Config says what is looked for.
type Config struct {
	Marks    []Mark
	Isolated *cpumask.Mask // nil: every CPU
	Counts   func(*trace.Event) bool
	// Text returns the text that an event wrote, false for events that are no
	// such text. It is valid until the next call.
	Text func(*trace.Event) ([]byte, bool)
	// Events are the names of the events that Text may know, nil if it does not
	// know their names before.
	Events []string
}

// An open span waits for its end.
type open struct {
	start    trace.Time
	expected bool // what should come in between has come
}

// overrun is a span that was longer than its limit.
type overrun struct {
	start  trace.Time
	length int64
	key    string
}

// keptOverruns is how many spans beyond the limit are shown one by one.
const keptOverruns = 10

// counts are the sums of one mark. Under add they are a monoid.
type counts struct {
	points     uint64
	lengths    stat.Dist
	over       uint64 // longer than the limit
	unexpected uint64 // ended without what should come in between
	unbegun    uint64 // ends without a beginning
	unended    uint64 // beginnings without an end
	lost       uint64 // open where events were lost
	openTime   int64  // with at least one span open
	hits       uint64 // while at least one span was open
	overruns   []overrun
}

// A tracker follows one mark.
type tracker struct {
	mark  *Mark
	keys  []string
	open  map[string]*open
	since trace.Time // when the first of the open spans began
	sum   counts
	// raised are the hits of ipi_raise events, which count only where there are
	// no other sends
	raised uint64
}

// A State follows the marks of one trace.
type State struct {
	cfg   Config
	sends *track.Sends
	marks []tracker
	key   []byte
	// isDirect: the trace has ipi_send events, whether they are counted or not
	isDirect     bool
	hits, raised uint64
	span         analysis.Span
}

// New returns a State for a trace with this table.
func New(t *trace.Table, cfg Config) *State {
	s := &State{cfg: cfg}
	for i := range cfg.Marks {
		m := tracker{mark: &cfg.Marks[i], open: map[string]*open{}}
		if m.mark.Begin != nil {
			m.keys = m.mark.keys()
		}
		s.marks = append(s.marks, m)
	}
	s.sends = track.NewSends(t, track.Config{Isolated: cfg.Isolated, Counts: cfg.Counts, Early: s.send, Send: func(*track.Send) {}})
	return s
}

var _ analysis.Selective = (*State)(nil)

// Wants implements analysis.Selective.
func (s *State) Wants() trace.Want {
	if s.cfg.Events == nil {
		return trace.Want{}
	}
	return track.Wants().And(trace.Want{Events: s.cfg.Events, Stacks: []string{}})
}

// Event implements analysis.State.
func (s *State) Event(e *trace.Event) {
	s.sends.Event(e)
	text, ok := s.cfg.Text(e)
	if !ok {
		return
	}
	for i := range s.marks {
		s.marks[i].line(s, e, text)
	}
}

// line takes a line of text.
func (m *tracker) line(s *State, e *trace.Event, text []byte) {
	if m.mark.Point != nil {
		if m.mark.Point.Match(text) {
			m.sum.points++
		}
		return
	}
	// an end is no beginning, whatever else the line holds: "inactive" holds "active"
	if key, ok := m.keyOf(s, e, text, m.mark.End); ok {
		m.end(e.Time, key)
		return
	}
	if m.mark.Expect != nil {
		if key, ok := m.keyOf(s, e, text, m.mark.Expect); ok {
			m.expect(key)
		}
	}
	if key, ok := m.keyOf(s, e, text, m.mark.Begin); ok {
		m.begin(e.Time, key)
	}
}

// keyOf is the key of a line that matches: the values of the groups that pair, or
// the task that wrote it.
func (m *tracker) keyOf(s *State, e *trace.Event, text []byte, p *Pattern) ([]byte, bool) {
	key, ok := p.keyed(s.key[:0], text, m.keys)
	if ok && len(m.keys) == 0 {
		key = strconv.AppendInt(key, int64(e.PID), 10)
	}
	s.key = key
	return key, ok
}

func (m *tracker) begin(at trace.Time, key []byte) {
	if o := m.open[string(key)]; o != nil {
		m.sum.unended++ // it begins again
		*o = open{start: at}
		return
	}
	if len(m.open) == 0 {
		m.since = at
	}
	m.open[string(key)] = &open{start: at}
}

// expect notes what should come between begin and end. Where the pattern lacks
// some of the groups that pair, it speaks of all open spans.
func (m *tracker) expect(key []byte) {
	if len(m.keys) == 0 || m.hasAllKeys() {
		if o := m.open[string(key)]; o != nil {
			o.expected = true
		}
		return
	}
	for _, o := range m.open {
		o.expected = true
	}
}

func (m *tracker) hasAllKeys() bool {
	return !slices.ContainsFunc(m.keys, func(k string) bool { return !slices.Contains(m.mark.Expect.names, k) })
}

func (m *tracker) end(at trace.Time, key []byte) {
	o := m.open[string(key)]
	if o == nil {
		m.sum.unbegun++
		return
	}
	length := int64(at - o.start)
	m.sum.lengths.Add(length)
	if m.mark.Expect != nil && !o.expected {
		m.sum.unexpected++
	}
	if m.mark.Limit > 0 && length > m.mark.Limit {
		m.sum.over++
		m.sum.keep(overrun{o.start, length, m.keyText(string(key))})
	}
	delete(m.open, string(key))
	m.closed(at)
}

// closed adds to the time with open spans if there is none any more.
func (m *tracker) closed(at trace.Time) {
	if len(m.open) == 0 {
		m.sum.openTime += max(0, int64(at-m.since))
	}
}

// keyText is a key for people: "task=3fe1", "task 12".
func (m *tracker) keyText(key string) string {
	if len(m.keys) == 0 {
		return "pid=" + key
	}
	var words []string
	for i, value := range strings.Split(strings.TrimSuffix(key, "\x00"), "\x00") {
		words = append(words, m.keys[i]+"="+value)
	}
	return strings.Join(words, " ")
}

// keep keeps the longest spans.
func (c *counts) keep(o overrun) {
	i, _ := slices.BinarySearchFunc(c.overruns, o, compareOverruns)
	if i < keptOverruns {
		c.overruns = slices.Insert(c.overruns, i, o)
		c.overruns = c.overruns[:min(len(c.overruns), keptOverruns)]
	}
}

// Lost implements analysis.State. The end of an open span may be among the events
// that were lost, and with it the beginning of another one.
func (s *State) Lost(l *trace.Lost) {
	s.sends.Lost(l)
	for i := range s.marks {
		m := &s.marks[i]
		if n := len(m.open); n > 0 {
			m.sum.lost += uint64(n)
			clear(m.open)
			m.closed(l.Time)
		}
	}
}

// End implements analysis.State.
func (s *State) End(span analysis.Span) {
	s.sends.End()
	s.span = span
	for i := range s.marks {
		m := &s.marks[i]
		if n := len(m.open); n > 0 {
			m.sum.unended += uint64(n)
			clear(m.open)
			m.closed(span.Last)
		}
	}
}

// send counts the hits while spans are open.
func (s *State) send(w *track.Send) {
	s.isDirect = s.isDirect || !w.IsSecond()
	if !w.Counted {
		return
	}
	n := uint64(len(w.Hits))
	if w.IsSecond() {
		s.raised += n
	} else {
		s.hits += n
	}
	for i := range s.marks {
		switch m := &s.marks[i]; {
		case len(m.open) == 0:
		case w.IsSecond():
			m.raised += n
		default:
			m.sum.hits += n
		}
	}
}
