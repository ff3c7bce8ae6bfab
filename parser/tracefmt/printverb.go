package tracefmt

import "strconv"

// A verb is one conversion of a format string.
type verb struct {
	minus, zero, plus, space, sharp bool

	width int
	prec  int // -1: none
	star  bool
	// starPrec: the '*' stands for the precision
	starPrec bool
	size     int  // bytes of the integer that is printed
	isLong   bool // of the traced kernel's long
	conv     byte // d u x X o c s p; 0 unknown
	mod      string
	bad      byte
}

// parseVerb reads the conversion at the start of f and returns its length.
func parseVerb(f string) (verb, int) {
	v := verb{prec: -1, size: 4}
	i := 1
flags:
	for ; i < len(f); i++ {
		switch f[i] {
		case '-':
			v.minus = true
		case '0':
			v.zero = true
		case '+':
			v.plus = true
		case ' ':
			v.space = true
		case '#':
			v.sharp = true
		default:
			break flags
		}
	}
	v.width, v.star, i = verbNumber(f, i)
	if i < len(f) && f[i] == '.' {
		v.prec, v.starPrec, i = verbNumber(f, i+1)
		v.star = v.star || v.starPrec
	}
	long, short := 0, 0
sizes:
	for ; i < len(f); i++ {
		switch f[i] {
		case 'l', 'z', 'Z', 'j', 't':
			long++
		case 'L', 'q':
			long += 2
		case 'h':
			short++
		default:
			break sizes
		}
	}
	v.isLong = long == 1
	switch {
	case long > 0:
		v.size = 8
	case short == 1:
		v.size = 2
	case short > 1:
		v.size = 1
	}
	if i == len(f) {
		return v, i
	}
	switch c := f[i]; c {
	case 'd', 'u', 'x', 'X', 'o', 'c', 's':
		v.conv = c
	case 'i':
		v.conv = 'd'
	case 'p':
		v.conv = 'p'
		v.mod = pointerModifier(f[i+1:])
		i += len(v.mod)
	default:
		v.bad = c
	}
	return v, i + 1
}

func verbNumber(f string, i int) (n int, star bool, end int) {
	if i < len(f) && f[i] == '*' {
		return 0, true, i + 1
	}
	for ; i < len(f) && isDigit(f[i]); i++ {
		n = min(n*10+int(f[i]-'0'), maxWidth)
	}
	return n, false, i
}

// pointerModifier returns the letters behind %p that belong to it
// (Documentation/core-api/printk-formats.rst).
func pointerModifier(f string) string {
	n := 0
	if f == "" {
		return ""
	}
	switch f[0] {
	case 'S', 's', 'F', 'f', 'x', 'K', 'B', 'e':
		n = 1
	case 'M', 'm':
		n = 1 + len(prefixOf(f[1:], "RF"))
	case 'U':
		n = 1 + min(1, len(prefixOf(f[1:], "bBlL")))
	case 'h':
		n = 1 + min(1, len(prefixOf(f[1:], "CDN")))
	case 'b':
		n = 1 + min(1, len(prefixOf(f[1:], "l")))
	case 'I', 'i':
		if n = 1; len(f) == 1 {
			break
		}
		switch f[1] {
		case '4':
			n = 2 + min(1, len(prefixOf(f[2:], "hnbl")))
		case '6':
			n = 2 + min(1, len(prefixOf(f[2:], "c")))
		case 'S':
			n = 2 + len(prefixOf(f[2:], "cpfshnbl"))
		}
	}
	return f[:n]
}

// prefixOf returns the longest prefix of s that consists of letters of set.
func prefixOf(s, set string) string {
	i := 0
scan:
	for ; i < len(s); i++ {
		for j := range set {
			if s[i] == set[j] {
				continue scan
			}
		}
		break
	}
	return s[:i]
}

// unknown is what stands for a conversion that is not one.
func (v *verb) unknown() string {
	if v.bad == 0 {
		return ""
	}
	return ">" + string(rune(v.bad)) + "<"
}

