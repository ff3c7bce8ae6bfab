package tracefmt

import (
	"bytes"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// An eval is the evaluation of a program on one record.
type eval struct {
	p      *Program
	record []byte
	names  Names
}

// word reads an unsigned number of the record, 0 if it is not there.
func (ev *eval) word(off, size uint32) uint64 {
	v, _ := Integer(ev.record, off, size, ev.p.big)
	return v
}

// number evaluates an expression. Fields are not sign-extended: the conversion
// that prints them cuts and extends.
func (ev *eval) number(n *node) uint64 {
	switch n.op {
	case opConst:
		return n.value
	case opText:
		return number(n.text)
	case opName:
		// The kernel prints enums as numbers where it can. What is left is a
		// variable, and libtraceevent takes its address for its value.
		addr, _ := ev.names.Address(n.text)
		return addr
	case opField:
		if n.field == nil {
			return 0
		}
		return ev.word(n.field.Off, n.field.Size)
	case opCast:
		return ev.number(n.a) & n.value
	case opNot, opCompl, opNeg:
		return unary(n.op, ev.number(n.a))
	case opLogAnd:
		return truth(ev.number(n.a) != 0 && ev.number(n.b) != 0)
	case opLogOr:
		return truth(ev.number(n.a) != 0 || ev.number(n.b) != 0)
	case opCond:
		if ev.number(n.a) != 0 {
			return ev.number(n.b)
		}
		return ev.number(n.c)
	case opIndex:
		return ev.index(n)
	case opDynArrayLen:
		if n.field == nil {
			return 0
		}
		return ev.word(n.field.Off, 4) >> 16
	case opDynArray:
		if n.field == nil {
			return 0
		}
		return ev.word(n.field.Off, 4) & 0xffff
	case opSeconds:
		return ev.number(n.a) / 1e9
	case opSecondsRest:
		return ev.number(n.a) % 1e9
	case opHelper:
		return ev.helperNumber(n)
	}
	if n.op >= opMul && n.op <= opLogOr {
		return binary2(n.op, ev.number(n.a), ev.number(n.b))
	}
	return 0
}

// index reads an element of an array field.
func (ev *eval) index(n *node) uint64 {
	mask := ^uint64(0)
	array := n.a
	for array.op == opCast {
		mask &= array.value
		array = array.a
	}
	i := ev.number(n.b)
	if array.op != opField && array.op != opDynArray || array.field == nil {
		return 0
	}
	f := array.field
	size := uint64(f.Elem)
	if size == 0 {
		size = uint64(ev.p.long)
	}
	b := ev.span(f)
	if i >= uint64(len(b)) || i*size+size > uint64(len(b)) {
		return 0
	}
	v, _ := Integer(b, uint32(i*size), uint32(size), ev.p.big)
	return v & mask
}

// span returns the bytes of a field, nil if they do not lie within the record.
func (ev *eval) span(f *trace.Field) []byte {
	d := Decoder{BigEndian: ev.p.big, LongSize: ev.p.long}
	b, _ := d.Span(ev.record, f)
	return b
}

// cstring cuts b at its first NUL.
func cstring(b []byte) []byte {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		return b[:i]
	}
	return b
}

// str evaluates the argument of %s.
func (ev *eval) str(dst []byte, v *verb, length int, n *node) []byte {
	switch n.op {
	case opText:
		return v.appendText(dst, n.text, length)
	case opField:
		return ev.strField(dst, v, length, n.field)
	case opFlags:
		return ev.flags(dst, v, length, n)
	case opSymbol:
		val := ev.number(n.a)
		for i := range n.names {
			if uint64(n.names[i].value) == val {
				return v.appendText(dst, n.names[i].name, length)
			}
		}
		return appendHex(dst, val)
	case opHex, opHexStr:
		b, count := ev.array(n.a), ev.count(n.b)
		for i, c := range b[:min(count, len(b))] {
			if i > 0 && n.op == opHex {
				dst = append(dst, ' ')
			}
			dst = appendByte(dst, c)
		}
		return dst
	case opArray:
		return ev.elements(dst, ev.array(n.a), ev.count(n.b), ev.number(n.c))
	case opDynPrint:
		if n.field == nil {
			return dst
		}
		b := ev.span(n.field)
		return ev.elements(dst, b, len(b), ev.number(n.b))
	case opHexDump:
		return ev.hexDump(dst, n)
	case opString:
		if n.field == nil {
			return dst
		}
		if b := ev.dynamic(n.field); len(b) > 0 {
			return v.appendString(dst, cstring(b), length)
		}
		return dst
	case opBitmask:
		if n.field == nil {
			return dst
		}
		return ev.bitmask(dst, ev.dynamic(n.field))
	case opCPUMask:
		if n.field == nil {
			return dst
		}
		return ev.cpumask(dst, ev.dynamic(n.field))
	case opHelper:
		return ev.helperText(dst, n)
	case opCond:
		if ev.number(n.a) != 0 {
			return ev.str(dst, v, length, n.b)
		}
		return ev.str(dst, v, length, n.c)
	}
	return dst // a number or a cast: libtraceevent prints nothing
}

