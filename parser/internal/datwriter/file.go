// Package datwriter writes small trace.dat files for tests: versions 6 and 7,
// all compressions, both byte orders and both sizes of long. It follows
// trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5), not the reader.
package datwriter

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// A File is what goes into a trace.dat.
type File struct {
	Version     int // 6 or 7
	BigEndian   bool
	Long        int // bytes of the traced kernel's long, 4 or 8
	ProgramLong int // of the recording program's long, which readers need not look at
	PageSize    int
	Compression string // version 7: "none", "zlib" or "zstd"
	// PlainSections leaves the sections other than trace data uncompressed.
	PlainSections bool
	ChunkPages    int // pages in a chunk of compressed trace data
	// Align puts trace data on page borders, as trace-cmd does.
	Align bool

	Ftrace   []string // formats of ftrace's own events
	Systems  []System
	Kallsyms string
	Printk   string
	Cmdlines string
	Options  []Option
	Buffers  []Buffer // the first one is the top buffer, without a name
	// Text is the trace of a latency tracer, instead of the buffers.
	Text string

	declared int // events that Declare added
	types    map[string]*EventType
}

// A System has event formats.
type System struct {
	Name    string
	Formats []string
}

// An Option is one entry of the option list.
type Option struct {
	ID   uint16
	Data []byte
}

// A Buffer is the trace data of one instance.
type Buffer struct {
	Name     string
	Clock    string
	PageSize int // of its sub-buffers, in version 7; 0: the file's
	CPUs     []CPU
}

// A CPU has pages, each of its buffer's page size.
type CPU struct {
	ID    int
	Pages [][]byte
}

// Section and option ids of trace-cmd.dat.v7(5).
const (
	optDone         = 0
	optBuffer       = 3
	secHeaderInfo   = 16
	secFtraceEvents = 17
	secEventFormats = 18
	secKallsyms     = 19
	secPrintk       = 20
	secCmdlines     = 21
	secText         = 22
)

// A writer builds the file. marks are the offsets of things that tests damage.
type writer struct {
	*File
	b     []byte
	marks map[string]int
}

// A byteOrder puts and appends.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Order is the file's byte order.
func (f *File) Order() byteOrder {
	if f.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (w *writer) mark(format string, args ...any) { w.marks[fmt.Sprintf(format, args...)] = len(w.b) }
func (w *writer) u8(v uint8)                      { w.b = append(w.b, v) }
func (w *writer) u16(v uint16)                    { w.b = w.Order().AppendUint16(w.b, v) }
func (w *writer) u32(v int)                       { w.b = w.Order().AppendUint32(w.b, uint32(v)) }
func (w *writer) u64(v int)                       { w.b = w.Order().AppendUint64(w.b, uint64(v)) }
func (w *writer) str(s string)                    { w.b = append(append(w.b, s...), 0) }
func (w *writer) text(s string)                   { w.b = append(w.b, s...) }

// patch sets the 64-bit number at a place that was left open.
func (w *writer) patch(at, v int) { w.Order().PutUint64(w.b[at:], uint64(v)) }

// align pads the file to a page border, where trace data begins.
func (w *writer) align() {
	for w.Align && len(w.b)%w.PageSize != 0 {
		w.b = append(w.b, 0)
	}
}

// Bytes returns the file and the offsets of its parts by name.
func (f *File) Bytes() ([]byte, map[string]int) {
	w := &writer{File: f, marks: map[string]int{}}
	w.text("\x17\x08\x44tracing")
	w.mark("version")
	w.str(fmt.Sprint(f.Version))
	w.mark("byte order")
	w.u8(map[bool]uint8{true: 1}[f.BigEndian])
	w.mark("long size")
	w.u8(uint8(w.ProgramLong))
	w.mark("page size")
	w.u32(f.PageSize)
	if f.Version == 6 {
		w.version6()
	} else {
		w.version7()
	}
	w.mark("end")
	return w.b, w.marks
}

func (w *writer) headerInfo() {
	w.mark("header info")
	page := headerPage(w.Long, w.PageSize)
	w.str("header_page")
	w.mark("header_page size")
	w.u64(len(page))
	w.mark("header_page")
	w.text(page)
	w.str("header_event")
	w.u64(len(headerEvent))
	w.text(headerEvent)
}

func (w *writer) ftraceFormats() {
	w.mark("number of ftrace formats")
	w.u32(len(w.Ftrace))
	for i, text := range w.Ftrace {
		w.mark("ftrace format %d", i)
		w.u64(len(text))
		w.text(text)
	}
}

func (w *writer) eventFormats() {
	w.mark("number of systems")
	w.u32(len(w.Systems))
	for _, s := range w.Systems {
		w.mark("system %s", s.Name)
		w.str(s.Name)
		w.mark("number of events of %s", s.Name)
		w.u32(len(s.Formats))
		for i, text := range s.Formats {
			w.mark("format %s %d", s.Name, i)
			w.u64(len(text))
			w.text(text)
		}
	}
}

func (w *writer) block32(name, text string) {
	w.mark("%s", name)
	w.u32(len(text))
	w.text(text)
}

func (w *writer) cmdlines() {
	w.mark("command lines")
	w.u64(len(w.Cmdlines))
	w.text(w.Cmdlines)
}

func (w *writer) option(o Option) {
	w.mark("option %d", o.ID)
	w.u16(o.ID)
	w.u32(len(o.Data))
	w.b = append(w.b, o.Data...)
}

func (w *writer) compress(b []byte) []byte {
	var out bytes.Buffer
	switch w.Compression {
	case "zlib":
		z := zlib.NewWriter(&out)
		z.Write(b)
		z.Close()
	case "zstd":
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err)
		}
		z.Write(b)
		z.Flush() // trace-cmd's frames do not hold their size either
		z.Close()
	default:
		panic("no compression " + w.Compression)
	}
	return out.Bytes()
}

func headerPage(long, pageSize int) string {
	return fmt.Sprintf("\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"+
		"\tfield: local_t commit;\toffset:8;\tsize:%d;\tsigned:1;\n"+
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"+
		"\tfield: char data;\toffset:%d;\tsize:%d;\tsigned:1;\n", long, 8+long, pageSize-8-long)
}

const headerEvent = "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n"
