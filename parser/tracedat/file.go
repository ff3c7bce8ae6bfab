// Package tracedat reads the trace.dat files that trace-cmd writes, versions 6
// and 7, on any machine and without trace-cmd.
//
// The container is described by trace-cmd.dat.v6(5) and trace-cmd.dat.v7(5).
// Where those pages are silent or differ from what trace-cmd writes, a comment
// says what was found in real files.
package tracedat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// Magic is what every trace.dat begins with; a NUL-terminated version follows.
const Magic = "\x17\x08\x44tracing"

// Sniff reports whether a file that begins with prefix is a trace.dat of any
// version.
func Sniff(prefix []byte) bool { return bytes.HasPrefix(prefix, []byte(Magic)) }

// CheckHead reads the first bytes of a trace.dat, 64 of them at least or all that
// there are. Its error says why the rest is not worth having: a version, byte order, page size or
// compression that there is not.
func CheckHead(prefix []byte, path string) error {
	f := &file{r: bytes.NewReader(prefix), size: int64(len(prefix)), path: path, order: binary.LittleEndian}
	c := &cursor{r: f.r, end: f.size, order: f.order, what: "file header"}
	if err := f.readHeader(c); err != nil || f.version == 6 {
		return err
	}
	at := c.off
	name := c.str("compression algorithm")
	if c.err != nil {
		return fmt.Errorf("%s: %w", path, c.err)
	}
	d, err := newDecompressor(name)
	if err != nil {
		return fmt.Errorf("%s: offset %#x: %w", path, at, err)
	}
	d.close()
	return nil
}

// A section is a part of the file that is read when it is first needed.
type section struct {
	off, end   int64 // of the data in the file, after any section header
	compressed bool
	present    bool
}

// A buffer is the trace of one instance: its CPUs' ring-buffer pages.
type buffer struct {
	name     string // empty for the top buffer
	clock    string
	pageSize int
	cpus     []cpuData
}

// cpuData is where one CPU's pages lie in the file.
type cpuData struct {
	cpu       int
	off, size int64
	overlaps  bool // lies within another CPU's data and is not read
}

// A file is a parsed trace.dat without its events.
type file struct {
	r          io.ReaderAt
	size       int64
	path       string
	sparse     bool
	version    int
	bigEndian  bool
	order      binary.ByteOrder
	pageSize   int
	unpack     *decompressor
	compressed bool // the trace data is in compressed chunks

	header   tracefmt.PageHeader
	kallsyms section
	printk   section
	strings  map[uint64]string // by address, from printk
	meta     trace.Meta
	// described: meta was handed over to the table.
	described bool
	// statInstance is the instance that further CPUSTAT options belong to.
	statInstance string
	table        *trace.Table
	byType       []*trace.Schema // indexed by common_type
	reach        []reach         // as byType
	comms        map[int32]trace.NameID
	noComm       trace.NameID // what stands for a pid without a command line
	tgids        map[int32]int32
	buffers      []buffer
	named        map[int64]bool // sections with trace data, by the options that could be read
	options      int64          // where a version 7 file's first options section is
	adjust       clockAdjust
	// text of the BUFFER_TEXT ("latency") section: such a file holds no binary
	// events
	latency section
	// damage is what could not be read of the container; what was read before
	// it is used. flaws are what else makes the file's content incomplete.
	damage error
	flaws  []error
	// unread are the formats that could not be read, unreadFormat says why for the
	// first.
	unread       int
	unreadFormat error
	// unreadable is what could not be read of sections that are read late.
	unreadable error
}

var errNotTraceDat = errors.New("not a trace.dat: it does not begin with 17 08 44 \"tracing\"")

// open reads the container. It returns a file with what could be read and sets
// damage if that is not all, or an error if nothing of use could be read.
func open(r io.ReaderAt, size int64, path string, o Options) (*file, error) {
	f := &file{sparse: o.Sparse, named: map[int64]bool{}, r: r, size: size, path: path, table: trace.NewTable(), comms: map[int32]trace.NameID{}, tgids: map[int32]int32{}, order: binary.LittleEndian}
	c := &cursor{r: r, end: size, order: f.order, what: "file header"}
	if err := f.readHeader(c); err != nil {
		return nil, err
	}
	var err error
	if f.version == 6 {
		err = f.readV6(c)
	} else {
		err = f.readV7(c)
	}
	f.describe()
	if f.unread > 0 {
		f.flaw("%d formats of events cannot be read, so those events cannot either: %w", f.unread, f.unreadFormat)
	}
	if err == nil {
		return f, nil
	}
	err = fmt.Errorf("%s: %w", path, err)
	if len(f.buffers) == 0 && !f.latency.present {
		f.unpack.close()
		return nil, err
	}
	f.damage = err
	return f, nil
}

