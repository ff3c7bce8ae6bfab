// Package tracefs reads a copy of the kernel's trace file system: a folder with
// the raw pages of the ring buffers beside the files that describe them.
//
// It is what is left to take from a machine without trace-cmd:
//
//	cd /sys/kernel/tracing
//	cp --parents -r events saved_cmdlines saved_tgids printk_formats trace_clock DIR
//	cp /proc/kallsyms DIR
//	cat per_cpu/cpu0/trace_pipe_raw > DIR/per_cpu/cpu0/trace_pipe_raw   (each CPU)
//
// Only the pages and the events' formats are needed. What else is missing makes
// names of tasks and functions numbers and is said in the trace's notes.
package tracefs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

// Options of Open.
type Options struct {
	// Decompress unpacks a file that may be compressed; nil reads files as they
	// are.
	Decompress func(io.Reader) (io.ReadCloser, error)
	Threads    int // as in tracedat.Options
}

// pageFiles are the places of a CPU's pages in a snapshot. The first one is that
// of a recorder of ours, which writes compressed chunks.
func pageFiles() [3]string {
	return [...]string{chunkFiles, "per_cpu/cpu*/trace_pipe_raw", "raw/cpu*.trace_pipe_raw"}
}

const chunkFiles = "per_cpu/cpu*/trace_pipe_raw.chunks"

// formatDirs are the two names of the folder with the events' formats.
func formatDirs() []string { return []string{"events", "formats"} }

// IsSnapshot reports whether a folder holds raw pages and event formats.
func IsSnapshot(dir string) bool {
	return formatDir(dir) != "" && (isDir(filepath.Join(dir, "raw")) || isDir(filepath.Join(dir, "per_cpu"))) && len(pagesIn(dir)) > 0
}

// IsBegun reports whether a folder is the beginning of one: what a recorder leaves
// that is killed while it prepares, by its name, without pages.
func IsBegun(dir string) bool {
	return strings.HasSuffix(filepath.Clean(dir), ".partial") && len(pagesIn(dir)) == 0
}

func formatDir(dir string) string {
	for _, name := range formatDirs() {
		if path := filepath.Join(dir, name); isDir(path) {
			return path
		}
	}
	return ""
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// A cpuPages is a file with the pages of one CPU.
type cpuPages struct {
	cpu    int
	path   string
	chunks bool
}

// pagesIn finds the CPUs' pages, in the order of the CPUs. Of two files of one
// CPU that in per_cpu counts.
func pagesIn(dir string) []cpuPages {
	var out []cpuPages
	have := map[int]bool{}
	for _, pattern := range pageFiles() {
		// the folder's own name may hold a star
		if pattern != chunkFiles && len(out) > 0 && out[0].chunks {
			break // one folder has one form
		}
		before, behind, _ := strings.Cut(pattern, "*")
		before = filepath.Join(dir, before)
		paths, _ := filepath.Glob(filepath.Join(globEscape(dir), pattern)) // fails only for a bad pattern
		for _, path := range paths {
			number := strings.TrimSuffix(strings.TrimPrefix(path, before), behind)
			cpu, err := strconv.ParseUint(number, 10, 16)
			if err != nil || have[int(cpu)] {
				continue
			}
			if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
				have[int(cpu)] = true
				out = append(out, cpuPages{int(cpu), path, pattern == chunkFiles})
			}
		}
	}
	slices.SortFunc(out, func(a, b cpuPages) int { return a.cpu - b.cpu })
	return out
}

// globEscape makes a path match itself in a pattern.
func globEscape(path string) string {
	return regexp.MustCompile(`[][*?\\]`).ReplaceAllString(path, `\$0`)
}

// A Source is a snapshot's trace.
type Source struct {
	*tracedat.Source
	pages   *pages
	partial bool
	missing error // CPUs whose pages are not there
}

// Err implements trace.Source. Pages that are missing are damage as those are
// that cannot be read.
func (s *Source) Err() error {
	switch err := s.Source.Err(); {
	case err != nil:
		return err
	case s.partial:
		return fmt.Errorf("%s: a recording that did not come to its end: what its recorder had not written by then is missing", s.Table().Meta.Path)
	}
	return s.missing
}

// Close implements trace.Source.
func (s *Source) Close() error { return errors.Join(s.Source.Close(), s.pages.close()) }

