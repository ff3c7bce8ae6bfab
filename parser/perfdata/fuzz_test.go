package perfdata

import (
	"bytes"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// ipiFormats are those of the kernel of the killed recorder.
func ipiFormats(t testing.TB) []*trace.Schema {
	var all []*trace.Schema
	err := filepath.WalkDir(filepath.Join("..", "..", "fixtures", "k618-perf", "formats"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s, err := tracefmt.ParseFormat(text, 8)
		if err == nil {
			s.System = "ipi"
			all = append(all, s)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// consume reads all of a recording, fields and stacks too.
func consume(t *testing.T, s *Source) {
	defer s.Close()
	for s.Scan() {
		e, ok := s.Record().(*trace.Event)
		if !ok {
			continue
		}
		e.Stack()
		for i := range e.Schema().Fields {
			f := trace.FieldRef(i)
			e.Uint(f)
			e.Bytes(f)
			e.Symbol(f)
		}
	}
}

// FuzzRecords reads records after the description of a real file.
func FuzzRecords(f *testing.F) {
	b := fixture(f, "k618-perf/task.data")
	h, err := readHead(bytes.NewReader(b), int64(len(b)), "")
	if err != nil {
		f.Fatal(err)
	}
	records := b[h.data.off:][:h.data.size]
	f.Add(records)
	for _, name := range []string{"k618-perf/threads-z/data.0", "k618-perf/threads-z/data.1"} {
		f.Add(fixture(f, name)) // compressed
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, h, err := openFile(bytes.NewReader(b), int64(len(b)), "", Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.addStream(bytes.NewReader(data), int64(h.data.off), int64(len(data)))
		if s, err = s.opened(); err == nil {
			consume(t, s)
		}
	})
}

// FuzzInflate compresses records as perf record -z does, in pieces that do not end
// where records do: what comes out is what comes of the same records as they are.
func FuzzInflate(f *testing.F) {
	b := fixture(f, "k618-perf/task.data")
	h, err := readHead(bytes.NewReader(b), int64(len(b)), "")
	if err != nil {
		f.Fatal(err)
	}
	records := withoutSpecial(b[h.data.off:][:h.data.size])
	f.Add(records, uint16(700), uint8(0), false)
	f.Add(records, uint16(8), uint8(7), true)
	f.Add(records[:len(records)-5], uint16(1000), uint8(3), true)
	var z bytes.Buffer
	enc, err := zstd.NewWriter(&z, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<16))
	if err != nil {
		f.Fatal(err)
	}
	read := func(t *testing.T, data []byte) seen {
		s, _, err := openFile(bytes.NewReader(b), int64(len(b)), "", Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		s.addStream(bytes.NewReader(data), int64(h.data.off), int64(len(data)))
		if s, err = s.opened(); err != nil {
			return seen{Err: true}
		}
		defer s.Close()
		return look(s)
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint16, filler uint8, second bool) {
		if step == 0 || len(data)/int(step) > 1000 || len(withoutSpecial(data)) < len(data) {
			return
		}
		var packed []byte
		enc.Reset(&z)
		for piece := range slices.Chunk(data, int(step)) {
			z.Reset()
			if _, err := enc.Write(piece); err != nil {
				t.Fatal(err)
			}
			if err := enc.Flush(); err != nil {
				t.Fatal(err)
			}
			packed = append(packed, compressedRecord(z.Bytes(), int(filler%8), second)...)
		}
		want, got := read(t, data), read(t, packed)
		if !want.Err && len(data) > 0 && !cmp.Equal(want, got) {
			t.Errorf("compressed: %s", cmp.Diff(want, got))
		}
	})
}

// withoutSpecial leaves out what describes a recording, which perf does not compress.
func withoutSpecial(b []byte) []byte {
	var out []byte
	for len(b) >= headerSize {
		size := min(len(b), max(headerSize, int(binary.LittleEndian.Uint16(b[6:]))))
		if !isSpecial(binary.LittleEndian.Uint32(b)) {
			out = append(out, b[:size]...)
		}
		b = b[size:]
	}
	return append(out, b...)
}

// compressedRecord is a record with compressed data, of the kind that says its size
// if it has filler.
func compressedRecord(payload []byte, filler int, second bool) []byte {
	var b []byte
	if !second {
		b = binary.LittleEndian.AppendUint32(b, recCOMPRESSED)
		b = binary.LittleEndian.AppendUint32(b, uint32(headerSize+len(payload))<<16)
		return append(b, payload...)
	}
	b = binary.LittleEndian.AppendUint32(b, recCOMPRESSED2)
	b = binary.LittleEndian.AppendUint32(b, uint32(16+len(payload)+filler)<<16)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(payload)))
	return append(append(b, payload...), make([]byte, filler)...)
}

// FuzzFile reads whole files: header, attributes, features.
func FuzzFile(f *testing.F) {
	f.Add(fixture(f, "k618-perf/task.data"))
	b := fixture(f, "ks390x72s4-40-perf/perf.data.zst")
	f.Add(b[:min(len(b), 4096)])
	f.Add(fixture(f, "k618-perf/killed.data.zst"))
	f.Add(fixture(f, "k612s4-40-perf/perf-filter-z.data"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := Open(bytes.NewReader(data), int64(len(data)), "", Options{Threads: 1}); err == nil {
			consume(t, s)
		}
	})
}

// FuzzPipe reads what came through a pipe.
func FuzzPipe(f *testing.F) {
	f.Add(fixture(f, "k618-perf/pipez.data.zst"))
	b := fixture(f, "k72s4-41d-perf-pipe-g/pipe.data.zst")
	f.Add(b[:60000])
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := OpenPipe(bytes.NewReader(data), "", Options{Threads: 1, Live: true}); err == nil {
			consume(t, s)
		}
	})
}

// FuzzBlob reads the formats of events.
func FuzzBlob(f *testing.F) {
	b := fixture(f, "k618-perf/task.data")
	at := bytes.Index(b, []byte(tracedat.Magic))
	f.Add(b[at:])
	b = fixture(f, "ks390x72s4-40-perf/perf.data.zst")
	f.Add(b[bytes.Index(b, []byte(tracedat.Magic)):])
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := tracedat.ReadHead(data); err == nil && h.Page.CommitSize == 0 {
			t.Error("a description without a page header, and no error")
		}
	})
}
