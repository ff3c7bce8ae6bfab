package tracedat

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A block is a stretch of one CPU's data that is read at once.
type block struct {
	off, end int64   // in the file
	size     int64   // when unpacked
	chunks   []chunk // what it is unpacked from, nil if it is not compressed
	// err is what is wrong after the block, at errOff.
	err    error
	errOff int64
}

// A chunk is a compressed part of a block.
type chunk struct {
	off         int64 // of its header
	csize, size int64
}

func (c *chunk) end() int64 { return c.off + chunkHeader + c.csize }

// chunkHeader is the size in the file and that of what it unpacks to, 32 bits
// each.
const chunkHeader = 8

// countSize is the size of the number of chunks in front of them.
const countSize = 4

// A cutter cuts one CPU's data into blocks. It looks at the headers of chunks
// and at nothing else.
type cutter struct {
	r        io.ReaderAt
	order    binary.ByteOrder
	memory   *memory
	reserved int64 // what a block may take of memory
	pageSize int

	next, end int64 // what is left of this CPU's data in the file
	total     int64 // bytes of this CPU's data in the file
	size      int64 // of the file
	chunks    uint32
	chunked   bool
	max       int64 // size of a block, a multiple of the page size
	maxChunk  int64
}

// memory is what the blocks of all CPUs may take together.
type memory struct{ left int64 }

// newCutter starts on one CPU's data, of which there is some. A block has at
// most maxBlock bytes, or else one page or chunk.
func newCutter(f *file, b *buffer, d cpuData, maxBlock int, m *memory) (*cutter, error) {
	c := &cutter{r: f.r, order: f.order, memory: m, pageSize: b.pageSize, size: f.size, next: d.off, end: d.off + d.size, chunked: f.compressed}
	c.max = int64(max(maxBlock/b.pageSize, 1) * b.pageSize)
	c.maxChunk = min(max(chunkPages*int64(b.pageSize), 4<<20), maxChunk)
	var err error
	if d.off > f.size || d.size > f.size-d.off {
		err = fmt.Errorf("offset %#x: the data of CPU %d should have %d bytes, the file ends after %d (cut off?)", d.off, d.cpu, d.size, max(0, f.size-d.off))
		c.end = max(f.size, d.off)
	}
	c.total = c.end - c.next
	if !c.chunked {
		return c, err
	}
	if c.end-c.next < countSize {
		c.next = c.end
		if err == nil {
			err = fmt.Errorf("offset %#x: the data of CPU %d has %d bytes, want at least the number of chunks", d.off, d.cpu, d.size)
		}
		return c, err
	}
	var n [countSize]byte
	if m, rerr := c.r.ReadAt(n[:], c.next); m < len(n) {
		c.next = c.end
		return c, fmt.Errorf("offset %#x: reading the number of chunks: %w", d.off, rerr)
	}
	c.chunks = c.order.Uint32(n[:])
	c.next += countSize
	return c, err
}

// over reports whether there is no further block.
func (c *cutter) over() bool { return c.next >= c.end && c.chunks == 0 }

// stop leaves out the rest.
func (c *cutter) stop() { c.next, c.chunks = c.end, 0 }

// limit makes blocks smaller.
func (c *cutter) limit(size int64) {
	c.max = min(c.max, max(size/int64(c.pageSize), 1)*int64(c.pageSize))
}

// cut makes b the next block. It is false at the end. A block may be empty but
// for an error.
func (c *cutter) cut(b *block) bool {
	*b = block{off: c.next, end: c.next, chunks: b.chunks[:0]}
	if c.chunked {
		return c.cutChunks(b)
	}
	n := min(c.end-c.next, c.max)
	if n <= 0 {
		return false
	}
	if c.reserve(b, n) {
		c.next += n
		b.end, b.size = c.next, n
	}
	return true
}

// cutChunks collects chunks until the block has its size. After a chunk whose
// header cannot be right there is nothing.
func (c *cutter) cutChunks(b *block) bool {
	for c.chunks > 0 {
		at := c.next
		var h [chunkHeader]byte
		if c.end-at < chunkHeader {
			c.giveUp(b, fmt.Errorf("want %d more chunks of compressed trace data, %d bytes are left", c.chunks, c.end-at))
			break
		}
		if n, err := c.r.ReadAt(h[:], at); n < len(h) {
			c.giveUp(b, fmt.Errorf("reading a chunk's header: %w", err))
			break
		}
		csize, size := int64(c.order.Uint32(h[:])), int64(c.order.Uint32(h[4:]))
		if over := at + chunkHeader + csize - c.end; c.chunks == 1 && over == countSize && c.end+over <= c.size {
			c.end += over // trace-cmd convert 3.1 leaves the number of chunks out of the size
			c.total += over
		}
		left := c.end - at - chunkHeader
		// What does not compress grows a little, never twofold.
		if csize > left || size > c.maxChunk || csize > 2*c.maxChunk {
			c.giveUp(b, fmt.Errorf("a chunk of %d bytes that unpacks to %d, want at most %d and %d", csize, size, min(left, 2*c.maxChunk), c.maxChunk))
			break
		}
		if len(b.chunks) > 0 && b.size+size > c.max {
			break
		}
		if !c.reserve(b, b.size+size) {
			break
		}
		b.chunks = append(b.chunks, chunk{at, csize, size})
		b.size += size
		c.next = b.chunks[len(b.chunks)-1].end()
		b.end = c.next
		c.chunks--
	}
	if left := c.end - c.next; c.chunks == 0 && left > 0 && b.err == nil {
		c.giveUp(b, fmt.Errorf("%d bytes of trace data are left after the last chunk", left))
	}
	return len(b.chunks) > 0 || b.err != nil
}

// giveUp ends this CPU's data with an error.
func (c *cutter) giveUp(b *block, err error) {
	b.err, b.errOff = err, c.next
	c.next, c.chunks = c.end, 0
	b.end = c.end
}

// reserve makes sure that a block of n bytes does not take the memory of all
// CPUs' blocks beyond its bound.
func (c *cutter) reserve(b *block, n int64) bool {
	more := n - c.reserved
	if more <= 0 {
		return true
	}
	if more > c.memory.left {
		c.giveUp(b, fmt.Errorf("a block of %d bytes: the blocks of all CPUs take more than %d MiB", n, int64(maxMemory)>>20))
		return false
	}
	c.memory.left -= more
	c.reserved = n
	return true
}
