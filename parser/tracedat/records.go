package tracedat

import (
	"fmt"
	"io"
	"slices"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// Records makes events of records that lie in no file, such as those in the ring
// buffer of a kernel that runs. What a trace.dat says beside its trace data
// describes them.
type Records struct {
	f       *file
	common  tracefmt.Common
	layout  ringbuf.Layout
	decoder tracefmt.Decoder
	symbols *symbols
	task    task
}

// OpenRecords reads the description of a trace.dat of size bytes. r must stay
// readable; path is what the trace is called.
func OpenRecords(r io.ReaderAt, size int64, path string) (*Records, error) {
	f, err := open(r, size, path, Options{})
	if err != nil {
		return nil, err
	}
	d := &Records{f: f, layout: ringbuf.Layout{Header: f.header, BigEndian: f.bigEndian}}
	if f.damage != nil {
		return nil, f.damage
	}
	if d.common, err = f.commonFields(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d.symbols = &symbols{f: f, byAddr: map[symbolKey]trace.SymbolID{}}
	d.decoder = tracefmt.Decoder{BigEndian: f.bigEndian, LongSize: int(f.header.CommitSize), SymbolAt: d.symbols.at, StringAt: f.stringAt}
	return d, nil
}

// Table is what the events refer to.
func (d *Records) Table() *trace.Table { return d.f.table }

// Layout is that of the pages.
func (d *Records) Layout() *ringbuf.Layout { return &d.layout }

// Type is the event id of a record. Its error says why the record cannot be read.
func (d *Records) Type(data []byte) (int, error) {
	if uint64(len(data)) < uint64(d.common.MinSize) {
		return 0, fmt.Errorf("record of %d bytes, the common header needs %d", len(data), d.common.MinSize)
	}
	typ, _ := tracefmt.Integer(data, d.common.Type.Off, d.common.Type.Size, d.f.bigEndian)
	if typ >= uint64(len(d.f.byType)) || d.f.byType[typ] == nil {
		return 0, fmt.Errorf("event id %d has no format in this trace", typ)
	}
	return int(typ), nil
}

// Event makes e the event of a record, which it keeps and does not copy. Of what
// is not in the record it sets nothing: Time, Seq, CPU, Instance and At.
func (d *Records) Event(e *trace.Event, typ int, data []byte) {
	e.Reset(d.f.table, &d.decoder, d.f.byType[typ], data)
	d.f.head(e, &d.common, data, &d.task)
}

// maxNames bounds the names of tasks that are kept: twice what a kernel saves.
const maxNames = 1 << 16

// UseNames tells the names of tasks by PID from now on, beside those that are
// known: saved_cmdlines, which changes while a kernel runs.
func (d *Records) UseNames(byPID map[int32]string) {
	if len(byPID) == 0 {
		return
	}
	if len(d.f.comms) > maxNames { // PIDs are used again, and there is no end to them
		clear(d.f.comms)
		d.f.comms[0] = d.f.table.Name("<idle>")
	}
	for pid, name := range byPID {
		if pid != 0 {
			d.f.comms[pid] = d.f.table.TaskName(name)
		}
	}
	d.task = task{}
}

// Hold implements trace.Holder.
func (d *Records) Hold(h *trace.Held) {
	for _, name := range d.f.comms {
		h.Name(name)
	}
	h.Name(d.task.comm)
}

// HasName reports whether the name of a record's task is known.
func (d *Records) HasName(data []byte) bool {
	pid, _ := tracefmt.Integer(data, d.common.PID.Off, d.common.PID.Size, d.f.bigEndian)
	if d.task.known && d.task.pid == int32(pid) && d.task.comm != d.f.noComm {
		return true
	}
	_, ok := d.f.comms[int32(pid)]
	return ok
}

// EachPage hands over the pages of the top buffer of a whole file, CPU by CPU. A page
// is valid during the call.
func (d *Records) EachPage(take func(cpu int, page []byte)) error {
	for i := range d.f.buffers {
		b := &d.f.buffers[i]
		for _, data := range b.cpus {
			if b.name != "" {
				continue
			}
			pages, err := d.f.pagesOf(b, data)
			if err != nil {
				return err
			}
			for page := range slices.Chunk(pages, b.pageSize) {
				take(data.cpu, page)
			}
		}
	}
	return nil
}

// Close gives back what reading the description took.
func (d *Records) Close() error {
	d.f.unpack.close()
	return nil
}
