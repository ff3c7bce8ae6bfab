package tracedat

import (
	"encoding/binary"
	"fmt"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// A Head is the description of events as perf keeps it in perf.data: the begin of
// a version 6 trace.dat with the version "0.6" and no trace data after it
// (tools/perf/util/trace-event-info.c).
type Head struct {
	BigEndian bool
	Page      tracefmt.PageHeader
	PageSize  int
	// Formats are those of the recorded tracepoints. They are not in any table.
	Formats []*trace.Schema
	Comms   map[int32]string  // saved_cmdlines, as they were at the end
	Strings map[uint64]string // printk_formats
	// Unread says why formats could not be read, one remark for each.
	Unread []string
}

// ReadHead reads such a description. Of one that is damaged it returns what was
// read before, and an error.
func ReadHead(blob []byte) (*Head, error) {
	f := &file{size: int64(len(blob)), table: trace.NewTable(), comms: map[int32]trace.NameID{}, tgids: map[int32]int32{}, order: binary.LittleEndian, unpack: &decompressor{name: "none"}}
	c := &cursor{mem: blob, end: int64(len(blob)), order: f.order, what: "event formats"}
	h := &Head{Comms: map[int32]string{}}
	if err := f.readPerfHead(c); err != nil {
		return h, err
	}
	f.readFtraceFormats(c)
	f.readEventFormats(c)
	h.BigEndian, h.Page, h.PageSize = f.bigEndian, f.header, f.pageSize
	h.Formats, h.Unread = f.table.Schemas(), f.meta.Notes
	c.what = "kallsyms"
	c.block(uint64(c.u32("size")), maxSection, "kallsyms") // empty in every file seen
	c.what = "printk formats"
	printk := c.block(uint64(c.u32("size")), maxSection, "printk formats")
	h.Strings = printkStrings(printk)
	if c.err == nil && c.left() >= 8 { // version 0.5 had none
		c.what = "command lines"
		f.readCmdlines(c.block(c.u64("size"), maxCmdlines, "command lines"))
		for pid, id := range f.comms {
			if pid != 0 {
				h.Comms[pid] = f.table.NameOf(id)
			}
		}
	}
	return h, c.err
}

// readPerfHead reads what stands before the formats.
func (f *file) readPerfHead(c *cursor) error {
	magic := make([]byte, len(Magic))
	if !c.read(magic, "magic") || string(magic) != Magic {
		return fmt.Errorf("event formats: %w", errNotTraceDat)
	}
	c.str("version")
	if c.u8("byte order") == 1 {
		f.bigEndian, f.order, c.order = true, binary.BigEndian, binary.BigEndian
	}
	c.u8("long size")
	f.pageSize = int(c.u32("page size")) // perf's own, of no use here
	f.readHeaderInfo(c)
	return c.err
}
