// Package ksym knows kernel symbols: the table of /proc/kallsyms, the ways in
// which kernels and tools print a symbol, and which parts of a name depend only
// on the build.
package ksym

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Table resolves kernel addresses. It is built from the text of
// /proc/kallsyms, and answers as libtraceevent does (src/event-parse.c, used by
// trace-cmd 3.x), so that a name found here is the name that trace-cmd prints:
//
//   - Symbols of type A and a are left out: on x86-64 they are offsets of per-CPU
//     variables, small numbers that mean no address. So are names beginning with
//     '$', the mapping symbols of arm and arm64 ($a $d $t $x).
//   - An address belongs to the symbol with the greatest start not above it, up
//     to the start of the next symbol; there are no sizes in kallsyms. So the
//     space between the kernel and its modules belongs to the last symbol before
//     it.
//   - Nothing lies after the last symbol: only its very start resolves to it.
//   - Of several names for one start, an address inside resolves to the one
//     listed first. For the start itself, see Lookup.
//
// A Table is the text (kept, not copied) and 12 bytes per symbol. It is never
// changed after NewTable and may be used by several goroutines.
type Table struct {
	text  string
	addrs []uint64 // ascending; aliases in reverse order of the text
	names []uint32 // addrs[i] is named at text[names[i]:]
	shift uint64   // what the text's addresses are less: see Moved
}

// A Holder is a trace that has the symbols of its kernel; they are nil if it has
// none after all.
type Holder interface{ Symbols() *Table }

// A User is a trace that lacks them. load is called when they are first needed; it
// must be told before the first event is read.
type User interface {
	UseSymbols(load func(buildID string) (*Table, error))
}

// A LineError is a kallsyms line that could not be read.
type LineError struct {
	Line   int // from 1
	Offset int // byte of the line's start in the text
	Text   string
	Msg    string
}

func (e *LineError) Error() string {
	return fmt.Sprintf("kallsyms line %d (byte %d): %q: %s", e.Line, e.Offset, e.Text, e.Msg)
}

// NewTable reads lines of the form "ffffffff81000000 T _text", with a tab and
// "[module]" after the names of modules. Blank lines and NULs at the end are
// allowed. The table keeps the text alive.
//
// Reading ends at the first bad line, as it does in trace-cmd: the table, which
// is never nil, then holds the symbols before it and the error is a *LineError.
// A caller can go on with the table and warn. A text of 4 GiB or more is an
// error and an empty table.
func NewTable(text string) (*Table, error) {
	t := &Table{}
	if uint64(len(text)) > math.MaxUint32 {
		return t, fmt.Errorf("kallsyms text of %d bytes is too large (limit 4 GiB)", len(text))
	}
	t.text = strings.TrimRight(text, "\x00")
	// A line is seldom shorter than 24 bytes, so this is at most half the text
	// and mostly one allocation; append takes care of the rest.
	n := min(strings.Count(t.text, "\n"), len(t.text)/24) + 1
	t.addrs, t.names = make([]uint64, 0, n), make([]uint32, 0, n)
	err := t.read()
	t.sort()
	return t, err
}

// read appends the symbols in the order of the text.
func (t *Table) read() error {
	text := t.text
	for at, line := 0, 1; at < len(text); line++ {
		end := len(text)
		addr, i := hex16(text, at)
		// Address, blank, one letter, blank, a name that is not empty.
		if i == at || i-at > 16 || i+3 >= len(text) || text[i] != ' ' || isSpace(text[i+1]) || text[i+2] != ' ' || isSpace(text[i+3]) {
			if nl := strings.IndexByte(text[at:], '\n'); nl >= 0 {
				end = at + nl
			}
			if end == at || text[at:end] == "\r" {
				at = end + 1
				continue
			}
			return &LineError{Line: line, Offset: at, Text: text[at:min(end, at+80)],
				Msg: "expected an address of up to 16 hex digits, a type letter and a name"}
		}
		name := i + 3
		if nl := strings.IndexByte(text[name:], '\n'); nl >= 0 {
			end = name + nl
		}
		if kind := text[i+1]; kind|0x20 != 'a' && text[name] != '$' {
			t.addrs = append(t.addrs, addr)
			t.names = append(t.names, uint32(name))
		}
		at = end + 1
	}
	return nil
}

// hex16 is hexPrefix for what nearly every line begins with: 16 digits and a
// blank, taken eight at a time.
func hex16(s string, at int) (v uint64, end int) {
	if len(s)-at < 17 || s[at+16] != ' ' {
		return hexPrefix(s, at)
	}
	high, ok := hex8(s[at : at+8])
	low, ok2 := hex8(s[at+8 : at+16])
	if !ok || !ok2 {
		return hexPrefix(s, at)
	}
	return high<<32 | low, at + 16
}

// hex8 reads eight digits, decimal or small letters, side by side: each is a byte
// of one word.
func hex8(s string) (v uint64, ok bool) {
	const each = 0x0101010101010101
	w := uint64(s[7]) | uint64(s[6])<<8 | uint64(s[5])<<16 | uint64(s[4])<<24 | uint64(s[3])<<32 | uint64(s[2])<<40 | uint64(s[1])<<48 | uint64(s[0])<<56
	if w&(0x80*each) != 0 {
		return 0, false
	}
	// with the upper bit set no subtraction borrows from the next byte: it stays
	// set where the byte was not less
	const top = 0x80 * each
	notBelow := func(c uint64) uint64 { return ((w | top) - c*each) & top }
	digit := notBelow('0') &^ notBelow('9'+1)
	letter := notBelow('a') &^ notBelow('f'+1)
	if digit|letter != top {
		return 0, false
	}
	letters := letter >> 7 // 1 in each byte that is one
	w = w&(0x0f*each) + 9*letters
	w = (w | w>>4) & 0x00ff00ff00ff00ff
	w = (w | w>>8) & 0x0000ffff0000ffff
	return (w | w>>16) & 0xffffffff, true
}

