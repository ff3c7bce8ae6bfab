package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"

	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

// A Line is what was asked for: a path or glob, or a line of a manifest.
type Line struct {
	Arg      int // its place among all lines
	Manifest cli.ManifestLine
	Literal  bool // the path is no glob
}

// A Trace is one trace of a line.
type Trace struct {
	Arg  int
	Path string
	Line []byte // JSON
}

// A Header is what became of a trace, without its sums.
type Header struct {
	Arg    int
	Path   string
	Input  []byte // JSON of a state.Input, empty if there is no state
	Status int    // that state would exit with
	Error  string
	Said   string // lines for people
}

// A Counted is the state of a trace.
type Counted struct {
	Arg   int
	Path  string
	State []byte
}

// unpackFn takes lines out of the package that they travel in.
type unpackFn struct{}

func (*unpackFn) ProcessElement(packed []byte, emit func([]byte)) error {
	lines, err := unpack(packed)
	for _, l := range lines {
		emit(l)
	}
	return err
}

// listFn finds the traces of a line. What is not there is a trace that cannot be read:
// a listing that fails ends no pipeline.
type listFn struct{}

func (*listFn) ProcessElement(ctx context.Context, text []byte, emit func(Trace)) error {
	var l Line
	if err := json.Unmarshal(text, &l); err != nil {
		return err
	}
	name := l.Manifest.Path
	paths := []string{name}
	if !l.Literal && strings.ContainsAny(name, "*?[") && !isHere(name) {
		if found, err := list(ctx, name); err == nil && len(found) > 0 {
			paths = found
		}
	}
	for _, p := range paths {
		emit(Trace{l.Arg, p, text})
	}
	return nil
}

// isHere reports whether a path is that of a local file, whatever characters it has.
func isHere(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func list(ctx context.Context, glob string) ([]string, error) {
	fs, err := filesystem.New(ctx, glob)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	return fs.List(ctx, glob)
}

// countFn makes the state of a trace. Whatever is wrong with a trace is in its Header.
type countFn struct {
	Spec  *Spec
	maker *states.Maker

	traces, failed beam.Counter
}

func (f *countFn) Setup(context.Context) error {
	f.traces, f.failed = beam.NewCounter("ipiscope", "traces"), beam.NewCounter("ipiscope", "failed")
	var err error
	_, f.maker, err = f.Spec.load(silent())
	return err
}

// silent is a terminal that nobody looks at.
func silent() *cli.Terminal { return cli.NewTerminal(strings.NewReader(""), io.Discard, io.Discard) }

func (f *countFn) ProcessElement(ctx context.Context, tr Trace, header func(Header), counted func(Counted)) error {
	var l Line
	if err := json.Unmarshal(tr.Line, &l); err != nil {
		return err
	}
	f.traces.Inc(ctx, 1)
	h := Header{Arg: tr.Arg, Path: tr.Path}
	s, err := f.count(ctx, tr.Path, l.Manifest, &h)
	if ctx.Err() != nil {
		return ctx.Err() // nobody is to take a trace for a bad one that was given up
	}
	if err != nil {
		f.failed.Inc(ctx, 1)
		h.fail(err)
	}
	if s != nil {
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			return err
		}
		if h.Input, err = json.Marshal(s.Inputs[0]); err != nil {
			return err
		}
		counted(Counted{tr.Arg, tr.Path, b.Bytes()})
	}
	header(h)
	return nil
}

// fail puts into a header why there is no state, or what it lacks.
func (h *Header) fail(err error) {
	status, cause := states.Status(err)
	h.Status = status
	var exit *cli.ExitError
	switch {
	case !errors.As(err, &exit), exit.Said == nil && exit.Err != nil:
		h.Said += fmt.Sprintf("ipiscope: error: %s: %s\n", h.Path, err)
		h.Error = err.Error()
	case exit.Said != nil:
		h.Error = cause.Error()
	}
}

// count counts a trace of any file system.
func (f *countFn) count(ctx context.Context, name string, l cli.ManifestLine, h *Header) (*state.State, error) {
	var said bytes.Buffer
	t := silent()
	t.Err, t.Context = &said, ctx
	defer func() { h.Said += said.String() }()
	l.Path = name
	if err := l.Restore(); err != nil {
		return nil, err
	}
	if !isRemote(name) {
		j, err := f.maker.Job(l, "", f.Spec.Manifest)
		if err != nil {
			return nil, err
		}
		return f.maker.Make(ctx, t, j, true)
	}
	copied, err := bring(ctx, name)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(copied.dir)
	l.Path = copied.path
	j, err := f.maker.Job(l, name, f.Spec.Manifest)
	if err != nil {
		return nil, err
	}
	j.Asked.Modified = copied.modified
	s, err := f.maker.Make(ctx, t, j, true)
	text := strings.ReplaceAll(said.String(), copied.path, name)
	said.Reset()
	said.WriteString(text)
	return s, err
}

// isRemote reports whether a path names what the kernel cannot open.
func isRemote(name string) bool { return strings.Contains(name, "://") }

// A broughtFile is a copy of a remote file: traces are read at more than one place.
type broughtFile struct {
	dir, path string
	modified  int64
}

// bring copies a remote file. Its errors are those of a network: to try again may help.
func bring(ctx context.Context, name string) (b broughtFile, err error) {
	fs, err := filesystem.New(ctx, name)
	if err != nil {
		return b, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer fs.Close()
	in, err := fs.OpenRead(ctx, name)
	if err != nil {
		return b, &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer in.Close()
	if b.dir, err = os.MkdirTemp("", "ipiscope-beam-"); err != nil {
		return b, err
	}
	b.path = filepath.Join(b.dir, path.Base(name))
	out, err := os.OpenFile(b.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		_, err = io.Copy(out, in)
		err = errors.Join(err, out.Close())
	}
	if err != nil {
		os.RemoveAll(b.dir)
		return b, &os.PathError{Op: "read", Path: name, Err: err}
	}
	if m, ok := fs.(filesystem.LastModifiedGetter); ok {
		if at, err := m.LastModified(ctx, name); err == nil {
			b.modified = at.UnixNano()
		}
	}
	return b, nil
}
