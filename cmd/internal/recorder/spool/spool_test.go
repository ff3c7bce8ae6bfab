package spool

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// native is the folder with the raw pages of a kernel's buffers that the tests of
// the command read, too.
const native = "../../../ipiscope/testdata/native"

// fill copies the native folder into a spool as a recorder would.
func fill(t *testing.T, file string, compress bool) *Spool {
	t.Helper()
	s, err := Create(file, compress)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, from string) {
		text, err := os.ReadFile(filepath.Join(native, from))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Put(name, text); err != nil {
			t.Fatal(err)
		}
	}
	put("trace_clock", "trace_clock")
	put("saved_cmdlines", "saved_cmdlines")
	put("events/header_page", "formats/header_page")
	formats, err := filepath.Glob(filepath.Join(native, "formats/*/*.format"))
	if err != nil || len(formats) == 0 {
		t.Fatal(formats, err)
	}
	for _, f := range formats {
		rel, _ := filepath.Rel(native, f)
		put("events/"+filepath.Base(filepath.Dir(f))+"/"+strings.TrimSuffix(filepath.Base(f), ".format")+"/format", rel)
	}
	if err := s.PutPacked("kallsyms", []byte("ffffffff81000000 T _text\n")); err != nil {
		t.Fatal(err)
	}
	note, err := datfile.Note(&trace.Recorded{Events: []trace.RecordedEvent{{Name: "ipi:ipi_send_cpu", Filter: "cpu & CPUS{2-3}", Stack: true}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Put("recorded.json", note); err != nil {
		t.Fatal(err)
	}
	if err := s.Open([]int{0, 1, 2, 3}); err != nil {
		t.Fatal(err)
	}
	for cpu, data := range pages(t) {
		for len(data) > 0 {
			if err := s.Page(cpu, data[:4096]); err != nil {
				t.Fatal(err)
			}
			data = data[4096:]
		}
	}
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	return s
}

func pages(t *testing.T) map[int][]byte {
	t.Helper()
	all := map[int][]byte{}
	for cpu := range 4 {
		data, err := os.ReadFile(filepath.Join(native, "raw", "cpu"+string(rune('0'+cpu))+".trace_pipe_raw"))
		if err == nil {
			all[cpu] = data
		}
	}
	if len(all) == 0 {
		t.Fatal("no pages")
	}
	return all
}

// events reads a trace: its events in short, and how reading ended.
func events(t *testing.T, path string) (out []byte, err error) {
	t.Helper()
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	var b bytes.Buffer
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			b.WriteString(e.Schema().Name)
			b.Write(e.Payload())
			b.WriteByte(byte(e.CPU))
		}
	}
	return b.Bytes(), src.Err()
}

// TestPartial: while it is being filled, and after its recorder died, a spool holds
// all events that were written, in every form, and says that it is partial.
func TestPartial(t *testing.T) {
	want, err := events(t, native)
	if err != nil || len(want) < 1000 {
		t.Fatal(len(want), err)
	}
	for _, compress := range []bool{true, false} {
		s := fill(t, filepath.Join(t.TempDir(), "x.dat"), compress)
		got, err := events(t, s.Dir())
		if err == nil || !strings.Contains(err.Error(), "did not come to its end") {
			t.Errorf("compress %v: got %v, want an error that says partial", compress, err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("compress %v: %d bytes of events, want %d", compress, len(got), len(want))
		}
		if err := s.Remove(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(s.Dir()); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the folder is still there: %v", err)
		}
	}
}

// TestCut: a chunk that was not written whole costs itself only.
func TestCut(t *testing.T) {
	s := fill(t, filepath.Join(t.TempDir(), "x.dat"), true)
	whole, _ := events(t, s.Dir())
	name := filepath.Join(s.Dir(), "per_cpu/cpu0", Chunks)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	last := 0
	for n := 0; n <= len(data); n += max(1, len(data)/97) {
		if err := os.WriteFile(name, data[:n], 0o666); err != nil {
			t.Fatal(err)
		}
		got, _ := events(t, s.Dir())
		if len(got) < last || len(got) > len(whole) {
			t.Errorf("cut at %d: %d bytes of events, %d with less, %d in all", n, len(got), last, len(whole))
		}
		last = len(got)
	}
}

// TestTaken: a folder that is there is somebody's.
func TestTaken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.dat")
	s, err := Create(file, true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(file, true); err == nil || !strings.Contains(err.Error(), "another recorder") {
		t.Errorf("a second one: %v", err)
	}
	if err := s.Remove(); err != nil {
		t.Error(err)
	}
}

// TestDat: both versions of a trace.dat made of a spool hold what the folder held.
func TestDat(t *testing.T) {
	want, err := events(t, native)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		version  int
		compress bool
	}{{7, true}, {7, false}, {6, false}} {
		file := filepath.Join(t.TempDir(), "x.dat")
		s := fill(t, file, c.compress)
		read := func(name string) []byte {
			text, err := os.ReadFile(filepath.Join(s.Dir(), name))
			if err != nil {
				t.Fatal(err)
			}
			return text
		}
		h := datfile.Header{Version: c.version, Long: 8, PageSize: 4096}
		if c.compress {
			h.Compression = "zstd"
		}
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		d := &datfile.Description{HeaderPage: read("events/header_page"), CPUs: 4, Options: []datfile.Option{datfile.Text(datfile.OptRecorded, string(read("recorded.json")))}}
		formats, _ := filepath.Glob(filepath.Join(s.Dir(), "events/*/*/format"))
		for _, f := range formats {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if system := filepath.Base(filepath.Dir(filepath.Dir(f))); system == "ftrace" {
				d.Ftrace = append(d.Ftrace, text)
			} else {
				d.Systems = append(d.Systems, datfile.System{Name: system, Formats: [][]byte{text}})
			}
		}
		w := datfile.New(out, h)
		w.Describe(d)
		w.BeginBuffer(datfile.Buffer{Clock: "[mono]", PageSize: 4096, Packed: c.compress})
		if err := s.Each(func(cpu int, data io.Reader) error {
			w.BeginCPU(cpu)
			_, err := w.ReadFrom(data)
			w.EndCPU()
			return err
		}); err != nil {
			t.Fatal(err)
		}
		w.EndBuffer()
		if err := errors.Join(w.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
		got, err := events(t, file)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%+v: %d bytes of events, %v, want %d", c, len(got), err, len(want))
		}
		src, err := parser.Open(file, parser.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r := src.Table().Meta.Recorded; r == nil || len(r.Events) != 1 || r.Events[0].Filter != "cpu & CPUS{2-3}" || !r.Events[0].Stack {
			t.Errorf("%+v: recorded %+v", c, r)
		}
		if err := errors.Join(src.Close(), s.Remove()); err != nil {
			t.Error(err)
		}
	}
}
