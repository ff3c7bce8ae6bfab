package parser

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/ipiscope/ipiscope/parser/ftext"
	"github.com/ipiscope/ipiscope/parser/internal/plain"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// The kernel's folder per_cpu has a text for each CPU. People keep those in files of
// their own, or one after the other in one file; either way they are one recording.

// maxTogether bounds how many files are read at once.
const maxTogether = 512

// Together finds among paths the texts that hold one CPU each, another one in each,
// at overlapping times: they are one recording. Where all of them are, it returns a
// name for it that Options.Parts is to be told of, and the paths; else only paths.
func Together(paths []string) (name string, parts []string) {
	if len(paths) < 2 || len(paths) > maxTogether {
		return "", nil
	}
	var all []ftext.Stretch
	for _, p := range paths {
		s, events, err := stretchOf(p)
		if err != nil {
			return "", nil
		}
		if events {
			all = append(all, s)
		}
	}
	if !areOne(all) {
		return "", nil
	}
	if dir := filepath.Dir(filepath.Dir(paths[0])); isPerCPU(paths[0]) && !slices.ContainsFunc(paths, func(p string) bool { return !isPerCPU(p) || filepath.Dir(filepath.Dir(p)) != dir }) {
		return dir, paths
	}
	return fmt.Sprintf("%s and %d more", paths[0], len(paths)-1), paths
}

// isPerCPU matches "per_cpu/cpu3/trace".
func isPerCPU(path string) bool {
	ok, err := filepath.Match("cpu[0-9]*", filepath.Base(filepath.Dir(path)))
	return ok && err == nil && filepath.Base(path) == "trace"
}

// perCPUTexts are the files per_cpu/cpuN/trace below a folder, or below that folder if
// it is per_cpu itself.
func perCPUTexts(dir string) []string {
	for _, below := range []string{"per_cpu", "."} {
		entries, _ := os.ReadDir(filepath.Join(dir, below))
		var paths []string
		for _, e := range entries {
			path := filepath.Join(dir, below, e.Name(), "trace")
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() && isPerCPU(path) {
				paths = append(paths, path)
			}
		}
		if len(paths) > 0 {
			return paths
		}
	}
	return nil
}

// areOne reports whether stretches are of different CPUs and overlap in time.
func areOne(all []ftext.Stretch) bool {
	if len(all) < 2 {
		return false
	}
	cpus := map[int32]bool{}
	for _, s := range all {
		if cpus[s.CPU] {
			return false
		}
		cpus[s.CPU] = true
	}
	byTime := slices.Clone(all)
	slices.SortFunc(byTime, func(a, b ftext.Stretch) int {
		if a.First < b.First {
			return -1
		}
		return 1
	})
	last := byTime[0].Last
	for _, s := range byTime[1:] {
		if s.First > last {
			return false
		}
		last = max(last, s.Last)
	}
	return true
}

var errNotOneCPU = errors.New("not the text of one CPU")

// stretchOf looks at both ends of a file, which is to be the kernel's text of one CPU.
// events is false if it is a header only.
func stretchOf(path string) (s ftext.Stretch, events bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return s, false, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || !st.Mode().IsRegular() {
		return s, false, errNotOneCPU
	}
	return stretchAt(f, 0, st.Size())
}

// stretchAt is stretchOf for a part of a file.
func stretchAt(r io.ReaderAt, from, end int64) (s ftext.Stretch, events bool, err error) {
	head, tail := piece(r, from, min(from+sniffSize, end)), piece(r, max(from, end-sniffSize), end)
	if !plain.IsText(head) || !bytes.HasPrefix(head, []byte(tracerLine)) && !ftext.Sniff(head) {
		return s, false, errNotOneCPU
	}
	pieces := [][]byte{head}
	if end-from > sniffSize {
		pieces = append(pieces, tail)
	}
	s, ok := ftext.OneCPU(pieces...)
	if !ok && (s.CPU >= 0 || end-from > sniffSize) {
		return s, false, errNotOneCPU
	}
	return s, ok, nil
}

func piece(r io.ReaderAt, from, end int64) []byte {
	b := make([]byte, max(0, end-from))
	n, _ := r.ReadAt(b, from)
	return b[:n]
}

const tracerLine = "# tracer: "

// maxSearched bounds the text in which further headers are looked for.
const maxSearched = 1 << 30

// concatenated finds the texts of single CPUs that stand one after the other in a
// file, nil if the file is anything else.
func concatenated(r io.ReaderAt, size int64, path string) []ftext.Part {
	head := piece(r, 0, min(sniffSize, size))
	if !bytes.HasPrefix(head, []byte(tracerLine)) || size > maxSearched {
		return nil
	}
	first := head
	if n := bytes.Index(head, []byte("\n"+tracerLine)); n >= 0 {
		first = head[:n+1]
	}
	if _, ok := ftext.OneCPU(first); !ok && bytes.Count(first, []byte("\n")) > 20 {
		return nil // by far the most: the trace of a whole machine
	}
	parts, ends := sections(r, size, path)
	if len(parts) < 2 || len(parts) > maxTogether {
		return nil
	}
	var all []ftext.Stretch
	for i, p := range parts {
		s, events, err := stretchAt(r, p.Off, ends[i])
		if err != nil {
			return nil
		}
		if events {
			all = append(all, s)
		}
		parts[i].R = io.NewSectionReader(r, p.Off, ends[i]-p.Off)
	}
	if !areOne(all) {
		return nil
	}
	return parts
}

// sections are the stretches of a text that begin with the first line of a trace.
func sections(r io.ReaderAt, size int64, path string) (parts []ftext.Part, ends []int64) {
	const step = 1 << 20
	mark := []byte("\n" + tracerLine)
	parts = append(parts, ftext.Part{Name: path})
	lines := 0
	for at := int64(0); at < size; at += step {
		b := piece(r, at, min(at+step+int64(len(mark))-1, size))
		own := b[:min(step, len(b))] // marks that begin here
		for from := 0; ; {
			n := bytes.Index(b[from:], mark)
			if n < 0 || from+n >= len(own) {
				lines += bytes.Count(own[min(from, len(own)):], []byte("\n"))
				break
			}
			lines += bytes.Count(b[from:from+n+1], []byte("\n"))
			from += n + 1
			parts, ends = append(parts, ftext.Part{Name: path, Line: lines, Off: at + int64(from)}), append(ends, at+int64(from))
		}
	}
	return parts, append(ends, size)
}

// openTogether opens the texts of several CPUs.
func openTogether(name string, paths []string, o Options) (trace.Source, error) {
	var parts []ftext.Part
	var files closers
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			files.Close()
			return nil, err
		}
		files = append(files, f)
		parts = append(parts, ftext.Part{R: f, Name: path})
	}
	return openParts(parts, name, files, o)
}

func openParts(parts []ftext.Part, name string, c io.Closer, o Options) (trace.Source, error) {
	src, err := ftext.NewParts(parts, name, c, ftext.Options{Noise: o.Noise, Threads: o.Threads})
	if err != nil {
		return nil, err
	}
	m := &src.Table().Meta
	m.Notes = append(m.Notes, fmt.Sprintf("%d texts of one CPU each were read together, in the order of time", len(parts)))
	return src, nil
}
