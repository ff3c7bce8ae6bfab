package tracedat

import (
	"fmt"
	"io"

	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
)

// Parts are what a whole file of version 7 is made of, to write another one of
// it (datfile.Writer).
type Parts struct {
	Header datfile.Header
	Layout ringbuf.Layout // of the pages
	// Options are those that readers of events need, in their order. One that
	// names a section has the section's content. Buffers are not among them.
	Options []datfile.Option
	Buffers []PartsBuffer
}

// A PartsBuffer is the trace data of an instance.
type PartsBuffer struct {
	datfile.Buffer
	CPUs []PartsCPU
}

// A PartsCPU has the pages of a CPU, one after the other.
type PartsCPU struct {
	CPU   int
	Pages []byte
}

// TakeApart reads all of a file of version 7 into memory. The file must be
// whole. path names it in errors.
func TakeApart(r io.ReaderAt, size int64, path string) (*Parts, error) {
	f, err := open(r, size, path, Options{})
	if err != nil {
		return nil, err
	}
	defer f.unpack.close()
	switch {
	case f.damage != nil:
		return nil, f.damage
	case len(f.flaws) > 0:
		return nil, f.flaws[0]
	case f.version != 7:
		return nil, fmt.Errorf("%s: version %d: want a file of version 7", path, f.version)
	case f.latency.present:
		return nil, f.textError()
	}
	p := &Parts{
		Header: datfile.Header{Version: 7, BigEndian: f.bigEndian, Long: int(f.header.CommitSize), PageSize: f.pageSize},
		Layout: ringbuf.Layout{Header: f.header, BigEndian: f.bigEndian},
	}
	if err := p.readOptions(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for i := range f.buffers {
		b := &f.buffers[i]
		part := PartsBuffer{Buffer: datfile.Buffer{Name: b.name, Clock: b.clock, PageSize: b.pageSize}}
		for _, d := range b.cpus {
			pages, err := f.pagesOf(b, d)
			if err != nil {
				return nil, fmt.Errorf("%s: CPU %d: %w", path, d.cpu, err)
			}
			part.CPUs = append(part.CPUs, PartsCPU{d.cpu, pages})
		}
		p.Buffers = append(p.Buffers, part)
	}
	return p, nil
}

// readOptions follows the chain of options, which was read once without a fault.
func (p *Parts) readOptions(f *file) error {
	for next := f.options; next != 0; {
		c, err := f.content(next, optDone)
		if err != nil {
			return err
		}
		next = 0
		for c.err == nil && c.left() > 0 {
			o := datfile.Option{ID: c.u16("option id"), Data: c.block(uint64(c.u32("option size")), maxOptions, "option")}
			switch id := int(o.ID); {
			case c.err != nil:
				return c.err
			case id == optDone:
				next = int64(f.order.Uint64(o.Data))
			case id >= optHeaderInfo && id <= optCmdlines:
				s, err := f.content(int64(f.order.Uint64(o.Data)), id)
				if err != nil {
					return err
				}
				o.Data = s.block(uint64(s.left()), maxSection, optionName(id))
				if s.err != nil {
					return s.err
				}
				p.Options = append(p.Options, o)
			case id != optBuffer && id < optStrings:
				p.Options = append(p.Options, o)
			}
		}
	}
	return nil
}

// content returns a cursor over the section at off.
func (f *file) content(off int64, id int) (*cursor, error) {
	s, err := f.sectionAt(off, id, optionName(id))
	if err != nil {
		return nil, err
	}
	return f.sectionCursor(s, optionName(id))
}

// pagesOf returns all pages of one CPU.
func (f *file) pagesOf(buf *buffer, d cpuData) ([]byte, error) {
	if d.size == 0 {
		return nil, nil
	}
	cut, err := newCutter(f, buf, d, blockSize, &memory{maxMemory})
	if err != nil {
		return nil, err
	}
	var pages []byte
	for b := new(block); cut.cut(b); {
		if b.err != nil {
			return nil, b.err
		}
		if b.chunks == nil {
			data := make([]byte, b.size)
			if _, err := f.r.ReadAt(data, b.off); err != nil {
				return nil, err
			}
			pages = append(pages, data...)
		}
		for _, c := range b.chunks {
			packed := make([]byte, c.csize)
			if _, err := f.r.ReadAt(packed, c.off+chunkHeader); err != nil {
				return nil, err
			}
			data, err := f.unpack.unpack(nil, packed, int(c.size))
			if err != nil {
				return nil, err
			}
			pages = append(pages, data...)
		}
	}
	return pages, nil
}
