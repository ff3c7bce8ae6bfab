package perfdata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/ipiscope/ipiscope/parser/internal/ahead"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// Options of Open.
type Options struct {
	// Threads is how many threads read; 0 is one for each CPU. What is read does
	// not depend on it.
	Threads int
	// Live: what has come is delivered before more is waited for.
	Live bool

	maxHeld int // for tests
}

// A Source delivers the events of a perf.data in the order in which perf script
// prints them. It implements trace.Source and trace.Hinter.
type Source struct {
	path    string
	o       Options
	order   binary.ByteOrder
	table   *trace.Table
	files   []*os.File // that are its own
	hint    trace.Hint
	pool    *ahead.Pool
	streams []*stream
	started bool
	ended   bool

	dir      *directory
	shared   bool // a batch has dir
	coverage coverage
	byType   map[int]*trace.Schema
	// formats: the recording has those of its events.
	formats   bool
	bigEndian bool
	common    tracefmt.Common
	hasCommon bool
	strings   map[uint64]string
	online    int
	times     stretch // of all samples, as the header has it; 0 if it does not
	wall      int64
	hasWall   bool

	decoder      tracefmt.Decoder
	stackDecoder tracefmt.Decoder
	stackSchema  *trace.Schema
	symbols      symbols
	tasks        tasks
	losses       losses
	twins        twins
	samples      []uint64 // by attr
	guests       uint64
	aux          uint64
	throttled    uint64
	lateCount    uint64
	hastened     int
	maxHeld      int
	cut          string // why the file ends before its description
	began        []bool // by CPU + 1: its first event was delivered
	passed       []tally
	lastTime     []int64 // by CPU + 1

	told   []trace.Record // to be delivered before anything else
	toldAt int
	// what a sample leaves to the next Scan: its stack
	stackOf *batch
	stackAt rec
	holds   *batch // of the current record
	current *attr  // of the current event
	chain   bool   // it has a callchain
	lostTID int32  // of the current loss
	width   int

	event   trace.Event
	lost    trace.Lost
	record  trace.Record
	damage  error
	damaged int
	faults  int
}

var (
	_ trace.Source     = (*Source)(nil)
	_ trace.Hinter     = (*Source)(nil)
	_ trace.Progresser = (*Source)(nil)
)

func newSource(path string, order binary.ByteOrder, o Options) *Source {
	s := &Source{path: path, o: o, order: order, table: trace.NewTable(), dir: newDirectory(order), byType: map[int]*trace.Schema{}, losses: newLosses(), maxHeld: maxHeld}
	if o.maxHeld > 0 {
		s.maxHeld = o.maxHeld
	}
	s.bigEndian = order == binary.ByteOrder(binary.BigEndian)
	m := &s.table.Meta
	m.Path, m.Format, m.Clock, m.ClockUnit, m.BigEndian, m.LongSize = path, "perf.data", "perf", "ns", s.bigEndian, 8
	s.tasks = tasks{comms: map[int32]trace.NameID{0: s.table.Name("swapper"), -1: s.table.Name(":-1")}, saved: map[int32]trace.NameID{}}
	s.symbols = symbols{src: s, byAddr: map[symbolKey]trace.SymbolID{}}
	s.decoder = tracefmt.Decoder{BigEndian: s.bigEndian, LongSize: 8, SymbolAt: s.symbols.at, StringAt: s.Static}
	// The addresses of a callchain have 8 bytes, whatever the kernel's long has.
	s.stackDecoder = s.decoder
	s.stackSchema = &trace.Schema{System: "ftrace", Name: "kernel_stack", Type: -1, IsStack: true}
	s.stackSchema.AddField(trace.Field{Name: "caller", Type: "u64[]", Kind: trace.KindArray, Elem: 8})
	s.table.AddSchema(s.stackSchema)
	// As every event's format has them, until one is read.
	s.common = tracefmt.Common{
		Type: trace.Field{Off: 0, Size: 2}, Flags: trace.Field{Off: 2, Size: 1}, Preempt: trace.Field{Off: 3, Size: 1}, PID: trace.Field{Off: 4, Size: 4}, MinSize: 8,
	}
	return s
}

// change makes sure that no batch sees what is changed.
func (s *Source) change() {
	if s.shared {
		s.dir, s.shared = s.dir.clone(), false
	}
}

// addAttr adds an opened event.
func (s *Source) addAttr(a *attr, ids []uint64) {
	s.change()
	s.dir.attrs = append(s.dir.attrs, a)
	for _, id := range ids {
		s.dir.setID(id, len(s.dir.attrs)-1)
	}
	a.ids = ids
	if len(s.dir.attrs) == 1 || a.useClock {
		s.table.Meta.Clock = a.clock()
	}
	s.bindAttrs()
}

