package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestPipeWithoutPeer: waiting for the other end of a pipe ends with the context.
func TestPipeWithoutPeer(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if _, err := openFile(ctx, pipe, func() (*os.File, error) { return os.Open(pipe) }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("reading: %v", err)
	}
	writes := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(writes, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WriteTo(&Terminal{Context: ctx}, writes, func(Output) error { return nil }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("writing: %v", err)
	}
}

func TestReadFile(t *testing.T) {
	if _, err := ReadFile("/dev/zero", 1<<20); err == nil || !strings.Contains(err.Error(), "more than 1 MiB") {
		t.Errorf("/dev/zero: %v", err)
	}
	file := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := ReadFile(file, 4); err != nil || string(text) != "text" {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := loadSymbols("/dev/zero"); err == nil || !strings.Contains(err.Error(), "bytes of 0") {
		t.Errorf("symbols of zeros: %v", err)
	}
}

// TestWriteThroughLinks: a link stays one, what it leads to is replaced and keeps
// its mode; a file that may not be written is not replaced.
func TestWriteThroughLinks(t *testing.T) {
	dir := t.TempDir()
	file, link, dangling := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "dangling")
	if err := os.WriteFile(file, []byte("old"), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Chmod(file, 0o640), os.Symlink("file", link), os.Symlink("new", dangling)); err != nil {
		t.Fatal(err)
	}
	write := func(o Output) error { _, err := o.Write([]byte("new")); return err }
	for _, path := range []string{link, dangling} {
		if err := WriteTo(&Terminal{}, path, write); err != nil {
			t.Error(err)
		}
		if st, err := os.Lstat(path); err != nil || st.Mode()&os.ModeSymlink == 0 {
			t.Errorf("%s is no link any more: %v", path, err)
		}
		if text, err := os.ReadFile(path); string(text) != "new" {
			t.Errorf("%s: %q, %v", path, text, err)
		}
	}
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
	if os.Getuid() == 0 {
		return // may write anything
	}
	if err := os.Chmod(file, 0o440); err != nil {
		t.Fatal(err)
	}
	if err := WriteTo(&Terminal{}, file, write); !errors.Is(err, os.ErrPermission) {
		t.Errorf("a file that may not be written: %v", err)
	}
}

func TestBesides(t *testing.T) {
	for _, path := range []string{"/dev/null", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"} {
		if _, beside := besides(path); beside {
			t.Errorf("%s would be replaced", path)
		}
	}
}
