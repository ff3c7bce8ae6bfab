package plain

import "bytes"

// A Place is where the header of an event stands in a line.
type Place struct {
	// Column is where the header begins if the columns of its printer were kept:
	// what stands before it is not the header's. Left of the line's begin, or
	// where the printer has no columns, it is negative.
	Column int
	// Word is where the last word of the task's name begins.
	Word int
	// Words: lines of this printer are better told by their words.
	Words bool
}

// A pattern is the constant shape of what stands before every line of a trace:
// a time stamp, a line number, the name of a file or a machine, a level, marks of
// quoting. Numbers may be any number, words any word; everything else is one of
// the characters that were seen at that place.
type pattern struct {
	tokens []token
	// trail is what all prefixes end with: blanks. A line that holds nothing else
	// may have lost them.
	trail []byte
	// fixed is a prefix of so many characters out of set; tokens is empty then.
	fixed int
	set   []byte
}

type tokenKind uint8

const (
	number tokenKind = iota
	word
	mark
)

// A token is a number, a word or one other character.
type token struct {
	kind   tokenKind
	blanks bool   // blanks may stand before it
	text   []byte // of a word that is always the same; the characters that a mark may be
	any    bool   // the word varies
}

func isDigit(c byte) bool  { return c-'0' <= 9 }
func isLetter(c byte) bool { return c|0x20-'a' <= 25 }
func isBlank(c byte) bool  { return c == ' ' || c == '\t' }

// maxPrefix bounds a prefix: a path, a pod's name, a date, a level.
const maxPrefix = 200

// tokens takes a prefix apart; rest is the blanks at its end.
func tokens(p []byte) (list []token, rest []byte) {
	for i := 0; i < len(p); {
		start := i
		for i < len(p) && isBlank(p[i]) {
			i++
		}
		if i == len(p) {
			return list, p[start:]
		}
		t := token{kind: mark, blanks: i > start}
		from := i
		switch {
		case isDigit(p[i]):
			t.kind = number
			for i < len(p) && isDigit(p[i]) {
				i++
			}
		case isLetter(p[i]):
			t.kind = word
			for i < len(p) && isLetter(p[i]) {
				i++
			}
		default:
			i++
		}
		t.text = bytes.Clone(p[from:i])
		list = append(list, t)
	}
	return list, nil
}

// generalize makes one pattern of a prefix and the tokens of others of the same
// shape. It is false if they have another one.
func (p *pattern) generalize(list []token, rest []byte) bool {
	if len(list) != len(p.tokens) {
		return false
	}
	for i := range list {
		if list[i].kind != p.tokens[i].kind {
			return false
		}
	}
	for i := range list {
		have, new := &p.tokens[i], &list[i]
		have.blanks = have.blanks || new.blanks
		switch {
		case have.kind == word && !bytes.Equal(have.text, new.text):
			have.any = true
		case have.kind == mark && bytes.IndexByte(have.text, new.text[0]) < 0:
			have.text = append(have.text, new.text[0])
		}
	}
	n := 0
	for n < len(rest) && n < len(p.trail) && rest[n] == p.trail[n] {
		n++
	}
	p.trail = p.trail[:n]
	return true
}

// strip returns the line without the prefix. It is false if the line has none.
func (p *pattern) strip(line []byte) ([]byte, bool) {
	if p.fixed > 0 {
		for i := range p.fixed {
			if i == len(line) {
				return nil, true
			}
			if bytes.IndexByte(p.set, line[i]) < 0 {
				return line, false
			}
		}
		return line[p.fixed:], true
	}
	i := 0
	for k := range p.tokens {
		t := &p.tokens[k]
		for t.blanks && i < len(line) && isBlank(line[i]) {
			i++
		}
		if i >= len(line) {
			return line, false
		}
		start := i
		switch {
		case t.kind == number:
			for i < len(line) && isDigit(line[i]) {
				i++
			}
		case t.kind == word:
			for i < len(line) && isLetter(line[i]) {
				i++
			}
			if !t.any && !bytes.Equal(line[start:i], t.text) && !isDate(t.text, line[start:i]) {
				return line, false
			}
		case bytes.IndexByte(t.text, line[i]) >= 0:
			i++
		}
		if i == start {
			return line, false
		}
	}
	for n := 0; n < len(p.trail) && i < len(line) && line[i] == p.trail[n]; n++ {
		i++
	}
	return line[i:], true
}

// isDate reports whether two words are both names of months or of days: a log
// may go on until tomorrow.
func isDate(a, b []byte) bool {
	for _, names := range []string{"JanFebMarAprMayJunJulAugSepOctNovDec", "MonTueWedThuFriSatSun"} {
		if len(a) == 3 && len(b) == 3 && bytes.Contains([]byte(names), a) && bytes.Contains([]byte(names), b) {
			return true
		}
	}
	return false
}

// telling reports whether a pattern is more than the words of a task's name: it
// has a number or a mark that makes it a prefix.
func (p *pattern) telling() bool {
	for i := range p.tokens {
		if p.tokens[i].kind != word {
			return true
		}
	}
	return false
}

