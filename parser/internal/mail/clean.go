// Package mail undoes what mail clients, editors and terminals do to the lines
// of a trace: quoting with "> ", quoted-printable, non-breaking spaces, tabs, and
// lines that were wrapped.
package mail

import "bytes"

// A Cleaner cleans lines one by one. The zero value is ready.
type Cleaner struct {
	// quoted is set inside a message that is encoded as quoted-printable.
	quoted bool
	buf    []byte // the line, decoded
}

// Clean appends a cleaned line to dst. A soft line break of quoted-printable at
// its end is not followed: see Add.
func (c *Cleaner) Clean(dst, line []byte) []byte {
	c.Add(line)
	return c.Finish(dst)
}

// Add takes a line. soft reports that it ended in a soft line break of
// quoted-printable: the next line must be added to it. Breaking lines is the last
// that happens to a text that is sent, so all parts are joined before anything
// else is undone.
func (c *Cleaner) Add(line []byte) (soft bool) {
	c.encoding(line)
	if c.quoted && isQuotedPrintable(line) {
		c.buf, soft = appendDecoded(c.buf, line)
		return soft
	}
	c.buf = append(c.buf, line...)
	return false
}

// Finish appends what was added, cleaned, to dst.
func (c *Cleaner) Finish(dst []byte) []byte {
	dst = appendTidy(dst, c.buf)
	c.buf = c.buf[:0]
	return dst
}

// encoding notes whether the lines from here on are quoted-printable: where the
// header of a message says so, or where its text cannot be anything else. The
// header of the next message ends it.
func (c *Cleaner) encoding(line []byte) {
	if name, value, ok := bytes.Cut(line[:min(len(line), 80)], []byte(":")); ok &&
		bytes.EqualFold(name, []byte("Content-Transfer-Encoding")) {
		c.quoted = bytes.EqualFold(bytes.TrimSpace(value), []byte("quoted-printable"))
		return
	}
	if !c.quoted && bytes.Contains(line, []byte("=3D")) {
		c.quoted = true
	}
	if c.quoted && bytes.HasPrefix(line, []byte("From ")) { // the next message of an mbox
		c.quoted = false
	}
}

// isQuotedPrintable reports whether each '=' of the line is one that RFC 2045,
// 6.7 allows: two upper-case hex digits follow, or the end of the line.
func isQuotedPrintable(line []byte) bool {
	for at := 0; ; {
		n := bytes.IndexByte(line[at:], '=')
		if n < 0 {
			return true
		}
		at += n + 1
		if len(bytes.TrimRight(line[at:], " \t")) == 0 {
			return true
		}
		if at+2 > len(line) || upperHex(line[at]) > 15 || upperHex(line[at+1]) > 15 {
			return false
		}
	}
}

func upperHex(c byte) byte {
	switch {
	case c-'0' <= 9:
		return c - '0'
	case c-'A' <= 5:
		return c - 'A' + 10
	}
	return 0xff
}

// appendDecoded decodes a line of quoted-printable. Trailing blanks are padding
// by RFC 2045 and are dropped.
func appendDecoded(dst, line []byte) (out []byte, soft bool) {
	line = bytes.TrimRight(line, " \t")
	if n := len(line); n > 0 && line[n-1] == '=' {
		line, soft = line[:n-1], true
	}
	for i := 0; i < len(line); i++ {
		b := line[i]
		if b == '=' {
			b = upperHex(line[i+1])<<4 | upperHex(line[i+2])
			i += 2
			if b == '\n' || b == '\r' || b == 0 {
				b = ' ' // a line stays a line
			}
		}
		dst = append(dst, b)
	}
	return dst, soft
}

// appendTidy appends a line without the marks of quoting and with blanks for
// tabs and non-breaking spaces. Quoting begins in the first column: a comm may
// hold '>' too, but is printed to the right of it.
func appendTidy(dst, line []byte) []byte {
	line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // the mark that some editors put before UTF-8
	for len(line) > 0 && line[0] == '>' {
		if line = line[1:]; len(line) > 0 && line[0] == ' ' {
			line = line[1:]
		}
	}
	start := len(dst)
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\t': // columns tell who printed a line
			dst = append(dst, "        "[(len(dst)-start)%8:]...)
			continue
		case c == 0xc2 && i+1 < len(line) && line[i+1] == 0xa0:
			i++
			c = ' '
		case c == 0xa0 && (i == 0 || line[i-1] < 0x80 || line[i-1] == 0xa0): // Latin-1
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

// IsQuote reports whether a line is quoted.
func IsQuote(line []byte) bool { return len(line) > 1 && line[0] == '>' }

// isField recognises the fields of a mail header that all mails and archives
// have (RFC 5322, 3.6), and the attribution of a forwarded one.
func isField(line []byte) bool {
	if len(line) == 0 || line[0] == ' ' {
		return false
	}
	for _, f := range []string{"From: ", "Subject: ", "Date: ", "Message-ID: ", "Message-Id: ", "To: ", "-----Original Message"} {
		if bytes.HasPrefix(line, []byte(f)) {
			return true
		}
	}
	return false
}

// words counts the words of a line, up to 5.
func words(line []byte) (n int) {
	for len(line) > 0 && n < 5 {
		line = bytes.TrimLeft(line, " \t")
		end := bytes.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		if end > 0 {
			n++
		}
		line = line[end:]
	}
	return n
}

// LooksLike reports whether the begin of a text looks like a mail, or notes, that
// a trace was pasted into. isTrace tells the lines of a trace. hasHead is set for
// a text that begins as the file of a trace does: other lines in it do not count,
// since the texts that programs write into a trace may hold line breaks.
func LooksLike(prefix []byte, hasHead bool, isTrace func(line []byte) bool) bool {
	if bytes.HasPrefix(prefix, []byte("\xef\xbb\xbf")) || bytes.Contains(prefix, []byte("=3D")) || bytes.Contains(prefix, []byte("\xc2\xa0")) {
		return true // no program prints these
	}
	traces, others, prose := 0, 0, 0
	afterTrace := false
	for len(prefix) > 0 {
		line, rest, whole := bytes.Cut(prefix, []byte("\n"))
		prefix = rest
		line = bytes.TrimSuffix(line, []byte("\r"))
		switch {
		case len(bytes.TrimSpace(line)) == 0:
			continue
		case IsQuote(line) || isField(line):
			return true
		case isTrace(line):
			traces++
			afterTrace = true
			continue
		case !whole:
			continue
		}
		others++
		switch n := words(line); {
		case n >= 4:
			prose++
		case afterTrace && bytes.IndexByte(firstWord(line), '=') > 0:
			return true // the rest of a line that was wrapped
		}
		afterTrace = false
	}
	return !hasHead && traces > 0 && others >= 2 && prose >= 1
}

func firstWord(line []byte) []byte {
	line = bytes.TrimLeft(line, " \t")
	if n := bytes.IndexAny(line, " \t"); n >= 0 {
		return line[:n]
	}
	return line
}
