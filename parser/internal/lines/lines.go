// Package lines splits a stream of text into lines without copying them, for
// the readers of text formats.
package lines

import (
	"bytes"
	"fmt"
	"io"
)

const (
	readSize = 256 << 10
	// MaxLine bounds a line. The kernel prints at most one page-sized trace_seq
	// per record (8 KiB since 6.10); what is longer is not a trace.
	MaxLine = 1 << 20
	// MaxGroup bounds an event together with its stack lines.
	MaxGroup = 1 << 20
)

// A Reader reads lines. A record, one or more lines, is kept in memory from
// Begin until the next Begin.
type Reader struct {
	r    io.Reader
	feed Feed
	buf  []byte
	gaps []placedGap // in what was read ahead
	past int         // of gaps: those after it were not reached yet
	gap  Gap         // that was stepped over last
	// ends are those of gaps, in their order; those before told are of gaps that were
	// stepped over, from now on of the last one.
	ends      []CPUEnd
	now, told int
	// buf[record:pos] is the current record, buf[pos:end] was read ahead.
	record, pos, end int
	off              int64 // offset in the input of buf[0]
	line             int   // number of the last line that was taken
	first            int   // number of the record's first line
	long             bool  // the last line was cut off: drop its rest
	open             bool  // the last line of the input has no end
	err              error // of the last Read
}

// A Feed is a text of which lines are left out.
type Feed interface {
	// Read is io.Reader's. The gap stands before what it returns, which begins
	// and ends with whole lines if there is one.
	Read(p []byte) (n int, gap Gap, err error)
	// Ends are those of that gap. They are valid until the next Read.
	Ends() []CPUEnd
}

// A Gap is lines that were left out.
type Gap struct {
	Bytes int64
	Lines int
	// Events is how many of them were events.
	Events int
	// Time is that of the last of them, if there are any.
	Time int64
	// InStack: the last of them belongs to a stack.
	InStack bool
	// Ends is how many CPUEnds tell where CPUs came to before a line that goes back in
	// time, or may. A gap may be of no lines if there are some.
	Ends int
}

// A CPUEnd is the time of the last event of a CPU, which was left out.
type CPUEnd struct {
	CPU  int32
	Last int64
}

// Add makes g the gap before o as well.
func (g *Gap) Add(o Gap) {
	if o == (Gap{}) {
		return
	}
	if o.Events != 0 {
		g.Time = o.Time
	}
	g.Bytes += o.Bytes
	g.Lines += o.Lines
	g.Events += o.Events
	g.InStack = o.InStack
	g.Ends += o.Ends
}

// A placedGap is a gap before buf[at].
type placedGap struct {
	Gap
	at int
}

// A Status says what became of reading a line.
type Status uint8

const (
	OK   Status = iota
	Long        // the line is longer than MaxLine; its rest is skipped
	End         // there are no more lines
)

// New returns a Reader. Nothing is read before Ahead or Next.
func New(r io.Reader) *Reader { return &Reader{r: r} }

// Ahead returns what was read and not yet taken, at least n bytes of it if the
// input has that many. It must be called before the first Begin, and n be small:
// all of it is kept in memory.
func (l *Reader) Ahead(n int) []byte {
	for l.end-l.pos < n && l.fill() {
	}
	return l.buf[l.pos:l.end]
}

// Divert makes what feed returns the source of what follows. It is given all that
// was not taken yet.
func (l *Reader) Divert(feed func(rest io.Reader) Feed) {
	ahead := bytes.NewReader(bytes.Clone(l.buf[l.pos:l.end]))
	l.end = l.pos
	if l.err != nil {
		l.r = failed{l.err}
		l.err = nil
	}
	l.feed = feed(io.MultiReader(ahead, l.r))
}

// A failed reader is one that has returned its error.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// Raw is the current record with its line ends. It is valid until the next
// Begin; Next, Peek and Ahead may move it.
func (l *Reader) Raw() []byte { return l.buf[l.record:l.pos] }

// Line is the number of the last line taken, counted from 1.
func (l *Reader) Line() int { return l.line }

// First is the number of the record's first line.
func (l *Reader) First() int { return l.first }

// Off is the offset of the record in the input.
func (l *Reader) Off() int64 { return l.off + int64(l.record) }

// IsOpen reports whether the last line of the input was taken and has no end.
func (l *Reader) IsOpen() bool { return l.open }

// Buffer is the size of the memory that the Reader holds.
func (l *Reader) Buffer() int { return len(l.buf) }

// Err is the error that ended the input, nil at its regular end.
func (l *Reader) Err() error {
	if l.err == io.EOF {
		return nil
	}
	return l.err
}

// Begin starts a new record at the next line. It returns the gap that it stepped
// over, nil if there is none; it is valid until the next call of any method.
func (l *Reader) Begin() *Gap {
	if l.long {
		l.dropRest()
	}
	if l.record = l.pos; l.pos == l.end && l.feed != nil {
		l.fill() // a gap shows with what follows it
	}
	l.first = l.line + 1
	if l.past == len(l.gaps) || l.gaps[l.past].at != l.pos {
		return nil
	}
	return l.stepOver()
}

// Ends are those of the gap that Begin returned last.
func (l *Reader) Ends() []CPUEnd { return l.ends[l.now:l.told] }

