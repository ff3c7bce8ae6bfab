// Package datfile writes the container of trace.dat files, versions 6 and 7:
// the sections that describe events, the options and the directories of trace
// data (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)). What is in the pages is not
// its business: they come from a ring buffer, or from another file.
package datfile

import (
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
)

// Option and section ids (trace-cmd.dat.v7(5)). Readers pass over options whose
// id they do not know.
const (
	OptCPUStat      = 2
	OptTraceClock   = 4
	OptUname        = 5
	OptCPUCount     = 8
	OptVersion      = 9
	OptTraceID      = 11
	OptHeaderInfo   = 16
	OptFtraceEvents = 17
	OptEventFormats = 18
	OptKallsyms     = 19
	OptPrintk       = 20
	OptCmdlines     = 21
	OptText         = 22

	optDone   = 0
	optBuffer = 3
)

// sectionHeader is the size of id, flags, description and size of a section.
const sectionHeader = 16

// A File is where a Writer writes: an *os.File that was not opened for
// appending, or a Memory.
type File interface {
	io.Writer
	io.WriterAt
}

// A Header says what a file is.
type Header struct {
	Version   int // 6 or 7
	BigEndian bool
	Long      int // of the traced kernel, bytes
	PageSize  int
	// Compression names what compresses the chunks of trace data of a version 7
	// file: "none" (the default), "zlib" or "zstd"; CompressionVersion is for
	// people.
	Compression, CompressionVersion string
	// Pack compresses a section of a version 7 file; nil leaves them plain.
	Pack func([]byte) []byte
	// Unaligned begins the data of a CPU where it is, and Mark is told where each
	// part of the file begins: for tests, which read odd files and damage them.
	Unaligned bool
	Mark      func(part string, at int64)
}

// A Description is all that a file holds besides trace data.
type Description struct {
	HeaderPage, HeaderEvent []byte
	Ftrace                  [][]byte // formats of ftrace's own events
	Systems                 []System
	Kallsyms, Printk        []byte
	Cmdlines                []byte // saved_cmdlines
	// CPUs is the number of CPUs of a version 6 file, whose directory lists
	// CPUs 0 to CPUs-1.
	CPUs int
	// Instances are the buffers of a version 6 file after the top one.
	Instances []string
	Options   []Option
}

// A System has event formats.
type System struct {
	Name    string
	Formats [][]byte
}

// An Option is one entry of the option list.
type Option struct {
	ID   uint16
	Data []byte
}

// Text returns an option that is a text, which ends in a NUL.
func Text(id uint16, text string) Option { return Option{id, append([]byte(text), 0)} }

// A Buffer is the trace data of an instance; "" is the top buffer, which is the
// first one of a version 6 file.
type Buffer struct {
	Name, Clock string
	PageSize    int  // of its sub-buffers
	Packed      bool // its data is in compressed chunks
}

// Data is where the data of a CPU lies in the file.
type Data struct {
	CPU       int
	Off, Size int64
}

// A Writer writes one file, in this order: Describe, for each buffer BeginBuffer,
// for each CPU BeginCPU, its data and EndCPU, EndBuffer, then Close. It keeps the first error,
// which Close returns, and writes nothing after it.
type Writer struct {
	dst       File
	h         Header
	order     byteOrder
	at        int64
	err       error
	optionsAt int64 // version 7: where the offset of the next options is filled in
	options   []Option

	buffer    Buffer
	bufferAt  int64 // version 7: of the section
	cpus      []Data
	chunks    int              // of the CPU
	directory int64            // version 6
	described int              // version 6: CPUs in a directory
	instances map[string]int64 // version 6: where the offset of the data is filled in
	// of List: which option it is, from 1, and how much data is after the file
	behind     int
	behindSize int64
}

