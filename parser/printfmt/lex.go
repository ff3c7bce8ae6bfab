package printfmt

import "strings"

// A token of a print fmt.
type token struct {
	kind tokenKind
	text string // of a string: what stands between the quotes
	off  int
}

type tokenKind uint8

const (
	tokEnd tokenKind = iota
	tokName
	tokNumber
	tokString
	tokOp
)

// A lexer splits a print fmt into C tokens.
type lexer struct {
	src string
	off int
	err *Error
}

// operators of two and three characters; the longest come first.
var longOperators = [...]string{"<<=", ">>=", "...", "->", "++", "--", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||"}

func (l *lexer) next() token {
	for l.off < len(l.src) && isBlank(l.src[l.off]) {
		l.off++
	}
	at := l.off
	if at == len(l.src) {
		return token{tokEnd, "", at}
	}
	rest := l.src[at:]
	switch c := rest[0]; {
	case c == '"':
		return l.strings()
	case c == '\'':
		return l.quoted('\'', tokNumber)
	case isDigit(c):
		l.off = at + wordLen(rest)
		return token{tokNumber, l.src[at:l.off], at}
	case isNameByte(c):
		l.off = at + wordLen(rest)
		return token{tokName, l.src[at:l.off], at}
	}
	for _, op := range longOperators {
		if strings.HasPrefix(rest, op) {
			l.off += len(op)
			return token{tokOp, op, at}
		}
	}
	l.off++
	return token{tokOp, rest[:1], at}
}

// strings reads a string literal, and those that follow it as one.
func (l *lexer) strings() token {
	t := l.quoted('"', tokString)
	for t.kind == tokString {
		next := l.off
		for next < len(l.src) && isBlank(l.src[next]) {
			next++
		}
		if next == len(l.src) || l.src[next] != '"' {
			break
		}
		l.off = next
		more := l.quoted('"', tokString)
		t.kind, t.text = more.kind, t.text+more.text
	}
	return t
}

// quoted reads a string or character literal. Escapes stay as they are.
func (l *lexer) quoted(quote byte, kind tokenKind) token {
	at := l.off
	for i := at + 1; i < len(l.src); i++ {
		switch l.src[i] {
		case '\\':
			i++
		case quote:
			l.off = i + 1
			text := l.src[at+1 : i]
			if kind == tokNumber {
				text = charValue(text)
			}
			return token{kind, text, at}
		}
	}
	l.err = &Error{at, "a quote without its end"}
	l.off = len(l.src)
	return token{tokEnd, "", at}
}

// charValue is the number of a character constant as a decimal. libtraceevent
// takes the first character for it, even of an escape.
func charValue(text string) string {
	if text == "" {
		return "0"
	}
	return string(appendDecimal(nil, uint64(text[0])))
}

func wordLen(s string) int {
	i := 0
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	return i
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isNameByte(c byte) bool {
	return c == '_' || isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// appendUnescaped appends text with C escapes resolved.
func appendUnescaped(dst []byte, text string) []byte {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' || i+1 == len(text) {
			dst = append(dst, c)
			continue
		}
		i++
		switch text[i] {
		case 'n':
			c = '\n'
		case 't':
			c = '\t'
		case 'r':
			c = '\r'
		default: // \\ \" \'
			c = text[i]
		}
		dst = append(dst, c)
	}
	return dst
}
