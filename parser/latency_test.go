package parser_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A version 6 file of a latency tracer holds the kernel's text where the events
// would be (trace-cmd.dat.v6(5), "latency").
func TestLatencySection(t *testing.T) {
	var b bytes.Buffer
	le := binary.LittleEndian
	text64 := func(s string) { b.Write(le.AppendUint64(nil, uint64(len(s)))); b.WriteString(s) }
	b.WriteString("\x17\x08\x44tracing6\x00\x00\x08")
	b.Write(le.AppendUint32(nil, 4096))
	b.WriteString("header_page\x00")
	text64("\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n")
	b.WriteString("header_event\x00")
	text64("")
	b.Write(make([]byte, 4+4+4+4)) // formats, systems, kallsyms, printk
	text64("")
	b.Write(le.AppendUint32(nil, 4))
	b.WriteString("latency  \x00")
	b.WriteString("# tracer: wakeup\n#\n" +
		"            bash-202   [000] d.h4.     7.428080: ipi_send_cpu: cpu=2 callsite=irq_work_queue_on+0x56/0x90 callback=0x0\n")
	path := filepath.Join(t.TempDir(), "trace.dat")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := parser.Open(path, parser.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	n := 0
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok && e.Schema().Name == "ipi_send_cpu" && e.CPU == 0 {
			n++
		}
	}
	if n != 1 || src.Err() != nil {
		t.Errorf("%d events (%v), want 1", n, src.Err())
	}
}
