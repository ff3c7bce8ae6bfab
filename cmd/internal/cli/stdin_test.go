package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestInterruptible: what is read is what r holds, with its error, however
// small the pieces.
func TestInterruptible(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 40_000) // more than is read at once
	for name, r := range map[string]io.Reader{
		"whole": strings.NewReader(text), "one byte at a time": iotest.OneByteReader(strings.NewReader(text[:5000])), "data with EOF": iotest.DataErrReader(strings.NewReader(text)),
	} {
		got, err := io.ReadAll(interruptible(context.Background(), r))
		if err != nil || !strings.HasPrefix(text, string(got)) || len(got) != 5000 && len(got) != len(text) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	if err := iotest.TestReader(interruptible(context.Background(), strings.NewReader("some text")), []byte("some text")); err != nil {
		t.Error(err)
	}
	bad := errors.New("the pipe broke")
	got, err := io.ReadAll(interruptible(context.Background(), io.MultiReader(strings.NewReader("text"), iotest.ErrReader(bad))))
	if string(got) != "text" || !errors.Is(err, bad) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestInterrupt: a read that would block for ever ends when the context does,
// and what came before it is there.
func TestInterrupt(t *testing.T) {
	pr, pw := io.Pipe()
	defer pw.Close()
	ctx, cancel := context.WithCancel(context.Background())
	r := interruptible(ctx, pr)
	go func() {
		pw.Write([]byte("before"))
		time.Sleep(10 * time.Millisecond)
		cancel()
	}()
	done := make(chan error)
	var got bytes.Buffer
	go func() {
		_, err := io.Copy(&got, r)
		done <- err
	}()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) || got.String() != "before" {
			t.Errorf("got %q, %v", got.String(), err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the read was not interrupted")
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("reading on gives %d bytes, %v", n, err)
	}
}