type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// New begins a file.
func New(dst File, h Header) *Writer {
	w := &Writer{dst: dst, h: h, order: binary.LittleEndian}
	endian := byte(0)
	if h.BigEndian {
		w.order, endian = binary.BigEndian, 1
	}
	w.raw("\x17\x08\x44tracing")
	w.mark("version")
	w.str(strconv.Itoa(h.Version))
	w.mark("byte order")
	_, _ = w.Write([]byte{endian})
	w.mark("long size")
	_, _ = w.Write([]byte{byte(h.Long)})
	w.mark("page size")
	w.u32(h.PageSize)
	switch h.Version {
	case 6:
	case 7:
		if h.Compression == "" {
			h.Compression = "none"
		}
		w.mark("compression")
		w.str(h.Compression)
		w.str(h.CompressionVersion)
		w.mark("options offset")
		w.optionsAt = w.at
		w.u64(0)
	default:
		w.fail(fmt.Errorf("trace.dat version %d: want 6 or 7", h.Version))
	}
	return w
}

// Describe writes the sections that describe events. The options of a version 7
// file are written by Close.
func (w *Writer) Describe(d *Description) {
	w.options = append(w.options, d.Options...)
	for _, s := range []struct {
		id    uint16
		write func(*Writer)
	}{
		{OptHeaderInfo, func(w *Writer) { w.headerInfo(d) }},
		{OptFtraceEvents, func(w *Writer) {
			w.mark("number of ftrace formats")
			w.formats("ftrace format", d.Ftrace)
		}},
		{OptEventFormats, func(w *Writer) { w.systems(d.Systems) }},
		{OptKallsyms, func(w *Writer) { w.mark("kallsyms"); w.text32(d.Kallsyms) }},
		{OptPrintk, func(w *Writer) { w.mark("printk"); w.text32(d.Printk) }},
		{OptCmdlines, func(w *Writer) { w.mark("command lines"); w.text64(d.Cmdlines) }},
	} {
		if w.h.Version == 6 {
			s.write(w)
			continue
		}
		w.Section(s.id, func(w *Writer) { s.write(w) })
	}
	if w.h.Version == 6 {
		w.options6(d)
	}
}

// options6 writes the options of a version 6 file. Those of instances say where
// their data is, as BeginBuffer fills in.
func (w *Writer) options6(d *Description) {
	w.described = d.CPUs
	w.mark("number of CPUs")
	w.u32(d.CPUs)
	w.mark("options tag")
	w.str("options  ")
	for _, o := range w.options {
		w.option(o)
	}
	w.instances = map[string]int64{}
	for _, name := range d.Instances {
		w.option(Option{optBuffer, append(append(make([]byte, 8), name...), 0)})
		w.instances[name] = w.at - int64(8+len(name)+1)
	}
	w.u16(optDone)
}

// Add adds an option to a version 7 file, after Describe or instead of it. One
// that names a section has the section's content.
func (w *Writer) Add(o Option) {
	if o.ID < OptHeaderInfo || o.ID > OptCmdlines {
		w.options = append(w.options, o)
		return
	}
	w.Section(o.ID, func(w *Writer) { _, _ = w.Write(o.Data) })
}

// Section writes a section of a version 7 file, compressed if the file packs
// sections, and its option.
func (w *Writer) Section(id uint16, write func(*Writer)) {
	start := w.at
	w.options = append(w.options, Option{id, w.order.AppendUint64(nil, uint64(start))})
	if w.h.Pack == nil {
		w.section(id, 0)
		write(w)
		w.endSection(start)
		return
	}
	var m Memory
	in := &Writer{dst: &m, h: w.h, order: w.order}
	in.h.Mark = nil
	write(in)
	w.fail(in.err)
	packed := w.h.Pack(m.b)
	w.section(id, 1)
	w.mark("compressed section %d", id)
	w.packed(packed, len(m.b))
	w.endSection(start)
}

// Latency writes what a latency tracer printed, instead of buffers.
func (w *Writer) Latency(text []byte) {
	if w.h.Version == 6 {
		w.raw("latency  \x00")
		_, _ = w.Write(text)
		return
	}
	w.Section(OptText, func(w *Writer) { _, _ = w.Write(text) })
	o := &w.options[len(w.options)-1] // names a buffer and its clock, as those of buffers do
	o.Data = append(append(o.Data, 0), "local\x00"...)
}

func (w *Writer) headerInfo(d *Description) {
	w.mark("header info")
	w.str("header_page")
	w.mark("header_page size")
	w.u64(int64(len(d.HeaderPage)))
	w.mark("header_page")
	_, _ = w.Write(d.HeaderPage)
	w.str("header_event")
	w.text64(d.HeaderEvent)
}

