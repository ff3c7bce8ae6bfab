package printfmt

import "strconv"

// A verb is one conversion of a format string.
type verb struct {
	minus, zero, plus, sharp bool

	width int
	prec  int // -1: none
	star  bool
	// starPrec: the '*' stands for the precision
	starPrec bool
	size     int  // bytes of the integer that is printed
	isLong   bool // of the traced kernel's long
	conv     byte // d u x X o c s p; 0 unknown
	mod      string
	bad      byte // what stands where an unknown conversion should
	err      string
}

// parseVerb reads the conversion at the start of f and returns its length. It
// takes what libtraceevent takes (src/event-parse.c, parse_arg_format): a blank
// is no flag, q, j and t are no sizes.
func parseVerb(f string) (verb, int) {
	v := verb{prec: -1}
	long := 0
	i := 1
	for ; i < len(f); i++ {
		switch c := f[i]; c {
		case '#':
			v.sharp = true
		case '-':
			v.minus = true
		case '+':
			v.plus = true
		case '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
			v.digit(int(c - '0'))
		case '.':
			v.prec = 0
		case '*':
			if v.star {
				v.err = "two '*' in one conversion"
			}
			v.star, v.starPrec = true, v.prec >= 0
		case 'h':
			long--
		case 'l':
			long++
		case 'L':
			long = 2
		case 'z', 'Z':
			long = 1
		default:
			v.setSize(long)
			return v, v.setConv(c, f[i+1:]) + i + 1
		}
	}
	return v, i
}

// digit adds a digit to the width or the precision.
func (v *verb) digit(n int) {
	switch {
	case v.prec >= 0:
		v.prec = min(v.prec*10+n, maxWidth)
	case v.width == 0 && n == 0:
		v.zero = true
	default:
		v.width = min(v.width*10+n, maxWidth)
	}
}

func (v *verb) setSize(long int) {
	v.isLong = long == 1
	switch {
	case long > 0:
		v.size = 8
	case long == 0:
		v.size = 4
	case long == -1:
		v.size = 2
	default:
		v.size = 1
	}
	if long < -2 || long > 2 {
		v.err = "a size of too many letters"
	}
}

// setConv sets the conversion and returns how many letters after it belong to
// it.
func (v *verb) setConv(c byte, rest string) int {
	switch c {
	case 'd', 'u', 'x', 'X', 'o', 'c':
		v.conv = c
		return 0
	case 'i':
		v.conv = 'd'
		return 0
	}
	v.err = "" // sizes matter to integers only
	switch c {
	case 's':
		v.conv = 's'
	case 'p':
		v.conv = 'p'
		v.mod = pointerModifier(rest)
		return len(v.mod)
	default:
		v.bad = c
	}
	return 0
}

// pointerModifier returns the letters after %p that belong to it. Of those in
// Documentation/core-api/printk-formats.rst libtraceevent knows a part
// (parse_arg_format_pointer); after the others, as in %px, it prints the letter.
// %*pb it does not know either, but what it prints then is of no use to anybody.
func pointerModifier(f string) string {
	n := 0
	if f == "" {
		return ""
	}
	switch f[0] {
	case 'S', 's', 'F', 'f':
		n = 1
	case 'M', 'm':
		n = 1 + min(1, len(prefixOf(f[1:], "RF")))
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
			n = 2 + len(prefixOf(f[2:], "pfs"))
			n += min(1, len(prefixOf(f[n:], "hnbl")))
			n += min(1, len(prefixOf(f[n:], "c")))
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
		return appendPadded(dst, string([]byte{byte(val)}), width, minus)
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

// fit gives the text from start on the width and precision of a %s.
func (v *verb) fit(dst []byte, start, length int) []byte {
	width, prec, minus := v.bounds(length)
	if prec >= 0 && prec < len(dst)-start {
		dst = dst[:start+prec]
	}
	pad := width - (len(dst) - start)
	if pad <= 0 {
		return dst
	}
	dst = appendRepeat(dst, ' ', pad)
	if !minus {
		copy(dst[start+pad:], dst[start:len(dst)-pad])
		for i := range pad {
			dst[start+i] = ' '
		}
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
