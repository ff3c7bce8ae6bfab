package perfdata

import (
	"errors"
	"fmt"
	"io"
)

// Types of records: those below 64 come from the kernel, or look so
// (include/uapi/linux/perf_event.h, enum perf_event_type); the others are perf's
// own (tools/lib/perf/include/perf/event.h).
const (
	recMMAP        = 1
	recLOST        = 2
	recCOMM        = 3
	recEXIT        = 4
	recTHROTTLE    = 5
	recUNTHROTTLE  = 6
	recFORK        = 7
	recSAMPLE      = 9
	recMMAP2       = 10
	recAUX         = 11
	recSWITCH      = 14
	recSWITCHCPU   = 15
	recLOSTSAMPLES = 13
	recKSYMBOL     = 17
	recPerf        = 64 // the first one of perf's own
	recATTR        = 64
	recTRACING     = 66
	recBUILDID     = 67
	recROUND       = 68
	recIDINDEX     = 69
	recAUXTRACE    = 71
	recUPDATE      = 78
	recFEATURE     = 80
	recCOMPRESSED  = 81
	recINITDONE    = 82
	recCOMPRESSED2 = 83
)

const (
	headerSize = 8
	miscKernel = 1
	// miscDropped on a LOST_SAMPLES: a filter dropped them.
	miscDropped = 1 << 15
	// miscBuildID on a MMAP2: it has a build-id in place of an inode.
	miscBuildID = 1 << 14
	maxRecord   = 1 << 16
	// maxCPU bounds CPU numbers. Linux allows 8192; a larger one is damage.
	maxCPU = 1 << 16
	// blockSize is how much is read at once.
	blockSize = 512 << 10
)

// An outer reads the records of one file as they are stored.
type outer struct {
	r    io.Reader
	buf  []byte
	pos  int   // of the next record
	off  int64 // of buf[0] in the file
	left int64 // bytes of the data after buf
	live bool  // what has come is not to wait for more
	err  error // why there is no more; io.EOF at the end
}

// fill reads more. It is false if there is no more.
func (o *outer) fill() bool {
	if o.err != nil {
		return false
	}
	if o.pos > 0 {
		n := copy(o.buf, o.buf[o.pos:])
		o.off += int64(o.pos)
		o.buf, o.pos = o.buf[:n], 0
	}
	had := len(o.buf)
	if want := int(min(blockSize+maxRecord, int64(had)+o.left)); cap(o.buf) < want {
		o.buf = append(make([]byte, 0, want), o.buf...)
	}
	for len(o.buf) < blockSize && o.err == nil {
		room := o.buf[len(o.buf):min(cap(o.buf), blockSize)]
		if int64(len(room)) > o.left {
			room = room[:o.left]
		}
		if len(room) == 0 {
			o.err = io.EOF
			break
		}
		n, err := o.r.Read(room)
		o.buf, o.left, o.err = o.buf[:len(o.buf)+n], o.left-int64(n), err
		if n > 0 && o.live {
			break
		}
	}
	return len(o.buf) > had
}

// need makes sure that n bytes are there after pos.
func (o *outer) need(n int) bool {
	for len(o.buf)-o.pos < n {
		if !o.fill() {
			return false
		}
	}
	return true
}

// take returns n bytes that may be many; nil if they are not there.
func (o *outer) take(n int) []byte {
	b := make([]byte, 0, min(n, blockSize))
	for len(b) < n {
		if !o.need(1) {
			return nil
		}
		part := o.buf[o.pos:min(len(o.buf), o.pos+n-len(b))]
		b = append(b, part...)
		o.pos += len(part)
	}
	return b
}

// discard passes over n bytes.
func (o *outer) discard(n uint64) bool {
	for n > 0 {
		if !o.need(1) {
			return false
		}
		part := min(n, uint64(len(o.buf)-o.pos))
		o.pos += int(part)
		n -= part
	}
	return true
}

