package recorder

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// stats is what per_cpu/cpuN/stats counts (kernel/trace/trace.c,
// tracing_stats_read).
type stats struct {
	text                                   string
	entries, read                          uint64
	overrun, commitOverrun, dropped, bytes uint64
}

func parseStats(text string) stats {
	s := stats{text: text}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		if err != nil {
			continue // times
		}
		switch key {
		case "entries":
			s.entries = n
		case "read events":
			s.read = n
		case "overrun":
			s.overrun = n
		case "commit overrun":
			s.commitOverrun = n
		case "dropped events":
			s.dropped = n
		case "bytes":
			s.bytes = n
		}
	}
	return s
}

// lost is what was lost since an earlier state.
func (s *stats) lost(since *stats) uint64 {
	return s.overrun - since.overrun + s.commitOverrun - since.commitOverrun + s.dropped - since.dropped
}

func (r *tracing) stats() (map[int]stats, error) {
	all := map[int]stats{}
	for _, cpu := range r.cpus {
		text, err := r.fs.ReadFile(r.instance.Path(fmt.Sprintf("per_cpu/cpu%d/stats", cpu)))
		if err != nil {
			return nil, err
		}
		all[cpu] = parseStats(string(text))
	}
	return all, nil
}

// putStats writes the counters beside the pages.
func (r *recording) putStats() error {
	now, err := r.stats()
	if err != nil {
		return err
	}
	for _, cpu := range r.cpus {
		if err := r.spool.Put(fmt.Sprintf("per_cpu/cpu%d/stats", cpu), []byte(now[cpu].text)); err != nil {
			return err
		}
	}
	return nil
}

// names are those of tasks by PID.
type names map[int]string

// readNames reads saved_cmdlines whole into memory, for it grows while it is read.
// A name that is there now is newer than one that was before.
func (r *tracing) readNames() {
	text, err := r.fs.ReadFile("saved_cmdlines")
	if err != nil {
		return // tasks have numbers then, and the file says so
	}
	for line := range strings.Lines(string(text)) {
		id, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if pid, err := strconv.Atoi(id); err == nil && ok {
			r.names[pid] = name
		}
	}
}

func (n names) text() []byte {
	var b []byte
	for _, pid := range slices.Sorted(maps.Keys(n)) {
		b = fmt.Appendf(b, "%d %s\n", pid, n[pid])
	}
	return b
}
