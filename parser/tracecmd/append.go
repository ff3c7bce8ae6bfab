package tracecmd

import "strconv"

const manySpaces = "                                                                "

func appendSpaces(dst []byte, n int) []byte {
	for ; n > len(manySpaces); n -= len(manySpaces) {
		dst = append(dst, manySpaces...)
	}
	if n > 0 {
		dst = append(dst, manySpaces[:n]...)
	}
	return dst
}

// appendUint appends a number, right-aligned in width columns.
func appendUint(dst []byte, v uint64, width int) []byte {
	var buf [20]byte
	digits := strconv.AppendUint(buf[:0], v, 10)
	return append(appendSpaces(dst, width-len(digits)), digits...)
}

func appendInt(dst []byte, v int64, width int) []byte {
	var buf [20]byte
	digits := strconv.AppendInt(buf[:0], v, 10)
	return append(appendSpaces(dst, width-len(digits)), digits...)
}

// appendIntLeft appends a number, left-aligned in width columns.
func appendIntLeft(dst []byte, v int64, width int) []byte {
	start := len(dst)
	dst = strconv.AppendInt(dst, v, 10)
	return appendSpaces(dst, width-(len(dst)-start))
}

// appendZeros appends a number with at least digits digits.
func appendZeros(dst []byte, v uint64, digits int) []byte {
	var buf [20]byte
	i := len(buf)
	for v > 0 || digits > 0 {
		i--
		buf[i] = byte('0' + v%10)
		v /= 10
		digits--
	}
	return append(dst, buf[i:]...)
}

func appendHex(dst []byte, v uint64) []byte {
	return strconv.AppendUint(append(dst, "0x"...), v, 16)
}

func appendHexDigits(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 16) }

// appendHexPadded appends a number in hex with at least digits digits.
func appendHexPadded(dst []byte, v uint64, digits int) []byte {
	var buf [16]byte
	hex := strconv.AppendUint(buf[:0], v, 16)
	for n := digits - len(hex); n > 0; n-- {
		dst = append(dst, '0')
	}
	return append(dst, hex...)
}
