package cpumask

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
)

func TestParseList(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"", ""}, // trace-cmd's text for an empty mask
		{"0", "0"},
		{"1,3", "1,3"},
		{"0-1,3-79", "0-1,3-79"}, // libtraceevent's print_bitmask style
		{"3,1-2,2", "1-3"},
		{"007", "7"},
		{"63-64", "63-64"},
		{"1023-1024,8191,65535", "1023-1024,8191,65535"},
	} {
		m, err := ParseList([]byte(c.in))
		if err != nil || m.String() != c.want {
			t.Errorf("ParseList(%q) = %q, %v, want %q", c.in, m, err, c.want)
		}
	}
	for _, c := range []struct {
		in  string
		off int
	}{
		{",", 0}, {"1,", 2}, {",1", 0}, {"-", 0}, {"-1", 0}, {"1-", 2}, {"3-2", 2}, {"1--2", 2},
		{"1 ,2", 1}, {" 1", 0}, {"0x1", 1}, {"a", 0}, {"1-2-3", 3}, {"1\n", 1},
		{"65536", 0}, {"5,0-65536", 4}, {"99999999999999999999999", 0}, {"0-18446744073709551616", 2},
		{"00000000,0000000e", 16}, // hex words are refused, not misread
	} {
		m, err := ParseList([]byte(c.in))
		wantError(t, "ParseList", c.in, c.off, &m, err)
	}
}

func wantError(t *testing.T, fn, in string, off int, m *Mask, err error) {
	t.Helper()
	var se *SyntaxError
	if !errors.As(err, &se) {
		t.Errorf("%s(%q) = %v, %v, want a SyntaxError", fn, in, m, err)
		return
	}
	if se.Offset != off {
		t.Errorf("%s(%q): offset %d, want %d (%v)", fn, in, se.Offset, off, err)
	}
	if !m.IsEmpty() {
		t.Errorf("%s(%q) left %v behind an error", fn, in, m)
	}
}

func TestParseHex(t *testing.T) {
	for _, c := range []struct {
		in, want string
	}{
		{"00000000,0000000e", "1-3"}, // kernel text of a 4-CPU machine, trace-cmd prints 1-3 for it
		{"00000000,0000000d", "0,2-3"},
		{"ff,ffffffff", "0-39"},
		{"FF", "0-7"},
		{"1,0,0", "64"},
		{"0", ""},
		{"80000000", "31"},
		{strings.Repeat("00000000,", 5000) + "1", "0"}, // zero groups cost nothing
	} {
		m, err := ParseHex([]byte(c.in))
		if err != nil || m.String() != c.want {
			t.Errorf("ParseHex(%.40q) = %q, %v, want %q", c.in, m, err, c.want)
		}
	}
	for _, c := range []struct {
		in  string
		off int
	}{
		{"", 0}, {",", 1}, {"1,", 2}, {",1", 0}, {"0x1", 1}, {"g", 0}, {"123456789", 0}, {"1-3", 1}, {"1,,1", 2},
		{"1" + strings.Repeat(",00000000", 2048), 0},
	} {
		m, err := ParseHex([]byte(c.in))
		wantError(t, "ParseHex", c.in, c.off, &m, err)
	}
}

// The kernel's %*pb: first group only as wide as its bits (lib/vsprintf.c).
func TestHex(t *testing.T) {
	m, _ := ParseList([]byte("0-3,33"))
	for nbits, want := range map[int]string{
		-1: "", 0: "", 1: "1", 3: "7", 4: "f", 5: "0f", 32: "0000000f", 33: "0,0000000f", 34: "2,0000000f",
		64: "00000002,0000000f", 72: "00,00000002,0000000f",
	} {
		if got := m.Hex(nbits); got != want {
			t.Errorf("Hex(%d) = %q, want %q", nbits, got, want)
		}
	}
}

