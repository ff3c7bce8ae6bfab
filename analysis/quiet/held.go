package quiet

import (
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A step is something that a flow is told.
type step struct {
	at, to trace.Time
	is     stepKind
}

type stepKind uint8

const (
	stepBusy      stepKind = iota
	stepCalm               // and nothing else that its own events tell of goes on
	stepHit                // known by its send alone
	stepHitInside          // of an interruption that goes on
	stepLost
	stepAway
	stepUnwatched
	stepNoise // to its end
	stepNoiseEnd
)

// held keeps what a flow is to be told back for a while: a noise event comes when
// its interruption ends, behind those that interrupted it. Without noise what is
// told, and in what order, is the same.
type held struct {
	steps []step
	// barrier is the time before which nothing can be put in any more
	barrier trace.Time
	noisy   bool
	// late counts noise that began before the barrier
	late uint64
}

const (
	// heldQuiet and heldNoisy are how many steps are held on a CPU without and
	// with noise. A task that runs for long has many interrupts in it.
	heldQuiet = 64
	heldNoisy = 1 << 15
)

// tell adds a step as the newest one.
func (c *cpu) tell(s step) {
	c.held.steps = append(c.held.steps, s)
	limit := heldQuiet
	if c.held.noisy {
		limit = heldNoisy
	}
	if len(c.held.steps) > limit {
		c.settle(limit / 2)
	}
}

// put adds a step at its place in time, at the barrier if it came too late.
func (c *cpu) put(s step) {
	h := &c.held
	h.noisy = true
	if s.at < h.barrier {
		s.at = h.barrier
		if s.is == stepNoise {
			h.late++
		}
	}
	i := len(h.steps)
	for i > 0 && h.steps[i-1].at > s.at {
		i--
	}
	h.steps = slices.Insert(h.steps, i, s)
}

// forget takes the newest hit of that time back, if it was not told yet.
func (h *held) forget(at trace.Time) bool {
	for i := len(h.steps) - 1; i >= 0; i-- {
		if s := &h.steps[i]; s.at == at && (s.is == stepHit || s.is == stepHitInside) {
			h.steps = slices.Delete(h.steps, i, i+1)
			return true
		}
	}
	return false
}

// settle tells the flow all but the newest n steps.
func (c *cpu) settle(n int) {
	h := &c.held
	done := len(h.steps) - n
	if done <= 0 {
		return
	}
	for i := range h.steps[:done] {
		c.apply(&h.steps[i])
		h.barrier = max(h.barrier, h.steps[i].at)
	}
	h.steps = h.steps[:copy(h.steps, h.steps[done:])]
}

// apply tells the flows a step.
func (c *cpu) apply(s *step) {
	n := &c.noise
	switch s.is {
	case stepBusy:
		n.live = true
	case stepCalm:
		n.live = false
	case stepNoise:
		n.depth++
	case stepNoiseEnd:
		n.depth = max(0, n.depth-1)
	case stepLost:
		n.live, n.depth = false, 0
	case stepHit, stepHitInside:
		if c.hits == nil {
			c.hits = c.flow.clone()
		}
		if s.is == stepHit && !n.live && n.depth == 0 {
			c.hits.busy(s.at)
			c.hits.calm(s.at)
		}
		return
	}
	c.flow.take(s, n)
	if c.hits != nil {
		c.hits.take(s, n)
	}
}

// take takes a step that all flows of a CPU are told.
func (f *flow) take(s *step, n *noiseState) {
	switch s.is {
	case stepBusy, stepNoise:
		f.busy(s.at)
	case stepCalm, stepNoiseEnd:
		if !n.live && n.depth == 0 {
			f.calm(s.at)
		}
	case stepLost:
		f.lost(s.at)
	case stepAway:
		f.away(s.at, s.to)
	case stepUnwatched:
		f.unwatched(s.at, s.to)
	}
}
