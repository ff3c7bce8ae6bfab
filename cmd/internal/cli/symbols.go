package cli

import (
	"archive/tar"
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/ksym"
)

// maxSymbols bounds a kallsyms text; those of large kernels have some 20 MB.
const maxSymbols = 128 << 20

// A SymbolSource is what --symbols names: one kernel's symbols, or those of
// several that are told apart by their build-ids.
type SymbolSource struct {
	path  string
	table *ksym.Table // of a file
	id    string      // the build-id of its kernel, empty if it is not known
	byID  map[string]func() (*ksym.Table, error)
	lock  sync.Mutex // of byID: traces may be read at once
}

// For returns the symbols of a kernel; buildID is empty if it is not known.
func (s *SymbolSource) For(buildID string) (*ksym.Table, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if s.table != nil {
		if s.id != "" && buildID != "" && s.id != buildID {
			return nil, fmt.Errorf("%s is of the kernel with the build-id %s, the trace's has %s: names would be wrong", s.path, s.id, buildID)
		}
		return s.table, nil
	}
	id, load := buildID, s.byID[buildID]
	if load == nil && (buildID == "" || s.byID[""] != nil) && len(s.byID) == 1 {
		for id, load = range s.byID {
		}
	}
	if load == nil {
		var ids []string
		for id := range s.byID {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		if buildID == "" {
			return nil, fmt.Errorf("%s holds %d kernels, and the trace does not say its build-id: name the kallsyms of one", s.path, len(ids))
		}
		return nil, fmt.Errorf("%s holds no kernel with the trace's build-id %s, but %s", s.path, buildID, strings.Join(ids, ", "))
	}
	t, err := load()
	if err != nil {
		return nil, err
	}
	s.byID[id] = func() (*ksym.Table, error) { return t, nil }
	return t, nil
}

// loadSymbols opens what --symbols names: a kallsyms or System.map, plain or
// compressed, a build-id cache of perf or a part of it, or a tar of perf archive.
func loadSymbols(path string) (*SymbolSource, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	s := &SymbolSource{path: path}
	if st.IsDir() {
		err = s.readFolder()
	} else {
		err = s.readFile()
	}
	if err != nil {
		return nil, fmt.Errorf("--symbols: %w", err)
	}
	return s, nil
}

// readFolder looks for kallsyms as a build-id cache has them:
// [kernel.kallsyms]/BUILD-ID/kallsyms (tools/perf/util/build-id.c).
func (s *SymbolSource) readFolder() error {
	s.byID = map[string]func() (*ksym.Table, error){}
	for _, below := range []string{"", "*", "[[]kernel.kallsyms]/*", "*/[[]kernel.kallsyms]/*"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(s.path), below, "kallsyms*"))
		if err != nil {
			return err
		}
		for _, file := range found {
			if abs, err := filepath.Abs(file); err == nil {
				s.byID[buildIDOf(abs)] = func() (*ksym.Table, error) {
					one := &SymbolSource{path: file}
					err := one.readFile()
					return one.table, err
				}
			}
		}
	}
	if len(s.byID) == 0 {
		return fmt.Errorf("%s: no kallsyms in this folder: want a build-id cache (~/.debug) or a folder below it", s.path)
	}
	return nil
}

func escapeGlob(path string) string {
	return regexp.MustCompile(`[\\*?[]`).ReplaceAllString(path, `\$0`)
}

// buildIDOf is the build-id that a path of a cache names, empty if it is none.
func buildIDOf(file string) string {
	id := path.Base(path.Dir(filepath.ToSlash(file)))
	if regexp.MustCompile(`^[0-9a-f]{40}$`).MatchString(id) {
		return id
	}
	return ""
}

func (s *SymbolSource) readFile() error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := parser.Decompress(f)
	if err != nil {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	defer r.Close()
	br := bufio.NewReader(r)
	head, _ := br.Peek(512)
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return s.readTar(br)
	}
	s.table, err = readSymbols(br, s.path)
	s.id = idOfFile(s.path)
	return err
}

// idOfFile is the build-id of the kernel that a file of symbols is of: that of the
// running one, or what the path of perf's cache says. It is empty if it is not
// known.
func idOfFile(file string) string {
	abs, err := filepath.Abs(file)
	switch {
	case err != nil:
		return ""
	case abs == "/proc/kallsyms":
		notes, err := os.ReadFile("/sys/kernel/notes")
		if err != nil {
			return ""
		}
		return buildIDNote(notes, binary.NativeEndian)
	case strings.HasPrefix(filepath.Base(abs), "kallsyms"):
		return buildIDOf(abs)
	}
	return ""
}

// buildIDNote finds the build-id among ELF notes (elf(5): NT_GNU_BUILD_ID).
func buildIDNote(b []byte, order binary.ByteOrder) string {
	const gnuBuildID = 3
	for len(b) >= 12 {
		name, desc, typ := uint64(order.Uint32(b)), uint64(order.Uint32(b[4:])), order.Uint32(b[8:])
		at := 12 + (name+3)&^3
		end := at + desc
		if end > uint64(len(b)) {
			return ""
		}
		if typ == gnuBuildID && string(b[12:12+name]) == "GNU\x00" {
			return hex.EncodeToString(b[at:end])
		}
		b = b[min((end+3)&^3, uint64(len(b))):]
	}
	return ""
}

// readTar reads what perf archive packs: the parts of the build-id cache that a
// recording needs.
func (s *SymbolSource) readTar(r io.Reader) error {
	s.byID = map[string]func() (*ksym.Table, error){}
	for t := tar.NewReader(io.LimitReader(r, 4<<30)); ; {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		if h.Typeflag != tar.TypeReg || path.Base(h.Name) != "kallsyms" || len(s.byID) >= 16 {
			continue
		}
		table, err := readSymbols(bufio.NewReader(t), s.path+": "+h.Name)
		s.byID[buildIDOf("/"+h.Name)] = func() (*ksym.Table, error) { return table, err }
	}
	if len(s.byID) == 0 {
		return fmt.Errorf("%s: no kallsyms in this archive: want one of perf archive", s.path)
	}
	return nil
}

func readSymbols(br *bufio.Reader, name string) (*ksym.Table, error) {
	if head, _ := br.Peek(br.Size()); bytes.IndexByte(head, 0) >= 0 {
		return nil, fmt.Errorf("%s: want the text of kallsyms, this has bytes of 0", name)
	}
	text, err := ReadAll(br, name, maxSymbols)
	if err != nil {
		return nil, err
	}
	t, err := ksym.NewTable(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if t.Len() == 0 {
		return nil, errors.New(name + ": no symbols in it")
	}
	return t, nil
}
