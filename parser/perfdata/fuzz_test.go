package perfdata

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

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

// FuzzRecords reads records behind the description of a real file.
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
