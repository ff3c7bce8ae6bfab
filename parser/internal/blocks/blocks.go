// Package blocks reads a text in big blocks of whole lines and leaves out lines
// that its reader has no use for. Several blocks are looked through at once; what
// is kept, and what is said of the rest, does not depend on how many.
package blocks

import (
	"bytes"
	"io"
	"math"
	"sync"

	"github.com/ipiscope/ipiscope/parser/internal/lines"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// usualSize is that of a block. It fits the cache that a core has to itself.
const usualSize = 512 << 10

// A Filter decides which lines of blocks are kept. It is used by one goroutine
// at a time.
type Filter interface {
	// Filter keeps lines of b and skips all others. What it does depends on b's
	// text and on b.CPUs, and on nothing else.
	Filter(b *Block)
}

// A Block is a stretch of a text with what a Filter made of it.
type Block struct {
	Text []byte // whole lines; only the last of a text may have no end
	// CPUs is what the Filter notes of each CPU for the block after it. Before, it
	// holds the waits that began in earlier blocks.
	CPUs []CPU
	// Skipped sums up the events of the skipped lines.
	Skipped trace.Skipped

	parts  []part
	rest   lines.Gap      // after the last part
	raw    bool           // all of it is kept: it is no line, or part of one
	whole  bool           // so is all that follows
	forgot bool           // CPUs' times before may be another recording's
	first  int            // part before which is told first where CPUs came to, or -1
	ends   []lines.CPUEnd // of parts' gaps
	// informed: the filter was told what earlier blocks left waiting
	informed bool
	buf      []byte
	done     chan struct{}
}

// A CPU is what is known of one CPU at the end of a block.
type CPU struct {
	// Seen: it has an event in the block; First is the context of the first one.
	// StackFirst: it has a stack before that.
	Seen, StackFirst bool
	First            trace.Context
	// Waits: an event in that context may still get a stack.
	Waits bool
	For   trace.Context
	// Anew: it has no event yet in the recording that may have begun within the block.
	Anew bool
	// Timed: Last is the time of its last event. Begun: Begin is that of the first
	// one in the block, if no other recording begins in front of it.
	Timed, Begun bool
	Last, Begin  trace.Time
	// Untold: the last event was left out, and whoever reads what is kept was not
	// told of it.
	Untold bool
}

// Follow notes an event of the CPU in that context, after which a stack may come
// or not.
func (c *CPU) Follow(at trace.Context, hasStack bool) {
	if c.Waits && !at.Interrupts(c.For) {
		c.Waits = false
	}
	if hasStack && !c.Waits {
		c.Waits, c.For = true, at
	}
}

// A part is kept text, after a gap.
type part struct {
	gap        lines.Gap
	start, end int
}

// At returns what is known of a CPU, to be changed.
func (b *Block) At(cpu int) *CPU {
	for cpu >= len(b.CPUs) {
		b.CPUs = append(b.CPUs, CPU{})
	}
	return &b.CPUs[cpu]
}

// Keep keeps the text up to end, from where the last Keep or Skip ended.
func (b *Block) Keep(end int) {
	if n := len(b.parts); n > 0 && b.rest == (lines.Gap{}) && b.first != n {
		b.parts[n-1].end = end
		return
	}
	b.parts = append(b.parts, part{b.rest, b.at(), end})
	b.rest = lines.Gap{}
}

// Skip leaves out the text up to end, which is that many lines with so many events.
// inStack says whether the last of them belongs to a stack.
func (b *Block) Skip(end, n, events int, inStack bool) {
	b.rest.Bytes += int64(end - b.at())
	b.rest.Lines += n
	b.rest.Events += events
	b.rest.InStack = inStack
}

// Tell lets whoever reads the text that is kept next know where the CPUs came to before
// it. It comes before each event that is earlier than the one before, so that those
// which are left out in between are in order.
func (b *Block) Tell() {
	if b.first < 0 {
		b.first = len(b.parts)
	}
	from := len(b.ends)
	b.ends = appendEnds(b.ends, b.CPUs)
	b.rest.Ends += len(b.ends) - from
}

// Forget says that a recording may end with the text that is kept next: times that
// follow need not be later than those before, which are told.
func (b *Block) Forget() {
	b.Tell()
	b.forgot = true
	for i := range b.CPUs {
		c := &b.CPUs[i]
		c.Timed, c.Anew = false, true
	}
}

// appendEnds appends where those CPUs came to of which that was not told.
func appendEnds(ends []lines.CPUEnd, cpus []CPU) []lines.CPUEnd {
	for i := range cpus {
		c := &cpus[i]
		if c.Untold {
			ends = append(ends, lines.CPUEnd{CPU: int32(i), Last: int64(c.Last)})
			c.Untold = false
		}
	}
	return ends
}

// Forgot reports whether a recording ended in the block.
func (b *Block) Forgot() bool { return b.forgot }

// KeepAll keeps all that is left, and all blocks that follow.
func (b *Block) KeepAll() {
	b.Keep(len(b.Text))
	b.whole = true
}

// Event counts an event of the line that was skipped last. It lies in the window that
// the consumer looks at, or does not.
func (b *Block) Event(t trace.Time, inWindow bool) {
	s := &b.Skipped
	s.Any = true
	s.First, s.Last = min(s.First, t), max(s.Last, t)
	b.rest.Time = int64(t)
	if inWindow {
		s.N++
	}
}

// at is where the text begins that was neither kept nor skipped.
func (b *Block) at() int {
	end := 0
	if n := len(b.parts); n > 0 {
		end = b.parts[n-1].end
	}
	return end + int(b.rest.Bytes)
}

// filter lets f look at the block.
func (b *Block) filter(f Filter) {
	b.parts, b.ends, b.rest, b.whole, b.forgot = b.parts[:0], b.ends[:0], lines.Gap{}, false, false
	b.first = -1
	b.Skipped = trace.Skipped{CPU: -1, First: math.MaxInt64, Last: math.MinInt64}
	if b.raw {
		b.Keep(len(b.Text))
		return
	}
	f.Filter(b)
}

// A Reader delivers the kept text. It is a lines.Feed.
type Reader struct {
	blocks  *reader
	workers sync.WaitGroup
	alone   bool   // there are no workers
	filter  Filter // of this side
	queue   chan *Block
	free    chan *Block
	stop    chan struct{}

	block   *Block
	next    int // part of block
	gap     lines.Gap
	whole   bool
	waits   []CPU          // by CPU: what earlier blocks left waiting
	ends    []lines.CPUEnd // of the gap that was read last
	first   []lines.CPUEnd // that earlier blocks left, of block's first part that has some
	at      int            // of block's ends: those of parts before
	skipped trace.Skipped
}

var _ lines.Feed = (*Reader)(nil)

// NewReader returns a Reader for the text that r holds, in blocks of that size (0
// for the usual one), looked through by that many goroutines, which Close ends.
func NewReader(r io.Reader, size, threads int, filter func() Filter) *Reader {
	if size == 0 {
		size = usualSize
	}
	x := &Reader{blocks: &reader{r: r}, filter: filter()}
	x.clearSkipped()
	if threads <= 1 {
		x.alone = true
		x.block = &Block{buf: make([]byte, size)}
		x.next = -1
		return x
	}
	n := 2*threads + 2
	x.queue, x.free, x.stop = make(chan *Block, n), make(chan *Block, n), make(chan struct{})
	for range n {
		x.free <- &Block{buf: make([]byte, size), done: make(chan struct{}, 1)}
	}
	x.workers.Add(threads)
	for range threads {
		go x.work(filter())
	}
	go func() {
		x.workers.Wait()
		close(x.queue)
	}()
	return x
}

// work looks through one block after the other. The blocks come in order because
// whoever reads one enters it into the queue before another is read.
func (x *Reader) work(f Filter) {
	defer x.workers.Done()
	for {
		b := x.blocks.read(x.free, x.stop, x.queue)
		if b == nil {
			return
		}
		b.CPUs, b.informed = b.CPUs[:0], false
		b.filter(f)
		b.done <- struct{}{}
	}
}

// Close ends the goroutines.
func (x *Reader) Close() {
	if x.stop != nil {
		close(x.stop)
		x.workers.Wait()
		x.stop = nil
	}
}

// Skipped returns the events that were left out since it was asked before.
func (x *Reader) Skipped() (trace.Skipped, bool) {
	if !x.skipped.Any {
		return trace.Skipped{}, false
	}
	s := x.skipped
	x.clearSkipped()
	return s, true
}

func (x *Reader) clearSkipped() {
	x.skipped = trace.Skipped{CPU: -1, First: math.MaxInt64, Last: math.MinInt64}
}

// Read implements lines.Feed.
func (x *Reader) Read(p []byte) (n int, gap lines.Gap, err error) {
	for x.block == nil || x.next < 0 || x.next >= len(x.block.parts) {
		if !x.advance() {
			gap, x.gap = x.gap, lines.Gap{}
			return 0, gap, x.blocks.end()
		}
	}
	part := &x.block.parts[x.next]
	if part.gap.Ends > 0 {
		x.take(part.gap.Ends)
	}
	x.gap.Add(part.gap)
	gap, x.gap = x.gap, lines.Gap{}
	part.gap = lines.Gap{}
	n = copy(p, x.block.Text[part.start:part.end])
	if part.start += n; part.start == part.end {
		x.next++
	}
	return n, gap, nil
}

// take makes the ends of the current part those that Ends returns: of b.ends the next
// ones, and where it is the first one of its block, what was left by others before.
func (x *Reader) take(n int) {
	b := x.block
	x.ends = x.ends[:0]
	if x.next == b.first {
		x.ends = append(x.ends, x.first...)
		x.first = x.first[:0]
	}
	from := x.at
	x.at = from + n - len(x.ends)
	x.ends = append(x.ends, b.ends[from:x.at]...)
}

// Ends implements lines.Feed.
func (x *Reader) Ends() []lines.CPUEnd { return x.ends }

// advance goes on to the next block.
func (x *Reader) advance() bool {
	b := x.block
	if b != nil && x.next >= 0 {
		x.gap.Add(b.rest)
	}
	if x.alone {
		if !x.blocks.fill(b) {
			x.next, b.rest = len(b.parts), lines.Gap{}
			return false
		}
		x.look(b)
	} else {
		if b != nil {
			x.free <- b
		}
		if b = <-x.queue; b == nil {
			x.block = nil
			return false
		}
		<-b.done
	}
	x.block, x.next, x.at = b, 0, 0
	x.first = x.first[:0]
	x.join(b)
	return true
}

// join makes up for what a block could not know of the one before.
func (x *Reader) join(b *Block) {
	if x.whole {
		b.parts, b.rest = append(b.parts[:0], part{end: len(b.Text)}), lines.Gap{}
		return
	}
	if !x.alone && x.goesOn(b) {
		x.look(b)
	}
	x.whole = b.whole
	x.tell(b)
	if b.forgot {
		for i := range x.waits {
			x.waits[i].Timed = false
		}
	}
	for cpu, c := range b.CPUs {
		for cpu >= len(x.waits) {
			x.waits = append(x.waits, CPU{})
		}
		w := &x.waits[cpu]
		if c.Seen || b.informed {
			w.Waits, w.For = c.Waits, c.For
		}
		if c.Timed || b.informed {
			w.Timed, w.Untold, w.Last = c.Timed, c.Untold, c.Last
		}
	}
	x.skipped.N += b.Skipped.N
	if b.Skipped.Any {
		x.skipped.Any = true
		x.skipped.First, x.skipped.Last = min(x.skipped.First, b.Skipped.First), max(x.skipped.Last, b.Skipped.Last)
	}
}

// tell tells with what a block told first where earlier blocks came to, of which it did
// not know.
func (x *Reader) tell(b *Block) {
	if b.first < 0 || b.informed {
		return
	}
	x.first = appendEnds(x.first[:0], x.waits)
	b.parts[b.first].gap.Ends += len(x.first)
}

// look filters a block knowing those before.
func (x *Reader) look(b *Block) {
	b.CPUs, b.informed = append(b.CPUs[:0], x.waits...), true
	b.filter(x.filter)
}

// goesOn reports whether a wait that began in an earlier block may not end
// with the first event of its CPU in this one, which is kept in any case, or that
// event is earlier than the last one before.
func (x *Reader) goesOn(b *Block) bool {
	for cpu, w := range x.waits {
		if cpu >= len(b.CPUs) {
			continue
		}
		c := &b.CPUs[cpu]
		if w.Waits && (c.StackFirst || c.Seen && c.First.Interrupts(w.For)) || w.Timed && c.Begun && c.Begin < w.Last {
			return true
		}
	}
	return false
}

// A reader reads blocks one after the other.
type reader struct {
	mu     sync.Mutex
	r      io.Reader
	tail   []byte // the begin of a line, read with the block before
	inLine bool   // the block before ended within a line
	err    error
}

// end is the error that ended the text.
func (r *reader) end() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// read reads the next block into one that is free and enters it into the queue.
// It returns nil at the end of the text or when stop is closed.
func (r *reader) read(free <-chan *Block, stop <-chan struct{}, queue chan<- *Block) *Block {
	r.mu.Lock()
	defer r.mu.Unlock()
	var b *Block
	select {
	case <-stop:
		return nil
	case b = <-free:
	}
	if !r.fill(b) {
		return nil
	}
	queue <- b
	return b
}

// fill reads a block. It is false at the end of the text. Blocks are always full,
// so that where they end does not depend on how the text arrives.
func (r *reader) fill(b *Block) bool {
	n := copy(b.buf, r.tail)
	r.tail = r.tail[:0]
	for idle := 0; n < len(b.buf) && r.err == nil; idle++ {
		var m int
		if m, r.err = r.r.Read(b.buf[n:]); m > 0 {
			n, idle = n+m, 0
		} else if idle > 100 && r.err == nil {
			r.err = io.ErrNoProgress
		}
	}
	b.Text, b.raw = b.buf[:n], r.inLine
	if r.inLine = false; r.err != nil {
		return n > 0
	}
	cut := bytes.LastIndexByte(b.Text, '\n') + 1
	if cut == 0 {
		b.raw, r.inLine = true, true
		return true
	}
	r.tail = append(r.tail, b.Text[cut:]...)
	b.Text = b.Text[:cut]
	return true
}
