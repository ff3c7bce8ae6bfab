// Package datwriter writes small trace.dat files for tests: versions 6 and 7,
// all compressions, both byte orders and both sizes of long. Their container is
// written by datfile, as that of every other file.
package datwriter

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/parser/datfile"
)

// A File is what goes into a trace.dat.
type File struct {
	Version     int // 6 or 7
	BigEndian   bool
	Long        int // bytes of the traced kernel's long, 4 or 8
	ProgramLong int // of the recording program's long, which readers need not look at
	PageSize    int
	Compression string // version 7: "none", "zlib" or "zstd"
	// PlainSections leaves the sections other than trace data uncompressed.
	PlainSections bool
	ChunkPages    int // pages in a chunk of compressed trace data
	// Align puts trace data on page borders, as trace-cmd does.
	Align bool

	Ftrace   []string // formats of ftrace's own events
	Systems  []System
	Kallsyms string
	Printk   string
	Cmdlines string
	Options  []Option
	Buffers  []Buffer // the first one is the top buffer, without a name
	// Text is the trace of a latency tracer, instead of the buffers.
	Text string

	declared int // events that Declare added
	types    map[string]*EventType
}

// A System has event formats.
type System struct {
	Name    string
	Formats []string
}

// An Option is one entry of the option list.
type Option = datfile.Option

// A Buffer is the trace data of one instance.
type Buffer struct {
	Name     string
	Clock    string
	PageSize int // of its sub-buffers, in version 7; 0: the file's
	CPUs     []CPU
}

// A CPU has pages, each of its buffer's page size.
type CPU struct {
	ID    int
	Pages [][]byte
}

// A byteOrder puts and appends.
type byteOrder interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// Order is the file's byte order.
func (f *File) Order() byteOrder {
	if f.BigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Bytes returns the file and the offsets of its parts by name.
func (f *File) Bytes() ([]byte, map[string]int) {
	var m datfile.Memory
	marks := map[string]int{}
	h := datfile.Header{
		Version: f.Version, BigEndian: f.BigEndian, Long: f.ProgramLong, PageSize: f.PageSize, Compression: f.Compression, CompressionVersion: "1.0",
		Unaligned: !f.Align, Mark: func(part string, at int64) { marks[part] = int(at) },
	}
	if f.Compression != "none" && !f.PlainSections {
		h.Pack = f.compress
	}
	w := datfile.New(&m, h)
	w.Describe(f.description())
	switch {
	case f.Text != "":
		w.Latency([]byte(f.Text))
	case f.Version == 7:
		// A first list names what is known when a recording starts, a second one
		// the buffers, which come between the two.
		w.EndOptions()
	}
	for _, b := range f.Buffers {
		f.buffer(w, b)
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	out := m.Bytes()
	marks["end"] = len(out)
	return out, marks
}

func (f *File) description() *datfile.Description {
	d := &datfile.Description{
		HeaderPage: []byte(headerPage(f.Long, f.PageSize)), HeaderEvent: []byte(headerEvent), Ftrace: texts(f.Ftrace),
		Kallsyms: []byte(f.Kallsyms), Printk: []byte(f.Printk), Cmdlines: []byte(f.Cmdlines), CPUs: f.cpus(), Options: f.Options,
	}
	for _, s := range f.Systems {
		d.Systems = append(d.Systems, datfile.System{Name: s.Name, Formats: texts(s.Formats)})
	}
	for _, b := range f.Buffers[min(1, len(f.Buffers)):] {
		d.Instances = append(d.Instances, b.Name)
	}
	return d
}

func texts(formats []string) [][]byte {
	var out [][]byte
	for _, f := range formats {
		out = append(out, []byte(f))
	}
	return out
}

// cpus is the number of CPUs that have data.
func (f *File) cpus() int {
	n := 0
	for _, b := range f.Buffers {
		for _, c := range b.CPUs {
			n = max(n, c.ID+1)
		}
	}
	return n
}

// buffer writes the trace data of a buffer. A directory of version 6 lists all
// CPUs in order.
func (f *File) buffer(w *datfile.Writer, b Buffer) {
	cpus := b.CPUs
	if f.Version == 6 {
		cpus = make([]CPU, f.cpus())
		for i := range cpus {
			cpus[i].ID = i
		}
		for _, c := range b.CPUs {
			cpus[c.ID] = c
		}
	}
	packed := f.Version == 7 && f.Compression != "none"
	w.BeginBuffer(datfile.Buffer{Name: b.Name, Clock: b.Clock, PageSize: cmp.Or(b.PageSize, f.PageSize), Packed: packed})
	for _, c := range cpus {
		w.BeginCPU(c.ID)
		switch {
		case len(c.Pages) == 0:
		case packed:
			f.chunks(w, c.Pages)
		default:
			write(w, bytes.Join(c.Pages, nil))
		}
		w.EndCPU()
	}
	w.EndBuffer()
}

func (f *File) chunks(w *datfile.Writer, pages [][]byte) {
	n := max(f.ChunkPages, 1)
	w.Chunks((len(pages) + n - 1) / n)
	for chunk := range slices.Chunk(pages, n) {
		data := bytes.Join(chunk, nil)
		w.Chunk(f.compress(data), len(data))
	}
}

func (f *File) compress(b []byte) []byte {
	var out bytes.Buffer
	switch f.Compression {
	case "zlib":
		z := zlib.NewWriter(&out)
		write(z, b)
		z.Close()
	case "zstd":
		z, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<10), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic(err)
		}
		write(z, b)
		z.Flush() // trace-cmd's frames do not hold their size either
		z.Close()
	default:
		panic("no compression " + f.Compression)
	}
	return out.Bytes()
}

// write writes to memory, which does not fail.
func write(w io.Writer, b []byte) {
	if _, err := w.Write(b); err != nil {
		panic(err)
	}
}

func headerPage(long, pageSize int) string {
	return fmt.Sprintf("\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"+
		"\tfield: local_t commit;\toffset:8;\tsize:%d;\tsigned:1;\n"+
		"\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"+
		"\tfield: char data;\toffset:%d;\tsize:%d;\tsigned:1;\n", long, 8+long, pageSize-8-long)
}

const headerEvent = "# compressed entry header\n\ttype_len    :    5 bits\n\ttime_delta  :   27 bits\n\tarray       :   32 bits\n"
