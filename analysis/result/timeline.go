package result

// A Timeline is one trace of which marks are shown, CPU by CPU.
type Timeline struct {
	Path   string
	Kernel string
	Clock  string
	// Ticks says that times are no nanoseconds but ticks of the clock.
	Ticks    bool
	Isolated string // CPU list
}

// A Mark is something on the timeline of a CPU: a stretch of time, or a moment.
// Marks come nearly in the order of their start. Of two that start at the same
// time on a CPU the one that ends later comes first and holds the other.
type Mark struct {
	CPU      int32 // -1 if not known
	Isolated bool
	Category string // MarkSend and so on
	Name     string // of a kernel function, mostly
	Start    int64
	End      int64 // equal to Start for a moment
	Moment   bool
	// OnNoise says that it is on a track of its own beside that of the CPU: what
	// osnoise and timerlat tell, by their own times.
	OnNoise bool
	// From are arrows that begin here and To those that end here, by numbers
	// that are the trace's own, less than 1<<56.
	From, To []uint64
	Args     []Field
	Stack    []string // innermost frame first
}

// Categories of marks.
const (
	MarkSend      = "send"      // a send, on the CPU that sent: a moment
	MarkHit       = "hit"       // a hit, on its target: its interrupt, a moment if that is not known
	MarkInterrupt = "interrupt" // of an IPI whose send was not recorded
	MarkRequest   = "request"   // a request, on the CPU that asked: a moment
	MarkFunction  = "function"  // that a queued call ran
	MarkSample    = "sample"    // of osnoise, or an activation of timerlat: on the track of noise
	MarkNoise     = "noise"     // a noise of osnoise or timerlat, on the track of noise
	MarkLost      = "lost"      // a gap in the events of a CPU
)