// bindAttrs finds the formats of the opened events, and events opened twice.
func (s *Source) bindAttrs() {
	first := map[uint64]*attr{}
	for _, a := range s.dir.attrs {
		if !a.isTracepoint() {
			continue
		}
		if a.config <= maxEventType && s.byType[int(a.config)] != nil {
			a.schema = s.byType[int(a.config)]
		}
		if f := first[a.config]; f != nil {
			f.twin, a.twin = true, true
		} else {
			first[a.config] = a
		}
	}
}

// Open reads the description of a perf.data and returns its Source. r has size
// bytes and must stay open until Close.
func Open(r io.ReaderAt, size int64, path string, o Options) (*Source, error) {
	var magic [pipeHeader]byte
	if n, _ := r.ReadAt(magic[:min(size, pipeHeader)], 0); n == pipeHeader && IsPipe(magic[:]) {
		return OpenPipe(io.NewSectionReader(r, 0, size), path, o)
	}
	s, h, err := openFile(r, size, path, o)
	if err != nil {
		return nil, err
	}
	if h.isDirectory() {
		s.Close()
		return nil, fmt.Errorf("%s: a part of a perf.data folder, whose records are in the files beside it: name the folder", path)
	}
	s.addStream(io.NewSectionReader(r, int64(h.data.off), int64(h.data.size)), int64(h.data.off), int64(h.data.size))
	return s.opened()
}

// openFile reads what a file says beside its records.
func openFile(r io.ReaderAt, size int64, path string, o Options) (*Source, *head, error) {
	h, err := readHead(r, size, path)
	if err != nil {
		return nil, nil, err
	}
	s := newSource(path, h.order, o)
	if err := s.readAttrs(r, size, h); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if h.data.off < fileHeader || h.data.off > uint64(size) || h.data.size > math.MaxInt64 {
		return nil, nil, fmt.Errorf("%s: offset 0x28: the records are said to begin at %#x, the file has %d bytes (cut off?)", path, h.data.off, size)
	}
	switch left := uint64(size) - h.data.off; {
	case h.data.size == 0 && !h.isDirectory():
		// perf writes the size when it ends. The bits of the features are set by
		// then, but there are none.
		s.cut = "the recording was not finished (perf record was killed?): what had not been written by then is not in it"
		h.data.size = left
	case h.data.size > left:
		s.cut = fmt.Sprintf("the records should have %d bytes, the file ends after %d (cut off?)", h.data.size, left)
		h.data.size = left
	default:
		if err := s.readFeatures(r, size, h); err != nil {
			s.note(fmt.Errorf("%s: %w", path, err))
		}
	}
	return s, h, nil
}

// isDirectory reports whether the records are in files beside this one.
func (h *head) isDirectory() bool { return h.has(featDirectory) }

// OpenPipe reads what perf record wrote to a pipe, from front to back.
func OpenPipe(r io.Reader, path string, o Options) (*Source, error) {
	var b [pipeHeader]byte
	if _, err := io.ReadFull(r, b[:]); err != nil {
		return nil, fmt.Errorf("%s: reading the header: %w", path, err)
	}
	if err := CheckHead(b[:], path); err != nil {
		return nil, err
	}
	order, _ := orderOf(b[:])
	s := newSource(path, order, o)
	s.table.Meta.Format = "perf.data, pipe mode"
	s.addStream(r, pipeHeader, -1)
	return s.opened()
}

// addStream adds a file of records; size is -1 if it is not known.
func (s *Source) addStream(r io.Reader, off, size int64) {
	st := &stream{src: s, outer: outer{r: r, off: off, left: size, live: s.o.Live}, sized: size >= 0}
	if size < 0 {
		st.outer.left = math.MaxInt64
	}
	s.streams = append(s.streams, st)
}

// opened reads up to the first samples, so that what stands before them is known:
// the events, and where the kernel lay.
func (s *Source) opened() (*Source, error) {
	for _, st := range s.streams {
		for n := 0; !st.began && n < 64; n++ {
			b := st.cutNext()
			if b == nil {
				break
			}
			st.early = append(st.early, b)
		}
	}
	if len(s.dir.attrs) == 0 {
		err := s.damage
		s.Close()
		if err == nil {
			err = fmt.Errorf("%s: no opened events in it: nothing was recorded", s.path)
		}
		return nil, err
	}
	s.coverage.describe(s)
	return s, nil
}

