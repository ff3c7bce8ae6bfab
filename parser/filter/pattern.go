package filter

import (
	"bytes"
	"strings"
)

// commLen is TASK_COMM_LEN, the size of a task's name with its NUL
// (include/linux/sched.h).
const commLen = 16

// matchKind is how a text is compared (enum regex_type).
type matchKind uint8

const (
	matchFull matchKind = iota
	matchFront
	matchMiddle
	matchEnd
	matchGlob
)

// A pattern is the right side of a comparison of texts.
type pattern struct {
	kind matchKind
	text string
	not  bool
}

// newPattern sorts a pattern into the kernel's kinds (filter_parse_regex). Only
// a * as first or last character makes one of the cheap kinds; any other
// wildcard makes a glob of the whole.
func newPattern(text string, op Op) pattern {
	if op != OpGlob {
		return pattern{matchFull, text, op == OpNE}
	}
	p := pattern{text: text}
	if strings.HasPrefix(p.text, "!") {
		p.not, p.text = true, p.text[1:]
	}
	if p.text == "" || isDigit(p.text[0]) {
		return p // a leading digit means an index elsewhere in ftrace, and a full match here
	}
	front := strings.HasPrefix(p.text, "*")
	back := len(p.text) > 1 && strings.HasSuffix(p.text, "*")
	inner := p.text
	if front {
		inner = inner[1:]
	}
	if back {
		inner = inner[:len(inner)-1]
	}
	switch {
	case hasWildcard(inner):
		p.kind = matchGlob
		return p
	case front && back:
		p.kind = matchMiddle
	case front:
		p.kind = matchEnd
	case back:
		p.kind = matchFront
	}
	p.text = inner
	return p
}

func hasWildcard(s string) bool { return strings.ContainsAny(s, `*[?\`) }

// match compares s, which ends before its NUL. size is that of the array that
// holds s and whose rest is NULs.
func (p *pattern) match(s []byte, size int) bool {
	ok := false
	switch p.kind {
	case matchFull:
		// strncmp over the array: what a full array and the text have beyond it
		// is not looked at
		ok = string(s) == p.text || len(s) >= size && len(p.text) > size && string(s[:size]) == p.text[:size]
	case matchFront:
		ok = len(s) >= len(p.text) && string(s[:len(p.text)]) == p.text
	case matchMiddle:
		ok = contains(s, p.text)
	case matchEnd:
		// regex_match_end takes the last byte of the array for the NUL and
		// compares what is before it, not what is before the first NUL
		end := size - 1
		ok = p.text == "" && end >= 0 || end >= len(p.text) && len(s) >= end && string(s[end-len(p.text):end]) == p.text
	case matchGlob:
		ok = glob(p.text, s)
	}
	return ok != p.not
}

func contains(s []byte, text string) bool {
	if text == "" {
		return true
	}
	for {
		i := bytes.IndexByte(s, text[0])
		if i < 0 || len(s)-i < len(text) {
			return false
		}
		if string(s[i:i+len(text)]) == text {
			return true
		}
		s = s[i+1:]
	}
}

// glob matches as glob_match does (lib/glob.c): *, ?, classes with ! and
// ranges, \ before a literal. A class without its ] is a literal [.
func glob(pat string, s []byte) bool {
	star, mark := -1, 0 // pattern after the last *, and where its rest was tried
	p, i := 0, 0
	for {
		if p < len(pat) && pat[p] == '*' {
			p++
			star, mark = p, i
			continue
		}
		if i == len(s) && (p == len(pat) || pat[p:] == `\`) {
			return true // a \ at the end stands for the end of the text
		}
		if i < len(s) && p < len(pat) {
			if n, ok := one(pat[p:], s[i]); ok {
				p, i = p+n, i+1
				continue
			}
		}
		if star < 0 || mark >= len(s) {
			return false
		}
		mark++
		p, i = star, mark
	}
}

// one matches c with the first element of a pattern and returns the element's
// length.
func one(pat string, c byte) (n int, ok bool) {
	switch pat[0] {
	case '?':
		return 1, true
	case '[':
		if n, in, whole := charClass(pat, c); whole {
			return n, in
		}
	case '\\':
		return 2, len(pat) > 1 && pat[1] == c
	}
	return 1, pat[0] == c
}

// charClass reads a class such as [a-c], []x] or [!0-9]. whole is false if it
// has no end.
func charClass(pat string, c byte) (n int, in, whole bool) {
	i := 1
	invert := i < len(pat) && pat[i] == '!'
	if invert {
		i++
	}
	for first := true; ; first = false {
		if i >= len(pat) {
			return 0, false, false
		}
		lo := pat[i]
		i++
		if lo == ']' && !first {
			return i, in != invert, true
		}
		hi := lo
		if i < len(pat) && pat[i] == '-' && !strings.HasPrefix(pat[i+1:], "]") {
			if i+1 >= len(pat) {
				return 0, false, false
			}
			hi = pat[i+1]
			i += 2
		}
		in = in || lo <= c && c <= hi
	}
}
