package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/internal/mail"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
)

// Sniff reports whether a file that begins with prefix is ftrace text: whether
// it has a line that only the kernel or trace-cmd prints. A few kilobytes are
// enough; a last line that the prefix cuts is not judged unless it is the only
// one. Prose around a trace does no harm, prose alone and binary data are
// refused.
func Sniff(prefix []byte) bool {
	var (
		h     header
		c     mail.Cleaner
		clean []byte
	)
	rest := prefix
	for first := true; len(rest) > 0; first = false {
		line, tail, whole := bytes.Cut(rest, []byte("\n"))
		rest = tail
		if !whole && !first {
			return false
		}
		if bytes.IndexByte(line, 0) >= 0 {
			return false // trace.dat and perf.data hold event formats and even text
		}
		line = lines.TrimCR(line)
		clean = c.Clean(clean[:0], line)
		if line = clean; isHead(line, first) {
			return true
		}
		if isGraphEvent(line) || h.parse(styleNoTask, line, false) && !namesSystem(line[h.payload:]) {
			return true
		}
		if h.parse(styleTask, line, false) || h.parse(styleLatency, line, false) || h.parse(styleVerbose, line, false) {
			// perf prints names with their system, for a task without a name (:-1) after
			// what could be a task and its pid
			if namesEvent(line[h.payload:]) && !namesSystem(line[h.payload:]) || tracerRow(trimRight(line[h.payload:])) != "" {
				return true
			}
		}
	}
	return false
}

// isHead recognises the first lines of a trace file and of a report, and the
// marks of a trace_pipe that lost events.
func isHead(line []byte, first bool) bool {
	if bytes.HasPrefix(line, []byte("# tracer: ")) {
		return true
	}
	if bytes.HasPrefix(line, []byte("CPU:")) {
		return bytes.HasSuffix(line, []byte(" EVENTS]")) || bytes.HasSuffix(line, []byte(" EVENTS DROPPED]")) ||
			bytes.HasSuffix(line, []byte("[LOST EVENTS]")) || bytes.HasSuffix(line, []byte("[EVENTS DROPPED]"))
	}
	digitsOnly := func(b []byte) bool { _, end := scan.Digits(b, 0); return end > 0 && end == len(b) }
	if n, ok := bytes.CutPrefix(line, []byte("cpus=")); ok && first {
		return digitsOnly(n)
	}
	n, ok := bytes.CutPrefix(line, []byte("version = "))
	return ok && first && isVersion(n)
}

// isGraphEvent recognises an event among the functions of the function_graph
// tracer.
func isGraphEvent(line []byte) bool {
	n := bytes.Index(line, []byte("|  "))
	if n < 0 || !isGraphLine(bytes.TrimSpace(line)) {
		return false
	}
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(line[n+3:], " "), []byte("/* "))
	return ok && namesEvent(rest)
}

// namesSystem reports a payload that begins with the event's system as well, as
// perf script prints it: "ipi:ipi_send_cpu: ".
func namesSystem(t []byte) bool {
	n := 0
	for n < len(t) && nameByte(t[n]) {
		n++
	}
	return n > 0 && n+1 < len(t) && t[n] == ':' && nameByte(t[n+1])
}

func namesEvent(t []byte) bool {
	n := 0
	for n < len(t) && nameByte(t[n]) {
		n++
	}
	return n > 0 && n < len(t) && t[n] == ':' || bytes.Contains(t, []byte("<-")) || bytes.HasPrefix(t, []byte("<"))
}
