package parser

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// A decompressor unpacks one kind of compressed file.
type decompressor struct {
	name  string
	magic string
	// open starts; window bounds the memory that it takes where the data decides
	// on that, 0 for the usual bound.
	open func(r io.Reader, window uint64) (io.ReadCloser, error)
}

// decompressorOf finds the decompressor for content that begins with prefix,
// nil if it is not compressed.
func decompressorOf(prefix []byte) *decompressor {
	for _, d := range decompressors() {
		if bytes.HasPrefix(prefix, []byte(d.magic)) {
			return &d
		}
	}
	return nil
}

// Decompress returns a reader of what r holds, unpacked if it is compressed.
// Closing it does not close r.
func Decompress(r io.Reader) (io.ReadCloser, error) {
	br := bufio.NewReaderSize(r, sniffSize)
	prefix, err := br.Peek(8)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if d := decompressorOf(prefix); d != nil {
		return d.open(br, 0)
	}
	return io.NopCloser(br), nil
}

// maxWrappers bounds files that are compressed several times: each takes memory
// of its own.
const maxWrappers = 4

// maxWindow is what zstd --long, its largest usual setting, takes.
const maxWindow = 128 << 20

// isUnchecked reports whether data is a zstd frame without a checksum of its
// content.
func isUnchecked(prefix []byte) bool {
	var h zstd.Header
	return h.Decode(prefix) == nil && !h.Skippable && !h.HasCheckSum
}

func decompressors() []decompressor {
	return []decompressor{
		{"gzip", "\x1f\x8b", func(r io.Reader, _ uint64) (io.ReadCloser, error) { return gzip.NewReader(r) }},
		{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader, window uint64) (io.ReadCloser, error) {
			options := []zstd.DOption{zstd.WithDecoderMaxWindow(maxWindow)}
			if window > 0 { // one goroutine, whose buffers are the least
				options = []zstd.DOption{zstd.WithDecoderMaxWindow(min(max(window, zstd.MinWindowSize), maxWindow)), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true)}
			}
			z, err := zstd.NewReader(r, options...)
			if err != nil {
				return nil, err
			}
			return z.IOReadCloser(), nil
		}},
		{"xz", "\xfd7zXZ\x00", func(r io.Reader, _ uint64) (io.ReadCloser, error) {
			x, err := xz.NewReader(r)
			return io.NopCloser(x), err
		}},
		{"bzip2", "BZh", func(r io.Reader, _ uint64) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }},
	}
}
