package catalog

// A Cause is who sent an IPI, as far as the stack of the send tells.
type Cause struct {
	// Function is the first frame, from the send outwards, that is none of the recorder's,
	// a sender or a mechanism; if the entry comes first, it is the last mechanism. "" if
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
	for i := range frames {
		l := c.look(frames[i])
		switch {
		case l.level == Mechanism:
			r.Mechanism = l.symbol
			continue
		case l.level == Probe || l.level == IPI || l.level == Trampoline || l.symbol == "":
			continue
		case l.level != Entry:
			r.Function = l.symbol
			return r
		}
		break
	}
	if c.ends(frames) {
		r.Function = r.Mechanism // of a stack that was cut the cause may be farther out
	}
	return r
}
