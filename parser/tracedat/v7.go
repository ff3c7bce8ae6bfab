package tracedat

import (
	"fmt"
	"strings"
)

// Section and option ids of a version 7 file (trace-cmd.dat.v7(5); 25 and 24
// are newer than that page).
const (
	optDone         = 0
	optDate         = 1
	optCPUStat      = 2
	optBuffer       = 3
	optTraceClock   = 4
	optUname        = 5
	optOffset       = 7
	optCPUCount     = 8
	optVersion      = 9
	optTimeShift    = 12
	optTSC2Nsec     = 14
	optStrings      = 15
	optHeaderInfo   = 16
	optFtraceEvents = 17
	optEventFormats = 18
	optKallsyms     = 19
	optPrintk       = 20
	optCmdlines     = 21
	optBufferText   = 22
)

// sectionHeaderSize is id, flags, string id and size.
const sectionHeaderSize = 16

// readV7 reads a version 7 file: the header names the first options section,
// options name all others.
func (f *file) readV7(c *cursor) error {
	at := c.off
	name := c.str("compression algorithm")
	c.str("compression version") // informational: readers go by the name
	next := c.offset("offset of the options")
	first := c.off // of the sections
	if c.err != nil {
		return c.err
	}
	unpack, err := newDecompressor(name)
	if err != nil {
		return fmt.Errorf("offset %#x: %w", at, err)
	}
	f.unpack, f.options = unpack, next
	var o options
	var firstErr error
	seen := map[int64]bool{}
	for next != 0 {
		if seen[next] {
			firstErr = fmt.Errorf("offset %#x: the chain of options sections comes back here", next)
			break
		}
		seen[next] = true
		s, err := f.sectionAt(next, optDone, "options")
		var oc *cursor
		if err == nil {
			oc, err = f.sectionCursor(s, "options")
		}
		if err == nil {
			next = f.readOptions(oc, &o)
			err = oc.err
		}
		if err != nil {
			firstErr = err
			break
		}
	}
	if firstErr == nil {
		firstErr = o.err
	}
	if o.sections == nil {
		o.sections = map[int]int64{}
	}
	lost := f.walkSections(first, &o, seen)
	// Options may name sections in any order: formats need the header first,
	// buffers need nothing else.
	if err := f.loadSections(&o); err != nil && firstErr == nil {
		firstErr = err
	}
	if f.header.DataOff != 0 {
		f.salvage(lost)
	}
	return firstErr
}

// sectionAt reads the header of the section with that id and returns where its
// data lies.
func (f *file) sectionAt(off int64, want int, what string) (section, error) {
	if off > f.size-sectionHeaderSize {
		return section{}, fmt.Errorf("offset %#x: want the %s section, the file ends at %#x (cut off?)", off, what, f.size)
	}
	c := &cursor{r: f.r, off: off, end: f.size, order: f.order, what: what + " section"}
	id, flags := int(c.u16("id")), c.u16("flags")
	c.u32("description")
	size := c.offset("size")
	if c.err != nil {
		return section{}, c.err
	}
	if id != want {
		return section{}, fmt.Errorf("offset %#x: section %d (%s), want the %s section %d", off, id, optionName(id), what, want)
	}
	if size > f.size-c.off {
		return section{}, fmt.Errorf("offset %#x: the %s section is said to have %d bytes, there are %d (cut off?)", off, what, size, f.size-c.off)
	}
	return section{off: c.off, end: c.off + size, compressed: flags&1 != 0, present: true}, nil
}

// sectionCursor returns a cursor over a section's data, unpacked if need be.
func (f *file) sectionCursor(s section, what string) (*cursor, error) {
	return f.unpackedBy(f.unpack, s, what)
}

// lateCursor is sectionCursor for sections that are read while the trace data
// is being unpacked, maybe by another goroutine: it has a decompressor of its
// own.
func (f *file) lateCursor(s section, what string) (*cursor, error) {
	if !s.compressed {
		return f.unpackedBy(nil, s, what)
	}
	d, err := newDecompressor(f.unpack.name)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return f.unpackedBy(d, s, what)
}

func (f *file) unpackedBy(d *decompressor, s section, what string) (*cursor, error) {
	c := &cursor{r: f.r, off: s.off, end: s.end, order: f.order, what: what}
	if !s.compressed {
		return c, nil
	}
	csize, size := c.u32("compressed size"), c.u32("size")
	if c.err == nil && size > maxSection {
		c.fail("is said to unpack to %d bytes, want at most %d", size, maxSection)
	}
	src := c.block(uint64(csize), maxSection, "compressed data")
	if c.err != nil {
		return nil, c.err
	}
	out, err := d.unpack(nil, src, int(size))
	if err != nil {
		return nil, fmt.Errorf("offset %#x: %s: %w", s.off, what, err)
	}
	return c.unpacked(out, s.off), nil
}

