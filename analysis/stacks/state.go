package stacks

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// StateVersion is that of the form of Counts.State.
const StateVersion = 1

// The form of Counts in a state. Frames are a table, as most stacks share most of
// theirs.
type (
	stored struct {
		Frames   []state.Text   `json:"frames"`
		Samples  []storedSample `json:"samples"`
		Seen     cpumask.Mask   `json:"seen"`
		Duration int64          `json:"duration"`
		Sends    uint64         `json:"sends"`
		Taken    uint64         `json:"taken"`
		Excluded uint64         `json:"excluded,omitzero"`
	}
	storedSample struct {
		Frames []int        `json:"frames"` // places in the table
		Key    []state.Text `json:"key,omitzero"`
		Labels []state.Text `json:"labels,omitzero"`
		Hits   uint64       `json:"hits,omitzero"`
		Sends  uint64       `json:"sends,omitzero"`
	}
)

// State returns the sums as they are kept in a state (package state).
func (c *Counts) State() (json.RawMessage, error) {
	x := stored{Seen: c.seen, Duration: c.duration, Sends: c.sends, Taken: c.taken, Excluded: c.excluded}
	places := map[string]int{}
	for _, id := range slices.Sorted(maps.Keys(c.samples)) {
		s := c.samples[id]
		y := storedSample{Key: state.TextsOf(s.key), Labels: state.TextsOf(s.labels), Hits: s.hits, Sends: s.sends}
		for _, f := range s.frames {
			place, ok := places[f]
			if !ok {
				place = len(x.Frames)
				places[f] = place
				x.Frames = append(x.Frames, state.TextOf(f))
			}
			y.Frames = append(y.Frames, place)
		}
		x.Samples = append(x.Samples, y)
	}
	return json.Marshal(x)
}

// Decode returns the sums that State made, of a Counts of this Config and these
// inputs.
func Decode(sums json.RawMessage, cfg Config, inputs []result.Input) (*Counts, error) {
	var x stored
	if err := json.Unmarshal(sums, &x); err != nil {
		return nil, err
	}
	c := NewCounts(cfg)
	c.seen, c.duration, c.sends, c.taken, c.excluded, c.inputs = x.Seen, x.Duration, x.Sends, x.Taken, x.Excluded, inputs
	for _, y := range x.Samples {
		s := &sample{key: state.StringsOf(y.Key), labels: state.StringsOf(y.Labels), counts: counts{y.Hits, y.Sends}}
		if len(s.key) != len(cfg.By) || len(s.labels) != len(cfg.Labels) || len(y.Frames) == 0 {
			return nil, fmt.Errorf("a stack with %d frames, %d keys and %d labels, want 1 or more, %d and %d", len(y.Frames), len(s.key), len(s.labels), len(cfg.By), len(cfg.Labels))
		}
		for _, f := range y.Frames {
			if f < 0 || f >= len(x.Frames) {
				return nil, fmt.Errorf("frame %d of %d", f, len(x.Frames))
			}
			s.frames = append(s.frames, x.Frames[f].String())
		}
		c.add(s)
	}
	return c, nil
}
