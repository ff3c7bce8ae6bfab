// Package plain undoes what programs and people do to all lines of a trace
// alike: a prefix before each (of ts, grep -n, cat -n, dmesg, a journal, a serial
// logger, a container's log, quoting), colours, entities and tags of HTML,
// UTF-16, what stands after each line (the frame of a pane, quotes, the $ of
// cat -A), lines that were broken at a column, blank lines between lines, tabs
// that became blanks. What mail does to single lines is package mail's business.
//
// What was done shows in a sample of the text. A text to which nothing was done
// is not touched.
package plain

import (
	"bytes"
	"io"
)

// Find recognises the line of an event and says where its header stands.
type Find func(line []byte) (Place, bool)

// A Wash is what was done to a text, to be undone.
type Wash struct {
	find    Find
	prefix  *pattern
	colours bool
	tags    bool
	ents    bool
	returns bool // carriage returns before a line's end, or within it
	signs   bool // arrows, dashes and blanks that editors put for those of ASCII
	suffix  string
	blanks  bool // blank lines before the lines of stacks
	indent  bool // lines of stacks are indented, or lost their tab
	wrap    int  // the column at which lines were broken, 0 if they were not
	// Code is how the characters are stored.
	code encoding
}

// Learn finds out what was done to a text that begins so. It returns nil for a
// text that is as it was printed.
func Learn(sample []byte, find Find) *Wash {
	w := &Wash{find: find, code: encodingOf(sample)}
	if w.code != bytewise {
		sample = w.code.decode(nil, sample, true)
	}
	w.colours = isColoured(sample)
	w.ents = hasEntities(sample)
	w.tags = hasTags(sample)
	w.returns = hasReturns(sample)
	w.signs = hasSigns(sample)
	lines := split(sample)
	w.suffix = suffixOf(lines, find)
	if w.scrubs() {
		for i := range lines {
			lines[i] = w.scrub(nil, lines[i])
		}
	}
	w.prefix = learnPrefix(lines, find)
	if w.prefix != nil {
		for i := range lines {
			lines[i], _ = w.prefix.strip(lines[i])
		}
	}
	w.learnShape(lines)
	if !w.dirty() {
		return nil
	}
	return w
}

// Clean returns a sample of the text, washed.
func (w *Wash) Clean(sample []byte) []byte {
	out, _ := io.ReadAll(w.Reader(bytes.NewReader(sample))) // of memory: no error
	return out
}

// IsText reports whether an input that begins so may be text.
func IsText(prefix []byte) bool {
	return bytes.IndexByte(prefix, 0) < 0 || encodingOf(prefix) != bytewise
}

func (w *Wash) dirty() bool {
	return w.prefix != nil || w.scrubs() || w.blanks || w.indent || w.wrap > 0 || w.code != bytewise
}

// scrubs reports whether something was done to each line by itself besides a
// prefix.
func (w *Wash) scrubs() bool {
	return w.colours || w.ents || w.tags || w.returns || w.signs || w.suffix != ""
}

// split cuts a sample into lines. The last one may be cut by the sample: it is
// taken only if it is the only one.
func split(sample []byte) (lines [][]byte) {
	for len(sample) > 0 {
		line, rest, whole := bytes.Cut(sample, []byte("\n"))
		if sample = rest; whole || len(lines) == 0 {
			lines = append(lines, bytes.TrimSuffix(line, []byte("\r")))
		}
	}
	return lines
}

// learnShape looks at what became of the lines' begins and ends.
func (w *Wash) learnShape(lines [][]byte) {
	w.wrap = wrapOf(lines, w.find)
	afterRecord, blank, perf := false, false, false
	for _, line := range lines {
		if isEmpty(line) {
			blank = true
			continue
		}
		place, event := w.find(line)
		frame := !event && startsFrame(line)
		if event {
			perf = place.Words
		}
		if frame && afterRecord {
			w.blanks = w.blanks || blank
			w.indent = w.indent || isIndented(line, perf)
		}
		if blank = false; event || frame {
			afterRecord = true
		} else {
			afterRecord = false
		}
	}
}

