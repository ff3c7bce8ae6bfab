package ksym

import (
	"strings"
	"testing"
)

// Inputs are as kernel 6.12, trace-cmd 3.x and perf print them.
func TestParse(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Symbol
	}{
		{"generic_exec_single", Symbol{Name: "generic_exec_single"}},
		{"on_each_cpu_cond_mask+0x24", Symbol{Name: "on_each_cpu_cond_mask", Offset: 0x24, HasOffset: true}},
		{"do_sync_core+0x0", Symbol{Name: "do_sync_core", HasOffset: true}},
		{"generic_smp_call_function_single_interrupt+0x0/0x20", Symbol{Name: "generic_smp_call_function_single_interrupt", Size: 0x20, HasOffset: true}},
		{"p9_client_rpc+0x1c/0x80 [9pnet]", Symbol{Name: "p9_client_rpc", Module: "9pnet", Offset: 0x1c, Size: 0x80, HasOffset: true}},
		{"p9_client_rpc+0x1c [9pnet]", Symbol{Name: "p9_client_rpc", Module: "9pnet", Offset: 0x1c, HasOffset: true}},
		{"p9_client_rpc [9pnet]", Symbol{Name: "p9_client_rpc", Module: "9pnet"}},
		{"f+0x1/0x2 [m 0123456789abcdef0123456789abcdef01234567]", Symbol{Name: "f", Module: "m", Offset: 1, Size: 2, HasOffset: true}},
		{"zap.isra.0.cold+0x1/0x2", Symbol{Name: "zap.isra.0.cold", Offset: 1, Size: 2, HasOffset: true}},
		{"0xffffffff81000000", Symbol{Addr: 0xffffffff81000000}},
		{"0x0", Symbol{}},
		{"0", Symbol{}},
		{"7fffffff", Symbol{Addr: 0x7fffffff}},
		{"ffffffffaac4255c", Symbol{Addr: 0xffffffffaac4255c}},
		{"fade", Symbol{Name: "fade"}},
		{"c0100000", Symbol{Name: "c0100000"}},
		{"[FTRACE TRAMPOLINE]", Symbol{Name: "[FTRACE TRAMPOLINE]"}},
		{"[unknown/kretprobe'd]", Symbol{Name: "[unknown/kretprobe'd]"}},
		{"generic_exec_single+0x33 (0xffffffffaadc5ee3)", Symbol{Name: "generic_exec_single", Offset: 0x33, HasOffset: true, Addr: 0xffffffffaadc5ee3}},
		{"do_idle (ffffffffaad2e619)", Symbol{Name: "do_idle", Addr: 0xffffffffaad2e619}},
		{"do_idle+0x1/0x2 <ffffffffaad2e619>", Symbol{Name: "do_idle", Offset: 1, Size: 2, HasOffset: true, Addr: 0xffffffffaad2e619}},
		{"bpf_prog_6deef7357e7b4530_sd_fw_egress+0x8/0x30 [bpf]", Symbol{Name: "bpf_prog_6deef7357e7b4530_sd_fw_egress", Module: "bpf", Offset: 8, Size: 0x30, HasOffset: true}},
		{"_RNvNtCs1_4core3fmt+0x10/0x20", Symbol{Name: "_RNvNtCs1_4core3fmt", Offset: 0x10, Size: 0x20, HasOffset: true}},
	} {
		got, ok := Parse([]byte(c.in))
		if !ok || got != c.want {
			t.Errorf("Parse(%q) = %#v, %v, want %#v", c.in, got, ok, c.want)
		}
	}
	for _, in := range []string{
		"", " ", " f", "f ", "+0x1", "f+", "f+1", "f+0x", "f+0xg", "f+0x1/", "f+0x1/2", "f+0x1/0x2 [", "f+0x1/0x2 []", "f+0x1/0x2 [m",
		"f [m]x", "f [m 12", "f [m xyz]", "0xg", "12z", "0x11111111111111111", "f+0x11111111111111111", "[]", "[x", "f g",
		" (0x0)", "f (", "f ()", "f (0x)", "f (12>", "f (12", "f <12", "0xffffffff81bc5764 (-2118363292)", "f\n",
	} {
		if got, ok := Parse([]byte(in)); ok {
			t.Errorf("Parse(%q) = %#v, want refused", in, got)
		}
	}
}

func TestAppend(t *testing.T) {
	for _, c := range []struct {
		in, name, offset, kernel string
	}{
		{"f+0x1c/0x80 [m]", "f", "f+0x1c", "f+0x1c/0x80 [m]"},
		{"f+0x0", "f", "f+0x0", "f+0x0"},
		{"f", "f", "f", "f"},
		{"f [m]", "f", "f", "f [m]"},
		{"ffffffffaac4255c", "0xffffffffaac4255c", "0xffffffffaac4255c", "0xffffffffaac4255c"},
		{"[FTRACE TRAMPOLINE]", "[FTRACE TRAMPOLINE]", "[FTRACE TRAMPOLINE]", "[FTRACE TRAMPOLINE]"},
	} {
		s, ok := ParseString(c.in)
		name, offset, kernel := string(s.AppendName(nil)), string(s.AppendOffset(nil)), s.String()
		if !ok || name != c.name || offset != c.offset || kernel != c.kernel {
			t.Errorf("%q: %q %q %q", c.in, name, offset, kernel)
		}
	}
}

