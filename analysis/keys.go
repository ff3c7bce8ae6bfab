package analysis

import (
	"fmt"
	"slices"
	"strings"
)

// An UnknownKeyError is a group key that does not exist.
type UnknownKeyError struct {
	Name  string
	Valid []string
}

func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("unknown key %q: want %s", e.Name, strings.Join(e.Valid, ", "))
}

// ParseKeys reads a comma-separated list of group keys. names holds the keys'
// names in the order of their numbers.
func ParseKeys[K ~uint8](list string, names []string) ([]K, error) {
	var keys []K
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(names, strings.TrimSpace(name))
		if i < 0 {
			return nil, &UnknownKeyError{strings.TrimSpace(name), names}
		}
		if slices.Contains(keys, K(i)) {
			return nil, fmt.Errorf("key %q is given twice", name)
		}
		keys = append(keys, K(i))
	}
	return keys, nil
}
