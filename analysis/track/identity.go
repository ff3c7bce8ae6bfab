package track

import (
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// identify adds a send to the identity of the input: what the printed text of a
// recording has in common with the recording itself. trace-cmd and the kernel
// round times to microseconds, perf cuts them; the sums do not depend on the order
// of lines with equal times. Times alone tell where a text has lost targets or CPUs,
// but not those of a clock that counts events.
func (s *Sends) identify(e *trace.Event, w *Send) { identifyIn(&s.identity, s.table, e, w) }

func identifyIn(id *result.Identity, t *trace.Table, e *trace.Event, w *Send) {
	if t.Meta.ClockUnit != "ticks" {
		id.Vague = id.Vague || w.Untargeted && !w.Traced || w.CPU < 0
		id.RoundedTimes += mix(uint64((e.Time + 500) / 1000))
		id.CutTimes += mix(uint64(e.Time / 1000))
	}
	h := mix(uint64(uint32(e.CPU))<<32 ^ uint64(uint32(e.PID)))
	for cpu := range w.Targets.All() {
		h = mix(h ^ uint64(cpu))
	}
	id.Sends++
	id.Rounded += mix(h ^ uint64((e.Time+500)/1000))
	id.Cut += mix(h ^ uint64(e.Time/1000))
}

// mix spreads the bits of a word over all of it (the finalizer of MurmurHash3,
// public domain, as in SplitMix64).
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
