package cli

import (
	"io/fs"
	"os"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Twins finds inputs that were read before: the same file, a copy, or the printed
// text of a recording. The zero Twins knows none.
type Twins struct {
	// alike are inputs by what they have in common with those that are the same;
	// files are those that exist, likewise
	alike map[result.Likeness][]result.Input
	files map[fileLikeness][]knownFile
}

// A fileLikeness is equal for two names of one file.
type fileLikeness struct{ size, modified int64 }

type knownFile struct {
	info fs.FileInfo
	path string
}

// Find returns the path of the input that in repeats, "" if there is none, and
// remembers in.
func (t *Twins) Find(in result.Input) string {
	own, others := in.Likenesses()
	for _, l := range others {
		for _, old := range t.alike[l] {
			if in.IsSame(old) {
				return old.Path
			}
		}
	}
	file, isFile := regularFile(in.Path)
	like := fileLikeness{}
	if isFile {
		like = fileLikeness{file.Size(), file.ModTime().UnixNano()}
		for _, old := range t.files[like] {
			if os.SameFile(file, old.info) {
				return old.path
			}
		}
	}
	if t.alike == nil {
		t.alike, t.files = map[result.Likeness][]result.Input{}, map[fileLikeness][]knownFile{}
	}
	for _, l := range own {
		t.alike[l] = append(t.alike[l], in)
	}
	if isFile {
		t.files[like] = append(t.files[like], knownFile{file, in.Path})
	}
	return ""
}

func regularFile(path string) (fs.FileInfo, bool) {
	info, err := os.Stat(path)
	return info, err == nil && info.Mode().IsRegular()
}
