package tracedat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/internal/datwriter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// readAll opens and scans a file and returns its records and the first error,
// that of Open or that of Err.
func readAll(b []byte) ([]string, error) {
	s, err := openBytes(b)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return scanAll(s), s.Err()
}

// A damage changes a file that was written with marks.
type damage struct {
	name string
	v    variant
	do   func(b []byte, marks map[string]int) []byte
	// want is the error, %x in it the offset of the mark at.
	at   string
	want string
	// events is how many events must still be delivered, of 96.
	events int
}

var (
	plain6    = variant{6, "none", false, 8}
	plain7    = variant{7, "none", false, 8}
	zstd7     = variant{7, "zstd", false, 8}
	zlib7     = variant{7, "zlib", false, 8}
	plain7big = variant{7, "none", true, 4}
)

// set returns a change of the bytes at a mark plus off.
func set(mark string, off int, val ...byte) func([]byte, map[string]int) []byte {
	return func(b []byte, marks map[string]int) []byte {
		at, ok := marks[mark]
		if !ok {
			panic("no mark " + mark)
		}
		copy(b[at+off:], val)
		return b
	}
}

// shorten gives the first record of a page four bytes, with a discarded event after
// it that has the rest of it.
func shorten(mark string) func([]byte, map[string]int) []byte {
	return func(b []byte, marks map[string]int) []byte {
		page := b[marks[mark]:]
		size := 4 * (binary.LittleEndian.Uint32(page[16:]) & 31)
		if size == 0 {
			size = (binary.LittleEndian.Uint32(page[20:]) + 3) &^ 3
		}
		binary.LittleEndian.PutUint32(page[16:], 1)
		binary.LittleEndian.PutUint32(page[24:], 29|1<<5)
		binary.LittleEndian.PutUint32(page[28:], size-8)
		return b
	}
}

func set64(mark string, off int, v uint64) func([]byte, map[string]int) []byte {
	return set(mark, off, binary.LittleEndian.AppendUint64(nil, v)...)
}

func set32(mark string, off int, v uint32) func([]byte, map[string]int) []byte {
	return set(mark, off, binary.LittleEndian.AppendUint32(nil, v)...)
}

func cut(mark string, off int) func([]byte, map[string]int) []byte {
	return func(b []byte, marks map[string]int) []byte { return b[:marks[mark]+off] }
}

// to sets a 64-bit offset at one mark to the place of another one.
func to(mark string, off int, target string) func([]byte, map[string]int) []byte {
	return func(b []byte, marks map[string]int) []byte { return set64(mark, off, uint64(marks[target]))(b, marks) }
}

// In the BUFFER option of the top buffer: offset, "", "mono", page size, number
// of CPUs, then 20 bytes for each CPU; the option's header has 6.
const (
	bufferCount = 6 + 8 + 1 + 5 + 4
	bufferCPU   = bufferCount + 4
)

// topBuffer marks the option of the top buffer: the last option with that
// id is marked, that of the instance, which comes right after.
func topBuffer(change func(mark string, off int) func([]byte, map[string]int) []byte) func([]byte, map[string]int) []byte {
	return func(b []byte, marks map[string]int) []byte {
		m := map[string]int{"top": marks["option 3"] - (bufferCPU + 2*20)}
		for k, v := range marks {
			m[k] = v
		}
		return change("top", 0)(b, m)
	}
}