func (w *Writer) formats(mark string, texts [][]byte) {
	w.u32(len(texts))
	for i, text := range texts {
		w.mark("%s %d", mark, i)
		w.text64(text)
	}
}

func (w *Writer) systems(systems []System) {
	w.mark("number of systems")
	w.u32(len(systems))
	for _, s := range systems {
		w.mark("system %s", s.Name)
		w.str(s.Name)
		w.mark("number of events of %s", s.Name)
		w.formats("format "+s.Name, s.Formats)
	}
}

// BeginBuffer begins the trace data of a buffer.
func (w *Writer) BeginBuffer(b Buffer) {
	w.buffer, w.cpus, w.bufferAt = b, nil, w.at
	if w.h.Version == 7 {
		w.section(optBuffer, flag(b.Packed))
		return
	}
	if at, ok := w.instances[b.Name]; ok {
		w.patch(at, w.order.AppendUint64(nil, uint64(w.at)))
	}
	w.mark("data tag %s", b.Name)
	w.str("flyrecord")
	w.mark("directory %s", b.Name)
	w.directory = w.at
	_, _ = w.Write(make([]byte, 16*w.described))
}

// BeginCPU begins the data of a CPU, on a page border, from where trace-cmd
// maps it. It is written with Write or ReadFrom: pages one after the other, or
// the number of chunks and the chunks.
func (w *Writer) BeginCPU(cpu int) {
	w.align()
	w.mark("data %s %d", w.buffer.Name, cpu)
	w.chunks = 0
	w.cpus = append(w.cpus, Data{CPU: cpu, Off: w.at})
}

// Chunks writes the number of chunks of a CPU's compressed data, which follow.
func (w *Writer) Chunks(n int) { w.u32(n) }

// Chunk writes what size bytes were packed into.
func (w *Writer) Chunk(packed []byte, size int) {
	w.mark("chunk %s %d %d", w.buffer.Name, w.cpus[len(w.cpus)-1].CPU, w.chunks)
	w.chunks++
	w.packed(packed, size)
}

func (w *Writer) packed(packed []byte, size int) {
	w.u32(len(packed))
	w.u32(size)
	_, _ = w.Write(packed)
}

// EndCPU ends the data of a CPU.
func (w *Writer) EndCPU() {
	d := &w.cpus[len(w.cpus)-1]
	d.Size = w.at - d.Off
	if w.h.Version == 6 {
		w.patch(w.directory+16*int64(d.CPU), w.order.AppendUint64(w.order.AppendUint64(nil, uint64(d.Off)), uint64(d.Size)))
	}
}

// EndBuffer ends the data of a buffer.
func (w *Writer) EndBuffer() {
	if w.h.Version == 7 {
		w.endSection(w.bufferAt)
		w.list(w.bufferAt, w.cpus)
	}
}

// List lists a buffer of a version 7 file whose data the caller puts after what
// Close wrote, one CPU after the other: its section is the last of the file.
func (w *Writer) List(b Buffer, cpus []Data) {
	w.buffer, w.behind = b, len(w.options)+1
	for _, d := range cpus {
		w.behindSize += d.Size
	}
	w.list(0, cpus)
}

// list adds the option of a buffer.
func (w *Writer) list(section int64, cpus []Data) {
	b := w.order.AppendUint64(nil, uint64(section))
	b = append(append(append(append(b, w.buffer.Name...), 0), w.buffer.Clock...), 0)
	b = w.order.AppendUint32(b, uint32(w.buffer.PageSize))
	b = w.order.AppendUint32(b, uint32(len(cpus)))
	for _, d := range cpus {
		b = w.order.AppendUint32(b, uint32(d.CPU))
		b = w.order.AppendUint64(b, uint64(d.Off))
		b = w.order.AppendUint64(b, uint64(d.Size))
	}
	w.options = append(w.options, Option{optBuffer, b})
}

// EndOptions writes the options so far; those that come later are a second list
// of a version 7 file, as trace-cmd writes one for what is known when it ends.
func (w *Writer) EndOptions() {
	start := w.at
	w.section(optDone, 0)
	for _, o := range w.options {
		w.option(o)
	}
	w.option(Option{optDone, make([]byte, 8)})
	w.endSection(start)
	w.patch(w.optionsAt, w.order.AppendUint64(nil, uint64(start)))
	w.options, w.optionsAt = nil, w.at-8
}

