package cli

import (
	"fmt"
	"math"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
)

// A ceiling ends a run that needs more memory than it may take. It counts what
// the program holds: buffers, names, stacks, groups and what the garbage
// collector has not freed yet; not the file's pages in the kernel's cache.
type ceiling struct {
	text   string // as it was typed
	limit  uint64
	sample []metrics.Sample
}

// leastMemory is the lowest ceiling that holds: what is resident, with the program's
// own code, is at most 1.25 times as much (measured on recordings of 16 MB and more).
const leastMemory = 48 << 20

// window is how far back compressed data may refer: a part of what there is. A nil
// ceiling is none.
func (c *ceiling) window() uint64 {
	if c == nil {
		return 0
	}
	return c.limit / 4
}

// newCeiling reads a number of bytes with the unit K, M or G, 1024 each. Close to
// the limit the garbage collector works harder.
func newCeiling(size string) (*ceiling, error) {
	n, err := ParseSize(size)
	if err != nil {
		return nil, Usage(fmt.Errorf("--max-memory %q: want a number of bytes such as 64M, 1G", size))
	}
	if n < leastMemory {
		return nil, Usage(fmt.Errorf("--max-memory %s: the program itself takes about 50M: give 48M or more", size))
	}
	debug.SetMemoryLimit(n)
	return &ceiling{size, uint64(n), []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"},
	}}, nil
}

// ParseSize reads a number of bytes, at least 1, with the unit K, M or G, 1024
// each.
func ParseSize(size string) (int64, error) {
	number, unit := size, uint64(1)
	for i, suffix := range []string{"K", "M", "G"} {
		if rest, ok := strings.CutSuffix(strings.TrimSuffix(strings.ToUpper(size), "IB"), suffix); ok {
			number, unit = rest, 1<<(10*(i+1))
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 64)
	if err != nil || n == 0 || n > math.MaxInt64/unit {
		return 0, fmt.Errorf("%q: want a number of bytes such as 64M, 1G", size)
	}
	return int64(n * unit), nil
}

// A memoryError says that the ceiling was reached.
type memoryError struct{ limit string }

func (e *memoryError) Error() string {
	return fmt.Sprintf("more than %s of memory is needed (--max-memory): figures are partial; group by fewer keys, or choose --events, --cpu or a time with --from and --to", e.limit)
}

// check reports whether the program is above its ceiling. A nil ceiling is none.
func (c *ceiling) check() error {
	if c == nil {
		return nil
	}
	metrics.Read(c.sample)
	if c.sample[0].Value.Uint64()-c.sample[1].Value.Uint64() > c.limit {
		return &memoryError{c.text}
	}
	return nil
}