func damages() []damage {
	return []damage{
		{name: "wrong magic", v: plain7, do: func(b []byte, _ map[string]int) []byte { b[0] = 0x18; return b }, want: `t.dat: not a trace.dat: it does not begin with 17 08 44 "tracing"`},
		{name: "empty", v: plain7, do: func([]byte, map[string]int) []byte { return nil }, want: `t.dat: not a trace.dat: it does not begin with 17 08 44 "tracing" (the file has 0 bytes)`},
		{name: "version 5", v: plain7, do: set("version", 0, '5'), at: "version", want: `t.dat: offset %#x: trace.dat version "5": want 6 or 7`},
		{name: "version 8", v: plain6, do: set("version", 0, '8'), at: "version", want: `t.dat: offset %#x: trace.dat version "8": want 6 or 7`},
		{name: "cut behind the magic", v: plain7, do: cut("version", 0), at: "version", want: "t.dat: offset %#x: file header: version has no end (cut off?)"},
		{name: "cut in the header", v: plain7, do: cut("page size", 2), at: "page size", want: "t.dat: offset %#x: file header: want 4 bytes of page size, there are 2 (cut off?)"},
		{name: "cut in the compression", v: zstd7, do: cut("compression", 3), want: "t.dat: offset 0x15: file header: compression algorithm has no end (cut off?)"},
		{name: "byte order", v: plain7, do: set("byte order", 0, 7), at: "byte order", want: "t.dat: offset %#x: file header: byte order is 7, want 0 (little) or 1 (big)"},
		{name: "page size 0", v: plain7, do: set32("page size", 0, 0), at: "page size", want: "t.dat: offset %#x: file header: page size is 0, want 1024 to 33554432"},
		{name: "page size huge", v: plain6, do: set32("page size", 0, 1<<31), at: "page size", want: "t.dat: offset %#x: file header: page size is 2147483648, want 1024 to 33554432"},
		{name: "unknown compression", v: zstd7, do: set("compression", 0, 'l', 'z', 'm', 'a'), want: `t.dat: offset 0x12: compression "lzma" is not known: want none, zlib or zstd`},

		{name: "options outside the file", v: plain7, do: set64("options offset", 0, 1<<40), want: "t.dat: offset 0x10000000000: want the options section, the file ends at"},
		{name: "options offset impossible", v: plain7, do: set64("options offset", 0, 1<<63), at: "options offset", want: "t.dat: offset %#x: file header: offset of the options is 0x8000000000000000, which is no position in a file"},
		{name: "options offset at another section", v: plain7, do: to("options offset", 0, "section 19"), at: "section 19", want: "t.dat: offset %#x: section 19 (KALLSYMS), want the options section 0"},
		{name: "section longer than the file", v: plain7, do: set64("size of section 18", 0, 1<<30), at: "section 18", want: "t.dat: offset %#x: the event formats section is said to have 1073741824 bytes, there are", events: 24},
		{name: "section of impossible length", v: plain7, do: set64("size of section 21", 0, 1<<63), at: "size of section 21", want: "t.dat: offset %#x: command lines section: size is 0x8000000000000000, which is no position", events: 96},
		{name: "loop in the option chain", v: plain7, do: func(b []byte, m map[string]int) []byte { return to("next options", 0, "section 0")(b, m) }, at: "section 0", want: "t.dat: offset %#x: the chain of options sections comes back here", events: 96},
		{name: "option longer than its section", v: plain7, do: set32("option 3", 2, 1<<32-1), want: "options: option BUFFER is said to have 4294967295 bytes, there are", events: 48},
		{name: "duplicate CPU", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return set32(m, bufferCPU+20, 0) }), want: "BUFFER option: CPU 0 is listed twice", events: 72},
		{name: "CPU number", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return set32(m, bufferCPU+20, 1<<20) }), want: "BUFFER option: CPU 1048576, want less than 65536", events: 72},
		{name: "number of CPUs", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return set32(m, bufferCount, 1<<31) }), want: "BUFFER option: number of CPUs is 2147483648, want at most 65536", events: 48},
		{name: "more CPUs than listed", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return set32(m, bufferCount, 3) }), want: "BUFFER option: want 4 bytes of CPU, there are 0", events: 96},
		{name: "data outside the file", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return set64(m, bufferCPU+4, 1<<50) }), want: "t.dat: offset 0x4000000000000: the data of CPU 0 should have 2048 bytes, the file ends after", events: 72},
		{name: "data beyond the end", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return set64(m, bufferCPU+20+12, 1<<62) }), at: "data  1", want: "t.dat: offset %#x: the data of CPU 1 should have 4611686018427387904 bytes, the file ends after", events: -1},
		{name: "overlapping data", v: plain7, do: topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte { return to(m, bufferCPU+20+4, "data  0") }), at: "data  0", want: "t.dat: offset %#x: the data of CPU 1 lies within that of another CPU", events: 72},

		{name: "header_page without its tag", v: plain7, do: set("header info", 0, 'H'), want: `header info: tag is "Header_page", want header_page`},
		{name: "header_page damaged", v: plain6, do: set("header_page", 1, 'F'), want: "header info: header_page: want the fields timestamp, commit and data"},
		{name: "header_page size", v: plain6, do: set64("header_page size", 0, 1<<62), want: "header info: header_page is said to have 4611686018427387904 bytes, there are"},
		{name: "number of systems", v: plain7, do: set32("number of systems", 0, 1<<32-1), at: "number of systems", want: "t.dat: offset %#x: event formats: number of systems is 4294967295, want at most 65535", events: -1},
		{name: "number of events", v: plain6, do: set32("number of events of test", 0, 1<<32-1), at: "number of events of test", want: "t.dat: offset %#x: event formats: number of events is 4294967295, want at most 65535"},
		{name: "format size", v: plain7, do: set64("format test 0", 0, 1<<62), want: "event formats: format is said to have 4611686018427387904 bytes", events: -1},
		{name: "kallsyms size in v6", v: plain6, do: set32("kallsyms", 0, 1<<32-1), want: "kallsyms: kallsyms is said to have 4294967295 bytes, there are"},
		{name: "command lines size", v: plain6, do: set64("command lines", 0, 1<<62), want: "command lines: command lines is said to have 4611686018427387904 bytes, there are"},
		{name: "number of CPUs in v6", v: plain6, do: set32("number of CPUs", 0, 1<<32-1), at: "number of CPUs", want: "t.dat: offset %#x: CPU data: number of CPUs is 4294967295, want at most 65536"},
		{name: "unknown tag in v6", v: plain6, do: set("options tag", 0, 'O'), at: "options tag", want: `t.dat: offset %#x: CPU data: tag is "Options  ", want "options  ", "latency  " or "flyrecord"`},
		{name: "data size in v6", v: plain6, do: set64("directory ", 8, 1<<62), at: "data  0", want: "t.dat: offset %#x: the data of CPU 0 should have 4611686018427387904 bytes, the file ends after", events: -1},
		{name: "instance outside a v6 file", v: plain6, do: set64("option 3", 6, 1<<40), want: `t.dat: offset 0x10000000000: instance "inst": want 10 bytes of tag, there are 0`, events: 48},

		{name: "broken zstd frame", v: zstd7, do: set("chunk  0 0", 8, 0, 0, 0, 0), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zstd: ", events: 72},
		{name: "broken zlib stream", v: zlib7, do: set("chunk  0 0", 8, 0, 0, 0, 0), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zlib: ", events: 72},
		{name: "zlib checksum", v: zlib7, do: func(b []byte, m map[string]int) []byte { b[m["data  1"]-1] ^= 1; return b }, at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zlib: zlib: invalid checksum", events: 72},
		{name: "zstd chunk smaller than it says", v: zstd7, do: set32("chunk  0 0", 4, 4096), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zstd: unpacks to 2048 bytes, the file says 4096", events: 72},
		{name: "zstd chunk larger than it says", v: zstd7, do: set32("chunk  0 0", 4, 1024), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zstd: ", events: 72},
		{name: "zlib chunk smaller than it says", v: zlib7, do: set32("chunk  0 0", 4, 4096), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zlib: unpacks to 2048 bytes, the file says 4096", events: 72},
		{name: "zlib chunk larger than it says", v: zlib7, do: set32("chunk  0 0", 4, 1024), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: zlib: unpacks to more than the 1024 bytes that the file says", events: 72},
		{name: "chunk outside its CPU's data", v: zstd7, do: set32("chunk  0 0", 0, 1<<20), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: a chunk of 1048576 bytes that unpacks to 2048, want at most", events: 72},
		{name: "chunk of impossible size", v: zstd7, do: set32("chunk  0 0", 4, 1<<32-1), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: a chunk of", events: 72},
		{name: "too many chunks", v: zstd7, do: set32("data  0", 0, 1<<32-1), at: "data  1", want: "t.dat: offset %#x: CPU 0: want 4294967294 more chunks of compressed trace data, 0 bytes are left", events: 96},
		{name: "too few chunks", v: zstd7, do: set32("data  0", 0, 0), at: "chunk  0 0", want: "t.dat: offset %#x: CPU 0: ", events: 72},

		{name: "event without format", v: plain7, do: set("data  0", 16+4, 99), want: "CPU 0: event id 355 has no format in this file", events: 95},
		{name: "record too short", v: plain7, do: shorten("data  0"), want: "CPU 0: record of 4 bytes, the common header needs 8", events: 95},
		{name: "record's length wrong", v: plain7, do: set("data  0", 16, 1), want: "CPU 0: the page begins at 1000 on the recording's clock, a time stamp within it goes back from ", events: -1},
		{name: "commit larger than the page", v: plain7, do: set("data  0", 8, 0xff, 0xff), at: "data  0", want: "t.dat: offset %#x: CPU 0: ring buffer page, byte 8: commit says 65535 bytes of data, the page has room for 1008", events: -1},
		{name: "big endian", v: plain7big, do: set("data  0", 8, 0, 0, 0xff, 0xff), at: "data  0", want: "t.dat: offset %#x: CPU 0: ring buffer page, byte 8: commit says 65535 bytes of data, the page has room for 1012", events: -1},
	}
}

// TestBadInput: each damage gives an error that names the file, where and what
// was expected, and what can be read is delivered.
func TestBadInput(t *testing.T) {
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			b, marks := small(d.v).Bytes()
			lines, err := readAll(d.do(b, marks))
			want := d.want
			if strings.Contains(want, "%#x") {
				at, ok := marks[d.at]
				if !ok {
					t.Fatalf("no mark %q", d.at)
				}
				want = fmt.Sprintf(want, at)
			}
			if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "t.dat: ") {
				t.Errorf("error %v\nwant  %s", err, want)
			}
			events := 0
			for _, l := range lines {
				if !strings.HasPrefix(l, "BAD ") && !strings.Contains(l, " LOST ") {
					events++
				}
			}
			if d.events >= 0 && events != d.events {
				t.Errorf("%d events, want %d\n%s", events, d.events, strings.Join(lines[:min(len(lines), 5)], "\n"))
			}
		})
	}
}

// TestSizeWithoutCount: trace-cmd 3.1.6 convert --compression leaves the number of
// chunks out of the size of a CPU's data, and its own report reads all of it.
func TestSizeWithoutCount(t *testing.T) {
	b, marks := small(zstd7).Bytes()
	want, err := readAll(slices.Clone(b))
	if err != nil {
		t.Fatal(err)
	}
	short := topBuffer(func(m string, _ int) func([]byte, map[string]int) []byte {
		return func(b []byte, marks map[string]int) []byte {
			at := marks[m] + bufferCPU + 20 + 12
			return set64(m, bufferCPU+20+12, binary.LittleEndian.Uint64(b[at:])-4)(b, marks)
		}
	})
	got, err := readAll(short(b, marks))
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d records, want %d; error %v", len(got), len(want), err)
	}
}

// TestUnnamed: what the container holds and does not name is said.
func TestUnnamed(t *testing.T) {
	id := func(mark string) func([]byte, map[string]int) []byte { return set(mark, 0, 99) }
	trailing := func(b []byte, _ map[string]int) []byte { return append(b, "more than a section's header"...) }
	for _, c := range []struct {
		name   string
		v      variant
		do     func([]byte, map[string]int) []byte
		want   string
		events int
	}{
		{"an instance's option", plain7, id("option 3"), "no option describes this trace data", 96},
		{"an instance's option, compressed", zstd7, id("option 3"), "no option describes this trace data", 96},
		{"bytes behind the sections", plain7, trailing, "no section begins here", 96},
		{"a CPU in v6", plain6, set64("directory ", 8, 0), "no entry names these", 72},
		{"an instance in v6", plain6, id("option 3"), "no entry names these", 48},
		{"bytes behind the data in v6", plain6, trailing, "no entry names these 28 bytes", 96},
		{"symbols", plain7, set32("section 19", 16, 1<<30), "kallsyms is not readable", 96},
		{"symbols, compressed", zstd7, func(b []byte, m map[string]int) []byte { return set("compressed section 19", 8, 0, 0, 0, 0)(b, m) }, "kallsyms is not readable", 96},
		{"a symbol", plain6, set("kallsyms", 4, 'x'), "kallsyms is not readable", 96},
	} {
		f := small(c.v)
		f.PlainSections = !strings.HasSuffix(c.name, "symbols, compressed")
		f.Align = true // salvaged data is looked for at page borders
		b, marks := f.Bytes()
		if _, err := readAll(slices.Clone(b)); err != nil {
			t.Fatalf("%s: undamaged: %v", c.name, err)
		}
		lines, err := readAll(c.do(b, marks))
		if err == nil || !strings.Contains(err.Error(), c.want) || c.events >= 0 && len(lines) != c.events {
			t.Errorf("%s: %d events, want %d; %v, want %s", c.name, len(lines), c.events, err, c.want)
		}
		found := strings.HasPrefix(c.want, "no option describes this trace data")
		if said := strings.Contains(strings.Join(mustOpen(t, b).Table().Meta.Notes, "\n"), "its CPUs are numbered in their order"); said != found {
			t.Errorf("%s: it is said that CPUs are numbered in their order: %t, want %t", c.name, said, found)
		}
	}
}

// TestUnnamedBeyond: a section that no option names and that is longer than the file
// is not taken for one.
func TestUnnamedBeyond(t *testing.T) {
	for size, want := range map[int]string{0: "no option names the KALLSYMS section", 1: "no section begins here"} {
		f := small(plain7)
		f.PlainSections = true
		b, marks := f.Bytes()
		b = set("option 19", 0, 99)(b, marks)
		if size > 0 {
			b = set64("section 19", 8, uint64(len(b)))(b, marks)
		}
		if _, err := readAll(b); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("size changed: %d: %v, want %s", size, err, want)
		}
	}
}

// TestChainCut: options that the chain does not reach are said, and what they name
// is read. trace-cmd writes three lists of options.
func TestChainCut(t *testing.T) {
	b := fixture(t, "k612s4-06-multi")
	whole, err := perCPU(b)
	if err != nil {
		t.Fatal(err)
	}
	order := binary.LittleEndian
	header := len(Magic) + len("7\x00") + 2 + 4
	header += len("zstd\x00") + bytes.IndexByte(b[header+len("zstd\x00"):], 0) + 1
	list := int(order.Uint64(b[header:]))
	at := list + sectionHeaderSize
	for order.Uint16(b[at:]) != optDone {
		at += 6 + int(order.Uint32(b[at+2:]))
	}
	next := order.Uint64(b[at+6:])
	if next == 0 {
		t.Fatal("there is one list only")
	}
	order.PutUint64(b[at+6:], 0)
	got, err := perCPU(b)
	if want := fmt.Sprintf("offset %#x: the options here are not part of the chain", next); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	for cpu, events := range whole {
		if strings.HasPrefix(cpu, "/") && len(got[cpu]) != len(events) {
			t.Errorf("CPU %s: %d events, want %d", cpu, len(got[cpu]), len(events))
		}
	}
}

// TestDamageCount: Err gives the first damage and how many there are.
func TestDamageCount(t *testing.T) {
	b, marks := small(zstd7).Bytes()
	for _, m := range []string{"chunk  0 0", "chunk  1 0", "chunk inst 0 0"} {
		b = set(m, 8, 0, 0, 0, 0)(b, marks)
	}
	lines, err := readAll(b)
	if err == nil || !strings.HasSuffix(err.Error(), "(and 2 more)") {
		t.Errorf("error %v, want 3 damages", err)
	}
	bad := 0
	for _, l := range lines {
		if strings.HasPrefix(l, "BAD ") {
			bad++
		}
	}
	if bad != 3 {
		t.Errorf("%d damages in the stream, want 3:\n%s", bad, strings.Join(lines, "\n"))
	}
}

// TestDamageIsALoss: a chunk that cannot be read is followed by a loss of
// unknown size, so that nothing is paired across it.
func TestDamageIsALoss(t *testing.T) {
	f := zstd7.file()
	f.ChunkPages = 1
	pages := f.Pages(samples(f, 0, 40))
	f.Buffers = []datwriter.Buffer{{CPUs: []datwriter.CPU{{ID: 0, Pages: pages}}}}
	b, marks := f.Bytes()
	s := mustOpen(t, set("chunk  0 1", 8, 0, 0, 0, 0)(b, marks))
	var order []string
	for s.Scan() {
		switch r := s.Record().(type) {
		case *trace.Event:
			if len(order) == 0 || order[len(order)-1] != "event" {
				order = append(order, "event")
			}
		case *trace.Lost:
			order = append(order, fmt.Sprint("lost ", r.N))
		case *trace.SyntaxError:
			order = append(order, "bad")
		}
	}
	if want := []string{"event", "bad", "lost 0", "event"}; !slices.Equal(order, want) {
		t.Errorf("%q, want %q", order, want)
	}
}

// TestBadFormatCostsOneEvent: a format that does not parse leaves the other
// events readable and is noted.
func TestBadFormatCostsOneEvent(t *testing.T) {
	f := small(plain7)
	f.Systems = append(f.Systems, datwriter.System{Name: "odd", Formats: []string{"name: x\nID: 70000\nformat:\n", "name: x\nID: 7\nformat:\n\tfield:int a;\n", ""}})
	b, _ := f.Bytes()
	s := mustOpen(t, b)
	lines := scanAll(s)
	notes := strings.Join(s.Table().Meta.Notes, "\n")
	if len(lines) != 96 || s.Err() == nil || !strings.Contains(s.Err().Error(), "3 formats of events cannot be read") || strings.Count(notes, `event of system "odd" was skipped`) != 3 {
		t.Errorf("%d events, error %v, notes:\n%s", len(lines), s.Err(), notes)
	}
}

func TestNotesAreBounded(t *testing.T) {
	f := small(plain7)
	f.Systems = append(f.Systems, datwriter.System{Name: "odd", Formats: make([]string, 5000)})
	b, _ := f.Bytes()
	if notes := mustOpen(t, b).Table().Meta.Notes; len(notes) != maxNotes+1 {
		t.Errorf("%d notes", len(notes))
	}
}

// TestTruncated: a file cut at any byte never panics, is never taken for
// whole, and yields of each CPU the first events it has.
func TestTruncated(t *testing.T) {
	for _, v := range []variant{plain6, plain7, zlib7, zstd7, {6, "none", true, 4}} {
		t.Run(v.String(), func(t *testing.T) {
			f := small(v)
			f.PlainSections = false
			f.ChunkPages = 1
			b, _ := f.Bytes()
			whole, err := perCPU(b)
			if err != nil {
				t.Fatal(err)
			}
			delivered := 0
			for n := range b {
				part, err := perCPU(b[:n])
				if err == nil {
					t.Fatalf("cut at %d of %d: no error", n, len(b))
				}
				for cpu, events := range part {
					if len(events) > len(whole[cpu]) || !slices.Equal(events, whole[cpu][:len(events)]) {
						t.Fatalf("cut at %d: CPU %s: %q is no prefix of %q", n, cpu, events, whole[cpu])
					}
					delivered += len(events)
				}
			}
			// In version 6 the directory comes before the data, so that cuts in
			// the data leave something; in version 7 the list of buffers is last.
			if v.version == 6 && delivered == 0 {
				t.Error("no cut left an event")
			}
		})
	}
}

// perCPU returns the events of each CPU of each buffer. A damaged command lines
// or symbol section must not change events, so only what the record holds counts.
func perCPU(b []byte) (map[string][]string, error) {
	s, err := openBytes(b)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	out := map[string][]string{}
	for s.Scan() {
		if e, ok := s.Record().(*trace.Event); ok {
			cpu := fmt.Sprint(s.Table().NameOf(e.Instance), "/", e.CPU)
			out[cpu] = append(out[cpu], fmt.Sprintf("%d %d %x", e.Time, e.Seq, e.Payload()))
		}
	}
	return out, s.Err()
}

// TestEveryByte: no single wrong byte makes the reader panic or take more than
// little memory.
func TestEveryByte(t *testing.T) {
	for _, v := range []variant{plain6, zstd7} {
		b, _ := small(v).Bytes()
		for i := range b {
			old := b[i]
			b[i] = []byte{0x00, 0xff, old ^ 0x80}[i%3]
			if s, err := openBytes(b); err == nil {
				touchAll(s)
				s.Close()
			}
			b[i] = old
		}
	}
}

// TestClaimsTakeNoMemory: a length that the file does not hold takes no memory.
// The bound is what decompressors take, and one block of the largest size that
// is taken on the file's word.
func TestClaimsTakeNoMemory(t *testing.T) {
	const bound = 64 << 20
	type claim struct {
		v    variant
		mark string
		off  int
		wide bool
	}
	claims := []claim{
		{plain6, "header_page size", 0, true}, {plain6, "number of ftrace formats", 0, false}, {plain6, "ftrace format 0", 0, true},
		{plain6, "number of systems", 0, false}, {plain6, "number of events of test", 0, false}, {plain6, "format test 0", 0, true},
		{plain6, "kallsyms", 0, false}, {plain6, "printk", 0, false}, {plain6, "command lines", 0, true}, {plain6, "number of CPUs", 0, false},
		{plain6, "option 12", 6 + 12, false}, {plain7, "option 12", 6 + 16, false}, {plain7, "option 12", 6 + 20, false}, {plain6, "option 4", 2, false}, {plain6, "directory ", 8, true}, {plain6, "directory inst", 0, true}, {plain6, "page size", 0, false},
		{plain7, "options offset", 0, true}, {plain7, "size of section 16", 0, true}, {plain7, "size of section 19", 0, true}, {plain7, "option 3", 2, false},
		{plain7, "option 3", bufferCount + len("inst"), false}, {plain7, "option 3", bufferCPU + len("inst") + 12, true},
		{zstd7, "data  0", 0, false}, {zstd7, "chunk  0 0", 0, false}, {zstd7, "chunk  0 0", 4, false}, {zlib7, "chunk  0 0", 4, false},
	}
	for _, section := range []int{16, 17, 18, 19, 20, 21} {
		claims = append(claims, claim{zstd7, fmt.Sprint("compressed section ", section), 0, false}, claim{zstd7, fmt.Sprint("compressed section ", section), 4, false})
	}
	for _, c := range claims {
		for _, shift := range []uint{0, 24, 27, 28, 30, 31, 32, 62, 63} {
			f := small(c.v)
			f.PlainSections = !strings.HasPrefix(c.mark, "compressed")
			b, marks := f.Bytes()
			if _, ok := marks[c.mark]; !ok {
				t.Fatalf("no mark %q", c.mark)
			}
			if c.wide {
				b = set64(c.mark, c.off, 1<<shift-1)(b, marks)
			} else if shift <= 32 {
				b = set32(c.mark, c.off, uint32(1<<shift-1))(b, marks)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			readAll(b)
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > bound {
				t.Errorf("%v, %s+%d = 1<<%d-1: %d MiB", c.v, c.mark, c.off, shift, n>>20)
			}
		}
	}
}

// TestText: a file of a latency tracer has its text, compressed or not.
func TestText(t *testing.T) {
	for _, v := range []variant{plain7, zstd7} {
		f := small(v)
		f.Buffers, f.Text = nil, "# tracer: wakeup\n"
		b, _ := f.Bytes()
		_, err := openBytes(b)
		var text *TextError
		if !errors.As(err, &text) {
			t.Fatalf("%v: %v, want a TextError", v, err)
		}
		if got, err := io.ReadAll(text.Text); err != nil || string(got) != f.Text {
			t.Errorf("%v: %q, %v, want %q", v, got, err, f.Text)
		}
	}
}

// TestExpectNames: that there are no symbols is said once, and at once, whoever asks
// for names first.
func TestExpectNames(t *testing.T) {
	b, _ := small(plain7).Bytes()
	for _, asked := range []bool{false, true} {
		s := mustOpen(t, b)
		s.f.kallsyms.present = false
		if asked {
			s.Symbols()
		}
		s.ExpectNames()
		missing := func() int { return strings.Count(strings.Join(s.Table().Meta.Notes, "\n"), "no kallsyms") }
		before := missing()
		_, _, ok := s.Symbol(datwriter.AlphaAddr)
		if ok || before != 1 || missing() != 1 || s.f.strings == nil {
			t.Errorf("asked before: %t: found %t, said %d times, then %d", asked, ok, before, missing())
		}
	}
}