// isQuote reports whether a pattern is nothing but marks of quoting, which the
// readers know: their depth may change from line to line.
func (p *pattern) isQuote() bool {
	for i := range p.tokens {
		if string(p.tokens[i].text) != ">" {
			return false
		}
	}
	return len(p.tokens) > 0
}

// isInstance recognises "isol: ", which trace-cmd report prints before the lines
// of events when it reads several buffers or files, and before no other line.
func (p *pattern) isInstance() bool {
	n := len(p.tokens)
	for i := 1; i < n; i++ {
		if p.tokens[i].blanks {
			return false
		}
	}
	return n > 1 && string(p.tokens[n-1].text) == ":" && string(p.trail) == " "
}

// A vote finds the shape that most prefixes have.
type vote struct {
	patterns []*pattern
	counts   []int
	all      int
}

func (v *vote) add(prefix []byte) {
	v.all++
	if len(prefix) > maxPrefix {
		return
	}
	list, rest := tokens(prefix)
	for i, p := range v.patterns {
		if p.generalize(list, rest) {
			v.counts[i]++
			return
		}
	}
	if len(v.patterns) < 32 {
		v.patterns = append(v.patterns, &pattern{tokens: list, trail: bytes.Clone(rest)})
		v.counts = append(v.counts, 1)
	}
}

// winner returns the shape that nearly all have, nil if there is none.
func (v *vote) winner() *pattern {
	for i, n := range v.counts {
		if 10*n >= 9*v.all {
			return v.patterns[i]
		}
	}
	return nil
}

// learnPrefix finds the prefix of the lines in a sample, nil if they have none.
func learnPrefix(sample [][]byte, find Find) *pattern {
	var columns, wordsVote vote
	var events, frames [][]byte
	byWords := false
	aligned := map[int]bool{}
	fixed := &pattern{}
	for _, line := range sample {
		if isFrame(line) {
			frames = append(frames, line)
			continue
		}
		place, ok := find(line)
		if !ok {
			continue
		}
		events = append(events, line)
		byWords = byWords || place.Words
		column := max(place.Column, 0)
		aligned[place.Column] = true
		columns.add(line[:column])
		wordsVote.add(line[:place.Word])
		fixed.see(line[:column], len(events) == 1)
	}
	if len(events) == 0 {
		return nil
	}
	good := func(p *pattern) bool { return p != nil && p.fits(frames) }
	byColumn, byWord := columns.winner(), wordsVote.winner()
	if byWord != nil && (len(events) < 3 && len(frames) == 0 || !byWord.telling()) {
		byWord = nil
	}
	none := byColumn != nil && len(byColumn.tokens) == 0
	switch {
	case byWords && good(byWord) && len(byWord.tokens) > 0:
		return byWord
	case byWords && byFrame(frames, events) != nil:
		return byFrame(frames, events)
	case !none && good(byColumn) && byColumn.telling():
		return byColumn
	case fixed.fixed > 0 && fixed.fits(frames):
		return fixed
	case none && len(byColumn.trail) > 0 && byColumn.fits(frames):
		return byColumn
	case len(aligned) > 1 && good(byWord) && len(byWord.tokens) > 0:
		return byWord
	}
	return nil
}

// byFrame finds the prefix that the lines of stacks have before their tab, and all
// events too, nil if there is none. perf prints some comms at the very begin of
// their lines, so that nothing separates the prefix from them.
func byFrame(frames, events [][]byte) *pattern {
	var v vote
	for _, line := range frames {
		if n := bytes.LastIndexByte(line[:min(len(line), maxPrefix)], '\t'); n >= 0 {
			v.add(line[:n])
		}
	}
	p := v.winner()
	if p == nil || len(p.tokens) == 0 && len(p.trail) == 0 || p.isQuote() {
		return nil
	}
	n := 0
	for _, line := range events {
		if rest, ok := p.strip(line); ok && len(rest) < len(line) {
			n++
		}
	}
	if 10*n < 9*len(events) {
		return nil
	}
	return p
}

// see widens a prefix of fixed width, "+" and "-" and " " of a diff.
func (p *pattern) see(prefix []byte, first bool) {
	if first {
		p.fixed = len(prefix)
	}
	if len(prefix) != p.fixed || len(prefix) > 2 {
		p.fixed = 0
		return
	}
	for _, c := range prefix {
		if bytes.IndexByte([]byte(" +-|<>!:#*%"), c) < 0 {
			p.fixed = 0
			return
		}
		if bytes.IndexByte(p.set, c) < 0 {
			p.set = append(p.set, c)
		}
	}
}

// fits reports whether the stacks of a sample carry the prefix as its events do.
func (p *pattern) fits(frames [][]byte) bool {
	if p.fixed == 0 && p.isQuote() || p.fixed > 0 && len(bytes.Trim(p.set, "> ")) == 0 {
		return false
	}
	if len(frames) == 0 && p.isInstance() {
		return false
	}
	n := 0
	for _, line := range frames {
		if rest, ok := p.strip(line); ok && startsFrame(rest) {
			n++
		}
	}
	return 10*n >= 8*len(frames)
}
