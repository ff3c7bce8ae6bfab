package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/scan"
)

// tracerRow is the entry that a row of the tracers osnoise, timerlat and hwlat is,
// "" if it is none. The kernel prints these without a name, also beside other
// events and in texts without their head (kernel/trace/trace_output.c,
// trace_osnoise_print, trace_timerlat_print, trace_hwlat_print):
//
//	473621     453476   4.25340  331366     64      0      3      0      0
//	#4498  context    irq timer_latency     64995 ns
//	#1     inner/outer(us): 60076/27855 ts:1796054978.556141112 count:215
//
// The whole line has to have the form: a line that was cut is none.
func tracerRow(t []byte) string {
	if len(t) == 0 {
		return ""
	}
	if t[0] != '#' {
		if isRunRow(t) {
			return "osnoise"
		}
		return ""
	}
	_, end := scan.Digits(t, 1)
	if end == 1 || end == len(t) || t[end] != ' ' {
		return ""
	}
	rest := t[skipBlanks(t, end):]
	switch {
	case isActivationRow(rest):
		return "timerlat"
	case isLatencyRow(rest):
		return "hwlat"
	}
	return ""
}

// isRunRow recognises the row of a run of osnoise: runtime, noise, available in
// percent with five digits, the longest sample, and how often each kind came.
func isRunRow(t []byte) bool {
	at := 0
	for column := range 9 {
		_, end := scan.Digits(t, at)
		if end == at {
			return false
		}
		if column == 2 {
			if end == len(t) || t[end] != '.' {
				return false
			}
			start := end + 1
			if _, end = scan.Digits(t, start); end-start != 5 {
				return false
			}
		}
		if column == 8 {
			return end == len(t)
		}
		if at = skipBlanks(t, end); at == end {
			return false
		}
	}
	return false
}

// isActivationRow recognises "context    irq timer_latency     64995 ns".
func isActivationRow(t []byte) bool {
	words := bytes.Fields(t)
	if len(words) != 5 || string(words[0]) != "context" || string(words[2]) != "timer_latency" || string(words[4]) != "ns" {
		return false
	}
	switch string(words[1]) {
	case "irq", "thread", "user-ret":
	default:
		return false
	}
	_, end := scan.Digits(words[3], 0)
	return end == len(words[3])
}

// isLatencyRow recognises "inner/outer(us): 60076/27855 ts:1796054978.556141112
// count:215" with " nmi-total:N nmi-count:N" after it if there were NMIs.
func isLatencyRow(t []byte) bool {
	rest, ok := bytes.CutPrefix(t, []byte("inner/outer(us):"))
	if !ok {
		return false
	}
	at := skipBlanks(rest, 0)
	for _, part := range [...]struct {
		lit  string
		last bool
	}{{"", false}, {"/", false}, {" ts:", false}, {".", false}, {" count:", true}} {
		if at < 0 || at > len(rest) {
			return false
		}
		if part.lit != "" {
			if part.lit[0] == ' ' {
				at = skipBlanks(rest, at) - 1
			}
			if !bytes.HasPrefix(rest[at:], []byte(part.lit)) {
				return false
			}
			at += len(part.lit)
		}
		_, end := scan.Digits(rest, at)
		if end == at {
			return false
		}
		if at = end; part.last && at < len(rest) {
			return bytes.HasPrefix(rest[at:], []byte(" nmi-total:"))
		}
	}
	return true
}
