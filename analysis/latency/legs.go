package latency

import (
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A leg is one part of the way of an IPI: what the bracket of an interrupt
// costs apart from its body shows there.
type leg uint8

const (
	legRaise  leg = iota // the send to ipi_raise
	legArrive            // the send to the interrupt's entry
	legEnter             // irq_handler_entry to ipi_entry
	legBody              // ipi_entry to ipi_exit
	legLeave             // ipi_exit to irq_handler_exit
	legWhole             // the interrupt's entry to its exit
	legSwitch            // the interrupt's exit to sched_switch
	numShown
)

// Of the IPIs that have both, so that they compare.
const (
	legBodyOfBoth = numShown + iota
	legWholeOfBoth
	numLegs
)

func (l leg) String() string {
	return [numShown]string{"send to raise", "send to irq entry", "irq entry to ipi entry", "ipi entry to exit (body)", "ipi exit to irq exit", "irq entry to exit (bracket)", "irq exit to switch"}[l]
}

// legs measures the way of an IPI in parts.
func (s *State) legs(d *track.Delivery) {
	c := &s.chain[d.Line]
	for _, p := range [...]struct {
		leg      leg
		from, to trace.Time
	}{
		{legRaise, d.Sent, d.Raised},
		{legArrive, d.Sent, d.IRQEntry},
		{legEnter, d.IRQEntry, d.HandlerEntry},
		{legBody, d.HandlerEntry, d.HandlerExit},
		{legLeave, d.HandlerExit, d.IRQExit},
		{legWhole, d.IRQEntry, d.IRQExit},
		{legSwitch, d.IRQExit, d.Switched},
	} {
		if p.from != track.Never && p.to != track.Never {
			c[p.leg].Add(int64(p.to - p.from))
		}
	}
	if d.IRQEntry != track.Never && d.IRQExit != track.Never && d.HandlerEntry != track.Never && d.HandlerExit != track.Never {
		c[legBodyOfBoth].Add(int64(d.HandlerExit - d.HandlerEntry))
		c[legWholeOfBoth].Add(int64(d.IRQExit - d.IRQEntry))
	}
}
