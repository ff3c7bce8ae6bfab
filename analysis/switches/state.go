package switches

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/state"
)

// StateVersion is that of the form of Counts.State.
const StateVersion = 1

// stored is the switches of one CPU in a state.
type stored struct {
	File     state.Text `json:"file,omitzero"`
	CPU      string     `json:"cpu"`
	Switches uint64     `json:"switches"`
}

// State returns the sums as they are kept in a state (package state).
func (c *Counts) State() (json.RawMessage, error) {
	list := []stored{}
	for w, n := range c.switches {
		list = append(list, stored{state.TextOf(w.file), w.cpu, n})
	}
	slices.SortFunc(list, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.File.String(), b.File.String()), cmp.Compare(a.CPU, b.CPU))
	})
	return json.Marshal(list)
}

// Decode returns the sums that State made.
func Decode(sums json.RawMessage) (*Counts, error) {
	var list []stored
	if err := json.Unmarshal(sums, &list); err != nil {
		return nil, err
	}
	c := NewCounts()
	for _, s := range list {
		c.switches[where{s.File.String(), s.CPU}] += s.Switches
	}
	return c, nil
}
