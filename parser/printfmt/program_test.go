package printfmt_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/printfmt"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// kernelNames is a symbol table of one function and one string.
type kernelNames struct{}

const (
	funcAddr   = 0xffffffff81000100
	stringAddr = 0xffffffff82000000
)

func (kernelNames) Symbol(addr uint64) (string, uint64, bool) {
	return "do_work", addr - funcAddr, addr >= funcAddr && addr < funcAddr+0x100
}

func (kernelNames) Address(name string) (uint64, bool) {
	return funcAddr, name == "do_work"
}

func (kernelNames) Static(addr uint64) (string, bool) { return "Function call", addr == stringAddr }

// A printed event is an entry of testdata/printed.txt.
type printed struct {
	format, want string
	record       []byte
}

func printedEvents(tb testing.TB) []printed {
	data, err := os.ReadFile("testdata/printed.txt")
	if err != nil {
		tb.Fatal(err)
	}
	var out []printed
	for block := range strings.SplitSeq(string(data), "---\n") {
		var p printed
		for line := range strings.Lines(block) {
			switch key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); {
			case strings.HasPrefix(line, "#"), key == "system":
			case key == "record" && p.record == nil:
				if p.record, err = hex.DecodeString(value); err != nil {
					tb.Fatal(err)
				}
			case key == "want" && p.format == "":
				if err := json.Unmarshal([]byte(value), &p.want); err != nil {
					tb.Fatal(err)
				}
			default:
				p.format += line
			}
		}
		if p.format != "" {
			out = append(out, p)
		}
	}
	return out
}

func compile(tb testing.TB, format string) *printfmt.Program {
	s, err := tracefmt.ParseFormat([]byte(format), 8)
	if err != nil {
		tb.Fatal(err)
	}
	return printfmt.Compile(s, 8, false)
}

// The expected texts are those of trace-cmd with libtraceevent.
func TestPrintedByTraceCmd(t *testing.T) {
	events := printedEvents(t)
	if len(events) < 80 {
		t.Fatalf("%d events", len(events))
	}
	for _, p := range events {
		got := string(compile(t, p.format).Append(nil, p.record, kernelNames{}))
		if strings.TrimSuffix(got, "\n") != p.want {
			t.Errorf("%s\n got %q\nwant %q", p.format, got, p.want)
		}
	}
}

// testFormat has a field of every kind.
const testFormat = `name: test
ID: 7
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;
	field:u32 a;	offset:8;	size:4;	signed:0;
	field:int b;	offset:12;	size:4;	signed:1;
	field:unsigned long ip;	offset:16;	size:8;	signed:0;
	field:const char * reason;	offset:24;	size:8;	signed:0;
	field:__data_loc char[] name;	offset:32;	size:4;	signed:0;
	field:__rel_loc char[] rel;	offset:36;	size:4;	signed:0;
	field:__data_loc cpumask_t mask;	offset:40;	size:4;	signed:0;
	field:u8 mac[6];	offset:44;	size:6;	signed:0;
	field:u8 ip4[4];	offset:50;	size:4;	signed:0;
	field:u16 small[2];	offset:54;	size:4;	signed:0;
	field:u8 ip6[16];	offset:58;	size:16;	signed:0;
	field:char comm[6];	offset:74;	size:6;	signed:0;

print fmt: `

// testRecord is a record of testFormat.
func testRecord() []byte {
	b := make([]byte, 104)
	le := binary.LittleEndian
	le.PutUint32(b[8:], 6)
	le.PutUint32(b[12:], 0xfffffffe)
	le.PutUint64(b[16:], funcAddr+0x24)
	le.PutUint64(b[24:], stringAddr)
	le.PutUint32(b[32:], 6<<16|80)
	le.PutUint32(b[36:], 4<<16|(88-40))
	le.PutUint32(b[40:], 8<<16|96)
	copy(b[44:], []byte{0, 0x1b, 0x21, 0xaa, 0xbb, 0xcc})
	copy(b[50:], []byte{192, 168, 0, 7})
	le.PutUint16(b[54:], 300)
	le.PutUint16(b[56:], 9)
	copy(b[58:], []byte{0x20, 1, 0x0d, 0xb8, 15: 1})
	copy(b[74:], "mix/3")
	copy(b[80:], "eth01")
	copy(b[88:], "rel")
	le.PutUint64(b[96:], 0x2d)
	return b
}

