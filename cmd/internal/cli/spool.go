package cli

import (
	"math"
	"syscall"
)

// spoolLimit is how much of an input may be unpacked into a temporary file in a
// folder: what --max-spool says, or the free space there less a tenth, so that
// one compressed file cannot fill the disk that others write to.
func (in *Inputs) spoolLimit(dir string) int64 {
	if in.maxSpool > 0 {
		return in.maxSpool
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil || st.Bsize <= 0 {
		return math.MaxInt64
	}
	free := min(uint64(st.Bavail), uint64(math.MaxInt64)/uint64(st.Bsize)) * uint64(st.Bsize) // statfs(2)
	return int64(free / 10 * 9)
}
