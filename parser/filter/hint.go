package filter

import "github.com/ipiscope/ipiscope/parser/cpumask"

// A Hint says what can match, so that a source may skip the rest. What it names
// is a superset. The language has no term for time, so all times can match.
type Hint struct {
	// Events holds "system:name" or "name" of events; nil means that new ones
	// may come to match, or all do.
	Events []string
	// CPUs holds the recording CPUs; nil means all.
	CPUs *cpumask.Mask
}

// Hint is meaningful after Bind. complete says that the trace has no schemas
// beyond those it was bound to.
func (p *Program) Hint(complete bool) Hint {
	var h Hint
	var cpus cpumask.Mask
	for i := range p.events {
		for j, ep := range p.events[i].progs {
			if j == 0 {
				h.Events = append(h.Events, ep.schema.FullName())
			}
			m := ep.CPUs()
			cpus.Or(&m)
		}
	}
	if !complete {
		h.Events = nil
		return h
	}
	if h.Events == nil {
		h.Events = []string{} // nothing matches
	}
	h.CPUs = &cpus
	return h
}

// CPUs returns the recording CPUs whose events the program may let through: all
// CPUs, unless the expression has terms on them. It does not look at the tasks.
func (ep *EventProgram) CPUs() cpumask.Mask {
	var m cpumask.Mask
	n := ep.env.NrCPUs
	if n <= 0 {
		n = maxCPUs
	}
	for cpu := range n {
		if ep.mayMatch(int32(cpu)) {
			m.Set(cpu)
		}
	}
	return m
}

// mayMatch walks both ways out of every predicate that the CPU does not decide.
// Code lies after what it jumps to, so one pass from the start of the slice
// knows all targets.
func (ep *EventProgram) mayMatch(cpu int32) bool {
	may := make([]bool, len(ep.preds))
	at := func(i int16) bool { return i == accept || i >= 0 && may[i] }
	for i := range ep.preds {
		p := &ep.preds[i]
		switch {
		case p.origin != loadCPU:
			may[i] = at(p.yes) || at(p.no)
		case ep.onCPU(p, cpu):
			may[i] = at(p.yes)
		default:
			may[i] = at(p.no)
		}
	}
	return at(ep.entry)
}

// onCPU evaluates a predicate on the recording CPU.
func (ep *EventProgram) onCPU(p *pred, cpu int32) bool {
	n := uint64(int64(cpu))
	if p.kind == predSpan {
		return ((n^p.flip)-p.lo <= p.span) != p.not
	}
	return ep.within(p, n)
}
