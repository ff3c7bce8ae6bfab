package perfscript

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// known is what is known of a printed event name.
type known struct {
	schema *trace.Schema
	layout *events.Layout
	skip   bool
	// samples of it, and pairs of equal ones among them
	samples, pairs uint64
}

// lookup returns what is known of a printed name, nil if there are too many.
func (s *Source) lookup(name []byte) *known {
	if k := s.names.Find(name); k != nil {
		return k
	}
	return s.learn(name)
}

func (s *Source) learn(name []byte) *known {
	if s.names.IsFull() {
		return nil
	}
	var k known
	full := string(withoutModifier(name))
	switch {
	case !s.wants(full):
		k.skip = true
	case full != string(name):
		same := s.lookup([]byte(full))
		if same == nil {
			return nil
		}
		k.schema, k.layout = same.schema, same.layout
	default:
		k.schema, k.layout = s.dec.Add(full)
	}
	return s.names.Add(string(name), k)
}

// withoutModifier cuts the modifiers of an event, "cycles:ppp" and
// "ipi:ipi_send_cpu:k" (tools/perf/Documentation/perf-list.txt).
func withoutModifier(name []byte) []byte {
	n := bytes.LastIndexByte(name, ':')
	if n <= 0 || n == len(name)-1 || len(name)-n > 10 {
		return name
	}
	for _, c := range name[n+1:] {
		if bytes.IndexByte([]byte("ukhGHIpPSDWebR"), c) < 0 {
			return name
		}
	}
	return name[:n]
}

// wants reports whether the hint has the event, by its name or with its system.
func (s *Source) wants(full string) bool {
	if s.wanted == nil || s.wanted[full] {
		return true
	}
	for i := range len(full) {
		if full[i] == ':' {
			return s.wanted[full[i+1:]]
		}
	}
	return false
}

// isTracepoint reports whether a printed name is that of a tracepoint,
// "system:name".
func isTracepoint(name []byte) bool {
	system, event, ok := bytes.Cut(withoutModifier(name), []byte(":"))
	if !ok || len(system) == 0 || len(event) == 0 {
		return false
	}
	for _, part := range [][]byte{system, event} {
		for _, c := range part {
			if c != '_' && c != '-' && c|0x20-'a' > 25 && c-'0' > 9 {
				return false
			}
		}
	}
	return true
}
