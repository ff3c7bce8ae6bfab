package tracecmd

import (
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
	id, ok := p.field(f, e, 0)
	if !ok {
		return append(dst, '!')
	}
	dst = appendHexDigits(append(dst, "# "...), uint64(uint32(id)))
	b := e.Payload()
	if f.refs[1] == trace.NoField {
		return dst
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
	ip, ok := p.field(f, e, 0)
	if !ok {
		return append(dst, '!')
	}
	parentIP, ok := p.field(f, e, 1)
	if !ok {
		return append(dst, '!')
	}
	name, _, found := p.names.Symbol(ip)
	if parent, _, ok := p.names.Symbol(parentIP); ok {
		dst = appendSpaces(dst, 3*p.callDepth(e.CPU, parent, name, found))
	}
	if found {
		return append(dst, name...)
	}
	return appendHex(dst, ip)
}

// printRepeats: plugin_function.c, function_repeats_handler. The time of the last
// repetition is that of the event minus what it says.
func printRepeats(p *Printer, dst []byte, f *form, e, next *trace.Event) []byte {
	dst = printFunction(p, dst, f, e, next)
	count, _ := p.field(f, e, 2)
	top, _ := p.field(f, e, 3)
	bottom, _ := p.field(f, e, 4)
	last := uint64(e.Time) - (top<<32 | bottom)
	dst = appendUint(append(dst, " (count: "...), count, 0)
	last = (last + 500) / 1000
	dst = appendUint(append(dst, "  last_ts: "...), last/1e6, 0)
	return append(appendZeros(append(dst, '.'), last%1e6, 6), ')')
}

// maxCallDepth bounds the chain of callers of one CPU, maxChains the CPUs.
const (
	maxCallDepth = 1 << 10
	maxChains    = 1 << 16
)

// callDepth finds the parent among the functions seen on that CPU, puts the
// child behind it and returns the parent's place.
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
	return tracefmt.AppendBinary(dst, format, b, p.table.Meta.LongSize, p.table.Meta.BigEndian, p.names)
}

// Widths of the function graph's columns.
const (
	graphIndent   = 2 // blanks for each level
	durationWidth = 7 // digits of a duration before its bar
	noDuration    = "             |  "
)

// printGraphEntry: trace-cmd's lib/trace-cmd/trace-ftrace.c. A function that
// returns at once is printed in one line with its duration.
func printGraphEntry(p *Printer, dst []byte, f *form, e, next *trace.Event) []byte {
	if next == nil {
		dst = append(dst, noDuration...)
		return append(p.appendGraphFunction(dst, f, e), "() {"...)
	}
	duration, ok := p.duration(next)
	if !ok {
		return append(dst, '!')
	}
	dst = appendDuration(dst, duration)
	return append(p.appendGraphFunction(dst, f, e), "();"...)
}

func printGraphExit(p *Printer, dst []byte, f *form, e, _ *trace.Event) []byte {
	duration, ok := p.duration(e)
	if !ok {
		return append(dst, '!')
	}
	dst = appendDuration(dst, duration)
	depth, _ := p.field(f, e, 1)
	return append(appendSpaces(dst, graphSpaces(depth)), '}')
}

func (p *Printer) appendGraphFunction(dst []byte, f *form, e *trace.Event) []byte {
	depth, _ := p.field(f, e, 1)
	dst = appendSpaces(dst, graphSpaces(depth))
	addr, _ := p.field(f, e, 0)
	if name, _, ok := p.names.Symbol(addr); ok {
		return append(dst, name...)
	}
	return appendHexDigits(dst, addr)
}

// graphSpaces is the indentation; the kernel traces at most 50 levels
// (include/linux/ftrace.h, FTRACE_RETFUNC_DEPTH).
func graphSpaces(depth uint64) int { return int(min(uint64(uint32(depth)), 1000)) * graphIndent }

// duration is how long a function that returned ran, in nanoseconds.
func (p *Printer) duration(exit *trace.Event) (uint64, bool) {
	f := p.form(exit)
	if len(f.refs) < 5 {
		return 0, false
	}
	from, ok1 := p.field(f, exit, 2)
	to, ok2 := p.field(f, exit, 3)
	return to - from, ok1 && ok2
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
	if e.Schema().Name != "funcgraph_entry" || next.Schema().Name != "funcgraph_exit" || e.PID != next.PID {
		return false
	}
	a, ok1 := e.Uint(e.Schema().Ref("func"))
	b, ok2 := next.Uint(next.Schema().Ref("func"))
	return ok1 && ok2 && a == b
}
