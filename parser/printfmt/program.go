// Package printfmt prints the payload of binary events as their print fmt says:
// the C expression that a format file ends with, read and evaluated as
// libtraceevent does. Only what prints events needs it; what reads them needs
// tracefmt alone.
package printfmt

import (
	"bytes"
	"encoding/binary"
	"iter"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Names is what a print fmt asks about the trace beyond the record.
type Names interface {
	// Symbol returns the kernel symbol that contains an address and the
	// distance from its start.
	Symbol(addr uint64) (name string, offset uint64, ok bool)
	// Address returns where a symbol begins.
	Address(name string) (uint64, bool)
	// Static returns the string at a kernel address, as the kernel lists it in
	// printk_formats.
	Static(addr uint64) (string, bool)
}

// A Program prints the payload of one kind of event as its print fmt says. It
// is made once per event. Only one goroutine may use it: it keeps, as
// libtraceevent does, which character fields held other bytes than text.
//
// What a print fmt means is taken from libtraceevent (src/event-parse.c), which
// trace-cmd and perf print with, rather than from C: integers are unsigned and
// of 64 bits, casts cut, strings are bytes of the record.
type Program struct {
	schema *trace.Schema
	pieces []piece
	raw    []rawField
	big    bool
	order  binary.ByteOrder
	long   int
	chars  bool // there is a %c
	failed *Error
}

// A piece is text to copy, or a conversion with its argument.
type piece struct {
	text   string // literal text in front of the conversion
	verb   verb
	arg    *node
	lenArg *node // of '*': the width or precision
}

// Compile reads the print fmt of an event. The program of a print fmt that
// cannot be evaluated, which Err tells, prints the event's fields one by one.
func Compile(s *trace.Schema, longSize int, bigEndian bool) *Program {
	p := &Program{schema: s, big: bigEndian, order: binary.LittleEndian, long: longSize}
	if bigEndian {
		p.order = binary.BigEndian
	}
	if err := p.compile(); err != nil {
		p.failed, p.pieces = err, nil
	}
	p.raw = rawFields(p)
	return p
}

// Err tells why the print fmt cannot be evaluated, nil if it can.
func (p *Program) Err() error {
	if p.failed == nil {
		return nil
	}
	return p.failed
}

func (p *Program) compile() *Error {
	ps := &parser{lex: lexer{src: p.schema.Print}, schema: p.schema, longSize: p.long}
	ps.advance()
	format := ps.stringLit()
	var args []*node
	for ps.err == nil && ps.accept(",") {
		args = append(args, ps.arg())
	}
	// libtraceevent does not look at what is left after a parenthesis too many
	if ps.err == nil && ps.tok.kind != tokEnd && !ps.isOp(")") {
		ps.fail(ps.tok.off, "%q is left after the last argument", ps.tok.text)
	}
	if ps.err != nil {
		return ps.err
	}
	return p.split(format, args)
}

// split cuts the format string into pieces, each with its argument.
func (p *Program) split(format string, args []*node) *Error {
	next := func() *node {
		if len(args) == 0 {
			return nil
		}
		n := args[0]
		args = args[1:]
		return n
	}
	var text []byte
	flush := func(pc piece) {
		pc.text = string(text)
		text = text[:0]
		p.pieces = append(p.pieces, pc)
	}
	for format != "" {
		at := strings.IndexByte(format, '%')
		if at < 0 {
			at = len(format)
		}
		text = appendUnescaped(text, format[:at])
		if format = format[at:]; format == "" {
			break
		}
		if strings.HasPrefix(format, "%%") {
			text, format = append(text, '%'), format[2:]
			continue
		}
		v, n := parseVerb(format)
		format = format[n:]
		if v.err != "" {
			return &Error{0, v.err}
		}
		if v.conv == 0 {
			text = append(text, v.unknown()...)
			continue
		}
		p.chars = p.chars || v.conv == 'c'
		pc := piece{verb: v}
		if v.star {
			if pc.lenArg = next(); pc.lenArg == nil {
				return &Error{0, "no argument for a '*'"}
			}
		}
		if pc.arg = next(); pc.arg == nil {
			return &Error{0, "no argument for a conversion"}
		}
		flush(pc)
	}
	if len(text) > 0 {
		flush(piece{})
	}
	return nil
}

// Append appends what the print fmt makes of a record. The record is the whole
// payload with its common fields. It does not allocate beyond dst.
func (p *Program) Append(dst, record []byte, names Names) []byte {
	if p.failed != nil {
		return p.AppendFields(append(dst, "[FAILED TO PARSE]"...), record, nil, names)
	}
	ev := eval{p: p, record: record, names: names}
	start := len(dst)
	for i := range p.pieces {
		pc := &p.pieces[i]
		dst = append(dst, pc.text...)
		if pc.verb.conv != 0 {
			dst = ev.piece(dst, pc)
		}
	}
	if p.chars { // trace-cmd's line ends at a NUL
		if n := bytes.IndexByte(dst[start:], 0); n >= 0 {
			dst = dst[:start+n]
		}
	}
	return dst
}

func (ev *eval) piece(dst []byte, pc *piece) []byte {
	v := &pc.verb
	length := -1
	if v.conv == 'p' {
		length = 1
	}
	if pc.lenArg != nil {
		length = clampWidth(int64(int32(ev.number(pc.lenArg))))
	}
	switch v.conv {
	case 's':
		return ev.str(dst, v, length, pc.arg)
	case 'p':
		return ev.pointer(dst, v, length, pc.arg)
	}
	return v.appendInt(dst, ev.number(pc.arg), length)
}

// maxWidth bounds widths, precisions and array lengths, so that the text of a
// record stays near its size.
const maxWidth = 4096

func clampWidth(n int64) int { return int(max(-maxWidth, min(n, maxWidth))) }

// FlagsOf yields the pairs of the first __print_flags whose value is made of
// that field alone.
func (p *Program) FlagsOf(field string) iter.Seq2[int64, string] {
	return func(yield func(int64, string) bool) {
		for i := range p.pieces {
			n := findFlags(p.pieces[i].arg, field, 0)
			if n == nil {
				continue
			}
			for _, f := range n.names {
				if !yield(f.value, f.name) {
					return
				}
			}
			return
		}
	}
}

func findFlags(n *node, field string, depth int) *node {
	if n == nil || depth > maxDepth {
		return nil
	}
	if n.op == opFlags && uses(n.a, field, 0) {
		return n
	}
	for _, operand := range [...]*node{n.a, n.b, n.c} {
		if found := findFlags(operand, field, depth+1); found != nil {
			return found
		}
	}
	return nil
}

func uses(n *node, field string, depth int) bool {
	if n == nil || depth > maxDepth {
		return false
	}
	if n.op == opField && n.field != nil && n.field.Name == field {
		return true
	}
	return uses(n.a, field, depth+1) || uses(n.b, field, depth+1)
}
