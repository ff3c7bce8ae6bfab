package perfscript

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A frame is one line of a callchain (tools/perf/util/evsel_fprintf.c,
// sample__fprintf_callchain):
//
//	ffffffff81b0e1db resched_curr+0x9b ([kernel.kallsyms])
//	    559041e44742 [unknown] (/usr/bin/perf)
type frame struct {
	addr   []byte // hex digits
	symbol []byte // "sym+0x9b", "[unknown]", or empty
	dso    []byte // without its parentheses; "inlined" for an inlined function
}

// parseFrame reads a line after its tab.
func parseFrame(line []byte) (f frame, ok bool) {
	line = bytes.TrimSpace(line)
	n := 0
	for n < len(line) && isHex(line[n]) {
		n++
	}
	if n == 0 || n > 16 || n < len(line) && line[n] != ' ' {
		f.symbol = line // -F sym prints no addresses
		return f, isSymbol(line)
	}
	f.addr, line = line[:n], trim(line[n:])
	if len(line) > 0 && line[len(line)-1] == ')' {
		open := bytes.LastIndex(line, []byte(" ("))
		if open < 0 && line[0] == '(' { // -F ip,dso
			f.dso = line[1 : len(line)-1]
			return f, true
		}
		if open >= 0 {
			f.dso, line = line[open+2:len(line)-1], trim(line[:open])
		}
	}
	f.symbol = line
	return f, true
}

// isSymbol reports whether a frame is nothing but a symbol.
func isSymbol(line []byte) bool {
	for i, c := range line {
		if c != '_' && c|0x20-'a' > 25 && (c-'0' > 9 && c != '.' && c != '+' && c != '$' || i == 0) {
			return string(line) == "[unknown]"
		}
	}
	return len(line) > 0
}

func isHex(c byte) bool { return c-'0' <= 9 || c-'a' <= 5 }

// inKernel reports whether a frame is the kernel's: by its address, whose top
// bit is set on most architectures, else by the dso's name.
func (f *frame) inKernel() bool {
	if string(f.dso) == "[vsyscall]" {
		return false // mapped at the top of the address space
	}
	if len(f.addr) == 0 { // user space shows at the first frame without a name
		return string(f.symbol) != "[unknown]" && (len(f.dso) == 0 || isKernelDSO(f.dso))
	}
	if len(f.addr) == 16 && f.addr[0] >= '8' {
		return true
	}
	return isKernelDSO(f.dso) || f.module() != nil
}

func isKernelDSO(dso []byte) bool {
	dso = bytes.TrimPrefix(dso, []byte("[guest."))
	dso = bytes.TrimPrefix(dso, []byte("["))
	if slash := bytes.LastIndexByte(dso, '/'); slash >= 0 {
		return bytes.HasPrefix(dso[slash+1:], []byte("vmlinux"))
	}
	return bytes.HasPrefix(dso, []byte("kernel]")) || bytes.HasPrefix(dso, []byte("kernel."))
}

// module returns the name of the kernel module that the frame is in, nil if it
// is in none. perf prints [name], or the path of the .ko file.
func (f *frame) module() []byte {
	dso := f.dso
	if slash := bytes.LastIndexByte(dso, '/'); slash >= 0 {
		dso = dso[slash+1:]
		if n := bytes.Index(dso, []byte(".ko")); n > 0 {
			return dso[:n]
		}
		return nil
	}
	n := len(dso)
	if n < 3 || dso[0] != '[' || dso[n-1] != ']' || isKernelDSO(dso) {
		return nil
	}
	dso = dso[1 : n-1]
	for i, c := range dso {
		if c != '_' && c != '-' && c|0x20-'a' > 25 && (c-'0' > 9 || i == 0) {
			return nil
		}
	}
	switch string(dso) {
	case "unknown", "vdso", "vdso32", "vdsox32", "vsyscall", "heap", "stack", "uprobes", "vectors", "vvar", "anon", "bpf":
		return nil
	}
	return dso
}

// isChain reports whether a line belongs to the callchain of the sample before.
func isChain(line []byte) bool { return len(line) > 0 && line[0] == '\t' }

// group takes the rest of a callchain into the record, whose first line begins
// there. It returns the part of the text that holds the frames of the kernel,
// which come first; user space is not kept, its addresses differ from run to run.
func (s *Source) group(line []byte) []byte {
	if s.mail != nil {
		return s.mailGroup(line)
	}
	ahead, count := 0, 0
	inside, size := kernelPart(line, 0)
	end := size
	for len(s.in.Raw())+ahead < lines.MaxGroup {
		next, after, ok := s.in.Peek(ahead)
		if !ok || !isChain(next) && !s.isSource(next) {
			break
		}
		if inside {
			var n int
			if inside, n = kernelPart(next, len(s.in.Raw())+ahead); n > 0 {
				end = n
			}
		}
		ahead, count = after, count+1
	}
	s.in.Take(ahead, count)
	return s.in.Raw()[:end]
}

// kernelPart reports whether the chain is still in the kernel after a line that
// begins at that offset, and where the line ends if it is a frame of the kernel.
func kernelPart(line []byte, at int) (inside bool, end int) {
	if hasKernelAddress(line) && bytes.HasSuffix(line, []byte("([kernel.kallsyms])")) {
		return true, at + len(line) // nearly all
	}
	f, ok := parseFrame(line)
	if !ok {
		return true, 0 // a place in the source, of -F srcline
	}
	if !f.inKernel() {
		return false, 0
	}
	return true, at + len(line)
}

// hasKernelAddress recognises a tab and an address of 16 digits whose top bit is
// set.
func hasKernelAddress(line []byte) bool {
	if len(line) < 18 || line[0] != '\t' || line[1] < '8' || line[17] != ' ' {
		return false
	}
	for _, c := range line[1:17] {
		if !isHex(c) {
			return false
		}
	}
	return true
}

// isSource recognises the lines of -F srcline within a chain, "  core.c:1040".
func (s *Source) isSource(line []byte) bool {
	var h header
	return len(line) > 2 && line[0] == ' ' && line[1] == ' ' && !h.parse(line)
}

// A decoder adds callchains to the decoding of printed payloads.
type decoder struct {
	*events.Decoder
	frames []trace.SymbolID
	text   []byte
}

// Stack interns the callchain that is the event's payload.
func (d *decoder) Stack(e *trace.Event) (trace.StackID, bool) {
	p, t := e.Payload(), e.Table()
	if id, ok := t.Stack(p); ok {
		return id, id != 0
	}
	d.frames = d.frames[:0]
	for len(p) > 0 {
		var line []byte
		line, p, _ = bytes.Cut(p, []byte("\n"))
		if f, ok := parseFrame(line); ok {
			d.frames = append(d.frames, d.symbol(t, &f))
		}
	}
	if len(d.frames) == 0 {
		return 0, false
	}
	return t.AddStack(e.Payload(), append([]trace.SymbolID(nil), d.frames...)), true
}

// symbol interns the symbol of a frame, the address if it has none.
func (d *decoder) symbol(t *trace.Table, f *frame) trace.SymbolID {
	if len(f.symbol) == 0 || string(f.symbol) == "[unknown]" {
		return d.frameAddress(t, f)
	}
	text := f.symbol
	if m := f.module(); m != nil {
		d.text = append(append(append(append(d.text[:0], text...), " ["...), m...), ']')
		text = d.text
	}
	if id, ok := d.Intern(text); ok {
		return id
	}
	return t.Symbol(trace.Symbol{Name: string(f.symbol)})
}

// frameAddress interns the symbol of a frame that was printed without one.
func (d *decoder) frameAddress(t *trace.Table, f *frame) trace.SymbolID {
	id := d.Address(f.addr)
	sym := t.SymbolOf(id)
	sym.Offset, sym.HasOffset = 0, false
	return t.Symbol(sym)
}
