// Package ring reads the pages of the kernel's trace ring buffers without ever
// waiting for them: a reader that waits makes the CPU that records send itself an
// interrupt (kernel/trace/ring_buffer.c, rb_wakeups).
package ring

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A Reader reads the buffers of an instance, one CPU after the other.
type Reader struct {
	pipes []pipe
	page  []byte
	most  int // pages of one CPU in a turn
}

type pipe struct {
	cpu int
	fd  int
}

// Open opens the buffers of an instance in dir. Pages have pageSize bytes, and a
// turn takes at most turn bytes of each CPU, so that one busy CPU does not keep
// the reader from the others.
func Open(dir string, cpus []int, pageSize, turn int) (*Reader, error) {
	r := &Reader{page: make([]byte, pageSize), most: max(turn/pageSize, 1)}
	for _, cpu := range cpus {
		path := filepath.Join(dir, fmt.Sprintf("per_cpu/cpu%d/trace_pipe_raw", cpu))
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			return nil, errors.Join(&os.PathError{Op: "open", Path: path, Err: err}, r.Close())
		}
		r.pipes = append(r.pipes, pipe{cpu, fd})
	}
	return r, nil
}

// Turn takes what is there of each CPU, a page at a time. A page is valid during
// the call. full lists the CPUs that had more than a turn.
func (r *Reader) Turn(take func(cpu int, page []byte) error) (full []int, err error) {
	for _, p := range r.pipes {
		n := 0
		for ; n < r.most; n++ {
			got, err := unix.Read(p.fd, r.page)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN, err == nil && got == 0:
			case err != nil:
				return nil, fmt.Errorf("reading the buffer of CPU %d: %w", p.cpu, err)
			case got < len(r.page):
				return nil, fmt.Errorf("reading the buffer of CPU %d: %d bytes, want a page of %d", p.cpu, got, len(r.page))
			default:
				if err := take(p.cpu, r.page); err != nil {
					return nil, err
				}
				continue
			}
			break
		}
		if n == r.most {
			full = append(full, p.cpu)
		}
	}
	return full, nil
}

// Close gives the buffers back: while they are open the instance cannot be
// removed.
func (r *Reader) Close() error {
	if r == nil {
		return nil
	}
	var errs []error
	for _, p := range r.pipes {
		errs = append(errs, unix.Close(p.fd))
	}
	r.pipes = nil
	return errors.Join(errs...)
}