// dynamic returns the bytes that a __data_loc or __rel_loc word points at, also
// if the field is not declared as one.
func (ev *eval) dynamic(f *trace.Field) []byte {
	if f.Loc == trace.Inline {
		g := *f
		g.Loc = trace.DataLoc
		return ev.span(&g)
	}
	return ev.span(f)
}

func (ev *eval) strField(dst []byte, v *verb, length int, f *trace.Field) []byte {
	if f == nil {
		return dst
	}
	// A field that is as large as a pointer and no array is one.
	if !isArray(f) && f.Size == uint32(ev.p.long) {
		addr := ev.word(f.Off, f.Size)
		if s, ok := ev.names.Static(addr); ok {
			return append(dst, s...)
		}
		return appendHexDigits(dst, addr)
	}
	g := *f
	g.Loc = trace.Inline
	return v.appendString(dst, cstring(ev.span(&g)), length)
}

// isArray reports whether a field is declared with brackets: for libtraceevent
// nothing else is an array, whatever its size.
func isArray(f *trace.Field) bool { return strings.IndexByte(f.Type, '[') >= 0 }

func (ev *eval) flags(dst []byte, v *verb, length int, n *node) []byte {
	val := ev.number(n.a)
	some := false
	for i := range n.names {
		f := &n.names[i]
		if val == 0 && f.value < 0 {
			return v.appendText(dst, f.name, length)
		}
		if f.value > 0 && val&uint64(f.value) == uint64(f.value) {
			if some {
				dst = append(dst, n.text...)
			}
			dst = v.appendText(dst, f.name, length)
			some = true
			val &^= uint64(f.value)
		}
	}
	if val != 0 {
		if some {
			dst = append(dst, n.text...)
		}
		dst = appendHex(dst, val)
	}
	return dst
}

// array returns the bytes of an array argument: a field or a dynamic array.
func (ev *eval) array(n *node) []byte {
	for n.op == opCast {
		n = n.a
	}
	if n.op != opField && n.op != opDynArray || n.field == nil {
		return nil
	}
	f := n.field
	off := uint64(f.Off)
	if n.op == opDynArray {
		// the length that the print fmt gives counts, not that of the word
		off = ev.word(f.Off, 4) & 0xffff
		if f.Loc == trace.RelLoc {
			off += uint64(f.Off) + uint64(f.Size)
		}
	}
	if off > uint64(len(ev.record)) {
		return nil
	}
	return ev.record[off:]
}

// count evaluates the length of an array, never below 0.
func (ev *eval) count(n *node) int { return max(0, clampWidth(int64(int32(ev.number(n))))) }

// elements prints integers of size bytes.
func (ev *eval) elements(dst, b []byte, count int, size uint64) []byte {
	if size != 1 && size != 2 && size != 4 && size != 8 {
		size = 1
	}
	dst = append(dst, '{')
	for i := uint64(0); i < uint64(count) && (i+1)*size <= uint64(len(b)); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		v, _ := Integer(b, uint32(i*size), uint32(size), ev.p.big)
		dst = appendHex(dst, v)
	}
	return append(dst, '}')
}

// hexDump prints lines of 16 bytes behind their offset and the prefix.
func (ev *eval) hexDump(dst []byte, n *node) []byte {
	b := ev.array(n.a)
	b = b[:min(ev.count(n.b), len(b))]
	for i := 0; i < len(b); i += 16 {
		dst = append(dst, '\n')
		dst, _ = appendUnescaped(dst, n.text)
		for _, c := range b[i:min(i+16, len(b))] {
			dst = append(appendByte(dst, c), ' ')
		}
	}
	return dst
}

// bitmask prints bytes as the kernel prints a bitmap: groups of 8 digits, the
// highest first.
func (ev *eval) bitmask(dst, b []byte) []byte {
	for i := range b {
		at := len(b) - 1 - i
		if ev.p.big {
			at = i
		}
		dst = appendByte(dst, b[at])
		if left := len(b) - 1 - i; left > 0 && left%4 == 0 {
			dst = append(dst, ',')
		}
	}
	return dst
}

func (ev *eval) cpumask(dst, b []byte) []byte {
	var m cpumask.Mask
	if m.SetWords(b, ev.p.order, ev.p.long) != nil {
		return dst
	}
	return m.AppendList(dst)
}
