package tracedat

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// trace-cmd report -R prints fields as their format declares them. A record may
// be shorter: a kernel_stack declares eight frames and has as many as there are,
// and the text of raw_data has no size and need not end within the record. Then
// trace-cmd goes on with what lies after the record in its page.

// A reach is how far an event's fields go.
type reach struct {
	end  int // of the declared fields
	text int // offset of a text without a size, 0 if there is none
}

func reachOf(s *trace.Schema) reach {
	var r reach
	for i := range s.Fields {
		f := &s.Fields[i]
		if f.Loc != trace.Inline {
			continue
		}
		r.end = max(r.end, int(f.Off)+int(f.Size))
		if f.Size == 0 && f.Kind == trace.KindString {
			r.text = int(f.Off)
		}
	}
	return r
}

// behind gives how many bytes after a record of that reach belong to what
// trace-cmd prints of it. The record's capacity ends with the pages that were
// read together with its own.
func (r *reach) behind(record []byte) int {
	if r.end <= len(record) && r.text == 0 {
		return 0
	}
	page := record[:cap(record)]
	end := min(r.end, len(page))
	if r.text > 0 && r.text <= len(page) {
		if n := bytes.IndexByte(page[r.text:], 0); n >= 0 {
			end = max(end, r.text+n)
		} else {
			end = len(page)
		}
	}
	return max(0, end-len(record))
}
