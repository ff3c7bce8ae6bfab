package tracefmt

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// kernels have format files in testdata: those of Debian's 6.12.107 (x86-64,
// its PREEMPT_RT build, arm64) and of 7.2, as trace-cmd saved them.
var kernels = []string{"x86-6.12", "x86-7.2", "arm64-6.12", "x86-rt-6.12"}

// formatsOf returns the format files of one kernel.
func formatsOf(t testing.TB, kernel string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", kernel+".formats"))
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for _, part := range bytes.Split(text, []byte("\nname: ")) {
		if !bytes.HasPrefix(part, []byte("name: ")) {
			part = append([]byte("name: "), part...)
		}
		out = append(out, part)
	}
	return out
}

func schemaOf(t testing.TB, kernel, event string) *trace.Schema {
	t.Helper()
	for _, text := range formatsOf(t, kernel) {
		if bytes.HasPrefix(text, []byte("name: "+event+"\n")) {
			s, err := ParseFormat(text, 8)
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
	}
	t.Fatalf("no format of %s in %s", event, kernel)
	return nil
}

// TestFormatsAgainstRegexp: a slow second reading of the same lines gives the
// same names, offsets, sizes and signs.
func TestFormatsAgainstRegexp(t *testing.T) {
	line := regexp.MustCompile(`(?m)^\tfield:.*?(\w+)(?:\[[^\]]*\])?;\toffset:(\d+);\tsize:(\d+);\tsigned:([01]);$`)
	for _, kernel := range kernels {
		for _, text := range formatsOf(t, kernel) {
			s, err := ParseFormat(text, 8)
			if err != nil {
				t.Errorf("%s: %v in\n%s", kernel, err, text)
				continue
			}
			var got, want []string
			for _, m := range line.FindAllSubmatch(text, -1) {
				want = append(want, fmt.Sprintf("%s %s %s %s", m[1], m[2], m[3], m[4]))
			}
			for i, f := range s.Fields {
				got = append(got, fmt.Sprintf("%s %d %d %d", f.Name, f.Off, f.Size, map[bool]int{true: 1}[f.Signed]))
				if int(f.Index) != i || f.Common != (i < 4) {
					t.Errorf("%s %s: field %s has index %d, common %v", kernel, s.Name, f.Name, f.Index, f.Common)
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s %s: %s", kernel, s.Name, d)
			}
			if !bytes.Contains(text, []byte("print fmt: "+s.Print)) || !strings.HasPrefix(s.Print, `"`) {
				t.Errorf("%s %s: print fmt is %q", kernel, s.Name, s.Print)
			}
			if s.IsStack != strings.HasSuffix(s.Name, "_stack") {
				t.Errorf("%s %s: IsStack is %v", kernel, s.Name, s.IsStack)
			}
		}
	}
}

// TestFieldsOfKernels: what fields of real events hold.
func TestFieldsOfKernels(t *testing.T) {
	for _, tt := range []struct {
		kernel, event, field string
		want                 trace.Field
	}{
		{"x86-7.2", "ipi_send_cpumask", "cpumask", trace.Field{Type: "__data_loc cpumask_t", Kind: trace.KindMask, Loc: trace.DataLoc, Off: 8, Size: 4, Elem: 8}},
		{"arm64-6.12", "ipi_send_cpumask", "callsite", trace.Field{Type: "void *", Kind: trace.KindInt, Off: 16, Size: 8}},
		{"x86-6.12", "ipi_raise", "target_cpus", trace.Field{Type: "__data_loc unsigned long[]", Kind: trace.KindArray, Loc: trace.DataLoc, Off: 8, Size: 4, Elem: 8}},
		{"x86-6.12", "ipi_raise", "reason", trace.Field{Type: "const char *", Kind: trace.KindPointer, Off: 16, Size: 8}},
		{"x86-rt-6.12", "ipi_send_cpu", "cpu", trace.Field{Type: "unsigned int", Kind: trace.KindInt, Off: 8, Size: 4}},
		{"x86-6.12", "sched_switch", "prev_comm", trace.Field{Type: "char[16]", Kind: trace.KindString, Off: 8, Size: 16, Elem: 1}},
		{"x86-6.12", "sched_switch", "prev_state", trace.Field{Type: "long", Kind: trace.KindInt, Off: 32, Size: 8, Signed: true}},
		{"x86-6.12", "irq_handler_entry", "name", trace.Field{Type: "__data_loc char[]", Kind: trace.KindString, Loc: trace.DataLoc, Off: 12, Size: 4, Elem: 1}},
		{"x86-6.12", "kernel_stack", "caller", trace.Field{Type: "unsigned long[8]", Kind: trace.KindArray, Off: 16, Size: 64, Elem: 8}},
		{"x86-6.12", "print", "buf", trace.Field{Type: "char[]", Kind: trace.KindString, Off: 16, Elem: 1}},
		{"x86-7.2", "function", "args", trace.Field{Type: "unsigned long[]", Kind: trace.KindArray, Off: 24, Elem: 8}},
		{"x86-6.12", "bputs", "str", trace.Field{Type: "const char *", Kind: trace.KindPointer, Off: 16, Size: 8}},
		{"x86-6.12", "vector_config", "apicdest", trace.Field{Type: "unsigned int", Kind: trace.KindInt, Off: 20, Size: 4}},
		{"x86-7.2", "sched_switch", "common_pid", trace.Field{Type: "int", Kind: trace.KindInt, Off: 4, Size: 4, Signed: true, Common: true}},
	} {
		s := schemaOf(t, tt.kernel, tt.event)
		ref := s.Ref(tt.field)
		if ref == trace.NoField {
			t.Errorf("%s %s: no field %s", tt.kernel, tt.event, tt.field)
			continue
		}
		tt.want.Name, tt.want.Index = tt.field, ref
		if d := cmp.Diff(tt.want, s.Fields[ref]); d != "" {
			t.Errorf("%s %s: %s", tt.kernel, tt.event, d)
		}
	}
}

// TestParseField covers forms that the formats in testdata do not have. The
// declarations are of include/trace/stages/stage4_event_fields.h and of older
// kernels.
func TestParseField(t *testing.T) {
	for _, tt := range []struct {
		text string
		long int
		want trace.Field
	}{
		{"__rel_loc char[] name;\toffset:8;\tsize:4;\tsigned:1;", 8, trace.Field{Name: "name", Type: "__rel_loc char[]", Kind: trace.KindString, Loc: trace.RelLoc, Off: 8, Size: 4, Elem: 1, Signed: true}},
		{"__rel_loc cpumask_t mask;\toffset:8;\tsize:4;\tsigned:0;", 4, trace.Field{Name: "mask", Type: "__rel_loc cpumask_t", Kind: trace.KindMask, Loc: trace.RelLoc, Off: 8, Size: 4, Elem: 4}},
		{"__data_loc unsigned long[] cpus;\toffset:8;\tsize:4;\tsigned:0;", 4, trace.Field{Name: "cpus", Type: "__data_loc unsigned long[]", Kind: trace.KindArray, Loc: trace.DataLoc, Off: 8, Size: 4, Elem: 4}},
		{"__data_loc u8[] buf;\toffset:8;\tsize:4;\tsigned:0;", 8, trace.Field{Name: "buf", Type: "__data_loc u8[]", Kind: trace.KindArray, Loc: trace.DataLoc, Off: 8, Size: 4, Elem: 1}},
		{"__u16 regs[4];\toffset:8;\tsize:8;\tsigned:0;", 8, trace.Field{Name: "regs", Type: "__u16[4]", Kind: trace.KindArray, Off: 8, Size: 8, Elem: 2}},
		{"char comm[TASK_COMM_LEN];\toffset:8;\tsize:16;\tsigned:1;", 8, trace.Field{Name: "comm", Type: "char[TASK_COMM_LEN]", Kind: trace.KindString, Off: 8, Size: 16, Elem: 1, Signed: true}},
		{"u8 mac[2][6];\toffset:8;\tsize:12;\tsigned:0;", 8, trace.Field{Name: "mac", Type: "u8[2][6]", Kind: trace.KindArray, Off: 8, Size: 12, Elem: 1}},
		{"unsigned char len;\toffset:8;\tsize:1;\tsigned:0;", 8, trace.Field{Name: "len", Type: "unsigned char", Kind: trace.KindInt, Off: 8, Size: 1}},
		{"struct list_head l;\toffset:8;\tsize:16;\tsigned:0;", 8, trace.Field{Name: "l", Type: "struct list_head", Kind: trace.KindArray, Off: 8, Size: 16, Elem: 1}},
		{"char *name;\toffset:8;\tsize:4;\tsigned:0;", 4, trace.Field{Name: "name", Type: "char *", Kind: trace.KindPointer, Off: 8, Size: 4}},
		{"unsigned int a;\toffset:8;\tsize:4;", 8, trace.Field{Name: "a", Type: "unsigned int", Kind: trace.KindInt, Off: 8, Size: 4}}, // before 2.6.31 there was no "signed"
		{"unsigned int a;\toffset:8;\tsize:4;\tsigned:0;\tlater:yes;", 8, trace.Field{Name: "a", Type: "unsigned int", Kind: trace.KindInt, Off: 8, Size: 4}},
	} {
		got, err := parseField(tt.text, tt.long)
		if err != nil {
			t.Errorf("%q: %v", tt.text, err)
			continue
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}

// TestSpecialField: "field special" is how ftrace's own formats were written
// in older kernels (kernel/trace/trace_export.c before 2.6.33).
func TestSpecialField(t *testing.T) {
	s, err := ParseFormat([]byte("name: print\nID: 5\nformat:\n\tfield special:char buf[];\toffset:16;\tsize:0;\tsigned:0;\n"), 8)
	if err != nil || len(s.Fields) != 1 || s.Fields[0].Name != "buf" || s.Fields[0].Kind != trace.KindString {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestBadFormats(t *testing.T) {
	const head = "name: x\nID: 5\nformat:\n"
	for _, tt := range []struct{ text, want string }{
		{"", "line 0: not an event format: want name:, ID: and format:"},
		{"\x00\x01\x02", "line 1: not an event format"},
		{"name: x\nformat:\n", "line 2: not an event format"},
		{"name: x\nID: 5\n", "line 2: not an event format"},
		{"name: x\nID: many\nformat:\n", `line 2: strconv.Atoi: parsing "many"`},
		{"name: x\nID: -7\nformat:\n", "line 3: not an event format"},
		{head + "\tfield:int a;\tsize:4;\n", `line 4: field "int a": want offset and size`},
		{head + "\tfield:int a;\toffset:-8;\tsize:4;\n", `line 4: field "int a": offset is "-8", want a number up to 16777216`},
		{head + "\tfield:int a;\toffset:8;\tsize:4294967295;\n", `size is "4294967295", want`},
		{head + "\tfield:int a;\toffset:x;\tsize:4;\n", `offset is "x", want a number`},
		{head + "\tfield:;\toffset:8;\tsize:4;\n", `field "" has no name`},
		{head + "\tfield:[16];\toffset:8;\tsize:4;\n", `field "[16]" has no name`},
	} {
		_, err := ParseFormat([]byte(tt.text), 8)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q", tt.text, err, tt.want)
		}
	}
}

func BenchmarkParseFormat(b *testing.B) {
	texts := formatsOf(b, "x86-6.12")
	n := 0
	for _, text := range texts {
		n += len(text)
	}
	b.SetBytes(int64(n))
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range texts {
			if _, err := ParseFormat(text, 8); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(texts)), "ns/format")
}

// FuzzParseFormat: what parses has names, bounded numbers and a kind that fits
// the size, and can be read out of any record without a panic.
func FuzzParseFormat(f *testing.F) {
	for _, kernel := range kernels {
		for _, text := range formatsOf(f, kernel) {
			f.Add(text, true)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte, wide bool) {
		long := 4
		if wide {
			long = 8
		}
		s, err := ParseFormat(text, long)
		if (err == nil) != (s != nil) {
			t.Fatalf("schema %v, error %v", s, err)
		}
		if err != nil {
			return
		}
		if s.Name == "" || s.Type < 0 {
			t.Fatalf("schema %+v", s)
		}
		for _, f := range s.Fields {
			if f.Name == "" || f.Off > maxFieldOffset || f.Size > maxFieldOffset || f.Kind == trace.KindUnknown {
				t.Fatalf("field %+v", f)
			}
			if f.Kind == trace.KindInt && f.Size != 1 && f.Size != 2 && f.Size != 4 && f.Size != 8 {
				t.Fatalf("integer of %d bytes", f.Size)
			}
		}
		readAll(t, s, text, long)
	})
}
