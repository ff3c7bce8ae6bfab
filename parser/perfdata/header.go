// Package perfdata reads the perf.data files that perf record writes: files,
// what it writes to a pipe, and folders, of any byte order, on any machine and
// without perf.
//
// The container is described by tools/perf/Documentation/perf.data-file-format.txt
// of the kernel, the records by perf_event_open(2). Where those are silent or
// differ from what perf writes, a comment says what was found in real files.
//
// Samples of tracepoints are events. The kernel part of a sample's callchain is
// an event of its own, kernel_stack, right after it and with the same header: that
// is how ftrace records a stack.
package perfdata

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

const (
	magicLittle = "PERFILE2"
	magicBig    = "2ELIFREP"
	// fileHeader and pipeHeader are the header's sizes, which tell a file from
	// what was written to a pipe.
	fileHeader = 104
	pipeHeader = 16
	// maxSection bounds the event formats, the largest section: those of all
	// events of a kernel have some 3 MB.
	maxSection = 64 << 20
	// maxFeature bounds the other sections.
	maxFeature = 8 << 20
	// maxAttrs bounds the opened events, maxIDs their ids: one for each CPU.
	maxAttrs = 1 << 14
	maxIDs   = 1 << 22
)

// Sniff reports whether input that begins with prefix is perf.data.
func Sniff(prefix []byte) bool {
	return bytes.HasPrefix(prefix, []byte(magicLittle)) || bytes.HasPrefix(prefix, []byte(magicBig))
}

// IsPipe reports whether perf wrote it to a pipe, so that it is read from front to
// back.
func IsPipe(prefix []byte) bool {
	order, ok := orderOf(prefix)
	return ok && len(prefix) >= pipeHeader && order.Uint64(prefix[8:]) == pipeHeader
}

func orderOf(prefix []byte) (binary.ByteOrder, bool) {
	switch {
	case bytes.HasPrefix(prefix, []byte(magicLittle)):
		return binary.LittleEndian, true
	case bytes.HasPrefix(prefix, []byte(magicBig)):
		return binary.BigEndian, true
	}
	return binary.LittleEndian, false
}

// CheckHead reads the first bytes of a perf.data. Its error says why the rest is
// not worth having.
func CheckHead(prefix []byte, path string) error {
	order, ok := orderOf(prefix)
	if !ok || len(prefix) < pipeHeader {
		return fmt.Errorf("%s: %w", path, errNotPerfData)
	}
	if n := order.Uint64(prefix[8:]); n != fileHeader && n != pipeHeader {
		return fmt.Errorf("%s: offset 0x8: the header is said to have %d bytes, want %d (a file) or %d (from a pipe)", path, n, fileHeader, pipeHeader)
	}
	return nil
}

var errNotPerfData = errors.New("not a perf.data: it does not begin with " + magicLittle)

// A span is a part of the file.
type span struct{ off, size uint64 }

// within reports whether a span lies in a file of that size.
func (s span) within(size int64) bool {
	return s.off <= uint64(size) && s.size <= uint64(size)-s.off
}

// A head is the header of a file.
type head struct {
	order    binary.ByteOrder
	attrSize uint64
	attrs    span
	data     span
	features [4]uint64
}

func readHead(r io.ReaderAt, size int64, path string) (*head, error) {
	var b [fileHeader]byte
	if n, err := r.ReadAt(b[:min(size, fileHeader)], 0); n < fileHeader {
		if err == nil || err == io.EOF {
			err = fmt.Errorf("the file ends after %d bytes, within its header of %d", n, fileHeader)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := CheckHead(b[:], path); err != nil {
		return nil, err
	}
	h := &head{}
	h.order, _ = orderOf(b[:])
	u := func(off int) uint64 { return h.order.Uint64(b[off:]) }
	h.attrSize, h.attrs, h.data = u(16), span{u(24), u(32)}, span{u(40), u(48)}
	for i := range h.features {
		h.features[i] = u(72 + 8*i)
	}
	return h, nil
}

// has reports whether a feature's bit is set.
func (h *head) has(feature int) bool { return h.features[feature/64]>>(feature%64)&1 != 0 }

// readAttrs reads the attributes of the opened events and their ids.
func (s *Source) readAttrs(r io.ReaderAt, size int64, h *head) error {
	a := h.attrs
	if h.attrSize < attrSmallest+16 || h.attrSize > 1<<12 {
		return fmt.Errorf("offset 0x10: the attributes of an event have %d bytes, want at least %d", h.attrSize, attrSmallest+16)
	}
	if !a.within(size) || a.size/h.attrSize > maxAttrs {
		return fmt.Errorf("offset %#x: the attributes should have %d bytes, the file has %d (cut off?)", a.off, a.size, size)
	}
	b := make([]byte, a.size)
	if _, err := r.ReadAt(b, int64(a.off)); err != nil {
		return fmt.Errorf("offset %#x: reading the attributes: %w", a.off, err)
	}
	total := uint64(0)
	for ; uint64(len(b)) >= h.attrSize; b = b[h.attrSize:] {
		at := parseAttr(b[:h.attrSize-16], h.order)
		ids := span{h.order.Uint64(b[h.attrSize-16:]), h.order.Uint64(b[h.attrSize-8:])}
		if total += ids.size / 8; !ids.within(size) || total > maxIDs {
			return fmt.Errorf("offset %#x: the ids of an event should have %d bytes, the file has %d (cut off?)", ids.off, ids.size, size)
		}
		raw := make([]byte, ids.size)
		if _, err := r.ReadAt(raw, int64(ids.off)); err != nil {
			return fmt.Errorf("offset %#x: reading the ids of an event: %w", ids.off, err)
		}
		s.addAttr(at, idsOf(raw, h.order))
	}
	return nil
}

func idsOf(b []byte, order binary.ByteOrder) []uint64 {
	ids := make([]uint64, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		ids = append(ids, order.Uint64(b))
	}
	return ids
}
