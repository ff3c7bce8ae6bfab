package ftext

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A nest is the functions that the function_graph tracer shows to be open on a CPU,
// the outermost first. For an event among them they are its stack, as far as they
// were traced.
type nest struct {
	open []call
	base int // of open: what is in front of it was interrupted
}

type call struct {
	name   []byte
	indent int
}

// maxNest bounds the functions that are open at once; the kernel's own bound is 50
// (FTRACE_RETFUNC_DEPTH, include/linux/ftrace.h).
const maxNest = 64

// line follows what stands after the bar of a line, and before it where interrupts
// are marked (kernel/trace/trace_functions_graph.c, print_graph_irq).
func (n *nest) line(before, behind []byte) {
	switch {
	case bytes.Contains(before, []byte("<==")): // before the other: both have the signs
		n.cut(n.base)
		n.base = 0
		return
	case bytes.Contains(before, []byte("==>")):
		n.base = len(n.open)
		return
	}
	text := bytes.TrimSpace(behind)
	indent := len(behind) - len(bytes.TrimLeft(behind, " "))
	switch {
	case len(text) == 0 || bytes.HasPrefix(text, []byte("/*")):
		return
	case text[0] == '}':
		n.close(indent)
		return
	}
	n.close(indent)
	name, rest, ok := bytes.Cut(text, []byte("("))
	if !ok || !bytes.HasSuffix(rest, []byte("{")) || !isSymbolName(name) || len(n.open) == maxNest {
		return
	}
	n.open = append(n.open, call{bytes.Clone(name), indent})
}

// close ends the functions that are indented as much or more.
func (n *nest) close(indent int) {
	k := len(n.open)
	for k > n.base && n.open[k-1].indent >= indent {
		k--
	}
	n.cut(k)
}

func (n *nest) cut(k int) {
	clear(n.open[k:])
	n.open = n.open[:k]
}

// stack writes the nest as the kernel prints a stack, the innermost function first.
func (n *nest) stack(dst []byte) []byte {
	dst = append(dst, "<stack trace>"...)
	for i := len(n.open) - 1; i >= n.base; i-- {
		dst = append(append(dst, "\n => "...), n.open[i].name...)
	}
	return dst
}

// follow keeps the nest of the CPU of a line of the tracer.
func (s *Source) follow(line []byte) {
	if bytes.Contains(line, []byte("=>")) && bytes.IndexByte(line, '|') < 0 { // " 0)    bash-202    =>    <idle>-0": another task's
		if s.parseGraph(line) {
			delete(s.nests, s.head.cpu)
		}
		return
	}
	end := bytes.LastIndex(line[:min(len(line), anchorRange)], []byte("|  "))
	if end < 0 || !s.parseGraph(line) {
		if bytes.Contains(line, []byte("==")) && s.parseGraph(line) {
			s.nestOf().line(line, nil)
		}
		return
	}
	n, behind := s.nestOf(), line[end+1:]
	if opener := s.opener; opener != nil {
		s.opener = nil
		if len(n.open) == 0 && bytes.HasPrefix(behind, []byte("    ")) {
			n.open = append(n.open, call{opener, 2})
		}
	}
	n.line(line[:end], behind)
}

// opens notes a line "name() {" of a mail: its CPU was cut off, and what follows is
// indented below it.
func (s *Source) opens(text []byte) {
	s.opener = nil
	if name, ok := bytes.CutSuffix(text, []byte("() {")); ok && isSymbolName(name) {
		s.opener = bytes.Clone(name)
	}
}

// nestOf is the nest of the CPU of s.head.
func (s *Source) nestOf() *nest {
	n := s.nests[s.head.cpu]
	if n == nil {
		if s.nests == nil {
			s.nests = map[int32]*nest{}
		}
		n = &nest{}
		s.nests[s.head.cpu] = n
	}
	return n
}

// nested makes the stack of the event that was delivered last of the functions that
// are open around it. It is false if it is not known, or nobody wants it.
func (s *Source) nested() bool {
	n := s.inNest
	s.inNest = nil
	k := s.lookup([]byte("kernel_stack"))
	if k == nil || k.skip {
		return false
	}
	s.nestText = n.stack(s.nestText[:0])
	s.dec.Next(s.nestText)
	e := &s.ev
	at, cpu, t := e.At, e.CPU, e.Time
	e.Reset(s.table, s.dec, k.schema, s.nestText)
	e.Time, e.CPU, e.PID, e.TGID, e.Seq, e.At = t, cpu, -1, -1, uint64(at.Line), at
	s.rec, s.made = e, true
	return true
}

// asksForStack reports whether the stack of an event tells why it happened.
func asksForStack(schema *trace.Schema) bool {
	return schema.System == "ipi" || schema.Name == "csd_queue_cpu"
}
