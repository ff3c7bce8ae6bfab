package tracefmt

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A rawField is a field as trace-cmd report -R prints it: by the conversion
// that the print fmt has for it, or by its type.
type rawField struct {
	field *trace.Field
	piece *piece
	hex   bool // the print fmt has 0x in front of it
	str   bool // characters
	long  bool
	ptr   bool
}

// rawFields pairs the event's own fields with the conversions that print them
// alone. As libtraceevent does (print_field), it goes on from the conversion of
// the field before, and around unless that was the last thing of the print fmt.
func rawFields(p *Program) []rawField {
	var out []rawField
	at := 0
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
					at = j + 1 // behind the last one no more is looked for
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
// report -R prints them.
func (p *Program) AppendFields(dst, record []byte, names Names) []byte {
	ev := eval{p: p, record: record, names: names}
	for i := range p.raw {
		r := &p.raw[i]
		dst = append(append(append(dst, ' '), r.field.Name...), '=')
		if r.piece == nil {
			dst = ev.plain(dst, r)
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
func (ev *eval) plain(dst []byte, r *rawField) []byte {
	f := r.field
	if isArray(f) {
		return ev.rawArray(dst, r)
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

func (ev *eval) rawArray(dst []byte, r *rawField) []byte {
	f := r.field
	b := ev.span(f)
	if b == nil && f.Loc == trace.Inline && uint64(f.Off) < uint64(len(ev.record)) {
		b = ev.record[f.Off:] // declared larger than this record is
	}
	if f.Size == 0 && f.Loc == trace.Inline {
		if !r.str {
			return append(dst, "ARRAY[]"...)
		}
		return append(dst, cstring(b)...)
	}
	if r.str && printable(b) {
		return append(dst, cstring(b)...)
	}
	dst = append(dst, "ARRAY["...)
	for i, c := range b {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = appendByte(dst, c)
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
