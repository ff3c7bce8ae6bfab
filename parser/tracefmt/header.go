package tracefmt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A PageHeader is the layout of a ring-buffer page as events/header_page
// describes it.
type PageHeader struct {
	TimestampOff uint32
	CommitOff    uint32
	CommitSize   uint32 // 4 or 8: the size of the traced kernel's long
	DataOff      uint32
}

// maxPageHeader is far above the 16 bytes that every known kernel uses.
const maxPageHeader = 256

// ParsePageHeader reads events/header_page.
func ParsePageHeader(text []byte) (PageHeader, error) {
	var h PageHeader
	var seen int
	for l := range bytes.SplitSeq(text, []byte{'\n'}) {
		_, decl, ok := bytes.Cut(l, []byte("field:"))
		if !ok {
			continue
		}
		f, err := parseField(string(bytes.TrimSpace(decl)), 8)
		if err != nil {
			return h, fmt.Errorf("header_page: %w", err)
		}
		switch f.Name {
		case "timestamp":
			h.TimestampOff, seen = f.Off, seen|1
			if f.Size != 8 {
				return h, fmt.Errorf("header_page: timestamp has %d bytes, want 8", f.Size)
			}
		case "commit":
			h.CommitOff, h.CommitSize, seen = f.Off, f.Size, seen|2
		case "data":
			h.DataOff, seen = f.Off, seen|4
		}
	}
	switch {
	case seen != 7:
		return h, errors.New("header_page: want the fields timestamp, commit and data")
	case h.CommitSize != 4 && h.CommitSize != 8:
		return h, fmt.Errorf("header_page: commit has %d bytes, want 4 or 8", h.CommitSize)
	case h.DataOff > maxPageHeader || h.TimestampOff+8 > h.DataOff || h.CommitOff+h.CommitSize > h.DataOff:
		return h, errors.New("header_page: fields do not lie before the data")
	}
	return h, nil
}

// A Common tells where the header that every record starts with keeps its
// parts. Which of them exist depends on the kernel.
type Common struct {
	Type, Flags, Preempt, PID trace.Field
	// MinSize is the number of bytes that a record needs to hold all of them.
	MinSize uint32
	// usual: they lie as in struct trace_entry (include/linux/trace_events.h): type,
	// flags, preempt count, pid.
	usual bool
}

// Head returns what a record of at least MinSize bytes has in its header beside
// its type.
func (c *Common) Head(record []byte, bigEndian bool) (flags trace.Flags, preempt uint8, pid int32) {
	if c.usual && !bigEndian && len(record) >= 8 {
		w := binary.LittleEndian.Uint64(record)
		return trace.Flags(w >> 16), uint8(w >> 24), int32(w >> 32)
	}
	f, _ := Integer(record, c.Flags.Off, c.Flags.Size, bigEndian)
	n, _ := Integer(record, c.Preempt.Off, c.Preempt.Size, bigEndian)
	p, _ := Integer(record, c.PID.Off, c.PID.Size, bigEndian)
	return trace.Flags(f), uint8(n), int32(p)
}

// Context returns the context that a record of at least MinSize bytes was written
// in.
func (c *Common) Context(record []byte, bigEndian bool) trace.Context {
	flags, preempt, pid := c.Head(record, bigEndian)
	return trace.Context{PID: pid, Flags: flags & trace.FlagsContext, Depth: preempt & 0xf}
}

// CommonOf takes the common fields out of any event's schema: they are the same
// for all events of a trace.
func CommonOf(s *trace.Schema) (Common, error) {
	var c Common
	want := []struct {
		name string
		dst  *trace.Field
	}{
		{"common_type", &c.Type},
		{"common_flags", &c.Flags},
		{"common_preempt_count", &c.Preempt},
		{"common_pid", &c.PID},
	}
	for _, w := range want {
		ref := s.Ref(w.name)
		if ref == trace.NoField || s.Fields[ref].Kind != trace.KindInt {
			return c, fmt.Errorf("event %s: no field %s", s.Name, w.name)
		}
		*w.dst = s.Fields[ref]
		c.MinSize = max(c.MinSize, w.dst.Off+w.dst.Size)
	}
	is := func(f *trace.Field, off, size uint32) bool { return f.Off == off && f.Size == size }
	c.usual = is(&c.Type, 0, 2) && is(&c.Flags, 2, 1) && is(&c.Preempt, 3, 1) && is(&c.PID, 4, 4)
	return c, nil
}