// What C's printf, the kernel's printk-formats.rst or libtraceevent's way of
// grouping operators (comments) make of the record.
func TestPrintFormats(t *testing.T) {
	for _, c := range []struct{ print, want string }{
		{`"%d %u %x %#x %o"`, "-2 6 6 0x6 6"},
		{`"[%5d|%-5d|%05d|%+d]"`, "[   -2|6    |00006|+6]"},
		{`"%lld %hhu %hd"`, "4294967294 6 6"},
		{`"%c%%"`, "\x06%"},
		{`"%s|%8s|%-8s|%.3s|", REC->comm, REC->comm, REC->comm, REC->comm`, "mix/3|   mix/3|mix/3   |mix|"},
		{`"%.*s %*d", 2, REC->comm, 4, REC->a`, "mi    6"},
		{`"%s %s", __get_str(name), __get_rel_str(rel)`, "eth01 rel"},
		{`"%s", REC->reason`, "Function call"},
		{`"%pS %ps %pF %pf", (void *)REC->ip, (void *)REC->ip, REC->ip, REC->ip`, "do_work+0x24 do_work do_work+0x24 do_work"},
		{`"%pS %p %px", 0, (void *)0, REC->ip`, "0x0 (nil) 0xffffffff81000124x"},
		{`"%s", __get_cpumask(mask)`, "0,2-3,5"},
		{`"%s", __get_bitmask(mask)`, "00000000,0000002d"},
		{`"%pM %pMF %pMR %pm", REC->mac, REC->mac, REC->mac, REC->mac`, "00:1b:21:aa:bb:cc 00-1b-21-aa-bb-cc cc:bb:aa:21:1b:00 001b21aabbcc"},
		{`"%pI4 %pi4", REC->ip4, REC->ip4`, "192.168.0.7 192.168.000.007"},
		{`"%pI6c %pI6", REC->ip6, REC->ip6`, "2001:db8::1 2001:0db8:0000:0000:0000:0000:0000:0001"},
		{`"%pI4 %pM", REC->ip6, REC->ip4`, "INVALIDIPv4 INVALIDMAC"},
		{`"%s", __print_array(REC->small, 2, 2)`, "{0x12c,0x9}"},
		{`"%s %s", __print_hex(REC->mac, 3), __print_hex_str(REC->mac, 3)`, "00 1b 21 001b21"},
		{`"%u", REC->small[1]`, "9"},
		{`"%*phC", 3, __get_dynamic_array(name)`, "65:74:68"},
		{`"%u", __get_dynamic_array_len(name)`, "6"},
		{`"%s", __print_flags(REC->a, "|", {1, "A"}, {2, "B"}, {4, "C"})`, "B|C"},
		{`"%s", __print_flags(REC->a, "|", {2, "B"})`, "B|0x4"},
		{`"%s", __print_flags(REC->a & 1, "|", {1, "A"})`, ""},
		{`"%s %s", __print_symbolic(REC->a, {6, "six"}), __print_symbolic(REC->a, {5, "five"})`, "six 0x6"},
		{`"%s", REC->a > 5 ? "big" : "small"`, "big"},
		{`"%d %d", REC->a == 6 && REC->b, !REC->a`, "1 0"},
		{`"%d", (REC->a << 2) | 1`, "25"},
		{`"%u %u", (u8)REC->b, sizeof(u64)`, "254 8"},
		{`"%llu %llu", __print_ns_to_secs(3000000004ULL), __print_ns_without_secs(3000000004ULL)`, "3 4"},
		{`"%d", (REC)->a`, "6"},
		{`"%d", REC->a / 0`, "0"},
		{`"a" "b%d", REC->a`, "ab6"},
		{`"\t\"%d\"\n", REC->a`, "\t\"6\"\n"},
		// groups from the right: 6 - (2 - 1); and loses parentheses: (6 & 2) | 8
		{`"%d", REC->a - 2 - 1`, "5"},
		{`"%d", REC->a & (2 | 8)`, "10"},
		{`"%d", do_work - 0xffffffff81000000`, "2130706432"},
		// what cannot be evaluated
		{`"%d", unknown(REC->a)`, "[FAILED TO PARSE] a=6 b=-2 ip=0xffffffff81000124 reason=0xffffffff82000000 name=eth01 rel=rel mask=524384" +
			" mac= ip4=ARRAY[c0, a8, 00, 07] small=ARRAY[2c, 01, 09, 00]" +
			" ip6=ARRAY[20, 01, 0d, b8, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 00, 01] comm=mix/3"},
	} {
		print := c.print
		if !strings.Contains(print, ",") { // the shorthand of the first rows
			args := map[string]string{
				`"%d %u %x %#x %o"`:     ", REC->b, REC->a, REC->a, REC->a, REC->a",
				`"[%5d|%-5d|%05d|%+d]"`: ", REC->b, REC->a, REC->a, REC->a",
				`"%lld %hhu %hd"`:       ", REC->b, REC->a, REC->a",
				`"%c%%"`:                ", REC->a",
			}
			print += args[print]
		}
		p := compile(t, testFormat+print)
		if got := string(p.Append(nil, testRecord(), kernelNames{})); got != c.want {
			t.Errorf("%s\n got %q (%v)\nwant %q", print, got, p.Err(), c.want)
		}
	}
}

