package tracefmt

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// header32 is header_page of a 32-bit kernel: the commit word is a long
// (kernel/trace/ring_buffer.c, ring_buffer_print_page_header).
const header32 = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:4;\tsigned:1;\n" +
	"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:12;\tsize:4084;\tsigned:1;\n"

func readHeader(t testing.TB, kernel string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", kernel+".header_page"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestParsePageHeader(t *testing.T) {
	wide := PageHeader{TimestampOff: 0, CommitOff: 8, CommitSize: 8, DataOff: 16}
	for _, kernel := range kernels { // 6.12 declares overwrite as int, 7.2 as char
		if got, err := ParsePageHeader(readHeader(t, kernel)); err != nil || got != wide {
			t.Errorf("%s: %+v, %v", kernel, got, err)
		}
	}
	narrow := PageHeader{TimestampOff: 0, CommitOff: 8, CommitSize: 4, DataOff: 12}
	if got, err := ParsePageHeader([]byte(header32)); err != nil || got != narrow {
		t.Errorf("32 bits: %+v, %v", got, err)
	}
}

func TestBadPageHeaders(t *testing.T) {
	for _, tt := range []struct{ old, new, want string }{
		{header32, "", "header_page: want the fields timestamp, commit and data"},
		{"commit", "committed", "header_page: want the fields timestamp, commit and data"},
		{"offset:8;\tsize:4", "offset:8;\tsize:2", "header_page: commit has 2 bytes, want 4 or 8"},
		{"offset:0;\tsize:8", "offset:0;\tsize:4", "header_page: timestamp has 4 bytes, want 8"},
		{"offset:8;\tsize:4", "offset:9;\tsize:4", "header_page: fields do not lie before the data"},
		{"offset:0;\tsize:8", "offset:8;\tsize:8", "header_page: fields do not lie before the data"},
		{"offset:12", "offset:1200", "header_page: fields do not lie before the data"},
		{"offset:0;", "offset:4294967295;", `offset is "4294967295", want a number up to`},
	} {
		_, err := ParsePageHeader([]byte(strings.Replace(header32, tt.old, tt.new, 1)))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q instead of %q: error %v, want %q", tt.new, tt.old, err, tt.want)
		}
	}
}

func TestCommonOf(t *testing.T) {
	for _, kernel := range kernels {
		for _, text := range formatsOf(t, kernel) {
			s, err := ParseFormat(text, 8)
			if err != nil {
				t.Fatal(err)
			}
			c, err := CommonOf(s)
			if err != nil {
				t.Errorf("%s %s: %v", kernel, s.Name, err)
				continue
			}
			// include/linux/trace_events.h, struct trace_entry
			if c.Type.Off != 0 || c.Type.Size != 2 || c.Flags.Off != 2 || c.Preempt.Off != 3 || c.PID.Off != 4 || c.PID.Size != 4 || !c.PID.Signed || c.MinSize != 8 {
				t.Errorf("%s %s: %+v", kernel, s.Name, c)
			}
		}
	}
	s, err := ParseFormat([]byte("name: x\nID: 1\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"), 8)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := CommonOf(s); err == nil || err.Error() != "event x: no field common_flags" {
		t.Errorf("error %v", err)
	}
}

func FuzzParsePageHeader(f *testing.F) {
	for _, kernel := range kernels {
		f.Add(readHeader(f, kernel))
	}
	f.Add([]byte(header32))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParsePageHeader(text)
		if err != nil {
			return
		}
		if h.DataOff > maxPageHeader || h.CommitOff+h.CommitSize > h.DataOff || h.TimestampOff+8 > h.DataOff {
			t.Fatalf("%+v", h)
		}
		if !bytes.Contains(text, []byte("commit")) {
			t.Fatal("a header without commit")
		}
	})
}
