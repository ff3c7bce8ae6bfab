package tracedat

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
)

// Bounds on what the container may hold. A length is checked against its bound
// and against what is left of the file before memory is taken for it.
const (
	// maxString bounds the NUL-terminated strings of the container: names of
	// clocks, instances, systems and compression algorithms.
	maxString = 64 << 10
	// maxText bounds header_page and header_event, some 200 bytes each.
	maxText = 64 << 10
	// maxFormat bounds one event's format; the longest are some 20 KiB.
	maxFormat = 1 << 20
	// maxCmdlines bounds the command lines. The kernel saves at most 32768 of
	// them (kernel/trace/trace_sched_switch.c, tracing_saved_cmdlines_size_write).
	maxCmdlines = 16 << 20
	// maxOptions bounds all options of a file together.
	maxOptions = 64 << 20
)

// A cursor reads a trace.dat's integers, strings and blocks in order. Its error
// is sticky: read a whole structure, then check err once. No block is
// allocated before its length was checked against what the input holds.
type cursor struct {
	r     io.ReaderAt
	mem   []byte // read instead of r if it is not nil
	off   int64  // next byte to read
	end   int64  // end of what may be read
	base  int64  // position of offset 0 in the file or in the unpacked section, for messages
	from  int64  // where the compressed section lies that mem was unpacked from, 0 if it was not
	order binary.ByteOrder
	what  string // what is being read, for messages
	err   error
	buf   [8]byte
}

// over returns a cursor over the last bytes that c read.
func (c *cursor) over(b []byte, what string) *cursor {
	return &cursor{mem: b, end: int64(len(b)), base: c.base + c.off - int64(len(b)), from: c.from, order: c.order, what: what}
}

// unpacked returns a cursor over what the section at offset from unpacks to.
func (c *cursor) unpacked(b []byte, from int64) *cursor {
	return &cursor{mem: b, end: int64(len(b)), from: from, order: c.order, what: c.what}
}

func (c *cursor) fail(format string, args ...any) {
	if c.err != nil {
		return
	}
	where := fmt.Sprintf("offset %#x", c.base+c.off)
	if c.from != 0 {
		where = fmt.Sprintf("offset %#x, byte %#x when unpacked", c.from, c.base+c.off)
	}
	c.err = fmt.Errorf("%s: %s: %s", where, c.what, fmt.Sprintf(format, args...))
}

// left is the number of bytes that may still be read.
func (c *cursor) left() int64 { return max(0, c.end-c.off) }

// read fills p or fails.
func (c *cursor) read(p []byte, name string) bool {
	if c.err != nil {
		return false
	}
	if int64(len(p)) > c.left() {
		c.fail("want %d bytes of %s, there are %d (cut off?)", len(p), name, c.left())
		return false
	}
	if c.mem != nil {
		copy(p, c.mem[c.off:])
	} else if n, err := c.r.ReadAt(p, c.off); n < len(p) {
		c.fail("reading %s: %v", name, err)
		return false
	}
	c.off += int64(len(p))
	return true
}

func (c *cursor) u8(name string) uint8 {
	if !c.read(c.buf[:1], name) {
		return 0
	}
	return c.buf[0]
}

func (c *cursor) u16(name string) uint16 {
	if !c.read(c.buf[:2], name) {
		return 0
	}
	return c.order.Uint16(c.buf[:])
}

func (c *cursor) u32(name string) uint32 {
	if !c.read(c.buf[:4], name) {
		return 0
	}
	return c.order.Uint32(c.buf[:])
}

func (c *cursor) u64(name string) uint64 {
	if !c.read(c.buf[:8], name) {
		return 0
	}
	return c.order.Uint64(c.buf[:])
}

// offset reads a 64-bit file offset or size.
func (c *cursor) offset(name string) int64 {
	v := c.u64(name)
	if v > 1<<62 {
		c.off -= 8
		c.fail("%s is %#x, which is no position in a file", name, v)
		return 0
	}
	return int64(v)
}

// fits reports whether n more bytes, at most limit, can be read.
func (c *cursor) fits(n uint64, limit int64, name string) bool {
	switch {
	case c.err != nil:
	case n > uint64(c.left()):
		c.fail("%s is said to have %d bytes, there are %d (cut off?)", name, n, c.left())
	case n > uint64(limit):
		c.fail("%s is said to have %d bytes, want at most %d", name, n, limit)
	default:
		return true
	}
	return false
}

// block reads n bytes that the file says follow. They must not be changed.
func (c *cursor) block(n uint64, limit int64, name string) []byte {
	if !c.fits(n, limit, name) {
		return nil
	}
	if c.mem != nil {
		c.off += int64(n)
		return c.mem[c.off-int64(n) : c.off : c.off]
	}
	b := make([]byte, n)
	c.read(b, name)
	return b
}

// skip passes over n bytes.
func (c *cursor) skip(n uint64, name string) {
	if c.fits(n, c.left(), name) {
		c.off += int64(n)
	}
}

// str reads a NUL-terminated string.
func (c *cursor) str(name string) string {
	var out []byte
	var chunk [64]byte
	for c.err == nil && len(out) < maxString {
		n := min(int64(len(chunk)), c.left())
		if n == 0 {
			c.fail("%s has no end (cut off?)", name)
			return ""
		}
		if !c.read(chunk[:n], name) {
			return ""
		}
		if i := bytes.IndexByte(chunk[:n], 0); i >= 0 {
			c.off -= n - int64(i) - 1
			return string(append(out, chunk[:i]...))
		}
		out = append(out, chunk[:n]...)
	}
	c.fail("%s is longer than %d bytes", name, maxString)
	return ""
}
