package ipi

import (
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// duplicates finds sends that two buffers of one file both hold: then the sum
// over the buffers counts them twice. Sends come in the order of time, so equal
// ones are near each other.
type duplicates struct {
	recent [8]sendID
	n      int
	found  map[[2]trace.NameID]uint64 // pairs of instances -> sends in both
}

type sendID struct {
	time     trace.Time
	cpu, pid int32
	event    trace.EventID
	instance trace.NameID
}

func (d *duplicates) see(s *State, w *track.Send) {
	if len(s.table.Meta.Instances) == 0 {
		return
	}
	id := sendID{w.Time, w.CPU, w.PID, w.Event, w.Instance}
	for _, old := range d.recent[:min(d.n, len(d.recent))] {
		same := old
		same.instance = id.instance
		if same == id && old.instance != id.instance {
			if d.found == nil {
				d.found = map[[2]trace.NameID]uint64{}
			}
			d.found[[2]trace.NameID{old.instance, id.instance}]++
		}
	}
	d.recent[d.n%len(d.recent)] = id
	d.n++
}
