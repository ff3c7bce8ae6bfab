package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// anchorRange bounds where the CPU of an event may stand: a comm of 16 columns
// after a file or instance name of at most 255.
const anchorRange = 320

// maxCPU bounds CPU numbers. Linux allows 8192; a larger one is damage.
const maxCPU = 65535

// A header is the part of an event line that every event has.
type header struct {
	task     []byte // what stands before "-pid": instance and comm
	width    int    // columns of the comm
	padding  int    // columns of the pid and the blank after it
	pid      int32
	tgid     int32
	cpu      int32
	time     trace.Time
	flags    trace.Flags
	preempt  uint8
	hasFlags bool
	noDot    bool // the time is an integer: not seconds
	relative bool // the time counts from the start of the trace
	noTask   bool // comm and pid were left out
	noDepth  bool // flags without the preempt count (report -R)
	typ      int  // the record's type, where the payload was not printed; else 0
	payload  int  // offset of what follows the header
}

// A style is a way of printing the header.
type style uint8

const (
	styleTask    style = iota // comm-pid [cpu] flags time:
	styleLatency              // comm-pid cpuflags time:
	styleVerbose              // comm pid cpu flags depth seq [time] rel:
	styleNoTask               // [cpu] flags time:
	styleRaw                  // pid cpu time type: N
	styleCount
)

func (h *header) parse(s style, line []byte, fromTraceCmd bool) bool {
	*h = header{tgid: -1}
	switch s {
	case styleTask:
		return h.parseTask(line, fromTraceCmd)
	case styleLatency:
		return h.parseLatency(line, fromTraceCmd)
	case styleVerbose:
		return h.parseVerbose(line)
	case styleNoTask:
		return h.parseNoTask(line)
	}
	return h.parseRaw(line)
}

// parseTask reads the default header of the kernel and of trace-cmd:
//
//	bash-202     (    202) [000] ...1.     7.428080:
//	bash-202   [000] ...1.     7.428080:
//	bash-202   [000]     7.428080:
//	bash-202   [000]-0x1     7.428080:          (report -R)
//	mix-317   [001] d..5.100837669690:          (a time of 12 digits and more)
//	mix-317   [001]100837669690:                (the same, trace-cmd up to 3.2)
//
// The comm may hold anything, so the anchor is " [cpu]" with "-pid" before it.
func (h *header) parseTask(line []byte, fromTraceCmd bool) bool {
	h.width = 16
	for at := 0; ; {
		n := bytes.IndexByte(line[at:min(len(line), anchorRange)], '[')
		if n < 0 {
			return false
		}
		at += n + 1
		if h.parseCPU(line, at) && h.parseClock(line, h.payload, fromTraceCmd) {
			return true
		}
	}
}

// parseCPU reads "000]" at that place and "-202 (   202) [" before it, and
// leaves the offset after it in h.payload.
func (h *header) parseCPU(line []byte, at int) bool {
	cpu, end := scan.Digits(line, at)
	if end-at < 3 || end-at > 5 || end >= len(line) || line[end] != ']' || cpu > maxCPU {
		return false
	}
	h.cpu, h.payload = int32(cpu), end+1
	i := trimBlanks(line, at-1)
	if i == at-1 || i == 0 {
		return false
	}
	h.tgid = -1
	if line[i-1] == ')' {
		if i = h.parseTGID(line, i-1); i <= 0 {
			return false
		}
		i = trimBlanks(line, i)
	}
	return h.parsePID(line, i)
}

// parseTGID reads "(    202" or "(-------" that ends at i and returns where it
// begins, or -1.
func (h *header) parseTGID(line []byte, i int) int {
	open := bytes.LastIndexByte(line[max(0, i-16):i], '(')
	if open < 0 {
		return -1
	}
	open += max(0, i-16)
	if open+1 < i && line[open+1] == '-' {
		return open
	}
	start := open + 1
	for start < i && line[start] == ' ' {
		start++
	}
	v, end := scan.Digits(line, start)
	if end != i || start == i || v > 1<<31-1 {
		return -1
	}
	h.tgid = int32(v)
	return open
}

// parsePID reads "comm-202" that ends at i.
func (h *header) parsePID(line []byte, i int) bool {
	start := i
	for start > 0 && line[start-1]-'0' <= 9 {
		start--
	}
	if start == i || i-start > 10 || start < 2 || line[start-1] != '-' {
		return false
	}
	pid, _ := scan.Digits(line, start)
	h.pid, h.task, h.padding = int32(pid), line[:start-1], bytes.IndexByte(line[start:], '[')
	return pid <= 1<<31-1
}