// UseFormats gives the formats of events to a recording that has none: one whose
// recorder was killed. Ids are those of one build of a kernel.
func (s *Source) UseFormats(formats []*trace.Schema) {
	if s.formats || len(formats) == 0 {
		return
	}
	s.formats = true
	opened := map[uint64]bool{}
	for _, a := range s.dir.attrs {
		if a.isTracepoint() {
			opened[a.config] = true
		}
	}
	var own []*trace.Schema
	for _, f := range formats {
		if !opened[uint64(f.Type)] {
			continue
		}
		c := *f
		c.Fields = append([]trace.Field(nil), f.Fields...)
		own = append(own, &c)
	}
	s.change()
	s.addFormats(own)
	s.remark("the recording has no formats of its events (perf record was killed?): names and fields are those of --event-formats with the same ids, which holds for one build of a kernel")
}

// Hint implements trace.Hinter.
func (s *Source) Hint(h trace.Hint) { s.hint = h }

// Table implements trace.Source.
func (s *Source) Table() *trace.Table { return s.table }

// Record implements trace.Source.
func (s *Source) Record() trace.Record { return s.record }

// Err implements trace.Source.
func (s *Source) Err() error {
	if s.damage == nil || s.damaged == 1 {
		return s.damage
	}
	return fmt.Errorf("%w (and %d more)", s.damage, s.damaged-1)
}

