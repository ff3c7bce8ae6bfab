package cpumask

import (
	"fmt"
	"strconv"
	"strings"
)

// A SyntaxError says why a text or a record is not a CPU mask.
type SyntaxError struct {
	Form   string // "cpu list", "hex mask", "kernel cpu list" or "raw mask"
	Input  string // the text, shortened when it is long; empty for a raw mask
	Offset int    // byte in the input where reading stopped
	Msg    string // what was expected
}

func (e *SyntaxError) Error() string {
	if e.Input == "" {
		return fmt.Sprintf("%s: at byte %d: %s", e.Form, e.Offset, e.Msg)
	}
	return fmt.Sprintf("%s %q: at byte %d: %s", e.Form, e.Input, e.Offset, e.Msg)
}

const (
	formList   = "cpu list"
	formHex    = "hex mask"
	formKernel = "kernel cpu list"
	formRaw    = "raw mask"
)

const tooLarge = "CPU number above 65535; is this really a CPU mask?"

// syntaxError keeps at most 64 bytes of the input: an error must not hold on to
// a whole trace line.
func syntaxError(form string, s []byte, off int, msg string) error {
	in := string(s[:min(len(s), 64)])
	if len(s) > 64 {
		in += "..."
	}
	return &SyntaxError{Form: form, Input: in, Offset: off, Msg: msg}
}

// ParseList reads the printed list form, as trace-cmd, perf and %*pbl of the
// kernel write it: "0-3,8". The empty text is the empty set (trace-cmd prints
// `cpumask= callsite=...` for an empty mask). Order and overlap are free; blanks,
// signs and empty elements are errors.
func ParseList(s []byte) (Mask, error) {
	var m Mask
	err := m.setList(s)
	return m, err
}

func (m *Mask) setList(s []byte) error {
	m.Reset()
	if len(s) == 0 {
		return nil
	}
	for i := 0; ; i++ { // i++ steps over the comma
		first, end, msg := decimal(s, i)
		if msg != "" {
			return m.fail(formList, s, end, msg)
		}
		at, last := i, first
		i = end
		if i < len(s) && s[i] == '-' {
			at = i + 1
			last, i, msg = decimal(s, at)
			if msg != "" {
				return m.fail(formList, s, i, msg)
			}
			if last < first {
				return m.fail(formList, s, at, "range ends before it begins")
			}
		}
		if !m.SetRange(first, last) {
			return m.fail(formList, s, at, tooLarge)
		}
		if i == len(s) {
			return nil
		}
		if s[i] != ',' {
			return m.fail(formList, s, i, "expected ',' or '-' or the end")
		}
	}
}

// fail empties the mask, so that no half-read set is ever used.
func (m *Mask) fail(form string, s []byte, off int, msg string) error {
	m.Reset()
	return syntaxError(form, s, off, msg)
}

// decimal reads digits from s[i:] and returns the number and the offset after
// it. Numbers are cut off at MaxCPUs, which SetRange then refuses.
func decimal(s []byte, i int) (n, end int, msg string) {
	start := i
	for ; i < len(s) && s[i]-'0' <= 9; i++ {
		n = min(n*10+int(s[i]-'0'), MaxCPUs)
	}
	if i == start {
		return 0, i, "expected a CPU number"
	}
	return n, i, ""
}

// ParseHex reads the hex word form of %*pb and of the kernel's cpumask files:
// groups of 32 bits, the highest first, separated by commas, each of 1 to 8 hex
// digits: "ff,ffffffff" is CPUs 0-39. The empty text is an error, since no
// kernel prints it for a mask.
func ParseHex(s []byte) (Mask, error) {
	var m Mask
	err := m.SetHex(s)
	return m, err
}

