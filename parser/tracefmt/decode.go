package tracefmt

import (
	"bytes"
	"encoding/binary"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Integer reads a scalar of 1, 2, 4 or 8 bytes at b[off:], zero-extended. It is
// false if b is too short.
func Integer(b []byte, off, size uint32, bigEndian bool) (uint64, bool) {
	if uint64(off)+uint64(size) > uint64(len(b)) {
		return 0, false
	}
	b = b[off : off+size]
	if bigEndian {
		switch size {
		case 1:
			return uint64(b[0]), true
		case 2:
			return uint64(binary.BigEndian.Uint16(b)), true
		case 4:
			return uint64(binary.BigEndian.Uint32(b)), true
		case 8:
			return binary.BigEndian.Uint64(b), true
		}
		return 0, false
	}
	switch size {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.LittleEndian.Uint16(b)), true
	case 4:
		return uint64(binary.LittleEndian.Uint32(b)), true
	case 8:
		return binary.LittleEndian.Uint64(b), true
	}
	return 0, false
}

// signExtend widens the low size bytes of v as a signed number.
func signExtend(v uint64, size uint32) uint64 {
	shift := 64 - 8*size
	return uint64(int64(v<<shift) >> shift)
}

// A Decoder is the trace.Decoder of binary records: it reads their payload by
// the offsets of the schema.
type Decoder struct {
	BigEndian bool
	LongSize  int // of the traced kernel, 4 or 8
	// SymbolAt resolves a kernel address and interns it with its offset
	// (offset true) or by its name alone.
	SymbolAt func(addr uint64, offset bool) trace.SymbolID
	// StringAt returns the static string at a kernel address.
	StringAt func(addr uint64) (string, bool)

	// pointed holds what StringAt found, as bytes: an ipi_raise has its reason
	// there, and there are a handful of them
	pointed map[uint64][]byte
}

// Span returns the bytes that a field occupies in a record: those of the field
// itself or those that its __data_loc or __rel_loc word points at. It is false
// if they do not lie within the record.
func (d *Decoder) Span(record []byte, f *trace.Field) ([]byte, bool) {
	off, size := uint64(f.Off), uint64(f.Size)
	if f.Loc != trace.Inline {
		word, ok := Integer(record, f.Off, 4, d.BigEndian)
		if !ok {
			return nil, false
		}
		// include/trace/stages/stage6_event_callback.h: length in the upper
		// half, offset in the lower one.
		size, off = word>>16, word&0xffff
		if f.Loc == trace.RelLoc {
			off += uint64(f.Off) + uint64(f.Size)
		}
	} else if size == 0 && off <= uint64(len(record)) {
		size = uint64(len(record)) - off
	}
	if off+size > uint64(len(record)) {
		return nil, false
	}
	return record[off : off+size], true
}

// Uint implements trace.Decoder.
func (d *Decoder) Uint(e *trace.Event, f *trace.Field) (uint64, bool) {
	size := f.Size
	if f.Kind != trace.KindInt && f.Kind != trace.KindPointer {
		return 0, false
	}
	v, ok := Integer(e.Payload(), f.Off, size, d.BigEndian)
	if ok && f.Signed {
		v = signExtend(v, size)
	}
	return v, ok
}

// Bytes implements trace.Decoder.
func (d *Decoder) Bytes(e *trace.Event, f *trace.Field) ([]byte, bool) {
	if f.Kind == trace.KindPointer {
		addr, ok := d.Uint(e, f)
		if !ok || d.StringAt == nil {
			return nil, false
		}
		return d.pointedAt(addr)
	}
	b, ok := d.Span(e.Payload(), f)
	if ok && f.Kind == trace.KindString {
		if i := bytes.IndexByte(b, 0); i >= 0 {
			b = b[:i]
		}
	}
	return b, ok
}

// pointedAt returns the static string at an address.
func (d *Decoder) pointedAt(addr uint64) ([]byte, bool) {
	if b, ok := d.pointed[addr]; ok {
		return b, true
	}
	s, ok := d.StringAt(addr)
	if !ok {
		return nil, false
	}
	if d.pointed == nil {
		d.pointed = map[uint64][]byte{}
	}
	d.pointed[addr] = []byte(s)
	return d.pointed[addr], true
}

// Symbol implements trace.Decoder. Fields named func and function are printed
// by the kernel without an offset (%ps), all others with one (%pS): the event
// classes that carry addresses keep to that (include/trace/events/csd.h,
// ipi.h, workqueue.h).
func (d *Decoder) Symbol(e *trace.Event, f *trace.Field) (trace.SymbolID, bool) {
	addr, ok := d.Uint(e, f)
	if !ok {
		return 0, false
	}
	return d.SymbolAt(addr, f.Name != "func" && f.Name != "function"), true
}

// Mask implements trace.Decoder.
func (d *Decoder) Mask(e *trace.Event, f *trace.Field, m *cpumask.Mask) bool {
	b, ok := d.Span(e.Payload(), f)
	if !ok {
		return false
	}
	var order binary.ByteOrder = binary.LittleEndian
	if d.BigEndian {
		order = binary.BigEndian
	}
	return m.SetWords(b, order, d.LongSize) == nil
}

// Stack implements trace.Decoder. The frames are interned by the raw bytes of
// the stack, so that each different stack is resolved once.
func (d *Decoder) Stack(e *trace.Event) (trace.StackID, bool) {
	frames, elem, ok := d.StackBytes(e)
	if !ok {
		return 0, false
	}
	t := e.Table()
	if id, ok := t.Stack(frames); ok {
		return id, true
	}
	ids := make([]trace.SymbolID, 0, len(frames)/elem)
	for off := 0; off+elem <= len(frames); off += elem {
		addr, _ := Integer(frames, uint32(off), uint32(elem), d.BigEndian)
		ids = append(ids, d.SymbolAt(addr, false))
	}
	return t.AddStack(frames, ids), true
}

// StackBytes returns the raw addresses of a stack event and the size of one.
// The list ends at the record's end or at an address of all ones
// (kernel/trace/trace_output.c, trace_stack_print).
func (d *Decoder) StackBytes(e *trace.Event) (frames []byte, elem int, ok bool) {
	ref := e.Schema().Ref("caller")
	if ref == trace.NoField {
		return nil, 0, false
	}
	f := &e.Schema().Fields[ref]
	p := e.Payload()
	if uint64(f.Off) > uint64(len(p)) {
		return nil, 0, false
	}
	// kernel_stack declares caller[8] but its record holds as many as there
	// were frames; user_stack always has all eight.
	elem, frames = d.LongSize, p[f.Off:]
	frames = frames[:len(frames)/elem*elem]
	for off := 0; off < len(frames); off += elem {
		addr, _ := Integer(frames, uint32(off), uint32(elem), d.BigEndian)
		if addr == 1<<(8*elem)-1 {
			return frames[:off], elem, true
		}
	}
	return frames, elem, true
}
