package filter

import "math/bits"

// The kernel's character classes are Latin-1 (lib/ctype.c): 0xa0 is white space
// and the accented letters are letters.

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' || c == 0xa0 }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isAlnum(c byte) bool {
	return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0xc0 && c != 0xd7 && c != 0xf7
}

func trimRight(s string) string {
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func trim(s string) string {
	s = trimRight(s)
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	return s
}

// parseUnsigned reads a number as kstrtoull with base 0 does (lib/kstrtox.c):
// 0x1f, 017, 15. A 0x without a hex digit after it is octal, and so an error.
func parseUnsigned(s string) (uint64, bool) {
	base := uint64(10)
	if len(s) > 0 && s[0] == '0' {
		base = 8
		if len(s) > 2 && s[1]|0x20 == 'x' && digit(s[2]) < 16 {
			base, s = 16, s[2:]
		}
	}
	var v uint64
	for i := 0; i < len(s); i++ {
		d := digit(s[i])
		hi, lo := bits.Mul64(v, base)
		sum, carry := bits.Add64(lo, d, 0)
		if d >= base || hi != 0 || carry != 0 {
			return 0, false
		}
		v = sum
	}
	return v, len(s) > 0
}

// parseSigned reads a number as kstrtoll with base 0 does.
func parseSigned(s string) (uint64, bool) {
	if len(s) > 0 && s[0] == '-' {
		v, ok := parseUnsigned(s[1:])
		return -v, ok && v <= 1<<63
	}
	v, ok := parseUnsigned(s)
	return v, ok && v < 1<<63
}

func digit(c byte) uint64 {
	switch {
	case isDigit(c):
		return uint64(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10
	}
	return 255
}