// at is the position of the next record in the file.
func (o *outer) at() int64 { return o.off + int64(o.pos) }

// cut makes b the next run of records, whole ones that come from the kernel or
// say that a round is over. What describes the recording is taken on the way. It
// is false at the end.
func (st *stream) cut(b *batch) bool {
	for {
		if st.inflate != nil {
			return st.cutInflated(b)
		}
		o := &st.outer
		n := st.run(o.buf[o.pos:])
		if n > 0 {
			st.hand(b, n)
			return true
		}
		if st.broken {
			return false
		}
		if more, err := st.special(); err != nil {
			st.fail(o.at(), err)
			return false
		} else if !more {
			return false
		}
	}
}

// hand moves the next n bytes into b. The memory is exchanged, so that only what
// is after them has to be copied.
func (st *stream) hand(b *batch, n int) {
	o := &st.outer
	whole, rest := o.buf, o.buf[o.pos+n:]
	spare := b.mem
	if want := int(min(blockSize+maxRecord, int64(len(rest))+o.left)); cap(spare) < want {
		spare = make([]byte, 0, want)
	}
	b.mem, b.data, b.off = whole, whole[o.pos:o.pos+n], o.at()
	o.off += int64(o.pos + n)
	o.buf, o.pos = append(spare[:0], rest...), 0
}

// run is how many bytes at the begin of p are records that need no look here.
func (st *stream) run(p []byte) int {
	order, at := st.src.order, 0
	for len(p)-at >= headerSize {
		typ, size := order.Uint32(p[at:]), int(order.Uint16(p[at+6:]))
		if wrongHeader(typ, size) != nil {
			break
		}
		if size > len(p)-at || typ >= recPerf && isSpecial(typ) {
			break
		}
		switch typ {
		case recSAMPLE, recROUND, recINITDONE:
			st.began = true
		case recMMAP, recMMAP2, recKSYMBOL:
			st.src.mapRecord(typ, p[at:at+size])
		}
		at += size
	}
	return at
}

// The types of records, with room for more. Linux 7.2 has 1 to 22, its perf 64 to
// 84; what is far beyond is no header, but what stands where a wrong size led.
const (
	lastKernelType = 31
	lastPerfType   = 127
)

var (
	errShort    = errors.New("a record is said to have less than 8 bytes, which its header has: nothing after it can be read")
	errType     = errors.New("no record has such a type: this is no record (damaged, or another file begins here?): nothing after it can be read")
	errUnevenly = errors.New("a record of the kernel does not have a multiple of 8 bytes: nothing after it can be read")
)

// wrongHeader is what is wrong with the header of a record, nil if nothing is. The
// sizes are all that leads from one record to the next.
func wrongHeader(typ uint32, size int) error {
	switch {
	case size < headerSize:
		return errShort
	case typ == 0, typ > lastKernelType && typ < recPerf, typ > lastPerfType:
		return errType
	case typ < recPerf && size%8 != 0: // include/uapi/linux/perf_event.h: all have whole u64
		return errUnevenly
	}
	return nil
}

// isSpecial tells the records of perf that describe the recording, or whose body
// is to be taken apart.
func isSpecial(typ uint32) bool {
	switch typ {
	case recATTR, recTRACING, recBUILDID, recIDINDEX, recAUXTRACE, recUPDATE, recFEATURE, recCOMPRESSED, recCOMPRESSED2:
		return true
	}
	return false
}

var errCut = errors.New("the recording ends within a record (cut off, or the recorder was killed?)")

// special takes the next record, which is one of perf's own that matter, or reads
// more. It is false at the end.
func (st *stream) special() (more bool, err error) {
	o := &st.outer
	rec, err := st.readRecord()
	if rec == nil {
		return false, err
	}
	switch typ := st.src.order.Uint32(rec); {
	case typ == recCOMPRESSED || typ == recCOMPRESSED2:
		o.pos -= len(rec) // the inflater begins with it
		return true, st.startInflate()
	case typ >= recPerf && isSpecial(typ):
		return true, st.describe(typ, rec)
	}
	o.pos -= len(rec) // a run
	return true, nil
}

