package tracefmt

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// event makes an event of a schema with a record as payload. The decoder names
// addresses sym and static strings str.
func event(s *trace.Schema, record []byte, big bool, long int) *trace.Event {
	t := trace.NewTable()
	t.AddSchema(s)
	d := &Decoder{
		BigEndian: big, LongSize: long,
		SymbolAt: func(addr uint64, offset bool) trace.SymbolID {
			return t.Symbol(trace.Symbol{Name: "sym", Offset: addr, HasOffset: offset})
		},
		StringAt: func(addr uint64) (string, bool) { return "str", addr == 0xabcd },
	}
	e := new(trace.Event)
	e.Reset(t, d, s, record)
	return e
}

// readAll reads every field of a record in every way.
func readAll(t *testing.T, s *trace.Schema, record []byte, long int) {
	t.Helper()
	e := event(s, record, false, long)
	for i := range s.Fields {
		ref := trace.FieldRef(i)
		e.Uint(ref)
		if b, ok := e.Bytes(ref); ok && len(b) > len(record)+3 {
			t.Fatalf("field %s: %d bytes of a record of %d", s.Fields[i].Name, len(b), len(record))
		}
		e.Symbol(ref)
		var m cpumask.Mask
		e.Mask(ref, &m)
	}
	e.Stack()
}

