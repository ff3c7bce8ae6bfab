// Package spool keeps what is recorded on disk while it is being recorded, as a
// copy of a tracefs folder that parser/tracefs reads, and makes the trace.dat of
// it at the end. So a recorder that dies loses nothing that it had written.
package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/klauspost/compress/zstd"
)

const (
	// chunk is how many bytes of pages are compressed at once.
	chunk = 64 << 10
	// Chunks is the file of a CPU's compressed pages: their number, which is
	// filled in at the end, and for each chunk its size, that of its pages, and
	// its data, as the trace data of a compressed trace.dat.
	Chunks = "trace_pipe_raw.chunks"
	// Raw is the file of a CPU's pages.
	Raw = "trace_pipe_raw"
)

// A Spool is a folder that is being filled.
type Spool struct {
	dir     string
	zstd    *zstd.Encoder // nil: not compressed
	cpus    []*cpuFile
	byCPU   map[int]*cpuFile
	written int64
	made    bool // the folder is ours to remove
}

// cpuFile is the file of one CPU. What is in it is whole up to end.
type cpuFile struct {
	cpu    int
	f      *os.File
	end    int64
	chunks uint32
	pages  []byte // not written yet
	packed []byte
}

// Suffix makes the name of the folder of that of the file that is wanted.
const Suffix = ".partial"

// Create makes the folder for a file. It must not exist: it would be what is left
// of another recording, or of one that is running.
func Create(file string, compress bool) (*Spool, error) {
	s := &Spool{dir: file + Suffix, byCPU: map[int]*cpuFile{}}
	if err := os.Mkdir(s.dir, 0o777); err != nil {
		if errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("%s is there already: another recorder writes it, or it is left of one that did not end; ipiscope report reads it; move it away, or name another file with -o", s.dir)
		}
		return nil, err
	}
	s.made = true
	if !compress {
		return s, nil
	}
	var err error
	s.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(chunk), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// Dir is the folder.
func (s *Spool) Dir() string { return s.dir }

// Written is the number of bytes of trace data on disk.
func (s *Spool) Written() int64 { return s.written }

// Put writes a file of the description, or writes it anew: whoever reads it
// meanwhile sees the old one or the new one.
func (s *Spool) Put(name string, data []byte) error {
	path := filepath.Join(s.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", data, 0o666); err != nil {
		return errors.Join(err, os.Remove(path+".new"))
	}
	return os.Rename(path+".new", path)
}

// PutPacked is Put of a compressed file, whose name gets the ending .zst.
func (s *Spool) PutPacked(name string, data []byte) error {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	return s.Put(name+".zst", e.EncodeAll(data, nil))
}

// Open makes the files of CPUs.
func (s *Spool) Open(cpus []int) error {
	for _, cpu := range cpus {
		dir := filepath.Join(s.dir, "per_cpu", fmt.Sprintf("cpu%d", cpu))
		if err := os.MkdirAll(dir, 0o777); err != nil {
			return err
		}
		name := Raw
		if s.zstd != nil {
			name = Chunks
		}
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return err
		}
		c := &cpuFile{cpu: cpu, f: f, pages: make([]byte, 0, chunk)}
		s.cpus = append(s.cpus, c)
		s.byCPU[cpu] = c
		if s.zstd != nil {
			if err := s.write(c, make([]byte, 4)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Page takes a page of a CPU; it is copied.
func (s *Spool) Page(cpu int, page []byte) error {
	c := s.byCPU[cpu]
	if len(c.pages)+len(page) > chunk && len(c.pages) > 0 {
		if err := s.flush(c); err != nil {
			return err
		}
	}
	c.pages = append(c.pages, page...)
	return nil
}

// Flush writes what was taken.
func (s *Spool) Flush() error {
	for _, c := range s.cpus {
		if err := s.flush(c); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spool) flush(c *cpuFile) error {
	if len(c.pages) == 0 {
		return nil
	}
	data := c.pages
	if s.zstd != nil {
		// the header is written with the data: a chunk is there or it is not
		c.packed = s.zstd.EncodeAll(c.pages, append(c.packed[:0], make([]byte, 8)...))
		binary.NativeEndian.PutUint32(c.packed, uint32(len(c.packed)-8))
		binary.NativeEndian.PutUint32(c.packed[4:], uint32(len(c.pages)))
		data = c.packed
	}
	if err := s.write(c, data); err != nil {
		return err
	}
	c.chunks++
	c.pages = c.pages[:0]
	return nil
}

// write appends to a file. If that fails the file ends where it did before.
func (s *Spool) write(c *cpuFile, data []byte) error {
	if _, err := c.f.WriteAt(data, c.end); err != nil {
		_ = c.f.Truncate(c.end) // what is behind it is no chunk, and readers see that
		return err
	}
	c.end += int64(len(data))
	s.written += int64(len(data))
	return nil
}

// Each gives the files of the CPUs that have pages, from their beginning, with
// the number of chunks in its place.
func (s *Spool) Each(take func(cpu int, data io.Reader) error) error {
	for _, c := range s.cpus {
		if c.chunks == 0 {
			continue
		}
		if s.zstd != nil {
			if _, err := c.f.WriteAt(binary.NativeEndian.AppendUint32(nil, c.chunks), 0); err != nil {
				return err
			}
		}
		if _, err := c.f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if err := take(c.cpu, &io.LimitedReader{R: c.f, N: c.end}); err != nil {
			return err
		}
	}
	return nil
}

// Empty reports whether nothing was written.
func (s *Spool) Empty() bool {
	return !slices.ContainsFunc(s.cpus, func(c *cpuFile) bool { return c.chunks > 0 })
}

// Close closes the files and leaves the folder.
func (s *Spool) Close() error {
	if s == nil {
		return nil
	}
	var errs []error
	for _, c := range s.cpus {
		errs = append(errs, c.f.Close())
	}
	s.cpus = nil
	return errors.Join(errs...)
}

// Remove closes and removes the folder.
func (s *Spool) Remove() error {
	if s == nil || !s.made {
		return nil
	}
	err := s.Close()
	s.made = false
	return errors.Join(err, os.RemoveAll(s.dir))
}
