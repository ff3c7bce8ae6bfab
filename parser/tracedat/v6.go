package tracedat

import (
	"cmp"
	"fmt"
	"slices"
)

// readV6 reads a version 6 file: one part after the other, in fixed order.
func (f *file) readV6(c *cursor) error {
	f.readHeaderInfo(c)
	f.readFtraceFormats(c)
	f.readEventFormats(c)
	f.addBlockTrace()
	c.what = "kallsyms"
	f.kallsyms = f.lazyBlock(c, "kallsyms")
	c.what = "printk formats"
	f.printk = f.lazyBlock(c, "printk formats")
	c.what = "command lines"
	f.readCmdlines(c.block(c.u64("size"), maxCmdlines, "command lines"))
	c.what = "CPU data"
	cpus := c.count(maxCPUs, "number of CPUs")
	if c.err != nil {
		return c.err
	}
	f.meta.CPUs = int(cpus)
	return f.readV6Data(c)
}

// lazyBlock passes over a block with a 32-bit size. It keeps the size word, so
// that the block looks as it does in a version 7 section.
func (f *file) lazyBlock(c *cursor, name string) section {
	s := section{off: c.off, present: true}
	c.skip(uint64(c.u32("size")), name)
	s.end = c.off
	if c.err != nil {
		return section{}
	}
	return s
}

// readV6Data reads what follows the number of CPUs: options if there are any,
// then the directory of the trace data, or trace text.
func (f *file) readV6Data(c *cursor) error {
	var o options
	tag := v6Tag(c)
	if c.err == nil && tag == "options  " {
		c.what = "options"
		f.readOptions(c, &o)
		c.what = "CPU data"
		tag = v6Tag(c)
	}
	if c.err != nil {
		return c.err
	}
	switch tag {
	case "latency  ":
		f.latency = section{off: c.off, end: c.end, present: true}
		return nil
	case "flyrecord":
		f.readV6Buffer(c, "")
	default:
		c.off -= tagSize
		c.fail("tag is %q, want \"options  \", \"latency  \" or \"flyrecord\"", tag)
	}
	used := []stretch{{0, c.off}}
	for _, b := range o.buffers {
		ic := &cursor{r: f.r, off: b.off, end: f.size, order: f.order, what: fmt.Sprintf("instance %q", b.name)}
		if tag := v6Tag(ic); ic.err == nil && tag != "flyrecord" {
			ic.off -= tagSize
			ic.fail("tag is %q, want \"flyrecord\"", tag)
		}
		f.readV6Buffer(ic, b.name)
		used = append(used, stretch{b.off, ic.off})
		if c.err == nil {
			c.err = ic.err
		}
	}
	if c.err == nil {
		c.err = o.err
	}
	if c.err == nil && !f.sparse {
		f.findUnnamed(used)
	}
	return c.err
}

// A stretch is a part of the file.
type stretch struct{ off, end int64 }

// findUnnamed finds what belongs to no part of the file: used are its parts
// without trace data. Trace data begins at page borders.
func (f *file) findUnnamed(used []stretch) {
	for i := range f.buffers {
		for _, d := range f.buffers[i].cpus {
			used = append(used, stretch{d.off, min(d.off, f.size) + min(d.size, f.size)})
		}
	}
	slices.SortFunc(used, func(a, b stretch) int { return cmp.Compare(a.off, b.off) })
	end := int64(0)
	for i, u := range append(used, stretch{f.size, f.size}) {
		if n := min(u.off, f.size) - end; n >= int64(f.pageSize) || n > 0 && i == len(used) { // a CPU without data begins at a border, too
			f.flaw("offset %#x: no entry names these %d bytes: the data of a CPU or an instance that cannot be placed", end, n)
		}
		end = max(end, u.end)
	}
}

const tagSize = 10

// v6Tag reads one of the 10-byte tags, returned without its NUL.
func v6Tag(c *cursor) string {
	var tag [tagSize]byte
	if !c.read(tag[:], "tag") {
		return ""
	}
	return string(tag[:tagSize-1])
}

// readV6Buffer reads the offsets and sizes of one buffer's CPUs.
func (f *file) readV6Buffer(c *cursor, name string) {
	b := buffer{name: name, clock: f.meta.Clock, pageSize: f.pageSize}
	for cpu := 0; cpu < f.meta.CPUs && c.err == nil; cpu++ {
		off, size := c.offset("data offset"), c.offset("data size")
		if c.err == nil {
			b.cpus = append(b.cpus, cpuData{cpu: cpu, off: off, size: size})
		}
	}
	f.addBuffer(c, b)
}
