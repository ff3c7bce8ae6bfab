package catalog

// An Origin is what entered the kernel: the "entry" of a hit.
type Origin struct {
	Kind Kind
	Via  string // "" or what stands between: timer, hrtimer, rcu, handler, stopper, task_work ...
	Name string // the system call without its prefix, the work, timer or thread function, the interrupt
	// Tail is what stands where the work, timer or thread function should: its last call,
	// of which it left no frame of its own.
	Tail string
}

// viaSignal is the Via of what a task does for a signal on its way to user mode. Whatever brought it
// into the kernel has nothing to do with it.
const viaSignal = "signal"

// String gives "syscall:setsockopt", "softirq/timer:dev_watchdog", "idle", "signal:get_signal",
// "kworker (tail call: vfree)"; "" if nothing is known.
func (o Origin) String() string {
	if o.Via == viaSignal {
		return viaSignal + ":" + o.Name
	}
	s := o.Kind.String()
	if o.Via != "" {
		s += "/" + o.Via
	}
	if o.Name != "" {
		return s + ":" + o.Name
	}
	if o.Tail != "" {
		s += " (tail call: " + o.Tail + ")"
	}
	return s
}

// A Context is a part of a stack that ran without being interrupted: frames[Start:End].
// The next context's first frame is what it interrupted.
type Context struct {
	Start, End int
	Origin     Origin
	// Interrupted marks the frame that this context interrupted; 0 for the last context.
	// A context that ends in a softirq or task entry interrupted nothing: there it marks the caller.
	Interrupted Mark
}

// Interrupts reports that a context begins by interrupting other code.
func (x *Context) Interrupts() bool {
	return x.Origin.Kind == HardIRQ || x.Origin.Kind == NMI || x.Origin.Kind == Fault
}

// Split cuts a stack at its boundary frames and appends the contexts, innermost first, to
// dst. A stack without a boundary is one context, an empty stack none.
func (c *Catalog) Split(dst []Context, frames []string) []Context {
	for start := 0; start < len(frames); {
		end := start + c.firstContext(frames[start:])
		x := Context{Start: start, End: end, Origin: c.origin(frames[start:end])}
		if n := len(dst); start > 0 {
			if dst[n-1].Origin.Kind == SystemCall { // nothing of the kernel lies outside a system call
				x.Origin = Origin{Kind: User}
			} else {
				dst[n-1].Interrupted = c.Mark(frames[start])
			}
		}
		dst = append(dst, x)
		start = end
	}
	return dst
}

// Depth is the number of contexts that interrupted another one or user mode.
func Depth(contexts []Context) int {
	n := 0
	for i := range contexts {
		if contexts[i].Interrupts() {
			n++
		}
	}
	return n
}

// FirstContext returns the frames up to and with the first boundary: what belongs to the
// innermost context.
func (c *Catalog) FirstContext(frames []string) []string { return frames[:c.firstContext(frames)] }

// ends reports whether a stack reaches a boundary, so that its innermost context was
// recorded whole. One that was cut, by a limit of frames or of a text's width, does not.
func (c *Catalog) ends(frames []string) bool {
	n := c.firstContext(frames)
	return n > 0 && (n < len(frames) || c.look(frames[n-1]).edge != noEdge)
}

// firstContext returns the number of frames up to and with the first boundary. A boundary
// is a run of entry frames of one kind ("__irq_exit_rcu, sysvec_x, asm_sysvec_x") that ends
// at an outer edge or where a frame is of another kind or none.
func (c *Catalog) firstContext(frames []string) int {
	run, kind := false, UnknownKind
	for i := range frames {
		l := c.look(frames[i])
		if run && (l.edge == noEdge || l.kind != kind && l.kind != UnknownKind && kind != UnknownKind) {
			return i
		}
		switch l.edge {
		case outerEdge:
			return i + 1
		case innerEdge:
			run = true
			if l.kind != UnknownKind {
				kind = l.kind
			}
		}
	}
	return len(frames)
}

// origin finds what entered a context: each part by the innermost frame that tells it.
// call_timer_fn says softirq, timer and the function, handle_softirqs only softirq. Of
// system call functions the outermost names it (__x64_sys_pread64 calls ksys_pread64).
func (c *Catalog) origin(frames []string) Origin {
	var (
		o      Origin
		call   string
		callee looked
	)
	for i := range frames {
		l := c.look(frames[i])
		if o.Kind == UnknownKind {
			o.Kind = l.kind
		}
		switch l.level {
		case Syscall:
			call = l.rest
		case Entry, None:
			if o.Via == "" && (l.level == Entry || l.naming != byNothing) {
				o.Via = l.via
			}
			switch {
			case o.Tail == "" && l.isTailCall(&callee):
				o.Tail = callee.symbol
			case o.Name == "" && (o.Tail == "" || l.naming == byCallee): // behind it only a thread's function says more
				o.Name = l.entryName(&callee)
			}
		}
		callee = l
	}
	if o.Kind == SystemCall && call != "" && o.Via == "" {
		o.Name = call
	}
	return o
}

// entryName is the name that a frame gives its entry, "" if none.
func (l *looked) entryName(callee *looked) string {
	switch l.naming {
	case byCallee:
		if (callee.level == None || callee.level == Mechanism) && callee.naming != byNobody && !l.isTailCall(callee) {
			return callee.symbol
		}
	case bySelf:
		return l.symbol
	case byRest:
		return l.rest
	case byWord:
		return l.name
	}
	return ""
}
