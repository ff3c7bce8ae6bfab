package catalog

// A Level is what a stack frame is to the question who caused an IPI.
type Level uint8

const (
	None       Level = iota // kernel code like any other: may be the cause
	Probe                   // the tracepoint's own frames
	IPI                     // sends: smp_call_*, on_each_cpu*, irq_work_*
	Mechanism               // how a cause comes to send: text_poke_*, flush_tlb_*, static_key_* ...
	Entry                   // entry code and dispatchers: ends the search for a cause
	Syscall                 // a system call's function: names the entry, may be the cause
	Trampoline              // made at run time: ftrace, BPF, kprobes
)

var levelNames = [...]string{"", "probe", "ipi", "mechanism", "entry", "syscall", "trampoline"}

func (l Level) String() string { return levelNames[l] }

// A Kind is what a context of the kernel was entered by.
type Kind uint8

const (
	UnknownKind Kind = iota
	HardIRQ
	SoftIRQ
	NMI
	Fault
	SystemCall
	KWorker
	KThread
	Idle
	Boot
	User // frames of the program outside the kernel (perf records them)
)

var kindNames = [...]string{"", "hardirq", "softirq", "nmi", "fault", "syscall", "kworker", "kthread", "idle", "boot", "user"}

func (k Kind) String() string { return kindNames[k] }

const (
	noEdge    uint8 = iota
	innerEdge       // belongs to an entry; a run of them is one entry
	outerEdge       // the last frame of its context
)

var edgeNames = [...]string{"", "inner", "edge"}

const (
	byNothing uint8 = iota
	byCallee        // the frame it called
	bySelf
	byRest // what the star of its row stands for
	byWord
	byNobody // gives no name, and is none
)

// A frame is a row of [frames].
type frame struct {
	level  Level
	kind   Kind
	edge   uint8
	naming uint8
	via    string
	name   string // for byWord
}

// A looked is one frame of a stack with its row; the zero row if it has none.
type looked struct {
	frame
	symbol string // normalised; "" for a bare address
	rest   string
	module bool
}

func (c *Catalog) look(s string) looked {
	var l looked
	l.symbol, l.module = symbolName(s)
	l.frame, l.rest, _ = c.frames.find(l.symbol)
	return l
}

// Level returns what a frame is.
func (c *Catalog) Level(frame string) Level { return c.look(frame).level }

// A Mark says that a frame is not plain kernel text: the question is whether an interrupt
// hit code that may be freed (Tasks RCU waits for such frames).
type Mark uint8

const (
	OnFtrace     Mark = 1 << iota // an ftrace trampoline
	OnBPF                         // a BPF program or trampoline
	OnKprobe                      // a kprobe's copy of an instruction
	OnModule                      // a module's text
	OnUnresolved                  // an address without a symbol: perhaps a trampoline
)

// Trampoline reports one of the marks of code that is made at run time.
func (m Mark) Trampoline() bool { return m&(OnFtrace|OnBPF|OnKprobe) != 0 }

var markNames = [...]string{"ftrace", "bpf", "kprobe", "module", "unresolved"}

// String lists the marks with commas.
func (m Mark) String() string {
	s := ""
	for i, name := range markNames {
		if m&(1<<i) != 0 {
			if s != "" {
				s += ","
			}
			s += name
		}
	}
	return s
}

// Mark returns what marks a frame.
func (c *Catalog) Mark(frame string) Mark {
	l := c.look(frame)
	var m Mark
	switch {
	case l.symbol == "" && l.isTrampolineMarker(frame):
		return OnFtrace
	case l.symbol == "":
		return OnUnresolved
	case l.level != None && l.level != Trampoline:
	case l.via == "ftrace":
		m = OnFtrace
	case l.via == "bpf":
		m = OnBPF
	case l.via == "kprobe":
		m = OnKprobe
	}
	if l.module {
		m |= OnModule
	}
	return m
}

// isTrampolineMarker reports the value that the kernel puts where a stack passes through
// its own trampoline (FTRACE_TRAMPOLINE_MARKER, INT_MAX, kernel/trace/trace.h). The kernel
// prints it as [FTRACE TRAMPOLINE], trace-cmd as a number.
func (l *looked) isTrampolineMarker(s string) bool { return s == "7fffffff" || s == "0x7fffffff" }
