package ksym

import (
	"slices"
	"strings"
)

// A Range is the space of one symbol: addresses from Start up to, not including,
// End. For the last symbol of a table End is Start+1, since its size is unknown.
type Range struct {
	Start, End uint64
	Module     string // "" for the kernel proper
}

// Contains reports whether addr lies in the range.
func (r Range) Contains(addr uint64) bool { return addr >= r.Start && addr < r.End }

// AddrOf returns the range of the first symbol with that name in the order of
// the text: the kernel proper comes before modules, as in the kernel's own
// kallsyms_lookup_name (kernel/kallsyms.c), which a filter with `.function`
// asks. Static functions share names; AppendRanges finds them all.
//
// It scans the text: it is meant for a filter's handful of names.
func (t *Table) AddrOf(name string) (Range, bool) {
	for r := range t.named(name) {
		return r, true
	}
	return Range{}, false
}

// AppendRanges appends the range of every symbol with that name, in the order of
// the text.
func (t *Table) AppendRanges(dst []Range, name string) []Range {
	for r := range t.named(name) {
		dst = append(dst, r)
	}
	return dst
}

// named yields the range of every symbol with that name. It looks for the bytes
// of the name and then at what surrounds them, which is several times faster
// than going through the symbols.
func (t *Table) named(name string) func(yield func(Range) bool) {
	return func(yield func(Range) bool) {
		if name == "" || strings.ContainsAny(name, " \t\n\v\f\r") {
			return
		}
		for at := 0; ; {
			i := strings.Index(t.text[at:], name)
			if i < 0 {
				return
			}
			i += at
			at = i + len(name)
			if addr, ok := t.symbolAt(i, at); ok {
				_, module := t.nameAt(i)
				if !yield(Range{Start: addr, End: addr + max(t.sizeOf(addr), 1), Module: module}) {
					return
				}
			}
		}
	}
}

// symbolAt returns the address of the symbol whose name is text[from:to], if
// these bytes are the whole name of a symbol that the table has.
func (t *Table) symbolAt(from, to int) (uint64, bool) {
	if from < 4 || t.text[from-1] != ' ' || to < len(t.text) && !isSpace(t.text[to]) {
		return 0, false
	}
	line := strings.LastIndexByte(t.text[:from], '\n') + 1
	addr, end := hexPrefix(t.text, line)
	if end+3 != from {
		return 0, false
	}
	addr += t.shift
	// The table leaves out some types and stops at a bad line, so it decides.
	i, _ := slices.BinarySearch(t.addrs, addr)
	for ; i < len(t.addrs) && t.addrs[i] == addr; i++ {
		if int(t.names[i]) == from {
			return addr, true
		}
	}
	return 0, false
}

// sizeOf returns the distance from a start to the next greater one, 0 when there
// is none.
func (t *Table) sizeOf(start uint64) uint64 {
	i, _ := slices.BinarySearch(t.addrs, start)
	return t.sizeFrom(i)
}