// readHeader reads what versions 6 and 7 have in common.
func (f *file) readHeader(c *cursor) error {
	magic := make([]byte, len(Magic))
	if f.size < int64(len(magic)) {
		return fmt.Errorf("%s: %w (the file has %d bytes)", f.path, errNotTraceDat, f.size)
	}
	if !c.read(magic, "magic") || string(magic) != Magic {
		return fmt.Errorf("%s: %w", f.path, errNotTraceDat)
	}
	version := c.str("version")
	switch {
	case c.err != nil:
		return fmt.Errorf("%s: %w", f.path, c.err)
	case version == "6":
		f.version = 6
	case version == "7":
		f.version = 7
	default:
		return fmt.Errorf("%s: offset %#x: trace.dat version %q: want 6 or 7", f.path, len(Magic), version)
	}
	switch order := c.u8("byte order"); {
	case order == 1:
		f.bigEndian, f.order, c.order = true, binary.BigEndian, binary.BigEndian
	case order > 1:
		c.off--
		c.fail("byte order is %d, want 0 (little) or 1 (big)", order)
	}
	// The long size of the recording program, not of the kernel: see
	// header_page for that one.
	c.u8("long size")
	f.pageSize = c.pageSize()
	f.unpack = &decompressor{name: "none"}
	if c.err != nil {
		return fmt.Errorf("%s: %w", f.path, c.err)
	}
	return nil
}

// A sub-buffer has at most 512 pages, here of 64 KiB
// (kernel/trace/ring_buffer.c, ring_buffer_subbuf_order_set).
const (
	minPageSize = 1 << 10
	maxPageSize = 512 * 64 << 10
)

func (c *cursor) pageSize() int {
	n := c.u32("page size")
	if c.err == nil && (n < minPageSize || n > maxPageSize) {
		c.off -= 4
		c.fail("page size is %d, want %d to %d", n, minPageSize, maxPageSize)
	}
	return int(n)
}

// maxNotes bounds the remarks about one file.
const maxNotes = 100

// remark adds to the description what limits it.
func (f *file) remark(format string, args ...any) {
	m := &f.meta
	if f.described {
		m = &f.table.Meta
	}
	switch n := len(m.Notes); {
	case n < maxNotes:
		m.Notes = append(m.Notes, fmt.Sprintf(format, args...))
	case n == maxNotes:
		m.Notes = append(m.Notes, "and more of this kind")
	}
}

// flaw adds something that is missing or not named.
func (f *file) flaw(format string, args ...any) {
	f.flaws = append(f.flaws, fmt.Errorf("%s: "+format, append([]any{f.path}, args...)...))
}

// describe fills the trace's description from what was read.
func (f *file) describe() {
	m := &f.meta
	m.Path = f.path
	m.Format = fmt.Sprintf("trace.dat v%d", f.version)
	m.Compression = f.unpack.name
	m.PageSize = f.pageSize
	m.BigEndian = f.bigEndian
	m.LongSize = int(f.header.CommitSize)
	for i := range f.buffers {
		b := &f.buffers[i]
		if b.name != "" {
			m.Instances = append(m.Instances, b.name)
		}
		if m.Clock == "" {
			m.Clock = b.clock
		}
		for _, c := range b.cpus {
			m.CPUs = max(m.CPUs, c.cpu+1)
		}
	}
	f.noteAbsent()
	m.ClockUnit = clockUnit(m.Clock)
	if f.adjust.mult != 0 {
		m.ClockUnit = "ns"
	}
	if r := m.Recorded; r != nil && (f.adjust.mult != 0 || f.adjust.offset != 0) {
		r.Covered = nil // our recorder shifts no times, so this file is not as it wrote it
	}
	f.table.Meta = *m
	f.described = true
}

// clockUnit tells what a trace clock counts (Documentation/trace/ftrace.rst,
// "trace_clock").
func clockUnit(clock string) string {
	switch clock {
	case "counter", "x86-tsc", "ppc-tb", "uptime":
		return "ticks"
	}
	return "ns"
}
