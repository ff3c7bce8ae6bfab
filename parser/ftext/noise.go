package ftext

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// facts are what was already said about the text.
type facts struct {
	noFlags, noDot, noTask, relative, noDepth, numbered, graph, context bool
	tracer, graphTracer                                                 bool
}

// comment reads what is said in the kernel's header. All its lines begin with #.
func (s *Source) comment(line []byte) {
	if bytes.HasPrefix(line, []byte("#####")) { // "##### CPU 2 buffer started ####"
		return
	}
	switch {
	case bytes.HasPrefix(line, []byte("# tracer: ")):
		s.settle()
		s.order.Header()
		s.dialect = kernelDialect
		s.seen.tracer = true
		s.seen.graphTracer = bytes.HasPrefix(line, []byte("# tracer: function_graph"))
	case bytes.HasPrefix(line, []byte("# entries-in-buffer/entries-written: ")):
		s.overwritten(string(line[len("# entries-in-buffer/entries-written: "):min(len(line), anchorRange)]))
	case bytes.Contains(line[:min(len(line), anchorRange)], []byte(" latency trace v")):
		if _, release, ok := bytes.Cut(line, []byte(" on ")); ok && len(release) < anchorRange {
			s.table.Meta.Kernel = string(bytes.TrimSpace(release))
		}
	}
	if _, n, ok := bytes.Cut(line, []byte("#P:")); ok {
		if cpus, end := scan.Digits(n, 0); end > 0 && end <= 5 && cpus <= maxCPU {
			s.table.Meta.CPUs = int(cpus)
		}
	}
}

// overwritten reads "1060/42245   #P:4": what the buffer holds and what was
// ever written to it (kernel/trace/trace.c, print_event_info).
func (s *Source) overwritten(counts string) {
	counts, _, _ = strings.Cut(counts, " ")
	have, all, _ := strings.Cut(counts, "/")
	h, err1 := strconv.ParseUint(have, 10, 64)
	w, err2 := strconv.ParseUint(all, 10, 64)
	if err1 == nil && s.entries.want == 0 && s.entries.have == 0 {
		s.entries.want, s.entries.at = h, s.pos()
	}
	if err1 == nil && err2 == nil && w > h {
		over := trace.CPUStat{CPU: -1, Entries: h, Overrun: w - h}
		if meta := &s.table.Meta; !slices.Contains(meta.CPUStats, over) && len(meta.CPUStats) < maxNotes {
			// each CPU's oldest events, so that CPUs begin at different times
			// (kernel/trace/trace.c, get_total_entries)
			meta.CPUStats = append(meta.CPUStats, over)
		}
		s.note("the buffer had held " + strconv.FormatUint(w-h, 10) + " older events that were overwritten before the text was printed")
	}
}

// maxNotes bounds what is noted of a text.
const maxNotes = 100

func (s *Source) note(text string) {
	meta := &s.table.Meta
	for _, n := range meta.Notes {
		if n == text {
			return
		}
	}
	if len(meta.Notes) < maxNotes {
		meta.Notes = append(meta.Notes, text)
	}
}

func (s *Source) noise() bool {
	if s.opts.Noise != nil {
		s.opts.Noise(s.Raw())
	}
	return false
}

// other handles a line that has no event header.
func (s *Source) other(line []byte) bool {
	text := bytes.TrimSpace(line)
	switch {
	case len(text) == 0:
		return s.noise()
	case bytes.Contains(line[:min(len(line), anchorRange)], []byte("CPU:")) && s.loss(line):
		return true
	case s.reportHead(text):
		return s.noise()
	case isGraphLine(text) || s.seen.graphTracer && isGraph(text):
		return s.graph(line)
	case isSeparator(text):
		return s.noise()
	case s.dialect == kernelDialect && s.bare(line):
		return s.rec != nil
	}
	if bytes.Contains(line[:min(len(line), anchorRange)], []byte("] ")) {
		return s.syntax(line, "not an event: want COMM-PID [CPU] FLAGS TIME: NAME: FIELDS")
	}
	if isFrameOtherwise(text) {
		s.countFrames(1)
		return s.syntax(line, "looks like a frame of a stack, in a form that is not known")
	}
	if s.seen.tracer && !hasTime(line) {
		return s.marker()
	}
	return s.syntax(line, "not a line of a trace")
}

// marker takes a line that has no sign of a header for text that was written to
// trace_marker, which the kernel prints bare with the option printk-msg-only
// (kernel/trace/trace_printk.c) and which may hold line breaks. It has no time,
// CPU or task, so it is no event; it is counted.
func (s *Source) marker() bool {
	meta := &s.table.Meta
	if meta.LinesLeft == 0 {
		s.note("lines without time, CPU and task were left out: text that was written to trace_marker (option printk-msg-only, or a text with line breaks)")
	}
	meta.LinesLeft++
	return s.noise()
}

