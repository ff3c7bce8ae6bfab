// Package parser opens files that hold traces: it finds out by content what
// they are, unpacks them and returns a trace.Source.
package parser

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/perfdata"
	"github.com/ipiscope/ipiscope/parser/perfscript"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
	"github.com/ipiscope/ipiscope/parser/tracefs"
)

// sniffSize is how much of an input decides what it is.
const sniffSize = 64 << 10

// A Format is one kind of input.
type Format struct {
	Name  string
	Doc   string
	Sniff func(prefix []byte) bool
	// openAt opens input that is read at random, open input that is read from
	// front to back. Each format has one of them.
	openAt func(r io.ReaderAt, size int64, path string, o Options) (trace.Source, error)
	// check looks at the begin of input for openAt before it is spooled.
	check func(prefix []byte, path string) error
	open  func(r io.Reader, path string, o Options) (trace.Source, error)
	// streams tells by the begin of an input of a format with both whether open is
	// to read it; nil if it never is.
	streams func(prefix []byte) bool
}

// Formats lists the formats in the order in which they are tried.
func Formats() []Format {
	return []Format{
		{
			Name: "trace.dat", Doc: "trace-cmd's own file, versions 6 and 7", Sniff: tracedat.Sniff, check: tracedat.CheckHead,
			openAt: func(r io.ReaderAt, size int64, path string, o Options) (trace.Source, error) {
				src, err := tracedat.Open(r, size, path, tracedat.Options{Threads: o.Threads})
				var text *tracedat.TextError
				if errors.As(err, &text) {
					return source(openText(text, ftext.Options{Noise: o.Noise, Threads: o.Threads}))
				}
				return source(src, err)
			},
		},
		{
			Name: "perf.data", Doc: "perf record's own file, folder, and what it writes to a pipe", Sniff: perfdata.Sniff, check: perfdata.CheckHead, streams: perfdata.IsPipe,
			openAt: func(r io.ReaderAt, size int64, path string, o Options) (trace.Source, error) {
				return source(perfdata.Open(r, size, path, perfdata.Options{Threads: o.Threads}))
			},
			open: func(r io.Reader, path string, o Options) (trace.Source, error) {
				return source(perfdata.OpenPipe(r, path, perfdata.Options{Threads: o.Threads, Live: o.Growing != nil}))
			},
		},
		{
			Name: "ftrace text", Doc: "the kernel's trace and trace_pipe, and trace-cmd report", Sniff: ftext.Sniff,
			open: func(r io.Reader, path string, o Options) (trace.Source, error) {
				return source(ftext.New(r, path, ftext.Options{Noise: o.Noise, Threads: o.Threads, Mixed: o.mixed, Growing: o.Growing != nil}))
			},
		},
		{
			Name: "perf script text", Doc: "what perf script prints of tracepoints", Sniff: perfscript.Sniff,
			open: func(r io.Reader, path string, o Options) (trace.Source, error) {
				return source(perfscript.New(r, path, perfscript.Options{Noise: o.Noise, Mixed: o.mixed, Growing: o.Growing != nil}))
			},
		},
	}
}

// isAtRandom reports whether an input of this format that begins so is read at
// random.
func (f *Format) isAtRandom(prefix []byte) bool {
	return f.openAt != nil && (f.streams == nil || !f.streams(prefix))
}

