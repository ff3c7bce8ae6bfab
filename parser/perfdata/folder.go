package perfdata

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
)

// IsFolder reports whether a folder is a perf.data with a file for each thread of
// the recorder (perf record --threads).
func IsFolder(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "data"))
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 8)
	if _, err := io.ReadFull(f, magic); err != nil {
		return false
	}
	return Sniff(magic)
}

// partName matches the files of a folder that hold records.
func partName() *regexp.Regexp { return regexp.MustCompile(`^data\.([0-9]+)$`) }

// IsPart reports whether a file is one of such a folder: it has no header, so that
// nothing can be told from it alone.
func IsPart(path string) bool {
	return partName().MatchString(filepath.Base(path)) && IsFolder(filepath.Dir(path))
}

// OpenFolder reads such a folder: a file with what describes the recording, and
// bare records in the others. Each has rounds of its own; they are merged by time.
func OpenFolder(dir string, o Options) (*Source, error) {
	var files []*os.File
	closeAll := func() {
		for _, f := range files {
			f.Close()
		}
	}
	open := func(name string) (*os.File, int64, error) {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, 0, err
		}
		files = append(files, f)
		st, err := f.Stat()
		if err != nil {
			return nil, 0, err
		}
		return f, st.Size(), nil
	}
	f, size, err := open("data")
	if err != nil {
		return nil, err
	}
	s, h, err := openFile(f, size, dir, o)
	if err != nil {
		closeAll()
		return nil, err
	}
	s.addStream(io.NewSectionReader(f, int64(h.data.off), int64(h.data.size)), int64(h.data.off), int64(h.data.size))
	parts, err := partsOf(dir)
	for _, n := range parts {
		name := "data." + strconv.Itoa(n)
		f, size, err := open(name)
		if err != nil {
			closeAll()
			return nil, err
		}
		s.addStream(f, 0, size)
	}
	if err != nil {
		closeAll()
		return nil, err
	}
	s.files = files
	s.table.Meta.Format = fmt.Sprintf("perf.data, directory of %d", len(parts))
	return s.opened()
}

// partsOf lists the numbers of the files with records.
func partsOf(dir string) ([]int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var parts []int
	for _, e := range entries {
		if m := partName().FindStringSubmatch(e.Name()); m != nil {
			n, err := strconv.Atoi(m[1])
			if err == nil {
				parts = append(parts, n)
			}
		}
	}
	sort.Ints(parts)
	return parts, nil
}