// parseClock reads the flags and the time that begin at i.
func (h *header) parseClock(line []byte, i int, fromTraceCmd bool) bool {
	if bytes.HasPrefix(line[i:], []byte("-0x")) {
		f, end := scan.HexDigits(line, i+3)
		if f > 0xff {
			return false
		}
		h.flags, h.hasFlags, h.noDepth = trace.Flags(f), true, true
		i = end
	}
	start := skipBlanks(line, i)
	if start == len(line) || start == i && !isLongNumber(line, i) {
		return false
	}
	if line[start]-'0' > 9 {
		if start = h.parseFlags(line, start, fromTraceCmd); start < 0 {
			return false
		}
		start = skipBlanks(line, start)
	}
	return h.parseTime(line, start)
}

// isLongNumber reports whether a time stands at i that filled its column, of 12
// digits ("%9llu" after " ", tracecmd/trace-read.c up to trace-cmd 3.2).
func isLongNumber(line []byte, i int) bool {
	_, end := scan.Digits(line, i)
	return end-i >= 12 && end < len(line) && line[end] == ':'
}

// parseNoTask reads lines of which somebody left out the first columns:
//
//	[000] 154.892148: ipi_raise: ...
func (h *header) parseNoTask(line []byte) bool {
	at := skipBlanks(line, 0) + 1
	if at >= len(line) || line[at-1] != '[' {
		return false
	}
	cpu, end := scan.Digits(line, at)
	if end-at < 3 || end-at > 5 || end >= len(line) || line[end] != ']' || cpu > maxCPU {
		return false
	}
	h.cpu, h.pid, h.noTask = int32(cpu), -1, true
	return h.parseClock(line, end+1, false) && namesEvent(line[h.payload:])
}

// parseFlags reads the flags column at i and returns its end, or -1. A time of
// many digits follows without a blank; the column has 5 letters then.
func (h *header) parseFlags(line []byte, i int, fromTraceCmd bool) int {
	end := i
	for end < len(line) && end < i+maxFlags+1 && line[end] != ' ' && line[end] != ':' {
		end++
	}
	if end == len(line) {
		return -1
	}
	if line[end] != ' ' {
		if end = i + 5; end > len(line) {
			return -1
		}
	}
	var ok bool
	h.flags, h.preempt, ok = parseFlags(line[i:end], fromTraceCmd)
	h.hasFlags = true
	if !ok {
		return -1
	}
	return end
}

// parseTime reads "7.428080:", "7.428080142:", "100837669690:" or the "684us+:"
// of the latency format, and leaves the place of the payload.
func (h *header) parseTime(line []byte, i int) bool {
	sec, end := scan.Digits(line, i)
	if end == i || end-i > 19 || end >= len(line) || sec > 1<<63-1 {
		return false
	}
	switch {
	case line[end] == '.':
		frac := end + 1
		sub, e := scan.Digits(line, frac)
		n := e - frac
		if n < 1 || n > 9 || sec > 1<<33 {
			return false
		}
		h.time = trace.Time(sec)*1e9 + trace.Time(sub)*pow10[9-n]
		end = e
	case bytes.HasPrefix(line[end:], []byte("us")) && end+2 < len(line):
		if sec > 1<<53 {
			return false
		}
		h.time, h.relative = trace.Time(sec)*1000, true
		end += 3 // the mark that shows a delay: one of "$@*#!+ "
	default:
		h.time, h.noDot = trace.Time(sec), true
	}
	if end >= len(line) || line[end] != ':' {
		return false
	}
	h.payload = skipBlanks(line, end+1)
	return h.payload > end+1 || h.payload == len(line)
}

var pow10 = [...]trace.Time{1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9}

// parseLatency reads the header of the kernel's latency-format and of
// trace-cmd report -l, where the CPU touches the flags:
//
//	bash-202       0...1. 684781us!:
//	bash-1280    0.....   260.202140:
func (h *header) parseLatency(line []byte, fromTraceCmd bool) bool {
	h.width = 8
	for at := 1; at < min(len(line), anchorRange); {
		n := bytes.IndexByte(line[at:min(len(line), anchorRange)], '-')
		if n < 0 {
			return false
		}
		at += n + 1
		pid, end := scan.Digits(line, at)
		cpuAt := skipBlanks(line, end)
		cpu, cpuEnd := scan.Digits(line, cpuAt)
		if end == at || end-at > 10 || pid > 1<<31-1 || cpuAt == end ||
			cpuEnd == cpuAt || cpuEnd-cpuAt > 5 || cpu > maxCPU || cpuEnd == len(line) {
			continue
		}
		flagsEnd := h.parseFlags(line, cpuEnd, fromTraceCmd)
		if flagsEnd < 0 || !h.parseTime(line, skipBlanks(line, flagsEnd)) {
			continue
		}
		h.pid, h.cpu, h.task = int32(pid), int32(cpu), line[:at-1]
		h.padding = cpuEnd - at - 3
		return true
	}
	return false
}

