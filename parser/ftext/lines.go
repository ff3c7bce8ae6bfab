package ftext

import (
	"bytes"
	"fmt"
	"io"
)

const (
	readSize = 256 << 10
	// maxLine bounds a line. The kernel prints at most one page-sized trace_seq
	// per record (8 KiB since 6.10); what is longer is not a trace.
	maxLine = 1 << 20
	// maxGroup bounds an event together with its stack lines.
	maxGroup = 1 << 20
)

// lines splits a stream into lines without copying them. A record, one or more
// lines, is kept in memory from begin until the next begin.
type lines struct {
	r   io.Reader
	buf []byte
	// buf[record:pos] is the current record, buf[pos:end] was read ahead.
	record, pos, end int
	off              int64 // offset in the input of buf[0]
	line             int   // number of the last line that next returned
	long             bool  // the last line was cut off: drop its rest
	err              error // of the last Read
}

type status uint8

const (
	lineOK status = iota
	lineLong
	lineEnd
)

// begin starts a new record at the next line.
func (l *lines) begin() {
	if l.long {
		l.dropRest()
	}
	l.record = l.pos
}

// next returns the next line without its end and makes it part of the record.
// The line is valid until the next call of next, peek or begin.
func (l *lines) next() ([]byte, status) {
	n := bytes.IndexByte(l.buf[l.pos:l.end], '\n')
	if n < 0 {
		var st status
		if n, st = l.more(l.pos); st != lineOK {
			return l.cut(st)
		}
	}
	line := l.buf[l.pos : l.pos+n]
	l.pos += n + 1
	if l.pos > l.end { // the last line has no newline
		l.pos = l.end
	}
	l.line++
	return trimCR(line), lineOK
}

// cut ends a line that has no end: it returns the part that was read.
func (l *lines) cut(st status) ([]byte, status) {
	if st == lineEnd {
		return nil, st
	}
	l.line++
	l.long = true
	line := l.buf[l.pos:l.end]
	l.pos = l.end
	return line, st
}

// peek returns the line that begins ahead bytes behind the current position,
// and where the one after it begins. It is for lines that may belong to the
// record, so it does not look beyond maxGroup.
func (l *lines) peek(ahead int) (line []byte, next int, ok bool) {
	at := l.pos + ahead
	n := bytes.IndexByte(l.buf[at:l.end], '\n')
	if n < 0 {
		var st status
		record := l.record
		if n, st = l.more(at); st != lineOK {
			return nil, 0, false
		}
		at -= record - l.record
	}
	return trimCR(l.buf[at : at+n]), min(ahead+n+1, l.end-l.pos), true
}

// take makes the next n bytes, as peek counted them, part of the record.
func (l *lines) take(n, lines int) {
	l.pos += n
	l.line += lines
}

// more reads until the line at buf[at:] has an end and returns its length.
// It moves the buffer: offsets count from record.
func (l *lines) more(at int) (int, status) {
	at -= l.record
	seen := l.end - l.record - at
	for {
		if l.end-l.record-at > maxLine || l.end-l.record > maxGroup+maxLine {
			return 0, lineLong
		}
		ok := l.fill()
		rest := l.buf[l.record+at : l.end]
		if n := bytes.IndexByte(rest[seen:], '\n'); n >= 0 {
			return seen + n, lineOK
		}
		seen = len(rest)
		if !ok {
			if seen == 0 {
				return 0, lineEnd
			}
			return seen, lineOK
		}
	}
}

// fill reads once, after making room. It is false at the end of the input.
func (l *lines) fill() bool {
	if l.err != nil {
		return false
	}
	if l.record > 0 {
		copy(l.buf, l.buf[l.record:l.end])
		l.off += int64(l.record)
		l.pos -= l.record
		l.end -= l.record
		l.record = 0
	}
	if len(l.buf)-l.end < readSize/2 {
		grown := make([]byte, max(2*len(l.buf), readSize))
		copy(grown, l.buf[:l.end])
		l.buf = grown
	}
	for range 100 {
		n, err := l.r.Read(l.buf[l.end:])
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

// dropRest skips what is left of an overlong line.
func (l *lines) dropRest() {
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

// raw is the current record with its line ends.
func (l *lines) raw() []byte { return l.buf[l.record:l.pos] }

func trimCR(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		return line[:n-1]
	}
	return line
}
