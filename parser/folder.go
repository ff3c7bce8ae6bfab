package parser

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/ipiscope/ipiscope/parser/internal/plain"
	"github.com/ipiscope/ipiscope/parser/perfdata"
	"github.com/ipiscope/ipiscope/parser/tracefs"
)

// Expand replaces folders by the traces in them, trace.dat files first and each in
// the order of their names,
// and leaves other paths as they are: also folders that are one trace, copies
// of the trace file system. It does not descend into further folders.
//
// Links are followed. What looks like a recording, by its name or its content,
// and cannot be read is among the traces, so that opening it says what is wrong:
// a run that is passed over in silence would make a comparison of fewer runs.
// The remarks name what is left out and may be meant to be a recording.
func Expand(paths []string) (traces, remarks []string, err error) {
	for _, p := range paths {
		st, err := os.Stat(p)
		if p == "-" || err != nil || !st.IsDir() || tracefs.IsSnapshot(p) || perfdata.IsFolder(p) {
			traces = append(traces, p)
			continue
		}
		if tracefs.IsBegun(p) {
			return nil, remarks, fmt.Errorf("%s: nothing is recorded in this folder: the recorder ended before its recording began; record again", p)
		}
		f := &folder{dir: p, shapes: map[string]bool{}, ends: map[string]bool{}}
		if err := f.read(); err != nil {
			return nil, remarks, err
		}
		remarks = append(remarks, f.remarks...)
		if texts := perCPUTexts(p); len(f.traces) == 0 && len(texts) > 0 {
			traces = append(traces, texts...)
			continue
		}
		if len(f.traces) == 0 {
			return nil, remarks, fmt.Errorf("%s: no traces in this folder", p)
		}
		for _, t := range f.traces {
			traces = append(traces, t.path)
		}
	}
	return traces, remarks, nil
}

// A folder is looked through for recordings.
type folder struct {
	dir     string
	traces  []found
	remarks []string
	// shapes and ends are those of the names of good traces
	shapes, ends map[string]bool
}

// A found file may be a recording.
type found struct {
	path string
	info fs.FileInfo // of the file behind a link, nil if there is none
	link bool
	kind content
	what *UnknownFormatError // what it seems to be, if it is neither empty nor a trace
}

// content is what the begin of a file shows.
type content uint8

const (
	isTrace  content = iota
	isEmpty          // nothing, also when unpacked
	isBroken         // cannot be opened, read or unpacked
	isText           // text that is no trace
	isOther
	isFolder
	isSpecial // a pipe, a socket, a device
)

func (f *folder) read() error {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return err
	}
	var all []found
	for _, e := range entries {
		c := lookAt(filepath.Join(f.dir, e.Name()), e.Type()&fs.ModeSymlink != 0)
		if all = append(all, c); c.kind == isTrace {
			f.shapes[shapeOf(e.Name())] = true
			f.ends[filepath.Ext(e.Name())] = true
		}
	}
	// a link to a file that is here stands behind it, as one of the two counts
	slices.SortStableFunc(all, func(a, b found) int {
		if a.link == b.link {
			return 0
		}
		if b.link {
			return -1
		}
		return 1
	})
	for _, c := range all {
		f.judge(c)
	}
	// A recording before its printed texts, of which the first one read counts.
	isPrinted := func(t found) bool {
		return !strings.Contains(filepath.Base(t.path), ".dat") && t.kind != isFolder
	}
	sort.Slice(f.traces, func(i, j int) bool {
		if a, b := isPrinted(f.traces[i]), isPrinted(f.traces[j]); a != b {
			return b
		}
		return f.traces[i].path < f.traces[j].path
	})
	return nil
}