// As trace-cmd report -R prints fields: by the conversion of the print fmt, a
// symbol with its address, what is not printed alone by its type.
func TestAppendFields(t *testing.T) {
	p := compile(t, testFormat+`"a=0x%08x ip=%pS b2=%d", REC->a, (void *)REC->ip, REC->b + 1`)
	got := string(p.AppendFields(nil, testRecord(), nil, kernelNames{}))
	want := " a=0x00000006 b=-2 ip=do_work+0x24 (0xffffffff81000124) reason=0xffffffff82000000 name=eth01 rel=rel mask=524384"
	if !strings.HasPrefix(got, want) {
		t.Errorf("got %q\nwant %q...", got, want)
	}
}

func TestAppendBinary(t *testing.T) {
	args := append([]byte{7, 0, 0, 0, 'h', 'i', 0, 0}, 0x24, 1, 0, 0x81, 0xff, 0xff, 0xff, 0xff)
	got := string(printfmt.AppendBinary(nil, "n=%d s=%s f=%ps\n", args, 8, false, kernelNames{}))
	if want := "n=7 s=hi f=do_work\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// No record, however short, may make a program read after its end.
func TestPrintShortRecords(t *testing.T) {
	for _, e := range printedEvents(t) {
		p := compile(t, e.format)
		for n := range e.record {
			p.Append(nil, e.record[:n:n], kernelNames{})
			p.AppendFields(nil, e.record[:n:n], nil, kernelNames{})
		}
	}
}

func TestPrintAllocations(t *testing.T) {
	buf := make([]byte, 0, 1<<16)
	for _, e := range printedEvents(t) {
		p := compile(t, e.format)
		if n := testing.AllocsPerRun(10, func() {
			buf = p.Append(buf[:0], e.record, kernelNames{})
			buf = p.AppendFields(buf[:0], e.record, nil, kernelNames{})
		}); n != 0 {
			t.Errorf("%.0f allocations:\n%s", n, e.format)
		}
	}
}

func FuzzPrintFmt(f *testing.F) {
	for _, e := range printedEvents(f) {
		_, print, _ := strings.Cut(e.format, "print fmt: ")
		f.Add(print, e.record)
	}
	f.Add(`"%s", __print_flags(REC->a & (1 | 2), "|", {1, "A"})`, testRecord())
	f.Add(`"%*.*s %-*d", 1000000000, 5, REC->comm, -99999, REC->a`, testRecord())
	f.Add(`"%d", ((((((1))))))+~-!REC->a[REC->b[3]]`, []byte{})
	f.Add(`"%s %d %s", scsi_trace_parse_cdb(p, __get_dynamic_array(name), 6), is_writable_pte(REC->a), xen_hypercall_name(REC->b)`, testRecord())
	f.Add(`"%s %u %x", jbd2_dev_to_name(REC->a), jiffies_to_msecs(REC->ip), __le16_to_cpup((__le16 *)__get_dynamic_array(name))`, testRecord())
	f.Add(`"%s %s", __print_hex_dump("p", DUMP_PREFIX_OFFSET, 32, 4, REC->ip6, 16, 1), __print_array(__get_rel_dynamic_array(rel), 4, sizeof(u16))`, testRecord())
	f.Add(`"%*ph %pISpc %pMR %pUL %20s", 4, __get_dynamic_array(name), (struct sockaddr *)__get_dynamic_array(name), REC->mac, REC->ip6, __get_cpumask(mask)`, testRecord())
	f.Add(`"%d %c %lx", ((u16 *)__get_dynamic_array(name))[REC->a], REC->b, __builtin_expect(!!(REC->a), 0) ? 1 + 2 : REC->small[1]`, testRecord())
	f.Fuzz(func(t *testing.T, print string, record []byte) {
		if len(print) > 1<<12 || len(record) > 1<<12 {
			return
		}
		s, err := tracefmt.ParseFormat([]byte(testFormat+print), 8)
		if err != nil {
			return
		}
		for _, big := range []bool{false, true} {
			p := printfmt.Compile(s, 8, big)
			out := p.Append(nil, record, kernelNames{})
			out = p.AppendFields(out, record, nil, kernelNames{})
			// each byte of the print fmt prints at most a width or the record
			if limit := (len(print) + 100) * (8*len(record) + 5000); len(out) > limit {
				t.Errorf("%d bytes out of %d and %d", len(out), len(print), len(record))
			}
			again := p.Append(nil, record, kernelNames{})
			if !bytes.HasPrefix(out, again) {
				t.Error("a second run prints something else")
			}
		}
		printfmt.AppendBinary(nil, print, record, 8, false, kernelNames{})
	})
}

func BenchmarkPrint(b *testing.B) {
	events := printedEvents(b)
	var programs []*printfmt.Program
	for _, e := range events {
		programs = append(programs, compile(b, e.format))
	}
	buf := make([]byte, 0, 1<<16)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		k := i % len(events)
		buf = programs[k].Append(buf[:0], events[k].record, kernelNames{})
	}
}
