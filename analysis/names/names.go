// Package names says what a value of a row stands for: a function, cause, entry
// or class, as tables print it. A value may be one name, a set "a|b|c" of which
// one is meant, or unknown, which may be any. Whoever looks for a name, in a
// budget, a condition or a row of another recording, asks here, so that one
// cause is not counted, passed or called gone by a rule of its own.
package names

import (
	"iter"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Unknown is the value of which no evidence tells anything.
const Unknown = "unknown"

// Undecided is the result of a check that what is unknown decides: it holds
// without the hits that may be of that name, and not with them.
const Undecided = "undecided"

// Reason is the word for why a row has no verdict where Undecided is meant:
// hits of which the name is unknown may be its own.
const Reason = "unknown"

// An Answer says whether a value stands for a name.
type Answer uint8

const (
	No  Answer = iota // it is something else
	May               // it may be
	Is
)

// same reports that two names mean the same: ipi_raise gives the reschedule IPI
// another one (arch/arm64/kernel/smp.c, ipi_types).
func same(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(name string) string {
	if name == "Rescheduling interrupts" {
		return "reschedule"
	}
	return name
}

// Members returns the names of a value, of which it means one.
func Members(value string) iter.Seq[string] { return strings.SplitSeq(value, "|") }

// IsUnknown reports that a value may be any name: it is not known, no stack was
// recorded, a field or symbol is missing, or the row holds all that had no room
// of its own.
func IsUnknown(value string) bool {
	switch value {
	case "", Unknown, result.NoStack, "(other)":
		return true
	case "Function call interrupts", "IRQ work interrupts":
		return true // reasons of ipi_raise, which do not say what runs
	}
	return strings.HasSuffix(value, " (sender not recorded)") || IsAddress(value) // of an IPI that only noise tells of
}

// IsAddress reports a name that is a bare address, which no symbol was found
// for: 0xffffffff81bc5c10. 0x0 is the callback of the reschedule IPI.
func IsAddress(s string) bool {
	digits, ok := strings.CutPrefix(s, "0x")
	return ok && len(digits) > 1 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// IsSet reports that a value means one of several names.
func IsSet(value string) bool { return strings.Contains(value, "|") }

// Match says whether a value of a row stands for a name, which may be a set
// itself: then any of its names will do.
func Match(value, name string) Answer {
	if value == name {
		return Is
	}
	wanted := slices.Collect(Members(name))
	return MatchFunc(value, func(m string) bool { return slices.ContainsFunc(wanted, func(w string) bool { return same(m, w) }) })
}

// MatchFunc says whether a value of a row stands for a name that match takes:
// it does if match takes each of its names, and may if it takes one of them.
func MatchFunc(value string, match func(name string) bool) Answer {
	some, all := false, true
	for m := range Members(value) {
		switch {
		case match(m):
			some = true
		case IsUnknown(m):
			some, all = true, false
		default:
			all = false
		}
	}
	switch {
	case some && all:
		return Is
	case some:
		return May
	}
	return No
}

// Overlap reports that two values have a name in common, so that both may mean
// the same. What is unknown has none.
func Overlap(a, b string) bool {
	if a == b {
		return true
	}
	for m := range Members(a) {
		for n := range Members(b) {
			if same(m, n) && !IsUnknown(m) {
				return true
			}
		}
	}
	return false
}

// MayBeSame reports that two values may mean the same: they overlap, or one of
// them is unknown.
func MayBeSame(a, b string) bool {
	return Overlap(a, b) || slices.ContainsFunc(slices.Collect(Members(a)), IsUnknown) || slices.ContainsFunc(slices.Collect(Members(b)), IsUnknown)
}