// isIndented reports whether the line of a stack begins in another way than its
// printer's: "=>" and " =>", or a tab.
func isIndented(line []byte, perf bool) bool {
	trimmed := bytes.TrimLeft(line, " \t")
	arrow := bytes.HasPrefix(trimmed, []byte("=>"))
	return arrow && len(line)-len(trimmed) > 3 || !arrow && perf && line[0] != '\t'
}

func isEmpty(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// IsFrame reports whether a line is that of a stack and nothing else.
func IsFrame(line []byte) bool { return startsFrame(line) }

// isFrame reports whether a line holds the frame of a stack, whatever stands
// before it.
func isFrame(line []byte) bool {
	if bytes.Contains(line, []byte("==>")) {
		return false // of sched_switch
	}
	if n := bytes.Index(line, []byte("=> ")); n >= 0 {
		if n > 1 && line[n-1] == '-' && (line[n-2] == '-' || line[n-2] == '_') {
			return false // "_-----=> irqs-off" of the kernel's header
		}
		return n == 0 || line[n-1] == ' ' || line[n-1] == '\t' || !isLetter(line[n-1])
	}
	n := bytes.IndexByte(line, '\t')
	return n >= 0 && isPerfFrame(bytes.TrimLeft(line[n:], " \t"))
}

// startsFrame reports whether a line is that of a stack and nothing else.
func startsFrame(line []byte) bool {
	line = bytes.TrimLeft(line, " \t")
	return bytes.HasPrefix(line, []byte("=> ")) || isPerfFrame(line)
}

// isPerfFrame recognises "ffffffff81b0e1db resched_curr+0x9b ([kernel.kallsyms])".
func isPerfFrame(line []byte) bool {
	n := 0
	for n < len(line) && (isDigit(line[n]) || line[n]-'a' <= 5) {
		n++
	}
	if n < 1 || n > 16 || n+2 >= len(line) || line[n] != ' ' {
		return false
	}
	return line[len(line)-1] == ')' && bytes.Contains(line[n:], []byte(" (")) || n >= 8 && bytes.Contains(line[n:], []byte("+0x")) && bytes.IndexByte(line[n+1:], ' ') < 0
}

// minWrap is the narrowest column at which lines are broken.
const minWrap = 60

// wrapOf finds the column at which all lines were broken, whatever stood there:
// no line is longer, and those that are as long go on in the next one.
func wrapOf(lines [][]byte, find Find) int {
	longest := 0
	for _, line := range lines {
		if bytes.Contains(line, []byte("=3D")) {
			return 0 // quoted-printable breaks lines in its own way
		}
		longest = max(longest, len(line))
	}
	if longest < minWrap {
		return 0
	}
	broken, whole, strong := 0, 0, false // strong: what follows is no prose
	for i := 0; i+1 < len(lines); i++ {
		if len(lines[i]) != longest {
			continue
		}
		if _, event := find(lines[i]); !event {
			continue
		}
		if goesOn(lines[i+1], find) {
			broken++
			strong = strong || bytes.Contains(lines[i+1], []byte("+0x")) || bytes.Contains(lines[i+1], []byte("callback="))
		} else {
			whole++
		}
	}
	if whole > broken || broken < 2 && (broken < 1 || !strong) {
		return 0
	}
	return longest
}

// goesOn reports whether a line may be the rest of the one before. One that is
// quoted was broken by a mail client, which package mail undoes.
func goesOn(line []byte, find Find) bool {
	if isEmpty(line) || line[0] == '#' || line[0] == '>' || startsFrame(line) || bytes.HasPrefix(line, []byte("```")) || bytes.HasPrefix(line, []byte("~~~")) || string(line) == "--" {
		return false
	}
	_, event := find(line)
	return !event
}
