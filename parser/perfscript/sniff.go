package perfscript

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/internal/mail"
)

// Sniff reports whether a file that begins with prefix is perf script text:
// whether it has the sample of a tracepoint. A few kilobytes are enough, unless a
// long header or prose stands before the first sample; a last line that the prefix
// cuts is not judged unless it is the only one. Binary data is refused.
func Sniff(prefix []byte) bool {
	var (
		h     header
		c     mail.Cleaner
		clean []byte
	)
	for first := true; len(prefix) > 0; first = false {
		line, rest, whole := bytes.Cut(prefix, []byte("\n"))
		prefix = rest
		if !whole && !first || bytes.IndexByte(line, 0) >= 0 {
			return false
		}
		clean = c.Clean(clean[:0], line)
		clean = bytes.TrimSuffix(clean, []byte("\r"))
		if h.parse(clean) && isTracepoint(h.event) {
			return true
		}
	}
	return false
}
