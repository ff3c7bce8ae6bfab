package events

import "bytes"

// Strict reports whether all fields of the event are printed in each of its
// lines, so that a line without them was cut.
func (l *Layout) Strict() bool { return l.strict }

// Whole returns the length of the part of a payload that can be relied on. It is
// less than the payload's if that ends before all fields came: the value at its
// end may be the begin of another one.
func (l *Layout) Whole(p []byte) int {
	last := len(l.keys) - 1 // the field that stands last, and where
	end := l.keys[last]
	at := lastKey(p, end)
	if at < 0 { // what else is missing is no cut: a field of another name
		if rest := lastWord(p); bytes.IndexByte(p[rest:], '=') >= 0 || bytes.HasPrefix(end, p[rest:]) {
			return rest
		}
		return len(p)
	}
	for i, key := range l.keys[:last] {
		if n := lastKey(p[at:], key); n > 0 {
			last, at = i, at+n
		}
	}
	if isCut(p[at+len(l.keys[last]):], p[:at]) {
		return at
	}
	return len(p)
}

// lastWord is where the last word begins.
func lastWord(p []byte) int {
	for n := len(p); n > 0; n-- {
		if isBlank(p[n-1]) {
			return n
		}
	}
	return 0
}

// isCut reports whether a printed address is the begin of a longer one: a symbol
// without all of its "+0x24/0x40", where others of the line, which stand before it,
// have that, and digits that are too few for a hashed pointer.
func isCut(v, before []byte) bool {
	if len(v) == 0 {
		return true
	}
	if n := bytes.IndexByte(v, '+'); n > 0 {
		if len(v) < n+4 || v[n+1] != '0' || v[n+2] != 'x' {
			return true // "+", "+0", "+0x"
		}
		slash := bytes.IndexByte(v[n:], '/')
		return slash < 0 && bytes.Contains(before, []byte("/0x")) || slash >= 0 && len(v) < n+slash+4
	}
	if nameByte(v[0]) && v[0]-'0' > 9 && !isHexText(v) {
		return bytes.Contains(before, []byte("+0x"))
	}
	return v[0] == '0' && len(v) == 2 && v[1] == 'x' || isHexText(v) && len(v) > 8 && len(v) < 16
}

func isHexText(v []byte) bool {
	for _, c := range v {
		if c-'0' > 9 && c-'a' > 5 {
			return false
		}
	}
	return true
}