// source makes a nil *S a nil Source.
func source[S trace.Source](s S, err error) (trace.Source, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Options of Open.
type Options struct {
	Stdin io.Reader // what "-" reads; nil if it may not be used
	// Open opens a file, which for a pipe waits for its other end; nil is os.Open.
	Open func(path string) (*os.File, error)
	// Pipe wraps inputs that have a name and are no regular files, which may be
	// silent for long; nil reads them as they are.
	Pipe func(io.Reader) io.Reader
	// Noise receives the lines of text inputs that are no records, as headers
	// are, while scanning; nil drops them.
	Noise func(line []byte)
	// Growing is what input is read through that is still being written; grows
	// tells a file, whose end is not the input's, from a pipe. With it only text
	// can be read. Nil for input that is whole.
	Growing func(r io.Reader, grows bool) io.Reader
	// Parts names recordings that are in several files, by the names that Together
	// made for them.
	Parts map[string][]string
	// MaxSpool bounds in bytes what is unpacked into a temporary file, given the
	// folder where it is; nil for no bound. What goes beyond it is not read, and said.
	MaxSpool func(dir string) int64
	// MaxWindow bounds in bytes how far back the data of a zstd frame may refer,
	// which is the memory that unpacking takes; 0 is 128 MiB.
	MaxWindow uint64
	// Threads is how many threads read an input; 0 is one for each CPU. What is
	// read does not depend on it.
	Threads int

	wrappers int  // compressed files around this one
	carriers int  // texts of other formats around this one
	mixed    bool // other text stands around the trace
}

// An UnknownFormatError is an input that is no trace, or none that can be read
// here.
type UnknownFormatError struct {
	Path string
	What string // what it seems to be, empty if unknown
	Do   string // what the person can do
}

func (e *UnknownFormatError) Error() string { return e.Path + ": " + e.what() }

// what is the message without the file's name.
func (e *UnknownFormatError) what() string {
	what := "not a trace that ipiscope can read"
	if e.What != "" {
		what = e.What
	}
	if e.Do != "" {
		what += ": " + e.Do
	}
	return what
}

// Open opens one input; path "-" is o.Stdin. The Source must be closed.
func Open(path string, o Options) (trace.Source, error) {
	if path == "-" {
		if o.Stdin == nil {
			return nil, errors.New("standard input cannot be read here")
		}
		return openStream(o.through(o.Stdin, false), "(stdin)", nil, o)
	}
	if parts := o.Parts[path]; parts != nil {
		return openTogether(path, parts, o)
	}
	open := o.Open
	if open == nil {
		open = os.Open
	}
	f, err := open(path)
	if err != nil {
		return nil, err
	}
	src, err := openFile(f, path, o)
	if err != nil {
		f.Close()
	}
	return src, err
}

func openFile(f *os.File, path string, o Options) (trace.Source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if st.IsDir() {
		if perfdata.IsFolder(path) {
			src, err := source(perfdata.OpenFolder(path, perfdata.Options{Threads: o.Threads}))
			return withCloser(src, f), err
		}
		if !tracefs.IsSnapshot(path) {
			return nil, fmt.Errorf("%s: a folder, not a trace", path)
		}
		src, err := source(tracefs.Open(path, tracefs.Options{Decompress: Decompress, Threads: o.Threads}))
		return withCloser(src, f), err
	}
	if !st.Mode().IsRegular() || o.Growing != nil {
		return openStream(o.through(f, st.Mode().IsRegular()), path, f, o)
	}
	if st.Size() == 0 {
		return nil, emptyError(path)
	}
	prefix := make([]byte, min(sniffSize, st.Size()))
	if _, err := io.ReadFull(f, prefix); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, format := range Formats() {
		if format.openAt != nil && format.Sniff(prefix) {
			src, err := format.openAt(f, st.Size(), path, o)
			return withCloser(src, f), err
		}
	}
	if parts := concatenated(f, st.Size(), path); parts != nil {
		return openParts(parts, path, f, o)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r := &countingReader{r: f}
	src, err := openStream(r, path, f, o)
	if err != nil {
		return nil, err
	}
	return &measuredSource{src, r, st.Size()}, nil
}

// A countingReader knows how much was read of a file.
type countingReader struct {
	r     io.Reader
	n     int64
	ended bool
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	c.ended = c.ended || err == io.EOF
	return n, err
}

// A measuredSource knows how far the reading of its file is.
type measuredSource struct {
	trace.Source
	r    *countingReader
	size int64
}

// Err reports a file that has become shorter while it was read.
func (s *measuredSource) Err() error {
	if err := s.Source.Err(); err != nil {
		return err
	}
	if m := s.Table().Meta; m.Compression == "" && s.r.ended && s.r.n < s.size {
		return fmt.Errorf("%s: the file has become shorter while it was read: %d of %d bytes were there", m.Path, s.r.n, s.size)
	}
	return nil
}

func (s *measuredSource) Unwrap() trace.Source { return s.Source }

// Progress implements trace.Progresser in bytes of the file as it is stored.
func (s *measuredSource) Progress() (done, total int64) { return s.r.n, s.size }

// openStream opens input that is read once from front to back: a pipe, or
// anything compressed. Formats that need random access are unpacked into a
// temporary file first, so that memory stays bounded.
func openStream(r io.Reader, path string, c io.Closer, o Options) (trace.Source, error) {
	br := bufio.NewReaderSize(r, sniffSize)
	prefix, err := sniff(br, o.Growing != nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(prefix) == 0 {
		return nil, emptyError(path)
	}
	if d := decompressorOf(prefix); d != nil {
		if o.wrappers++; o.wrappers > maxWrappers {
			return nil, fmt.Errorf("%s: compressed more than %d times: unpack it first", path, maxWrappers)
		}
		unchecked := isUnchecked(prefix)
		unpacked, err := d.open(br, o.MaxWindow)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, d.name, err)
		}
		src, err := openStream(unpacked, path, closers{unpacked, c}, o)
		if err != nil {
			unpacked.Close()
			return nil, err
		}
		if src.Table().Meta.Compression == "" {
			src.Table().Meta.Compression = d.name
		}
		if unchecked {
			m := &src.Table().Meta
			m.Notes = append(m.Notes, "the zstd frame has no checksum (zstd --no-check): wrong bytes within it may pass unnoticed")
		}
		return src, nil
	}
	if format, r := brokenFormat(prefix, br); format != nil && o.Growing == nil {
		o.mixed = true
		src, err := format.open(r, path, o)
		return withCloser(src, c), err
	}
	for _, format := range Formats() {
		if format.openAt == nil || !format.Sniff(prefix) {
			continue
		}
		head := sniffSize
		if format.streams != nil { // more need not come for long
			head = 16
		}
		if prefix, _ = br.Peek(head); format.check != nil {
			if err := format.check(prefix, path); err != nil {
				return nil, err
			}
		}
		if !format.isAtRandom(prefix) {
			src, err := format.open(br, path, o)
			return withCloser(src, c), err
		}
		return openSpooled(br, format, path, c, o)
	}
	return openPrinted(br, prefix, path, c, o)
}

// sniff returns the beginning of an input, as much of it as decides what it is:
// a pipe that is being written to must not be waited for longer than that.
func sniff(br *bufio.Reader, growing bool) ([]byte, error) {
	for {
		prefix, err := br.Peek(min(br.Buffered()+1, sniffSize))
		if err == io.EOF {
			return prefix, nil
		}
		if err != nil {
			return nil, err
		}
		prefix, _ = br.Peek(br.Buffered())
		if len(prefix) == sniffSize || decompressorOf(prefix) != nil {
			return prefix, nil
		}
		if isKnown(prefix) || growing && isMangled(prefix) {
			return prefix, nil
		}
	}
}

// isKnown reports whether an input that begins so is a trace as it was written.
func isKnown(prefix []byte) bool {
	for _, format := range Formats() {
		if format.Sniff(prefix) {
			return true
		}
	}
	return false
}

// through is what a stream is read through.
func (o *Options) through(r io.Reader, grows bool) io.Reader {
	switch {
	case o.Growing != nil:
		return o.Growing(r, grows)
	case o.Pipe != nil && !grows:
		return o.Pipe(r)
	}
	return r
}

// openSpooled copies a stream into a temporary file that goes with the Source.
func openSpooled(r io.Reader, format Format, path string, c io.Closer, o Options) (trace.Source, error) {
	if o.Growing != nil {
		return nil, &UnknownFormatError{path, "a " + format.Name + " file cannot be read while it grows", "wait for the end of the recording"}
	}
	tmp, err := os.CreateTemp("", "ipiscope-*")
	if err != nil {
		return nil, err
	}
	// Without its name the file is gone with its last user, however this ends.
	os.Remove(tmp.Name())
	n, copyErr := spool(tmp, r, o)
	src, err := format.openAt(tmp, n, path, o)
	if err != nil {
		tmp.Close()
		if copyErr != nil {
			err = fmt.Errorf("%s: %w", path, copyErr)
		}
		return nil, err
	}
	if copyErr != nil {
		src = &cutSource{src, fmt.Errorf("%s: %w", path, copyErr)}
	}
	return withCloser(src, closers{tmp, c}), nil
}

// spool copies as much as there may be.
func spool(tmp *os.File, r io.Reader, o Options) (int64, error) {
	if o.MaxSpool == nil {
		return io.Copy(tmp, r)
	}
	limit := o.MaxSpool(filepath.Dir(tmp.Name()))
	n, err := io.CopyN(tmp, r, limit)
	switch {
	case err == io.EOF:
		return n, nil
	case err != nil:
		return n, err
	}
	if more, err := r.Read(make([]byte, 1)); more == 0 && err == io.EOF {
		return n, nil
	}
	return n, fmt.Errorf("more than %d bytes when unpacked, which go into a temporary file in %s: the rest was not read: set TMPDIR to a folder with more space, give --max-spool, or unpack it",
		limit, filepath.Dir(tmp.Name()))
}

// A cutSource is a Source whose input broke off.
type cutSource struct {
	trace.Source
	err error
}

func (s *cutSource) Err() error { return s.err }

func (s *cutSource) Unwrap() trace.Source { return s.Source }

func emptyError(path string) error {
	if isCPUFile(path) {
		return unknown(path, nil)
	}
	return fmt.Errorf("%s: the file is empty", path)
}

// isCPUFile recognises the per-CPU files that a recorder leaves behind when it
// is killed. They hold bare ring-buffer pages and nothing to tell them by.
func isCPUFile(path string) bool {
	return regexp.MustCompile(`\.dat\.cpu[0-9]+$`).MatchString(path)
}

// unknown says what an input that no format claims seems to be.
func unknown(path string, prefix []byte) *UnknownFormatError {
	e := &UnknownFormatError{Path: path}
	for _, s := range []struct{ magic, what, do string }{
		{"PERFFILE", "a perf.data file of the first kind, of perf before Linux 3.2", "record with a newer perf, or print it with the perf that wrote it"},
		{"\xc1\x1f\xfc\xc1", "a CTF (LTTng) trace stream", "record with trace-cmd or perf instead"},
		{"\x7fELF", "a program, not a trace", ""},
		{"SQLite format 3", "an SQLite database", ""},
		{"{", "JSON", "the recording itself is needed: trace.dat or its text"},
		{"[", "JSON", "the recording itself is needed: trace.dat or its text"},
		{"PK\x03\x04", "a zip archive", "unpack it and give the trace in it"},
		{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it and give the trace in it"},
		{"!<arch>\n", "an archive", "unpack it and give the trace in it"},
	} {
		if bytes.HasPrefix(prefix, []byte(s.magic)) {
			e.What, e.Do = s.what, s.do
			return e
		}
	}
	if len(prefix) > 265 && string(prefix[257:262]) == "ustar" {
		e.What, e.Do = "a tar archive", "unpack it and give the trace in it"
		return e
	}
	if what, do := otherProgram(prefix); what != "" {
		e.What, e.Do = what, do
		return e
	}
	if perfdata.IsPart(path) {
		e.What, e.Do = "a part of a perf.data folder", "name the folder "+filepath.Dir(path)
		return e
	}
	if isCPUFile(path) {
		e.What = "one CPU's buffer of a recorder that did not finish"
		e.Do = "make a trace.dat of all of them with: trace-cmd restore " + filepath.Base(path) + " ..."
		return e
	}
	return e
}

// withCloser makes closing a Source close what it reads from.
func withCloser(s trace.Source, c io.Closer) trace.Source {
	if s == nil || c == nil {
		return s
	}
	return owner{s, c}
}

type owner struct {
	trace.Source
	c io.Closer
}

func (o owner) Close() error { return errors.Join(o.Source.Close(), o.c.Close()) }

func (o owner) Unwrap() trace.Source { return o.Source }

type closers []io.Closer

func (cs closers) Close() error {
	var errs []error
	for _, c := range cs {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}
