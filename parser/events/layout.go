package events

import (
	"bytes"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Span is where a value stands in a payload; Start is negative if it does not.
type Span struct{ Start, End int }

var absent = Span{-1, -1}

// maxFields bounds what is learned of an event that the catalogue does not
// know: a damaged text must not grow a schema without end.
const maxFields = 64

// A Layout finds the fields of one event in its printed payload, first by the
// forms of the catalogue, else by `name=`.
type Layout struct {
	schema *trace.Schema
	forms  []form
	keys   [][]byte // "name=" by field
	bases  []base   // by field
	enums  [][]value
	// free is set if a value may hold blanks and `=`: then keys are searched
	// from the end, where the numbers stand.
	free    bool
	learned bool
	// strict: all fields are always printed, as `name=`.
	strict bool
}

// NewLayout returns the layout of a schema that New made, or of one for an
// event that the catalogue does not know, whose fields Learn will find.
func NewLayout(s *trace.Schema) *Layout {
	l := &Layout{schema: s}
	for i := range s.Fields {
		l.add(&s.Fields[i])
	}
	e := find(s.FullName())
	if e == nil {
		l.learned, l.free = true, true
		return l
	}
	l.strict = len(e.row.forms) == 0 && (s.System == "ipi" || s.System == "csd")
	for _, text := range e.row.forms {
		l.forms = append(l.forms, compileForm(text, s, l.bases))
	}
	for _, en := range e.row.enums {
		l.enums[s.Ref(en.field)] = en.values
	}
	return l
}

func (l *Layout) add(f *trace.Field) {
	l.keys = append(l.keys, []byte(f.Name+"="))
	l.bases = append(l.bases, baseAny)
	l.enums = append(l.enums, nil)
	l.free = l.free || f.Kind == trace.KindString || f.Kind == trace.KindPointer
}

// Len is the number of fields.
func (l *Layout) Len() int { return len(l.keys) }

// Find stores the place of each field in spans, which has Len elements.
func (l *Layout) Find(p []byte, spans []Span) {
	for i := range spans {
		spans[i] = absent
	}
	for _, f := range l.forms {
		if f.match(p, spans) {
			return
		}
	}
	l.findKeys(p, spans)
}

// findKeys looks for `name=` in the order of the fields, in which the kernel
// prints them. The order keeps a comm that holds `pid=` from being taken apart.
func (l *Layout) findKeys(p []byte, spans []Span) {
	ordered := l.free && l.findBackward(p, spans) || !l.free && l.findForward(p, spans)
	if !ordered {
		// Another order: report -R prints the fields as they lie in the record.
		for i, key := range l.keys {
			if spans[i] == absent {
				spans[i].Start = firstKey(p, 0, key)
			}
		}
	}
	for i := range spans {
		if spans[i].Start < 0 {
			continue
		}
		end := len(p)
		for j := range spans {
			if spans[j].Start > spans[i].Start {
				end = min(end, spans[j].Start)
			}
		}
		spans[i].End = end
	}
	// Until here a span begins at its key.
	for i := range spans {
		if s := &spans[i]; s.Start >= 0 {
			s.Start += len(l.keys[i])
			for s.End > s.Start && (isBlank(p[s.End-1]) || p[s.End-1] == ',') {
				s.End--
			}
		}
	}
}

func (l *Layout) findForward(p []byte, spans []Span) (all bool) {
	at, all := 0, true
	for i, key := range l.keys {
		if n := firstKey(p, at, key); n >= 0 {
			spans[i].Start, at = n, n+len(key)
		} else {
			all = false
		}
	}
	return all
}

func (l *Layout) findBackward(p []byte, spans []Span) (all bool) {
	end, all := len(p), true
	for i := len(l.keys) - 1; i >= 0; i-- {
		n := -1
		if i > 0 || !bytes.HasPrefix(p[:end], l.keys[i]) {
			n = lastKey(p[:end], l.keys[i])
		} else {
			n = 0 // a comm may hold its own key: the first field stands first
		}
		if n >= 0 {
			spans[i].Start, end = n, n
		} else {
			all = false
		}
	}
	return all
}

// firstKey finds a key at the begin of a word.
func firstKey(p []byte, from int, key []byte) int {
	for from < len(p) {
		n := bytes.Index(p[from:], key)
		if n < 0 {
			return -1
		}
		if from += n; wordStart(p, from) {
			return from
		}
		from += len(key)
	}
	return -1
}

// lastKey looks for the byte that keys end with, of which there are few.
func lastKey(p []byte, key []byte) int {
	for {
		end := bytes.LastIndexByte(p, key[len(key)-1])
		if end < 0 {
			return -1
		}
		if n := end + 1 - len(key); n >= 0 && bytes.HasPrefix(p[n:], key) && wordStart(p, n) {
			return n
		}
		p = p[:end]
	}
}

func wordStart(p []byte, i int) bool { return i == 0 || !nameByte(p[i-1]) && p[i-1] != '.' }

func nameByte(c byte) bool {
	return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c-'0' <= 9
}

// Learn adds the fields that a payload shows to the schema of an event which
// the catalogue does not know. It does nothing for others, and does not
// allocate unless there is a new field.
func (l *Layout) Learn(p []byte) {
	if !l.learned {
		return
	}
	next := 0 // the field that is expected: most payloads repeat the first one
	for at := 0; ; {
		n := bytes.IndexByte(p[at:], '=')
		if n < 0 {
			return
		}
		end := at + n
		start := end
		for start > at && nameByte(p[start-1]) {
			start--
		}
		at = end + 1
		key := p[start:at]
		if start == end || key[0]-'0' <= 9 || !wordStart(p, start) || at < len(p) && p[at] == '=' {
			continue
		}
		if next < len(l.keys) && bytes.Equal(l.keys[next], key) {
			next++
			continue
		}
		if next = l.index(key) + 1; next == 0 && len(l.keys) < maxFields {
			l.schema.AddField(trace.Field{Name: string(p[start:end])})
			l.add(&l.schema.Fields[len(l.keys)])
			next = len(l.keys)
		}
	}
}

func (l *Layout) index(key []byte) int {
	for i := range l.keys {
		if bytes.Equal(l.keys[i], key) {
			return i
		}
	}
	return -1
}
