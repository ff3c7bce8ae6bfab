package cli

import (
	"context"
	"io"
)

// interruptible returns a reader that ends with ctx's error as soon as ctx is
// done, even if r never returns: a pipe may be silent for hours. What r reads
// after that is lost.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	return &interruptReader{ctx: ctx, r: r, done: make(chan readResult, 1)}
}

type interruptReader struct {
	ctx  context.Context
	r    io.Reader
	done chan readResult
	buf  []byte
	rest []byte
	err  error
}

type readResult struct {
	n   int
	err error
}

func (r *interruptReader) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		if r.buf == nil {
			r.buf = make([]byte, 256<<10)
		}
		go func() {
			n, err := r.r.Read(r.buf)
			r.done <- readResult{n, err}
		}()
		select {
		case got := <-r.done:
			r.rest, r.err = r.buf[:got.n], got.err
		case <-r.ctx.Done():
			r.err = r.ctx.Err()
			return 0, r.err
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	if n == 0 && r.err != nil {
		return 0, r.err
	}
	return n, nil
}
