package catalog

import (
	"slices"
	"strings"
)

// A Cause is who sent an IPI, as far as the stack of the send tells.
type Cause struct {
	// Function is the first frame, from the send outwards, that is none of the recorder's,
	// a sender or a mechanism; if the entry comes first, it is the last mechanism, unless
	// that stands where a work, timer or thread function would: then it is "". "" also if
	// the stack has neither, or was cut before it came to either.
	Function string
	// Mechanism is the outermost mechanism frame before the cause: what the cause called
	// (static_key_enable, set_memory_ro), "" if it sends directly.
	Mechanism string
	Entry     Origin
}

// Cause reads the stack of a send. Only the frames up to the first interrupt, softirq,
// system call or fork boundary count: what lies outside was interrupted and has nothing to
// do with the IPI.
func (c *Catalog) Cause(frames []string) Cause {
	frames = frames[:c.firstContext(frames)]
	r := Cause{Entry: c.origin(frames)}
	var callee looked
	for i := range frames {
		l := c.look(frames[i])
		switch {
		case l.level == Mechanism:
			r.Mechanism = l.symbol
		case l.isPlumbing():
		case l.level != Entry:
			r.Function = l.symbol
			return r
		case l.isTailCall(&callee):
			return r
		default:
			r.Function = r.Mechanism
			return r
		}
		callee = l
	}
	if c.ends(frames) {
		r.Function = r.Mechanism // of a stack that was cut the cause may be farther out
	}
	return r
}

// causeAt is the index of the frame that Cause finds, -1 if no frame is it.
func (c *Catalog) causeAt(frames []string) int {
	for i := range frames {
		switch l := c.look(frames[i]); {
		case l.level == Mechanism || l.isPlumbing():
		case l.level == Entry:
			return -1
		default:
			return i
		}
	}
	return -1
}

// isPlumbing reports a frame that says nothing about who caused a send.
func (l *looked) isPlumbing() bool {
	return l.level == Probe || l.level == IPI || l.level == Trampoline || l.symbol == ""
}

// isTailCall reports that l calls what others asked for, and that its callee is a way of coming to
// send and no such function: the function called that last of all and left no frame
// (a tail call, which compilers make a jump).
func (l *looked) isTailCall(callee *looked) bool {
	return l.level == Entry && l.naming == byCallee && l.kind != SystemCall && callee.level == Mechanism && callee.naming != bySelf && callee.naming != byNobody
}

// TailCall finds the frame whose callee is missing because it ended with a tail call: its
// index, and the events that name the callee. !ok if there is none or no event names it.
func (c *Catalog) TailCall(frames []string) (at int, d Dispatcher, ok bool) {
	var callee looked
	for i, f := range frames[:c.firstContext(frames)] {
		l := c.look(f)
		if l.isTailCall(&callee) {
			d, ok = c.dispatchers[l.symbol]
			return i, d, ok
		}
		if l.level == Entry {
			break
		}
		callee = l
	}
	return 0, d, false
}

// Dispatchers returns the events that name what a dispatcher calls, each once.
func (c *Catalog) Dispatchers() []Dispatcher {
	var all []Dispatcher
	for _, d := range c.dispatchers {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	slices.SortFunc(all, func(a, b Dispatcher) int { return strings.Compare(a.Start, b.Start) })
	return all
}
