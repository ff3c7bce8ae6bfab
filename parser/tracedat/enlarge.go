package tracedat

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/parser/ringbuf"
)

const (
	// enlargedChunk is how many pages trace-cmd puts into a compressed chunk.
	enlargedChunk = 10
	// roundGap is the time between two rounds, in units of the trace's clock.
	roundGap = 1_000_000
)

// Enlarge writes a version 7 trace.dat with the events of src over and over:
// its pages as they are, each round's times behind those of the round before,
// until all pages together have at least size bytes. It is for measuring on
// files of any size that hold what real recordings hold. It returns the number
// of rounds.
//
// compression is "none" or "zstd". src must be whole and of version 7. Sections
// that no reader of events needs are left out. path names src in errors.
func Enlarge(dst io.WriteSeeker, src io.ReaderAt, srcSize, size int64, path, compression string) (rounds int, err error) {
	f, err := open(src, srcSize, path, Options{})
	if err != nil {
		return 0, err
	}
	defer f.unpack.close()
	switch {
	case f.damage != nil:
		return 0, f.damage
	case len(f.flaws) > 0:
		return 0, f.flaws[0]
	case f.version != 7:
		return 0, fmt.Errorf("%s: version %d: want a file of version 7", path, f.version)
	case f.latency.present:
		return 0, f.textError()
	}
	e := &enlarger{f: f, dst: dst, pages: ringbuf.Layout{Header: f.header, BigEndian: f.bigEndian}, first: math.MaxUint64}
	switch compression {
	case "none":
	case "zstd":
		if e.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault)); err != nil {
			return 0, err
		}
	default:
		return 0, fmt.Errorf("compression %q: want none or zstd", compression)
	}
	if err := e.readPages(); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	rounds = int((size + e.bytes - 1) / e.bytes)
	e.write(compression, rounds)
	if e.err != nil {
		return 0, e.err
	}
	return rounds, nil
}

// An enlarger writes one file. err is the first error, behind which nothing is
// written any more.
type enlarger struct {
	f     *file
	dst   io.WriteSeeker
	pages ringbuf.Layout
	zstd  *zstd.Encoder // nil: not compressed
	cpus  [][]byte      // the pages of each CPU of all buffers, in their order
	bytes int64         // of all pages
	// first and last are the times of the first page and of the last event
	first, last uint64

	at  int64 // position in dst
	err error
	buf []byte
}

func (e *enlarger) readPages() error {
	memory := &memory{maxMemory}
	for i := range e.f.buffers {
		b := &e.f.buffers[i]
		for _, d := range b.cpus {
			var pages []byte
			if d.size > 0 {
				cut, err := newCutter(e.f, b, d, blockSize, memory)
				if err != nil {
					return err
				}
				if pages, err = e.unpack(cut); err != nil {
					return err
				}
			}
			for page := range slices.Chunk(pages, b.pageSize) {
				if err := e.look(page); err != nil {
					return fmt.Errorf("CPU %d: %w", d.cpu, err)
				}
			}
			e.cpus = append(e.cpus, pages)
			e.bytes += int64(len(pages))
		}
	}
	if e.bytes == 0 {
		return fmt.Errorf("no events to repeat")
	}
	return nil
}

// unpack returns all of one CPU's pages.
func (e *enlarger) unpack(cut *cutter) ([]byte, error) {
	var pages []byte
	for b := new(block); cut.cut(b); {
		if b.err != nil {
			return nil, b.err
		}
		if b.chunks == nil {
			data := make([]byte, b.size)
			if _, err := e.f.r.ReadAt(data, b.off); err != nil {
				return nil, err
			}
			pages = append(pages, data...)
		}
		for _, c := range b.chunks {
			packed := make([]byte, c.csize)
			if _, err := e.f.r.ReadAt(packed, c.off+chunkHeader); err != nil {
				return nil, err
			}
			data, err := e.f.unpack.unpack(nil, packed, int(c.size))
			if err != nil {
				return nil, err
			}
			pages = append(pages, data...)
		}
	}
	return pages, nil
}

// look takes the times of a page, which must be whole.
func (e *enlarger) look(buf []byte) error {
	var page ringbuf.Page
	page.Reset(&e.pages, buf)
	e.first = min(e.first, page.Time())
	for page.Next() {
		e.last = max(e.last, page.Time())
	}
	return page.Err()
}

// write writes the file: header, sections, trace data, and the options that
// name them all.
func (e *enlarger) write(compression string, rounds int) {
	e.bytesOf([]byte(Magic + "7\x00"))
	// the long of the recording program, which readers need not look at
	e.bytesOf([]byte{map[bool]byte{true: 1}[e.f.bigEndian], 8})
	e.u32(uint32(e.f.pageSize))
	e.bytesOf([]byte(compression + "\x00" + "\x00"))
	optionsAt := e.at
	e.u64(0)
	options := e.copySections()
	n := 0
	for i := range e.f.buffers {
		b := &e.f.buffers[i]
		cpus := e.cpus[n : n+len(b.cpus)]
		n += len(b.cpus)
		options = append(options, e.writeBuffer(b, cpus, rounds))
	}
	start := e.at
	e.section(optDone, 0)
	for _, o := range options {
		e.option(o)
	}
	e.option(rawOption{optDone, make([]byte, 8)})
	e.endSection(start)
	e.patch(optionsAt, uint64(start))
}

// A rawOption is an option as the file has it.
type rawOption struct {
	id   uint16
	data []byte
}

