package perfscript

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A tracepoint that was opened twice (-e csd:csd_queue_cpu -e 'csd:*') is printed
// twice for each hit, under one name: on one CPU, of one thread, with equal fields,
// a little apart. Nothing but that tells, so it is said, and both are counted.

const (
	// maxApart is how far the two may be from one another: 11 ms were seen on an
	// emulated machine.
	maxApart = 20_000_000
	// leastPairs is from how many samples of an event on there is something to say.
	leastPairs = 8
)

const noLosses = "losses cannot be seen in this text: perf script prints them with --show-lost-events only (perf script --show-lost-events --ns, or the perf.data itself)"

// twice looks for such events. The zero value is ready.
type twice struct {
	cpus map[int32]*last
}

// A last is a CPU's sample before.
type last struct {
	known  *known
	pid    int32
	time   trace.Time
	fields []byte
}

// event notes a sample.
func (w *twice) event(k *known, h *header, payload []byte) {
	k.samples++
	l := w.cpus[h.cpu]
	if l == nil {
		if w.cpus == nil {
			w.cpus = map[int32]*last{}
		}
		l = &last{}
		w.cpus[h.cpu] = l
	}
	if l.known == k && l.pid == h.pid && h.time-l.time < maxApart && bytes.Equal(l.fields, payload) {
		k.pairs++
		l.known = nil // the next one begins a pair of its own
		return
	}
	l.known, l.pid, l.time, l.fields = k, h.pid, h.time, append(l.fields[:0], payload...)
}

// noteEnd says at the end of the text what only the whole of it shows.
func (s *Source) noteEnd() {
	if s.seen.ended {
		return
	}
	s.seen.ended = true
	byName := func(a, b *known) int { return cmp.Compare(a.schema.FullName(), b.schema.FullName()) }
	var doubled []*known
	for k := range s.names.All() {
		if k.samples >= leastPairs && k.pairs*2 >= k.samples*9/10 {
			doubled = append(doubled, k)
		}
	}
	slices.SortFunc(doubled, byName)
	for _, k := range doubled {
		s.note(fmt.Sprintf("%s seems to have been opened twice (perf record -e NAME -e 'SYSTEM:*'): %d of its %d samples come in equal pairs: it counts twice", k.schema.FullName(), 2*k.pairs, k.samples))
	}
	if s.seen.first && !s.seen.lost {
		s.note(noLosses)
	}
}
