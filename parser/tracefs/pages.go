package tracefs

import (
	"errors"
	"io"
	"os"

	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// pages is the image with the files of all CPUs behind it, each at an offset of
// its own.
type pages struct {
	head  []byte
	files []pageFile
}

type pageFile struct {
	cpu       int
	f         *os.File
	off, size int64
}

// dataAlign is where the pages begin in the image: far behind its head, so that
// offsets are known before the head is built.
const dataAlign = 1 << 40

func openPages(list []cpuPages) (*pages, error) {
	p := &pages{}
	off := int64(dataAlign)
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
		p.files = append(p.files, pageFile{c.cpu, f, off, st.Size()})
		off += st.Size()
		total += st.Size()
	}
	if total == 0 {
		p.close()
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

// directory writes offset and size of each CPU's pages.
func (p *pages) directory(w *image) {
	next := 0
	for cpu := range p.cpus() {
		if next < len(p.files) && p.files[next].cpu == cpu {
			w.u64(p.files[next].off)
			w.u64(p.files[next].size)
			next++
			continue
		}
		w.u64(0)
		w.u64(0)
	}
}

func (p *pages) size() int64 {
	last := p.files[len(p.files)-1]
	return last.off + last.size
}

// ReadAt implements io.ReaderAt. Between the head and the pages are zeros.
func (p *pages) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for n < len(b) {
		at := off + int64(n)
		switch f := p.fileAt(at); {
		case at < int64(len(p.head)):
			n += copy(b[n:], p.head[at:])
		case f != nil:
			m, err := f.f.ReadAt(b[n:n+int(min(int64(len(b)-n), f.off+f.size-at))], at-f.off)
			n += m
			if err != nil && (err != io.EOF || m == 0) {
				return n, err
			}
		case at >= p.size():
			return n, io.EOF
		default:
			m := int(min(int64(len(b)-n), dataAlign-at))
			clear(b[n : n+m])
			n += m
		}
	}
	return n, nil
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
