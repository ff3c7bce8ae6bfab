package tracefs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// pages is the image with the files of all CPUs after it, each at an offset of
// its own.
type pages struct {
	head  []byte
	files []pageFile
	notes []string
}

type pageFile struct {
	cpu       int
	f         *os.File
	off, size int64
	// head is what stands at the begin of the file instead of what is there: the
	// number of chunks, which a recorder fills in at its end; nil if there are none.
	head []byte
	big  bool // of a file of chunks: the byte order of their sizes
}

// chunkHeader is the size of a chunk and of its pages, 32 bits each, as in a
// trace.dat of version 7; countSize is their number in front of them.
const (
	chunkHeader = 8
	countSize   = 4
)

// countChunks finds the whole chunks of a file. cut is how many bytes are after
// them. Sizes tell their byte order by leading from one chunk to the next.
func (p *pageFile) countChunks() (cut int64, err error) {
	n, end, err := p.walkChunks(binary.LittleEndian)
	if err != nil {
		return 0, err
	}
	order := binary.AppendByteOrder(binary.LittleEndian)
	if nBig, endBig, err := p.walkChunks(binary.BigEndian); err == nil && endBig > end {
		n, end, order, p.big = nBig, endBig, binary.BigEndian, true
	}
	cut = max(p.size-end, 0)
	p.head, p.size = order.AppendUint32(nil, n), end
	if n == 0 {
		p.size = 0
	}
	return cut, nil
}

// walkChunks follows the chunks from the first one to where they end.
func (p *pageFile) walkChunks(order binary.ByteOrder) (n uint32, end int64, err error) {
	for end = countSize; ; n++ {
		var h [chunkHeader]byte
		if m, err := p.f.ReadAt(h[:], end); m < len(h) {
			if err == io.EOF {
				err = nil
			}
			return n, end, err
		}
		csize, size := order.Uint32(h[:]), order.Uint32(h[4:])
		next := end + chunkHeader + int64(csize)
		if csize == 0 || size == 0 || next > p.size {
			return n, end, nil
		}
		end = next
	}
}

func openPages(list []cpuPages) (*pages, error) {
	p := &pages{}
	off := int64(0)
	total := int64(0)
	for _, c := range list {
		f, err := os.Open(c.path)
		if err != nil {
			p.close()
			return nil, err
		}
		st, err := f.Stat()
		if err != nil {
			f.Close()
			p.close()
			return nil, err
		}
		file := pageFile{cpu: c.cpu, f: f, off: off, size: st.Size()}
		if c.chunks {
			cut, err := file.countChunks()
			if err != nil {
				f.Close()
				p.close()
				return nil, err
			}
			if cut > 0 {
				p.notes = append(p.notes, fmt.Sprintf("%s ends in %d bytes that are no whole chunk: they were left out", c.path, cut))
			}
		}
		p.files = append(p.files, file)
		off += file.size
		total += file.size
	}
	if total == 0 {
		p.close()
		if len(list) > 0 && list[0].chunks {
			return nil, errors.New("a recording that did not come to its end: its recorder had written no events by then")
		}
		return nil, errors.New("no raw pages: the files trace_pipe_raw are missing or empty (in tracefs itself they always seem so: copy their content first)")
	}
	return p, nil
}

func (p *pages) close() error {
	var errs []error
	for _, f := range p.files {
		errs = append(errs, f.f.Close())
	}
	return errors.Join(errs...)
}

// cpus is the number of CPUs that the image's directory lists.
func (p *pages) cpus() int { return p.files[len(p.files)-1].cpu + 1 }

// packed reports whether the pages are in compressed chunks.
func (p *pages) packed() bool { return p.files[0].head != nil }

// directory lists where the pages of each CPU are.
func (p *pages) directory() []datfile.Data {
	var all []datfile.Data
	for _, f := range p.files {
		all = append(all, datfile.Data{CPU: f.cpu, Off: f.off, Size: f.size})
	}
	return all
}

func (p *pages) size() int64 {
	last := p.files[len(p.files)-1]
	return last.off + last.size
}

// shift moves the pages after a head.
func (p *pages) shift(by int64) {
	for i := range p.files {
		p.files[i].off += by
	}
}

// ReadAt implements io.ReaderAt.
func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		at := off + int64(n)
		switch f := p.fileAt(at); {
		case at < int64(len(p.head)):
			n += copy(b[n:], p.head[at:])
		case f != nil:
			m, err := f.readAt(b[n:n+int(min(int64(len(b)-n), f.off+f.size-at))], at-f.off)
			n += m
			if err != nil && (err != io.EOF || m == 0) {
				return n, err
			}
		default:
			return n, io.EOF
		}
	}
	return n, nil
}

func (p *pageFile) readAt(b []byte, off int64) (int, error) {
	n, err := p.f.ReadAt(b, off)
	if off < int64(len(p.head)) {
		copy(b[:n], p.head[off:])
	}
	return n, err
}

func (p *pages) fileAt(at int64) *pageFile {
	for i := range p.files {
		if f := &p.files[i]; at >= f.off && at < f.off+f.size {
			return f
		}
	}
	return nil
}

// bigEndian tells the byte order by the first page: its commit word is a small
// number in one of them only.
func (p *pages) bigEndian(h tracefmt.PageHeader) bool {
	if p.packed() {
		return slices.ContainsFunc(p.files, func(f pageFile) bool { return f.big })
	}
	head := make([]byte, h.DataOff)
	for _, f := range p.files {
		if n, _ := f.f.ReadAt(head, 0); n < len(head) {
			continue
		}
		little, _ := tracefmt.Integer(head, h.CommitOff, h.CommitSize, false)
		big, _ := tracefmt.Integer(head, h.CommitOff, h.CommitSize, true)
		if isCommit(little) != isCommit(big) {
			return isCommit(big)
		}
	}
	return false
}

// isCommit reports whether a commit word states less than the largest
// sub-buffer, below the two flags of kernel/trace/ring_buffer.c (RB_MISSED_*).
func isCommit(v uint64) bool { return v&^(3<<30) <= 32<<20 }
