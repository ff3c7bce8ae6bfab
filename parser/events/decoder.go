package events

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Decoder reads the fields of printed payloads. A text source embeds it and
// adds Stack to make a trace.Decoder. It belongs to one table and is not safe
// for concurrent use.
type Decoder struct {
	table   *trace.Table
	layouts []*Layout // by EventID
	symbols map[string]trace.SymbolID
	// Names resolves addresses that were printed as numbers; nil if nothing does.
	Names func(addr uint64) (trace.Symbol, bool)

	// The spans of the current event, found when its first field is asked for.
	current []byte
	found   bool
	spans   []Span
	scratch []Span // for copied events
	noted   bool
}

// NewDecoder returns a decoder for the events of t.
func NewDecoder(t *trace.Table) *Decoder {
	return &Decoder{table: t, symbols: map[string]trace.SymbolID{}}
}

// Add puts the schema of the event ("name" or "system:name") into the table,
// from the catalogue or empty, and returns its layout.
func (d *Decoder) Add(name string) (*trace.Schema, *Layout) {
	s, ok := New(name)
	if !ok {
		s = &trace.Schema{Name: name, Type: -1}
		if system, event, ok := strings.Cut(name, ":"); ok {
			s.System, s.Name = system, event
		}
	}
	d.table.AddSchema(s)
	l := NewLayout(s)
	d.layouts = append(d.layouts, l)
	return s, l
}

// Next tells the decoder that the source moves on to an event with that
// payload. What was found in the payload before is forgotten.
func (d *Decoder) Next(payload []byte) { d.current, d.found = payload, false }

// text returns the printed value of a field.
func (d *Decoder) text(e *trace.Event, f *trace.Field) ([]byte, bool) {
	p, l := e.Payload(), d.layouts[e.Schema().ID]
	spans := d.spans
	if !same(p, d.current) {
		d.scratch = resize(d.scratch, l.Len())
		spans = d.scratch
		l.Find(p, spans)
	} else if !d.found {
		d.spans = resize(d.spans, l.Len())
		spans, d.found = d.spans, true
		l.Find(p, spans)
	}
	if int(f.Index) >= len(spans) || spans[f.Index].Start < 0 {
		return nil, false
	}
	s := spans[f.Index]
	return p[s.Start:s.End], true
}

// same reports whether a and b are the same memory.
func same(a, b []byte) bool {
	return len(a) == len(b) && len(a) > 0 && &a[0] == &b[0]
}

func resize(s []Span, n int) []Span {
	if n > cap(s) {
		return make([]Span, n)
	}
	return s[:n]
}

// Bytes returns the printed text of a field. It is part of trace.Decoder.
func (d *Decoder) Bytes(e *trace.Event, f *trace.Field) ([]byte, bool) { return d.text(e, f) }

// Uint reads a number. Names that the kernel prints for numbers are turned back
// if the catalogue has them. It is part of trace.Decoder.
func (d *Decoder) Uint(e *trace.Event, f *trace.Field) (uint64, bool) {
	t, ok := d.text(e, f)
	if !ok {
		return 0, false
	}
	l := d.layouts[e.Schema().ID]
	if enum := l.enums[f.Index]; enum != nil {
		if v, ok := named(t, enum); ok {
			return v, true
		}
	}
	if isPointer(f) {
		return pointer(t)
	}
	t = word(t)
	switch l.bases[f.Index] {
	case baseHex:
		return hex(bytes.TrimPrefix(t, []byte("0x")))
	case baseSeconds:
		if s, ns, ok := bytes.Cut(t, []byte(".")); ok && len(ns) == 9 {
			v, ok := decimal(s)
			w, ok2 := decimal(ns)
			return v*1e9 + w, ok && ok2 && v < 1<<33
		}
	}
	return number(t)
}

func isPointer(f *trace.Field) bool {
	return len(f.Type) > 0 && f.Type[len(f.Type)-1] == '*'
}

// pointer reads an address: 0x..., the 16 digits of %p, (nil), or the address
// that report -R prints after its symbol, "sym+0x24 (0xffff...)".
func pointer(t []byte) (uint64, bool) {
	if n := len(t); n > 0 && t[n-1] == ')' {
		if i := bytes.LastIndex(t, []byte("(0x")); i >= 0 {
			t = t[i+1 : n-1]
		}
	}
	switch t = word(t); {
	case string(t) == "(nil)" || string(t) == "(null)" || string(t) == "0":
		return 0, true
	case len(t) > 2 && t[0] == '0' && t[1] == 'x':
		return hex(t[2:])
	case len(t) == 16 || len(t) == 8:
		return hex(t)
	}
	return 0, false
}

