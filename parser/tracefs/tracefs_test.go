package tracefs_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefs"
)

// Texts of Linux 6.12.107 (Debian): header_page for both byte orders and the
// format of ipi_send_cpu.
const (
	headerPage = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n" +
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n"
	sendCPU = `name: ipi_send_cpu
ID: 70
format:
	field:unsigned short common_type;	offset:0;	size:2;	signed:0;
	field:unsigned char common_flags;	offset:2;	size:1;	signed:0;
	field:unsigned char common_preempt_count;	offset:3;	size:1;	signed:0;
	field:int common_pid;	offset:4;	size:4;	signed:1;

	field:unsigned int cpu;	offset:8;	size:4;	signed:0;
	field:void * callsite;	offset:16;	size:8;	signed:0;
	field:void * callback;	offset:24;	size:8;	signed:0;

print fmt: "cpu=%u callsite=%pS callback=%pS", REC->cpu, REC->callsite, REC->callback
`
)

// page makes a ring-buffer page with ipi_send_cpu events to the targets.
func page(order binary.AppendByteOrder, time uint64, targets ...uint32) []byte {
	var data []byte
	for i, target := range targets {
		head := uint32(min(i, 1)*1000)<<5 | 8 // 32 bytes of data
		if order == binary.AppendByteOrder(binary.BigEndian) {
			head = 8<<27 | uint32(min(i, 1)*1000)
		}
		data = order.AppendUint32(data, head)
		data = order.AppendUint16(data, 70)
		data = append(data, 1, 0)
		data = order.AppendUint32(data, 7)
		data = order.AppendUint32(data, target)
		data = order.AppendUint32(data, 0)
		data = order.AppendUint64(data, 0xffffffff81000024)
		data = order.AppendUint64(data, 0)
	}
	p := order.AppendUint64(nil, time)
	p = order.AppendUint64(p, uint64(len(data)))
	p = append(p, data...)
	return append(p, make([]byte, 4096-len(p))...)
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// targets reads a snapshot and returns the targets of its events in order.
func targets(t *testing.T, src trace.Source) (out []uint64) {
	t.Helper()
	for src.Scan() {
		if e, ok := src.Record().(*trace.Event); ok {
			v, _ := e.Uint(e.Schema().Ref("cpu"))
			out = append(out, v)
		}
	}
	if err := src.Err(); err != nil {
		t.Error(err)
	}
	return out
}

// Both places of the files, both byte orders, and CPUs without pages.
func TestOpen(t *testing.T) {
	for _, c := range []struct {
		name, formats, format, pages string
		order                        binary.AppendByteOrder
	}{
		{"events", "events/", "events/ipi/ipi_send_cpu/format", "per_cpu/cpu%/trace_pipe_raw", binary.LittleEndian},
		{"formats", "formats/", "formats/ipi/ipi_send_cpu.format", "raw/cpu%.trace_pipe_raw", binary.LittleEndian},
		{"big endian", "events/", "events/ipi/ipi_send_cpu/format", "raw/cpu%.trace_pipe_raw", binary.BigEndian},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, c.formats+"header_page", []byte(headerPage))
			write(t, dir, c.format, []byte(sendCPU))
			write(t, dir, strings.Replace(c.pages, "%", "1", 1), append(page(c.order, 5e9, 2, 3), page(c.order, 6e9, 2)...))
			write(t, dir, strings.Replace(c.pages, "%", "3", 1), page(c.order, 5e9+500, 1))
			for _, cpu := range []string{"0", "2"} {
				write(t, dir, "per_cpu/cpu"+cpu+"/stats", []byte("entries: 0\noverrun: 0\ncommit overrun: 0\nbytes: 0\ndropped events: 0\nread events: 0\n"))
			}
			write(t, dir, "kallsyms", []byte("ffffffff81000000 T irq_work_queue_on\nffffffff81000100 T next\n"))
			write(t, dir, "saved_cmdlines", []byte("7 bash\n"))
			write(t, dir, "saved_tgids", []byte("7 5\n"))
			write(t, dir, "trace_clock", []byte("local global [mono]\n"))
			if !tracefs.IsSnapshot(dir) {
				t.Fatal("not taken for a snapshot")
			}
			src, err := tracefs.Open(dir, tracefs.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			if !src.Scan() {
				t.Fatal(src.Err())
			}
			e := src.Record().(*trace.Event)
			sym, _ := e.Symbol(e.Schema().Ref("callsite"))
			table := src.Table()
			if got := table.SymbolOf(sym).String(); got != "irq_work_queue_on+0x24" {
				t.Errorf("callsite is %s", got)
			}
			if table.NameOf(e.Comm) != "bash" || e.TGID != 5 || e.CPU != 1 || e.Time != 5e9 || table.Meta.Clock != "mono" || table.Meta.CPUs != 4 {
				t.Errorf("%q, tgid %d, CPU %d, time %d, clock %s, %d CPUs", table.NameOf(e.Comm), e.TGID, e.CPU, e.Time, table.Meta.Clock, table.Meta.CPUs)
			}
			if got := targets(t, src); !slices.Equal(got, []uint64{1, 3, 2}) {
				t.Errorf("then targets %d", got)
			}
		})
	}
}

// Only pages and formats are needed; the rest is said to be missing.
func TestMissing(t *testing.T) {
	dir := t.TempDir()
	if tracefs.IsSnapshot(dir) {
		t.Error("an empty folder is no snapshot")
	}
	write(t, dir, "raw/cpu0.trace_pipe_raw", page(binary.LittleEndian, 1e9, 2))
	if _, err := tracefs.Open(dir, tracefs.Options{}); err == nil || !strings.Contains(err.Error(), "formats") {
		t.Errorf("without formats: %v", err)
	}
	write(t, dir, "formats/ipi/ipi_send_cpu.format", []byte(sendCPU))
	if _, err := tracefs.Open(dir, tracefs.Options{}); err == nil || !strings.Contains(err.Error(), "header_page") {
		t.Errorf("without header_page: %v", err)
	}
	write(t, dir, "formats/header_page", []byte(headerPage))
	src, err := tracefs.Open(dir, tracefs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	if got := targets(t, src); !slices.Equal(got, []uint64{2}) {
		t.Errorf("targets %d", got)
	}
	notes := strings.Join(src.Table().Meta.Notes, "\n")
	for _, file := range []string{"kallsyms", "saved_cmdlines", "printk_formats", "trace_clock"} {
		if !strings.Contains(notes, file) {
			t.Errorf("nothing is said of %s:\n%s", file, notes)
		}
	}
	write(t, dir, "raw/cpu0.trace_pipe_raw", nil)
	if _, err := tracefs.Open(dir, tracefs.Options{}); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty pages: %v", err)
	}
}

// Pages that are cut anywhere give an error, never a panic.
func TestCut(t *testing.T) {
	whole := page(binary.LittleEndian, 1e9, 2, 3)
	dir := t.TempDir()
	write(t, dir, "formats/header_page", []byte(headerPage))
	write(t, dir, "formats/ipi/ipi_send_cpu.format", []byte(sendCPU))
	for n := 1; n < 120; n++ {
		write(t, dir, "raw/cpu0.trace_pipe_raw", bytes.Clone(whole[:n]))
		src, err := tracefs.Open(dir, tracefs.Options{})
		if err != nil {
			continue
		}
		events := 0
		for src.Scan() {
			if _, ok := src.Record().(*trace.Event); ok {
				events++
			}
		}
		if n < 16+72 && src.Err() == nil && events == 2 {
			t.Errorf("%d bytes: 2 events and no error", n)
		}
		src.Close()
	}
}
