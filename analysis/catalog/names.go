package catalog

import (
	"errors"
	"slices"
	"strings"
)

// names maps function names and prefixes of them to values.
type names[T any] struct {
	exact    map[string]T
	patterns map[[minPrefix]byte][]pattern[T] // by the first bytes, the longest first
}

// A pattern is NAME* with # for one hexadecimal digit.
type pattern[T any] struct {
	text  string // without the star
	value T
}

// minPrefix is the least number of plain letters before the star: patterns are found by
// them, and a shorter one would say nothing about a function.
const minPrefix = 3

// checkName says what is wrong with a name or pattern of a table.
func checkName(s string) error {
	stem, star := strings.CutSuffix(s, "*")
	switch {
	case strings.Contains(stem, "*"):
		return errors.New("a star may only be the last character")
	case !star && strings.Contains(stem, "#"):
		return errors.New("# stands for a digit in a prefix (NAME#*) only")
	case star && (len(stem) < minPrefix || strings.Contains(stem[:minPrefix], "#")):
		return errors.New("a prefix needs at least 3 letters before the star")
	}
	return nil
}

// add enters a name or pattern that checkName accepts; a later one with the same text wins.
func (n *names[T]) add(s string, v T) {
	stem, star := strings.CutSuffix(s, "*")
	if !star {
		if n.exact == nil {
			n.exact = make(map[string]T)
		}
		n.exact[s] = v
		return
	}
	if n.patterns == nil {
		n.patterns = make(map[[minPrefix]byte][]pattern[T])
	}
	key := [minPrefix]byte([]byte(stem[:minPrefix]))
	list := n.patterns[key]
	i := slices.IndexFunc(list, func(p pattern[T]) bool { return len(p.text) < len(stem) })
	if i < 0 {
		i = len(list)
	}
	n.patterns[key] = slices.Insert(list, i, pattern[T]{stem, v})
}

func (n *names[T]) isEmpty() bool { return n.exact == nil && n.patterns == nil }

// get returns the value that was added for a name or pattern.
func (n *names[T]) get(s string) (v T, ok bool) {
	stem, star := strings.CutSuffix(s, "*")
	if !star {
		v, ok = n.exact[s]
		return v, ok
	}
	for _, p := range n.patterns[[minPrefix]byte([]byte(stem[:minPrefix]))] {
		if p.text == stem {
			return p.value, true
		}
	}
	return v, false
}

// find returns the value of name and the part of name that a star stands for.
func (n *names[T]) find(name string) (v T, rest string, ok bool) {
	if v, ok = n.exact[name]; ok {
		return v, name, true
	}
	if len(name) < minPrefix || n.patterns == nil {
		return v, "", false
	}
	for _, p := range n.patterns[[minPrefix]byte{name[0], name[1], name[2]}] {
		if hasPrefix(name, p.text) {
			return p.value, name[len(p.text):], true
		}
	}
	return v, "", false
}

// each calls f with the value of every name and pattern.
func (n *names[T]) each(f func(T)) {
	for _, v := range n.exact {
		f(v)
	}
	for _, list := range n.patterns {
		for _, p := range list {
			f(p.value)
		}
	}
}

func hasPrefix(name, stem string) bool {
	if len(name) < len(stem) {
		return false
	}
	for i := range len(stem) {
		if stem[i] != name[i] && !(stem[i] == '#' && isHex(name[i])) {
			return false
		}
	}
	return true
}

func isHex(c byte) bool { return c-'0' <= 9 || c-'a' <= 5 }
