package cpumask

// This file follows bitmap_parselist of the kernel (lib/bitmap-str.c, before
// 6.6 lib/bitmap.c), which reads CPUS{...} in event filters and CPU lists on
// the kernel command line. Accept and refuse must agree with it, including its
// oddities, because a filter is checked here before a kernel ever sees it.

// ParseBitmapList reads the kernel's input form for a machine of nbits CPUs
// (nr_cpu_ids). Regions are separated by commas or white space, any number of
// them:
//
//	5             one CPU
//	2-7           a range, both ends included
//	0-31:2/8      of each group of 8 the first 2
//	all  all:1/2  every CPU, in any case of letters
//	N             the last CPU, wherever a number may stand
//
// A range that ends before it begins, a group of 0, more used than the group
// holds, and a CPU >= nbits are errors. A text of separators only is the empty
// set here; a filter's CPUS{} (nothing at all between the braces) is refused by
// the filter parser before it comes to this. A NUL ends the text, and so does a
// line feed that directly follows a region without a pattern.
//
// nbits above MaxCPUs is an error.
func ParseBitmapList(s []byte, nbits int) (Mask, error) {
	var m Mask
	if nbits < 0 || nbits > MaxCPUs {
		return m, syntaxError(formKernel, s, 0, "number of CPUs is not within 0 to 65536")
	}
	p := listParser{s: s, nbits: uint64(nbits)}
	for p.next() {
		at := p.i
		r, more, msg := p.region()
		if msg == "" {
			msg = r.check(p.nbits)
			if msg != "" {
				p.i = at
			}
		}
		if msg != "" {
			return Mask{}, syntaxError(formKernel, s, p.i, msg)
		}
		r.addTo(&m)
		if !more {
			break
		}
	}
	return m, nil
}

// A region is start-end:used/group. The kernel keeps all four in 32 bits.
type region struct{ start, end, used, group uint32 }

func (r *region) check(nbits uint64) string {
	switch {
	case r.start > r.end:
		return "range ends before it begins"
	case r.group == 0:
		return "group size is 0"
	case r.used > r.group:
		return "more CPUs used than the group holds"
	case uint64(r.end) >= nbits:
		return "CPU number beyond the last CPU of the machine"
	}
	return ""
}

// addTo sets the CPUs of a checked region. The counter wraps at 32 bits, as the
// kernel's does: 1-1:1/4294967295 is CPUs 0-1 there. It still ends, because a
// step either goes below zero, far above end, or moves on towards it.
func (r *region) addTo(m *Mask) {
	for at := r.start; at <= r.end; at += r.group {
		if n := min(r.end-at+1, r.used); n > 0 {
			m.SetRange(int(at), int(at+n-1))
		}
	}
}

type listParser struct {
	s     []byte
	i     int
	nbits uint64
}

// peek returns the byte at the position, NUL at the end: the kernel's text is a
// C string.
func (p *listParser) peek() byte {
	if p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

// next skips separators and reports whether a region follows.
func (p *listParser) next() bool {
	for isSeparator(p.peek()) {
		p.i++
	}
	return p.peek() != 0
}

// region reads one region; more is false when the kernel stops after it.
func (p *listParser) region() (r region, more bool, msg string) {
	if p.all() {
		r.start, r.end = 0, uint32(p.nbits-1)
	} else {
		if r.start, msg = p.number(); msg != "" {
			return r, false, msg
		}
		r.end = r.start
		if !p.atEnd() {
			if p.peek() != '-' {
				return r, false, "expected '-', ',' or white space"
			}
			p.i++
			if r.end, msg = p.number(); msg != "" {
				return r, false, msg
			}
		}
	}
	if p.atEnd() {
		r.used, r.group = r.end+1, r.end+1
		return r, p.peek() != 0 && p.peek() != '\n', ""
	}
	if p.peek() != ':' {
		return r, false, "expected ':', ',' or white space"
	}
	p.i++
	if r.used, msg = p.number(); msg != "" {
		return r, false, msg
	}
	if p.peek() != '/' {
		return r, false, "expected '/' and the group size"
	}
	p.i++
	// No separator is asked for after the group size: "0-3:1/2N" is read as
	// "0-3:1/2 N".
	r.group, msg = p.number()
	return r, true, msg
}

// all steps over the word "all" in any case of letters.
func (p *listParser) all() bool {
	if len(p.s)-p.i < 3 || p.s[p.i]|0x20 != 'a' || p.s[p.i+1]|0x20 != 'l' || p.s[p.i+2]|0x20 != 'l' {
		return false
	}
	p.i += 3
	return true
}

// number reads a decimal number of 32 bits, or N for the last CPU.
func (p *listParser) number() (uint32, string) {
	if p.peek() == 'N' {
		p.i++
		return uint32(p.nbits - 1), ""
	}
	start, n := p.i, uint64(0)
	for ; p.peek()-'0' <= 9; p.i++ {
		n = min(n*10+uint64(p.peek()-'0'), 1<<32)
	}
	if p.i == start {
		return 0, "expected a CPU number, N or all"
	}
	if n >= 1<<32 {
		return 0, "number does not fit in 32 bits"
	}
	return uint32(n), ""
}

func (p *listParser) atEnd() bool {
	c := p.peek()
	return c == 0 || isSeparator(c)
}

// isSeparator is the kernel's isspace (lib/ctype.c: also 0xa0) or a comma.
func isSeparator(c byte) bool {
	return c == ',' || c == ' ' || c >= '\t' && c <= '\r' || c == 0xa0
}
