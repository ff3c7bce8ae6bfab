package datfile

import (
	"encoding/json"
	"fmt"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// OptRecorded is the id of the option in which ipiscope record says what it
// recorded. trace-cmd numbers its options from 1 and passes over others.
const OptRecorded = 0x6970

// noteSchema names the form of a note.
const noteSchema = "ipiscope/recorded/v1"

// note is the JSON of a trace.Recorded.
type note struct {
	Schema   string      `json:"schema"`
	Isolated string      `json:"isolated"`
	Ring     bool        `json:"ring,omitempty"`
	Events   []noteEvent `json:"events"`
	Covered  *noteSpan   `json:"covered,omitempty"`
}

// noteSpan is a trace.Covered.
type noteSpan struct {
	From  int64  `json:"from_ns"`
	To    int64  `json:"to_ns"`
	Count uint64 `json:"count"`
}

type noteEvent struct {
	Name   string `json:"name"`
	Filter string `json:"filter,omitempty"`
	Stack  bool   `json:"stack,omitempty"`
}

// Note writes down what was recorded.
func Note(r *trace.Recorded) ([]byte, error) {
	n := note{Schema: noteSchema, Isolated: r.Targets.String(), Ring: r.Ring}
	for _, e := range r.Events {
		n.Events = append(n.Events, noteEvent(e))
	}
	if c := r.Covered; c != nil {
		n.Covered = &noteSpan{int64(c.From), int64(c.To), c.Count}
	}
	return json.Marshal(n)
}

// ParseNote reads a note.
func ParseNote(text []byte) (*trace.Recorded, error) {
	var n note
	if err := json.Unmarshal(text, &n); err != nil {
		return nil, fmt.Errorf("the recorder's note: %w", err)
	}
	if n.Schema != noteSchema {
		return nil, fmt.Errorf("the recorder's note is a %q, want %q", n.Schema, noteSchema)
	}
	targets, err := cpumask.ParseList([]byte(n.Isolated))
	if err != nil {
		return nil, fmt.Errorf("the recorder's note: isolated: %w", err)
	}
	r := &trace.Recorded{Targets: targets, Ring: n.Ring}
	for _, e := range n.Events {
		r.Events = append(r.Events, trace.RecordedEvent(e))
	}
	if c := n.Covered; c != nil {
		if c.To < c.From {
			return nil, fmt.Errorf("the recorder's note: covered: it ends at %d, before it begins at %d", c.To, c.From)
		}
		r.Covered = &trace.Covered{Window: trace.Window{From: trace.Time(c.From), To: trace.Time(c.To)}, Count: c.Count}
	}
	return r, nil
}