// stepOver takes the gaps that lie before the record.
func (l *Reader) stepOver() *Gap {
	gap := &l.gap
	*gap = Gap{}
	for ; l.past < len(l.gaps) && l.gaps[l.past].at == l.pos; l.past++ {
		gap.Add(l.gaps[l.past].Gap)
	}
	if l.past == len(l.gaps) {
		l.gaps, l.past = l.gaps[:0], 0
	}
	l.now = l.told
	l.told += gap.Ends
	l.off += gap.Bytes
	l.line += gap.Lines
	l.first = l.line + 1
	return gap
}

// Next returns the next line without its end and makes it part of the record.
// The line is valid until the next call of Next, Peek or Begin.
func (l *Reader) Next() ([]byte, Status) {
	n := bytes.IndexByte(l.buf[l.pos:l.end], '\n')
	if n < 0 {
		var st Status
		if n, st = l.more(l.pos); st != OK {
			return l.cut(st)
		}
	}
	line := l.buf[l.pos : l.pos+n]
	l.pos += n + 1
	if l.pos > l.end { // the last line has no newline
		l.pos, l.open = l.end, true
	}
	l.line++
	return TrimCR(line), OK
}

// cut ends a line that has no end: it returns the part that was read.
func (l *Reader) cut(st Status) ([]byte, Status) {
	if st == End {
		return nil, st
	}
	l.line++
	l.long = true
	line := l.buf[l.pos:l.end]
	l.pos = l.end
	return line, st
}

// Peek returns the line that begins ahead bytes after the current position,
// and where the one after it begins. It is for lines that may belong to the
// record, so it looks neither beyond MaxGroup nor across a gap.
func (l *Reader) Peek(ahead int) (line []byte, next int, ok bool) {
	at := l.pos + ahead
	n := bytes.IndexByte(l.buf[at:l.end], '\n')
	if n < 0 {
		var st Status
		record := l.record
		if n, st = l.more(at); st != OK {
			return nil, 0, false
		}
		at -= record - l.record
	}
	if l.past < len(l.gaps) && l.gaps[l.past].at <= at {
		return nil, 0, false
	}
	return TrimCR(l.buf[at : at+n]), min(ahead+n+1, l.end-l.pos), true
}

// Take makes the next n bytes, as Peek counted them, part of the record.
func (l *Reader) Take(n, lines int) {
	l.pos += n
	l.line += lines
	if n > 0 && l.buf[l.pos-1] != '\n' { // the last line has no newline
		l.open = true
	}
}

// more reads until the line at buf[at:] has an end and returns its length.
// It moves the buffer: offsets count from record.
func (l *Reader) more(at int) (int, Status) {
	at -= l.record
	seen := l.end - l.record - at
	for {
		if l.end-l.record-at > MaxLine || l.end-l.record > MaxGroup+MaxLine {
			return 0, Long
		}
		ok := l.fill()
		rest := l.buf[l.record+at : l.end]
		if n := bytes.IndexByte(rest[seen:], '\n'); n >= 0 {
			return seen + n, OK
		}
		seen = len(rest)
		if !ok {
			if seen == 0 {
				return 0, End
			}
			return seen, OK
		}
	}
}

// fill reads once, after making room. It is false at the end of the input.
func (l *Reader) fill() bool {
	if l.err != nil {
		return false
	}
	if l.record > 0 {
		copy(l.buf, l.buf[l.record:l.end])
		l.off += int64(l.record)
		l.pos -= l.record
		l.end -= l.record
		l.gaps = l.gaps[:copy(l.gaps, l.gaps[l.past:])]
		l.past = 0
		for i := range l.gaps {
			l.gaps[i].at -= l.record
		}
		l.record = 0
	}
	if len(l.buf)-l.end < readSize/2 {
		grown := make([]byte, max(2*len(l.buf), readSize))
		copy(grown, l.buf[:l.end])
		l.buf = grown
	}
	for range 100 {
		n, err := l.read(l.buf[l.end:])
		if n < 0 || n > len(l.buf)-l.end {
			n, err = 0, fmt.Errorf("reader returned %d bytes for a buffer of %d", n, len(l.buf)-l.end)
		}
		l.end += n
		l.err = err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	l.err = io.ErrNoProgress
	return false
}

// read reads once from what the text comes from.
func (l *Reader) read(p []byte) (int, error) {
	if l.feed == nil {
		return l.r.Read(p)
	}
	n, gap, err := l.feed.Read(p)
	if gap != (Gap{}) {
		l.gaps = append(l.gaps, placedGap{gap, l.end})
	}
	if gap.Ends > 0 {
		if l.told == len(l.ends) { // none waits
			l.ends, l.now, l.told = l.ends[:0], 0, 0
		}
		l.ends = append(l.ends, l.feed.Ends()...)
	}
	return n, err
}

// dropRest skips what is left of an overlong line.
func (l *Reader) dropRest() {
	l.long = false
	for {
		if n := bytes.IndexByte(l.buf[l.pos:l.end], '\n'); n >= 0 {
			l.pos += n + 1
			return
		}
		l.pos = l.end
		l.record = l.pos
		if !l.fill() {
			return
		}
	}
}

// TrimCR cuts the \r of a line that ended in \r\n.
func TrimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
