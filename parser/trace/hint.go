package trace

import (
	"math"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Hint tells a source what its consumer will look at, so that it can pass
// over the rest. The zero Hint asks for everything.
//
// A source may ignore a Hint or parts of it: what it delivers is a superset of
// what was asked for, in the same order. What it leaves out depends on the trace
// alone, never on how it is read.
type Hint struct {
	// Select says what takes part. The rest is not delivered and not counted.
	Select Selection
	// Window is the time that is looked at; nil is all of it. Events outside of
	// it are not delivered.
	Window *Window
	// Want says what is looked at. Events that take part and are passed over are
	// counted in Skipped records.
	Want Want
	// ByEvent asks for Skipped.ByEvent.
	ByEvent bool
}

// A Hinter is a Source that can use a Hint. Hint must be called before the
// first Scan.
type Hinter interface{ Hint(Hint) }

// A Want says which events are looked at. The zero Want is all of them.
//
// The first event of each CPU and instance that takes part, in the window, is
// delivered whatever it is: a consumer learns from it which CPUs there are and
// when the trace begins.
type Want struct {
	// Events holds "system:name" or "name" of events other than stacks; nil is
	// all of them.
	Events []string
	// Stacks holds the same of the events whose stacks are looked at; nil is all
	// of them. Of other events' stacks none is delivered. The event that ends
	// the wait for a stack is delivered, too.
	Stacks []string
	// Functions holds names of kernel functions: of the events of the function tracers
	// (function, funcgraph_entry, funcgraph_exit) those about them are looked at, and
	// their stacks, besides what Events and Stacks name.
	Functions []string
	// Names says that the names of kernel addresses are looked at, so that a
	// source may get its symbols ready with the first of these events.
	Names bool
}

// And returns a Want for two consumers.
func (w Want) And(o Want) Want {
	both := func(a, b []string) []string {
		if a == nil || b == nil {
			return nil
		}
		return append(a[:len(a):len(a)], b...)
	}
	functions := append(w.Functions[:len(w.Functions):len(w.Functions)], o.Functions...)
	slices.Sort(functions)
	return Want{both(w.Events, o.Events), both(w.Stacks, o.Stacks), slices.Compact(functions), w.Names || o.Names}
}

// IsFunction reports whether an event is one of those that Want.Functions is about.
func IsFunction(s *Schema) bool {
	return (s.System == "ftrace" || s.System == "") && (s.Name == "function" || s.Name == "funcgraph_entry" || s.Name == "funcgraph_exit")
}

// A Window cuts a trace in time. Both ends are included.
type Window struct {
	From, To Time
}

// Always is the window that cuts nothing.
func Always() Window { return Window{math.MinInt64, math.MaxInt64} }

// Has reports whether t lies in the window.
func (w Window) Has(t Time) bool { return t >= w.From && t <= w.To }

// Skipped says that events were passed over because no consumer wanted them. It
// comes now and then while a source is read, and tells of all of them by the end
// of the trace; a source that skips much delivers one often enough to measure
// progress by, if need be with N = 0.
type Skipped struct {
	CPU int32 // where they were recorded, -1 for several CPUs
	// N is their number within the window.
	N uint64
	// First and Last are the times of the first and the last of them, inside
	// the window or not. They mean something if Any is set.
	First, Last Time
	Any         bool
	// ByEvent holds N by EventID if Hint.ByEvent asked for it; CPU is set then.
	// It is valid until the next Scan.
	ByEvent []uint64
}

func (*Skipped) record() {}

// A Selection says which events of a trace take part; the zero Selection takes
// all. Losses always take part.
type Selection struct {
	Events   []string      // "system:name" or "name"; nil: all
	CPUs     *cpumask.Mask // recording CPUs; nil: all
	Instance *string       // the trace instance, "" is the top buffer; nil: all
}

// HasEvent reports whether events of a schema take part. A name with a system
// takes also those of whom the input does not say the system.
func (s *Selection) HasEvent(e *Schema) bool { return s.Events == nil || Names(s.Events, e) }

// Names reports whether a list of "system:name" or "name" holds an event.
func Names(list []string, s *Schema) bool {
	for _, name := range list {
		system, event, ok := strings.Cut(name, ":")
		if !ok {
			system, event = "", name
		}
		if event == s.Name && (system == "" || system == s.System || s.System == "") {
			return true
		}
	}
	return false
}

// Test makes the test of one trace's events, nil if all take part. Each event id
// is looked up once.
func (s *Selection) Test(t *Table) func(*Event) bool {
	if s.Events == nil && s.CPUs == nil && s.Instance == nil {
		return nil
	}
	var instance NameID
	if s.Instance != nil {
		instance = t.Name(*s.Instance)
	}
	var known []int8 // by EventID: 0 not looked up, 1 takes part, -1 does not
	return func(e *Event) bool {
		if s.Instance != nil && e.Instance != instance || s.CPUs != nil && !s.CPUs.Has(int(e.CPU)) {
			return false
		}
		if s.Events == nil {
			return true
		}
		for int(e.ID) >= len(known) {
			known = append(known, 0)
		}
		if known[e.ID] == 0 {
			known[e.ID] = -1
			if s.HasEvent(e.Schema()) {
				known[e.ID] = 1
			}
		}
		return known[e.ID] > 0
	}
}
