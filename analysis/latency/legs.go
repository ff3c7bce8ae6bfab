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

// member is its name in JSON.
func (l leg) member() string {
	return [numShown]string{"send_to_raise_ns", "send_to_entry_ns", "entry_to_ipi_entry_ns", "body_ns", "ipi_exit_to_exit_ns", "bracket_ns", "exit_to_switch_ns"}[l]
}

// spans are from when to when the legs of an IPI are.
func spans(d *track.Delivery) [numShown][2]trace.Time {
	return [numShown][2]trace.Time{
		legRaise:  {d.Sent, d.Raised},
		legArrive: {d.Sent, d.IRQEntry},
		legEnter:  {d.IRQEntry, d.HandlerEntry},
		legBody:   {d.HandlerEntry, d.HandlerExit},
		legLeave:  {d.HandlerExit, d.IRQExit},
		legWhole:  {d.IRQEntry, d.IRQExit},
		legSwitch: {d.IRQExit, d.Switched},
	}
}

// legs measures the way of an IPI in parts.
func (s *State) legs(d *track.Delivery) {
	c := &s.chain[d.Line]
	for l, p := range spans(d) {
		if p[0] != track.Never && p[1] != track.Never {
			c[l].Add(int64(p[1] - p[0]))
		}
	}
	if d.IRQEntry != track.Never && d.IRQExit != track.Never && d.HandlerEntry != track.Never && d.HandlerExit != track.Never {
		c[legBodyOfBoth].Add(int64(d.HandlerExit - d.HandlerEntry))
		c[legWholeOfBoth].Add(int64(d.IRQExit - d.IRQEntry))
	}
}
