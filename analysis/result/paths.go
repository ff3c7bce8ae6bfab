package result

import (
	"path/filepath"
	"strings"
)

// ShortPaths gives each input the shortest end of its path that tells it from
// the others: trace.dat files of different folders are the rule.
func ShortPaths(inputs []Input) []string {
	heads := make([]string, len(inputs))
	for depth := 1; depth <= 8; depth++ {
		count := map[string]int{}
		for i, in := range inputs {
			heads[i] = pathEnd(in.Path, depth)
			count[heads[i]]++
		}
		if len(count) == len(inputs) {
			break
		}
	}
	// "before/trace.dat" and "after/trace.dat" are "before" and "after"
	folders := map[string]bool{}
	for _, head := range heads {
		folders[filepath.Dir(head)] = true
	}
	if len(folders) == len(heads) && len(heads) > 1 {
		for i, in := range inputs {
			if strings.HasPrefix(filepath.Base(in.Path), "trace.") {
				heads[i] = filepath.Dir(heads[i])
			}
		}
	}
	return heads
}

// pathEnd is the last n elements of a path.
func pathEnd(path string, n int) string {
	parts := strings.Split(filepath.ToSlash(path), "/")
	return strings.Join(parts[max(0, len(parts)-n):], "/")
}