// parseVerbose reads the header of latency-format with verbose
// (kernel/trace/trace_output.c, trace_print_lat_context):
//
//	bash     202   0 0 00000001 00000000 [007157f0] 684.781ms (+0.994ms):
//
// The fields are comm, pid, cpu, common_flags, common_preempt_count, number of
// the event, time in hex microseconds, time since the start, time to the next.
func (h *header) parseVerbose(line []byte) bool {
	open := bytes.Index(line[:min(len(line), anchorRange)], []byte(" ["))
	if open < 0 {
		return false
	}
	us, end := scan.HexDigits(line, open+2)
	if end-open-2 < 8 || us > 1<<53 || !bytes.HasPrefix(line[end:], []byte("] ")) {
		return false
	}
	n := bytes.Index(line[end:min(len(line), end+64)], []byte("ms): "))
	if n < 0 || !bytes.Contains(line[end:end+n], []byte("ms (")) {
		return false
	}
	h.payload = skipBlanks(line, end+n+5)
	h.time = trace.Time(us) * 1000
	// From the right: number, depth, flags, cpu, pid.
	var v [5]uint64
	at := open
	for k := range v {
		stop := trimBlanks(line, at)
		for at = stop; at > 0 && line[at-1] != ' '; at-- {
		}
		var e int
		if k < 2 {
			v[k], e = scan.HexDigits(line, at)
		} else {
			v[k], e = scan.Digits(line, at)
		}
		if e != stop || at == stop {
			return false
		}
	}
	if v[1] > 0xff || v[2] > 0xff || v[3] > maxCPU || v[4] > 1<<31-1 {
		return false
	}
	h.preempt, h.flags, h.hasFlags = uint8(v[1]), trace.Flags(v[2]), true
	h.cpu, h.pid = int32(v[3]), int32(v[4])
	h.task, h.width = line[:max(0, trimBlanks(line, at))], 16
	return len(bytes.TrimLeft(h.task, " ")) > 0
}

// parseRaw reads the kernel's options raw and hex, which name the event by its
// number only: "202 0 7428080142 type: 287" and
// "000000ca 00000000 00000001babf820e type: 287". Only what was written to
// trace_marker or by trace_printk has its text there: "202 0 7428080142 # ffff...
// text" (kernel/trace/trace_output.c, trace_print_raw and trace_bprint_raw).
func (h *header) parseRaw(line []byte) bool {
	number := scan.Digits
	if n := len("000000ca 00000000 00000001babf820e"); len(line) > n && line[8] == ' ' && line[17] == ' ' && line[n] == ' ' {
		number = scan.HexDigits
	}
	var v [3]uint64
	i := 0
	for k := range v {
		var e int
		if v[k], e = number(line, i); e == i || e-i > 19 || e >= len(line) || line[e] != ' ' {
			return false
		}
		i = e + 1
	}
	if v[0] > 1<<31-1 || v[1] > maxCPU || v[2] > 1<<63-1 {
		return false
	}
	h.pid, h.cpu, h.time, h.payload = int32(v[0]), int32(v[1]), trace.Time(v[2]), i
	rest := line[i:]
	if typ, ok := bytes.CutPrefix(rest, []byte("type: ")); ok {
		n, end := scan.Digits(typ, 0)
		h.typ, h.payload = int(n), len(line)
		return n > 0 && n <= 65535 && end == len(trimRight(typ))
	}
	for _, mark := range []string{"# ", ": "} {
		if bytes.HasPrefix(rest, []byte(mark)) {
			_, end := scan.HexDigits(rest, len(mark))
			return end > len(mark) && end < len(rest) && rest[end] == ' '
		}
	}
	return false
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return i
}

func trimBlanks(b []byte, i int) int {
	for i > 0 && b[i-1] == ' ' {
		i--
	}
	return i
}

func trimRight(b []byte) []byte {
	n := len(b)
	for n > 0 && (b[n-1] == ' ' || b[n-1] == '\t') {
		n--
	}
	return b[:n]
}

// split takes the comm out of the task column. The comm is printed right-aligned in
// a column of fixed width, so what stands before the column and ends in ": "
// is the name of the file or instance (trace-cmd, print_handle_file).
func (h *header) split() (instance, comm []byte) {
	n := len(h.task) - h.width
	if n > 0 {
		head := bytes.TrimLeft(h.task[:n], " ")
		if len(head) > 2 && bytes.HasSuffix(head, []byte(": ")) {
			return head[:len(head)-2], bytes.TrimLeft(h.task[n:], " ")
		}
	}
	return nil, bytes.TrimLeft(h.task, " ")
}
