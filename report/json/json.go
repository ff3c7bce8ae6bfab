// Package json writes a result as one JSON object. Its member names are a
// contract: they are added to, never changed.
package json

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Write writes s, indented, with a line break behind it.
func Write(w io.Writer, s *result.Set) error { return WriteFrom(w, s, "") }

// WriteFrom is Write with a member that says where the result comes from, which is an
// object in JSON; "" for none.
func WriteFrom(w io.Writer, s *result.Set, origin string) error {
	e := &encoder{}
	e.object(func() {
		e.member("schema", func() { e.str(s.Schema) })
		if origin != "" {
			e.member("origin", func() { e.buf.WriteString(origin) })
		}
		if s.Sides == nil {
			e.member("inputs", func() { e.inputs(s.Inputs) })
		}
		for _, side := range s.Sides {
			e.member(side.Name, func() { e.inputs(side.Inputs) })
		}
		e.member("isolated", func() { e.str(s.Isolated) })
		e.member("totals", func() { e.fields(s.Totals) })
		for _, o := range s.Objects {
			e.member(o.Name, func() { e.fields(o.Fields) })
		}
		e.member("by", func() { e.strs(s.By) })
		for _, t := range s.Tables {
			e.member(t.Name, func() { e.table(t) })
		}
		if s.Stacks != nil && !s.Stacks.Compares { // a comparison has them as rows
			e.member("stacks", func() { e.stacks(s.Stacks.Merge()) })
		}
		if s.Verdict != "" {
			e.member("verdict", func() { e.str(s.Verdict) })
		}
		if len(s.Notes) > 0 {
			e.member("notes", func() { e.strs(s.Notes) })
		}
		e.member("warnings", func() {
			e.array(func() {
				for _, x := range s.Warnings {
					e.element(func() {
						e.object(func() {
							e.member("code", func() { e.str(x.Code) })
							e.member("text", func() { e.str(x.Text) })
						})
					})
				}
			})
		})
	})
	var out bytes.Buffer
	if err := json.Indent(&out, e.buf.Bytes(), "", " "); err != nil {
		return err
	}
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

// An encoder writes JSON in the order it is told to: encoding/json would sort
// the members of a map.
type encoder struct {
	buf   bytes.Buffer
	first bool // no comma is due
}

func (e *encoder) object(members func()) { e.nest('{', '}', members) }
func (e *encoder) array(elements func()) { e.nest('[', ']', elements) }

func (e *encoder) nest(open, end byte, body func()) {
	e.buf.WriteByte(open)
	e.first = true
	body()
	e.first = false
	e.buf.WriteByte(end)
}

func (e *encoder) element(value func()) {
	if !e.first {
		e.buf.WriteByte(',')
	}
	e.first = false
	value()
}

func (e *encoder) member(name string, value func()) {
	e.element(func() {
		e.str(name)
		e.buf.WriteByte(':')
		value()
	})
}

// str writes a string. Bytes that are not UTF-8, as a comm may hold, become
// U+FFFD.
func (e *encoder) str(s string) { e.buf.Write(AppendString(e.buf.AvailableBuffer(), s)) }

// AppendString appends s to b as a JSON string, as package encoding/json does.
// Names are plain ASCII nearly always, which needs no more than to be looked at.
func AppendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			text, _ := json.Marshal(s) // fails for no string
			return append(b, text...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// value writes a number or a string. JSON has no infinities: they become null.
func (e *encoder) value(v result.Value) {
	switch v.Kind {
	case result.KindInt:
		e.buf.WriteString(strconv.FormatInt(v.Int, 10))
	case result.KindFloat:
		if math.IsNaN(v.Float) || math.IsInf(v.Float, 0) {
			e.buf.WriteString("null")
			return
		}
		b, _ := json.Marshal(v.Float)
		e.buf.Write(b)
	case result.KindNone:
		e.buf.WriteString("null")
	case result.KindBars:
		e.bars(v.Bars)
	case result.KindRows:
		e.table(v.Rows)
	default:
		e.str(v.Str)
	}
}

func (e *encoder) bars(s *result.Bars) {
	e.object(func() {
		e.member("start_ns", func() { e.value(result.Int(s.Start)) })
		e.member("width_ns", func() { e.value(result.Int(s.Width)) })
		e.member("counts", func() {
			e.array(func() {
				for _, n := range s.Counts {
					e.element(func() { e.value(result.Int(n)) })
				}
			})
		})
	})
}

func (e *encoder) fields(fields []result.Field) {
	e.object(func() {
		for _, f := range fields {
			e.member(f.Name, func() { e.value(f.Value) })
		}
	})
}

func (e *encoder) inputs(ins []result.Input) {
	e.array(func() {
		for _, in := range ins {
			e.element(func() { e.input(in) })
		}
	})
}

func (e *encoder) input(in result.Input) {
	e.object(func() {
		for _, f := range []struct {
			name string
			v    result.Value
		}{
			{"path", result.Str(in.Path)}, {"format", result.Str(in.Format)}, {"tool", result.Str(in.Tool)},
			{"kernel", result.Str(in.Kernel)}, {"host", result.Str(in.Host)}, {"arch", result.Str(in.Arch)}, {"clock", result.Str(in.Clock)}, {"cpus", result.Int(in.CPUs)},
			{"events", result.Int(in.Events)}, {"lost", result.Int(in.Lost)},
		} {
			e.member(f.name, func() { e.value(f.v) })
		}
		e.member("lost_unknown", func() { e.bool(in.LostUnknown) })
		e.member("syntax_errors", func() { e.value(result.Int(in.SyntaxErrors)) })
		e.member("first_ns", func() { e.value(result.Int(in.First)) })
		e.member("last_ns", func() { e.value(result.Int(in.Last)) })
		if id := in.Identity.Text(); id != "" {
			e.member("identity", func() { e.str(id) })
		}
		e.member("incomplete", func() { e.bool(in.Incomplete) })
		e.member("sends_without_target", func() { e.value(result.Int(in.Sent.Untargeted)) })
		for _, list := range []struct {
			name  string
			words []string
		}{{"recorded", in.Recorded}, {"unrecorded", in.Unrecorded}, {"unsaid", in.Unsaid}} {
			if list.words != nil {
				e.member(list.name, func() { e.strs(list.words) })
			}
		}
	})
}

func (e *encoder) bool(b bool) { e.buf.WriteString(strconv.FormatBool(b)) }

// table writes one object a row. Key columns go together under "key"; columns
// whose names share a part before a dot under that part. Such columns stand
// next to one another.
func (e *encoder) table(t *result.Table) {
	e.array(func() {
		for _, row := range t.Rows {
			e.element(func() {
				e.object(func() { e.row(t.Cols, row) })
			})
		}
	})
}

// stacks writes one object a stack and key, frames innermost first.
func (e *encoder) stacks(st *result.Stacks) {
	e.array(func() {
		for _, x := range st.Samples {
			e.element(func() {
				e.object(func() {
					if len(st.Keys) > 0 {
						e.member("key", func() { e.words(st.Keys, x.Key) })
					}
					e.member("frames", func() { e.strs(x.Frames) })
					for i, v := range st.Values {
						e.member(v.Name, func() { e.value(result.Int(x.Values[i])) })
					}
				})
			})
		}
	})
}

func (e *encoder) words(cols []result.Col, words []string) {
	e.object(func() {
		for i, c := range cols {
			e.member(c.Name, func() { e.str(words[i]) })
		}
	})
}

func (e *encoder) strs(words []string) {
	e.array(func() {
		for _, s := range words {
			e.element(func() { e.str(s) })
		}
	})
}

func (e *encoder) row(cols []result.Col, row []result.Value) {
	for i := 0; i < len(cols); {
		parent, name := path(cols[i])
		if parent == "" {
			e.member(name, func() { e.value(row[i]) })
			i++
			continue
		}
		end := i
		for end < len(cols) {
			if p, _ := path(cols[end]); p != parent {
				break
			}
			end++
		}
		e.member(parent, func() { e.nested(cols[i:end], row[i:end]) })
		i = end
	}
}

// nested writes columns that share a parent.
func (e *encoder) nested(cols []result.Col, row []result.Value) {
	if cols[0].Array {
		e.array(func() {
			for _, v := range row {
				e.element(func() { e.value(v) })
			}
		})
		return
	}
	e.object(func() {
		for i, c := range cols {
			_, name := path(c)
			e.member(name, func() { e.value(row[i]) })
		}
	})
}

func path(c result.Col) (parent, name string) {
	if c.Key {
		return "key", c.Name
	}
	if parent, name, ok := strings.Cut(c.Name, "."); ok {
		return parent, name
	}
	return "", c.Name
}
