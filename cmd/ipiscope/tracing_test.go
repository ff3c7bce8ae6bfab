package main

import (
	"slices"
	"testing"

	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/events"
)

// TestQuestions: what the recorder is asked to record exists, and all send events are
// among it: nothing else says who interrupts.
func TestQuestions(t *testing.T) {
	for _, q := range questions() {
		needs := q.needs()
		for i, name := range needs {
			if !events.IsKnown(name) {
				t.Errorf("--for %s: %q is no known event", q.name, name)
			}
			if slices.Contains(needs[:i], name) {
				t.Errorf("--for %s: %s twice", q.name, name)
			}
		}
		for _, name := range track.SendEvents() {
			if !slices.Contains(needs, name) {
				t.Errorf("--for %s: no %s", q.name, name)
			}
		}
	}
}