// word cuts a number off what the kernel prints after it: "156283 [ns]",
// "0xfb (251)", "0,".
func word(t []byte) []byte {
	for i, c := range t {
		if isBlank(c) || c == ',' || c == ')' && i > 0 && t[0] != '(' {
			return t[:i]
		}
	}
	return t
}

// number reads decimal digits, which may have leading zeros, or hex after 0x.
func number(t []byte) (uint64, bool) {
	switch {
	case len(t) > 2 && t[0] == '0' && t[1] == 'x':
		return hex(t[2:])
	case len(t) > 1 && t[0] == '-':
		v, ok := decimal(t[1:])
		return -v, ok && v <= 1<<63
	}
	return decimal(t)
}

func decimal(t []byte) (uint64, bool) {
	if len(t) == 0 || len(t) > 20 {
		return 0, false
	}
	var v uint64
	for _, c := range t {
		n := uint64(c - '0')
		if n > 9 || v > (1<<64-1)/10 || v*10 > 1<<64-1-n {
			return 0, false
		}
		v = v*10 + n
	}
	return v, true
}

func hex(t []byte) (uint64, bool) {
	if len(t) == 0 || len(t) > 16 {
		return 0, false
	}
	var v uint64
	for _, c := range t {
		n := c - '0'
		if n > 9 {
			if n = (c | 0x20) - 'a' + 10; n < 10 || n > 15 {
				return 0, false
			}
		}
		v = v<<4 | uint64(n)
	}
	return v, true
}

// named turns "RCU", "S|D" and "R+" into numbers.
func named(t []byte, enum []value) (uint64, bool) {
	if v, ok := lookup(t, enum); ok {
		return v, true
	}
	var sum uint64
	if n := len(t); n > 1 && t[n-1] == '+' {
		v, ok := lookup(t[n-1:], enum)
		if !ok {
			return 0, false
		}
		sum, t = v, t[:n-1]
	}
	for len(t) > 0 {
		one, rest, _ := bytes.Cut(t, []byte("|"))
		v, ok := lookup(one, enum)
		if !ok {
			return 0, false
		}
		sum, t = sum|v, rest
	}
	return sum, true
}

func lookup(t []byte, enum []value) (uint64, bool) {
	for i := range enum {
		if enum[i].text == string(t) {
			return uint64(enum[i].n), true
		}
	}
	return 0, false
}

// Symbol interns the symbol that an address was printed as. It is part of
// trace.Decoder.
func (d *Decoder) Symbol(e *trace.Event, f *trace.Field) (trace.SymbolID, bool) {
	t, ok := d.text(e, f)
	if !ok {
		return 0, false
	}
	return d.Intern(t)
}

// Intern returns the id of a printed symbol. It allocates only for a text that
// it has not seen.
func (d *Decoder) Intern(t []byte) (trace.SymbolID, bool) {
	if id, ok := d.symbols[string(t)]; ok {
		return id, true
	}
	s, ok := parseSymbol(t)
	if !ok {
		return 0, false
	}
	id := d.table.Symbol(d.named(s))
	d.symbols[string(t)] = id
	return id, true
}

// named is the symbol of one that was printed as an address, if it is known.
func (d *Decoder) named(s trace.Symbol) trace.Symbol {
	if d.Names == nil {
		return s
	}
	digits, ok := strings.CutPrefix(s.Name, "0x")
	addr, err := strconv.ParseUint(digits, 16, 64)
	if !ok || err != nil || addr == 0 {
		return s
	}
	if known, ok := d.Names(addr); ok {
		return known
	}
	return s
}

// Address interns the symbol of an address, the number itself if it has none.
func (d *Decoder) Address(digits []byte) trace.SymbolID {
	return d.table.Symbol(d.named(trace.Symbol{Name: "0x" + string(digits)}))
}