// SetHex is ParseHex into m, whose storage is reused. After an error m is empty.
func (m *Mask) SetHex(s []byte) error {
	m.Reset()
	// From the end, so that the position of each group is known without
	// counting them first.
	end := len(s)
	for group := 0; ; group++ {
		start := end
		var v uint64
		for ; start > 0 && s[start-1] != ','; start-- {
			d, ok := hexDigit(s[start-1])
			if !ok {
				return m.fail(formHex, s, start-1, "expected a hex digit or ','")
			}
			if end-start == 8 {
				return m.fail(formHex, s, start-1, "more than 8 hex digits in one group")
			}
			v |= uint64(d) << (4 * (end - start))
		}
		if start == end {
			return m.fail(formHex, s, start, "expected hex digits")
		}
		if v != 0 {
			if group >= MaxCPUs/32 {
				return m.fail(formHex, s, start, tooLarge)
			}
			m.grow(group/2 + 1)
			*m.word(group / 2) |= v << (group % 2 * 32)
		}
		if start == 0 {
			return nil
		}
		end = start - 1
	}
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c-'0' <= 9:
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// IsHexWords reports whether s can only be the hex word form that the kernel
// prints for a cpumask in a trace event. The array there is a whole number of
// longs, so %*pb prints groups of exactly 8 lower-case digits
// (kernel/trace/trace_seq.c, trace_seq_bitmask; lib/vsprintf.c, bitmap_string).
//
// Two groups or more are never a list: a list of two 8-digit numbers would need
// CPUs above ten million. One group (32-bit kernels with at most 32 CPUs) is
// certain only when it has a leading zero or a letter: no tool prints decimal
// numbers so. One group such as "10000000" is undecidable, CPU 28 in hex or a
// mask that some converter printed as one decimal number, and the answer is
// false; as a list it is then refused by ParseList instead of being misread.
func IsHexWords(s []byte) bool {
	if len(s)%9 != 8 {
		return false
	}
	letter := false
	for i, c := range s {
		switch {
		case i%9 == 8:
			if c != ',' {
				return false
			}
		case c >= 'a' && c <= 'f':
			letter = true
		case c-'0' > 9:
			return false
		}
	}
	return len(s) > 8 || letter || s[0] == '0'
}

// AppendList appends the list form to b: "0-3,8". Ranges of two are written
// "0-1", as %*pbl does. The empty set appends nothing.
func (m *Mask) AppendList(b []byte) []byte {
	comma := false
	for first := m.nextSet(0); first >= 0; {
		last := m.nextClear(first) - 1
		if comma {
			b = append(b, ',')
		}
		comma = true
		b = strconv.AppendInt(b, int64(first), 10)
		if last > first {
			b = append(b, '-')
			b = strconv.AppendInt(b, int64(last), 10)
		}
		first = m.nextSet(last + 1)
	}
	return b
}

// AppendHex appends the form of the kernel's %*pb with nbits bits: comma
// separated groups of 32 bits, the highest first; the first is only as wide as
// its bits need, the others have 8 digits. CPUs from nbits on are not written;
// nbits is cut to 0..MaxCPUs, and 0 appends nothing.
func (m *Mask) AppendHex(b []byte, nbits int) []byte {
	const digits = "0123456789abcdef"
	nbits = max(0, min(nbits, MaxCPUs))
	for hi := nbits; hi > 0; {
		lo := (hi - 1) &^ 31
		v := uint32(m.at(lo/wordBits) >> (uint(lo) % wordBits))
		if width := hi - lo; width < 32 {
			v &= 1<<width - 1
		}
		if hi != nbits {
			b = append(b, ',')
		}
		for d := (hi - lo + 3) / 4; d > 0; d-- {
			b = append(b, digits[v>>(4*(d-1))&15])
		}
		hi = lo
	}
	return b
}

// Hex returns the text of AppendHex.
func (m *Mask) Hex(nbits int) string { return string(m.AppendHex(nil, nbits)) }

// String returns the list form: "0-3,8", "" for the empty set. The receiver is a
// value so that fmt finds it on a Mask held by value.
func (m Mask) String() string { return string(m.AppendList(nil)) }

// Named returns the set as sentences call it: "CPU 3", "CPUs 2-3,8".
func (m Mask) Named() string { return Named(m.String()) }

// Named puts CPU or CPUs before a list.
func Named(list string) string {
	if list == "" || strings.ContainsAny(list, ",-") {
		return "CPUs " + list
	}
	return "CPU " + list
}

// MarshalText returns the list form. It never fails.
func (m Mask) MarshalText() ([]byte, error) { return m.AppendList([]byte{}), nil }

// UnmarshalText reads the list form as ParseList does and reuses the storage of
// m. After an error m is empty.
func (m *Mask) UnmarshalText(s []byte) error { return m.setList(s) }
