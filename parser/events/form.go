package events

import (
	"bytes"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A form is the text of a payload with the places of its fields:
//
//	{comm}:{pid} [{prio}] CPU:{target_cpu}
//
// {field} is a value, {field:x} one in hex digits without a prefix, {field:s}
// nanoseconds that are printed as seconds with a fraction, {} text that holds no
// field. One blank stands for one or more blanks or tabs. A form describes a
// payload only if all of it matches.
type form []part

// A part is a literal and the capture after it; the last capture runs to the
// end of the payload.
type part struct {
	lit   string
	field int  // index of the field, noField
	word  bool // the value is a number or a name for one: no blank, no colon
}

const (
	noField = -1 // the text holds no field
	noText  = -2 // the form ends with the literal
)

// base is how the digits of a field are written.
type base uint8

const (
	baseAny     base = iota // decimal, or hex after 0x
	baseHex                 // hex, with or without 0x
	baseSeconds             // seconds, a point, nanoseconds
)

// maxSteps bounds the work of matching one payload: a comm may hold the
// literals of its form, and a damaged line may hold thousands of them.
const maxSteps = 256

// compileForm reads a form of the catalogue. A form that names an unknown field
// is a bug there, which the catalogue's test finds.
func compileForm(text string, s *trace.Schema, bases []base) form {
	var f form
	for text != "" {
		lit, rest, ok := strings.Cut(text, "{")
		if !ok {
			return append(f, part{lit: lit, field: noText})
		}
		var name string
		name, text, _ = strings.Cut(rest, "}")
		name, spec, _ := strings.Cut(name, ":")
		p := part{lit: lit, field: noField}
		if ref := s.Ref(name); ref != trace.NoField {
			p.field = int(ref)
			p.word = s.Fields[ref].Kind == trace.KindInt && !isAddress(&s.Fields[ref])
			switch spec {
			case "x":
				bases[ref] = baseHex
			case "s":
				bases[ref] = baseSeconds
			}
		}
		f = append(f, p)
	}
	return f
}

// isAddress reports whether a field may be printed as a symbol, which can hold
// a blank: "sym+0x1c/0x80 [mod]".
func isAddress(f *trace.Field) bool {
	return strings.HasSuffix(f.Type, "*") || strings.HasPrefix(f.Type, "unsigned long")
}

// match finds the fields of p. Spans of fields that the form lacks are not
// touched.
func (f form) match(p []byte, spans []Span) bool {
	steps := maxSteps
	return f.matchAt(p, 0, spans, &steps)
}

func (f form) matchAt(p []byte, at int, spans []Span, steps *int) bool {
	if len(f) == 0 {
		return at == len(p)
	}
	start := literalAt(p, at, f[0].lit)
	if start < 0 {
		return false
	}
	part := &f[0]
	if part.field == noText {
		return start == len(p)
	}
	last := len(f) == 1
	for end := start; ; end++ {
		if *steps--; *steps < 0 {
			return false
		}
		if last {
			end = len(p)
		} else if end = indexLiteral(p, end, f[1].lit); end < 0 {
			return false
		}
		if part.word && bytes.ContainsAny(p[start:end], " :") {
			return false
		}
		if last || f[1:].matchAt(p, end, spans, steps) {
			if part.field >= 0 {
				spans[part.field] = Span{start, end}
			}
			return true
		}
	}
}

// literalAt returns the offset after lit if p has it at that place, else -1.
func literalAt(p []byte, at int, lit string) int {
	for i := 0; i < len(lit); i++ {
		if at >= len(p) {
			return -1
		}
		if lit[i] != ' ' {
			if p[at] != lit[i] {
				return -1
			}
			at++
			continue
		}
		if !isBlank(p[at]) {
			return -1
		}
		for at < len(p) && isBlank(p[at]) {
			at++
		}
	}
	return at
}

// indexLiteral returns where lit begins in p[from:], else -1.
func indexLiteral(p []byte, from int, lit string) int {
	if lit == "" {
		return -1
	}
	for i := from; i < len(p); i++ {
		if lit[0] != ' ' {
			n := bytes.IndexByte(p[i:], lit[0])
			if n < 0 {
				return -1
			}
			i += n
		} else if !isBlank(p[i]) {
			continue
		}
		if literalAt(p, i, lit) >= 0 {
			return i
		}
	}
	return -1
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' }