// Close writes what is left and returns the first error. The file stays open.
func (w *Writer) Close() error {
	if w.h.Version == 7 {
		if w.behind > 0 {
			w.order.PutUint64(w.options[w.behind-1].Data, uint64(w.at+w.optionsSize()))
		}
		w.EndOptions()
	}
	if w.behind > 0 {
		at := w.at
		w.section(optBuffer, flag(w.buffer.Packed))
		w.patch(at+sectionHeader-8, w.order.AppendUint64(nil, uint64(w.behindSize)))
	}
	return w.err
}

// optionsSize is what the section of the options takes.
func (w *Writer) optionsSize() int64 {
	const head = 6 // id and size
	n := int64(sectionHeader + head + 8)
	for _, o := range w.options {
		n += head + int64(len(o.Data))
	}
	return n
}

// ---- parts ----

func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// Write writes a part of a section or of a CPU's data.
func (w *Writer) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.dst.Write(b)
	w.at += int64(n)
	w.fail(err)
	return n, err
}

// ReadFrom is Write of all that r holds; the kernel copies it if both are files
// (copy_file_range(2)).
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := io.Copy(w.dst, r)
	w.at += n
	w.fail(err)
	return n, err
}

func (w *Writer) u16(v uint16) { _, _ = w.Write(w.order.AppendUint16(nil, v)) } // the error is kept
func (w *Writer) u32(v int)    { _, _ = w.Write(w.order.AppendUint32(nil, uint32(v))) }
func (w *Writer) u64(v int64)  { _, _ = w.Write(w.order.AppendUint64(nil, uint64(v))) }
func (w *Writer) raw(s string) { _, _ = w.Write([]byte(s)) }
func (w *Writer) str(s string) { w.raw(s + "\x00") }

// mark tells a test where a part begins.
func (w *Writer) mark(format string, args ...any) {
	if w.h.Mark != nil {
		w.h.Mark(fmt.Sprintf(format, args...), w.at)
	}
}

// text32 and text64 write a text after its size.
func (w *Writer) text32(b []byte) {
	w.u32(len(b))
	_, _ = w.Write(b)
}

func (w *Writer) text64(b []byte) {
	w.u64(int64(len(b)))
	_, _ = w.Write(b)
}

func (w *Writer) align() {
	if n := int64(w.h.PageSize); n > 0 && w.at%n != 0 && !w.h.Unaligned {
		_, _ = w.Write(make([]byte, n-w.at%n))
	}
}

func (w *Writer) option(o Option) {
	w.mark("option %d", o.ID)
	w.u16(o.ID)
	w.u32(len(o.Data))
	if o.ID == optDone {
		w.mark("next options")
	}
	_, _ = w.Write(o.Data)
}

// section writes the header of a section, whose size endSection fills in.
func (w *Writer) section(id, flags uint16) {
	w.mark("section %d", id)
	w.u16(id)
	w.u16(flags)
	w.u32(0) // no description
	w.mark("size of section %d", id)
	w.u64(0)
}

func (w *Writer) endSection(start int64) {
	w.patch(start+sectionHeader-8, w.order.AppendUint64(nil, uint64(w.at-start-sectionHeader)))
}

// patch fills in what was left open.
func (w *Writer) patch(at int64, b []byte) {
	if w.err == nil {
		_, err := w.dst.WriteAt(b, at)
		w.fail(err)
	}
}

func flag(set bool) uint16 {
	if set {
		return 1
	}
	return 0
}

// Memory is a File in memory.
type Memory struct{ b []byte }

// Bytes returns what was written.
func (m *Memory) Bytes() []byte { return m.b }

// Write implements io.Writer.
func (m *Memory) Write(b []byte) (int, error) {
	m.b = append(m.b, b...)
	return len(b), nil
}

// WriteAt implements io.WriterAt within what was written.
func (m *Memory) WriteAt(b []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(b)) > int64(len(m.b)) {
		return 0, fmt.Errorf("%d bytes at %d of %d", len(b), off, len(m.b))
	}
	return copy(m.b[off:], b), nil
}
