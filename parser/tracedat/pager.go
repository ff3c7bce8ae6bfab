package tracedat

import (
	"encoding/binary"
	"fmt"
	"io"
)

// A pager reads the pages of one CPU, a block of them at a time. Blocks are
// read or decompressed into memory that is reused: a page is valid until the
// next call.
type pager struct {
	r        io.ReaderAt
	order    binary.ByteOrder
	unpack   *decompressor
	memory   *memory
	reserved int64 // what the block may take of memory
	pageSize int

	next, end int64 // what is left of this CPU's data in the file
	total     int64 // bytes of this CPU's data in the file
	chunks    uint32
	chunked   bool
	block     []byte // the current block
	blockOff  int64  // where the block began in the file, for messages
	used      int    // bytes of the block that were handed out
	pageOff   int64  // position of the current page or its chunk
	max       int    // block size to read, a multiple of the page size
	maxChunk  int64
}

// memory is what the blocks of all CPUs may take together.
type memory struct{ left int64 }

// newPager starts reading one CPU's data, of which there is some. maxBlock
// bounds the memory for data that is not compressed.
func newPager(f *file, b *buffer, d cpuData, maxBlock int, m *memory) (*pager, error) {
	p := &pager{r: f.r, order: f.order, unpack: f.unpack, memory: m, pageSize: b.pageSize, next: d.off, end: d.off + d.size, chunked: f.compressed, pageOff: d.off}
	p.max = max(maxBlock/b.pageSize, 1) * b.pageSize
	p.maxChunk = min(max(chunkPages*int64(b.pageSize), 4<<20), maxChunk)
	var err error
	if d.off > f.size || d.size > f.size-d.off {
		err = fmt.Errorf("offset %#x: the data of CPU %d should have %d bytes, the file ends after %d (cut off?)", d.off, d.cpu, d.size, max(0, f.size-d.off))
		p.end = max(f.size, d.off)
	}
	p.total = p.end - p.next
	if !p.chunked {
		return p, err
	}
	if p.end-p.next < 4 {
		p.next = p.end
		if err == nil {
			err = fmt.Errorf("offset %#x: the data of CPU %d has %d bytes, want at least the number of chunks", d.off, d.cpu, d.size)
		}
		return p, err
	}
	var n [4]byte
	if m, rerr := p.r.ReadAt(n[:], p.next); m < len(n) {
		p.next = p.end
		return p, fmt.Errorf("offset %#x: reading the number of chunks: %w", d.off, rerr)
	}
	p.chunks = p.order.Uint32(n[:])
	p.next += 4
	return p, err
}

// page returns the next page, nil at the end. The last page of a damaged file
// may be short. After an error the next call goes on behind the damage.
func (p *pager) page() ([]byte, error) {
	for p.used >= len(p.block) {
		p.pageOff = p.next
		if p.exhausted() {
			return nil, p.rest()
		}
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	if !p.chunked {
		p.pageOff = p.blockOff + int64(p.used)
	}
	end := min(p.used+p.pageSize, len(p.block))
	b := p.block[p.used:end:len(p.block)]
	p.used = end
	return b, nil
}

// exhausted reports whether there is no further block.
func (p *pager) exhausted() bool {
	if p.chunked {
		return p.chunks == 0
	}
	return p.next >= p.end
}

// rest says once that data is left behind the last chunk.
func (p *pager) rest() error {
	left := p.end - p.next
	p.next = p.end
	if left > 0 {
		return fmt.Errorf("%d bytes of trace data are left behind the last chunk", left)
	}
	return nil
}

// done is the number of bytes of the file that were read.
func (p *pager) done() int64 { return p.total - (p.end - p.next) }

func (p *pager) fill() error {
	p.block, p.used, p.blockOff = p.block[:0], 0, p.next
	if p.chunked {
		return p.fillChunk()
	}
	n := min(p.end-p.next, int64(p.max))
	if err := p.reserve(n); err != nil {
		return err
	}
	p.block = sized(p.block, int(n))
	if m, err := p.r.ReadAt(p.block, p.next); m < len(p.block) {
		p.next = p.end
		p.block = p.block[:m]
		return fmt.Errorf("reading trace data: %w", err)
	}
	p.next += n
	return nil
}

// fillChunk unpacks the next chunk. A chunk that is damaged but whose size is
// plausible is passed over: the next call goes on behind it.
func (p *pager) fillChunk() error {
	at := p.next
	var h [8]byte
	if p.end-at < int64(len(h)) {
		err := fmt.Errorf("want %d more chunks of compressed trace data, %d bytes are left", p.chunks, p.end-at)
		p.next, p.chunks = p.end, 0
		return err
	}
	if m, err := p.r.ReadAt(h[:], at); m < len(h) {
		p.next, p.chunks = p.end, 0
		return fmt.Errorf("reading a chunk's header: %w", err)
	}
	csize, size := int64(p.order.Uint32(h[:])), int64(p.order.Uint32(h[4:]))
	at += int64(len(h))
	// What does not compress grows a little, never twofold.
	if csize > p.end-at || size > p.maxChunk || csize > 2*p.maxChunk {
		err := fmt.Errorf("a chunk of %d bytes that unpacks to %d, want at most %d and %d", csize, size, min(p.end-at, 2*p.maxChunk), p.maxChunk)
		p.next, p.chunks = p.end, 0
		return err
	}
	p.next = at + csize
	p.chunks--
	if err := p.reserve(size); err != nil {
		return err
	}
	src := sized(p.unpack.src, int(csize))
	p.unpack.src = src
	if m, err := p.r.ReadAt(src, at); m < len(src) {
		return fmt.Errorf("reading a chunk: %w", err)
	}
	out, err := p.unpack.unpack(p.block, src, int(size))
	if err == nil {
		p.block = out
	}
	return err
}

// reserve makes sure that a block of n bytes does not take the memory of all
// blocks beyond its bound.
func (p *pager) reserve(n int64) error {
	more := n - p.reserved
	if more <= 0 {
		return nil
	}
	if more > p.memory.left {
		p.next, p.chunks = p.end, 0
		return fmt.Errorf("a block of %d bytes: the blocks of all CPUs take more than %d MiB", n, int64(maxMemory)>>20)
	}
	p.memory.left -= more
	p.reserved = n
	return nil
}

// sized returns b with length n, reusing its memory if it is large enough.
func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}