func parse(t *testing.T, long int, fields ...string) *trace.Schema {
	t.Helper()
	s, err := ParseFormat([]byte("name: x\nID: 1\nformat:\n\tfield:"+strings.Join(fields, "\n\tfield:")+"\n"), long)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func orders() map[bool]binary.AppendByteOrder {
	return map[bool]binary.AppendByteOrder{false: binary.LittleEndian, true: binary.BigEndian}
}

func TestIntegers(t *testing.T) {
	s := parse(t, 8, "u8 a;\toffset:0;\tsize:1;\tsigned:0;", "s8 b;\toffset:1;\tsize:1;\tsigned:1;",
		"u16 c;\toffset:2;\tsize:2;\tsigned:0;", "s16 d;\toffset:4;\tsize:2;\tsigned:1;",
		"u32 e;\toffset:8;\tsize:4;\tsigned:0;", "int f;\toffset:12;\tsize:4;\tsigned:1;",
		"u64 g;\toffset:16;\tsize:8;\tsigned:0;", "long h;\toffset:24;\tsize:8;\tsigned:1;", "int out;\toffset:30;\tsize:4;\tsigned:1;")
	minus := func(n uint64) uint64 { return -n }
	want := []uint64{0xfe, minus(2), 0xfffd, minus(3), 0xfffffffc, minus(4), 0xfffffffffffffffb, minus(5)}
	for big, o := range orders() {
		b := []byte{0xfe, 0xfe}
		b = o.AppendUint16(b, 0xfffd)
		b = o.AppendUint16(b, 0xfffd)
		b = append(b, 0, 0)
		b = o.AppendUint32(b, 0xfffffffc)
		b = o.AppendUint32(b, 0xfffffffc)
		b = o.AppendUint64(b, 0xfffffffffffffffb)
		b = o.AppendUint64(b, 0xfffffffffffffffb)
		e := event(s, b, big, 8)
		for i, w := range want {
			if v, ok := e.Uint(trace.FieldRef(i)); !ok || v != w {
				t.Errorf("big %v: %s is %#x, %v, want %#x", big, s.Fields[i].Name, v, ok, w)
			}
		}
		if _, ok := e.Uint(s.Ref("out")); ok {
			t.Errorf("big %v: a field beyond the record was read", big)
		}
		if _, ok := e.Uint(trace.NoField); ok {
			t.Error("NoField was read")
		}
	}
}

func TestStringsAndArrays(t *testing.T) {
	s := parse(t, 8, "char comm[8];\toffset:0;\tsize:8;\tsigned:0;", "__data_loc char[] name;\toffset:8;\tsize:4;\tsigned:0;",
		"__rel_loc char[] rel;\toffset:12;\tsize:4;\tsigned:0;", "__data_loc u8[] bytes;\toffset:16;\tsize:4;\tsigned:0;",
		"__data_loc char[] out;\toffset:20;\tsize:4;\tsigned:0;", "const char * ptr;\toffset:24;\tsize:8;\tsigned:0;",
		"const char * unknown;\toffset:32;\tsize:8;\tsigned:0;", "char rest[];\toffset:40;\tsize:0;\tsigned:0;")
	for big, o := range orders() {
		b := []byte("12345678")
		b = o.AppendUint32(b, 6<<16|40) // "abcde" and its NUL at 40
		b = o.AppendUint32(b, 3<<16|26) // 26 bytes after the word, which ends at 16: "cde" at 42
		b = o.AppendUint32(b, 4<<16|42) // bytes keep their NUL
		b = o.AppendUint32(b, 5<<16|44) // beyond the end
		b = o.AppendUint64(b, 0xabcd)
		b = o.AppendUint64(b, 1)
		b = append(b, "abcde\x00xy"...)
		e := event(s, b, big, 8)
		for _, tt := range []struct {
			field, want string
			ok          bool
		}{
			{"comm", "12345678", true}, // all of it: no NUL
			{"name", "abcde", true}, {"rel", "cde", true}, {"bytes", "cde\x00", true}, {"out", "", false},
			{"ptr", "str", true}, {"unknown", "", false}, {"rest", "abcde", true},
		} {
			got, ok := e.Bytes(s.Ref(tt.field))
			if ok != tt.ok || ok && string(got) != tt.want {
				t.Errorf("big %v: %s is %q, %v, want %q, %v", big, tt.field, got, ok, tt.want, tt.ok)
			}
		}
		if _, ok := e.Uint(s.Ref("comm")); ok {
			t.Error("a string is no number")
		}
	}
}

func TestMasks(t *testing.T) {
	for big, o := range orders() {
		for _, long := range []int{4, 8} {
			s := parse(t, long, "__data_loc cpumask_t mask;\toffset:0;\tsize:4;\tsigned:0;")
			b := o.AppendUint32(nil, uint32(2*long)<<16|4)
			// CPUs 1 and 3 in the first long, 0 of the second
			for _, w := range []uint64{0xa, 1} {
				if long == 8 {
					b = o.AppendUint64(b, w)
				} else {
					b = o.AppendUint32(b, uint32(w))
				}
			}
			want := map[int]string{4: "1,3,32", 8: "1,3,64"}[long]
			var m cpumask.Mask
			if e := event(s, b, big, long); !e.Mask(0, &m) || m.String() != want {
				t.Errorf("big %v, long %d: %s, want %s", big, long, m.String(), want)
			}
			if e := event(s, b[:len(b)-1], big, long); e.Mask(0, &m) {
				t.Errorf("big %v, long %d: a mask beyond the record was read", big, long)
			}
		}
	}
}

// TestStacks: the frames run to the record's end or to an address of all ones,
// whatever size the format states for the array.
func TestStacks(t *testing.T) {
	for big, o := range orders() {
		for _, long := range []int{4, 8} {
			s := parse(t, long, "int size;\toffset:0;\tsize:4;\tsigned:1;", "unsigned long caller[8];\toffset:8;\tsize:64;\tsigned:0;")
			s.IsStack = true
			record := func(frames ...uint64) []byte {
				b := make([]byte, 8)
				for _, f := range frames {
					if long == 8 {
						b = o.AppendUint64(b, f)
					} else {
						b = o.AppendUint32(b, uint32(f))
					}
				}
				return b
			}
			const end = 1<<64 - 1
			for _, tt := range []struct {
				record []byte
				want   []uint64
			}{
				{record(1, 2, 3), []uint64{1, 2, 3}},
				{record(1, 2, end, 3), []uint64{1, 2}},
				{record(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}},
				{record(), nil},
				{append(record(1), 7, 7), []uint64{1}},
			} {
				e := event(s, tt.record, big, long)
				id := e.Stack()
				var got []uint64
				for _, f := range e.Table().StackOf(id) {
					sym := e.Table().SymbolOf(f)
					if sym.HasOffset {
						t.Errorf("frame %v has an offset", sym)
					}
					got = append(got, sym.Offset)
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("big %v, long %d: %s", big, long, d)
				}
				if again := e.Stack(); again != id {
					t.Errorf("the same stack is %d and %d", id, again)
				}
			}
		}
	}
}

// TestSymbolOffsets: the kernel prints callsites with %pS and functions of
// csd events with %ps (include/trace/events/csd.h).
func TestSymbolOffsets(t *testing.T) {
	s := schemaOf(t, "x86-6.12", "csd_queue_cpu")
	b := make([]byte, 40)
	binary.LittleEndian.PutUint64(b[16:], 0x111) // callsite
	binary.LittleEndian.PutUint64(b[24:], 0x222) // func
	e := event(s, b, false, 8)
	for name, want := range map[string]trace.Symbol{
		"callsite": {Name: "sym", Offset: 0x111, HasOffset: true},
		"func":     {Name: "sym", Offset: 0x222},
	} {
		id, ok := e.Symbol(s.Ref(name))
		if !ok || e.Table().SymbolOf(id) != want {
			t.Errorf("%s: %+v, want %+v", name, e.Table().SymbolOf(id), want)
		}
	}
}

func TestReadingDoesNotAllocate(t *testing.T) {
	s := schemaOf(t, "x86-6.12", "ipi_send_cpumask")
	b := make([]byte, 40)
	binary.LittleEndian.PutUint32(b[8:], 8<<16|32)
	b[32] = 0xc
	stack := schemaOf(t, "x86-6.12", "kernel_stack")
	frames := make([]byte, 16+5*8)
	e, k := event(s, b, false, 8), event(stack, frames, false, 8)
	mask, callsite := s.Ref("cpumask"), s.Ref("callsite")
	var m cpumask.Mask
	read := func() {
		e.Mask(mask, &m)
		e.Uint(callsite)
		e.Symbol(callsite)
		e.Bytes(mask)
		k.Stack()
	}
	if n := testing.AllocsPerRun(100, read); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