func TestIsHexWords(t *testing.T) {
	for in, want := range map[string]bool{
		"00000000,0000000e":          true,
		"00000000,00000000,0000000e": true,
		"10000000,10000000":          true,
		"0000000e":                   true,
		"1000000f":                   true,
		"10000000":                   false, // undecidable
		"":                           false,
		"1-3":                        false,
		"0-3,8-11":                   false,
		"ff,ffffffff":                false,
		"0000000E":                   false,
		"00000000,0000000":           false,
		"00000000 0000000e":          false,
		"0,2,4,6,8":                  false,
		"000000000000000e0":          false,
	} {
		if got := IsHexWords([]byte(in)); got != want {
			t.Errorf("IsHexWords(%q) = %v, want %v", in, got, want)
		}
	}
}

// No list that a kernel can print is taken for hex words.
func TestListIsNeverHexWords(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		m, _ := drawMask(t, "m")
		if IsHexWords([]byte(m.String())) {
			t.Fatalf("the list %q counts as hex words", m)
		}
	})
}

func TestValueForms(t *testing.T) {
	m, _ := ParseList([]byte("2-3"))
	if got := fmt.Sprint(m); got != "2-3" {
		t.Errorf("Sprint = %q", got)
	}
	js, err := json.Marshal(struct{ CPUs Mask }{m})
	if err != nil || string(js) != `{"CPUs":"2-3"}` {
		t.Errorf("JSON = %s, %v", js, err)
	}
	if err := m.UnmarshalText([]byte("x")); err == nil || err.Error() != `cpu list "x": at byte 0: expected a CPU number` {
		t.Errorf("error text %v", err)
	}
	long := strings.Repeat("1,", 1000) + "x"
	if _, err := ParseList([]byte(long)); len(err.Error()) > 200 {
		t.Errorf("error of %d bytes holds the whole input", len(err.Error()))
	}
}

func TestSetWords(t *testing.T) {
	be, le := binary.ByteOrder(binary.BigEndian), binary.ByteOrder(binary.LittleEndian)
	for _, c := range []struct {
		bytes string
		order binary.ByteOrder
		long  int
		want  string
	}{
		{"", le, 8, ""},
		{"\x0e\x00\x00\x00\x00\x00\x00\x00", le, 8, "1-3"},
		{"\x00\x00\x00\x00\x00\x00\x00\x0e", be, 8, "1-3"},
		{"\x0e\x00\x00\x00", le, 4, "1-3"},
		{"\x00\x00\x00\x0e", be, 4, "1-3"},
		{"\x01\x00\x00\x00\x02\x00\x00\x00", le, 4, "0,33"},
		{"\x00\x00\x00\x01\x00\x00\x00\x02", be, 4, "0,33"},
		{"\x00\x00\x00\x01\x00\x00\x00\x02", be, 8, "1,32"},
		{"\x01\x00\x00\x00\x02\x00\x00\x00\x80\x00\x00\x00", le, 4, "0,33,71"},
		{strings.Repeat("\x00", 9000), le, 8, ""},
	} {
		m, err := FromWords([]byte(c.bytes), c.order, c.long)
		if err != nil || m.String() != c.want {
			t.Errorf("FromWords(% .20x, %v, %d) = %q, %v, want %q", c.bytes, c.order, c.long, m, err, c.want)
		}
	}
	for _, c := range []struct {
		bytes string
		long  int
		off   int
	}{
		{"\x01\x02", 4, 0}, {"\x01\x00\x00\x00\x01", 4, 4}, {"\x01\x00\x00\x00", 8, 0}, {"", 2, 0}, {"", 0, 0},
		{strings.Repeat("\x00", 8192) + "\x01\x00\x00\x00\x00\x00\x00\x00", 8, 8192},
	} {
		for _, order := range []binary.ByteOrder{le, be} {
			m, err := FromWords([]byte(c.bytes), order, c.long)
			wantError(t, "FromWords", "", c.off, &m, err)
		}
	}
	b := []byte("\x0e\x00\x00\x00\x00\x00\x00\x00")
	for _, order := range []binary.ByteOrder{le, be} {
		var m Mask
		if n := testing.AllocsPerRun(100, func() { _ = m.SetWords(b, order, 8) }); n != 0 {
			t.Errorf("SetWords %v: %v allocations", order, n)
		}
	}
}