// Open opens a snapshot folder. The Source must be closed.
func Open(dir string, o Options) (*Source, error) {
	d := &snapshot{dir: dir, o: o}
	formats := formatDir(dir)
	if formats == "" {
		return nil, fmt.Errorf("%s: no folder events or formats: the raw pages cannot be read without the events' formats", dir)
	}
	p, err := openPages(pagesIn(dir))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	src, err := d.open(formats, p)
	if err != nil {
		p.close()
		return nil, err
	}
	s := &Source{Source: src, pages: p, partial: d.partial}
	if cpus := d.without(p); len(cpus) > 0 && !d.partial {
		s.missing = fmt.Errorf("%s: no pages of CPUs %s: the files trace_pipe_raw are missing or empty, and per_cpu/cpuN/stats does not say that nothing was recorded: what those CPUs did is not known",
			dir, strings.Join(cpus, ","))
		m := &src.Table().Meta
		m.Notes = append(m.Notes, "no pages of CPUs "+strings.Join(cpus, ","))
	}
	return s, nil
}

// without lists the CPUs that have no pages: those up to the last one that has,
// and others that have a folder in per_cpu. A CPU of which the kernel says that
// nothing was recorded needs none.
func (d *snapshot) without(p *pages) []string {
	end := 0
	have := map[int]bool{}
	for _, f := range p.files {
		if f.size > 0 {
			have[f.cpu] = true
			end = max(end, f.cpu+1)
		}
	}
	paths, _ := filepath.Glob(filepath.Join(globEscape(d.dir), "per_cpu/cpu*"))
	for _, path := range paths {
		if cpu, err := strconv.ParseUint(strings.TrimPrefix(filepath.Base(path), "cpu"), 10, 16); err == nil {
			end = max(end, int(cpu)+1)
		}
	}
	var out []string
	for cpu := range end {
		if !have[cpu] && !recordedNothing(d.read("", fmt.Sprintf("per_cpu/cpu%d/stats", cpu))) {
			out = append(out, strconv.Itoa(cpu))
		}
	}
	return out
}

// recordedNothing reports whether a CPU's stats (kernel/trace/trace.c,
// tracing_stats_read) say that no event was written, nor taken by a reader.
func recordedNothing(stats []byte) bool {
	counts := map[string]string{}
	for line := range strings.Lines(string(stats)) {
		name, value, _ := strings.Cut(line, ":")
		counts[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	for _, name := range []string{"entries", "overrun", "commit overrun", "dropped events", "read events"} {
		if counts[name] != "0" {
			return false
		}
	}
	return true
}

// A snapshot is a folder while it is being opened.
type snapshot struct {
	dir   string
	o     Options
	notes []string
	clock string
	// partial says that a recorder of ours did not get to make a trace.dat of it
	partial bool
}

func (d *snapshot) open(formats string, p *pages) (*tracedat.Source, error) {
	head, err := d.image(formats, p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.dir, err)
	}
	p.head = head
	src, err := tracedat.Open(p, p.size(), d.dir, tracedat.Options{Threads: d.o.Threads, Sparse: true})
	if err != nil {
		return nil, err
	}
	d.notes = append(d.notes, p.notes...)
	src.SetTGIDs(d.tgids())
	m := &src.Table().Meta
	m.Format = "tracefs folder"
	m.Notes = append(m.Notes, d.notes...)
	return src, nil
}

// maxFile bounds what is read of one file; kallsyms of large kernels has some
// 20 MB.
const maxFile = 256 << 20

// read returns the first file of that name, plain or compressed. What is not
// there is nil, and said if without names what the trace lacks then.
func (d *snapshot) read(without string, names ...string) []byte {
	for _, name := range names {
		paths, _ := filepath.Glob(filepath.Join(globEscape(d.dir), name+"*"))
		for _, path := range paths {
			if ext := filepath.Base(path)[len(filepath.Base(name)):]; ext != "" && ext != ".gz" && ext != ".zst" && ext != ".xz" && ext != ".bz2" {
				continue
			}
			text, err := d.readFile(path)
			if err == nil {
				return text
			}
			if !errors.Is(err, fs.ErrNotExist) {
				d.notes = append(d.notes, fmt.Sprintf("%s is not readable: %v", path, err))
			}
		}
	}
	if without != "" {
		d.notes = append(d.notes, fmt.Sprintf("no file %s: %s", names[0], without))
	}
	return nil
}

func (d *snapshot) readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.ReadCloser = f
	if d.o.Decompress != nil {
		if r, err = d.o.Decompress(f); err != nil {
			return nil, err
		}
		defer r.Close()
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("more than %d MiB", maxFile>>20)
	}
	return text, err
}

var _ trace.Source = (*Source)(nil)