// Close implements trace.Source.
func (s *Source) Close() error {
	if s.pool != nil {
		s.pool.Close()
	}
	for _, st := range s.streams {
		if st.inflate != nil {
			st.inflate.close()
		}
	}
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// Progress implements trace.Progresser.
func (s *Source) Progress() (done, total int64) {
	for _, st := range s.streams {
		if st.sized {
			total += st.outer.left + int64(len(st.outer.buf)-st.outer.pos) + st.outer.off
		}
		done += st.outer.at()
	}
	return done, total
}

func (s *Source) start() {
	s.started = true
	s.startNames()
	threads := s.o.Threads
	total := int64(0)
	for _, st := range s.streams {
		total += min(st.outer.left, math.MaxInt32)
	}
	if s.o.Live || threads == 0 && total < 2*blockSize {
		threads = 1
	}
	s.pool = ahead.New(threads)
	for _, st := range s.streams {
		st.depth = queueDepth(s.pool.Threads(), s.o.Live)
		st.queue = ahead.NewQueue(s.pool, st.depth, prepareBatch)
	}
}

// startNames says what is missing where the file ends before its description.
func (s *Source) startNames() {
	var what []string
	if s.cut != "" {
		what = append(what, s.cut)
	}
	if !s.formats {
		what = append(what, "it has no formats of its events, so that they have no names and no fields: give --event-formats with /sys/kernel/tracing/events of the same kernel, or a copy of it")
		s.nameByID()
	}
	if len(what) > 0 {
		err := errors.New(s.path + ": " + strings.Join(what, "; "))
		if s.damage != nil {
			err = fmt.Errorf("%w; %w", err, s.damage)
		}
		s.damage, s.damaged = err, s.damaged+1
	}
}

// nameByID gives the events names by their ids, so that they are counted.
func (s *Source) nameByID() {
	s.change()
	s.table.Meta.LongSize = 0 // what was on is not known by the formats
	for _, a := range s.dir.attrs {
		if a.isTracepoint() && a.schema == nil && a.config <= maxEventType {
			system, name, ok := strings.Cut(a.name, ":")
			if !ok {
				system, name = "", fmt.Sprintf("event_%d", a.config)
			}
			if s.byType[int(a.config)] == nil {
				f := &trace.Schema{System: system, Name: name, Type: int(a.config)}
				s.byType[int(a.config)] = f
				s.table.AddSchema(f)
			}
			a.schema = s.byType[int(a.config)]
		}
	}
}

// Scan implements trace.Source.
func (s *Source) Scan() bool {
	if !s.started {
		s.start()
	}
	if s.stackOf != nil {
		s.deliverStack()
		return true
	}
	s.drop()
	for {
		if s.toldAt < len(s.told) {
			s.record = s.told[s.toldAt]
			s.toldAt++
			return true
		}
		s.told, s.toldAt = s.told[:0], 0
		st := s.earliest()
		if len(s.told) > 0 {
			continue
		}
		if st == nil {
			if s.ended {
				s.record = nil
				return false
			}
			s.end()
			continue
		}
		it := st.ready[st.next]
		st.pop()
		if s.deliver(it.b, &it.b.recs[it.rec]) {
			s.holds = it.b
			return true
		}
		st.release(it.b)
	}
}

// drop gives back what the current record lies in.
func (s *Source) drop() {
	if s.holds != nil {
		s.holds.st.release(s.holds)
		s.holds = nil
	}
}

// earliest is the stream whose head comes first, nil if none has one.
func (s *Source) earliest() *stream {
	var first *stream
	var at int64
	for _, st := range s.streams {
		it := st.head()
		if len(s.told) > 0 {
			return nil
		}
		if it != nil && (first == nil || it.time < at) {
			first, at = st, it.time
		}
	}
	return first
}

// deliver makes a record the Source's; it is false if it is none.
func (s *Source) deliver(b *batch, r *rec) bool {
	switch r.kind {
	case kindTask:
		s.tasks.record(s, b.data[r.raw:][:r.rawN])
		return false
	case kindLost:
		l := s.lostRecord(b, r)
		s.record = l
		return l != nil
	}
	a := b.dir.attrs[r.attr]
	x := &b.plan.attrs[r.attr]
	raw := b.data[r.raw:][:r.rawN:r.rawN]
	if x.twin && s.twins.isSecond(a, r.attr, r.cpu, r.tid, raw) {
		s.twins.names[a.fullName()]++
		return false
	}
	if s.isPassed(b, r, x) {
		s.pass(b, r, x)
		return false
	}
	s.begin(r.cpu)
	s.deliverEvent(b, r, a, raw)
	switch {
	case r.frame == 0 || !b.plan.stackOn:
	case x.stack:
		s.stackOf, s.stackAt = b, *r
	default:
		s.passedOf(b, r.cpu).count(b.plan.stackID)
	}
	return true
}

// isPassed reports whether an event is only counted after all: a worker could not
// tell whether it is the first of its CPU, or another's hit again.
func (s *Source) isPassed(b *batch, r *rec, x *planned) bool {
	switch {
	case r.first:
		return s.hasBegun(r.cpu)
	case !x.twin:
		return false
	case x.class == classOff, b.plan.cpus != nil && !b.plan.cpus(r.cpu), b.plan.window != nil && !b.plan.window.Has(trace.Time(r.time)):
		return true
	}
	return x.class == classSkip && s.hasBegun(r.cpu)
}

func (s *Source) hasBegun(cpu int32) bool { return int(cpu)+1 < len(s.began) && s.began[cpu+1] }

func (s *Source) begin(cpu int32) {
	for len(s.began) <= int(cpu)+1 {
		s.began = append(s.began, false)
		s.lastTime = append(s.lastTime, 0)
	}
	s.began[cpu+1] = true
}

func (s *Source) lastOn(cpu int32) int64 {
	t := s.losses.last[cpu]
	if int(cpu)+1 < len(s.lastTime) {
		t = max(t, s.lastTime[cpu+1])
	}
	return t
}

func (s *Source) deliverEvent(b *batch, r *rec, a *attr, raw []byte) {
	e, c := &s.event, &s.common
	e.Reset(s.table, &s.decoder, a.schema, raw)
	e.TGID, e.CPU, e.Time = r.tgid, r.cpu, trace.Time(r.time)
	e.PID = r.tid
	if len(raw) >= int(c.MinSize) {
		flags, _ := tracefmt.Integer(raw, c.Flags.Off, c.Flags.Size, s.bigEndian)
		preempt, _ := tracefmt.Integer(raw, c.Preempt.Off, c.Preempt.Size, s.bigEndian)
		pid, _ := tracefmt.Integer(raw, c.PID.Off, c.PID.Size, s.bigEndian)
		e.Flags, e.Preempt, e.HasFlags = trace.Flags(flags), uint8(preempt), true
		// perf says -1 of a task that is already taken out of the list of tasks
		e.PID = int32(pid)
	}
	e.Comm = s.tasks.name(s, e.PID)
	e.Seq = uint64(b.off) + uint64(r.off)
	e.At = trace.Pos{File: s.path, Off: b.off + int64(r.off)}
	s.lastTime[r.cpu+1] = r.time
	s.record, s.current, s.chain = e, a, b.plan.stackOn && !r.noChain
}

// deliverStack delivers the stack of the event before, with its header.
func (s *Source) deliverStack() {
	b, r := s.stackOf, &s.stackAt
	s.stackOf = nil
	old := s.event
	e := &s.event
	n := r.frame * 8
	e.Reset(s.table, &s.stackDecoder, s.stackSchema, b.data[r.chain:][:n:n])
	e.Time, e.Seq, e.CPU, e.PID, e.TGID, e.Comm = old.Time, old.Seq, old.CPU, old.PID, old.TGID, old.Comm
	e.Flags, e.Preempt, e.HasFlags, e.At = old.Flags, old.Preempt, old.HasFlags, old.At
	s.record = e
}

// pass counts an event that is not delivered after all.
func (s *Source) pass(b *batch, r *rec, x *planned) {
	if x.class == classOff || b.plan.cpus != nil && !b.plan.cpus(r.cpu) {
		return
	}
	t := s.passedOf(b, r.cpu)
	t.see(trace.Time(r.time))
	if w := b.plan.window; w != nil && !w.Has(trace.Time(r.time)) {
		return
	}
	t.count(x.event)
	if b.plan.stackOn && r.frame > 0 {
		t.count(b.plan.stackID)
	}
}

// passedOf is what was passed over of a CPU by the scanning thread.
func (s *Source) passedOf(b *batch, cpu int32) *tally {
	for len(s.passed) <= int(cpu)+1 {
		s.passed = append(s.passed, tally{})
	}
	t := &s.passed[cpu+1]
	if b.plan.byEvent && len(t.byEvent) < b.plan.schemas {
		t.byEvent = append(t.byEvent, make([]uint64, b.plan.schemas-len(t.byEvent))...)
	}
	return t
}

// tell says what a batch passed over.
func (s *Source) tell(b *batch) {
	for i, n := range b.samples {
		for len(s.samples) <= i {
			s.samples = append(s.samples, 0)
		}
		s.samples[i] += n
	}
	s.guests += b.guests
	for _, cpu := range b.seen {
		s.tellTally(cpu, &b.cpus[cpu+1])
	}
}

func (s *Source) tellTally(cpu int32, t *tally) {
	if t.n > 0 || t.any {
		k := &trace.Skipped{CPU: cpu, N: t.n, First: t.first, Last: t.last, Any: t.any}
		if len(t.byEvent) > 0 {
			k.ByEvent = append([]uint64(nil), t.byEvent...)
		}
		s.told = append(s.told, k)
	}
}

// noted counts a record that is no event.
func (s *Source) noted(b *batch, r *rec) {
	switch s.order.Uint32(b.data[r.off:]) {
	case recTHROTTLE:
		s.throttled++
	case recAUX:
		s.aux++
	}
}

// end delivers what is known at the end only, and completes the description.
func (s *Source) end() {
	s.ended = true
	for cpu := range s.passed {
		s.tellTally(int32(cpu)-1, &s.passed[cpu])
	}
	s.told = append(s.told, s.restOfLosses()...)
	if s.countsMissing() {
		s.note(fmt.Errorf("%s: samples were lost, and how many of each event is not in it: perf record writes that at its end, which is missing", s.path))
	}
	if t := s.times.max; t > 0 && s.losses.end > t+maxStray {
		s.note(fmt.Errorf("%s: a sample of %d.%09d s, and the header says that the last one is of %d.%09d s: a time is damaged", s.path, s.losses.end/1e9, s.losses.end%1e9, t/1e9, t%1e9))
	}
	s.noteLosses()
	s.noteOthers()
	s.noteSymbols()
}

// maxStray is how far behind the last sample in perf's order one may be that came
// late.
const maxStray = 1e9

// noteOthers says what the recording holds besides events.
func (s *Source) noteOthers() {
	for i, a := range s.dir.attrs {
		if i < len(s.samples) && s.samples[i] > 0 && a.schema == nil {
			name := a.name
			if name == "" {
				name = fmt.Sprintf("an event of type %d", a.typ)
			}
			if a.isTracepoint() {
				s.note(fmt.Errorf("%s: %d samples of %s cannot be read: the recording has the formats of other events, but not its (damaged?)", s.path, s.samples[i], name))
				continue
			}
			s.remark("%d samples of %s are passed over: it is no tracepoint", s.samples[i], name)
		}
	}
	for name, n := range s.twins.names {
		s.remark("%s was opened twice: %d samples are the second ones of their hits and are left out", name, n)
	}
	if s.guests > 0 {
		s.remark("%d samples of virtual machines are left out", s.guests)
	}
	if s.aux > 0 {
		s.remark("AUX data (hardware traces) are passed over")
	}
	if s.throttled > 0 {
		s.remark("the kernel throttled events %d times: some are missing", s.throttled)
	}
	if s.lateCount > 0 {
		s.remark("%d records came later than their round allows, and are delivered late, as perf script does", s.lateCount)
	}
	if s.hastened > 0 {
		s.remark("more than %d MiB would have waited for the end of a round: some events may be out of order", s.maxHeld>>20)
	}
}
