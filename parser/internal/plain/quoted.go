package plain

import "bytes"

// LearnBroken finds out whether a text that begins so was broken at a column, also
// within words, and then quoted. It returns nil for every other text: a mail program
// breaks lines at blanks, which package mail undoes.
func LearnBroken(sample []byte, find Find) *Wash {
	quote := &pattern{tokens: []token{{kind: mark, text: []byte(">")}}, trail: []byte(" ")}
	var quoted [][]byte
	lines := split(sample)
	for _, line := range lines {
		if inner, ok := quote.strip(line); ok {
			quoted = append(quoted, inner)
		}
	}
	if 2*len(quoted) < len(lines) {
		return nil
	}
	w := &Wash{find: find, prefix: quote, wrap: wrapOf(quoted, find)}
	if w.wrap == 0 || goesOnEarly(quoted, w.wrap, find) {
		return nil
	}
	return w
}

// goesOnEarly reports whether an event that ends before the column goes on in the next
// line: then its lines were broken at blanks.
func goesOnEarly(lines [][]byte, column int, find Find) bool {
	for i := 0; i+1 < len(lines); i++ {
		if len(lines[i]) >= column {
			continue
		}
		if _, event := find(lines[i]); event && goesOn(lines[i+1], find) && bytes.IndexByte(lines[i+1], '=') >= 0 {
			return true
		}
	}
	return false
}
