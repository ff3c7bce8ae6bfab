package printfmt

import (
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

func appendHexDigits(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 16) }

// pointer prints %p and what may follow it.
func (ev *eval) pointer(dst []byte, v *verb, length int, n *node) []byte {
	if v.mod == "" {
		return appendPointer(dst, ev.number(n))
	}
	if n.op == opHelper && strings.IndexByte("MmIiUh", v.mod[0]) >= 0 {
		return ev.helperText(dst, n)
	}
	switch v.mod[0] {
	case 'S', 's', 'F', 'f':
		return ev.function(dst, v.mod[0], ev.number(n))
	case 'M', 'm':
		return ev.mac(dst, v.mod, n)
	case 'I', 'i':
		if len(v.mod) > 1 {
			return ev.address(dst, v.mod, n)
		}
		return dst
	case 'U':
		return ev.uuid(dst, v.mod, n)
	case 'h':
		return ev.buffer(dst, v.mod, length, n)
	case 'b':
		b := ev.array(n)
		b = b[:min(len(b), max(0, (length+7)/8))]
		if len(v.mod) > 1 {
			return ev.cpumask(dst, b)
		}
		return ev.bitmask(dst, b)
	}
	return dst
}

// appendPointer appends a pointer as glibc does for %p. libtraceevent passes no
// width on.
func appendPointer(dst []byte, val uint64) []byte {
	if val == 0 {
		return append(dst, "(nil)"...)
	}
	return appendHex(dst, val)
}

// function prints an address as the symbol that it lies in.
func (ev *eval) function(dst []byte, mod byte, addr uint64) []byte {
	name, offset, ok := ev.names.Symbol(addr)
	if !ok {
		return appendHex(dst, addr)
	}
	dst = append(dst, name...)
	if mod == 'S' || mod == 'F' {
		dst = appendHex(append(dst, '+'), offset)
	}
	return dst
}

// fieldBytes returns the bytes of an argument that is a field of size bytes. If
// it is not, it appends what libtraceevent says then.
func (ev *eval) fieldBytes(dst []byte, n *node, size uint32, invalid string) (out, b []byte) {
	for n.op == opCast {
		n = n.a
	}
	switch {
	case n.op != opField:
		return appendDecimal(append(dst, "ARG TYPE NOT FIELD BUT "...), n.kind()), nil
	case n.field == nil:
		return dst, nil
	case n.field.Size != size || uint64(n.field.Off)+uint64(size) > uint64(len(ev.record)):
		return append(dst, invalid...), nil
	}
	return dst, ev.record[n.field.Off:][:size]
}

func (ev *eval) mac(dst []byte, mod string, n *node) []byte {
	dst, b := ev.fieldBytes(dst, n, 6, "INVALIDMAC")
	sep := byte(':')
	if mod == "MF" {
		sep = '-'
	}
	reverse := mod[1:] == "R"
	for i := range b {
		if i > 0 && mod[0] == 'M' {
			dst = append(dst, sep)
		}
		if reverse {
			dst = appendByte(dst, b[len(b)-1-i])
		} else {
			dst = appendByte(dst, b[i])
		}
	}
	return dst
}

func (ev *eval) uuid(dst []byte, mod string, n *node) []byte {
	dst, b := ev.fieldBytes(dst, n, 16, "INVALIDUUID")
	if b == nil {
		return dst
	}
	order := [16]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}
	up := false
	if len(mod) > 1 {
		if mod[1] == 'l' || mod[1] == 'L' {
			order = [16]byte{3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15}
		}
		up = mod[1] == 'L' || mod[1] == 'B'
	}
	start := len(dst)
	for i, at := range order {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = appendByte(dst, b[at])
	}
	if up {
		upper(dst[start:])
	}
	return dst
}

// buffer prints %*ph: the bytes of a dynamic array in hex.
func (ev *eval) buffer(dst []byte, mod string, length int, n *node) []byte {
	if n.op != opDynArray || n.field == nil {
		return appendDecimal(append(dst, "ARG TYPE NOT FIELD BUT "...), n.kind())
	}
	b := ev.dynamic(n.field)
	b = b[:max(0, min(len(b), length))]
	sep := byte(' ')
	if len(mod) > 1 {
		sep = separator(mod[1])
	}
	for i, c := range b {
		if i > 0 && sep != 0 {
			dst = append(dst, sep)
		}
		dst = appendByte(dst, c)
	}
	return dst
}

// separator is what %*phC, %*phD and %*phN put between bytes, 0 for nothing.
func separator(c byte) byte {
	switch c {
	case 'C':
		return ':'
	case 'D':
		return '-'
	}
	return 0
}

