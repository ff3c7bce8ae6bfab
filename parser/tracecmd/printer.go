// Package tracecmd prints events exactly as `trace-cmd report` 3.4 does, so
// that what people know how to read, grep and compare comes out without
// trace-cmd.
//
// The lines' frame is that of trace-cmd's tracecmd/trace-read.c, the payload
// that of libtraceevent and its plugins: either the event's print fmt (package
// tracefmt) or, for some events, a form of their own (table of specials).
package tracecmd

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Options choose the form, as the flags of trace-cmd report do.
type Options struct {
	Nanoseconds bool // -t: times to the nanosecond, not rounded to the microsecond
	Latency     bool // -l: the columns of the kernel's latency format
	Raw         bool // -R: fields with their values instead of the print fmt
}

// A Report is what trace-cmd keeps for all files of one report: the width of the
// column that tells files and instances apart, and the function tracer's call
// chains.
type Report struct {
	// files: there are several, whose names stand in front of each line
	files bool
	width int
	calls [][]string // by CPU
}

// NewReport returns what the Printers of several files share. names are those of
// the files; a report of one file has none.
func NewReport(names ...string) *Report {
	r := &Report{files: len(names) > 1}
	for _, name := range names {
		if r.files {
			r.width = max(r.width, len(name))
		}
	}
	return r
}

// A Source is a trace of binary records, which knows the names of kernel addresses.
type Source interface {
	trace.Source
	printfmt.Names
	// ExpectNames lets another goroutine than the one that reads ask for them.
	ExpectNames()
}

// A Printer prints the events of one trace. It keeps what trace-cmd keeps while
// printing (names of tasks that sched events tell, the functions of the function
// tracer), so events must come in their order. It is not safe for concurrent
// use.
type Printer struct {
	o     Options
	table *trace.Table
	names *symbolCache
	micro bool // times are nanoseconds and printed as seconds
	file  string
	*Report
	forms []form
	comms map[int32]string // learned from sched events
	noID  trace.NameID     // the name "<...>"
	// prefixed: the line's instance column was written with a loss
	prefixed bool
	lostAt   lostKey
	stacks   stackCache
}

type lostKey struct {
	cpu      int32
	instance trace.NameID
}

// A form is how one kind of event is printed.
type form struct {
	known   bool
	head    string // " name: " with its padding
	prog    *printfmt.Program
	special special
	fields  []string // what special reads
	refs    []trace.FieldRef
	states  string // of sched_switch
	entry   bool   // of a function, which may be printed with its return
	extra   extraFlags
}

// New returns the printer of a trace's events, as a report of their own. names
// resolves addresses.
func New(t *trace.Table, names printfmt.Names, o Options) *Printer {
	return NewReport().Printer("", t, names, o)
}

// Printer returns the printer of one file's events.
func (r *Report) Printer(file string, t *trace.Table, names printfmt.Names, o Options) *Printer {
	p := &Printer{o: o, table: t, names: newSymbolCache(names), comms: map[int32]string{}, noID: t.Name("<...>"), Report: r}
	p.micro = inMicroseconds(&t.Meta)
	if r.files {
		p.file = file
	} else {
		p.addInstances()
	}
	return p
}

func (p *Printer) addInstances() {
	for _, name := range p.table.Meta.Instances {
		p.width = max(p.width, len(name))
	}
}

// inMicroseconds tells whether trace-cmd takes the clock's times for nanoseconds
// (lib/trace-cmd/trace-input.c, extract_trace_clock): those of clocks that it
// knows, and counts that the file says how to convert. All others are printed as
// they are, boot too.
func inMicroseconds(m *trace.Meta) bool {
	switch m.Clock {
	case "", "local", "global", "uptime", "perf", "tsc2nsec", "tai":
		return true
	case "counter", "x86-tsc", "ppc-tb":
		return m.ClockUnit == "ns"
	}
	return strings.HasPrefix(m.Clock, "mono")
}

// AppendHead appends what stands before the first event. Of several files each
// makes the column wide enough for its instances when its head is printed.
func (p *Printer) AppendHead(dst []byte) []byte {
	if p.files {
		dst = p.appendInstance(dst, 0)
		p.addInstances()
	}
	dst = append(dst, "cpus="...)
	return append(appendInt(dst, int64(p.table.Meta.CPUs), 0), '\n')
}

// AppendLost appends the line that tells of lost events.
func (p *Printer) AppendLost(dst []byte, l *trace.Lost) []byte {
	dst = p.appendInstance(dst, l.Instance)
	p.prefixed, p.lostAt = true, lostKey{l.CPU, l.Instance}
	dst = append(appendInt(append(dst, "CPU:"...), int64(l.CPU), 0), " ["...)
	if l.N > 0 {
		dst = append(appendUint(dst, l.N, 0), ' ')
	}
	return append(dst, "EVENTS DROPPED]\n"...)
}

