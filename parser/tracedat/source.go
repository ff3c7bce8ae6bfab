package tracedat

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ipiscope/ipiscope/parser/internal/ahead"
	"github.com/ipiscope/ipiscope/parser/internal/merge"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

const (
	// blockSize is how much of a file is read at once. Blocks are smaller where
	// there are so many CPUs that those under way would take more than
	// blockMemory. Neither depends on the number of threads.
	blockSize = 512 << 10
	// fullBlockSize is how much where every event is delivered: what was found in
	// a block is then still in a core's cache when it is looked at.
	fullBlockSize = 64 << 10
	blockMemory   = 8 << 20
	// aheadMemory bounds what all batches that are prepared ahead hold: what does not
	// stay in a cache, and is new memory for each, costs more than waiting.
	aheadMemory = 2 << 20
	// queued bounds the batches of all CPUs together that are prepared ahead, and
	// leastBatch is what a batch without a record takes, more or less.
	queued     = 1 << 8
	leastBatch = 1 << 10
	// maxMemory bounds the blocks of all CPUs where the file decides on their
	// size: pages and chunks cannot be read in parts.
	maxMemory = 1 << 30
	// maxStreams bounds the CPUs of all buffers together.
	maxStreams = 1 << 18
)

// Options of Open.
type Options struct {
	// Threads is how many threads read; 0 is one for each CPU. What is read does
	// not depend on it.
	Threads int

	// Sparse: between the parts of the input there may be anything, as it is no
	// real file.
	Sparse bool

	block int // size of a block, for tests
}

// A Source delivers the events of a trace.dat in trace-cmd's order. It
// implements trace.Source and trace.Hinter.
type Source struct {
	f       *file
	o       Options
	decoder tracefmt.Decoder
	symbols *symbols
	common  tracefmt.Common
	layout  *ringbuf.Layout
	hint    trace.Hint
	plan    *plan

	streams []*stream            // all CPUs of all buffers, in buffer and CPU order
	queue   merge.Queue[*stream] // those that have a record
	pool    *ahead.Pool
	scratch []scratch // by worker

	taken taken

	between rec // stands between two batches: what was skipped is told
	event   trace.Event
	lost    trace.Lost
	syntax  trace.SyntaxError
	skipped trace.Skipped
	record  trace.Record
	// damage is what Err reports: the first thing that could not be read.
	damage  error
	damaged int
	late    bool // the damage has what was found in sections that are read late
}

// taken is what was taken out of how many batches, from blocks of that many bytes.
type taken struct {
	batches, data, recs int
	blocks              int64
}

func (t *taken) add(b *batch) {
	t.batches++
	t.data += len(b.data)
	t.recs += len(b.recs)
	t.blocks += b.block.size
}

// each is what a batch holds on average.
func (t *taken) each() int { return (t.data + t.recs*recSize) / t.batches }