// loadSections reads the sections that describe events, in the order in which
// they need one another.
func (f *file) loadSections(o *options) error {
	parts := []struct {
		id   int
		what string
		read func(*cursor)
	}{
		{optHeaderInfo, "header info", f.readHeaderInfo},
		{optFtraceEvents, "ftrace event formats", f.readFtraceFormats},
		{optEventFormats, "event formats", f.readEventFormats},
		{optCmdlines, "command lines", func(c *cursor) {
			f.readCmdlines(c.block(c.u64("size"), maxCmdlines, "command lines"))
		}},
	}
	var firstErr error
	note := func(err error) {
		if firstErr == nil {
			firstErr = err
		}
	}
	f.readCmdlines(nil)
	for _, p := range parts {
		off, ok := o.sections[p.id]
		if !ok {
			if p.id == optHeaderInfo {
				note(fmt.Errorf("no option names the %s section", p.what))
			}
			continue
		}
		s, err := f.sectionAt(off, p.id, p.what)
		if err == nil {
			var c *cursor
			if c, err = f.sectionCursor(s, p.what); err == nil {
				p.read(c)
				err = c.err
			}
		}
		note(err)
	}
	f.addBlockTrace()
	for _, lazy := range []struct {
		id   int
		what string
		dst  *section
	}{{optKallsyms, "kallsyms", &f.kallsyms}, {optPrintk, "printk formats", &f.printk}, {optBufferText, "trace text", &f.latency}} {
		if off, ok := o.sections[lazy.id]; ok {
			s, err := f.sectionAt(off, lazy.id, lazy.what)
			*lazy.dst = s
			note(err)
		}
	}
	if f.header.DataOff == 0 {
		f.buffers = nil // without header_page no page can be read
	}
	return firstErr
}

// readBufferOption reads the directory of one instance's trace data.
func (f *file) readBufferOption(c *cursor) {
	c.what = "BUFFER option"
	section := c.offset("section offset")
	f.seeBuffer(section)
	b := buffer{name: c.str("instance name"), clock: c.str("clock")}
	b.pageSize = c.pageSize()
	n := c.count(maxCPUs, "number of CPUs")
	seen := map[uint32]bool{}
	for ; n > 0 && c.err == nil; n-- {
		cpu := c.u32("CPU")
		switch {
		case c.err != nil:
		case cpu >= maxCPUs:
			c.off -= 4
			c.fail("CPU %d, want less than %d", cpu, maxCPUs)
		case seen[cpu]:
			c.off -= 4
			c.fail("CPU %d is listed twice", cpu)
		}
		off, size := c.offset("data offset"), c.offset("data size")
		if c.err == nil {
			seen[cpu] = true
			b.cpus = append(b.cpus, cpuData{cpu: int(cpu), off: off, size: size})
		}
	}
	f.addBuffer(c, b)
	if c.err == nil {
		f.named[section] = true
	}
}

// seeBuffer looks at the section of trace data at an offset: its header says
// whether the data is in compressed chunks. If it cannot be read, data is taken
// to be compressed if the file is.
func (f *file) seeBuffer(off int64) {
	s, err := f.sectionAt(off, optBuffer, "trace data")
	if err != nil && !s.present {
		f.compressed = f.compressed || f.unpack.name != "none"
		return
	}
	f.compressed = f.compressed || s.compressed
}

// addBuffer adds a buffer with the CPUs that could be read.
func (f *file) addBuffer(c *cursor, b buffer) {
	n := len(b.cpus)
	for i := range f.buffers {
		n += len(f.buffers[i].cpus)
	}
	if n > maxStreams {
		c.fail("buffer %q brings the number of CPUs in all buffers to %d, want at most %d", b.name, n, maxStreams)
		return
	}
	if len(b.cpus) > 0 || c.err == nil {
		f.buffers = append(f.buffers, b)
	}
}

// maxCPUs is above CONFIG_NR_CPUS of any kernel (8192 on x86, 4096 on arm64).
const maxCPUs = 1 << 16

// selectedClock takes the bracketed word out of "[local] global counter".
func selectedClock(text string) string {
	if _, rest, ok := strings.Cut(text, "["); ok {
		clock, _, _ := strings.Cut(rest, "]")
		return clock
	}
	return strings.TrimSpace(text)
}
