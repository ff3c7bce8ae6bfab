package tracedat

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// blockMemory is what all CPUs' read buffers take together at most. It bounds
// memory for uncompressed files whatever the number of CPUs.
const (
	blockMemory = 64 << 20
	blockSize   = 256 << 10
	// maxMemory bounds the blocks of all CPUs where the file decides on their
	// size: pages and chunks cannot be read in parts.
	maxMemory = 1 << 30
	// maxStreams bounds the CPUs of all buffers together.
	maxStreams = 1 << 18
)

// A Source delivers the events of a trace.dat in trace-cmd's order. It
// implements trace.Source and trace.Hinter.
type Source struct {
	f       *file
	decoder tracefmt.Decoder
	symbols *symbols
	common  tracefmt.Common
	skip    []bool // by common_type: events that the Hint does not ask for

	streams []*stream // all CPUs of all buffers, in buffer and CPU order
	heap    []*stream // those that hold an event, smallest first
	started bool
	damages []trace.SyntaxError // to deliver before the streams go on

	event  trace.Event
	lost   trace.Lost
	syntax trace.SyntaxError
	record trace.Record
	// damage is what Err reports: the first thing that could not be read.
	damage  error
	damaged int
}

// Open reads the description of a trace.dat and returns its Source. r is read
// at random, has size bytes and must stay open until Close. The Source of a
// damaged file delivers what is readable and says the rest with Err.
func Open(r io.ReaderAt, size int64, path string) (*Source, error) {
	f, err := open(r, size, path)
	if err != nil {
		return nil, err
	}
	s := &Source{f: f}
	if f.damage != nil {
		s.note(f.damage)
	}
	if len(f.buffers) == 0 {
		defer f.unpack.close()
		if f.latency.present {
			return nil, f.textError()
		}
		return nil, fmt.Errorf("%s: no trace data: the file names no buffer", path)
	}
	if s.common, err = f.commonFields(); err != nil {
		f.unpack.close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.skip = make([]bool, len(f.byType))
	s.symbols = &symbols{f: f, byAddr: map[symbolKey]trace.SymbolID{}}
	s.decoder = tracefmt.Decoder{BigEndian: f.bigEndian, LongSize: int(f.header.CommitSize), SymbolAt: s.symbols.at, StringAt: f.stringAt}
	s.openStreams()
	return s, nil
}

// A TextError is a trace.dat with trace text instead of events: recorded with a
// latency tracer, whose result exists only as text.
type TextError struct {
	Path string
	Text io.Reader  // the text, as long as the file is open
	Meta trace.Meta // what the file says beside it
}

func (e *TextError) Error() string {
	return e.Path + ": the file holds trace text instead of events (recorded with a latency tracer)"
}

func (f *file) textError() error {
	s := f.latency
	if !s.compressed {
		return &TextError{f.path, io.NewSectionReader(f.r, s.off, s.end-s.off), f.meta}
	}
	c, err := f.lateCursor(s, "trace text")
	if err != nil {
		return fmt.Errorf("%s: %w", f.path, err)
	}
	return &TextError{f.path, bytes.NewReader(c.mem), f.meta}
}

// commonFields takes the record header's layout from the first event format
// that has one.
func (f *file) commonFields() (tracefmt.Common, error) {
	err := errors.New("no event formats: the events cannot be read")
	for _, s := range f.table.Schemas() {
		var c tracefmt.Common
		if c, err = tracefmt.CommonOf(s); err == nil {
			return c, nil
		}
	}
	return tracefmt.Common{}, err
}

func (s *Source) openStreams() {
	n := 0
	for i := range s.f.buffers {
		n += len(s.f.buffers[i].cpus)
	}
	block := min(blockSize, blockMemory/max(n, 1))
	memory := &memory{maxMemory}
	layout := &ringbuf.Layout{Header: s.f.header, BigEndian: s.f.bigEndian}
	s.f.markOverlaps()
	for i := range s.f.buffers {
		b := &s.f.buffers[i]
		slices.SortFunc(b.cpus, func(x, y cpuData) int { return x.cpu - y.cpu })
		for _, d := range b.cpus {
			if d.size == 0 {
				continue
			}
			if d.overlaps {
				s.note(fmt.Errorf("%s: offset %#x: the data of CPU %d lies within that of another CPU", s.f.path, d.off, d.cpu))
				continue
			}
			pager, err := newPager(s.f, b, d, block, memory)
			if err != nil {
				s.note(fmt.Errorf("%s: %w", s.f.path, err))
			}
			s.streams = append(s.streams, &stream{
				pager: pager, layout: layout, cpu: int32(d.cpu), instance: s.f.table.Name(b.name), rank: len(s.streams),
				clock: s.f.clockOf(b, d.cpu),
			})
		}
	}
}

// markOverlaps finds the CPUs whose data begins within another CPU's. With them
// a small file could claim any amount of work.
func (f *file) markOverlaps() {
	var all []*cpuData
	for i := range f.buffers {
		for j := range f.buffers[i].cpus {
			if d := &f.buffers[i].cpus[j]; d.size > 0 && d.off < f.size {
				all = append(all, d)
			}
		}
	}
	slices.SortStableFunc(all, func(x, y *cpuData) int { return cmp.Compare(x.off, y.off) })
	var end int64
	for _, d := range all {
		if d.overlaps = d.off < end; !d.overlaps {
			end = d.off + min(d.size, f.size-d.off)
		}
	}
}

// note keeps the first damage for Err.
func (s *Source) note(err error) {
	if s.damage == nil {
		s.damage = err
	}
	s.damaged++
}

// Hint implements trace.Hinter.
func (s *Source) Hint(h trace.Hint) {
	if h.Select.Events == nil {
		return
	}
	want := make([]bool, len(s.f.byType))
	for _, name := range h.Select.Events {
		for _, schema := range s.f.table.Lookup(name) {
			want[schema.Type] = true
		}
	}
	for i := range s.skip {
		s.skip[i] = !want[i]
	}
}

// Table implements trace.Source.
func (s *Source) Table() *trace.Table { return s.f.table }

// Record implements trace.Source.
func (s *Source) Record() trace.Record { return s.record }

// Err implements trace.Source.
func (s *Source) Err() error {
	if s.damage == nil || s.damaged == 1 {
		return s.damage
	}
	return fmt.Errorf("%w (and %d more)", s.damage, s.damaged-1)
}

// Close implements trace.Source. It does not close the reader given to Open.
func (s *Source) Close() error {
	s.f.unpack.close()
	return nil
}

// Scan implements trace.Source.
func (s *Source) Scan() bool {
	if !s.started {
		s.start()
	}
	for {
		if s.deliverDamage() {
			return true
		}
		if len(s.heap) == 0 {
			s.record = nil
			return false
		}
		top := s.heap[0]
		if top.missed {
			s.lost = trace.Lost{CPU: top.cpu, Instance: top.instance, N: top.missedN, Time: top.time, Since: top.since, At: s.pos(top)}
			top.missed, top.missedN = false, 0
			s.record = &s.lost
			return true
		}
		if top.taken {
			top.taken = false
			s.advance(top)
			s.fixTop()
			continue
		}
		top.taken = true
		if s.decodeEvent(top) {
			return true
		}
	}
}

func (s *Source) start() {
	s.started = true
	for _, st := range s.streams {
		s.advance(st)
		if !st.done {
			s.push(st)
		}
	}
}

// decodeEvent makes the stream's current record the Source's record. It is
// false for one that nobody asked for.
func (s *Source) decodeEvent(st *stream) bool {
	data := st.page.Data()
	if uint64(len(data)) < uint64(s.common.MinSize) {
		return s.badEvent(st, fmt.Sprintf("record of %d bytes, the common header needs %d", len(data), s.common.MinSize))
	}
	big := s.f.bigEndian
	c := &s.common
	typ, _ := tracefmt.Integer(data, c.Type.Off, c.Type.Size, big)
	if typ >= uint64(len(s.f.byType)) || s.f.byType[typ] == nil {
		return s.badEvent(st, fmt.Sprintf("event id %d has no format in this file", typ))
	}
	if s.skip[typ] {
		return false
	}
	e := &s.event
	e.Reset(s.f.table, &s.decoder, s.f.byType[typ], data)
	if r := &s.f.reach[typ]; r.end > len(data) || r.text > 0 {
		e.KeepBehind(r.behind(data))
	}
	flags, _ := tracefmt.Integer(data, c.Flags.Off, c.Flags.Size, big)
	preempt, _ := tracefmt.Integer(data, c.Preempt.Off, c.Preempt.Size, big)
	pid, _ := tracefmt.Integer(data, c.PID.Off, c.PID.Size, big)
	e.Time = st.time
	e.Seq = st.seq
	e.CPU = st.cpu
	e.Instance = st.instance
	e.Flags, e.Preempt, e.HasFlags = trace.Flags(flags), uint8(preempt), true
	if !st.task.known || st.task.pid != int32(pid) {
		st.task = s.f.taskOf(int32(pid))
	}
	e.PID, e.TGID, e.Comm = st.task.pid, st.task.tgid, st.task.comm
	e.At = s.pos(st)
	s.record = e
	return true
}

// taskOf collects what the file says about a pid.
func (f *file) taskOf(pid int32) task {
	t := task{known: true, pid: pid, tgid: -1, comm: f.noComm}
	if name, ok := f.comms[pid]; ok {
		t.comm = name
	}
	if tgid, ok := f.tgids[pid]; ok {
		t.tgid = tgid
	}
	return t
}

// pos is the position of the stream's current event, or that of the chunk it
// was unpacked from.
func (s *Source) pos(st *stream) trace.Pos {
	off := st.pager.pageOff
	if !st.pager.chunked {
		off += int64(st.page.Offset())
	}
	return trace.Pos{File: s.f.path, Off: off}
}

// badEvent delivers a record that cannot be read as a SyntaxError.
func (s *Source) badEvent(st *stream, msg string) bool {
	s.syntax = trace.SyntaxError{At: s.pos(st), Msg: fmt.Sprintf("CPU %d: %s", st.cpu, msg)}
	s.note(&trace.SyntaxError{At: s.syntax.At, Msg: s.syntax.Msg})
	s.record = &s.syntax
	return true
}

// deliverDamage hands out what advance found on the way.
func (s *Source) deliverDamage() bool {
	if len(s.damages) == 0 {
		return false
	}
	s.syntax = s.damages[0]
	s.damages = s.damages[1:]
	s.record = &s.syntax
	return true
}
