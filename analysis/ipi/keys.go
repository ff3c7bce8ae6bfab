package ipi

import (
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// A Key is something that hits are grouped by.
type Key = key.Key

// keys are those that a hit and a request have.
func keys() key.List {
	return key.List{
		key.Callback, key.Function, key.Evidence, key.Callsite, key.Event, key.Cause, key.Mechanism, key.Entry, key.Class,
		key.Comm, key.PID, key.Sender, key.Target, key.Stack, key.Instance, key.File,
	}
}

// KeyNames lists all keys.
func KeyNames() []string { return keys().Names() }

// ParseKeys reads a comma-separated list of keys.
func ParseKeys(list string) ([]Key, error) { return keys().Parse(list) }

// subjectOf is what a hit is grouped as.
func subjectOf(w *track.Send, h *track.Hit) key.Subject {
	return key.Subject{
		Event: w.Event, Function: h.Function, Callback: w.Callback, Callsite: w.Callsite, Evidence: h.Evidence,
		Comm: w.Comm, Instance: w.Instance, PID: w.PID, Sender: w.CPU, Target: h.Target, Stack: w.Stack,
	}
}

// subjectOfRequest is what a request that sent no IPI is grouped as.
func (s *State) subjectOfRequest(r *track.Request) key.Subject {
	return key.Subject{
		NoIPI: true, Function: r.Function, Callback: s.noIPI, Callsite: r.Callsite, Evidence: track.EvidenceCSD,
		Comm: r.Comm, Instance: r.Instance, PID: r.PID, Sender: r.CPU, Target: r.Target,
	}
}