// Suffixes are those of the function names in the recorded kernels (GCC) and of
// Clang's LTO and CFI builds.
func TestNormalize(t *testing.T) {
	for in, want := range map[string]string{
		"do_sync_core":                         "do_sync_core",
		"p9_client_zc_rpc.constprop.0":         "p9_client_zc_rpc",
		"v9fs_alloc_rdir_buf.isra.0":           "v9fs_alloc_rdir_buf",
		"f.part.42":                            "f",
		"f.cold":                               "f",
		"f.cold.12":                            "f",
		"f.constprop.0.isra.0.part.3.cold":     "f",
		"f.isra.0.isra.1.isra.2":               "f",
		"f.llvm.1234567890":                    "f",
		"f.cfi_jt":                             "f",
		"f.llvm.123.cfi_jt":                    "f",
		"f.cfi":                                "f",
		"f.lto_priv.0":                         "f",
		"f.llvm":                               "f.llvm",
		"f.0":                                  "f.0",
		"f.isra.0.0":                           "f.isra.0.0",
		"f.coldest":                            "f.coldest",
		"f_cold":                               "f_cold",
		"f.cold1":                              "f.cold1",
		"_RNvXs_NtCs1_4core3fmt.llvm.12":       "_RNvXs_NtCs1_4core3fmt.llvm.12",
		"_RINvNtCs1_4core3ptr13drop_in_placeE": "_RINvNtCs1_4core3ptr13drop_in_placeE",
		"_Rest.cold":                           "_Rest",
		".do_IRQ":                              "do_IRQ",
		".do_IRQ.isra.0":                       "do_IRQ",
		".slowpath":                            "slowpath",
		".L14472\x021":                         ".L14472\x021",
		".cold":                                "cold",
		".isra.0":                              "isra.0",
		"..cold":                               "..cold",
		"f..cold":                              "f..cold",
		"idmap.text":                           "idmap.text",
		"":                                     "",
		".":                                    ".",
		"7":                                    "7",
		".0":                                   ".0",
		"[FTRACE TRAMPOLINE]":                  "[FTRACE TRAMPOLINE]",
	} {
		if got := Normalize(in); got != want {
			t.Errorf("Normalize(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestSymbolNoAllocations(t *testing.T) {
	in, raw := "p9_client_rpc.isra.0+0x1c/0x80 [9pnet]", []byte("p9_client_rpc.isra.0+0x1c/0x80 [9pnet]")
	buf := make([]byte, 0, 256)
	n := testing.AllocsPerRun(100, func() {
		s, _ := ParseString(in)
		Scan(raw)
		s.Name = Normalize(s.Name)
		buf = s.AppendKernel(buf[:0])
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"f", "f+0x24", "f+0x1c/0x80 [m]", "0xffffffff81000000", "ffffffff81000000", "7fffffff", "0", "[FTRACE TRAMPOLINE]",
		"f+0x1/0x2 [m 0123]", "f (ffff)", "f+0x3 (0xffff)", "f <ffff>", "_RNvNt.llvm.1+0x0", ".f.isra.0.cold",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s, ok := ParseString(in)
		if !ok {
			if s != (Symbol{}) {
				t.Fatalf("%q is refused but gives %#v", in, s)
			}
		} else {
			form, fok := Scan([]byte(in))
			if !fok || string(form.Name) != s.Name || string(form.Module) != s.Module || form.Addr != s.Addr ||
				form.Offset != s.Offset || form.Size != s.Size || form.HasOffset != s.HasOffset {
				t.Fatalf("%q: Scan %v and ParseString %#v differ", in, form, s)
			}
			if a, ok := ParseString(s.Name); ok && a.Name == "" {
				return // sixteen hex digits in front of an address: no kernel has such a name
			}
			again, ok := ParseString(s.String())
			want := s
			if s.Name != "" {
				want.Addr = 0 // the printed form does not carry it
			}
			if !ok || again != want {
				t.Fatalf("%q prints %q, read back as %#v", in, s, again)
			}
		}
		n := Normalize(in)
		if Normalize(n) != n || !strings.Contains(in, n) || (n == "") != (in == "") {
			t.Fatalf("Normalize(%q) = %q, again %q", in, n, Normalize(n))
		}
	})
}

func BenchmarkScan(b *testing.B) {
	in := []byte("generic_smp_call_function_single_interrupt+0x0/0x20")
	b.ReportAllocs()
	for b.Loop() {
		Scan(in)
	}
}

func BenchmarkNormalize(b *testing.B) {
	for b.Loop() {
		Normalize("p9_client_zc_rpc.constprop.0.isra.0")
		Normalize("generic_smp_call_function_single_interrupt")
	}
}