// judge takes what is a recording or ought to be one, and remarks on what may be
// one.
func (f *folder) judge(c found) {
	name := filepath.Base(c.path)
	shape, hidden := f.shapes[shapeOf(name)], name[0] == '.'
	byName := shape || strongName().MatchString(name) || weakName().MatchString(name)
	switch c.kind {
	case isTrace:
		f.take(c)
	case isEmpty, isBroken:
		ext := filepath.Ext(name)
		if target, err := os.Readlink(c.path); err == nil {
			byName = byName || strongName().MatchString(filepath.Base(target)) || c.info == nil
		}
		if byName || ext != "" && f.ends[ext] && !hidden {
			f.take(c)
		}
	case isFolder:
		if perfdata.IsFolder(c.path) {
			f.take(c)
		} else if !hidden && holdsTraces(c.path) {
			f.remark(c, "a folder with recordings of its own: name it beside this one")
		}
	case isSpecial:
		if byName {
			f.remark(c, "a pipe, socket or device: name it itself to read it")
		}
	case isText:
		if shape {
			f.take(c)
		} else if byName {
			f.remark(c, c.what.what())
		}
	default:
		switch e := c.what; {
		case shape, strongName().MatchString(name):
			f.take(c)
		case e.Do != "" && e.What != "JSON":
			f.remark(c, e.what())
		case byName:
			f.take(c)
		}
	}
}

func (f *folder) remark(c found, why string) {
	f.remarks = append(f.remarks, fmt.Sprintf("%s: left out: %s", c.path, why))
}

// take adds a trace, once whatever its names are.
func (f *folder) take(c found) {
	for _, t := range f.traces {
		if c.info != nil && t.info != nil && os.SameFile(c.info, t.info) {
			f.remark(c, "the same file as "+t.path+", which counts once")
			return
		}
	}
	f.traces = append(f.traces, c)
}

// shapeOf is a name with all numbers alike: the runs of one set have one shape.
func shapeOf(name string) string {
	return regexp.MustCompile(`[0-9]+`).ReplaceAllString(name, "0")
}

// strongName matches the names that recorders give, and their compressed forms.
func strongName() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^trace(_pipe)?|\.dat|^perf.*\.data|\.f?trace)(\.(gz|zst|xz|bz2))*$`)
}

// weakName matches the names of texts, of which some are traces.
func weakName() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\.(txt|log)(\.(gz|zst|xz|bz2))*$`)
}

// holdsTraces reports whether a folder holds recordings, by their names.
func holdsTraces(dir string) bool {
	if tracefs.IsSnapshot(dir) || perfdata.IsFolder(dir) {
		return true
	}
	entries, _ := os.ReadDir(dir)
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return !e.IsDir() && strongName().MatchString(e.Name()) })
}

func lookAt(path string, link bool) found {
	c := found{path: path, link: link}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		c.kind = isBroken
	case st.IsDir():
		c.info, c.kind = st, isFolder
	case !st.Mode().IsRegular():
		c.info, c.kind = st, isSpecial
	default:
		c.info = st
		c.kind, c.what = contentOf(path)
	}
	return c
}

// contentOf looks at the begin of a file, unpacked as Open does.
func contentOf(path string) (content, *UnknownFormatError) {
	f, err := os.Open(path)
	if err != nil {
		return isBroken, nil
	}
	defer f.Close()
	var r io.Reader = f
	for range maxWrappers + 1 {
		br := bufio.NewReaderSize(r, sniffSize)
		prefix, err := br.Peek(sniffSize)
		d := decompressorOf(prefix)
		switch {
		case isKnown(prefix) || isMangled(prefix):
			return isTrace, nil
		case len(prefix) == 0 && err == io.EOF:
			return isEmpty, nil
		case len(prefix) == 0:
			return isBroken, nil
		case d == nil && plain.IsText(prefix):
			return isText, &UnknownFormatError{Path: path, What: "text without a trace in its first 64 KiB", Do: "name it itself if it is a recording"}
		case d == nil:
			return isOther, unknown(path, prefix)
		}
		unpacked, err := d.open(br, 0)
		if err != nil {
			return isBroken, nil
		}
		defer unpacked.Close()
		r = unpacked
	}
	return isBroken, nil
}