// appendInstance appends the column with the name of the instance, or of the
// file for its top buffer.
func (p *Printer) appendInstance(dst []byte, instance trace.NameID) []byte {
	if p.width == 0 {
		return dst
	}
	name := p.table.NameOf(instance)
	if name == "" {
		name = p.file
	}
	dst = appendSpaces(dst, p.width-len(name))
	dst = append(dst, name...)
	if name != "" {
		return append(dst, ": "...)
	}
	return append(dst, "  "...)
}

// AppendEvent appends the line or lines of an event. next is the return of a
// function that follows its entry e directly: trace-cmd prints both in one
// line. It is nil for all other events.
func (p *Printer) AppendEvent(dst []byte, e, next *trace.Event) []byte {
	f := p.form(e)
	if !p.prefixed || p.lostAt != (lostKey{e.CPU, e.Instance}) {
		dst = p.appendInstance(dst, e.Instance)
	}
	p.prefixed = false
	dst = p.appendTask(dst, e)
	dst = p.appendFlags(dst, e, f)
	dst = p.appendTime(dst, e.Time)
	dst = append(append(dst, ':'), f.head...)
	start := len(dst)
	dst = p.appendPayload(dst, f, e, next)
	if n := len(dst); n > start && dst[n-1] == '\n' {
		return dst
	}
	return append(dst, '\n')
}

// AppendPayload appends what AppendEvent has after the event's name.
func (p *Printer) AppendPayload(dst []byte, e *trace.Event) []byte {
	return p.appendPayload(dst, p.form(e), e, nil)
}

func (p *Printer) appendPayload(dst []byte, f *form, e, next *trace.Event) []byte {
	switch {
	case p.o.Raw:
		return f.prog.AppendFields(dst, e.Payload(), e.Behind(), p.names)
	case f.special != nil:
		return f.special(p, dst, f, e, next)
	}
	return f.prog.Append(dst, e.Payload(), p.names)
}

// form returns how to print events like e.
func (p *Printer) form(e *trace.Event) *form {
	for int(e.ID) >= len(p.forms) {
		p.forms = append(p.forms, form{})
	}
	f := &p.forms[e.ID]
	if f.known {
		return f
	}
	s := e.Schema()
	f.known = true
	f.head = " " + s.Name + ": " + strings.Repeat(" ", max(0, 20-len(s.Name)))
	f.prog = printfmt.Compile(s, p.table.Meta.LongSize, p.table.Meta.BigEndian)
	f.extra = extraFlagsOf(s)
	f.entry = isEntry(s)
	setSpecial(f, s)
	return f
}

// comm returns the name of e's task.
func (p *Printer) comm(e *trace.Event) string {
	if e.Comm == p.noID {
		if name, ok := p.comms[e.PID]; ok {
			return name
		}
	}
	return p.table.NameOf(e.Comm)
}

func (p *Printer) appendTask(dst []byte, e *trace.Event) []byte {
	comm := p.comm(e)
	if p.o.Latency { // "%8.8s-%-5d %3d"
		comm = comm[:min(len(comm), 8)]
		dst = append(appendSpaces(dst, 8-len(comm)), comm...)
		dst = append(appendIntLeft(append(dst, '-'), int64(e.PID), 5), ' ')
		return appendInt(dst, int64(e.CPU), 3)
	}
	// "%16s-%-5d [%03d]"
	dst = append(appendSpaces(dst, 16-len(comm)), comm...)
	dst = append(appendIntLeft(append(dst, '-'), int64(e.PID), 5), " ["...)
	return append(appendZeros(dst, uint64(e.CPU), 3), ']')
}

// appendTime appends the time stamp with the blank in front of it.
func (p *Printer) appendTime(dst []byte, t trace.Time) []byte {
	n := uint64(t)
	if !p.micro {
		return appendUint(dst, n, 12)
	}
	return p.appendSeconds(append(dst, ' '), n)
}

// appendSeconds appends a time as libtraceevent does (print_event_time).
func (p *Printer) appendSeconds(dst []byte, n uint64) []byte {
	unit, digits := uint64(1e9), 9
	if !p.o.Nanoseconds {
		n = (n + 500) / 1000
		unit, digits = 1e6, 6
	}
	dst = append(appendUint(dst, n/unit, 5), '.')
	return appendZeros(dst, n%unit, digits)
}
