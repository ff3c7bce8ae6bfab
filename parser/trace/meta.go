package trace

import (
	"fmt"

	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Meta describes a trace: what its input says about the machine, the recorder
// and the buffers. Zero values mean "the input does not say".
type Meta struct {
	Path        string
	Format      string // "trace.dat v7", "ftrace text", ...
	Compression string // "zstd", "zlib", "none"
	Tool        string // version line of the recorder
	Kernel      string // release, "6.12.107+deb13-amd64"
	Uname       string // the whole uname line as recorded
	Host        string
	Arch        string
	Clock       string // "local", "mono", "x86-tsc", ...
	ClockUnit   string // "ns"; "ticks" for clocks that do not count nanoseconds
	CPUs        int    // number of CPUs of the traced machine
	PageSize    int
	LongSize    int // of the traced kernel, bytes
	BigEndian   bool
	Instances   []string // names of the trace instances, without the top buffer
	Options     []Option
	CPUStats    []CPUStat
	// Recorded is what was switched on when the trace was recorded, nil if the
	// input does not say.
	Recorded *Recorded
	// Notes are facts about the file that limit what can be said from it:
	// sections that were skipped, names that are missing.
	Notes []string
	// Command is the recorder's command line.
	Command string
	// BuildID is that of the traced kernel, in hex.
	BuildID string
	// WallOffset is what to add to times for nanoseconds since 1970.
	WallOffset int64
	// Opened are the events that were recorded, those that did not happen too,
	// where the recorder says so.
	Opened []string
	// Partial says which sends cannot be in the trace because only some CPUs or
	// tasks were recorded.
	Partial []string
	// LostByEvent is how many events of which name were lost, at the end of the
	// trace.
	LostByEvent map[string]uint64
	// DroppedColumns is set by text sources whose text lacks a part of the
	// event header ("flags").
	DroppedColumns []string
	// LinesTaken and LinesLeft are set by text sources for a mail or notes with
	// a trace in it: how many lines belong to the trace and how many do not.
	// They are final at the end of the text. LinesLeft alone counts the lines of
	// a trace that are no part of any event.
	LinesTaken, LinesLeft int
	// Tallied says that a text tells how many entries the buffer held, and that all of
	// them are in it.
	Tallied bool
	// FramesLeft counts lines that look like frames of stacks and belong to no
	// event. Until the end of the text there may be more.
	FramesLeft int
}

// Recorded is what ipiscope record wrote down of a recording: an event that is in
// it and not in the trace did not happen.
type Recorded struct {
	// Targets are the CPUs that were recorded: of IPIs to others, and of events on
	// others, nothing can be said.
	Targets cpumask.Mask
	Events  []RecordedEvent
	// Ring says that each CPU's buffer holds its newest events only.
	Ring bool
	// Covered is the time in which every such event was recorded, on the clock of
	// the events. It is nil where the recorder cannot vouch for that: it was
	// killed, events were lost, something else switched the recording off, or the
	// clock is not one that a program can read.
	Covered *Covered
}

// Covered is a time that was recorded whole, both ends included.
type Covered struct {
	Window
	// Count is the number of events of the recording, by the kernel's counters.
	Count uint64
}

// A RecordedEvent was switched on.
type RecordedEvent struct {
	Name   string // "system:name"
	Filter string // in the kernel's language; empty: all of them
	Stack  bool   // with the kernel stack of each
}

// An Option is one entry of a trace.dat's option list.
type Option struct {
	ID   int
	Name string
	Text string // the data, if it is text
	Size int
}

// CPUStat is what the recorder saved of per_cpu/cpuN/stats.
type CPUStat struct {
	Instance                                              string
	CPU                                                   int // -1: of all CPUs together, as the kernel's texts have it
	Entries, Overrun, CommitOverrun, DroppedEvents, Bytes uint64
	// Read are the events that readers took out of the buffer; a page that was
	// read in part is in Entries, too.
	Read uint64
	// Absent are the events that the kernel counted of a CPU of which the file has
	// no data, though it has room for it.
	Absent uint64
}

// Lost is the number of events that the kernel counted as lost on this CPU.
func (s CPUStat) Lost() uint64 { return s.Overrun + s.Unmarked() }

// Unmarked are the lost events that no page of the buffer tells of: those that
// found the buffer full with overwrite=0 (dropped events) or reserved by an
// interrupted write (commit overrun), and those of a CPU whose data was left out
// of the file. Only what a reader was too late for is marked in the data
// (kernel/trace/ring_buffer.c, lost_events).
func (s CPUStat) Unmarked() uint64 { return s.CommitOverrun + s.DroppedEvents + s.Absent }

// Excerpt says of a text, once it was read, why it is an excerpt of a recording: what
// happened in its time need not be in it, even if nothing was lost. It is empty for
// others.
func (m *Meta) Excerpt() string {
	for _, s := range m.CPUStats {
		if s.CPU < 0 && s.Overrun > 0 {
			return fmt.Sprintf("%d older events were overwritten, those of each CPU up to another time", s.Overrun)
		}
	}
	if m.LinesTaken > 0 && m.LinesLeft > 0 && !m.Tallied {
		return fmt.Sprintf("%d of its %d lines are those of a trace", m.LinesTaken, m.LinesTaken+m.LinesLeft)
	}
	return ""
}

// ClockComparable reports whether time stamps of different CPUs may be
// subtracted at microsecond precision. The kernel's default clock "local" is
// not synchronised between CPUs (Documentation/trace/ftrace.rst, trace_clock).
func (m *Meta) ClockComparable() bool {
	switch m.Clock {
	case "", "local", "uptime", "counter":
		return false
	}
	return true
}
