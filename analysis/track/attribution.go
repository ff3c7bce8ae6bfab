package track

import (
	"cmp"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// NoStack stands for what only a stack could tell.
const NoStack = result.NoStack

// FrameSep stands between the frames of a stack that is shown as one line.
const FrameSep = " < "

// NoMechanism is the mechanism of a cause that sends by itself.
const NoMechanism = "(none)"

// An Attributor says of the stacks of one trace what they tell about a send.
// Each different stack is looked at once.
type Attributor struct {
	catalog *catalog.Catalog // of the rows that hold for kernel
	all     *catalog.Catalog
	kernel  string
	table   *trace.Table
	stacks  []*StackFacts // by StackID
	sites   []*StackFacts // by the callsite's NameID, of sends without a stack
	classes map[classKey]*catalog.Classification
	// possible are the sets of Classes.
	possible map[classKey]trace.NameID
	kinds    map[trace.NameID]string
	// recorders tells the comms of recording programs, by NameID.
	recorders map[trace.NameID]bool
	completed map[insertedAt]trace.StackID
	// generation is that of the table's ids
	generation uint64
}

// StackFacts is what one stack says by itself, or one callsite where there is no
// stack.
type StackFacts struct {
	// Function is what the frames say the target runs: a name or a set a|b|c,
	// 0 if no rule fits.
	Function trace.NameID
	// IsSet says that Function has several names.
	IsSet            bool
	Cause, Mechanism trace.NameID
	Entry            trace.NameID
	Frames           []string // innermost first
	// tail is the index of the frame whose callee left none, 0 if there is no such frame,
	// calledBy the event that names the callee.
	tail     int
	calledBy string
}

type classKey struct {
	facts    *StackFacts
	function trace.NameID
}

// NewAttributor returns an Attributor for the stacks of one table. Of the catalogue's rows those
// count that hold for the kernel of the trace, as far as it names it. Without a
// catalogue it is the one that comes with the program.
func NewAttributor(c *catalog.Catalog, t *trace.Table) *Attributor {
	c = catalog.OrEmbedded(c)
	a := &Attributor{catalog: c, all: c, table: t, classes: map[classKey]*catalog.Classification{}, possible: map[classKey]trace.NameID{}, kinds: map[trace.NameID]string{}, recorders: map[trace.NameID]bool{}, completed: map[insertedAt]trace.StackID{}}
	a.kernel, a.generation = t.Meta.Kernel, t.Generation()
	a.catalog = c.For(a.kernel, t.Meta.Arch, t.Meta.Uname)
	return a
}

// followKernel takes the rows of another kernel where the trace names one only now: a text may have the
// line that does so after its first events. One that names several is of no kernel that is known.
func (a *Attributor) followKernel() {
	a.followTable()
	m := &a.table.Meta
	if m.Kernel == a.kernel {
		return
	}
	release := m.Kernel
	if a.kernel != "" {
		release = ""
	}
	a.kernel, a.catalog = m.Kernel, a.all.For(release, m.Arch, m.Uname)
	a.stacks, a.sites = nil, nil
	clear(a.classes)
	clear(a.possible)
	clear(a.kinds)
}

// followTable forgets what is known of ids that may stand for something else by now.
func (a *Attributor) followTable() {
	g := a.table.Generation()
	if g == a.generation {
		return
	}
	a.generation = g
	clear(a.stacks)
	clear(a.classes)
	clear(a.possible)
	clear(a.recorders)
	clear(a.completed)
}

// Stack returns the facts about a stack; those of "no stack" have NoStack for
// cause and entry.
func (a *Attributor) Stack(id trace.StackID) *StackFacts {
	a.followKernel()
	for int(id) >= len(a.stacks) {
		a.stacks = append(a.stacks, nil)
	}
	if a.stacks[id] == nil {
		a.stacks[id] = a.facts(id)
	}
	return a.stacks[id]
}

// Facts are what is known of where a send comes from: by its stack, without one
// by its callsite.
func (a *Attributor) Facts(stack trace.StackID, callsite trace.NameID) *StackFacts {
	if stack != 0 || callsite == 0 {
		return a.Stack(stack)
	}
	a.followKernel()
	if int(callsite) >= len(a.sites) {
		a.sites = append(a.sites, make([]*StackFacts, int(callsite)+1-len(a.sites))...)
	}
	if a.sites[callsite] == nil {
		a.sites[callsite] = a.site(callsite)
	}
	return a.sites[callsite]
}

// site is what a callsite tells: the function that sent is the innermost frame
// of the stack that was not recorded. Functions that only pass a call on
// (on_each_cpu_cond_mask) have no rule and are no cause.
func (a *Attributor) site(callsite trace.NameID) *StackFacts {
	none := a.table.Name(NoStack)
	f := &StackFacts{Cause: none, Mechanism: none, Entry: none}
	name := a.table.NameOf(callsite)
	if strings.HasPrefix(name, "0x") {
		return f // an address
	}
	f.Frames = []string{name}
	if fn, ok := a.catalog.ResolveCallsite(name); ok {
		f.Function, f.IsSet = a.table.Name(fn), strings.Contains(fn, "|")
	}
	// The caller would be a better cause than a mechanism, but nothing tells it.
	c := a.catalog.Cause(f.Frames)
	if name := cmp.Or(c.Function, c.Mechanism); name != "" {
		f.Cause = a.known(name)
	}
	return f
}

func (a *Attributor) facts(id trace.StackID) *StackFacts {
	f := &StackFacts{}
	if id == 0 {
		none := a.table.Name(NoStack)
		f.Cause, f.Mechanism, f.Entry = none, none, none
		return f
	}
	for _, sym := range a.table.StackOf(id) {
		s := a.table.SymbolOf(sym)
		name := s.Name
		if s.Module != "" {
			name += " [" + s.Module + "]" // marks the frame as a module's
		}
		f.Frames = append(f.Frames, name)
	}
	if len(f.Frames) > 1 && isTrampoline(f.Frames[0]) && a.catalog.Level(f.Frames[1]) == catalog.IPI {
		f.Frames = f.Frames[1:]
	}
	if fn, _, ok := a.catalog.ResolveFunction(f.Frames); ok {
		f.Function, f.IsSet = a.table.Name(fn), strings.Contains(fn, "|")
	}
	if at, d, ok := a.catalog.TailCall(f.Frames); ok {
		f.tail, f.calledBy = at, d.Start
	}
	c := a.catalog.Cause(f.Frames)
	f.Cause, f.Entry = a.known(c.Function), a.known(c.Entry.String())
	f.Mechanism = a.table.Name(NoMechanism)
	if c.Mechanism != "" {
		f.Mechanism = a.known(c.Mechanism)
	}
	return f
}

// isTrampoline reports what stands in front of a stack of the function tracer: the
// trampoline that calls it, an address outside of the kernel's text, or its mark
// (FTRACE_TRAMPOLINE_MARKER in include/linux/ftrace.h) as the kernel and trace-cmd print it.
func isTrampoline(frame string) bool {
	return names.IsAddress(frame) || frame == "7fffffff" || strings.Contains(frame, "FTRACE TRAMPOLINE")
}

// narrowed returns the function of a set that a field of another event of the
// same task tells, such as the command of membarrier(2).
func (a *Attributor) narrowed(e *trace.Event, f *trace.Field) (trace.NameID, bool) {
	v, ok := e.Uint(f.Index)
	if !ok {
		return 0, false
	}
	fn, ok := a.catalog.Narrow(e.Schema().Name, f.Name, v)
	if !ok {
		return 0, false
	}
	return a.table.Name(fn), true
}

// holds reports whether fn is one of a set's functions.
func (a *Attributor) holds(set, fn trace.NameID) bool {
	return catalog.Holds(a.table.NameOf(set), a.table.NameOf(fn))
}

// known interns a name that may be missing, or be an address without a symbol.
func (a *Attributor) known(name string) trace.NameID {
	if function, _, _ := strings.Cut(name, " ["); name == "" || names.IsAddress(function) {
		name = Unknown
	}
	return a.table.Name(ksym.Normalize(name))
}

// isPhantom reports whether a callback that a text names may be none: perf script
// prints a null pointer as the first symbol of some module where that lies at 0
// (7.2 on s390x). What the catalogue knows is believed.
func (a *Attributor) isPhantom(callback trace.NameID) bool {
	if a.catalog == nil || a.table.Meta.LongSize > 0 || !strings.HasPrefix(a.table.Meta.Format, "perf script") || callback == 0 {
		return false
	}
	name := a.table.NameOf(callback)
	_, known := a.catalog.Callback(name)
	return !known && !names.IsAddress(name)
}

// Class says what can be done about a hit that runs function and was sent by
// this stack, or without one from this callsite.
func (a *Attributor) Class(function trace.NameID, stack trace.StackID, callsite trace.NameID) *catalog.Classification {
	facts := a.Facts(stack, callsite)
	key := classKey{facts, function}
	c := a.classes[key]
	if c == nil {
		c = a.catalog.Classify(a.table.NameOf(function), facts.Frames)
		a.classes[key] = c
	}
	return c
}

// Classes are the classes that a hit may have as far as its function and stack are
// known, as a set a|b.
func (a *Attributor) Classes(function trace.NameID, stack trace.StackID, callsite trace.NameID) trace.NameID {
	facts := a.Facts(stack, callsite)
	key := classKey{facts, function}
	id, ok := a.possible[key]
	if !ok {
		id = a.table.Name(a.possibleClasses(a.table.NameOf(function), facts.Frames))
		a.possible[key] = id
	}
	return id
}

func (a *Attributor) possibleClasses(function string, frames []string) string {
	if names.IsUnknown(function) {
		return names.Unknown
	}
	var words []string
	for _, class := range a.catalog.Possible(function, frames) {
		words = append(words, class.String())
	}
	return strings.Join(words, "|")
}

// Kind is how the function of a hit is called, as the catalogue knows: sync,
// async, csd, irq_work, ttwu; "" if it does not.
func (a *Attributor) Kind(function trace.NameID) string {
	k, ok := a.kinds[function]
	if !ok {
		if c, known := a.catalog.Callback(a.table.NameOf(function)); known {
			k = c.Kind
		}
		a.kinds[function] = k
	}
	return k
}

// Part is the part of the posted deferral series that a function, or one of a set, belongs to; "" if
// to none.
func (a *Attributor) Part(function trace.NameID) string {
	for m := range catalog.Members(a.table.NameOf(function)) {
		if c, known := a.catalog.Callback(m); known && c.Part != "" {
			return c.Part
		}
	}
	return ""
}

// IsNoise reports whether a hit was caused by the recorder: because nothing
// else makes such an IPI, or because a recording program sent one that
// recording makes, too.
func (a *Attributor) IsNoise(w *Send, h *Hit) bool {
	c := a.Class(h.Function, w.Stack, w.Callsite)
	if c.Class == catalog.Noise {
		return true
	}
	return c.Has(catalog.Noise) && a.isRecorder(w.Comm)
}

func (a *Attributor) isRecorder(comm trace.NameID) bool {
	is, ok := a.recorders[comm]
	if !ok {
		is = a.catalog.Recorder(a.table.NameOf(comm))
		a.recorders[comm] = is
	}
	return is
}

// Folded is a stack as one line: Names with FrameSep in between.
func (a *Attributor) Folded(id trace.StackID) string {
	return strings.Join(a.Names(id, true), FrameSep)
}

// Names are the functions of a stack, innermost first, without the tracepoint's
// own frames; NoStack alone if there is no stack. Unless whole is set it ends at
// its first boundary: what lies outside was interrupted.
func (a *Attributor) Names(id trace.StackID, whole bool) []string {
	frames := a.Stack(id).Frames
	if !whole {
		frames = a.catalog.FirstContext(frames)
	}
	var names []string
	for _, f := range frames {
		if a.catalog.Level(f) == catalog.Probe {
			continue
		}
		name, _, _ := strings.Cut(f, " [")
		names = append(names, ksym.Normalize(name))
	}
	if names == nil {
		return []string{NoStack} // none was recorded, or nothing but the tracer's own
	}
	return names
}
