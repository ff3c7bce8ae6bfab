package ksym

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

// The .kallsyms files are lines of real recordings (x86-64 with per-CPU offsets,
// system-call aliases and module symbols out of order; arm64 with mapping
// symbols and labels that hold control characters). The .lookup files are what
// tep_find_function of libtraceevent 1.7.1 returned for every start of these
// lines and its two neighbours; "-" is no function.
func TestLookupAgreesWithLibtraceevent(t *testing.T) {
	for _, name := range []string{"x86-6.12", "arm64-6.12"} {
		tab := load(t, name)
		for line := range strings.Lines(read(t, name+".lookup")) {
			hex, want, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
			addr, err := strconv.ParseUint(hex, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			s, ok := tab.Lookup(addr)
			if !ok {
				s.Name = "-"
			}
			if s.Name != want {
				t.Errorf("%s: Lookup(%s) = %v, want %q", name, hex, s, want)
			}
			if ok && (s.Addr != addr || !s.HasOffset || s.Size != 0 && s.Offset >= s.Size) {
				t.Errorf("%s: Lookup(%s) = %#v", name, hex, s)
			}
		}
	}
}

func read(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func load(t testing.TB, name string) *Table {
	t.Helper()
	tab, err := NewTable(read(t, name+".kallsyms"))
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// Names and addresses that trace-cmd 3.4.0 printed for the recording of
// x86-6.12.kallsyms in stacks and callsite= fields. The sizes of the two kernel
// functions are those that the same kernel printed itself with sym-offset.
func TestLookupPrintedForms(t *testing.T) {
	tab := load(t, "x86-6.12")
	for addr, want := range map[uint64]string{
		0xffffffffaadc5ee3: "generic_exec_single+0x33/0x130",
		0xffffffffaadc5764: "on_each_cpu_cond_mask+0x24/0x40",
		0xffffffffc0606afd: "p9_client_zc_rpc.constprop.0+0xfd/0x300 [9pnet]",
	} {
		s, ok := tab.Lookup(addr)
		if !ok || s.String() != want {
			t.Errorf("Lookup(%x) = %q, want %q", addr, s, want)
		}
	}
}

func TestAddrOf(t *testing.T) {
	tab := load(t, "x86-6.12")
	for name, want := range map[string]Range{
		"on_each_cpu_cond_mask":        {0xffffffffaadc5740, 0xffffffffaadc5780, ""},
		"__x64_sys_pause":              {0xffffffffaacdec90, 0xffffffffaacdece0, ""},
		"p9_client_zc_rpc.constprop.0": {0xffffffffc0606a00, 0xffffffffc0606d00, "9pnet"},
	} {
		got, ok := tab.AddrOf(name)
		if !ok || got != want {
			t.Errorf("AddrOf(%s) = %x, %v, want %x", name, got, ok, want)
		}
		if !got.Contains(got.Start) || !got.Contains(got.End-1) || got.Contains(got.End) || got.Contains(got.Start-1) {
			t.Errorf("Contains does not agree with %x", got)
		}
	}
	for _, name := range []string{"", "on_each_cpu", "cond_mask", "T", "9pnet", "fixed_percpu_data", "t __pfx_snp_cpuid", "no_such"} {
		if r, ok := tab.AddrOf(name); ok {
			t.Errorf("AddrOf(%q) = %x, want none", name, r)
		}
	}
	same, err := NewTable("10 t a\n20 t b\n30 t a\t[m]\n20 T c\n40 t last\n")
	if err != nil {
		t.Fatal(err)
	}
	want := []Range{{0x10, 0x20, ""}, {0x30, 0x40, "m"}}
	if got := same.AppendRanges(nil, "a"); !slices.Equal(got, want) {
		t.Errorf("AppendRanges = %x, want %x", got, want)
	}
	if got, _ := same.AddrOf("last"); got != (Range{0x40, 0x41, ""}) {
		t.Errorf("last symbol: %x", got)
	}
}

func TestNewTableErrors(t *testing.T) {
	for _, c := range []struct {
		text    string
		n, line int // line 0: no error
	}{
		{"", 0, 0},
		{"\n\n", 0, 0},
		{"1 t a\n\n2 t b\n\x00\x00", 2, 0},
		{"1 t a\r\n\r\n2 t b", 2, 0},
		{"1 t a\n2 t", 1, 2},
		{"1 t a\n2 t ", 1, 2},
		{"1 t a\nxyz\n3 t c\n", 1, 2},
		{"11111111111111111 t a\n", 0, 1},
		{"1  t a\n", 0, 1},
		{" 1 t a\n", 0, 1},
		{"1 A a\n2 a b\n3 t $x\n4 t $d\t[m]\n5 b c\n", 1, 0},
	} {
		tab, err := NewTable(c.text)
		if tab.Len() != c.n {
			t.Errorf("NewTable(%q): %d symbols, want %d", c.text, tab.Len(), c.n)
		}
		var le *LineError
		if errors.As(err, &le) != (c.line != 0) || c.line != 0 && le.Line != c.line {
			t.Errorf("NewTable(%q): error %v, want one in line %d", c.text, err, c.line)
		}
	}
	_, err := NewTable("1 t a\n" + strings.Repeat("z", 1000))
	if err == nil || len(err.Error()) > 250 || !strings.Contains(err.Error(), "line 2 (byte 6)") {
		t.Errorf("error text %v", err)
	}
}

func TestHidden(t *testing.T) {
	hidden, _ := NewTable("0000000000000000 T _text\n0000000000000000 T _stext\n")
	if _, ok := hidden.Lookup(0xffffffff81000000); ok || !hidden.Hidden() {
		t.Error("a table of zeros resolves an address")
	}
	if (&Table{}).Hidden() || load(t, "x86-6.12").Hidden() {
		t.Error("Hidden of a good or empty table")
	}
}

// Against the definition: reverse the lines, sort stably, search for the last
// symbol that starts at or below. Starts that several names share are left to
// the recorded answers above; here any of them will do.
func TestLookupLaw(t *testing.T) {
	type sym struct {
		addr uint64
		name string
	}
	law.Check(t, func(t *rapid.T) {
		addrs := rapid.SliceOfN(rapid.Uint64Range(0, 60), 0, 60).Draw(t, "addrs")
		var text strings.Builder
		var syms []sym
		for i, a := range addrs {
			fmt.Fprintf(&text, "%016x t f%d\n", a, i)
			syms = append(syms, sym{a, fmt.Sprint("f", i)})
		}
		tab, err := NewTable(text.String())
		if err != nil || tab.Len() != len(addrs) {
			t.Fatal(err, tab.Len())
		}
		slices.Reverse(syms)
		slices.SortStableFunc(syms, func(a, b sym) int { return cmp.Compare(a.addr, b.addr) })
		for addr := range uint64(64) {
			got, ok := tab.Lookup(addr)
			i := len(syms) - 1
			for i >= 0 && syms[i].addr > addr {
				i--
			}
			inside := i >= 0 && (i < len(syms)-1 || syms[i].addr == addr)
			if ok != inside {
				t.Fatalf("Lookup(%d) = %v, %v; want found %v", addr, got, ok, inside)
			}
			if !ok {
				continue
			}
			if got.Addr-got.Offset != syms[i].addr || got.Offset != 0 && got.Name != syms[i].name {
				t.Fatalf("Lookup(%d) = %v, want %v", addr, got, syms[i])
			}
			if !slices.Contains(syms, sym{syms[i].addr, got.Name}) {
				t.Fatalf("Lookup(%d) = %v is not a name of %x", addr, got, syms[i].addr)
			}
		}
	})
}

func TestTableNoAllocations(t *testing.T) {
	tab := load(t, "x86-6.12")
	n := testing.AllocsPerRun(100, func() {
		tab.Lookup(0xffffffffaadc5ee3)
		tab.Lookup(0xffffffffc0606afd)
		tab.Lookup(1)
		tab.AddrOf("on_each_cpu_cond_mask")
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzTable(f *testing.F) {
	for _, name := range []string{"x86-6.12", "arm64-6.12"} {
		text := read(f, name+".kallsyms")
		f.Add(text[:min(len(text), 600)], uint64(0xffffffffaac00000))
	}
	f.Add("1 t a\n1 t b\n2 t c [m]\n", uint64(1))
	f.Add("2 t a\n1 t b", uint64(2))
	f.Fuzz(func(t *testing.T, text string, addr uint64) {
		tab, err := NewTable(text)
		if tab == nil || tab.Len() > len(text)/5+1 {
			t.Fatalf("table %v, error %v", tab, err)
		}
		if !slices.IsSorted(tab.addrs) || len(tab.addrs) != len(tab.names) {
			t.Fatal("not sorted")
		}
		for _, a := range append([]uint64{addr, addr + 1}, tab.addrs...) {
			s, ok := tab.Lookup(a)
			if !ok {
				if _, found := slices.BinarySearch(tab.addrs, a); found {
					t.Fatalf("the start %x is not found", a)
				}
				continue
			}
			start := a - s.Offset
			if s.Name == "" || s.Offset > a || s.Size != 0 && s.Offset >= s.Size {
				t.Fatalf("Lookup(%x) = %#v", a, s)
			}
			// The way back leads to the same place.
			if !slices.ContainsFunc(tab.AppendRanges(nil, s.Name), func(r Range) bool {
				return r.Start == start && r.Module == s.Module && (r.Contains(a) || s.Size == 0)
			}) {
				t.Fatalf("no range of %q holds %x", s.Name, a)
			}
		}
	})
}

// syntheticKallsyms has the size and shape of a distribution kernel's: sorted
// kernel symbols, 5 % module symbols out of order.
func syntheticKallsyms() string {
	var b strings.Builder
	for i := range 170_000 {
		fmt.Fprintf(&b, "%016x t some_kernel_function_%d\n", 0xffffffff81000000+uint64(i)*64, i)
	}
	for i := range 8_500 {
		fmt.Fprintf(&b, "%016x t module_function_%d\t[module]\n", 0xffffffffc0000000+uint64(i*7919%8500)*64, i)
	}
	return b.String()
}

func BenchmarkNewTable(b *testing.B) {
	text := syntheticKallsyms()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := NewTable(text); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	tab, _ := NewTable(syntheticKallsyms())
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i*1103515245 + 12345) & 0x7fffffff
		tab.Lookup(tab.addrs[i%tab.Len()] + 4)
	}
}

func BenchmarkAddrOf(b *testing.B) {
	tab, _ := NewTable(syntheticKallsyms())
	for b.Loop() {
		tab.AddrOf("some_kernel_function_169999")
	}
}

// TestHex16: eight digits at a time say what one at a time says, for every byte
// in every place.
func TestHex16(t *testing.T) {
	for place := range 17 {
		for c := range 256 {
			line := []byte("0123456789abcdef T x")
			line[place] = byte(c)
			got, end := hex16(string(line), 0)
			want, wantEnd := hexPrefix(string(line), 0)
			if got != want || end != wantEnd {
				t.Fatalf("%q: %x to byte %d, want %x to byte %d", line, got, end, want, wantEnd)
			}
		}
	}
}
