package perfscript

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// known is what is known of a printed event name.
type known struct {
	name   string // as printed
	schema *trace.Schema
	layout *events.Layout
	skip   bool
}

// maxNames bounds the different event names of a text. A kernel has about two
// thousand; damage must not fill the memory.
const maxNames = 1 << 14

// lookup returns what is known of a printed name, nil if there are too many.
func (s *Source) lookup(name []byte) *known {
	slot := &s.recent[(len(name)*5+int(name[0])+int(name[len(name)-1])*11+int(name[len(name)/2])*3)%len(s.recent)]
	if k := *slot; k != nil && k.name == string(name) {
		return k
	}
	k := s.names[string(name)]
	if k == nil {
		if len(s.names) >= maxNames {
			return nil
		}
		k = s.learn(name)
	}
	*slot = k
	return k
}

func (s *Source) learn(name []byte) *known {
	k := &known{name: string(name)}
	s.names[k.name] = k
	full := string(withoutModifier(name))
	if !s.wants(full) {
		k.skip = true
		return k
	}
	if full != k.name {
		if same := s.lookup([]byte(full)); same != nil {
			k.schema, k.layout = same.schema, same.layout
			return k
		}
	}
	k.schema, k.layout = s.dec.Add(full)
	return k
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
