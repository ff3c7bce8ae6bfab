package perfscript

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// anchorRange bounds where the time of a sample may stand: after what a log put
// before the line, a comm of 16 columns, two numbers and the CPU.
const anchorRange = 320

// maxCPU bounds CPU numbers. Linux allows 8192; a larger one is damage.
const maxCPU = 65535

// A header is what a line says of a sample before its event's fields.
// Columns that were not printed (perf script -F) are -1 or empty.
type header struct {
	comm    []byte
	pid     int32 // the thread: perf's tid
	tgid    int32 // the process: perf's pid, if both were printed
	cpu     int32
	time    trace.Time
	event   []byte // "ipi:ipi_send_cpu"
	payload int    // offset of what follows the event
}

// parse reads the columns in the order in which perf prints them, whatever the
// order after -F was (tools/perf/builtin-script.c, perf_sample__fprintf_start
// and process_event):
//
//	migration/0      23 [000]   292.135863:     ipi:ipi_send_cpu: cpu=1 ...
//	perf    2973/2974    [002]   292.146365641:          1 ipi:ipi_send_cpu: cpu=2 ...
//
// The comm may hold anything, so the anchor is the CPU in brackets with a time
// after it, or the time alone if the CPU was not printed.
func (h *header) parse(line []byte) bool {
	*h = header{pid: -1, tgid: -1, cpu: -1}
	end := min(len(line), anchorRange)
	for at := 0; ; {
		n := bytes.IndexByte(line[at:end], '[')
		if n < 0 {
			return h.parseWithoutCPU(line)
		}
		at += n + 1
		cpu, stop := scan.Digits(line, at)
		if stop-at < 3 || stop-at > 5 || stop+1 >= len(line) || line[stop] != ']' || line[stop+1] != ' ' || cpu > maxCPU {
			continue
		}
		if i := h.parseTime(line, stop+1, true); i > 0 && h.parseEvent(line, i) {
			h.cpu = int32(cpu)
			h.parseTask(line[:at-1])
			return true
		}
	}
}

// parseWithoutCPU looks for the time itself. What stands before it may still be
// a CPU without brackets (perf script -L).
func (h *header) parseWithoutCPU(line []byte) bool {
	end := min(len(line), anchorRange)
	for at := 0; ; at++ {
		n := bytes.IndexByte(line[at:end], ':')
		if n < 0 {
			return false
		}
		at += n
		start := at
		for start > 0 && (line[start-1]-'0' <= 9 || line[start-1] == '.') {
			start--
		}
		if start > 0 && line[start-1] != ' ' {
			continue
		}
		if i := h.parseTime(line, start, false); i > 0 && h.parseEvent(line, i) {
			task := trim(line[:start])
			h.parseTask(task)
			return len(task) == 0 || task[len(task)-1] != ']' // a CPU that cannot be
		}
	}
}

// parseTime reads "   292.135863:" or one with nine digits at i, after the
// letters of -F misc, and returns the offset after it, 0 if there is none.
func (h *header) parseTime(line []byte, i int, misc bool) int {
	i = skipBlanks(line, i)
	if misc && i < len(line) && line[i]|0x20-'a' <= 25 {
		for i < len(line) && line[i] != ' ' {
			i++
		}
		i = skipBlanks(line, i)
	}
	sec, dot := scan.Digits(line, i)
	if dot == i || dot-i > 10 || sec > 1<<33 || dot >= len(line) || line[dot] != '.' {
		return 0
	}
	sub, end := scan.Digits(line, dot+1)
	if end >= len(line) || line[end] != ':' {
		return 0
	}
	switch end - dot - 1 {
	case 6:
		h.time = trace.Time(sec)*1e9 + trace.Time(sub)*1000
	case 9:
		h.time = trace.Time(sec)*1e9 + trace.Time(sub)
	default:
		return 0
	}
	return end + 1
}

// parseEvent reads "  ipi:ipi_send_cpu: " at i, after the period of -F period.
// It accepts "PERF_RECORD_LOST", which has no colon.
func (h *header) parseEvent(line []byte, i int) bool {
	start := skipBlanks(line, i)
	if start == i {
		return false
	}
	if _, end := scan.Digits(line, start); end > start && end < len(line) && line[end] == ' ' {
		start = skipBlanks(line, end)
	}
	end := bytes.IndexByte(line[start:], ' ')
	if end < 0 {
		end = len(line) - start
	}
	token := line[start : start+end]
	h.payload = skipBlanks(line, start+end)
	if n := len(token) - 1; n > 0 && token[n] == ':' {
		h.event = token[:n]
		return true
	}
	h.event = token
	return bytes.HasPrefix(token, []byte("PERF_RECORD_"))
}

// parseTask reads "migration/0      23 " and the forms with less or more in it.
func (h *header) parseTask(t []byte) {
	t = trim(t)
	if h.cpu < 0 { // "comm 2973   2", of -L
		rest, last, ok := lastNumber(t)
		if ok && last <= maxCPU && h.takeIDs(rest) {
			h.cpu = last
			return
		}
	}
	h.takeIDs(t)
}

// takeIDs reads "migration/0      23", or the comm alone, and reports whether there
// is a number that is no part of the comm, as it is in migration/0.
func (h *header) takeIDs(t []byte) bool {
	h.comm = t
	rest, last, ok := lastNumber(t)
	if !ok {
		return false
	}
	n := len(rest)
	if n == 0 || rest[n-1] != '/' {
		h.pid, h.comm = last, rest
		return true
	}
	before, pid, ok := lastNumber(rest[:n-1])
	if ok {
		h.pid, h.tgid, h.comm = last, pid, before
	}
	return ok
}

// lastNumber cuts a decimal number off the end of t; -1 is perf's "unknown".
func lastNumber(t []byte) (rest []byte, v int32, ok bool) {
	start := len(t)
	for start > 0 && t[start-1]-'0' <= 9 {
		start--
	}
	n, _ := scan.Digits(t, start)
	if start == len(t) || len(t)-start > 10 || n > 1<<31-1 {
		return t, 0, false
	}
	v = int32(n)
	if start > 0 && t[start-1] == '-' && n == 1 {
		start, v = start-1, -1
	}
	if start > 0 && t[start-1] != ' ' && t[start-1] != '/' {
		return t, 0, false
	}
	return trim(t[:start]), v, true
}

func skipBlanks(b []byte, i int) int {
	for i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// trim cuts blanks off both ends.
func trim(b []byte) []byte {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	for n := len(b); n > 0 && b[n-1] == ' '; n-- {
		b = b[:n-1]
	}
	return b
}
