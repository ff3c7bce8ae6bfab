package cli

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// keep makes the selection of --events, --cpu and --instance for one trace. It
// is nil if everything is kept.
func (in *Inputs) keep(src trace.Source) (func(*trace.Event) bool, error) {
	var tests []func(*trace.Event) bool
	t := src.Table()
	if in.instance != nil {
		id, ok := trace.NameID(0), *in.instance == ""
		for _, name := range t.Meta.Instances {
			if name == *in.instance {
				id, ok = t.Name(name), true
			}
		}
		if !ok && len(t.Meta.Instances) > 0 {
			return nil, Unknown("instance", *in.instance, t.Meta.Instances)
		}
		if !ok {
			id = t.Name(*in.instance) // text: instances show up line by line
		}
		tests = append(tests, func(e *trace.Event) bool { return e.Instance == id })
	}
	if in.cpus != nil {
		tests = append(tests, func(e *trace.Event) bool { return in.cpus.Has(int(e.CPU)) })
	}
	if in.events != nil {
		if err := checkEvents(t, in.events); err != nil {
			return nil, err
		}
		if h, ok := trace.As[trace.Hinter](src); ok {
			h.Hint(trace.Hint{Events: in.events})
		}
		tests = append(tests, (&eventSet{names: in.events}).has)
	}
	switch len(tests) {
	case 0:
		return nil, nil
	case 1:
		return tests[0], nil
	}
	return func(e *trace.Event) bool {
		for _, test := range tests {
			if !test(e) {
				return false
			}
		}
		return true
	}, nil
}

// checkEvents finds names that no event has. Only binary traces can tell: they
// list the events that their kernel has, text shows its names line by line.
func checkEvents(t *trace.Table, names []string) error {
	if t.Meta.LongSize == 0 {
		return nil
	}
	for _, name := range names {
		if len(t.Lookup(name)) > 0 || events.IsKnown(name) {
			continue // one that is known may be missing in this kernel
		}
		var valid []string
		for _, s := range t.Schemas() {
			valid = append(valid, s.Name)
		}
		for e := range events.All() {
			valid = append(valid, e.Name)
		}
		return UnknownBriefly("event", name, valid)
	}
	return nil
}

// An eventSet is a list of event names, looked up once for each event id.
type eventSet struct {
	names []string
	known []int8 // by EventID: 0 not looked up, 1 in the set, -1 not
}

func (s *eventSet) has(e *trace.Event) bool {
	for int(e.ID) >= len(s.known) {
		s.known = append(s.known, 0)
	}
	if s.known[e.ID] == 0 {
		s.known[e.ID] = -1
		for _, name := range s.names {
			system, event, ok := strings.Cut(name, ":")
			if !ok {
				system, event = "", name
			}
			if event == e.Schema().Name && (system == "" || system == e.Schema().System || e.Schema().System == "") {
				s.known[e.ID] = 1
			}
		}
	}
	return s.known[e.ID] > 0
}

// markers notes when texts were first written to trace_marker.
type markers struct {
	want  []string
	found map[string]trace.Time
}

// marks returns the state that finds the markers a window asks for.
func (w *windowSpec) marks() *markers {
	m := &markers{found: map[string]trace.Time{}}
	for _, b := range []*bound{w.from, w.to} {
		if b != nil && b.from == anchorMark {
			m.want = append(m.want, b.mark)
		}
	}
	return m
}

// Event implements analysis.State. trace_marker writes are ftrace's print
// events (kernel/trace/trace_entries.h).
func (m *markers) Event(e *trace.Event) {
	if len(m.want) == 0 || e.Schema().Name != "print" {
		return
	}
	text, ok := e.Bytes(e.Schema().Ref("buf"))
	if !ok {
		return
	}
	for _, want := range m.want {
		if _, seen := m.found[want]; !seen && strings.Contains(string(text), want) {
			m.found[want] = e.Time
		}
	}
}

func (m *markers) Lost(*trace.Lost)  {}
func (m *markers) End(analysis.Span) {}
