package datwriter

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/parser/datfile"
)

// Ids of the events that New declares.
const (
	StackID  = 4
	SampleID = 300
)

// Addresses that have a name in New's kallsyms and printk formats. The ones of
// a kernel with 32-bit longs are the lower halves.
const (
	AlphaAddr = 0xffffffff81001000
	BetaAddr  = 0xffffffff81002000
	HelloAddr = 0xffffffff81f2a1c0
)

// New returns a file without trace data that declares a kernel_stack event and
// an event "sample" with one field of each kind.
func New(version int, compression string, big bool, long int) *File {
	f := &File{Version: version, Compression: compression, BigEndian: big, Long: long, ProgramLong: 8, PageSize: 1024, ChunkPages: 2}
	addr := func(v uint64) uint64 {
		if long == 4 {
			return uint64(uint32(v))
		}
		return v
	}
	f.Kallsyms = fmt.Sprintf("%x T _text\n%x T alpha\n%x t beta\n%x T _end\n", addr(0xffffffff81000000), addr(AlphaAddr), addr(BetaAddr), addr(BetaAddr+0x1000))
	f.Printk = fmt.Sprintf("0x%x : \"hello\"\n", addr(HelloAddr))
	f.Cmdlines = "7 worker\n8 other\n"
	f.Ftrace = []string{f.format("kernel_stack", StackID,
		field("int size", 8, 4, 1),
		field("unsigned long caller[8]", f.stackOff(), 8*long, 0))}
	f.Systems = []System{{"test", []string{f.format("sample", SampleID,
		field("unsigned int cpu", 8, 4, 0),
		field("int delta", 12, 4, 1),
		field("void * callsite", 16, long, 0),
		field("const char * text", 16+long, long, 0),
		field("__data_loc char[] name", 16+2*long, 4, 0),
		field("__data_loc cpumask_t mask", 20+2*long, 4, 0))}}}
	f.Options = []Option{
		datfile.Text(datfile.OptTraceClock, "[local] global counter\n"),
		datfile.Text(datfile.OptUname, "Linux host 6.12.0 x86_64"),
		datfile.Text(datfile.OptVersion, "writer 1"),
	}
	return f
}

func field(decl string, off, size, signed int) string {
	return fmt.Sprintf("\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;\n", decl, off, size, signed)
}

// format gives an event's format file, with the common fields of
// include/linux/trace_events.h, struct trace_entry.
func (f *File) format(name string, id int, fields ...string) string {
	return fmt.Sprintf("name: %s\nID: %d\nformat:\n%s\n%s\nprint fmt: \"%s\"\n", name, id,
		field("unsigned short common_type", 0, 2, 0)+field("unsigned char common_flags", 2, 1, 0)+
			field("unsigned char common_preempt_count", 3, 1, 0)+field("int common_pid", 4, 4, 1),
		strings.Join(fields, ""), name)
}

func (f *File) stackOff() int { return 8 + f.Long }

func (f *File) common(id uint16, flags, preempt uint8, pid int32) []byte {
	b := f.Order().AppendUint16(nil, id)
	return f.Order().AppendUint32(append(b, flags, preempt), uint32(pid))
}

// A Sample is the content of a "sample" event.
type Sample struct {
	PID      int32
	Flags    uint8
	Preempt  uint8
	CPU      uint32
	Delta    int32
	Callsite uint64
	Text     uint64
	Name     string
	Mask     uint64
}

// Record gives the bytes of a sample event.
func (f *File) Record(s Sample) []byte {
	b := f.common(SampleID, s.Flags, s.Preempt, s.PID)
	o := f.Order()
	b = o.AppendUint32(b, s.CPU)
	b = o.AppendUint32(b, uint32(s.Delta))
	b = f.long(b, s.Callsite)
	b = f.long(b, s.Text)
	// the mask first: its longs are aligned
	mask := 24 + 2*f.Long
	name := mask + f.Long
	b = o.AppendUint32(b, uint32(len(s.Name)+1)<<16|uint32(name))
	b = o.AppendUint32(b, uint32(f.Long)<<16|uint32(mask))
	b = f.long(b, s.Mask)
	b = append(append(b, s.Name...), 0)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

// Stack gives the bytes of a kernel_stack event.
func (f *File) Stack(pid int32, frames ...uint64) []byte { return f.StackAt(pid, 0, 0, frames...) }

// StackAt is Stack with flags and preempt count.
func (f *File) StackAt(pid int32, flags, preempt uint8, frames ...uint64) []byte {
	b := f.common(StackID, flags, preempt, pid)
	b = f.Order().AppendUint32(b, uint32(len(frames)))
	b = append(b, make([]byte, f.stackOff()-len(b))...)
	for _, a := range frames {
		b = f.long(b, a)
	}
	return b
}
