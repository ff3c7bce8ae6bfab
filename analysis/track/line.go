package track

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Line is the interrupt that an IPI arrives by. Sends and entries belong
// together only on one line.
type Line uint8

const (
	LineOther Line = iota // CPU stop, timer broadcast: sent without an ipi_send_* event
	LineReschedule
	LineCall       // queued calls, to several CPUs at once
	LineCallSingle // queued calls, to one CPU
	LineIRQWork
	NumLines
)

// String is the name of the line's vector on x86.
func (l Line) String() string {
	return [...]string{"other", "reschedule", "call_function", "call_function_single", "irq_work"}[l]
}

// A lineSet is the lines that one interrupt serves: arm64 has one for both
// kinds of calls.
type lineSet uint8

func (s lineSet) has(l Line) bool { return s>>l&1 != 0 }

func setOf(lines ...Line) (s lineSet) {
	for _, l := range lines {
		s |= 1 << l
	}
	return s
}

// lineOfVector is the line of an x86 vector by the name of its events
// (arch/x86/include/asm/trace/irq_vectors.h), 0 for one that is no IPI.
func lineOfVector(name string) lineSet {
	for l := LineReschedule; l < NumLines; l++ {
		if l.String() == name {
			return setOf(l)
		}
	}
	return 0
}

// IsIPIVector reports whether an x86 vector brings IPIs, by the name of its events.
func IsIPIVector(name string) bool { return lineOfVector(name) != 0 }

// IsVector reports whether a name is that of an x86 vector with events.
func IsVector(name string) bool { return strings.Contains(" "+vectorNames+" ", " "+name+" ") }

// linesOfReason are the lines of an arm or arm64 IPI by its reason
// (arch/arm64/kernel/smp.c, ipi_types).
func linesOfReason(reason []byte) lineSet {
	switch r := string(reason); {
	case strings.HasPrefix(r, "Rescheduling"):
		return setOf(LineReschedule)
	case strings.HasPrefix(r, "Function"):
		return setOf(LineCall, LineCallSingle)
	case strings.HasPrefix(r, "IRQ work"), r == "IRQ":
		return setOf(LineIRQWork)
	}
	return setOf(LineOther)
}

// IsRaisedFor reports whether IPIs of a line are raised for that reason on arm and
// arm64. No send tells of those of other lines.
func (l Line) IsRaisedFor(reason string) bool {
	return l != LineOther && linesOfReason([]byte(reason)).has(l)
}

// lineOf is the line that a send goes out on: kernel/smp.c sends queued calls to
// one CPU by ipi_send_cpu, to several by ipi_send_cpumask; a NULL callback is a
// reschedule; any other for the CPU itself is an irq_work (kernel/irq_work.c).
func (s *Sends) lineOf(w *Send, r *role) Line {
	switch {
	case r.kind == kindRaise:
		return s.lineOfRaise(w)
	case w.Callback == s.names.null:
		return LineReschedule
	case w.Callback != s.names.generic && !w.namesAnother():
		return LineIRQWork
	case r.kind == kindSendMask:
		return LineCall
	}
	return LineCallSingle
}

func (s *Sends) lineOfRaise(w *Send) Line {
	lines := linesOfReason([]byte(s.table.NameOf(w.Callback)))
	for l := LineOther; l < NumLines; l++ {
		if lines.has(l) {
			return l
		}
	}
	return LineOther
}

// A Bracket is one run of interrupting work, from its entry event to its exit.
type Bracket struct {
	Kind       BracketKind
	CPU        int32
	PID        int32 // of the task that was interrupted
	Name       trace.NameID
	ID         uint64 // vector, interrupt number, softirq number or csd pointer
	Start, End trace.Time
	// Outer is false for work that interrupted other such work.
	Outer bool
	// HasIPI says that an IPI arrived with it: it is one, or one is in it.
	HasIPI bool
	// Mode is what it interrupted; Deliveries says so.
	Mode Mode

	lines   lineSet
	noised  bool     // a noise event told of it, too
	noise   bool     // only noise tells of it
	arrival uint64   // its number, if it is the arrival of IPIs
	flights *flight  // the hits that arrived with it, see Deliveries
	req     *request // the request that led to the function that runs
}

// Serves reports whether the bracket is the arrival of IPIs of a line.
func (b *Bracket) Serves(l Line) bool { return b.lines.has(l) }

// IsIPI reports whether the bracket is the arrival of any IPI.
func (b *Bracket) IsIPI() bool { return b.lines != 0 }

// BracketKind says which pair of events a bracket is.
type BracketKind uint8

const (
	BracketVector  BracketKind = iota // irq_vectors: NAME_entry to NAME_exit (x86)
	BracketIRQ                        // irq_handler_entry to irq_handler_exit
	BracketIPI                        // ipi_entry to ipi_exit (arm, arm64)
	BracketSoftirq                    // softirq_entry to softirq_exit
	BracketCall                       // csd_function_entry to csd_function_exit
	NumBracketKinds
)

func (k BracketKind) String() string {
	return [...]string{"vector", "irq", "ipi", "softirq", "csd"}[k]
}
