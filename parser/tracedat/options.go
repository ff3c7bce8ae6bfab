package tracedat

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// options collects what option lists say about where things are.
type options struct {
	sections map[int]int64 // v7: section id -> offset
	buffers  []v6Instance  // v6: further instances
	size     int64         // what all options took, to bound it
	err      error         // the first option that could not be read
}

// v6Instance is a BUFFER option of a version 6 file.
type v6Instance struct {
	off  int64
	name string
}

// optionCost is what an option takes beside its data, roughly.
const optionCost = 64

// optionNames are the ids that trace-cmd 3.4 writes.
var optionNames = [...]string{
	"DONE", "DATE", "CPUSTAT", "BUFFER", "TRACECLOCK", "UNAME", "HOOK", "OFFSET", "CPUCOUNT", "VERSION", "PROCMAPS", "TRACEID", "TIME_SHIFT",
	"GUEST", "TSC2NSEC", "STRINGS", "HEADER_INFO", "FTRACE_EVENTS", "EVENT_FORMATS", "KALLSYMS", "PRINTK", "CMDLINES", "BUFFER_TEXT",
	"BTF_FILE", "LAST_BOOT_INFO", "MODULES_FILE",
}

func optionName(id int) string {
	if id == datfile.OptRecorded {
		return "RECORDED"
	}
	if id < len(optionNames) {
		return optionNames[id]
	}
	return "option " + strconv.Itoa(id)
}

// readOptions reads one list of options and returns the offset of the next
// one, 0 at the end of the chain. A version 6 list ends at an id of 0 that has
// no size; in version 7 that entry holds the next list's offset.
func (f *file) readOptions(c *cursor, o *options) int64 {
	if o.sections == nil {
		o.sections = map[int]int64{}
	}
	for c.err == nil {
		id := int(c.u16("option id"))
		if id == optDone && f.version == 6 {
			return 0
		}
		size := c.u32("option size")
		data := c.block(uint64(size), maxOptions, "option "+optionName(id))
		if o.size += optionCost + int64(size); o.size > maxOptions {
			c.fail("the options of the file take more than %d MiB", maxOptions>>20)
		}
		if c.err != nil {
			break
		}
		oc := c.over(data, optionName(id)+" option")
		if id == optDone {
			next := oc.offset("next options section")
			c.err = oc.err
			return next
		}
		f.applyOption(id, data, oc, o)
		if o.err == nil {
			o.err = oc.err // costs this option, not those after it
		}
		opt := trace.Option{ID: id, Name: optionName(id), Size: len(data)}
		if text := string(bytes.TrimRight(data, "\x00")); isText(text) {
			opt.Text = text
		}
		f.meta.Options = append(f.meta.Options, opt)
	}
	return 0
}

// isText tells option data that is meant to be read from binary data.
func isText(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' })
}

func (f *file) applyOption(id int, data []byte, c *cursor, o *options) {
	text := string(bytes.TrimRight(data, "\x00"))
	m := &f.meta
	switch id {
	case optBuffer:
		if f.version == 7 {
			f.readBufferOption(c)
			return
		}
		if i := (v6Instance{c.offset("offset"), c.str("instance name")}); c.err == nil {
			o.buffers = append(o.buffers, i)
		}
	case optHeaderInfo, optFtraceEvents, optEventFormats, optKallsyms, optPrintk, optCmdlines, optBufferText:
		if at := c.offset("section offset"); c.err == nil {
			o.sections[id] = at
		}
	case optTraceClock:
		m.Clock = selectedClock(text)
	case optUname:
		f.readUname(text)
	case optVersion:
		m.Tool = text
	case optCPUCount:
		m.CPUs = int(c.count(maxCPUs, "number of CPUs"))
	case optCPUStat:
		f.addCPUStat(text)
	case optDate:
		// microseconds in hex: the wall clock minus the trace clock
		f.addOffset(text, 1000)
	case optOffset:
		f.addOffset(text, 1)
	case datfile.OptRecorded:
		f.readNote(text)
	case optTimeShift:
		f.readTimeShift(c)
	case optTSC2Nsec:
		mult, shift := c.u32("multiplier"), c.u32("shift")
		c.u64("offset") // trace-cmd reads it and does not apply it
		if c.err == nil {
			f.adjust.mult, f.adjust.shift = mult, shift
		}
	}
}

// readNote reads what ipiscope record says that it recorded.
func (f *file) readNote(text string) {
	r, err := datfile.ParseNote([]byte(text))
	if err != nil {
		f.remark("%v: what was switched on is not known", err)
		return
	}
	f.meta.Recorded = r
}

// addOffset reads the number of a DATE or OFFSET option.
func (f *file) addOffset(text string, unit int64) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 0, 64)
	if err != nil {
		f.remark("time offset %q is no number and was not applied", text)
		return
	}
	f.adjust.offset += n * unit
}

// readUname takes "Linux host release version machine" apart.
func (f *file) readUname(text string) {
	m := &f.meta
	m.Uname = text
	words := strings.Fields(text)
	if len(words) < 4 {
		return
	}
	m.Host, m.Kernel, m.Arch = words[1], words[2], words[len(words)-1]
}

// addCPUStat reads a copy of per_cpu/cpuN/stats, headed by "CPU: N". An entry
// "Buffer: NAME" stands before those of a further instance.
func (f *file) addCPUStat(text string) {
	s := trace.CPUStat{CPU: -1, Instance: f.statInstance}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		n, _ := strconv.ParseUint(value, 10, 64)
		switch key {
		case "CPU":
			s.CPU = int(n)
		case "Buffer":
			f.statInstance = value
		case "entries":
			s.Entries = n
		case "overrun":
			s.Overrun = n
		case "commit overrun":
			s.CommitOverrun = n
		case "dropped events":
			s.DroppedEvents = n
		case "bytes":
			s.Bytes = n
		case "read events":
			s.Read = n
		}
	}
	if s.CPU >= 0 {
		f.meta.CPUStats = append(f.meta.CPUStats, s)
	}
}

// fewEvents is how many events a CPU may have of which trace-cmd writes none: the
// mark by which record --date finds out the time of day.
const fewEvents = 1

// noteAbsent finds the CPUs whose events the kernel counted and of which the file
// has no data: a buffer that was taken out, not one that was empty.
func (f *file) noteAbsent() {
	for i := range f.meta.CPUStats {
		s := &f.meta.CPUStats[i]
		n := max(s.Entries, s.Read)
		if n <= fewEvents {
			continue
		}
		for _, b := range f.buffers {
			isEmpty := !slices.ContainsFunc(b.cpus, func(c cpuData) bool { return c.cpu == s.CPU && c.size > 0 })
			if b.name == s.Instance && isEmpty {
				s.Absent = n
				f.remark("the kernel counted %d events on CPU %d, and the file has no data of it", n, s.CPU)
			}
		}
	}
}
