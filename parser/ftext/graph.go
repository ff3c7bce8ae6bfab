package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// isGraph recognises the lines of the function_graph tracer
// (kernel/trace/trace_functions_graph.c): " 0)   3.766 us    |  f();", with
// funcgraph-abstime "  84.400498 |   0)  ...", what stands between them when the
// task changes, and the end of a comment.
func isGraph(text []byte) bool {
	_, start := graphTime(text, 0)
	_, end := scan.Digits(text[start:], 0)
	end += start
	if end > start && end < len(text) && text[end] == ')' {
		return true
	}
	return string(text) == "*/" || len(text) > 20 && len(bytes.Trim(text, "-")) == 0
}

// isGraphLine recognises the lines of the tracer's functions and comments by
// themselves: a CPU, a parenthesis, and the bar before the nest.
func isGraphLine(text []byte) bool {
	_, start := graphTime(text, 0)
	_, end := scan.Digits(text[start:], 0)
	end += start
	return end > start && end < len(text) && text[end] == ')' && bytes.Contains(text[end:min(len(text), end+40)], []byte("|  "))
}

// graph delivers the events that the function_graph tracer prints as comments
// between the functions:
//
//  1. |  /* ipi_send_cpu: cpu=2 callsite=... callback=... */
//
// Such a line names the CPU, no task, and the time only with funcgraph-abstime.
// The functions themselves are left out.
func (s *Source) graph(line []byte) bool {
	if !s.seen.graph {
		s.seen.graph = true
		s.dropped("task", "time")
		s.note("text of the function_graph tracer: its events have no task (PID -1), and no time unless funcgraph-abstime is set; its functions serve as the stacks of sends and are left out besides")
	}
	s.follow(line)
	open := bytes.Index(line, []byte("/* "))
	text, _ := bytes.CutSuffix(trimRight(line), []byte("*/"))
	if open < 0 || open > anchorRange || open+3 >= len(text) {
		return s.noise()
	}
	if !s.parseGraph(line[:open]) {
		return s.noise()
	}
	k, payload, msg := s.identify(trimRight(text[open+3:]))
	if msg != "" {
		return s.noise() // a comment of the tracer, as after a closing brace
	}
	if !s.deliver(k, payload, line) {
		return false
	}
	if n := s.nests[s.head.cpu]; n != nil && len(n.open) > n.base && !s.waits && asksForStack(s.ev.Schema()) {
		s.inNest = n
	}
	return true
}

// parseGraph reads time and CPU before the comment.
func (s *Source) parseGraph(t []byte) bool {
	h := &s.head
	*h = header{pid: -1, tgid: -1}
	i := skipBlanks(t, 0)
	h.time, i = graphTime(t, i)
	cpu, end := scan.Digits(t, i)
	if end == i || end-i > 5 || cpu > maxCPU || end >= len(t) || t[end] != ')' {
		return false
	}
	h.cpu = int32(cpu)
	return true
}

// graphTime reads "84.400498 |   " at i. Without it the time is 0 and the
// offset i.
func graphTime(t []byte, i int) (trace.Time, int) {
	sec, dot := scan.Digits(t, i)
	if dot == i || dot-i > 9 || dot >= len(t) || t[dot] != '.' {
		return 0, i
	}
	us, end := scan.Digits(t, dot+1)
	if end-dot-1 != 6 || !bytes.HasPrefix(t[end:], []byte(" |")) {
		return 0, i
	}
	return trace.Time(sec)*1e9 + trace.Time(us)*1000, skipBlanks(t, end+2)
}
