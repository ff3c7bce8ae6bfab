package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// A byteSize is a flag: a number of bytes with an optional KiB, MiB or GiB.
type byteSize int64

func (s *byteSize) String() string {
	for _, u := range byteUnits() {
		if n := int64(*s); n >= u.bytes && n%u.bytes == 0 {
			return strconv.FormatInt(n/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(*s), 10)
}

func (s *byteSize) Set(text string) error {
	factor := int64(1)
	for _, u := range byteUnits() {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			text, factor = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	*s = byteSize(n * factor)
	return err
}

type byteUnit struct {
	name  string
	bytes int64
}

func byteUnits() []byteUnit {
	return []byteUnit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}
}

// files are what is measured, and the program that was built for it.
type files struct {
	program string
	plain   string // trace.dat, not compressed
	packed  string // the same events, compressed as trace-cmd does
	whole   string // plain, compressed as one zstd file; empty without zstd
	text    string // plain as trace-cmd report prints it
	small   string // the recording that the others are made of
}

// build builds the program that is measured.
func build(ctx context.Context, path string) error {
	if msg, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", path, "./cmd/ipiscope").CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, msg)
	}
	return nil
}

// A maker makes files in a folder and leaves those alone that are there.
type maker struct {
	ctx      context.Context
	dir      string
	from     string
	progress io.Writer
}

func (m *maker) all(size int64) (files, error) {
	f := files{program: filepath.Join(m.dir, "ipiscope"), small: m.from}
	if err := build(m.ctx, f.program); err != nil {
		return f, err
	}
	var err error
	if f.plain, err = m.enlarged(size, "none"); err != nil {
		return f, err
	}
	if f.packed, err = m.enlarged(size, "zstd"); err != nil {
		return f, err
	}
	f.text = strings.TrimSuffix(f.plain, ".dat") + ".txt"
	if err = m.once(f.text, func(path string) error { return m.command(path, f.program, "cat", f.plain) }); err != nil {
		return f, err
	}
	if _, missing := exec.LookPath("zstd"); missing == nil {
		f.whole = f.plain + ".zst"
		err = m.once(f.whole, func(path string) error { return m.command(path, "zstd", "-q", "-c", f.plain) })
	}
	return f, err
}

// enlarged makes a trace.dat with that much trace data. Another process makes
// it: Linux counts the memory of the one that starts a command as the command's
// (fs/exec.c, setmax_mm_hiwater_rss), so this one must stay small.
func (m *maker) enlarged(size int64, compression string) (string, error) {
	s := byteSize(size)
	path := filepath.Join(m.dir, s.String()+"-"+compression+".dat")
	return path, m.once(path, func(path string) error {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		return m.command("", self, "-make", path, "-size", s.String(), "-compression", compression, "-from", m.from)
	})
}

// once makes a file under another name first, so that half a file is never
// taken for a whole one.
func (m *maker) once(path string, write func(path string) error) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	fmt.Fprintln(m.progress, "making", filepath.Base(path))
	if err := write(path + ".part"); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.Rename(path+".part", path)
}

// command runs a program, its output going to a file if path names one.
func (m *maker) command(path string, args ...string) error {
	cmd := exec.CommandContext(m.ctx, args[0], args[1:]...)
	cmd.Stderr = m.progress
	if path == "" {
		return cmd.Run()
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	cmd.Stdout = out
	return closed(out, cmd.Run())
}

func closed(f *os.File, err error) error {
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
