package tracecmd

import (
	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// printStack: plugin_function.c, trace_stack_handler.
func printStack(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	if f.refs[0] == trace.NoField {
		return append(dst, "<CANT FIND FIELD caller>"...)
	}
	dst = append(dst, "<stack trace >\n"...)
	b := e.Payload()
	off := e.Schema().Fields[f.refs[0]].Off
	if uint64(off) >= uint64(len(b)) {
		return dst
	}
	b = b[off:]
	text, key, ok := p.stacks.get(b)
	if ok {
		return append(dst, text...)
	}
	start := len(dst)
	dst = p.appendFrames(dst, b)
	p.stacks.put(key, b, dst[start:])
	return dst
}

func (p *Printer) appendFrames(dst, b []byte) []byte {
	long := uint32(p.table.Meta.LongSize)
	for ; uint32(len(b)) >= long; b = b[long:] {
		addr, _ := tracefmt.Integer(b, 0, long, p.table.Meta.BigEndian)
		if int32(addr) == -1 { // the end mark; trace-cmd looks at 32 bits
			break
		}
		dst = append(dst, "=> "...)
		if name, _, ok := p.names.Symbol(addr); ok {
			dst = append(append(dst, name...), " ("...)
			dst = append(appendHexDigits(dst, addr), ")\n"...)
		} else {
			dst = append(appendHexDigits(dst, addr), '\n')
		}
	}
	return dst
}

// printRawData: plugin_function.c, trace_raw_data_handler.
func printRawData(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, id, ok := p.need(dst, f, e, 0)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst = appendHexDigits(append(dst, "# "...), id)
	b := e.Payload()
	if f.refs[1] == trace.NoField {
		return append(dst, "<CANT FIND FIELD buf>"...)
	}
	if off := e.Schema().Fields[f.refs[1]].Off; uint64(off) < uint64(len(b)) {
		for _, c := range b[off:] {
			dst = append(dst, ' ', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
		}
	}
	return dst
}

// printFunction: plugin_function.c, function_handler. Functions are indented
// below the caller that was seen last on their CPU.
func printFunction(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, ok := p.appendFunction(dst, f, e)
	if !ok {
		return p.broken(dst, f, e)
	}
	return dst
}

func (p *Printer) appendFunction(dst []byte, f *form, e *trace.Event) ([]byte, bool) {
	dst, ip, ok := p.need(dst, f, e, 0)
	if !ok {
		return dst, false
	}
	dst, parentIP, ok := p.need(dst, f, e, 1)
	if !ok {
		return dst, false
	}
	name, _, found := p.names.Symbol(ip)
	if parent, _, ok := p.names.Symbol(parentIP); ok {
		dst = appendSpaces(dst, 3*p.callDepth(e.CPU, parent, name, found))
	}
	if found {
		return append(dst, name...), true
	}
	return appendHex(dst, ip), true
}

// printRepeats: plugin_function.c, function_repeats_handler. The time of the last
// repetition is that of the event minus what it says.
func printRepeats(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, ok := p.appendFunction(dst, f, e)
	if !ok {
		dst = append(dst, '!')
	}
	var v [3]uint64
	for i := range v {
		if dst, v[i], ok = p.need(dst, f, e, 2+i); !ok {
			return p.broken(dst, f, e)
		}
	}
	count, top, bottom := v[0], v[1], v[2]
	last := uint64(e.Time) - (top<<32 | bottom)
	dst = appendUint(append(dst, " (count: "...), count, 0)
	dst = append(dst, "  last_ts: "...)
	if p.micro {
		dst = p.appendSeconds(dst, last)
	} else {
		dst = appendUint(dst, last, 12)
	}
	return append(dst, ')')
}

// maxCallDepth bounds the chain of callers of one CPU, maxChains the CPUs.
const (
	maxCallDepth = 1 << 10
	maxChains    = 1 << 16
)

// callDepth finds the parent among the functions seen on that CPU, puts the
// child after it and returns the parent's place.
func (p *Printer) callDepth(cpu int32, parent, child string, known bool) int {
	if cpu < 0 || cpu >= maxChains {
		return 0
	}
	for int(cpu) >= len(p.calls) {
		p.calls = append(p.calls, nil)
	}
	chain := p.calls[cpu]
	set := func(i int, name string) {
		for i >= len(chain) {
			chain = append(chain, "")
		}
		chain[i] = name
	}
	depth := 0
	for i, name := range chain {
		if name == parent && i < maxCallDepth {
			depth = i
			if known {
				set(i+1, child)
			}
			p.calls[cpu] = chain
			return depth
		}
	}
	set(0, parent)
	if known {
		set(1, child)
	}
	p.calls[cpu] = chain
	return depth
}

// printBinary prints trace_printk's binary form: the format at address fmt and
// the arguments packed by the kernel's vbin_printf (lib/vsprintf.c).
func printBinary(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	ip, _ := p.field(f, e, 0)
	if name, _, ok := p.names.Symbol(ip); ok {
		dst = append(dst, name...)
	} else {
		dst = appendHex(dst, ip)
	}
	dst = append(dst, ": "...)
	addr, _ := p.field(f, e, 1)
	format, ok := p.names.Static(addr)
	if !ok {
		dst = appendHexDigits(append(dst, "(NO FORMAT FOUND at "...), addr)
		return append(dst, ")\n"...)
	}
	b := e.Payload()
	if f.refs[2] == trace.NoField {
		return dst
	}
	if off := e.Schema().Fields[f.refs[2]].Off; uint64(off) <= uint64(len(b)) {
		b = b[off:]
	}
	return printfmt.AppendBinary(dst, format, b, p.table.Meta.LongSize, p.table.Meta.BigEndian, p.names)
}

// Widths of the function graph's columns.
const (
	graphIndent   = 2 // blanks for each level
	durationWidth = 7 // digits of a duration before its bar
	noDuration    = "             |  "
)

// Fields that the function graph's events may have.
const (
	graphFunc = iota
	graphDepth
	graphCall
	graphReturn
	graphRetval
	graphRetaddr
	graphArgs
)

// isEntry reports whether an event is a function's entry, which may be printed
// together with its return.
func isEntry(s *trace.Schema) bool {
	return s.System == "ftrace" && (s.Name == "funcgraph_entry" || s.Name == "fgraph_retaddr_entry")
}

// printGraphEntry: trace-cmd's lib/trace-cmd/trace-ftrace.c. A function that
// returns at once is printed in one line with its duration and its result.
func printGraphEntry(p *Printer, dst []byte, f *form, e, next *trace.Event) []byte {
	dst, addr, ok := p.need(dst, f, e, graphFunc)
	if !ok {
		return p.broken(dst, f, e)
	}
	if next == nil {
		return p.appendNested(append(dst, noDuration...), f, e, addr)
	}
	exit := p.form(next)
	dst, duration, ok := p.duration(dst, exit, next)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst, depth, ok := p.need(appendDuration(dst, duration), f, e, graphDepth)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst = appendSpaces(dst, graphSpaces(depth))
	if name, _, ok := p.names.Symbol(addr); ok {
		dst = append(append(dst, name...), '(')
		dst = append(p.appendArgs(dst, f, e), ");"...)
	} else {
		dst = append(appendHexDigits(dst, addr), "();"...)
	}
	if caller, ok := p.caller(f, e); ok {
		dst = append(append(append(dst, " /* <-"...), caller...), " */"...)
	}
	return p.appendResult(dst, exit, next)
}

// appendNested appends a function that calls others.
func (p *Printer) appendNested(dst []byte, f *form, e *trace.Event, addr uint64) []byte {
	dst, depth, ok := p.need(dst, f, e, graphDepth)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst = appendSpaces(dst, graphSpaces(depth))
	caller, called := p.caller(f, e)
	if name, _, ok := p.names.Symbol(addr); ok {
		dst = p.appendArgs(append(append(dst, name...), '('), f, e)
	} else if called {
		dst = append(appendHexDigits(dst, addr), '(')
	} // else trace-cmd prints no name at all
	dst = append(dst, ')')
	if called {
		dst = append(append(append(dst, " /* <-"...), caller...), " */"...)
	}
	return append(dst, " {"...)
}

// caller is the function that an entry returns to, if the event says it.
func (p *Printer) caller(f *form, e *trace.Event) (string, bool) {
	addr, ok := p.field(f, e, graphRetaddr)
	if !ok {
		return "", false
	}
	name, _, ok := p.names.Symbol(addr)
	return name, ok
}

// appendArgs appends the arguments of a function (trace option funcgraph-args),
// as numbers: their types are not looked at.
func (p *Printer) appendArgs(dst []byte, f *form, e *trace.Event) []byte {
	if f.refs[graphArgs] == trace.NoField {
		return dst
	}
	long := uint32(p.table.Meta.LongSize)
	b := e.Payload()
	for off := e.Schema().Fields[f.refs[graphArgs]].Off; uint64(off)+uint64(long) <= uint64(len(b)); off += long {
		if off > e.Schema().Fields[f.refs[graphArgs]].Off {
			dst = append(dst, ", "...)
		}
		v, _ := tracefmt.Integer(b, off, long, p.table.Meta.BigEndian)
		dst = appendHexDigits(dst, v)
	}
	return dst
}

func printGraphExit(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	dst, duration, ok := p.duration(dst, f, e)
	if !ok {
		return p.broken(dst, f, e)
	}
	dst, depth, ok := p.need(appendDuration(dst, duration), f, e, graphDepth)
	if !ok {
		return p.broken(dst, f, e)
	}
	return p.appendResult(append(appendSpaces(dst, graphSpaces(depth)), '}'), f, e)
}

// maxErrno bounds error numbers (include/linux/err.h, MAX_ERRNO).
const maxErrno = 4095

// appendResult appends what a function returned, if the event says it (trace
// option funcgraph-retval).
func (p *Printer) appendResult(dst []byte, exit *form, e *trace.Event) []byte {
	v, ok := p.field(exit, e, graphRetval)
	switch {
	case !ok:
		return dst
	case -v <= maxErrno && v != 0:
		dst = appendInt(append(dst, " (ret="...), int64(v), 0)
	default:
		dst = appendHex(append(dst, " (ret="...), v)
	}
	return append(dst, ')')
}

// graphSpaces is the indentation; the kernel traces at most 50 levels
// (include/linux/ftrace.h, FTRACE_RETFUNC_DEPTH).
func graphSpaces(depth uint64) int { return int(min(uint64(uint32(depth)), 1000)) * graphIndent }

// duration is how long a function that returned ran, in nanoseconds.
func (p *Printer) duration(dst []byte, f *form, exit *trace.Event) ([]byte, uint64, bool) {
	dst, to, ok := p.need(dst, f, exit, graphReturn)
	if !ok {
		return dst, 0, false
	}
	dst, from, ok := p.need(dst, f, exit, graphCall)
	return dst, to - from, ok
}

// appendDuration appends the mark of a long duration, the duration in
// microseconds and the bar.
func appendDuration(dst []byte, ns uint64) []byte {
	mark := byte(' ')
	switch {
	case ns > 1e9:
		mark = '$'
	case ns > 1e6:
		mark = '#'
	case ns > 1e5:
		mark = '!'
	case ns > 1e4:
		mark = '+'
	}
	dst = append(dst, mark, ' ')
	start := len(dst)
	dst = appendUint(dst, ns/1000, 0)
	if len(dst)-start < durationWidth {
		dst = appendZeros(append(dst, '.'), ns%1000, 3)
	}
	used := len(dst) - start
	dst = append(dst, " us "...)
	return append(appendSpaces(dst, durationWidth-used), "|  "...)
}

// IsLeaf reports whether next, which follows e directly, may be the return
// of the function that e enters: then trace-cmd prints both in one line.
func IsLeaf(e, next *trace.Event) bool {
	if !isEntry(e.Schema()) || next.Schema().Name != "funcgraph_exit" || e.PID != next.PID || e.CPU != next.CPU {
		return false
	}
	a, ok1 := e.Uint(e.Schema().Ref("func"))
	b, ok2 := next.Uint(next.Schema().Ref("func"))
	return ok1 && ok2 && a == b
}
