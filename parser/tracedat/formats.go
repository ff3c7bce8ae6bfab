package tracedat

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// maxEventType bounds common_type: it is 16 bits wide.
const maxEventType = 1<<16 - 1

// readHeaderInfo reads header_page and header_event, the same in both versions.
func (f *file) readHeaderInfo(c *cursor) {
	c.what = "header info"
	if s := c.str("header_page tag"); c.err == nil && s != "header_page" {
		c.fail("tag is %q, want header_page", s)
	}
	page := c.block(c.u64("header_page size"), maxText, "header_page")
	if s := c.str("header_event tag"); c.err == nil && s != "header_event" {
		c.fail("tag is %q, want header_event", s)
	}
	c.block(c.u64("header_event size"), maxText, "header_event")
	if c.err != nil {
		return
	}
	h, err := tracefmt.ParsePageHeader(page)
	if err != nil {
		c.fail("%v", err)
		return
	}
	f.header = h
}

// readFtraceFormats reads the formats of ftrace's own events.
func (f *file) readFtraceFormats(c *cursor) {
	c.what = "ftrace event formats"
	for n := c.count(maxEventType, "number of formats"); n > 0 && c.err == nil; n-- {
		f.addFormat(c, "ftrace")
	}
}

// readEventFormats reads the formats of all other events.
func (f *file) readEventFormats(c *cursor) {
	c.what = "event formats"
	for systems := c.count(maxEventType, "number of systems"); systems > 0 && c.err == nil; systems-- {
		system := c.str("system name")
		for n := c.count(maxEventType, "number of events"); n > 0 && c.err == nil; n-- {
			f.addFormat(c, system)
		}
	}
}

// count reads how many things follow.
func (c *cursor) count(limit uint32, name string) uint32 {
	n := c.u32(name)
	if c.err == nil && n > limit {
		c.off -= 4
		c.fail("%s is %d, want at most %d", name, n, limit)
		return 0
	}
	return n
}

// addFormat reads one event's format. One that does not parse costs this event
// only: it is noted.
func (f *file) addFormat(c *cursor, system string) {
	at := c.off
	text := c.block(c.u64("format size"), maxFormat, "format")
	if c.err != nil {
		return
	}
	s, err := tracefmt.ParseFormat(text, int(f.header.CommitSize))
	if err == nil && s.Type > maxEventType {
		err = fmt.Errorf("event id %d, want at most %d", s.Type, maxEventType)
	}
	if err != nil {
		if f.unread++; f.unreadFormat == nil {
			f.unreadFormat = err
		}
		f.remark("the format of an event of system %q was skipped (byte %#x of the %s): %v", system, at, c.what, err)
		return
	}
	s.System = f.table.NameOf(f.table.Name(system))
	f.addSchema(s)
}

func (f *file) addSchema(s *trace.Schema) {
	if s.Type >= len(f.byType) {
		f.byType = append(f.byType, make([]*trace.Schema, s.Type+1-len(f.byType))...)
		f.reach = append(f.reach, make([]reach, s.Type+1-len(f.reach))...)
	}
	if f.byType[s.Type] != nil {
		return // libtraceevent as well keeps the first of two formats with one id
	}
	f.byType[s.Type], f.reach[s.Type] = s, reachOf(s)
	f.table.AddSchema(s)
}

// stringAt returns the static string at a kernel address, as the kernel lists
// them in printk_formats: "0xffffffff81f2a1c0 : \"text\"" lines. The section is
// read when the first string is asked for.
func (f *file) stringAt(addr uint64) (string, bool) {
	if f.strings == nil {
		f.loadStrings()
	}
	s, ok := f.strings[addr]
	return s, ok
}

func (f *file) loadStrings() {
	f.strings = map[uint64]string{}
	if !f.printk.present {
		return
	}
	c, err := f.lateCursor(f.printk, "printk formats")
	if err != nil {
		f.unreadable = fmt.Errorf("printk formats are not readable: %w", err)
		f.remark("%v", f.unreadable)
		return
	}
	text := c.block(uint64(c.u32("size")), maxSection, "printk formats")
	if c.err != nil {
		f.unreadable = fmt.Errorf("printk formats are not readable: %w", c.err)
		f.remark("%v", f.unreadable)
	}
	f.strings = printkStrings(text)
}

// printkStrings reads the lines of printk_formats.
func printkStrings(text []byte) map[uint64]string {
	all := map[uint64]string{}
	for line := range bytes.Lines(text) {
		addr, value, ok := strings.Cut(strings.TrimRight(string(line), "\n"), " : ")
		n, err := strconv.ParseUint(strings.TrimSpace(addr), 0, 64)
		if !ok || err != nil {
			continue
		}
		if s, err := strconv.Unquote(value); err == nil {
			value = s
		}
		all[n] = value
	}
	return all
}

// readCmdlines reads saved_cmdlines: "pid comm" lines.
func (f *file) readCmdlines(text []byte) {
	f.comms[0] = f.table.Name("<idle>") // as ftrace and trace-cmd print it
	f.noComm = f.table.Name("<...>")
	for line := range bytes.Lines(text) {
		pid, comm, ok := strings.Cut(strings.TrimRight(string(line), "\n\x00"), " ")
		n, err := strconv.ParseInt(pid, 10, 32)
		if !ok || err != nil {
			continue
		}
		if n != 0 {
			f.comms[int32(n)] = f.table.Name(comm)
		}
	}
}