// hasTime reports whether a line has what may be the time of an event,
// "7.428080:".
func hasTime(line []byte) bool {
	for i := 7; i < len(line); i++ {
		if line[i] != ':' {
			continue
		}
		start := i
		for start > 0 && line[start-1]-'0' <= 9 {
			start--
		}
		if i-start >= 6 && start > 1 && line[start-1] == '.' && line[start-2]-'0' <= 9 {
			return true
		}
	}
	return false
}

// reportHead reads what trace-cmd report prints besides events:
// "version = 6", "cpus=4", "CPU 3 is empty", and with --debug where its buffers
// begin.
func (s *Source) reportHead(text []byte) bool {
	if !isReportHead(text) {
		return false
	}
	if n, ok := bytes.CutPrefix(text, []byte("cpus=")); ok {
		s.order.Header()
		v, _ := scan.Digits(n, 0)
		s.table.Meta.CPUs = max(s.table.Meta.CPUs, int(v))
	}
	s.dialect = traceCmdDialect
	s.table.Meta.Format = "trace-cmd report text"
	return true
}

func isReportHead(text []byte) bool {
	if n, ok := bytes.CutPrefix(text, []byte("cpus=")); ok {
		v, end := scan.Digits(n, 0)
		return end > 0 && end < 6 && end == len(n) && v > 0 && v <= maxCPU
	}
	if n, ok := bytes.CutPrefix(text, []byte("version = ")); ok {
		return isVersion(n)
	}
	if n, ok := bytes.CutPrefix(text, []byte("CPU ")); ok {
		_, end := scan.Digits(n, 0)
		return end > 0 && string(n[end:]) == " is empty"
	}
	if n, ok := bytes.CutPrefix(text, []byte("CPU:")); ok {
		_, end := scan.Digits(n, 0)
		return end > 0 && bytes.HasPrefix(n[end:], []byte(" [SUBBUFFER START]"))
	}
	return false
}

// isVersion recognises the "6" of a file's version and the "0.5" of the first
// trace-cmds.
func isVersion(n []byte) bool {
	_, end := scan.Digits(n, 0)
	if end > 0 && end < len(n) && n[end] == '.' {
		_, end = scan.Digits(n, end+1)
	}
	return end > 0 && end == len(n)
}

// isSeparator recognises lines that stand between those of a trace and mean
// nothing: the "--" of grep -A, the fences of Markdown, the rules around what the
// kernel dumps when it panics.
func isSeparator(text []byte) bool {
	return string(text) == "--" || bytes.HasPrefix(text, []byte("```")) || bytes.HasPrefix(text, []byte("~~~")) ||
		len(text) > 20 && len(bytes.Trim(text, "-")) == 0
}

// bare delivers an event that was printed without its header (option
// nocontext-info). A line counts only if the catalogue knows the event, or it is
// a stack: other texts hold "word: text" too. It is false if the line is neither.
func (s *Source) bare(line []byte) bool {
	if bareName(line) == 0 {
		return false
	}
	if !s.seen.context {
		s.seen.context = true
		s.dropped("task", "cpu", "time")
		s.note("events were printed without task, CPU and time (option nocontext-info): their CPU and PID are -1, their time 0")
	}
	s.head = header{cpu: -1, pid: -1, tgid: -1}
	s.rec = nil
	s.event(line)
	return true
}

// bareName returns the length of what names the event of a line without a
// header, 0 if nothing does.
func bareName(line []byte) int {
	n := 0
	for n < len(line) && nameByte(line[n]) {
		n++
	}
	switch {
	case n > 0 && n < len(line) && line[n] == ':' && isKnown(line[:n]):
		return n
	case bytes.HasPrefix(line, []byte("<stack trace")) || bytes.HasPrefix(line, []byte("<user stack trace")):
		return len("<stack trace")
	}
	return 0
}

func isKnown(name []byte) bool {
	return string(name) == "tracing_mark_write" || events.IsKnown(string(name))
}

