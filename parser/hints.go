package parser

import (
	"bytes"
	"encoding/binary"
	"regexp"
)

// otherProgram recognises what other programs print or write of traces and what
// to give instead. Both are empty if it knows nothing.
func otherProgram(prefix []byte) (what, do string) {
	for _, p := range []struct{ pattern, what, do string }{
		{`(?m)^\[\d\d:\d\d:\d\d\.\d+\] \(\+[?\d.]+\) \S+ \w+`, "what babeltrace prints of a CTF trace",
			"its stacks and its kernel's symbols are lost: record with trace-cmd or perf instead"},
		{`(?m)^# (event histogram|trigger info: hist)|^\{ [a-z_.]+: .*\} hitcount: +\d+`, "the table of a hist trigger",
			"it counts events and does not hold them: give the text of the file trace, or record with trace-cmd record -e ipi -T"},
		{`(?m)^\s*\[\d+(\.\d+)?\] .*rt-trace|^rt-trace-bpf|(?m)^\s*#?\s*(TIME|TIME\(s\))?\s*CPU\s+(PID\s+)?COMM .*(IPI|REASON)|(?m)^\d+\.\d+ +(cpu|CPU)[ =]?\d+ .*(remote_cpumask|ipi_send|smp_call)`,
			"what rt-trace-bpf or another BPF tool prints", "it does not hold the events: record with trace-cmd record -e ipi -e csd -T"},
		{`(?m)^\s*\d+\.\d{3} \( *[\d.]*( ms)?\): .*|^\s*\d+\.\d{3} \S+/\d+ \w+:\w+\(`, "what perf trace prints, without CPUs",
			"who sent is not in it: record with perf record -a -g -e ipi:* and print with perf script"},
		{`(?m)Operating System Noise|^\s*Timer Latency|^# RTLA \w+ histogram|Hardware-related Noise`, "rtla's summary has no times",
			"run rtla with -t (and -e ipi -e csd) and give the trace file that it saves (osnoise_trace.txt, timerlat_trace.txt)"},
	} {
		if regexp.MustCompile(p.pattern).Match(prefix) {
			return p.what, p.do
		}
	}
	if isPage(prefix) {
		return "ring-buffer pages without the formats of their events (per_cpu/cpuN/trace_pipe_raw?)",
			"copy the folder of the trace file system with its events/ and header_page, or record with trace-cmd"
	}
	return "", ""
}

// isPage recognises a page of the kernel's ring buffer
// (include/linux/ring_buffer.h): a time, how much of the page is used, events.
func isPage(p []byte) bool {
	if len(p) < 4096 || bytes.IndexByte(p[:16], 0) < 0 {
		return false
	}
	for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
		t, commit := order.Uint64(p), order.Uint64(p[8:])&^(3<<30)
		if t > 0 && t < 1<<60 && commit > 8 && commit <= 65536-16 {
			return true
		}
	}
	return false
}
