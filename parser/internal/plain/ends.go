package plain

import (
	"bytes"
	"strings"
)

// hasReturns reports whether carriage returns stand elsewhere than in the line
// ends of Windows: a pager or a progress bar wrote over the line, or a terminal
// added its own.
func hasReturns(sample []byte) bool {
	for at := 0; ; {
		n := bytes.IndexByte(sample[at:], '\r')
		if n < 0 {
			return false
		}
		if at += n + 1; at < len(sample) && sample[at] != '\n' {
			return true
		}
	}
}

// afterReturn is what a terminal shows of a line, roughly: what was written last.
func afterReturn(line []byte) []byte {
	line = bytes.TrimRight(line, "\r")
	if n := bytes.LastIndexByte(line, '\r'); n >= 0 {
		return line[:copy(line, line[n+1:])]
	}
	return line
}

// signs are what editors, chats and typesetters put for the characters of a trace,
// and the form feed of printers.
var signs = []struct{ from, to string }{
	{"\u21d2", "=>"}, {"=\u00a0>", "=>"}, {"\u2013", "-"}, {"\u2014", "-"}, {"\u2212", "-"}, {"\u2011", "-"}, {"\u200b", ""}, {"\f", ""},
}

// hasSigns reports whether a sample has one of them where the trace has its own: not
// only in prose around it.
func hasSigns(sample []byte) bool {
	if bytes.HasPrefix(sample, []byte("\f")) || bytes.Contains(sample, []byte("\n\f")) || bytes.Contains(sample, []byte("\u200b")) {
		return true
	}
	for _, arrow := range []string{"\u21d2 ", "\u21d2\u00a0", "=\u00a0> "} {
		if bytes.Contains(sample, []byte(arrow)) {
			return true
		}
	}
	for _, dash := range []string{"\u2013", "\u2014", "\u2212", "\u2011"} {
		if n := bytes.Index(sample, []byte(dash)); n >= 0 && isBeforePID(sample[n+len(dash):]) {
			return true
		}
	}
	return false
}

// isBeforePID recognises "202   [000]".
func isBeforePID(t []byte) bool {
	i := 0
	for i < len(t) && isDigit(t[i]) {
		i++
	}
	rest := bytes.TrimLeft(t[i:], " ")
	return i > 0 && len(rest) > 1 && rest[0] == '[' && isDigit(rest[1])
}

// plainSigns puts the characters of ASCII back, in place: none is longer than what
// stands for it.
func plainSigns(line []byte) []byte {
	for _, s := range signs {
		if bytes.Contains(line, []byte(s.from)) {
			line = line[:copy(line, bytes.ReplaceAll(line, []byte(s.from), []byte(s.to)))]
		}
	}
	return line
}

// closing is what may stand after each line: the right side of a pane, the end
// that cat -A shows, the end of a string in a list. A quote counts only where the
// line has one in front too.
var closing = []struct{ text, opening string }{
	{"\u2502", ""}, {"\u2503", ""}, {"\u2551", ""}, {"|", "|"}, {"$", ""},
	{"\"},", "\""}, {"\"}", "\""}, {"\",", "\""}, {"\"", "\""}, {"',", "'"}, {"'", "'"},
}

// suffixOf finds what stands after all lines of events and stacks, the empty
// string if nothing does.
func suffixOf(sample [][]byte, find Find) string {
	counts, all := make([]int, len(closing)), 0
	for _, line := range sample {
		place, event := find(line)
		if !event && !isFrame(line) {
			continue
		}
		all++
		front := line[:min(max(place.Column, place.Word, 0), len(line))]
		trimmed := bytes.TrimRight(line, " ")
		for i, c := range closing {
			if bytes.HasSuffix(trimmed, []byte(c.text)) && (!event || bytes.Contains(front, []byte(c.opening))) {
				counts[i]++
				break
			}
		}
	}
	for i, n := range counts {
		if all > 1 && 10*n >= 9*all {
			return closing[i].text
		}
	}
	return ""
}

// withoutSuffix cuts the suffix, the blanks before it, and undoes what cat -A does
// to tabs.
func withoutSuffix(line []byte, suffix string) []byte {
	trimmed := bytes.TrimRight(line, " ")
	if !bytes.HasSuffix(trimmed, []byte(suffix)) {
		return line
	}
	line = bytes.TrimRight(trimmed[:len(trimmed)-len(suffix)], " ")
	if suffix == "$" && (bytes.Contains(line, []byte("^I")) || bytes.HasPrefix(line, []byte("\\t"))) {
		text := strings.ReplaceAll(strings.ReplaceAll(string(line), "^I", "\t"), "\\t", "\t")
		line = line[:copy(line, text)]
	}
	return line
}