// loss reads the marks for lost events, which stand before the first event that
// is there again:
//
//	CPU:3 [LOST 290 EVENTS]     CPU:0 [LOST EVENTS]       (kernel/trace/trace.c, print_trace_line)
//	CPU:1 [55 EVENTS DROPPED]   CPU:1 [EVENTS DROPPED]    (trace-cmd, trace_show_data)
func (s *Source) loss(line []byte) bool {
	i := bytes.Index(line, []byte("CPU:"))
	prefix := bytes.TrimSpace(line[:i])
	cpu, end := scan.Digits(line, i+4)
	if end == i+4 || end-i-4 > 5 || cpu > maxCPU || !bytes.HasPrefix(line[end:], []byte(" [")) {
		return false
	}
	if len(prefix) > 0 && prefix[len(prefix)-1] != ':' {
		return false
	}
	mark := trimRight(line[end+2:])
	mark, lost := bytes.CutPrefix(mark, []byte("LOST "))
	n, end := scan.Digits(mark, 0)
	if end > 19 {
		return false
	}
	if end > 0 && end < len(mark) && mark[end] == ' ' {
		end++
	}
	if rest := string(mark[end:]); lost && rest != "EVENTS]" || !lost && rest != "EVENTS DROPPED]" {
		return false
	}
	s.lost = trace.Lost{CPU: int32(cpu), N: n, At: s.pos(), Time: s.ev.Time}
	s.entries.lost = true
	s.inherit = nil
	if len(prefix) > 1 {
		s.lost.Instance = s.table.NameBytes(prefix[:len(prefix)-1])
		s.inherit = []byte(s.table.NameOf(s.lost.Instance))
	}
	s.timeOfNext()
	s.rec = &s.lost
	return true
}

// timeOfNext sets the time of a loss from the event line after it. The kernel
// may print one comment in between ("##### CPU 2 buffer started ####").
func (s *Source) timeOfNext() {
	ahead := 0
	for range 2 {
		line, end, ok := s.in.Peek(ahead)
		if !ok {
			return
		}
		if s.parseHeader(line) {
			if s.head.cpu == s.lost.CPU {
				s.lost.Time = s.head.time
			}
			return
		}
		ahead = end
	}
}

// facts notes what the event headers lack.
func (s *Source) facts() {
	h := &s.head
	if s.dialect == unknownDialect || h.noDot && !s.seen.noDot || !h.hasFlags && !s.seen.noFlags ||
		h.noTask && !s.seen.noTask || h.relative && !s.seen.relative || h.noDepth && !s.seen.noDepth {
		s.learnFacts(h)
	}
}

const noFlags = "the text has no flags: only the order of the lines tells what an interrupt did from what its task did"

func (s *Source) learnFacts(h *header) {
	if s.dialect == unknownDialect {
		s.dialect = guessDialect(h)
	}
	if !h.hasFlags && !s.seen.noFlags {
		s.seen.noFlags = true
		s.dropped("flags")
		if !s.seen.context {
			s.note(noFlags)
		}
	}
	if h.noDepth && !s.seen.noDepth {
		s.seen.noDepth = true
		s.dropped("preempt")
		s.note("report -R prints common_flags without common_preempt_count, CPU masks as the number of their place in the record, and stacks as bytes")
	}
	if h.noTask && !s.seen.noTask {
		s.seen.noTask = true
		s.dropped("task")
		s.note("lines without comm and pid: who sent is not known, their PID is -1")
	}
	if h.relative && !s.seen.relative {
		s.seen.relative = true
		s.note("times count from the start of the trace (option latency-format)")
	}
	if h.noDot && !s.seen.noDot {
		s.seen.noDot = true
		s.clock()
	}
}

// nsClocks are the trace clocks that count nanoseconds although trace-cmd
// prints some of them without a point (Documentation/trace/ftrace.rst,
// trace_clock).
var nsClocks = map[string]bool{"local": true, "global": true, "perf": true, "mono": true, "mono_raw": true, "boot": true, "tai": true}

// clock is called for the first time stamp without a point. The text does not
// say whether it is in nanoseconds.
func (s *Source) clock() {
	meta := &s.table.Meta
	if nsClocks[meta.Clock] {
		return
	}
	meta.ClockUnit = "ticks"
	if meta.Clock == "" {
		s.note("the time stamps have no unit: the clock is boot, in nanoseconds, or one that does not count nanoseconds (x86-tsc, counter, uptime)")
	}
}

// guessDialect tells the printers apart by the blanks before "[": the kernel
// pads the PID to 7 columns, trace-cmd to 5.
// A trace-cmd text that begins with a PID of 7 digits is misjudged.
func guessDialect(h *header) dialect {
	if h.padding < 8 {
		return traceCmdDialect
	}
	return kernelDialect
}

func (s *Source) dropped(columns ...string) {
	meta := &s.table.Meta
	meta.DroppedColumns = append(meta.DroppedColumns, columns...)
}

// instance adds a name to the trace's description.
func (s *Source) instance(name []byte) {
	meta := &s.table.Meta
	for _, n := range meta.Instances {
		if n == string(name) {
			return
		}
	}
	if len(meta.Instances) < 1000 {
		meta.Instances = append(meta.Instances, string(name))
	}
}
