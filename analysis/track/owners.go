package track

import "github.com/ipiscope/ipiscope/parser/trace"

// Owners tells for each stack of a trace whether the event it belongs to was
// chosen. A stack belongs to the last event of its context (CPU, pid, interrupt
// level, preempt depth), not to the last line: an interrupt may leave events
// and stacks in between.
type Owners struct {
	byCPU [][]owner
}

type owner struct {
	at     trace.Context
	chosen bool
}

// maxOwners is how many contexts a CPU can be in at once, and some more.
const maxOwners = 16

// Event notes whether an event that is no stack was chosen.
func (o *Owners) Event(e *trace.Event, chosen bool) {
	list := o.list(e.CPU)
	at := e.Context()
	for i := range *list {
		if (*list)[i].at == at {
			(*list)[i].chosen = chosen
			return
		}
	}
	if len(*list) == maxOwners {
		copy(*list, (*list)[1:])
		*list = (*list)[:maxOwners-1]
	}
	*list = append(*list, owner{at, chosen})
}

// Stack reports whether the event that a stack belongs to was chosen.
func (o *Owners) Stack(e *trace.Event) bool {
	at := e.Context()
	for _, w := range *o.list(e.CPU) {
		if w.at == at {
			return w.chosen
		}
	}
	return false
}

// Lost forgets what a CPU did before a gap.
func (o *Owners) Lost(l *trace.Lost) {
	list := o.list(l.CPU)
	*list = (*list)[:0]
}

// list returns the contexts of a CPU; -1, as in text without CPUs, is one too.
func (o *Owners) list(cpu int32) *[]owner {
	i := int(max(cpu, -1)) + 1
	for i >= len(o.byCPU) {
		o.byCPU = append(o.byCPU, nil)
	}
	return &o.byCPU[i]
}