// address prints %pI4, %pI6, %pI6c, %pi4, %pi6 and %pIS.
func (ev *eval) address(dst []byte, mod string, n *node) []byte {
	var b []byte
	switch mod[1] {
	case '4':
		if dst, b = ev.fieldBytes(dst, n, 4, "INVALIDIPv4"); b == nil {
			return dst
		}
		return ip4(dst, b, mod[0] == 'i', ev.reversed(mod[2:]))
	case '6':
		if dst, b = ev.fieldBytes(dst, n, 16, "INVALIDIPv6"); b == nil {
			return dst
		}
		return ip6(dst, b, mod[0] == 'I', mod == "I6c")
	}
	return ev.sockaddr(dst, mod, n)
}

// reversed reports whether the letter after %pI4 says that an address is not in
// network byte order.
func (ev *eval) reversed(letter string) bool {
	return strings.HasPrefix(letter, "l") || strings.HasPrefix(letter, "h") && !ev.p.big
}

// cutLetter cuts a letter off the front of s, if it may be there.
func cutLetter(s string, c byte, may bool) (rest string, found bool) {
	if may && s != "" && s[0] == c {
		return s[1:], true
	}
	return s, false
}

func ip4(dst, b []byte, zeros, reverse bool) []byte {
	for i := range 4 {
		c := b[i]
		if reverse {
			c = b[3-i]
		}
		if i > 0 {
			dst = append(dst, '.')
		}
		if zeros {
			if c < 100 {
				dst = append(dst, '0')
			}
			if c < 10 {
				dst = append(dst, '0')
			}
		}
		dst = appendDecimal(dst, uint64(c))
	}
	return dst
}

func ip6(dst, b []byte, colons, short bool) []byte {
	if short {
		return ip6Compressed(dst, b)
	}
	for i := 0; i < 16; i += 2 {
		if i > 0 && colons {
			dst = append(dst, ':')
		}
		dst = appendByte(appendByte(dst, b[i]), b[i+1])
	}
	return dst
}

// ip6Compressed prints an address in the form of RFC 5952: the longest run of
// zero groups, if it has more than one, is left out.
func ip6Compressed(dst, b []byte) []byte {
	mapped := true // ::ffff:a.b.c.d
	for i, c := range b[:12] {
		mapped = mapped && c == [12]byte{10: 0xff, 11: 0xff}[i]
	}
	// ISATAP: an interface identifier 0200:5efe:a.b.c.d
	mapped = mapped || b[8]|2 == 2 && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe
	groups := 8
	if mapped {
		groups = 6
	}
	at, length := -1, 1
	for i := 0; i < groups; i++ {
		j := i
		for j < groups && b[2*j] == 0 && b[2*j+1] == 0 {
			j++
		}
		if j-i > length {
			at, length = i, j-i
		}
	}
	colon := false
	for i := 0; i < groups; i++ {
		if i == at {
			if colon || i == 0 {
				dst = append(dst, ':')
			}
			dst = append(dst, ':')
			colon = false
			i += length - 1
			continue
		}
		if colon {
			dst = append(dst, ':')
		}
		dst = appendHexDigits(dst, uint64(b[2*i])<<8|uint64(b[2*i+1]))
		colon = true
	}
	if mapped {
		if colon {
			dst = append(dst, ':')
		}
		dst = ip4(dst, b[12:], false, false)
	}
	return dst
}

// Address families of Linux (include/linux/socket.h).
const (
	familyIP4 = 2
	familyIP6 = 10
)

// Sizes of struct sockaddr_in and sockaddr_in6.
const (
	sizeIP4 = 16
	sizeIP6 = 28
)

// sockaddr prints %pIS: a socket address by its family. Of a family that is not
// known nothing is printed.
func (ev *eval) sockaddr(dst []byte, mod string, n *node) []byte {
	for n.op == opCast {
		n = n.a
	}
	var b []byte
	switch {
	case n.op != opField && n.op != opDynArray && n.op != opSockaddr:
		return appendDecimal(append(dst, "ARG NOT FIELD NOR DYNAMIC ARRAY BUT TYPE "...), n.kind())
	case n.field == nil:
		return dst
	case n.op == opField:
		g := *n.field
		g.Loc = trace.Inline
		b = ev.span(&g)
	default:
		b = ev.dynamic(n.field)
	}
	if len(b) < 2 {
		return dst
	}
	// of what may follow, libtraceevent takes p, c and one of hnbl, in this order
	rest, port := cutLetter(mod[2:], 'p', mod[0] == 'I')
	rest, short := cutLetter(rest, 'c', mod[0] == 'I')
	switch ev.p.order.Uint16(b) {
	case familyIP4:
		if len(b) < sizeIP4 {
			return append(dst, "INVALIDIPv4"...)
		}
		dst = ip4(dst, b[4:8], mod[0] == 'i', ev.reversed(rest))
	case familyIP6:
		if len(b) < sizeIP6 {
			return append(dst, "INVALIDIPv6"...)
		}
		if port {
			dst = append(dst, '[')
		}
		dst = ip6(dst, b[8:24], mod[0] == 'I', short)
		if port {
			dst = append(dst, ']')
		}
	default:
		return dst
	}
	if port { // in network byte order
		dst = appendDecimal(append(dst, ':'), uint64(b[2])<<8|uint64(b[3]))
	}
	return dst
}
