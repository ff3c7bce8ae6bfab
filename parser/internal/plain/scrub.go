package plain

import (
	"bytes"
	"html"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scrub appends a line without colours, tags and the other marks of terminals
// and pages.
func (w *Wash) scrub(dst, line []byte) []byte {
	start := len(dst)
	dst = append(dst, line...)
	if w.returns {
		dst = dst[:start+len(afterReturn(dst[start:]))]
	}
	if w.colours {
		dst = dst[:start+len(withoutColours(dst[start:]))]
	}
	if w.tags {
		dst = dst[:start+len(withoutTags(dst[start:]))]
	}
	if w.ents && bytes.IndexByte(dst[start:], '&') >= 0 {
		text := html.UnescapeString(string(dst[start:]))
		dst = append(dst[:start], strings.ReplaceAll(strings.ReplaceAll(text, "\u00a0", " "), "\n", " ")...)
	}
	if w.signs {
		dst = dst[:start+len(plainSigns(dst[start:]))]
	}
	if w.suffix != "" {
		dst = dst[:start+len(withoutSuffix(dst[start:], w.suffix))]
	}
	return dst
}

// isColoured reports whether a program coloured the text: it also ends its colours.
// An escape that the trace itself holds, in a task's name for one, stays.
func isColoured(sample []byte) bool {
	return bytes.Contains(sample, []byte("\x1b[m")) || bytes.Contains(sample, []byte("\x1b[0m")) || bytes.Contains(sample, []byte("\x1b[0;")) || bytes.Contains(sample, []byte("\x1b[39")) ||
		bytes.Contains(sample, []byte("\x1b[?"))
}

// withoutColours cuts the control sequences of ECMA-48 out of a line, in place:
// ESC [ parameters letter, and ESC ] text BEL of terminals' titles.
func withoutColours(line []byte) []byte {
	out := line[:0]
	for i := 0; i < len(line); i++ {
		if line[i] != 0x1b || i+1 == len(line) {
			out = append(out, line[i])
			continue
		}
		switch i++; line[i] {
		case '[':
			for i++; i < len(line) && (line[i] < 0x40 || line[i] > 0x7e); i++ {
			}
		case ']':
			for i++; i < len(line) && line[i] != 7 && line[i] != 0x1b; i++ {
			}
			if i < len(line) && line[i] == 0x1b { // ESC \
				i++
			}
		case '(', ')':
			i++
		}
	}
	return out
}

// hasEntities reports whether the characters that HTML reserves are written as
// entities: some are, and none stands for itself.
func hasEntities(sample []byte) bool {
	for _, own := range []string{"=> ", "<idle>", "<...>", "<stack trace"} {
		if bytes.Contains(sample, []byte(own)) {
			return false
		}
	}
	for _, entity := range []string{"&gt;", "&lt;", "&#43;", "&#x2b;", "&#x2B;", "&#60;", "&#62;", "&#x3c;", "&#x3C;", "&#x3e;", "&#x3E;"} {
		if bytes.Contains(sample, []byte(entity)) {
			return true
		}
	}
	return false
}

// tagNames are the elements that pages wrap lines of text in. "idle" and "stack"
// are none.
var tagNames = map[string]bool{
	"a": true, "b": true, "blockquote": true, "body": true, "br": true, "code": true, "div": true, "em": true, "failure": true, "font": true, "head": true,
	"html": true, "i": true, "li": true, "mark": true, "ol": true, "p": true, "pre": true, "samp": true, "span": true, "strong": true,
	"system-err": true, "system-out": true, "table": true, "tbody": true, "td": true, "th": true, "tr": true, "tt": true, "u": true, "ul": true,
}

// tagAt returns the length of the tag that a text begins with, 0 if there is
// none.
func tagAt(t []byte) int {
	if bytes.HasPrefix(t, []byte("<![CDATA[")) {
		return len("<![CDATA[")
	}
	i := 1
	if i < len(t) && t[i] == '/' {
		i++
	}
	start := i
	for i < len(t) && isLetter(t[i]) {
		i++
	}
	for i > start && i < len(t) && t[i] == '-' && i+1 < len(t) && isLetter(t[i+1]) { // of XML: "system-out"
		for i++; i < len(t) && isLetter(t[i]); i++ {
		}
	}
	if i == len(t) || i == start || t[i] != '>' && t[i] != ' ' && t[i] != '/' || !tagNames[strings.ToLower(string(t[start:i]))] {
		return 0
	}
	n := bytes.IndexByte(t[i:], '>')
	if n < 0 {
		return 0
	}
	return i + n + 1
}

// hasTags reports whether a sample is of a page.
func hasTags(sample []byte) bool {
	for {
		n := bytes.IndexByte(sample, '<')
		if n < 0 {
			return false
		}
		if tagAt(sample[n:]) > 0 {
			return true
		}
		sample = sample[n+1:]
	}
}

func withoutTags(line []byte) []byte {
	out := line[:0]
	line = bytes.TrimSuffix(line, []byte("]]>"))
	for i := 0; i < len(line); {
		if line[i] == '<' {
			if n := tagAt(line[i:]); n > 0 {
				i += n
				continue
			}
		}
		out = append(out, line[i])
		i++
	}
	return out
}

// An encoding is how characters are stored.
type encoding uint8

const (
	bytewise encoding = iota
	littleEndian
	bigEndian
)

// encodingOf recognises UTF-16, by its mark or because every other byte is 0.
func encodingOf(sample []byte) encoding {
	switch {
	case len(sample) < 4:
		return bytewise
	case sample[0] == 0xff && sample[1] == 0xfe:
		return littleEndian
	case sample[0] == 0xfe && sample[1] == 0xff:
		return bigEndian
	}
	n := min(len(sample)&^1, 200)
	var zeros [2]int
	for i, c := range sample[:n] {
		if c == 0 {
			zeros[i&1]++
		}
	}
	switch {
	case zeros[1] == n/2 && zeros[0] == 0:
		return littleEndian
	case zeros[0] == n/2 && zeros[1] == 0:
		return bigEndian
	}
	return bytewise
}

// decode appends the characters of whole pairs of bytes as UTF-8. Without start
// the text does not begin there.
func (e encoding) decode(dst, src []byte, start bool) []byte {
	for i := 0; i+1 < len(src); i += 2 {
		u := e.unit(src[i:])
		if start && i == 0 && u == 0xfeff {
			continue
		}
		c := rune(u)
		if utf16.IsSurrogate(c) && i+3 < len(src) {
			c = utf16.DecodeRune(c, rune(e.unit(src[i+2:])))
			i += 2
		}
		dst = utf8.AppendRune(dst, c)
	}
	return dst
}

func (e encoding) unit(b []byte) uint16 {
	if e == bigEndian {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return uint16(b[1])<<8 | uint16(b[0])
}

// A decoding reader makes UTF-8 of UTF-16.
type decoding struct {
	r       io.Reader
	code    encoding
	started bool
	in      []byte
	out     []byte
	err     error
}

// Read implements io.Reader.
func (d *decoding) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		have := len(d.in)
		d.in = append(d.in, make([]byte, 32<<10)...)
		n, err := d.r.Read(d.in[have:])
		d.in, d.err = d.in[:have+n], err
		end := len(d.in) &^ 1
		if end >= 2 && d.err == nil && utf16.IsSurrogate(rune(d.code.unit(d.in[end-2:]))) {
			end -= 2 // its other half is not there yet
		}
		d.out = d.code.decode(d.out[:0], d.in[:end], !d.started)
		d.started = d.started || end > 0
		d.in = d.in[:copy(d.in, d.in[end:])]
	}
	n := copy(p, d.out)
	d.out = d.out[:copy(d.out, d.out[n:])]
	return n, nil
}
