package ipi

import (
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// A Key is something that hits are grouped by.
type Key = key.Key

// KeyNames lists all keys.
func KeyNames() []string { return key.OfHits().Names() }

// ParseKeys reads a comma-separated list of keys.
func ParseKeys(list string) ([]Key, error) { return key.OfHits().Parse(list) }

// subjectOfRequest is what a request that sent no IPI is grouped as.
func (s *State) subjectOfRequest(r *track.Request) key.Subject {
	return key.Subject{
		NoIPI: true, Function: r.Function, Callback: s.noIPI, Callsite: r.Callsite, Evidence: track.EvidenceCSD,
		Comm: r.Comm, Instance: r.Instance, PID: r.PID, Sender: r.CPU, Target: r.Target, Stack: r.Stack,
	}
}
