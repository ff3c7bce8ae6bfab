package printfmt

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/tracefmt"
)

// AppendBinary prints a format with arguments that the kernel packed with
// vbin_printf (lib/vsprintf.c): integers of their size, aligned to 4 bytes, and
// strings with their NUL.
func AppendBinary(dst []byte, format string, args []byte, longSize int, bigEndian bool, names Names) []byte {
	ev := eval{p: &Program{big: bigEndian, long: longSize}, names: names}
	off := 0
	word := func(size int) uint64 {
		off = (off + 3) &^ 3
		v, _ := tracefmt.Integer(args, uint32(min(off, len(args))), uint32(size), bigEndian)
		off += size
		return v
	}
	for format != "" {
		if format[0] != '%' {
			dst = append(dst, format[0])
			format = format[1:]
			continue
		}
		if len(format) > 1 && format[1] == '%' {
			dst, format = append(dst, '%'), format[2:]
			continue
		}
		v, n := parseVerb(format)
		length := -1
		if v.star {
			length = clampWidth(int64(int32(word(4))))
		}
		switch {
		case v.conv == 0:
			dst = append(dst, v.unknown()...)
		case v.conv == 's':
			s := cstring(args[min(off, len(args)):])
			off += len(s) + 1
			dst = v.appendString(dst, s, length)
		case v.conv == 'p' && isPrinted(format[n-len(v.mod):], args[min(off, len(args)):]):
			// the kernel has printed what such a pointer points at
			s := cstring(args[min(off, len(args)):])
			off += len(s) + 1
			dst = append(dst, s...)
		case v.conv == 'p':
			dst = ev.pointer(dst, &v, length, &node{op: opConst, value: word(longSize)})
		default:
			size := v.size
			if v.isLong {
				size = longSize
			}
			dst = v.appendInt(dst, word(max(size, 4)), length)
		}
		format = format[n:]
	}
	return dst
}

// isPrinted reports whether a %p with these letters after it stands for a text:
// kernels print what most kinds of pointers point at when they record, and older
// ones do not. libtraceevent tells by the first byte (make_bprint_args).
func isPrinted(letters string, arg []byte) bool {
	if letters == "" || !isNameByte(letters[0]) || letters[0] == '_' || strings.IndexByte("sSx", letters[0]) >= 0 {
		return false
	}
	if (letters[0] == 'f' || letters[0] == 'F') && !strings.HasPrefix(letters[1:], "w") {
		return false
	}
	return len(arg) > 0 && arg[0] >= ' ' && arg[0] <= '~'
}
