package cli

import (
	"context"
	"fmt"
	"io"
	"os"
)

// openFile opens a file that may be a pipe without a peer, which opening waits
// for: that ends when ctx is done.
func openFile(ctx context.Context, path string, open func() (*os.File, error)) (*os.File, error) {
	if st, err := os.Stat(path); err != nil || st.Mode()&os.ModeNamedPipe == 0 || ctx == nil {
		return open()
	}
	type opened struct {
		f   *os.File
		err error
	}
	done := make(chan opened, 1)
	go func() {
		f, err := open()
		done <- opened{f, err}
	}()
	select {
	case o := <-done:
		return o.f, o.err
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: interrupted while waiting for the other end of the pipe: %w", path, ctx.Err())
	}
}

// maxText bounds the files that a person writes: catalogues, budgets, lists.
const maxText = 16 << 20

// ReadFile returns what a file holds, at most limit bytes: more is an error, as
// /dev/zero is no such file. 0 is the bound of files that a person writes.
func ReadFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ReadAll(f, path, limit)
}

// ReadAll is ReadFile for what is open already.
func ReadAll(r io.Reader, name string, limit int64) ([]byte, error) {
	if limit == 0 {
		limit = maxText
	}
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", name, err)
	case int64(len(text)) > limit:
		return nil, fmt.Errorf("%s: more than %d MiB: this cannot be what it should be", name, limit>>20)
	}
	return text, nil
}
