// Package timeline writes the marks of traces for viewers of traces.
package timeline

import (
	"fmt"
	"io"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// A Writer takes marks. Begin starts the next trace: marks are of the one begun
// last. Close writes what is buffered; it does not close what is written to.
type Writer interface {
	Begin(result.Timeline) error
	Mark(*result.Mark) error
	Close(from []result.Input) error
}

// A Format is a form that marks can be written in.
type Format struct {
	Name   string
	Doc    string
	Binary bool // not for a terminal
	New    func(io.Writer) Writer
}

// Formats lists the formats.
func Formats() []Format {
	return []Format{
		{"perfetto", "native trace of the Perfetto UI", true, newPerfetto},
		{"chrome", "JSON of the trace event format", false, newChrome},
	}
}

// Both formats show a trace as two groups of CPUs.
const (
	groupIsolated = iota
	groupHousekeeping
)

func groupOf(m *result.Mark) int {
	if m.Isolated {
		return groupIsolated
	}
	return groupHousekeeping
}

// traceName is what a trace is called in a viewer. Viewers show times as
// nanoseconds since they were started; whose they are is said here.
func traceName(t result.Timeline) string {
	switch {
	case t.Ticks:
		return fmt.Sprintf("%s (clock %s: shown ns are ticks)", t.Path, t.Clock)
	case t.Clock != "":
		return fmt.Sprintf("%s (clock %s)", t.Path, t.Clock)
	}
	return t.Path
}

func groupName(t result.Timeline, group int) string {
	if group == groupHousekeeping {
		return "Housekeeping CPUs"
	}
	return "Isolated CPUs " + t.Isolated
}

func cpuName(cpu int32) string {
	if cpu < 0 {
		return "CPU not recorded"
	}
	return fmt.Sprintf("CPU %d", cpu)
}

// trackNameOf is what the track is called that a mark is on.
func trackNameOf(m *result.Mark) string {
	if m.OnNoise {
		return cpuName(m.CPU) + " noise"
	}
	return cpuName(m.CPU)
}

// arrow makes the number of an arrow one of its own among those of all traces.
func arrow(trace uint64, n uint64) uint64 { return trace<<56 | n }