// parseSymbol reads what text inputs print for an address, and two forms that
// are no symbol of their own: report -R's null, " (0x0)", and the kernel's
// option `fields`, "0xffff... (-123)".
func parseSymbol(t []byte) (trace.Symbol, bool) {
	t = bytes.TrimSpace(t)
	if i := bytes.IndexByte(t, '('); i >= 0 && t[len(t)-1] == ')' {
		head := bytes.TrimSpace(t[:i])
		if len(head) == 0 {
			t = t[i+1 : len(t)-1]
		} else if bytes.HasPrefix(head, []byte("0x")) {
			t = head
		}
	}
	// trace-cmd 2.x knew %p, not %pS: "0xffffffff81c2536aS".
	if n := len(t); n > 1 && t[n-1] == 'S' && (t[n-2] == ')' || bytes.HasPrefix(t, []byte("0x"))) {
		t = bytes.Trim(t[:n-1], "()")
	}
	if string(t) == "nil" || string(t) == "null" {
		return trace.Symbol{Name: "0x0"}, true
	}
	p, ok := ksym.Scan(t)
	if i := bytes.Index(t, []byte("/0x")); !ok && i > 0 {
		p, ok = ksym.Scan(t[:i]) // trace-cmd's timer plugin: "dl_task_timer/0x0"
	}
	if !ok {
		return trace.Symbol{}, false
	}
	if len(p.Name) == 0 {
		return trace.Symbol{Name: "0x" + strconv.FormatUint(p.Addr, 16)}, true
	}
	return trace.Symbol{Name: string(p.Name), Module: string(p.Module), Offset: p.Offset, HasOffset: p.HasOffset}, true
}

// Mask reads a CPU set: the kernel's hex words or a list. It is part of
// trace.Decoder.
//
// A number by itself is a list of one CPU in a cpumask field. In a bitmask
// field, which every tool prints as hex words, and after 0x it cannot be
// decided: it is read as the kernel's list or as hex, and the table's notes say
// so. ARRAY[02, 00] is the bytes of a mask, of older libtraceevents. The record's
// __data_loc word, which report -R prints for a mask, is none.
func (d *Decoder) Mask(e *trace.Event, f *trace.Field, m *cpumask.Mask) bool {
	t, ok := d.text(e, f)
	if !ok {
		return false
	}
	t = bytes.TrimSpace(t)
	switch {
	case cpumask.IsHexWords(t):
		return m.SetHex(t) == nil
	case bytes.HasPrefix(t, []byte("ARRAY[")):
		return setBytes(m, t[len("ARRAY["):])
	case bytes.HasPrefix(t, []byte("0x")):
		d.note(e, f, t, "read as hex")
		return m.SetHex(t[2:]) == nil
	case bytes.ContainsAny(t, ",-") || len(t) == 0:
	case len(t) > 5: // no CPU number: at most cpumask.MaxCPUs
		d.note(e, f, t, "not a CPU set: whom it is about is lost")
		return false
	case f.Kind != trace.KindMask:
		d.note(e, f, t, "read as the number of one CPU")
	}
	if err := m.UnmarshalText(t); err != nil {
		d.note(e, f, t, "not a CPU set: whom it is about is lost")
		return false
	}
	return true
}

// setBytes reads "02, 00, 0c]", the bytes of a mask as a libtraceevent prints
// them that does not know cpumask_t (before 1.7.1). The traced machine is taken
// to be little-endian: the text does not say.
func setBytes(m *cpumask.Mask, t []byte) bool {
	m.Reset()
	for cpu := 0; ; cpu += 8 {
		one, rest, more := bytes.Cut(t, []byte(","))
		last, end := bytes.CutSuffix(bytes.TrimSpace(one), []byte("]"))
		v, ok := hex(last)
		if !ok || len(last) != 2 || more == end {
			m.Reset()
			return false
		}
		for bit := range 8 {
			if v>>bit&1 != 0 && !m.Set(cpu+bit) {
				m.Reset()
				return false
			}
		}
		if end {
			return true
		}
		t = rest
	}
}

// note says once per trace that a mask was doubtful.
func (d *Decoder) note(e *trace.Event, f *trace.Field, t []byte, what string) {
	if d.noted {
		return
	}
	d.noted = true
	at := "line " + strconv.Itoa(e.At.Line)
	if e.At.Line == 0 {
		at = "offset " + strconv.FormatInt(e.At.Off, 10)
	}
	d.table.Meta.Notes = append(d.table.Meta.Notes,
		at+": "+e.Schema().Name+": "+f.Name+" is "+strconv.Quote(string(t[:min(len(t), 64)]))+", "+what)
}