// hexPrefix reads the hex digits at s[at:], at most 17 so that the caller sees
// an overlong number, and returns the offset after them.
func hexPrefix(s string, at int) (v uint64, end int) {
	end = at
	for limit := min(len(s), at+17); end < limit; end++ {
		d := hexValue[s[end]]
		if d > 15 {
			break
		}
		v = v<<4 | uint64(d)
	}
	return v, end
}

// hexValue maps a hex digit to its value and every other byte to 255.
var hexValue = func() (v [256]uint8) {
	for c := range v {
		switch {
		case c >= '0' && c <= '9':
			v[c] = uint8(c - '0')
		case c >= 'a' && c <= 'f':
			v[c] = uint8(c - 'a' + 10)
		case c >= 'A' && c <= 'F':
			v[c] = uint8(c - 'A' + 10)
		default:
			v[c] = 255
		}
	}
	return v
}()

// sort orders the symbols by address. The kernel prints its own symbols sorted
// and then each module's in the order of its ELF table, so only the tail after
// the first step down is really sorted, and merged into the rest from the top.
func (t *Table) sort() {
	k := 1
	for k < len(t.addrs) && t.addrs[k] >= t.addrs[k-1] {
		k++
	}
	if k < len(t.addrs) {
		type symbol struct {
			addr uint64
			name uint32
		}
		tail := make([]symbol, len(t.addrs)-k)
		for i := range tail {
			tail[i] = symbol{t.addrs[k+i], t.names[k+i]}
		}
		slices.SortFunc(tail, func(a, b symbol) int {
			if c := cmp.Compare(a.addr, b.addr); c != 0 {
				return c
			}
			return cmp.Compare(a.name, b.name)
		})
		i, j := k-1, len(tail)-1
		for to := len(t.addrs) - 1; j >= 0; to-- {
			if i >= 0 && t.addrs[i] > tail[j].addr {
				t.addrs[to], t.names[to] = t.addrs[i], t.names[i]
				i--
			} else {
				t.addrs[to], t.names[to] = tail[j].addr, tail[j].name
				j--
			}
		}
	}
	// Aliases are now in the order of the text. libtraceevent collects symbols in
	// a list that it fills at the head and sorts stably, which reverses them.
	for i := 0; i < len(t.addrs); {
		j := i + 1
		for j < len(t.addrs) && t.addrs[j] == t.addrs[i] {
			j++
		}
		if j-i > 1 {
			slices.Reverse(t.names[i:j])
		}
		i = j
	}
}

// Len returns the number of symbols.
func (t *Table) Len() int { return len(t.addrs) }

// Hidden reports whether every address is 0: the kernel shows kallsyms so to a
// reader without the right to see addresses (sysctl kernel.kptr_restrict), and
// such a table resolves nothing.
func (t *Table) Hidden() bool {
	return len(t.addrs) > 0 && t.addrs[len(t.addrs)-1] == 0
}

// Lookup returns the symbol that contains addr, with Addr = addr and HasOffset
// set. Size reaches to the next symbol, 0 for the last one. The strings are part
// of the table's text. It does not allocate.
//
// Where addr is exactly the start of several names, libtraceevent takes the one
// that its binary search (bsearch of glibc) meets first, which depends on the
// number of symbols. This is the same search, so the same name comes out.
func (t *Table) Lookup(addr uint64) (Symbol, bool) {
	lo, hi := 0, len(t.addrs)
	for lo < hi {
		i := int(uint(lo+hi) >> 1)
		start := t.addrs[i]
		switch {
		case addr < start:
			hi = i
		case addr == start || i+1 < len(t.addrs) && addr < t.addrs[i+1]:
			name, module := t.nameAt(int(t.names[i]))
			return Symbol{Name: name, Module: module, Addr: addr, Offset: addr - start, Size: t.sizeFrom(i), HasOffset: true}, true
		default:
			lo = i + 1
		}
	}
	return Symbol{}, false
}

// sizeFrom returns the distance from symbol i to the next greater address, 0
// when there is none.
func (t *Table) sizeFrom(i int) uint64 {
	for j := i + 1; j < len(t.addrs); j++ {
		if t.addrs[j] != t.addrs[i] {
			return t.addrs[j] - t.addrs[i]
		}
	}
	return 0
}

// nameAt returns the name that begins at text[at:] and its module, "" for the
// kernel proper. Tabs and blanks separate them; what is after is ignored.
func (t *Table) nameAt(at int) (name, module string) {
	s := t.text[at:]
	end := 0
	for end < len(s) && !isSpace(s[end]) {
		end++
	}
	name, s = s[:end], s[end:]
	if len(s) < 2 || s[0] != '\t' && s[0] != ' ' || s[1] != '[' {
		return name, ""
	}
	s = s[2:]
	for end = 0; end < len(s) && !isSpace(s[end]) && s[end] != ']'; end++ {
	}
	return name, s[:end]
}

// isSpace is isspace of C: a name may hold any other byte. Modules of arm64 have
// labels such as ".L14472\x021" in kallsyms.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
