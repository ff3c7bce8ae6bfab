// Package perftext prints the events of a perf.data as perf script does, so that
// what people know how to read, grep and compare comes out without perf.
//
// The frame of the lines is that of tools/perf/builtin-script.c, the payload that
// of libtraceevent and its plugins, which perf has too. Frames of user space are
// left out: their names are in the programs, which need not be here.
package perftext

import (
	"encoding/binary"
	"strconv"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

// A Source is a trace of perf.
type Source interface {
	trace.Source
	// EventName is the name of the current event as perf was given it, and Width
	// the length of the longest one.
	EventName() string
	Width() int
	// Chain says whether the current event has a callchain, and whether its
	// kernel part follows as an event of its own. Chained says that some event
	// has one.
	Chain() (any, follows bool)
	Chained() bool
	// LostBy is the thread that a loss was noted with.
	LostBy() (comm trace.NameID, tid int32)
	// Frame is what an address in a callchain lies in.
	Frame(addr uint64) (name string, offset uint64, object string, ok bool)
}

// A Printer prints the events of one Source as they come.
type Printer struct {
	src         Source
	table       *trace.Table
	payload     *tracecmd.Printer
	order       binary.ByteOrder
	nanoseconds bool
	file        string // in front of each event; empty for none
	frames      map[uint64][]byte
}

// New returns the printer of a Source. payload prints what stands after the
// event's name.
func New(src Source, payload *tracecmd.Printer, file string, nanoseconds bool) *Printer {
	p := &Printer{src: src, table: src.Table(), payload: payload, order: binary.LittleEndian, nanoseconds: nanoseconds, file: file, frames: map[uint64][]byte{}}
	if p.table.Meta.BigEndian {
		p.order = binary.BigEndian
	}
	return p
}

// AppendEvent appends an event, which is the Source's current one.
func (p *Printer) AppendEvent(dst []byte, e *trace.Event) []byte {
	if e.Schema().IsStack {
		return p.appendStack(dst, e)
	}
	dst = p.appendHead(dst, e.Comm, e.PID, e.CPU, e.Time)
	name := p.src.EventName()
	for n := len(name); n < p.src.Width(); n++ {
		dst = append(dst, ' ')
	}
	dst = append(append(dst, name...), ": "...)
	start := len(dst)
	dst = p.payload.AppendPayload(dst, e)
	if n := len(dst); n == start || dst[n-1] != '\n' {
		dst = append(dst, '\n')
	}
	if any, follows := p.src.Chain(); any && !follows {
		dst = append(dst, '\n')
	}
	return dst
}

// AppendLost appends what perf script --show-lost-events prints. Without it perf
// says nothing of losses.
func (p *Printer) AppendLost(dst []byte, l *trace.Lost) []byte {
	comm, tid := p.src.LostBy()
	dst = p.appendHead(dst, comm, tid, max(l.CPU, 0), l.Time)
	dst = append(dst, "PERF_RECORD_LOST lost "...)
	return append(strconv.AppendUint(dst, l.N, 10), '\n')
}

// appendHead appends "%16s %7d [%03d] %5lu.%06lu: "; the name is not padded where
// there are callchains.
func (p *Printer) appendHead(dst []byte, comm trace.NameID, tid, cpu int32, t trace.Time) []byte {
	if p.file != "" {
		dst = append(append(dst, p.file...), ": "...)
	}
	name := p.table.NameOf(comm)
	if !p.src.Chained() {
		dst = pad(dst, 16-len(name))
	}
	dst = append(append(dst, name...), ' ')
	dst = appendRight(dst, int64(tid), 7)
	dst = append(dst, " ["...)
	dst = appendZeros(dst, uint64(cpu), 3)
	dst = append(dst, "] "...)
	dst = appendRight(dst, int64(t/1e9), 5)
	dst = append(dst, '.')
	if rest := uint64(t % 1e9); p.nanoseconds {
		dst = appendZeros(dst, rest, 9)
	} else {
		dst = appendZeros(dst, rest/1000, 6) // perf cuts, it does not round
	}
	return append(dst, ": "...)
}

// appendStack appends the frames of a kernel_stack and the empty line after them.
func (p *Printer) appendStack(dst []byte, e *trace.Event) []byte {
	for b := e.Payload(); len(b) >= 8; b = b[8:] {
		addr := p.order.Uint64(b)
		text, ok := p.frames[addr]
		if !ok {
			text = p.appendFrame(nil, addr)
			p.frames[addr] = text
		}
		dst = append(dst, text...)
	}
	return append(dst, '\n')
}

// appendFrame appends "\t%16x sym+0xoff (object)".
func (p *Printer) appendFrame(dst []byte, addr uint64) []byte {
	digits := strconv.FormatUint(addr, 16)
	dst = append(pad(append(dst, '\t'), 16-len(digits)), digits...)
	name, offset, object, ok := p.src.Frame(addr)
	if ok {
		dst = append(append(append(dst, ' '), name...), "+0x"...)
		dst = strconv.AppendUint(dst, offset, 16)
	} else {
		dst = append(dst, " [unknown]"...)
	}
	return append(append(append(dst, " ("...), object...), ")\n"...)
}

func pad(dst []byte, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, ' ')
	}
	return dst
}

func appendRight(dst []byte, v int64, width int) []byte {
	var b [20]byte
	digits := strconv.AppendInt(b[:0], v, 10)
	return append(pad(dst, width-len(digits)), digits...)
}

func appendZeros(dst []byte, v uint64, width int) []byte {
	var b [20]byte
	digits := strconv.AppendUint(b[:0], v, 10)
	for n := len(digits); n < width; n++ {
		dst = append(dst, '0')
	}
	return append(dst, digits...)
}