// bounds gives width and precision with the '*' filled in.
func (v *verb) bounds(length int) (width, prec int, minus bool) {
	width, prec, minus = v.width, v.prec, v.minus
	if v.star {
		if v.starPrec {
			prec = length
		} else if width = length; width < 0 {
			width, minus = -width, true
		}
	}
	return width, prec, minus
}

// appendInt appends an integer as C's printf does.
func (v *verb) appendInt(dst []byte, val uint64, length int) []byte {
	width, prec, minus := v.bounds(length)
	if v.conv == 'c' {
		return appendPadded(dst, string(rune(byte(val))), width, minus)
	}
	shift := 64 - 8*uint(v.size)
	var buf [72]byte
	digits := buf[:0]
	sign := ""
	switch v.conv {
	case 'd':
		n := int64(val<<shift) >> shift
		switch {
		case n < 0:
			sign = "-"
			digits = strconv.AppendUint(digits, uint64(-n), 10)
		default:
			if v.plus {
				sign = "+"
			} else if v.space {
				sign = " "
			}
			digits = strconv.AppendUint(digits, uint64(n), 10)
		}
	case 'u':
		digits = strconv.AppendUint(digits, val<<shift>>shift, 10)
	case 'x', 'X':
		val = val << shift >> shift
		digits = strconv.AppendUint(digits, val, 16)
		if v.sharp && val != 0 {
			sign = "0x"
		}
		if v.conv == 'X' {
			upper(digits)
			if sign != "" {
				sign = "0X"
			}
		}
	case 'o':
		val = val << shift >> shift
		if v.sharp && val != 0 {
			digits = append(digits, '0')
		}
		digits = strconv.AppendUint(digits, val, 8)
	}
	if width == 0 && prec < 0 {
		return append(append(dst, sign...), digits...)
	}
	zeros := max(0, prec-len(digits))
	if prec == 0 && val == 0 {
		digits = digits[:0]
	}
	pad := max(0, width-len(sign)-zeros-len(digits))
	if v.zero && !minus && prec < 0 {
		zeros, pad = pad, 0
	}
	if !minus {
		dst = appendRepeat(dst, ' ', pad)
	}
	dst = append(dst, sign...)
	dst = appendRepeat(dst, '0', zeros)
	dst = append(dst, digits...)
	if minus {
		dst = appendRepeat(dst, ' ', pad)
	}
	return dst
}

func upper(b []byte) {
	for i, c := range b {
		if c >= 'a' && c <= 'f' {
			b[i] = c - 'a' + 'A'
		}
	}
}

// appendString appends a string as C's printf does with %s.
func (v *verb) appendString(dst, s []byte, length int) []byte {
	width, prec, minus := v.bounds(length)
	if prec >= 0 && prec < len(s) {
		s = s[:prec]
	}
	if width <= len(s) {
		return append(dst, s...)
	}
	if !minus {
		dst = appendRepeat(dst, ' ', width-len(s))
	}
	dst = append(dst, s...)
	if minus {
		dst = appendRepeat(dst, ' ', width-len(s))
	}
	return dst
}

// appendText is appendString for a string.
func (v *verb) appendText(dst []byte, s string, length int) []byte {
	width, prec, minus := v.bounds(length)
	if prec >= 0 && prec < len(s) {
		s = s[:prec]
	}
	return appendPadded(dst, s, width, minus)
}

func appendPadded(dst []byte, s string, width int, minus bool) []byte {
	if !minus {
		dst = appendRepeat(dst, ' ', width-len(s))
	}
	dst = append(dst, s...)
	if minus {
		dst = appendRepeat(dst, ' ', width-len(s))
	}
	return dst
}

func appendRepeat(dst []byte, c byte, n int) []byte {
	for ; n > 0; n-- {
		dst = append(dst, c)
	}
	return dst
}

func appendDecimal(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) }

func appendSigned(dst []byte, v int64) []byte { return strconv.AppendInt(dst, v, 10) }

func appendHex(dst []byte, v uint64) []byte {
	return strconv.AppendUint(append(dst, "0x"...), v, 16)
}

// appendByte appends two hex digits.
func appendByte(dst []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	return append(dst, digits[c>>4], digits[c&15])
}
