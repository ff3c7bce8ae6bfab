package filter_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// lawSchema has a field of every class and width.
func lawSchema(tb testing.TB) *trace.Schema {
	const text = "name: law\nID: 77\nformat:\n" +
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
		"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" +
		"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" +
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n" +
		"\tfield:u8 a;\toffset:8;\tsize:1;\tsigned:0;\n" +
		"\tfield:s8 b;\toffset:9;\tsize:1;\tsigned:1;\n" +
		"\tfield:u16 c;\toffset:10;\tsize:2;\tsigned:0;\n" +
		"\tfield:s16 d;\toffset:12;\tsize:2;\tsigned:1;\n" +
		"\tfield:u32 e;\toffset:16;\tsize:4;\tsigned:0;\n" +
		"\tfield:s32 f;\toffset:20;\tsize:4;\tsigned:1;\n" +
		"\tfield:u64 g;\toffset:24;\tsize:8;\tsigned:0;\n" +
		"\tfield:s64 h;\toffset:32;\tsize:8;\tsigned:1;\n" +
		"\tfield:char name[8];\toffset:40;\tsize:8;\tsigned:0;\n" +
		"\tfield:u32 pair[2];\toffset:48;\tsize:8;\tsigned:0;\n" +
		"\tfield:u8 odd[3];\toffset:56;\tsize:3;\tsigned:0;\n" +
		"\tfield:__data_loc char[] dyn;\toffset:60;\tsize:4;\tsigned:0;\n" +
		"\tfield:__data_loc cpumask_t mask;\toffset:64;\tsize:4;\tsigned:0;\n" +
		"\nprint fmt: \"\"\n"
	s, err := tracefmt.ParseFormat([]byte(text), 8)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

const lawCPUs = 80 // two words of a mask

var lawEnv = filter.Env{NrCPUs: lawCPUs, LongSize: 8, Symbols: kernelSymbols}

// lawEvent draws an event. Small numbers are likely, so that comparisons with
// small numbers go both ways.
func lawEvent(t *rapid.T, w *trace.Table, d *tracefmt.Decoder, s *trace.Schema) *trace.Event {
	name := rapid.SampledFrom([]string{"", "a", "ab", "abcdefg", "abcdefgh", "xbar", "sh", "bash"})
	num := rapid.OneOf(rapid.Uint64Range(0, 5), rapid.Uint64(), rapid.SampledFrom([]uint64{1<<64 - 1, 1<<64 - 3, 0xffffffff877c5750, 79, 80}))
	b := make([]byte, 68, 128)
	for off := 8; off < 60; off++ {
		b[off] = byte(num.Draw(t, "byte"))
	}
	for _, f := range []struct{ off, size int }{{8, 1}, {9, 1}, {10, 2}, {12, 2}, {16, 4}, {20, 4}, {24, 8}, {32, 8}, {48, 8}} {
		v := binary.LittleEndian.AppendUint64(nil, num.Draw(t, "number"))
		copy(b[f.off:f.off+f.size], v)
	}
	clear(b[40:48])
	copy(b[40:48], name.Draw(t, "name"))
	dyn := name.Draw(t, "dyn") + "\x00"
	binary.LittleEndian.PutUint32(b[60:], uint32(len(dyn))<<16|uint32(len(b)))
	b = append(b, dyn...)
	binary.LittleEndian.PutUint32(b[64:], 16<<16|uint32(len(b)))
	b = binary.LittleEndian.AppendUint64(b, num.Draw(t, "mask"))
	b = binary.LittleEndian.AppendUint64(b, num.Draw(t, "mask")&0xffff)
	e := new(trace.Event)
	e.Reset(w, d, s, b)
	e.CPU = int32(rapid.IntRange(0, lawCPUs-1).Draw(t, "CPU"))
	e.PID = int32(rapid.IntRange(0, 3).Draw(t, "pid"))
	e.Comm = w.Name(rapid.SampledFrom([]string{"bash", "abcdefghijklmno", "sh", "xbar"}).Draw(t, "comm"))
	e.Flags, e.Preempt, e.HasFlags = trace.Flags(num.Draw(t, "flags")), uint8(num.Draw(t, "preempt")), true
	return e
}

// lawExpr draws an expression that the kernel accepts for the event.
func lawExpr(t *rapid.T, depth int) string {
	if depth > 0 && rapid.Bool().Draw(t, "compound") {
		x, y := lawExpr(t, depth-1), lawExpr(t, depth-1)
		switch rapid.IntRange(0, 3).Draw(t, "form") {
		case 0:
			return "(" + x + " && " + y + " )"
		case 1:
			return x + " || " + y
		case 2:
			return x + " && " + y
		}
		return "!(" + x + " )"
	}
	pick := func(s ...string) string { return rapid.SampledFrom(s).Draw(t, "pick") }
	list := pick("0", "1-3", "3", " ", "all", "N", "0-79:1/2", "79", "64-79")
	switch rapid.IntRange(0, 6).Draw(t, "term") {
	case 0:
		return pick("a", "c", "e", "g", "pair", "odd", "common_flags", "common_preempt_count", "common_type", "mask", "stacktrace") +
			pick(" == ", " != ", " < ", " <= ", " > ", " >= ", " & ") + pick("0", "1", "3", "255", "0x100", "65537", "4294967297", "18446744073709551615")
	case 1:
		return pick("b", "d", "f", "h", "common_pid", "CPU", "cpu") +
			pick(" == ", " != ", " < ", " <= ", " > ", " >= ", " & ") + pick("0", "1", "3", "-1", "-3", "255", "-256", "65537", "4294967297")
	case 2:
		return pick("a", "b", "c", "d", "e", "f", "g", "h", "pair", "odd", "CPU", "common_pid") + pick(" == ", " != ", " & ") + "CPUS{" + list + "}"
	case 3:
		return "mask" + pick(" == ", " != ", " & ") + "CPUS{" + list + "}"
	case 4:
		return pick("g", "h") + ".function" + pick(" == ", " != ") + pick("on_each_cpu_cond_mask", "0xffffffff877c5750") + " "
	}
	return pick("name", "dyn", "comm", "COMM") + pick(" == ", " != ", " ~ ") +
		`"` + pick("", "sh", "*sh", "sh*", "*a*", "b?sh", "!b*", "[ab]*", "abcdefgh", "abcdefghi", "abcdefg", "*efg", "*klmno", "swapper/*", "*", "3*") + `"`
}

// brute evaluates a tree without compiling anything, from what the kernel's
// predicates do.
type brute struct {
	e *trace.Event
	s *trace.Schema
}

func (b brute) eval(n filter.Node) bool {
	switch n := n.(type) {
	case *filter.And:
		x, y := b.eval(n.X), b.eval(n.Y)
		return x && y
	case *filter.Or:
		x, y := b.eval(n.X), b.eval(n.Y)
		return x || y
	case *filter.Not:
		return !b.eval(n.X)
	}
	return b.term(n.(*filter.Term))
}

// value is the field as the kernel's predicate sees it; size 0 is no number.
func (b brute) value(name string) (v uint64, size int, signed bool) {
	switch name {
	case "CPU", "cpu":
		return uint64(int64(b.e.CPU)), 4, true
	case "common_pid":
		return uint64(int64(b.e.PID)), 4, true
	case "common_flags":
		return uint64(b.e.Flags), 1, false
	case "common_preempt_count":
		return uint64(b.e.Preempt), 1, false
	case "common_type":
		return 77, 2, false
	case "stacktrace":
		return 0, 0, false
	}
	f := b.s.Fields[b.s.Ref(name)]
	p := append(append([]byte{}, b.e.Payload()[f.Off:f.Off+f.Size]...), make([]byte, 8)...)
	v = binary.LittleEndian.Uint64(p)
	if f.Size != 1 && f.Size != 2 && f.Size != 4 && f.Size != 8 {
		return 0, 0, false
	}
	return v, int(f.Size), f.Signed
}

// as is a C cast to an integer of that size.
func as(v uint64, size int, signed bool) any {
	switch {
	case size == 1 && signed:
		return int64(int8(v))
	case size == 2 && signed:
		return int64(int16(v))
	case size == 4 && signed:
		return int64(int32(v))
	case signed:
		return int64(v)
	case size == 1:
		return uint64(uint8(v))
	case size == 2:
		return uint64(uint16(v))
	case size == 4:
		return uint64(uint32(v))
	}
	return v
}

func compare(x, y any) int {
	if a, ok := x.(int64); ok {
		b := y.(int64)
		return map[bool]int{true: -1, false: 1}[a < b] * map[bool]int{true: 0, false: 1}[a == b]
	}
	a, b := x.(uint64), y.(uint64)
	return map[bool]int{true: -1, false: 1}[a < b] * map[bool]int{true: 0, false: 1}[a == b]
}

func (b brute) term(t *filter.Term) bool {
	switch {
	case t.Value.Kind == filter.Quoted:
		return b.text(t)
	case t.Function:
		v, _, _ := b.value(t.Field)
		in := v >= 0xffffffff877c5740 && v < 0xffffffff877c5780
		return in == (t.Op == filter.OpEQ)
	case t.Value.Kind == filter.CPUs:
		return b.cpus(t)
	}
	n, err := strconv.ParseInt(t.Value.Text, 0, 64)
	num := uint64(n)
	if err != nil {
		num, _ = strconv.ParseUint(t.Value.Text, 0, 64)
	}
	return b.number(t.Field, t.Op, num, true)
}

func (b brute) number(name string, op filter.Op, num uint64, fieldSign bool) bool {
	v, size, signed := b.value(name)
	if size == 0 {
		return false
	}
	signed = signed && (fieldSign || name == "CPU" || name == "cpu")
	x, y := as(v, size, signed), as(num, size, signed)
	c := compare(x, y)
	switch op {
	case filter.OpEQ:
		return c == 0
	case filter.OpNE:
		return c != 0
	case filter.OpLT:
		return c < 0
	case filter.OpLE:
		return c <= 0
	case filter.OpGT:
		return c > 0
	case filter.OpGE:
		return c >= 0
	}
	if name == "CPU" || name == "cpu" {
		return false
	}
	return as(v, size, false).(uint64)&as(num, size, false).(uint64) != 0
}

func (b brute) cpus(t *filter.Term) bool {
	set := map[int]bool{}
	for cpu := range lawCPUs {
		in := map[string]bool{
			"0": cpu == 0, "1-3": cpu >= 1 && cpu <= 3, "3": cpu == 3, " ": false, "all": true,
			"N": cpu == 79, "79": cpu == 79, "0-79:1/2": cpu%2 == 0, "64-79": cpu >= 64,
		}[t.Value.Text]
		if in {
			set[cpu] = true
		}
	}
	if t.Field == "mask" {
		var m cpumask.Mask
		b.e.Mask(b.s.Ref("mask"), &m)
		meet, equal := false, m.Count() == len(set)
		for cpu := range set {
			meet = meet || m.Has(cpu)
			equal = equal && m.Has(cpu)
		}
		return map[filter.Op]bool{filter.OpEQ: equal, filter.OpNE: !equal, filter.OpBand: meet}[t.Op]
	}
	if len(set) == 1 {
		op := t.Op
		if op == filter.OpBand {
			op = filter.OpEQ
		}
		for cpu := range set {
			return b.number(t.Field, op, uint64(cpu), false)
		}
	}
	v, size, _ := b.value(t.Field)
	cpu := uint32(as(v, max(size, 1), false).(uint64))
	if size == 0 || cpu >= lawCPUs {
		return false
	}
	return map[filter.Op]bool{filter.OpEQ: false, filter.OpNE: true, filter.OpBand: set[int(cpu)]}[t.Op]
}

// text compares C arrays, with the NULs that fill them.
func (b brute) text(t *filter.Term) bool {
	var array []byte
	switch t.Field {
	case "comm", "COMM":
		name := b.e.Table().NameOf(b.e.Comm)
		if b.e.PID == 0 {
			name = fmt.Sprintf("swapper/%d", b.e.CPU)
		}
		array = make([]byte, 16)
		copy(array, name)
	case "name":
		array = bytes.Clone(b.e.Payload()[40:48])
	case "dyn":
		s, _ := b.e.Bytes(b.s.Ref("dyn"))
		array = append(append([]byte{}, s...), 0)
	}
	cstr, _, _ := bytes.Cut(bytes.Clone(array), []byte{0})
	s, pat := string(cstr), t.Value.Text
	switch {
	case t.Op == filter.OpGlob && pat == "b?sh":
		return len(s) == 4 && s[0] == 'b' && s[2:] == "sh"
	case t.Op == filter.OpGlob && pat == "[ab]*":
		return s != "" && (s[0] == 'a' || s[0] == 'b')
	case t.Op == filter.OpGlob && pat == "!b*":
		return !strings.HasPrefix(s, "b")
	case t.Op == filter.OpGlob && pat == "*a*":
		return strings.Contains(s, "a")
	case t.Op == filter.OpGlob && strings.HasPrefix(pat, "*"):
		return bytes.HasSuffix(array[:len(array)-1], []byte(pat[1:]))
	case t.Op == filter.OpGlob && strings.HasSuffix(pat, "*") && pat != "3*":
		return strings.HasPrefix(s, pat[:len(pat)-1])
	}
	full := append([]byte(pat), make([]byte, 16)...)[:len(array)] // strncmp over the array
	return bytes.Equal(append(cstr, make([]byte, 16)...)[:len(array)], full) == (t.Op != filter.OpNE)
}

// TestMatchLaw holds Match against an evaluation of the tree.
func TestMatchLaw(t *testing.T) {
	table, d, s := trace.NewTable(), &tracefmt.Decoder{LongSize: 8}, lawSchema(t)
	table.AddSchema(s)
	law.Check(t, func(t *rapid.T) {
		src := lawExpr(t, 4)
		x, err := filter.Parse(src)
		if err != nil {
			t.Fatalf("%v", err)
		}
		ep, err := filter.Compile(x, s, lawEnv)
		if err != nil {
			t.Fatalf("%v", err)
		}
		may := ep.CPUs()
		for range 8 {
			e := lawEvent(t, table, d, s)
			got, want := ep.Match(e), brute{e, s}.eval(x.Root)
			if got != want || ep.Err() != nil {
				t.Fatalf("%q: %v (%v), want %v\npayload % x", src, got, ep.Err(), want, e.Payload())
			}
			if got && !may.Has(int(e.CPU)) {
				t.Fatalf("%q matches on CPU %d, which CPUs() leaves out", src, e.CPU)
			}
		}
	})
}

// same compares trees without their offsets.
func same(a, b filter.Node) bool {
	switch a := a.(type) {
	case *filter.And:
		b, ok := b.(*filter.And)
		return ok && same(a.X, b.X) && same(a.Y, b.Y)
	case *filter.Or:
		b, ok := b.(*filter.Or)
		return ok && same(a.X, b.X) && same(a.Y, b.Y)
	case *filter.Not:
		b, ok := b.(*filter.Not)
		return ok && same(a.X, b.X)
	case *filter.Term:
		b, ok := b.(*filter.Term)
		if !ok {
			return false
		}
		x, y := *a, *b
		x.Off, x.End, x.Value.Off, x.Value.End = 0, 0, 0, 0
		y.Off, y.End, y.Value.Off, y.Value.End = 0, 0, 0, 0
		return reflect.DeepEqual(x, y)
	}
	return a == nil && b == nil
}

// FuzzParse proves that nothing panics, that what parses prints as something
// that parses to the same tree, and that an error points into the text.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile("testdata/kernel-6.12.tsv")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		expr, _, _ := strings.Cut(line, "\t")
		f.Add(expr)
	}
	for _, s := range []string{"a.function == b && c == 1", "!(a.function == b ) || c ~ '!x'", "a & MASK{@isolated}", "((a==1))||!!b.ustring=='\xa0'", "0", "!a==1&&(b<2||c>-0x7)&&"} {
		f.Add(s)
	}
	s := lawSchema(f)
	f.Fuzz(func(t *testing.T, src string) {
		x, err := filter.Parse(src)
		if err != nil {
			e := err.(*filter.Error)
			if e.Pos < -1 || e.Pos > len(src) || (e.Pos == -1) != (e.Msg == "") || e.Errno == "" {
				t.Fatalf("%q: %+v", src, e)
			}
			_ = err.Error()
		} else {
			printed := x.String()
			y, err := filter.Parse(printed)
			if err != nil {
				t.Fatalf("%q prints as %q: %v", src, printed, err)
			}
			if !same(x.Root, y.Root) || y.String() != printed {
				t.Fatalf("%q prints as %q, which prints as %q", src, printed, y)
			}
			_ = filter.Explain(x, s)
			_ = filter.Explain(x, nil)
			for _, n := range x.Terms() {
				if off, end := n.Span(); off < 0 || end > len(x.Src) || off >= end {
					t.Fatalf("%q: term at %d to %d", src, off, end)
				}
			}
		}
		if _, _, err := filter.Check(src, s, lawEnv); err != nil {
			_ = err.Error()
		}
		if x != nil {
			filter.Compile(x, s, lawEnv)
		}
	})
}
