package tracedat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	// maxSection bounds what a section may unpack to. The largest one is
	// kallsyms, some 20 MB on a big kernel.
	maxSection = 256 << 20
	// maxChunk bounds one chunk of trace data, chunkPages the pages in it:
	// trace-cmd 3.1 to 3.4 write 10 pages to a chunk.
	maxChunk   = 256 << 20
	chunkPages = 64
	// oneShot is the size up to which a block's memory is taken at once on the
	// file's word. It holds any kallsyms seen and far more than a chunk.
	oneShot = 16 << 20
)

// A decompressor unpacks the blocks of one file. trace.dat files use one
// algorithm throughout, named in the file's header.
type decompressor struct {
	name   string
	zstd   *zstd.Decoder // whole blocks, up to the capacity they are given
	stream *zstd.Decoder // blocks above oneShot, nil before the first
	zlib   io.ReadCloser
	in     bytes.Reader
	extra  [1]byte
}

func newDecompressor(name string) (*decompressor, error) {
	d := &decompressor{name: name}
	switch name {
	case "none", "zlib":
	case "zstd":
		// One block at a time in the caller's goroutine: blocks are small.
		var err error
		if d.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true)); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("compression %q is not known: want none, zlib or zstd", name)
	}
	return d, nil
}

func (d *decompressor) close() {
	if d.zstd != nil {
		d.zstd.Close()
	}
	if d.stream != nil {
		d.stream.Close()
	}
}

// unpack decompresses src, which is said to hold exactly size bytes, into dst's
// memory and returns the result. The size is what the file claims: beyond
// oneShot memory grows with what really comes out, never with the claim.
func (d *decompressor) unpack(dst, src []byte, size int) ([]byte, error) {
	d.in.Reset(src)
	var err error
	switch d.name {
	case "zstd":
		if size <= oneShot {
			// the decoder stops at the capacity
			if dst, err = d.zstd.DecodeAll(src, grow(dst, size)[:0:size]); err == nil {
				err = wantSize(len(dst), size)
			}
		} else if err = d.startStream(); err == nil {
			dst, err = d.readExactly(dst, d.stream, size)
		}
	case "zlib":
		if d.zlib == nil {
			d.zlib, err = zlib.NewReader(&d.in)
		} else {
			err = d.zlib.(zlib.Resetter).Reset(&d.in, nil)
		}
		if err == nil {
			dst, err = d.readExactly(dst, d.zlib, size)
		}
	default:
		return dst, errors.New("compressed data in a file that is not compressed")
	}
	if err != nil {
		return dst, fmt.Errorf("%s: %w", d.name, err)
	}
	return dst, nil
}

func (d *decompressor) startStream() error {
	if d.stream == nil {
		var err error
		d.stream, err = zstd.NewReader(&d.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxSection))
		return err
	}
	return d.stream.Reset(&d.in)
}

// readExactly reads size bytes into dst's memory, which grows as they come.
func (d *decompressor) readExactly(dst []byte, r io.Reader, size int) ([]byte, error) {
	dst = grow(dst, min(size, oneShot))
	for len(dst) < size {
		if len(dst) == cap(dst) {
			dst = slices.Grow(dst, min(len(dst), size-len(dst)))
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), size)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, wantSize(len(dst), size)
		}
		if err != nil {
			return dst, err
		}
	}
	// Reading on shows a block that is too large, and checks the checksum.
	for {
		n, err := r.Read(d.extra[:])
		if n > 0 {
			return dst, fmt.Errorf("unpacks to more than the %d bytes that the file says", size)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}

// grow returns b without content and with room for n bytes.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, 0, n)
	}
	return b[:0]
}

func wantSize(got, want int) error {
	if got != want {
		return fmt.Errorf("unpacks to %d bytes, the file says %d", got, want)
	}
	return nil
}
