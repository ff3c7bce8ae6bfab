package perfscript

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/internal/scan"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// facts are what was already said about the text.
type facts struct {
	first, noCPU, noTask bool
	lost, ended          bool
}

const noFlags = "perf prints no flags: only the order of the lines tells what an interrupt did from what its task did"

// learnFacts notes what the header of a sample lacks.
func (s *Source) learnFacts() {
	h, f, meta := &s.head, &s.seen, &s.table.Meta
	if !f.first {
		f.first = true
		if h.time == 0 {
			s.deltas = true
			s.note("the first time stamp is 0: times count from the first event (--reltime) or from the event before (--deltatime)")
		}
	}
	if h.cpu < 0 && !f.noCPU {
		f.noCPU = true
		meta.DroppedColumns = append(meta.DroppedColumns, "cpu")
		s.note("samples without a CPU (-F): who sent is not known, their CPU is -1")
	}
	if h.pid < 0 && len(h.comm) == 0 && !f.noTask {
		f.noTask = true
		meta.DroppedColumns = append(meta.DroppedColumns, "task")
		s.note("samples without comm and tid (-F): their PID is -1")
	}
}

func (s *Source) note(text string) {
	meta := &s.table.Meta
	if len(meta.Notes) < 100 {
		meta.Notes = append(meta.Notes, text)
	}
}

// comment reads a line of `perf script --header`, "# nrcpus online : 4"
// (tools/perf/util/header.c). It is false if the line is none.
func (s *Source) comment(line []byte) bool {
	if len(line) > 1 && line[1] != ' ' {
		return false // a comm that begins with #
	}
	if bytes.HasPrefix(line, []byte("# ========")) {
		s.order.Header()
	}
	name, value, ok := strings.Cut(string(line[min(2, len(line)):min(len(line), 4096)]), ":")
	if !ok {
		return true
	}
	meta, value := &s.table.Meta, strings.TrimSpace(value)
	switch strings.TrimSpace(name) {
	case "hostname":
		meta.Host = value
	case "os release":
		meta.Kernel = value
	case "perf version":
		meta.Tool = "perf " + value
	case "arch":
		meta.Arch = value
	case "nrcpus avail":
		if n, err := strconv.Atoi(value); err == nil && n > 0 && n <= maxCPU {
			meta.CPUs = n
		}
	case "event":
		s.clock(value)
	}
	return true
}

// clock reads what perf record -k chose out of an event's attributes, the ids of
// clock_gettime(2).
func (s *Source) clock(attributes string) {
	if !strings.Contains(attributes, "use_clockid = 1") {
		return
	}
	_, id, _ := strings.Cut(attributes, " clockid = ")
	id, _, _ = strings.Cut(id, ",")
	switch strings.TrimSpace(id) {
	case "1":
		s.table.Meta.Clock = "mono"
	case "4":
		s.table.Meta.Clock = "mono_raw"
	case "7":
		s.table.Meta.Clock = "boot"
	case "11":
		s.table.Meta.Clock = "tai"
	}
}

func isPerfRecord(event []byte) bool { return bytes.HasPrefix(event, []byte("PERF_RECORD_")) }

// perfRecord handles what perf script prints of records that are no samples
// (--show-lost-events and its like). Only losses count:
//
//	perf  2973 [002]   292.146365: PERF_RECORD_LOST lost 12
func (s *Source) perfRecord(text []byte) bool {
	h := &s.head
	number, ok := bytes.CutPrefix(text, []byte("lost "))
	if !ok || !bytes.HasPrefix(h.event, []byte("PERF_RECORD_LOST")) {
		return s.noise()
	}
	n, end := scan.Digits(number, 0)
	if end == 0 || end > 19 {
		return s.noise()
	}
	s.seen.lost = true
	s.lost = trace.Lost{CPU: h.cpu, N: n, Time: h.time, At: s.pos()}
	s.rec = &s.lost
	return true
}

// other handles a line that is none of perf script's.
func (s *Source) other(line []byte) bool {
	text := trim(line)
	if len(text) == 0 {
		return s.noise()
	}
	if string(text) == "--" || bytes.HasPrefix(text, []byte("```")) || bytes.HasPrefix(text, []byte("~~~")) {
		return s.noise() // between the matches of grep -A; a fence of Markdown
	}
	if isLossWarning(text) {
		s.note("perf said: " + string(text[:min(len(text), 200)]))
		return s.noise()
	}
	return s.syntax(line, "not a sample: want COMM PID [CPU] TIME: SYSTEM:EVENT: FIELDS")
}

// isLossWarning recognises what perf says on stderr of a ring buffer that
// overflowed, "Processed 3312 events and lost 3 chunks!"
// (tools/perf/util/session.c).
func isLossWarning(line []byte) bool {
	return bytes.HasPrefix(line, []byte("Processed ")) && bytes.Contains(line, []byte(" lost "))
}
