package parser

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// zstdFrame packs a text into one frame without a checksum, with the size of its
// content if sized.
func zstdFrame(t *testing.T, text []byte, sized bool) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1), zstd.WithSingleSegment(sized))
	if err != nil {
		t.Fatal(err)
	}
	if sized {
		return z.EncodeAll(text, nil)
	}
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpackAll(packed []byte) ([]byte, error) {
	r, err := Decompress(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// TestZstdWithoutChecksum: a frame whose data is cut, followed by something else,
// or of another size than it says is an error, as far as the frame tells: the last
// block is marked and the content's size may be given (RFC 8878, 3.1.1).
func TestZstdWithoutChecksum(t *testing.T) {
	text := []byte(strings.Repeat("some-12 [001] 1.000001: ipi_send_cpu: cpu=1\nother line of 400000 bytes\n", 6000))
	for _, sized := range []bool{false, true} {
		whole := zstdFrame(t, text, sized)
		if got, err := unpackAll(whole); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("sized %t: the whole frame: %d bytes, %v", sized, len(got), err)
		}
		for n := 5; n < len(whole); n++ {
			if _, err := unpackAll(whole[:n]); err == nil {
				t.Errorf("sized %t: no error when %d of %d bytes are left", sized, n, len(whole))
			}
		}
		for n := 1; n < 12; n++ {
			for _, tail := range []string{"\x00", "x", "\x28\xb5\x2f\xfd", "\x28\xb5\x2f\xfd\x00\x00", "\x50\x2a\x4d\x18"} {
				if _, err := unpackAll(append(bytes.Clone(whole), strings.Repeat(tail, n)[:n]...)); err == nil {
					t.Errorf("sized %t: no error with %d bytes %q behind the frame", sized, n, tail)
				}
			}
		}
		if other := bytes.Clone(whole); sized {
			for _, d := range []byte{1, 2, 255} {
				other[5] = whole[5] + d // of Frame_Content_Size, after magic and descriptor
				if _, err := unpackAll(other); err == nil {
					t.Errorf("no error when the content's size is %d off", d)
				}
			}
		}
	}
}

// TestWrappers: a file that is compressed four times is read, one of five times or
// 600 is an error before any of the inner ones is unpacked.
func TestWrappers(t *testing.T) {
	data := []byte("# tracer: nop\n#\n            bash-12    [001] d..1.     1.000001: ipi_send_cpu: cpu=1 callsite=a+0x0/0x1 callback=b+0x0/0x1\n")
	path := filepath.Join(t.TempDir(), "x")
	z, _ := gzip.NewWriterLevel(io.Discard, gzip.NoCompression)
	for n := 1; n <= 600; n++ {
		var b bytes.Buffer
		z.Reset(&b)
		z.Write(data)
		z.Close()
		data = b.Bytes()
		if n > 5 && n < 600 {
			continue
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path, Options{})
		if err == nil {
			src.Close()
		}
		if (err == nil) != (n <= maxWrappers) {
			t.Errorf("compressed %d times: %v", n, err)
		}
	}
}

// TestSpool: of a packed trace.dat as much is spooled as there may be, which is
// said, and nothing at all after a head that shows that it cannot be read.
func TestSpool(t *testing.T) {
	dat, err := os.ReadFile("../fixtures/k612s4-02-zlib-mono/trace.dat")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "x.zst")
	open := func(data []byte, limit int) error {
		if err := os.WriteFile(path, zstdFrame(t, data, false), 0o600); err != nil {
			t.Fatal(err)
		}
		src, err := Open(path, Options{MaxSpool: func(string) int64 { return int64(limit) }})
		if err != nil {
			return err
		}
		defer src.Close()
		if notes := strings.Join(src.Table().Meta.Notes, "\n"); !strings.Contains(notes, "no checksum") {
			t.Errorf("notes %q: want that there is no checksum", notes)
		}
		for src.Scan() {
		}
		return src.Err()
	}
	if err := open(dat, len(dat)); err != nil {
		t.Errorf("as large as the bound: %v", err)
	}
	if err := open(dat, len(dat)-1); err == nil || !strings.Contains(err.Error(), "the rest was not read") {
		t.Errorf("larger than the bound: %v", err)
	}
	for at, want := range map[int]string{10: "version", 12: "byte order", 17: "page size", 18: "compression"} {
		bad := bytes.Clone(dat)
		bad[at] = 0x7e
		if err := open(bad, -1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("byte %d is wrong: %v, want %s", at, err, want)
		}
	}
}