// copySections writes the sections that describe events and returns the options
// of the new file but for its buffers.
func (e *enlarger) copySections() []rawOption {
	var out []rawOption
	for next := e.f.options; next != 0 && e.err == nil; {
		s, err := e.f.sectionAt(next, optDone, "options")
		e.fail(err)
		c, err := e.f.sectionCursor(s, "options")
		if e.fail(err); e.err != nil {
			return nil
		}
		next = 0
		for c.err == nil && c.left() > 0 {
			id := c.u16("option id")
			data := c.block(uint64(c.u32("option size")), maxOptions, "option")
			switch {
			case c.err != nil:
			case id == optDone:
				next = int64(e.f.order.Uint64(data))
			case id >= optHeaderInfo && id <= optCmdlines:
				out = append(out, e.copySection(int(id), int64(e.f.order.Uint64(data))))
			case id != optBuffer && id < optStrings:
				out = append(out, rawOption{id, data})
			}
		}
		e.fail(c.err)
	}
	return out
}

// copySection writes a section without compression.
func (e *enlarger) copySection(id int, off int64) rawOption {
	s, err := e.f.sectionAt(off, id, optionName(id))
	e.fail(err)
	start := e.at
	if e.err == nil {
		c, err := e.f.sectionCursor(s, optionName(id))
		e.fail(err)
		if e.err == nil {
			e.section(uint16(id), 0)
			e.bytesOf(c.block(uint64(c.left()), maxSection, optionName(id)))
			e.endSection(start)
			e.fail(c.err)
		}
	}
	return rawOption{uint16(id), e.order().AppendUint64(nil, uint64(start))}
}

func (e *enlarger) writeBuffer(b *buffer, cpus [][]byte, rounds int) rawOption {
	order := e.order()
	start := e.at
	flags := uint16(0)
	if e.zstd != nil {
		flags = 1
	}
	e.section(optBuffer, flags)
	data := order.AppendUint64(nil, uint64(start))
	data = append(append(append(append(data, b.name...), 0), b.clock...), 0)
	data = order.AppendUint32(data, uint32(b.pageSize))
	data = order.AppendUint32(data, uint32(len(cpus)))
	for i, pages := range cpus {
		if len(pages) > 0 {
			e.align(int64(e.f.pageSize)) // trace-cmd maps the pages
		}
		off := e.at
		for round := 0; round < rounds && len(pages) > 0; round++ {
			if round == 0 && e.zstd != nil {
				chunks := (len(pages)/b.pageSize + enlargedChunk - 1) / enlargedChunk
				e.u32(uint32(chunks * rounds))
			}
			e.writeRound(pages, b.pageSize, uint64(round)*(e.last-e.first+roundGap))
		}
		data = order.AppendUint32(data, uint32(b.cpus[i].cpu))
		data = order.AppendUint64(data, uint64(off))
		data = order.AppendUint64(data, uint64(e.at-off))
	}
	e.endSection(start)
	return rawOption{optBuffer, data}
}

// writeRound writes one CPU's pages with later times.
func (e *enlarger) writeRound(pages []byte, pageSize int, later uint64) {
	for chunk := range slices.Chunk(pages, enlargedChunk*pageSize) {
		e.buf = append(e.buf[:0], chunk...)
		for page := range slices.Chunk(e.buf, pageSize) {
			e.pages.Shift(page, later)
		}
		if e.zstd == nil {
			e.bytesOf(e.buf)
			continue
		}
		packed := e.zstd.EncodeAll(e.buf, nil)
		e.u32(uint32(len(packed)))
		e.u32(uint32(len(e.buf)))
		e.bytesOf(packed)
	}
}

// ---- the container ----

func (e *enlarger) order() binary.AppendByteOrder {
	if e.f.bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (e *enlarger) fail(err error) {
	if e.err == nil {
		e.err = err
	}
}

func (e *enlarger) bytesOf(b []byte) {
	if e.err != nil {
		return
	}
	n, err := e.dst.Write(b)
	e.at += int64(n)
	e.fail(err)
}

func (e *enlarger) u16(v uint16) { e.bytesOf(e.order().AppendUint16(nil, v)) }
func (e *enlarger) u32(v uint32) { e.bytesOf(e.order().AppendUint32(nil, v)) }
func (e *enlarger) u64(v uint64) { e.bytesOf(e.order().AppendUint64(nil, v)) }

// align pads to a multiple of n.
func (e *enlarger) align(n int64) { e.bytesOf(make([]byte, (n-e.at%n)%n)) }

// section writes a section's header, whose size endSection fills in.
func (e *enlarger) section(id, flags uint16) {
	e.u16(id)
	e.u16(flags)
	e.u32(0) // no description
	e.u64(0)
}

func (e *enlarger) endSection(start int64) {
	e.patch(start+sectionHeaderSize-8, uint64(e.at-start-sectionHeaderSize))
}

func (e *enlarger) option(o rawOption) {
	e.u16(o.id)
	e.u32(uint32(len(o.data)))
	e.bytesOf(o.data)
}

// patch fills in a number that was left open.
func (e *enlarger) patch(at int64, v uint64) {
	if e.err != nil {
		return
	}
	end := e.at
	_, err := e.dst.Seek(at, io.SeekStart)
	e.fail(err)
	e.u64(v)
	_, err = e.dst.Seek(end, io.SeekStart)
	e.fail(err)
	e.at = end
}
