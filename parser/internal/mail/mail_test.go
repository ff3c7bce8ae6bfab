package mail

import (
	"bytes"
	"mime/quotedprintable"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ipiscope/ipiscope/internal/law"
	"github.com/ipiscope/ipiscope/parser/internal/lines"
)

func TestClean(t *testing.T) {
	tests := []struct{ line, want string }{
		{"", ""},
		{"a  b", "a  b"},
		{"> a", "a"},
		{"> > a", "a"},
		{">>  a", " a"},
		{"> => f", "=> f"},
		{" > a", " > a"}, // a comm may begin with >
		{"a\tb", "a       b"},
		{"1234567\tb", "1234567 b"},
		{"> \ta", "        a"},
		{"a\u00a0\u00a0b", "a  b"},
		{"a\xa0\xa0b", "a  b"},
		{"gr\u00f6\u00dfe \u0420", "größe Р"}, // the last letter is d0 a0
		{"\ufeff# tracer: nop", "# tracer: nop"},
		{"cpu=12", "cpu=12"},
		{"cpu=3D12 callsite=3Df+0x1", "cpu=12 callsite=f+0x1"},
		{"=3D> f=20", "=> f "},
		{"=3D=C2=A0f", "= f"},
		{"a=3D1 b=3d2", "a=3D1 b=3d2"}, // the digits of quoted-printable are upper case
		{"=3D=0A=00x", "=  x"},
	}
	for _, tt := range tests {
		var c Cleaner
		if got := string(c.Clean(nil, []byte(tt.line))); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// TestEncoding: the header of a message switches quoted-printable on and off.
func TestEncoding(t *testing.T) {
	text := "a=31\nContent-Transfer-Encoding: Quoted-Printable\na=31\nContent-Transfer-Encoding: 8bit\na=31\nb=3D1\na=31\nFrom x\na=31"
	var c Cleaner
	var got []string
	for line := range strings.SplitSeq(text, "\n") {
		if out := string(c.Clean(nil, []byte(line))); len(out) < 5 {
			got = append(got, out)
		}
	}
	if want := "a=31 a1 a=31 b=1 a1 a=31"; strings.Join(got, " ") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestQuotedPrintable decodes what Go's mime/quotedprintable encodes.
func TestQuotedPrintable(t *testing.T) {
	law.Check(t, func(t *rapid.T) {
		line := rapid.StringMatching(`[a-zA-Z=][ -~é]{0,200}[a-z=]`).Draw(t, "line")
		var b bytes.Buffer
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(line))
		w.Close()
		in := "Content-Transfer-Encoding: quoted-printable\n" + b.String() + "\nbehind\n"
		text := NewText(lines.New(strings.NewReader(in)))
		text.Next()
		got, _ := text.Next()
		if string(got) != line {
			t.Fatalf("%q, want %q", got, line)
		}
		if next, _ := text.Next(); string(next) != "behind" {
			t.Fatalf("next line %q", next)
		}
	})
}

func TestUnwrap(t *testing.T) {
	tests := []struct {
		payload, next string
		joined        bool
	}{
		{"ipi_send_cpumask: cpumask=1 callsite=f+0x1", "callback=g+0x0", true},
		{"ipi_send_cpumask: cpumask=1 callsite=f+0x1 ", "  callback=g+0x0", true},
		{"ipi_send_cpumask: cpumask=1", "callsite=f+0x1 callback=g+0x0", true},
		{"ipi_send_cpumask:", "cpumask=1 callsite=f+0x1 callback=g+0x0", true},
		{"", "ipi_send_cpumask: cpumask=1", true},
		{"", "ipi:ipi_send_cpumask: cpumask=1", true},
		{"", "print: a", true},
		{"", "<stack trace >", true},
		{"kernel_stack: <stack", "trace >", true},
		{"x: func=f,", "csd=0x0", true},
		{"x: cpu=", "12", true},
		{"sched_switch: a:1 [120] S ==>", "b:2 [120]", true},
		{"sched_switch: a:1 [120] S", "==> b:2 [120]", true},
		{"ipi_raise: target_mask=1 (Function call", "interrupts)", true},
		{"ipi_send_cpu: cpu=1 callback=g", "callback=h", false}, // another event's
		{"ipi_send_cpu: cpu=1 callback=g", "which is odd", false},
		{"ipi_send_cpu: cpu=1 callback=g", "=> f", false},
		{"ipi_send_cpu: cpu=1 callback=g", "", false},
		{"ipi_send_cpu: cpu=1", "see a/b=c", false},
		{"", "note: this", false},
		{"", "and prose", false},
	}
	for _, tt := range tests {
		head := "comm-1 [000] 1.0: "
		text := NewText(lines.New(strings.NewReader(head + tt.payload + "\n" + tt.next + "\n")))
		text.Next()
		got := text.Unwrap(len(head), func([]byte) bool { return false })
		if joined := bytes.Contains(got, []byte(strings.TrimSpace(tt.next))) && tt.next != ""; joined != tt.joined {
			t.Errorf("%q and %q: %q", tt.payload, tt.next, got)
		}
	}
	// What begins an event of its own is not taken.
	text := NewText(lines.New(strings.NewReader("comm-1 [000] 1.0: x: a=1\nb=1\n")))
	text.Next()
	if got := text.Unwrap(0, func([]byte) bool { return true }); string(got) != "comm-1 [000] 1.0: x: a=1" {
		t.Errorf("%q", got)
	}
}

func TestLooksLike(t *testing.T) {
	isTrace := func(line []byte) bool { return bytes.HasPrefix(line, []byte("ev: ")) }
	tests := []struct {
		text    string
		hasHead bool
		want    bool
	}{
		{"ev: 1\nev: 2\n", false, false},
		{"ev: 1\n> ev: 2\n", true, true},
		{"ev: 1\nab cd ef gh\nx\n", false, true},
		{"ev: 1\nab cd ef gh\nx\n", true, false},
		{"ev: 1\nx\ny\n", false, false},
		{"ev: 1\nb=2\n", true, true},
		{"From: a\n\nev: 1\n", false, true},
		{"ab cd ef gh\nx\n", false, false},
		{"ev: a=3D1\n", false, true},
		{"ev: 1\n\nev: 2\nab cd ef gh ij", false, false}, // cut
	}
	for _, tt := range tests {
		if got := LooksLike([]byte(tt.text), tt.hasHead, isTrace); got != tt.want {
			t.Errorf("%q: %v", tt.text, got)
		}
	}
}
