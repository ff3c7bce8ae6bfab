package cli

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// selection is that of --events, --cpu and --instance for one trace.
func (in *Inputs) selection(t *trace.Table) (trace.Selection, error) {
	s := trace.Selection{Events: in.events, CPUs: in.cpus, Instance: in.instance}
	if in.events != nil {
		if err := checkEvents(t, in.events); err != nil {
			return s, err
		}
	}
	// a text shows its instances line by line
	if names := t.Meta.Instances; in.instance != nil && *in.instance != "" && len(names) > 0 && !slices.Contains(names, *in.instance) {
		return s, Unknown("instance", *in.instance, names)
	}
	return s, nil
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

// Wants implements analysis.Selective.
func (m *markers) Wants() trace.Want {
	w := trace.Want{Events: []string{}, Stacks: []string{}}
	if len(m.want) > 0 {
		w.Events = append(w.Events, "print")
	}
	return w
}

func (m *markers) Lost(*trace.Lost)  {}
func (m *markers) End(analysis.Span) {}
