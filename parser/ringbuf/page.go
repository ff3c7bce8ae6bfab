// Package ringbuf walks the pages of the kernel's trace ring buffer, as they
// come out of per_cpu/cpuN/trace_pipe_raw and lie in trace.dat files.
//
// The layout is that of include/linux/ring_buffer.h (struct ring_buffer_event)
// and kernel/trace/ring_buffer.c (struct buffer_data_page).
package ringbuf

import (
	"encoding/binary"
	"fmt"

	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// The type_len values that are not a length (enum ring_buffer_type).
const (
	typeData       = 0 // length in the word after the header
	typePadding    = 29
	typeTimeExtend = 30
	typeTimeStamp  = 31
)

// Bits of the commit word (kernel/trace/ring_buffer.c).
const (
	commitMask   = 1<<27 - 1
	missedEvents = 1 << 31
	missedStored = 1 << 30
)

const (
	headerSize = 4
	// deltaShift is the number of bits of the time delta in the header word;
	// a time extend holds the bits above it.
	deltaShift = 27
	deltaMask  = 1<<deltaShift - 1
	// tsMSB are the bits that an absolute time stamp cannot hold: it has 59
	// (rb_fix_abs_ts).
	tsMSB = uint64(0xf8) << 56
)

// A Layout says how pages are laid out. It is made once per trace.
type Layout struct {
	Header    tracefmt.PageHeader
	BigEndian bool
}

// Time is the time that a page begins with, no later than its first event's. It
// is false if the page is too short to have one.
func (l *Layout) Time(page []byte) (uint64, bool) {
	return tracefmt.Integer(page, l.Header.TimestampOff, 8, l.BigEndian)
}

// A PageError is a page that contradicts itself.
type PageError struct {
	Off int // offset within the page
	Msg string
}

func (e *PageError) Error() string { return fmt.Sprintf("ring buffer page, byte %d: %s", e.Off, e.Msg) }

// A Page iterates over the events of one ring-buffer page. Its zero value is
// an empty page. It does not allocate except for an error.
//
//	p.Reset(layout, page)
//	for p.Next() {
//		use(p.Time(), p.Data())
//	}
//	err := p.Err()
type Page struct {
	page []byte // the page up to the end of its committed data
	next int    // offset of the next event header
	big  bool

	time    uint64
	last    uint64 // time of the last event
	dataOff int
	dataEnd int

	back [2]uint64 // the first step back in time: from, to; equal if there was none

	missed     bool
	missedN    uint64
	err        *PageError
	clampedErr *PageError
}

// Reset makes p iterate over a page. buf must hold the whole page and stay
// unchanged while p is in use. A page too short for its header is an empty page
// with an error; one that claims more data than it has is walked as far as it
// goes, and reports the error after its last event.
func (p *Page) Reset(l *Layout, buf []byte) {
	*p = Page{big: l.BigEndian}
	h := &l.Header
	if len(buf) < int(h.DataOff) {
		p.err = &PageError{0, fmt.Sprintf("has %d bytes, its header needs %d", len(buf), h.DataOff)}
		return
	}
	p.time, _ = l.Time(buf)
	p.last = p.time
	commit, _ := tracefmt.Integer(buf, h.CommitOff, h.CommitSize, l.BigEndian)
	end := int(h.DataOff) + int(commit&commitMask)
	if end > len(buf) {
		p.clampedErr = &PageError{int(h.CommitOff), fmt.Sprintf("commit says %d bytes of data, the page has room for %d", commit&commitMask, len(buf)-int(h.DataOff))}
		end = len(buf)
	}
	p.page = buf[:end]
	p.next = int(h.DataOff)
	if commit&missedEvents != 0 {
		p.missed = true
		// The count is a long after the data, if there was room for it.
		if commit&missedStored != 0 {
			p.missedN, _ = tracefmt.Integer(buf, uint32(end), h.CommitSize, l.BigEndian)
		}
	}
}

// Missed reports whether events were lost before this page, and how many: 0
// means that the kernel did not store the number.
func (p *Page) Missed() (n uint64, missed bool) { return p.missedN, p.missed }

// Empty reports whether a page has no data: nothing was committed to it, or it is
// too short for its header, which Err tells. It is to be asked before Next.
func (p *Page) Empty() bool { return p.next >= len(p.page) }

// Time is the time stamp of the current event, in units of the trace's clock.
// After Skip it is that of the last event that was passed over, before Next that
// of the page.
func (p *Page) Time() uint64 { return p.last }

// Back is where the time first went back within what was walked of the page, if it
// did. Only an absolute time stamp can do that. The kernel's never does: it is taken
// after the events before it (kernel/trace/ring_buffer.c, __rb_reserve_next). So
// the time of the page or that stamp is damaged.
func (p *Page) Back() (from, to uint64, ok bool) { return p.back[0], p.back[1], p.back[0] != p.back[1] }

// stamp takes an absolute time stamp after that time, and returns it as a whole.
func (p *Page) stamp(stamp, before uint64) uint64 {
	at := absolute(stamp, before)
	if at < before && p.back[0] == p.back[1] {
		p.back = [2]uint64{before, at}
	}
	return at
}

// Data is the current event's record, rounded up to whole words as the buffer
// stores it. It aliases the page, and its capacity goes as far as that of buf.
func (p *Page) Data() []byte { return p.page[p.dataOff:p.dataEnd] }

// Offset is the offset within the page of the current event's data.
func (p *Page) Offset() int { return p.dataOff }

// Err returns what was wrong with the page, nil if nothing was.
func (p *Page) Err() error {
	switch {
	case p.clampedErr != nil: // the cause of whatever else went wrong
		return p.clampedErr
	case p.err != nil:
		return p.err
	}
	return nil
}

// Next advances to the next event. It is false at the end of the page and
// where the page turns out to be damaged.
func (p *Page) Next() bool {
	for p.err == nil && p.next+headerSize <= len(p.page) {
		at := p.next
		typeLen, delta := p.header(at)
		if typeLen > 0 && typeLen < typePadding { // by far the most frequent
			p.time += delta
			return p.found(at, at+headerSize, int(typeLen)*4)
		}
		word, ok := p.word(at + headerSize)
		if !ok {
			// Padding without a length may end the page with its header alone.
			if typeLen != typePadding {
				p.fail(at, "event header without its length")
			}
			return false
		}
		switch typeLen {
		case typeData:
			p.time += delta
			if word == 0 && delta == 0 {
				// Seen in the field: the committed size reaches into a part of
				// the page that was never written.
				return p.fail(at, "zeros instead of an event")
			}
			if word < 4 || uint64(word) > uint64(len(p.page)) {
				return p.fail(at, fmt.Sprintf("event length %d, want 4 to %d", word, len(p.page)))
			}
			return p.found(at, at+2*headerSize, int(word)-4)
		case typePadding:
			if delta == 0 { // nothing after it (rb_null_event)
				p.next = len(p.page)
				return false
			}
			// a discarded event: its time still counts
			p.time += delta
			if room := len(p.page) - at - headerSize; uint64(word) > uint64(room) {
				return p.fail(at, fmt.Sprintf("discarded event of %d bytes, the data ends after %d", word, room))
			}
			p.next = at + headerSize + align4(int(word))
		case typeTimeExtend:
			p.time += delta + uint64(word)<<deltaShift
			p.next = at + 2*headerSize
		case typeTimeStamp:
			p.time = p.stamp(delta+uint64(word)<<deltaShift, p.time)
			p.next = at + 2*headerSize
		}
	}
	return false
}

// absolute completes a 59-bit absolute time stamp with the upper bits of the
// time before it (kernel/trace/ring_buffer.c, rb_fix_abs_ts).
func absolute(abs, before uint64) uint64 {
	if msb := before & tsMSB; msb != 0 {
		abs |= msb
		if abs < before { // the lower bits wrapped
			abs += 1 << 59
		}
	}
	return abs
}

func (p *Page) header(at int) (typeLen, delta uint64) {
	b := p.page[at : at+headerSize]
	if p.big {
		w := binary.BigEndian.Uint32(b)
		return uint64(w >> deltaShift), uint64(w & deltaMask)
	}
	w := binary.LittleEndian.Uint32(b)
	return uint64(w & 31), uint64(w >> 5)
}

func (p *Page) word(at int) (uint32, bool) {
	if at+4 > len(p.page) {
		return 0, false
	}
	if p.big {
		return binary.BigEndian.Uint32(p.page[at:]), true
	}
	return binary.LittleEndian.Uint32(p.page[at:]), true
}

func (p *Page) found(at, data, length int) bool {
	end := data + align4(length)
	if end > len(p.page) {
		return p.fail(at, fmt.Sprintf("event of %d bytes, the data ends after %d", length, len(p.page)-data))
	}
	p.dataOff, p.dataEnd, p.next = data, end, end
	p.last = p.time
	return true
}

func (p *Page) fail(at int, msg string) bool {
	p.err = &PageError{at, msg}
	return false
}

func align4(n int) int { return (n + 3) &^ 3 }
