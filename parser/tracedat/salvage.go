package tracedat

import "fmt"

// The options of a version 7 file lie partly after its trace data, in a chain.
// Where the file was cut off, or a link is damaged, sections are found without
// them: they follow one another from the file's header on.

// maxSectionID is far beyond the kinds of sections that there are, and below what
// other data looks like.
const maxSectionID = 255

// A lostBuffer is a section with trace data that no option describes.
type lostBuffer struct {
	head       int64 // where the section begins
	off, end   int64 // of its data, as far as the file has it
	compressed bool
}

// walkSections goes through the sections from offset off on. It adds to o what
// the options that could not be read would have named, and returns the sections
// with trace data.
//
// Where the options can be read, a section that they do not name is a flaw: of
// options that were damaged, or of a part that is left from another file.
func (f *file) walkSections(off int64, o *options, lists map[int64]bool) []lostBuffer {
	var found []lostBuffer
	for off <= f.size-sectionHeaderSize {
		c := &cursor{r: f.r, off: off, end: f.size, order: f.order, what: "section"}
		id, flags := int(c.u16("id")), c.u16("flags")
		c.u32("description")
		size := c.offset("size")
		if c.err != nil || id > maxSectionID || id == optDone && size == 0 {
			break // options end in an entry, so have a size: these zeros are a hole
		}
		switch id {
		case optDone:
			if !lists[off] {
				f.flaw("offset %#x: the options here are not part of the chain: what they describe is not known", off)
				lists[off] = true
			}
		case optBuffer:
			found = append(found, lostBuffer{off, c.off, c.off + min(size, f.size-c.off), flags&1 != 0})
		case optHeaderInfo, optFtraceEvents, optEventFormats, optKallsyms, optPrintk, optCmdlines, optBufferText:
			if _, ok := o.sections[id]; !ok && size <= f.size-c.off {
				o.sections[id] = off
				f.flaw("offset %#x: no option names the %s section", off, optionName(id))
			}
		}
		if size > f.size-c.off {
			break
		}
		off = c.off + size
		if len(f.flaws) > maxNotes {
			return found
		}
	}
	if left := f.size - off; left > 0 {
		f.flaw("offset %#x: no section begins here: what the last %d bytes hold is not known", off, left)
	}
	return found
}

// salvage adds the trace data that no option describes. Which CPU it is of is
// not said there: CPUs are numbered in the order of their data.
func (f *file) salvage(found []lostBuffer) {
	for _, s := range found {
		if f.describes(s) {
			continue
		}
		f.flaw("offset %#x: no option describes this trace data: which instance and CPUs it is of is not known", s.off)
		b := buffer{clock: f.meta.Clock, pageSize: f.pageSize}
		if s.compressed {
			f.compressed = true
			b.cpus = f.chunkedCPUs(s)
		} else {
			b.cpus = f.plainCPUs(s)
		}
		if len(b.cpus) == 0 {
			continue
		}
		if n := len(f.buffers); n > 0 {
			b.name = fmt.Sprintf("buffer%d", n)
		}
		f.remark("offset %#x: the description of this trace data is missing: it was found without, its CPUs are numbered in their order", s.off)
		f.buffers = append(f.buffers, b)
	}
}

// describes reports whether an option names a section, or data within it.
func (f *file) describes(s lostBuffer) bool {
	if f.named[s.head] {
		return true
	}
	for i := range f.buffers {
		for _, d := range f.buffers[i].cpus {
			if d.off >= s.off && d.off < s.end {
				return true
			}
		}
	}
	return false
}

// pageAlign rounds an offset up to where a CPU's data may begin.
func (f *file) pageAlign(off int64) int64 {
	n := int64(f.pageSize)
	return (off + n - 1) / n * n
}

// chunkedCPUs finds the CPUs in compressed data: a number of chunks and the
// chunks, for each CPU from a page border on.
func (f *file) chunkedCPUs(s lostBuffer) []cpuData {
	var cpus []cpuData
	for at := f.pageAlign(s.off); at <= s.end-4 && len(cpus) < maxCPUs; {
		c := &cursor{r: f.r, off: at, end: s.end, order: f.order, what: "chunks"}
		chunks := c.u32("number of chunks")
		good := 0
		for ; chunks > 0 && c.err == nil; chunks-- {
			packed, size := c.u32("size"), c.u32("unpacked size")
			if c.err == nil && (size == 0 || size%uint32(f.pageSize) != 0 || size > maxChunk) {
				return append(cpus, cutData(len(cpus), at, s.end, good)...)
			}
			c.skip(uint64(packed), "chunk")
			good++
		}
		if c.err != nil { // cut off within this CPU's data
			return append(cpus, cutData(len(cpus), at, s.end, good)...)
		}
		cpus = append(cpus, cpuData{cpu: len(cpus), off: at, size: c.off - at})
		at = f.pageAlign(c.off)
	}
	return cpus
}

// cutData is the data of a CPU that breaks off, if any of it is good.
func cutData(cpu int, off, end int64, good int) []cpuData {
	if good == 0 {
		return nil
	}
	return []cpuData{{cpu: cpu, off: off, size: end - off}}
}

// plainCPUs finds the CPUs in data that is not compressed: page after page, and
// where time goes back the next CPU begins.
func (f *file) plainCPUs(s lostBuffer) []cpuData {
	var cpus []cpuData
	h := f.header
	page := int64(f.pageSize)
	var last uint64
	for at := f.pageAlign(s.off); at < s.end; at += page {
		if at+int64(h.DataOff) > s.end {
			break
		}
		c := &cursor{r: f.r, off: at + int64(h.TimestampOff), end: s.end, order: f.order, what: "page"}
		time := c.u64("time stamp")
		if c.err != nil {
			break
		}
		n := len(cpus)
		if n == 0 || time < last {
			if n == maxCPUs {
				break
			}
			cpus = append(cpus, cpuData{cpu: n, off: at})
			n++
		}
		cpus[n-1].size += min(page, s.end-at)
		last = time
	}
	return cpus
}