// Whatever the byte order and the size of long, the same set comes back.
func TestSetWordsRoundTrip(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		m, s := drawMask(t, "m")
		long := rapid.SampledFrom([]int{4, 8}).Draw(t, "long")
		b := make([]byte, (m.Last()/(8*long)+1)*long)
		big := rapid.Bool().Draw(t, "big endian")
		var order binary.ByteOrder = binary.LittleEndian
		if big {
			order = binary.BigEndian
		}
		for cpu := range s { // bit by bit, from the definition
			at, bit := cpu/(8*long)*long, cpu%(8*long)
			if big {
				b[at+long-1-bit/8] |= 1 << (bit % 8)
			} else {
				b[at+bit/8] |= 1 << (bit % 8)
			}
		}
		got, err := FromWords(b, order, long)
		if err != nil || !got.Equal(m) {
			t.Fatalf("FromWords(%x) = %v, %v, want %v", b, got, err, m)
		}
	})
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"", "0-3,8", "1,3", "0-1,3-79", "65535", "65536", "3-2", "00000000,0000000e"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseList(in)
		again(t, &m, err)
		if err == nil {
			// The printed form is a subset of what the kernel reads.
			k, kerr := ParseBitmapList(in, MaxCPUs)
			if kerr != nil || !k.Equal(&m) {
				t.Fatalf("%q: list %v, kernel list %v, %v", in, m, k, kerr)
			}
		}
	})
}

func FuzzParseHex(f *testing.F) {
	for _, s := range []string{"", "ff,ffffffff", "00000000,0000000e", "f", "1,,1", "123456789"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		m, err := ParseHex(in)
		again(t, &m, err)
		if err != nil && IsHexWords(in) && len(in) <= MaxCPUs/32*9 {
			t.Fatalf("%q are hex words but not a mask: %v", in, err)
		}
	})
}

func FuzzBitmapList(f *testing.F) {
	for _, s := range []string{"2-3", " 2-3 ", "all", "ALL:1/2", "N", "0-N:1/2", "3-2", "0-99", "1-1:1/4294967295", "1\n2", "0-3:1/2N", ","} {
		f.Add([]byte(s), 4)
		f.Add([]byte(s), 128)
	}
	f.Fuzz(func(t *testing.T, in []byte, nbits int) {
		m, err := ParseBitmapList(in, nbits)
		again(t, &m, err)
		if m.Last() >= nbits && err == nil && !m.IsEmpty() {
			t.Fatalf("%q for %d CPUs: %v", in, nbits, m)
		}
	})
}

// again checks what holds for every parser: an error or a set, never both, and
// the set survives a trip through both printed forms.
func again(t *testing.T, m *Mask, err error) {
	t.Helper()
	if err != nil {
		var se *SyntaxError
		if !errors.As(err, &se) || se.Msg == "" || se.Offset < 0 || !m.IsEmpty() {
			t.Fatalf("error %v with mask %v", err, m)
		}
		return
	}
	list, err1 := ParseList(m.AppendList(nil))
	hex, err2 := ParseHex(m.AppendHex(nil, MaxCPUs))
	if err1 != nil || err2 != nil || !list.Equal(m) || !hex.Equal(m) {
		t.Fatalf("%v: list %v %v, hex %v %v", m, list, err1, hex, err2)
	}
}

func BenchmarkParseList(b *testing.B) {
	in := []byte("0-1,3-79")
	for b.Loop() {
		_, _ = ParseList(in)
	}
}

func BenchmarkParseHex(b *testing.B) {
	in := []byte("00000000,0000000e")
	for b.Loop() {
		_, _ = ParseHex(in)
	}
}

func BenchmarkSetWords(b *testing.B) {
	in := make([]byte, 16)
	in[0] = 0x0e
	var m Mask
	for b.Loop() {
		_ = m.SetWords(in, binary.LittleEndian, 8)
	}
}

func TestNamed(t *testing.T) {
	for list, want := range map[string]string{"": "CPUs ", "3": "CPU 3", "2-3": "CPUs 2-3", "1,12": "CPUs 1,12"} {
		m, err := ParseList([]byte(list))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Named(); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}
