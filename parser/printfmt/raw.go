package printfmt

import (
	"bytes"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A rawField is a field as trace-cmd report -R prints it: by the conversion
// that the print fmt has for it, or by its type.
type rawField struct {
	field *trace.Field
	piece *piece
	hex   bool // the print fmt has 0x in front of it
	str   bool // characters, and so far always text
	long  bool
	ptr   bool
}

// rawFields pairs the event's own fields with the conversions that print them
// alone. As libtraceevent does (print_field), it goes on from the conversion of
// the field before, and around unless that was the last thing of the print fmt.
func rawFields(p *Program) []rawField {
	var out []rawField
	at := 0
	if p.schema.System == "ftrace" && p.schema.Name == "bprint" {
		at = len(p.pieces) // its print fmt stands in the record
	}
	for i := range p.schema.Fields {
		f := &p.schema.Fields[i]
		if f.Common {
			continue
		}
		r := rawField{
			field: f,
			str:   isArray(f) && (strings.Contains(f.Type, "char") || strings.Contains(f.Type, "u8") || strings.Contains(f.Type, "s8")),
			long:  strings.Contains(f.Type, "long"),
			ptr:   strings.HasSuffix(f.Type, "*"),
		}
		if !isArray(f) && at < len(p.pieces) {
			for k := range p.pieces {
				j := (at + k) % len(p.pieces)
				if prints(p.pieces[j].arg, f) {
					r.piece = &p.pieces[j]
					r.hex = len(p.pieces[j].text) > 1 && strings.HasSuffix(p.pieces[j].text, "0x")
					at = j + 1 // after the last one no more is looked for
					break
				}
			}
		}
		out = append(out, r)
	}
	return out
}

func prints(n *node, f *trace.Field) bool {
	for n != nil && n.op == opCast {
		n = n.a
	}
	return n != nil && n.op == opField && n.field == f
}

// AppendFields appends the event's own fields, " name=value" each, as trace-cmd
// report -R prints them. behind is what follows the record in its page:
// trace-cmd prints some of it where a field is longer than the record, or has no
// end.
func (p *Program) AppendFields(dst, record, behind []byte, names Names) []byte {
	ev := eval{p: p, record: record, names: names}
	for i := range p.raw {
		r := &p.raw[i]
		dst = append(append(append(dst, ' '), r.field.Name...), '=')
		if r.piece == nil {
			dst = ev.plain(dst, r, behind)
			continue
		}
		if r.hex {
			dst = append(dst, "0x"...)
		}
		if v := &r.piece.verb; v.conv == 'p' && v.mod != "" && strings.IndexByte("SsFf", v.mod[0]) >= 0 {
			dst = ev.rawFunction(dst, v.mod[0], ev.number(r.piece.arg))
			continue
		}
		dst = ev.piece(dst, r.piece)
	}
	return dst
}

// rawFunction prints a symbol, if there is one, and its address.
func (ev *eval) rawFunction(dst []byte, mod byte, addr uint64) []byte {
	if _, _, ok := ev.names.Symbol(addr); ok {
		dst = ev.function(dst, mod, addr)
	}
	return append(appendHex(append(dst, " ("...), addr), ')')
}

// plain prints a field by its type.
func (ev *eval) plain(dst []byte, r *rawField, behind []byte) []byte {
	f := r.field
	if isArray(f) {
		return ev.rawArray(dst, r, behind)
	}
	v := ev.word(f.Off, f.Size)
	switch {
	case r.ptr:
		return appendHex(dst, v)
	case !f.Signed && r.long:
		return appendHex(dst, v)
	case !f.Signed:
		return appendDecimal(dst, v)
	}
	form := verb{conv: 'd', size: int(f.Size), prec: -1}
	switch f.Size {
	case 4:
		if r.long {
			return appendHex(dst, v)
		}
	case 2:
		form.width = 2
	case 1:
		form.width = 1
	default:
		form.size = 8
	}
	return form.appendInt(dst, v, -1)
}

func (ev *eval) rawArray(dst []byte, r *rawField, behind []byte) []byte {
	f := r.field
	if f.Loc != trace.Inline {
		return r.append(dst, ev.span(f), nil)
	}
	if uint64(f.Off) > uint64(len(ev.record)) {
		return r.append(dst, nil, nil)
	}
	b := ev.record[f.Off:]
	switch {
	case f.Size == 0 && r.str: // text up to a NUL, wherever it is
		dst = append(dst, cstring(b)...)
		if bytes.IndexByte(b, 0) < 0 {
			dst = append(dst, cstring(behind)...)
		}
		return dst
	case uint64(f.Size) <= uint64(len(b)):
		return r.append(dst, b[:f.Size], nil)
	}
	return r.append(dst, b, behind[:min(len(behind), int(f.Size)-len(b))])
}

// append prints the bytes of an array, which may be in two parts. A character
// field that once held anything but text is shown in bytes from then on.
func (r *rawField) append(dst, b, more []byte) []byte {
	if r.str && printable(b) && (bytes.IndexByte(b, 0) >= 0 || printable(more)) {
		dst = append(dst, cstring(b)...)
		if bytes.IndexByte(b, 0) < 0 {
			dst = append(dst, cstring(more)...)
		}
		return dst
	}
	r.str = false
	start := len(dst) + len("ARRAY[")
	dst = append(dst, "ARRAY["...)
	for _, part := range [...][]byte{b, more} {
		for _, c := range part {
			if len(dst) > start {
				dst = append(dst, ", "...)
			}
			dst = appendByte(dst, c)
		}
	}
	return append(dst, ']')
}

// printable reports whether b is text up to its first NUL.
func printable(b []byte) bool {
	for _, c := range cstring(b) {
		if (c < ' ' || c > '~') && (c < '\t' || c > '\r') {
			return false
		}
	}
	return true
}
