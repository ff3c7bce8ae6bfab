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
	open  func(io.Reader) (io.ReadCloser, error)
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
		return d.open(br)
	}
	return io.NopCloser(br), nil
}

func decompressors() []decompressor {
	return []decompressor{
		{"gzip", "\x1f\x8b", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
		{"zstd", "\x28\xb5\x2f\xfd", func(r io.Reader) (io.ReadCloser, error) {
			z, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(128<<20))
			if err != nil {
				return nil, err
			}
			return z.IOReadCloser(), nil
		}},
		{"xz", "\xfd7zXZ\x00", func(r io.Reader) (io.ReadCloser, error) {
			x, err := xz.NewReader(r)
			return io.NopCloser(x), err
		}},
		{"bzip2", "BZh", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(bzip2.NewReader(r)), nil }},
	}
}
