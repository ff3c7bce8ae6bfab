package cli

import (
	"os"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Twins finds inputs that were read before: the same file, a copy, or the printed
// text of a recording.
type Twins struct{ read []result.Input }

// find returns the path of the input that in repeats, "" if there is none, and
// remembers in.
func (t *Twins) find(path string, in result.Input) string {
	for _, old := range t.read {
		if in.IsSame(old) || isSameFile(path, old.Path) {
			return old.Path
		}
	}
	in.Path = path
	t.read = append(t.read, in)
	return ""
}

func isSameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil || !x.Mode().IsRegular() {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
