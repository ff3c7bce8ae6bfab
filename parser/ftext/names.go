package ftext

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
)

// identify finds the event of the text after the header and the payload that
// follows its name. msg says why there is none.
func (s *Source) identify(t []byte) (k *known, payload []byte, msg string) {
	n := 0
	for n < len(t) && nameByte(t[n]) {
		n++
	}
	if n == 0 || n == len(t) || t[n] != ':' {
		if rest := behindDiff(t); rest != nil {
			return s.identify(rest)
		}
		return s.identifyUnnamed(t, n)
	}
	if n+1 < len(t) && nameByte(t[n+1]) { // "ipi:ipi_send_cpu: ", as perf does
		m := n + 1
		for m < len(t) && nameByte(t[m]) {
			m++
		}
		if m < len(t) && t[m] == ':' {
			t, n = t[n+1:], m-n-1
		}
	}
	if k = s.lookup(t[:n]); k == nil {
		return nil, nil, "too many different event names; is this a trace?"
	}
	if k.whole {
		return k, t, ""
	}
	return k, t[skipBlanks(t, n+1):], ""
}

// behindDiff returns what follows "(+1234)  ", the time since the event before
// that trace-cmd report --ts-diff prints, nil if t does not begin so.
func behindDiff(t []byte) []byte {
	if !bytes.HasPrefix(t, []byte("(+")) {
		return nil
	}
	start := len("(+")
	if start < len(t) && t[start] == '-' { // files merged without a common clock
		start++
	}
	_, end := scan.Digits(t, start)
	if end == start || end >= len(t) || t[end] != ')' {
		return nil
	}
	return t[skipBlanks(t, end+1):]
}

// identifyUnnamed recognises the records that the kernel prints without an
// event name (kernel/trace/trace_output.c). n is the length of the identifier
// that t begins with.
func (s *Source) identifyUnnamed(t []byte, n int) (k *known, payload []byte, msg string) {
	if row := tracerRow(t); row != "" {
		return s.lookup([]byte(row)), t, ""
	}
	switch {
	case bytes.HasPrefix(t, []byte("<stack trace")):
		return s.lookup([]byte("kernel_stack")), t, ""
	case bytes.HasPrefix(t, []byte("<user stack trace")):
		return s.lookup([]byte("user_stack")), t, ""
	case bytes.HasPrefix(t, []byte("# ")):
		if _, end := scan.HexDigits(t, 2); end-2 > 8 { // an address, no id: option raw
			return s.lookup([]byte("print")), t, ""
		}
		return s.lookup([]byte("raw_data")), t, ""
	case bytes.HasPrefix(t, []byte(": ")) && s.style == styleRaw:
		return s.lookup([]byte("bprint")), t, ""
	case bytes.HasPrefix(t, []byte("UNKNOWN TYPE ")):
		if typ, end := scan.Digits(t, len("UNKNOWN TYPE ")); end == len(t) && typ > 0 && typ < 65536 {
			if k := s.numberedName(int(typ)); k != nil {
				return k, t[end:], ""
			}
		}
	case bytes.Contains(t, []byte(" <-")) || n > 0 && n == len(t):
		return s.lookup([]byte("function")), t, ""
	case bytes.HasPrefix(t, []byte("sys_")) && n < len(t):
		if k, payload := s.syscall(t, n); k != nil {
			return k, payload, ""
		}
	case n > 0 && printedBy(t[n:]):
		return s.lookup([]byte("print")), t, ""
	}
	return nil, nil, "the text after the time names no event"
}

// printedBy reports whether t goes on as "+0xda/0x270: text" or " <ffff...>:
// text", which trace_marker lines do with the options sym-offset and sym-addr.
func printedBy(t []byte) bool {
	colon := bytes.Index(t, []byte(": "))
	return colon > 0 && colon < 64 && (bytes.HasPrefix(t, []byte("+0x")) || bytes.HasPrefix(t, []byte(" <")))
}

// syscall reads "sys_membarrier(cmd: 10, flags: 0)" and "sys_membarrier -> 0x0",
// which the kernel prints for syscalls:sys_enter_membarrier and sys_exit_...
// (kernel/trace/trace_syscalls.c).
func (s *Source) syscall(t []byte, n int) (*known, []byte) {
	var name [64]byte
	call := t[len("sys_"):n]
	if len(call) > 48 {
		return nil, nil
	}
	switch rest := t[n:]; {
	case rest[0] == '(' && rest[len(rest)-1] == ')':
		return s.lookup(append(append(name[:0], "sys_enter_"...), call...)), rest[1 : len(rest)-1]
	case bytes.HasPrefix(rest, []byte(" -> ")):
		return s.lookup(append(append(name[:0], "sys_exit_"...), call...)), rest[4:]
	}
	return nil, nil
}

// numbered delivers an event of which only the type's number was printed.
func (s *Source) numbered(typ int, payload []byte) bool {
	k := s.numberedName(typ)
	if k == nil {
		return s.syntax(s.Raw(), "too many different event types; is this a trace?")
	}
	return s.deliver(k, payload, nil)
}

func (s *Source) numberedName(typ int) *known {
	if !s.seen.numbered {
		s.seen.numbered = true
		s.note("records are printed by the number of their type (options raw, hex, fields): the names of these events and their fields are lost")
	}
	var b [16]byte
	k := s.lookup(strconv.AppendInt(append(b[:0], "type_"...), int64(typ), 10))
	if k != nil && k.schema != nil {
		k.schema.Type = typ
	}
	return k
}

// lookup returns what is known of an event name, nil if there are too many.
func (s *Source) lookup(name []byte) *known {
	if k := s.names.Find(name); k != nil {
		return k
	}
	return s.learn(string(name))
}

func (s *Source) learn(name string) *known {
	if s.names.IsFull() {
		return nil
	}
	event, k := name, known{}
	if name == "tracing_mark_write" {
		event, k.whole = "print", true
	}
	k.stack = event == "kernel_stack" || event == "user_stack"
	switch {
	case s.wanted != nil && !s.wants(event):
		k.skip = true
	case k.whole:
		print := s.lookup([]byte(event))
		if print == nil {
			return nil
		}
		k.schema, k.layout = print.schema, print.layout
	default:
		k.schema, k.layout = s.dec.Add(event)
	}
	return s.names.Add(name, k)
}

// wants reports whether the hint has the event, by its name or with its system.
// A name that the catalogue does not know matches in any system.
func (s *Source) wants(event string) bool {
	if s.wanted[event] {
		return true
	}
	var system string
	if schema, ok := events.New(event); ok {
		system = schema.System
	}
	for name := range s.wanted {
		sys, ev, ok := strings.Cut(name, ":")
		if ok && ev == event && (system == "" || sys == system) {
			return true
		}
	}
	return false
}

func nameByte(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9
}
