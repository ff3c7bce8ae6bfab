package printfmt

import (
	"bytes"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// An eval is the evaluation of a program on one record.
type eval struct {
	p      *Program
	record []byte
	names  Names
}

// word reads an unsigned number of the record, 0 if it is not there.
func (ev *eval) word(off, size uint32) uint64 {
	v, _ := tracefmt.Integer(ev.record, off, size, ev.p.big)
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
		addr, ok := ev.names.Address(n.text)
		if !ok {
			return 0
		}
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

// index reads an element of an array field. Of a dynamic array the index counts
// bytes, as in libtraceevent (src/event-parse.c, eval_num_arg).
func (ev *eval) index(n *node) uint64 {
	mask := ^uint64(0)
	array := n.a
	if typ, pointer := strings.CutSuffix(array.text, " *"); array.op == opCast && pointer {
		mask = castMask(typ) // the outermost cast says what is pointed at
	}
	for array.op == opCast {
		array = array.a
	}
	if array.field == nil {
		return 0
	}
	i := uint32(ev.number(n.b)) // offsets wrap around at 32 bits
	f := array.field
	off, size := f.Off+i*f.Elem, f.Elem
	switch {
	case array.op == opDynArray:
		off, size = uint32(ev.dynamicOffset(f))+i, ev.dynamicElem(f)
	case array.op != opField:
		return 0
	case !isArray(f):
		off, size = f.Off+i*f.Size, f.Size
	}
	return ev.word(off, size) & mask
}

// dynamicElem is the size of an element of a dynamic array where libtraceevent
// knows it (type_size), else that of a long.
func (ev *eval) dynamicElem(f *trace.Field) uint32 {
	typ, _, _ := strings.Cut(f.Type, "[")
	switch typ[strings.LastIndexByte(typ, ' ')+1:] {
	case "u8", "s8", "char":
		return 1
	case "u16", "s16":
		return 2
	case "u32", "s32":
		return 4
	case "u64", "s64":
		return 8
	}
	return uint32(ev.p.long)
}

// dynamicOffset is where a __data_loc or __rel_loc word points.
func (ev *eval) dynamicOffset(f *trace.Field) uint64 {
	off := ev.word(f.Off, 4) & 0xffff
	if f.Loc == trace.RelLoc {
		off += uint64(f.Off) + uint64(f.Size)
	}
	return off
}

// span returns the bytes of a field, nil if they do not lie within the record.
func (ev *eval) span(f *trace.Field) []byte {
	d := tracefmt.Decoder{BigEndian: ev.p.big, LongSize: ev.p.long}
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
	case opText, opConst, opName:
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
		return v.fit(ev.bitmask(dst, ev.dynamic(n.field)), len(dst), length)
	case opCPUMask:
		if n.field == nil {
			return dst
		}
		return v.fit(ev.cpumask(dst, ev.dynamic(n.field)), len(dst), length)
	case opHelper:
		return ev.helperText(dst, n)
	case opCond:
		if ev.number(n.a) != 0 {
			return ev.str(dst, v, length, n.b)
		}
		return ev.str(dst, v, length, n.c)
	}
	return dst // an operation or a cast: libtraceevent prints nothing
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
		off = ev.dynamicOffset(f)
	}
	if off > uint64(len(ev.record)) {
		return nil
	}
	return ev.record[off:]
}

// count evaluates the length of an array, never below 0.
func (ev *eval) count(n *node) int { return max(0, clampWidth(int64(int32(ev.number(n))))) }

// elements prints integers of size bytes. Of a size that no integer has it
// prints bytes, and says so each time.
func (ev *eval) elements(dst, b []byte, count int, size uint64) []byte {
	bad := size != 1 && size != 2 && size != 4 && size != 8
	step := size
	if bad {
		step = 1
	}
	dst = append(dst, '{')
	for i := uint64(0); i < uint64(count) && (i+1)*step <= uint64(len(b)); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if bad {
			dst = append(appendSigned(append(dst, "BAD SIZE:"...), int64(int32(size))), ' ')
		}
		v, _ := tracefmt.Integer(b, uint32(i*step), uint32(step), ev.p.big)
		dst = appendHex(dst, v)
	}
	return append(dst, '}')
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

// cpumask prints a mask as a list. The kernel's are whole longs; of other
// lengths the bytes are taken in their order, as libtraceevent does.
func (ev *eval) cpumask(dst, b []byte) []byte {
	var m cpumask.Mask
	if len(b)%ev.p.long == 0 {
		if m.SetWords(b, ev.p.order, ev.p.long) != nil {
			return dst
		}
		return m.AppendList(dst)
	}
	for i := range b {
		c := b[i]
		if ev.p.big {
			c = b[len(b)-1-i]
		}
		for bit := range 8 {
			if c>>bit&1 != 0 && !m.Set(8*i+bit) {
				return dst
			}
		}
	}
	return m.AppendList(dst)
}