// readRecord returns the next record, nil at the end. It is valid until more is read.
func (st *stream) readRecord() ([]byte, error) {
	o := &st.outer
	if !o.need(headerSize) {
		return nil, o.ended(st)
	}
	typ, size := st.src.order.Uint32(o.buf[o.pos:]), int(st.src.order.Uint16(o.buf[o.pos+6:]))
	if err := wrongHeader(typ, size); err != nil {
		return nil, err
	}
	if !o.need(size) {
		return nil, o.ended(st)
	}
	o.pos += size
	return o.buf[o.pos-size : o.pos], nil
}

// ended is what is wrong with the end, nil if nothing is.
func (o *outer) ended(st *stream) error {
	switch {
	case o.err != nil && o.err != io.EOF:
		return o.err
	case len(o.buf) > o.pos, o.left > 0 && st.sized:
		return errCut
	}
	return nil
}

// describe takes what a record of perf says of the recording.
func (st *stream) describe(typ uint32, rec []byte) error {
	s, o := st.src, &st.outer
	body := &reader{rec[headerSize:], s.order}
	switch typ {
	case recATTR:
		return s.attrRecord(rec)
	case recTRACING:
		// the blob lies after the record, padded to 8 bytes
		n := uint64(body.u32()+7) &^ 7
		if n > maxSection {
			return fmt.Errorf("the formats of the events are said to have %d bytes, want at most %d", n, maxSection)
		}
		blob := o.take(int(n))
		if blob == nil {
			return errCut
		}
		s.change()
		s.readFormats(blob)
	case recAUXTRACE:
		n := body.u64()
		s.aux += n
		if !o.discard(n) {
			return errCut
		}
	case recBUILDID:
		s.buildIDRecord(rec)
	case recIDINDEX:
		s.idIndex(body)
	case recUPDATE:
		if kind, id := body.u64(), body.u64(); kind == 2 {
			if i := s.dir.attrOf(id); i >= 0 {
				s.dir.attrs[i].name = cstring(body.b)
			}
		}
	case recFEATURE:
		if f := body.u64(); f <= lastFeature && s.wantsFeature(int(f)) {
			s.change()
			s.feature(int(f), body.b)
		}
	}
	return nil
}

// attrRecord takes an opened event of a pipe: its attributes and ids.
func (s *Source) attrRecord(rec []byte) error {
	body := rec[headerSize:]
	if len(body) < attrSmallest {
		return fmt.Errorf("the attributes of an event have %d bytes, want at least %d", len(body), attrSmallest)
	}
	size := s.order.Uint32(body[4:])
	if size < attrSmallest || int(size) > len(body) {
		return fmt.Errorf("the attributes of an event are said to have %d bytes, want %d to %d", size, attrSmallest, len(body))
	}
	if len(s.dir.attrs) >= maxAttrs {
		return fmt.Errorf("more than %d opened events", maxAttrs)
	}
	s.addAttr(parseAttr(body[:size], s.order), idsOf(body[size:], s.order))
	return nil
}

// idIndex tells the CPUs of ids. Those of a guest stand in a second list.
func (s *Source) idIndex(r *reader) {
	s.change()
	n := r.u64()
	n = min(n, uint64(len(r.b)/32))
	ids := make([]uint64, 0, n)
	for range n {
		id := r.u64()
		r.u64()
		cpu, tid := int64(r.u64()), int64(r.u64())
		if cpu >= 0 && cpu < maxCPU {
			s.dir.cpuOf[id] = int32(cpu)
		}
		s.coverage.add(s.dir, id, cpu, tid)
		ids = append(ids, id)
	}
	for _, id := range ids {
		if len(r.b) < 16 {
			return
		}
		if machine := r.u64(); machine != 0 {
			s.dir.guests[id] = true
		}
		r.u64()
	}
}
