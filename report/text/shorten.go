package text

import (
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// Shorten cuts s in the middle to at most width columns: the ends of a symbol
// say more than its middle.
func Shorten(s string, width int) string { return shortenAt(s, width, (width-1)/2) }

// shortenAt is Shorten with head columns in front of the cut.
func shortenAt(s string, width, head int) string {
	if runewidth.StringWidth(s) <= width {
		return s
	}
	if width < 3 {
		return runewidth.Truncate(s, width, "")
	}
	tail := width - 1 - head
	runes := []rune(s)
	for len(runes) > 0 && runewidth.StringWidth(string(runes)) > tail {
		runes = runes[1:]
	}
	return runewidth.Truncate(s, head, "") + "…" + string(runes)
}

// shortenList leaves out words of a list from its end, if the first one fits.
func shortenList(list string, width int) string {
	for runewidth.StringWidth(list) > width {
		at := strings.LastIndexByte(strings.TrimSuffix(list, "+…"), '+')
		if at < 0 {
			break
		}
		list = list[:at] + "+…"
	}
	return list
}

// differing is how many characters are shown of what tells two names apart.
const differing = 3

// shortenApart shortens all cells of a column. Different names that would look
// alike are cut behind, or if need be in front of, the place where they differ:
// membarrier_pri…dited and membarrier_glo…dited.
func shortenApart(cells []string, width int) []string {
	alike := map[string][]string{} // different names by their short form
	for _, s := range cells {
		short := Shorten(s, width)
		if short != s && !slices.Contains(alike[short], s) {
			alike[short] = append(alike[short], s)
		}
	}
	out := make([]string, len(cells))
	for i, s := range cells {
		short := Shorten(s, width)
		if names := alike[short]; short != s && len(names) > 1 {
			short = shortenAt(s, width, headThatTells(names, width))
		}
		out[i] = short
	}
	return out
}

// headThatTells is how many columns to keep in front of the cut so that names
// stay different, if there is room for it.
func headThatTells(names []string, width int) int {
	front, back := commonEnds(names)
	most := width - 1 - differing // something of the end stays, too
	switch head := front + differing; {
	case head <= most:
		return head
	case back+differing <= most:
		return width - 1 - back - differing
	}
	return (width - 1) / 2
}

// commonEnds is how many columns all names have in common at their beginning and
// at their end.
func commonEnds(names []string) (front, back int) {
	first := []rune(names[0])
	front, back = len(first), len(first)
	for _, n := range names[1:] {
		other := []rune(n)
		front = min(front, common(first, other, func(r []rune, i int) rune { return r[i] }))
		back = min(back, common(first, other, func(r []rune, i int) rune { return r[len(r)-1-i] }))
	}
	return runewidth.StringWidth(string(first[:front])), runewidth.StringWidth(string(first[len(first)-back:]))
}

func common(a, b []rune, at func([]rune, int) rune) int {
	n := 0
	for n < min(len(a), len(b)) && at(a, n) == at(b, n) {
		n++
	}
	return n
}
