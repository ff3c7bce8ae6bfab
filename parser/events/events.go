// Package events is the catalogue of kernel trace events whose fields ipiscope
// knows without a format file, and of how the kernel and trace-cmd print them.
// Text inputs find the fields of a printed payload with it, and a filter can be
// checked against it when no format file is at hand.
//
// A known event is a row of data. The rows were read in the format files of a
// 6.12 kernel for x86-64 (sizes are those of a 64-bit kernel) and, where a row
// says so, in the kernel's headers.
package events

import (
	"iter"
	"strings"
	"sync"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A group is the events that one kernel file defines.
type group struct {
	system string
	file   string // the kernel file that defines the events
	rows   []row
}

// A row describes one event, or several that differ in their name only.
type row struct {
	names string // separated by blanks
	// fields are C declarations as in the format file, separated by "; ".
	fields string
	// forms are the payload texts, see form. An event without one prints
	// `name=value` for each field in turn.
	forms []string
	enums []enum
}

// An enum names the numbers that a field is printed as.
type enum struct {
	field  string
	values []value
}

type value struct {
	text string
	n    int64
}

// catalogue lists all known events.
func catalogue() []group {
	var all []group
	all = append(all, ipiGroups...)
	all = append(all, irqGroups...)
	all = append(all, schedGroups...)
	all = append(all, timeGroups...)
	return append(all, ftraceGroups...)
}

type entry struct {
	group *group
	row   *row
	name  string
}

// A directory finds rows by event name. Event names are unique in the
// catalogue, which its test checks; in the kernel a few are not
// (ext4 and jbd2 reuse some), none of them listed here.
type directory struct {
	entries []entry
	byName  map[string]*entry
}

var rows = sync.OnceValue(func() *directory {
	d := &directory{byName: map[string]*entry{}}
	groups := catalogue()
	for i := range groups {
		g := &groups[i]
		for j := range g.rows {
			for name := range strings.FieldsSeq(g.rows[j].names) {
				d.entries = append(d.entries, entry{g, &g.rows[j], name})
			}
		}
	}
	for i := range d.entries {
		d.byName[d.entries[i].name] = &d.entries[i]
	}
	return d
})

// find takes "name" or "system:name".
func find(name string) *entry {
	system, event, ok := strings.Cut(name, ":")
	if !ok {
		return rows().byName[name]
	}
	e := rows().byName[event]
	if e == nil || e.group.system != system {
		return nil
	}
	return e
}

// New returns a fresh schema of a known event, which then belongs to the
// caller. The name may be preceded by its system ("ipi:ipi_send_cpu"); text
// prints names without it. Common fields and offsets are left out: no text
// holds them.
func New(name string) (*trace.Schema, bool) {
	e := find(name)
	if e == nil {
		return nil, false
	}
	s := &trace.Schema{System: e.group.system, Name: e.name, Type: -1}
	for decl := range strings.SplitSeq(e.row.fields, "; ") {
		if decl != "" {
			s.AddField(parseField(decl))
		}
	}
	s.IsStack = s.Name == "kernel_stack" || s.Name == "user_stack"
	return s, true
}

// IsKnown reports whether the catalogue has the event ("name" or "system:name").
func IsKnown(name string) bool { return find(name) != nil }

// An Event names a row of the catalogue.
type Event struct {
	System string
	Name   string
	File   string // the kernel file that defines the event
}

// All returns the known events, related ones together.
func All() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for _, e := range rows().entries {
			if !yield(Event{e.group.system, e.name, e.group.file}) {
				return
			}
		}
	}
}
