package ksym

import "strconv"

// A Symbol is a place in the kernel's code or data as a table or a text gives it.
type Symbol struct {
	Name      string // "" when only an address is known
	Module    string // "" for the kernel proper, or when the text does not say
	Addr      uint64 // the address itself, start of the symbol + Offset; 0 when unknown
	Offset    uint64 // bytes from the start of the symbol
	Size      uint64 // of the symbol in bytes; 0 when unknown
	HasOffset bool   // the text has an offset: "sym+0x0" and "sym" differ
}

// A Form is what Scan finds: a Symbol whose strings are slices of the input.
type Form struct {
	Name, Module       []byte
	Addr, Offset, Size uint64
	HasOffset          bool
}

// Parse reads a symbol as kernels and tools print it:
//
//	sym+0x1c/0x80 [mod]    kernel, %pS (lib/kallsyms: sprint_symbol)
//	sym+0x24  sym          trace-cmd, perf, kernel without sym-offset
//	0xffffffff81000000     an address that nothing resolves
//	ffffffff81000000  7fffffff  0
//	                       the same in a stack, with no 0x
//	[FTRACE TRAMPOLINE]    a name with brackets of its own; [unknown/kretprobe'd]
//
// A build ID after the module, "[mod abcd...]" (CONFIG_STACKTRACE_BUILD_ID), is
// dropped. The address that may follow, "sym+0x24 (0xffff...)" or
// "sym <ffff...>" (trace-cmd stacks and report -R, kernel option sym-addr), goes
// to Addr; it alone, as report -R prints a null, is no symbol.
//
// Bare hex digits are an address if they begin with a digit, which no name does,
// or if there are exactly 16 of them. So "c0100000" of a 32-bit kernel is taken
// for a name. Anything else, also blanks at the ends, is refused. The Symbol does
// not refer to b.
func Parse(b []byte) (Symbol, bool) { return ParseString(string(b)) }

// ParseString is Parse for a string. The strings of the result are parts of s;
// it does not allocate.
func ParseString(s string) (Symbol, bool) {
	p, ok := scan(s)
	if !ok {
		return Symbol{}, false
	}
	return Symbol{Name: s[:p.name], Module: s[p.mod:p.modEnd], Addr: p.addr, Offset: p.offset, Size: p.size, HasOffset: p.hasOffset}, true
}

// Scan is Parse without allocation: the result refers to b.
func Scan(b []byte) (Form, bool) {
	p, ok := scan(b)
	if !ok {
		return Form{}, false
	}
	return Form{Name: b[:p.name], Module: b[p.mod:p.modEnd], Addr: p.addr, Offset: p.offset, Size: p.size, HasOffset: p.hasOffset}, true
}

// parts are the places and numbers of a printed symbol.
type parts struct {
	name               int // end of the name, which begins at 0
	mod, modEnd        int
	addr, offset, size uint64
	hasOffset          bool
}

func scan[T string | []byte](s T) (p parts, ok bool) {
	if v, ok := address(s); ok {
		p.addr = v
		return p, true
	}
	i := nameEnd(s)
	if i == 0 {
		return p, false
	}
	p.name = i
	if i < len(s) && s[i] == '+' {
		if p.offset, i = prefixedHex(s, i+1); i < 0 {
			return p, false
		}
		p.hasOffset = true
		if i < len(s) && s[i] == '/' {
			if p.size, i = prefixedHex(s, i+1); i < 0 {
				return p, false
			}
		}
	}
	if i+2 < len(s) && s[i] == ' ' && s[i+1] == '[' {
		p.mod = i + 2
		for i = p.mod; i < len(s) && nameByte(s[i]); i++ {
		}
		p.modEnd = i
		if i < len(s) && s[i] == ' ' { // build ID
			_, i = hexDigits(s, i+1, 128)
		}
		if p.mod == p.modEnd || i < 0 || i >= len(s) || s[i] != ']' {
			return p, false
		}
		i++
	}
	if i < len(s) {
		p.addr, i = trailingAddress(s, i)
	}
	return p, i == len(s)
}

