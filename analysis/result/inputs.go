package result

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// Losses says how many events these inputs are known to lack together: "none", a
// number, "N or more" or "unknown number".
func Losses(inputs iter.Seq[*Input]) string {
	n, unknown := uint64(0), false
	for in := range inputs {
		n += in.Lost
		unknown = unknown || in.LostUnknown || in.Incomplete
	}
	switch {
	case unknown && n > 0:
		return fmt.Sprintf("%d or more", n)
	case unknown:
		return "unknown number"
	case n > 0:
		return fmt.Sprint(n)
	}
	return "none"
}

// Common is what several inputs say of one thing, one after the other where they
// differ. Those that say nothing are passed over.
func Common(values iter.Seq[string]) string {
	var all []string
	for v := range values {
		if v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return strings.Join(all, ", ")
}

// KeyText is a key as "function=do_sync_core cause=text_poke_bp_batch".
func KeyText(by, key []string) string {
	parts := make([]string, len(key))
	for i, k := range key {
		parts[i] = by[i] + "=" + k
	}
	return strings.Join(parts, " ")
}
