package ipi

import (
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Live text patching on x86 interrupts every CPU up to three times for one
// batch of places: after the INT3s are in, after the tails, after the first
// bytes (arch/x86/kernel/alternative.c, text_poke_bp_batch). The sends are what
// they are; the operations are what somebody did.
const (
	syncCore  = "do_sync_core"
	maxRounds = 3
	// maxRoundGap is the time within which the next round of an operation
	// follows: a round waits for every CPU, which takes milliseconds on a slow
	// or virtual machine.
	maxRoundGap = 100e6 // ns
)

// patching counts rounds and the operations they make up.
type patching struct{ rounds, operations uint64 }

func (p *patching) add(o patching) {
	p.rounds += o.rounds
	p.operations += o.operations
}

// An operation is the text patching under way: text_mutex allows one at a time,
// and its task may move to another CPU between two rounds.
type operation struct {
	pid  int32
	last trace.Time
	n    int // rounds seen
}

// see reports whether a do_sync_core send begins an operation.
func (op *operation) see(w *track.Send) bool {
	begins := op.n == 0 || op.n == maxRounds || op.pid != w.PID || w.Time-op.last > maxRoundGap
	if begins {
		*op = operation{pid: w.PID}
	}
	op.n++
	op.last = w.Time
	return begins
}