// address reads a text that is an address and nothing else.
func address[T string | []byte](s T) (uint64, bool) {
	if len(s) == 0 {
		return 0, false
	}
	if len(s) > 2 && s[0] == '0' && s[1] == 'x' {
		v, end := hexDigits(s, 2, 16)
		return v, end == len(s)
	}
	if s[0]-'0' > 9 && len(s) != 16 {
		return 0, false
	}
	v, end := hexDigits(s, 0, 16)
	return v, end == len(s)
}

// nameEnd returns the end of the name that begins s, 0 if there is none. A name
// begins with no digit and holds neither white space nor a character that the
// printed forms are made of; only a name in brackets of its own may hold any
// printable text up to its ']'.
func nameEnd[T string | []byte](s T) int {
	if len(s) == 0 || s[0]-'0' <= 9 {
		return 0
	}
	if s[0] == '[' {
		for i := 1; i < len(s) && s[i] >= ' ' && s[i] != 0x7f; i++ {
			if s[i] == ']' {
				if i == 1 {
					return 0
				}
				return i + 1
			}
		}
		return 0
	}
	i := 0
	for i < len(s) && nameByte(s[i]) {
		i++
	}
	return i
}

func nameByte(c byte) bool {
	switch c {
	case '+', '/', '(', ')', '<', '>', '[', ']', 0:
		return false
	}
	return !isSpace(c)
}

// trailingAddress reads " (0xffff)", " (ffff)" or " <ffff>" at s[i:].
func trailingAddress[T string | []byte](s T, i int) (uint64, int) {
	if i+3 >= len(s) || s[i] != ' ' {
		return 0, -1
	}
	var closing byte
	switch s[i+1] {
	case '(':
		closing = ')'
	case '<':
		closing = '>'
	default:
		return 0, -1
	}
	i += 2
	if s[i] == '0' && s[i+1] == 'x' {
		i += 2
	}
	v, i := hexDigits(s, i, 16)
	if i < 0 || i >= len(s) || s[i] != closing {
		return 0, -1
	}
	return v, i + 1
}

// prefixedHex reads 0x and hex digits at s[i:]; the end is -1 when they are not
// there.
func prefixedHex[T string | []byte](s T, i int) (uint64, int) {
	if i+2 >= len(s) || s[i] != '0' || s[i+1] != 'x' {
		return 0, -1
	}
	return hexDigits(s, i+2, 16)
}

// hexDigits reads 1 to limit hex digits at s[i:] and returns the end, -1 when
// there are none or more.
func hexDigits[T string | []byte](s T, i, limit int) (v uint64, end int) {
	end = i
	for ; end < len(s); end++ {
		d := hexValue[s[end]]
		if d > 15 {
			break
		}
		v = v<<4 | uint64(d)
	}
	if end == i || end-i > limit {
		return 0, -1
	}
	return v, end
}

// AppendName appends the name alone, or the address as 0x... when there is no
// name.
func (s *Symbol) AppendName(b []byte) []byte {
	if s.Name == "" {
		return appendHex(b, s.Addr)
	}
	return append(b, s.Name...)
}

// AppendOffset appends the form of trace-cmd for %pS: "sym+0x24", "sym" without
// an offset, an address as 0x... .
func (s *Symbol) AppendOffset(b []byte) []byte {
	b = s.AppendName(b)
	if s.Name != "" && s.HasOffset {
		b = appendHex(append(b, '+'), s.Offset)
	}
	return b
}

// AppendKernel appends the form of the kernel: "sym+0x1c/0x80 [mod]", as far as
// the parts are known.
func (s *Symbol) AppendKernel(b []byte) []byte {
	b = s.AppendOffset(b)
	if s.Name == "" {
		return b
	}
	if s.HasOffset && s.Size != 0 {
		b = appendHex(append(b, '/'), s.Size)
	}
	if s.Module != "" {
		b = append(b, " ["...)
		b = append(b, s.Module...)
		b = append(b, ']')
	}
	return b
}

// String returns the form of AppendKernel.
func (s Symbol) String() string { return string(s.AppendKernel(nil)) }

func appendHex(b []byte, v uint64) []byte {
	return strconv.AppendUint(append(b, "0x"...), v, 16)
}
