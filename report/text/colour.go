package text

import (
	"strings"

	"github.com/mattn/go-runewidth"
)

// reset ends a colour.
const reset = "\x1b[0m"

// colourOf is the colour of a class of hits: what a patch removes is green, what
// configuration removes yellow, what has to stay red, what recording caused grey.
// Verdicts are green if they are good and red if not. Other words have none.
func colourOf(word string) string {
	switch word {
	case "deferrable", "gone", "reduced", "pass":
		return "\x1b[32m"
	case "candidate":
		return "\x1b[36m"
	case "self-filtered":
		return "\x1b[34m"
	case "avoidable", "undecided":
		return "\x1b[33m"
	case "returnable":
		return "\x1b[35m"
	case "noise":
		return "\x1b[90m"
	case "unavoidable", "new", "grown", "fail":
		return "\x1b[31m"
	}
	return ""
}

// Coloured is s in the colour of a class or verdict; s itself if that has none.
func Coloured(s, word string) string {
	c := colourOf(word)
	if c == "" || s == "" {
		return s
	}
	return c + s + reset
}

// Heading is s in bold type, if colours may be used.
func Heading(s string, colour bool) string {
	if colour {
		s = "\x1b[1m" + s + reset
	}
	return s
}

// visible is the width of a cell that may be coloured.
func visible(cell string) int {
	if rest, ok := strings.CutSuffix(cell, reset); ok {
		_, cell, _ = strings.Cut(rest, "m")
	}
	return runewidth.StringWidth(cell)
}

// trimRight cuts off the blanks at the end of a line that may be coloured: a line
// that is too wide by blanks is broken by a terminal.
func trimRight(line string) string {
	line = strings.TrimRight(line, " \n")
	coloured := false
	for strings.HasSuffix(line, reset) {
		coloured = true
		line = strings.TrimRight(strings.TrimSuffix(line, reset), " ")
	}
	if coloured {
		line += reset
	}
	return line
}