// Open reads the description of a trace.dat and returns its Source. r is read
// at random and by several goroutines, has size bytes and must stay open until
// Close. The Source of a damaged file delivers what is readable and says the rest with Err.
func Open(r io.ReaderAt, size int64, path string, o Options) (*Source, error) {
	f, err := open(r, size, path, o)
	if err != nil {
		return nil, err
	}
	s := &Source{f: f, o: o}
	if f.damage != nil {
		s.note(f.damage)
	}
	for _, flaw := range f.flaws {
		s.note(flaw)
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
	if s.o.block > 0 {
		block = s.o.block
	}
	memory := &memory{maxMemory}
	s.layout = &ringbuf.Layout{Header: s.f.header, BigEndian: s.f.bigEndian}
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
			cut, err := newCutter(s.f, b, d, block, memory)
			if err != nil {
				s.note(fmt.Errorf("%s: %w", s.f.path, err))
			}
			s.streams = append(s.streams, &stream{
				cut: cut, cpu: int32(d.cpu), instance: s.f.table.Name(b.name), rank: len(s.streams), clock: s.f.clockOf(b, d.cpu),
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
func (s *Source) Hint(h trace.Hint) { s.hint = h }

// Table implements trace.Source.
func (s *Source) Table() *trace.Table { return s.f.table }

// Record implements trace.Source.
func (s *Source) Record() trace.Record { return s.record }

// Err implements trace.Source.
func (s *Source) Err() error {
	if !s.late { // names were asked for by now
		if err := s.symbols.failed(); err != nil {
			s.late = true
			s.note(fmt.Errorf("%s: kallsyms is not readable: addresses have no names: %w", s.f.path, err))
		}
		if err := s.f.unreadable; err != nil {
			s.late = true
			s.note(fmt.Errorf("%s: %w", s.f.path, err))
		}
	}
	if s.damage == nil || s.damaged == 1 {
		return s.damage
	}
	return fmt.Errorf("%w (and %d more)", s.damage, s.damaged-1)
}

// Close implements trace.Source. It does not close the reader given to Open.
func (s *Source) Close() error {
	if s.pool != nil {
		s.pool.Close()
	}
	if s.symbols.early.Load() {
		s.symbols.read() // the file may be closed then
	}
	for i := range s.scratch {
		if d := s.scratch[i].unpack; d != nil {
			d.close()
		}
	}
	s.f.unpack.close()
	return nil
}

// Scan implements trace.Source.
func (s *Source) Scan() bool {
	if s.plan == nil {
		s.start()
	}
	if s.queue.Empty() {
		s.record = nil
		return false
	}
	top := s.queue.Top()
	if top.taken {
		if s.advance(top); top.ended {
			s.queue.Drop()
		} else {
			s.queue.Move(top.time)
		}
		if s.queue.Empty() {
			s.record = nil
			return false
		}
		top = s.queue.Top()
	}
	top.taken = true
	s.deliver(top)
	return true
}

func (s *Source) start() {
	s.between.kind = recSkipped
	s.plan = newPlan(s.f, &s.common, &s.hint)
	if s.plan.all {
		for _, st := range s.streams {
			st.cut.limit(fullBlockSize)
		}
	}
	s.startPool()
	depth := s.depth()
	for _, st := range s.streams {
		sel := &s.hint.Select
		st.takesPart = (sel.CPUs == nil || sel.CPUs.Has(int(st.cpu))) && (sel.Instance == nil || *sel.Instance == s.f.table.NameOf(st.instance))
		if s.plan.byEvent {
			st.skipped.byType = make([]uint64, len(s.plan.class))
		}
		st.queue = ahead.NewQueue(s.pool, s.maxDepth(), s.prepare)
	}
	for range depth {
		for _, st := range s.streams {
			s.refill(st, nil)
		}
	}
	for _, st := range s.streams {
		s.advance(st)
		if !st.ended {
			s.queue.Push(st, st.time, st.rank)
		}
	}
	s.deepen() // now something is known about the batches
}

// startPool starts the workers. A small file is read before a second thread
// could help.
func (s *Source) startPool() {
	threads := s.o.Threads
	if _, total := s.Progress(); total < 2*blockSize && threads == 0 {
		threads = 1
	}
	s.pool = ahead.New(threads)
	s.scratch = make([]scratch, s.pool.Threads())
}

// depth is how many batches of each CPU are under way beside the one that is
// read: two, and more if there are fewer CPUs than threads. Batches that hold
// little of their blocks may be more: the file is then read on while something
// else is waited for, as long as all of them take little memory.
func (s *Source) depth() int {
	threads := s.pool.Threads()
	if threads == 1 {
		return 1
	}
	n := max(len(s.streams), 1)
	depth := max(2, 2*threads/n)
	if s.taken.batches > 0 {
		depth = max(depth, aheadMemory/max(s.taken.each(), leastBatch)/n)
	}
	return min(depth, s.maxDepth())
}

func (s *Source) maxDepth() int { return max(2, queued/max(len(s.streams), 1)) }

// deepen sends as many batches on their way as there may be.
func (s *Source) deepen() {
	depth := s.depth()
	for more := true; more; {
		more = false
		for _, st := range s.streams {
			if st.queue.Len() < depth && s.refill(st, nil) {
				more = true
			}
		}
	}
}

// deliver makes the stream's current record the Source's record.
func (s *Source) deliver(st *stream) {
	r := st.cur
	if r.kind == recSkipped {
		s.deliverSkipped(st)
		return
	}
	at := trace.Pos{File: s.f.path, Off: st.batch.block.off + int64(r.pos)}
	switch r.kind {
	case recEvent:
		s.deliverEvent(st, r, at)
	case recFirst, recLost:
		s.lost = trace.Lost{CPU: st.cpu, Instance: st.instance, N: st.lost.n, Time: r.time, Since: st.lost.since, At: at}
		s.record = &s.lost
	default:
		s.syntax = trace.SyntaxError{At: at, Msg: st.batch.faults[r.off]}
		s.note(&trace.SyntaxError{At: at, Msg: s.syntax.Msg})
		s.record = &s.syntax
	}
}

func (s *Source) deliverEvent(st *stream, r *rec, at trace.Pos) {
	data := st.batch.payload(r)
	e := &s.event
	e.Reset(s.f.table, &s.decoder, s.f.byType[r.typ], data)
	e.KeepBehind(int(r.behind))
	s.f.head(e, &s.common, data, &st.task)
	e.Time = r.time
	e.Seq = st.base + uint64(r.seq)
	e.CPU = st.cpu
	e.Instance = st.instance
	e.At = at
	s.record = e
}

// head decodes what all records begin with. was is what was known of the task
// before, which most often is the same.
func (f *file) head(e *trace.Event, c *tracefmt.Common, data []byte, was *task) {
	flags, preempt, pid := c.Head(data, f.bigEndian)
	e.Flags, e.Preempt, e.HasFlags = flags, preempt, true
	if !was.known || was.pid != pid {
		*was = f.taskOf(pid)
	}
	e.PID, e.TGID, e.Comm = was.pid, was.tgid, was.comm
}

// deliverSkipped tells what a stream has skipped since it was asked last.
func (s *Source) deliverSkipped(st *stream) {
	t := &st.skipped
	byEvent := s.skipped.ByEvent
	s.skipped = trace.Skipped{CPU: st.cpu, N: t.n, First: t.first, Last: t.last, Any: t.any}
	if t.byType != nil {
		s.skipped.ByEvent = sized(byEvent, len(s.f.table.Schemas()))
		for typ, n := range t.byType {
			if schema := s.f.byType[typ]; schema != nil {
				s.skipped.ByEvent[schema.ID] = n
			}
		}
		clear(t.byType)
	}
	st.skipped = tally{byType: t.byType}
	s.record = &s.skipped
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
