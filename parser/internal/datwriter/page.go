package datwriter

import "fmt"

// An Event is a record and its time.
type Event struct {
	Time   uint64
	Record []byte
	// Absolute writes the time as an absolute time stamp.
	Absolute bool
	// Missed begins a new page that says that events were lost before it: how
	// many, or -1 if their number is not known.
	Missed int
}

// Event types that are not a length (include/linux/ring_buffer.h).
const (
	typeTimeExtend = 30
	typeTimeStamp  = 31
)

// Pages lays out events, which are in order of time.
func (f *File) Pages(events []Event) [][]byte { return f.SubBuffers(f.PageSize, events) }

// SubBuffers lays out events in pages of another size than the file's.
func (f *File) SubBuffers(pageSize int, events []Event) [][]byte {
	var out [][]byte
	p := pageWriter{File: f, size: pageSize}
	for i := range events {
		e := &events[i]
		if p.b == nil || e.Missed != 0 || !p.fits(e) {
			out = p.flush(out)
			p.start(e)
		}
		p.event(e)
	}
	return p.flush(out)
}

type pageWriter struct {
	*File
	size   int    // of a page
	b      []byte // of the current page, nil before the first one
	time   uint64
	missed int
}

func (p *pageWriter) start(e *Event) {
	p.time, p.missed = e.Time, e.Missed
	p.b = p.Order().AppendUint64(p.b[:0:0], e.Time)
	p.b = append(p.b, make([]byte, p.Long)...)
}

// fits reports whether e has room at its largest, and a count of lost events
// after it.
func (p *pageWriter) fits(e *Event) bool {
	return len(p.b)+16+(len(e.Record)+3)&^3+p.Long <= p.size
}

func (p *pageWriter) header(typeLen uint32, delta uint64) {
	v := typeLen | uint32(delta)<<5
	if p.BigEndian {
		v = typeLen<<27 | uint32(delta)
	}
	p.b = p.Order().AppendUint32(p.b, v)
}

func (p *pageWriter) event(e *Event) {
	delta := e.Time - p.time
	p.time = e.Time
	switch {
	case e.Absolute:
		p.header(typeTimeStamp, e.Time&(1<<27-1))
		p.b = p.Order().AppendUint32(p.b, uint32(e.Time>>27))
		delta = 0
	case delta >= 1<<27:
		p.header(typeTimeExtend, delta&(1<<27-1))
		p.b = p.Order().AppendUint32(p.b, uint32(delta>>27))
		delta = 0
	}
	if n := len(e.Record); n > 0 && n <= 28*4 && n%4 == 0 {
		p.header(uint32(n/4), delta)
	} else {
		p.header(0, delta)
		p.b = p.Order().AppendUint32(p.b, uint32(n+4))
	}
	p.b = append(p.b, e.Record...)
	for len(p.b)%4 != 0 {
		p.b = append(p.b, 0)
	}
	if len(p.b) > p.size {
		panic(fmt.Sprintf("a record of %d bytes does not fit a page", len(e.Record)))
	}
}

func (p *pageWriter) flush(out [][]byte) [][]byte {
	if p.b == nil {
		return out
	}
	commit := uint64(len(p.b) - 8 - p.Long)
	page := append([]byte(nil), p.b...)
	if p.missed != 0 {
		commit |= 1 << 31
	}
	if p.missed > 0 {
		commit |= 1 << 30
		page = p.long(page, uint64(p.missed))
	}
	copy(page[8:], p.long(nil, commit))
	return append(out, append(page, make([]byte, p.size-len(page))...))
}

// long appends a number of the kernel's long.
func (f *File) long(b []byte, v uint64) []byte {
	if f.Long == 8 {
		return f.Order().AppendUint64(b, v)
	}
	return f.Order().AppendUint32(b, uint32(v))
}
