package parser

import (
	"bufio"
	"bytes"
	"fmt"
	"io"

	"github.com/ipiscope/ipiscope/parser/internal/plain"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// openPrinted opens a text that begins with prefix: a trace as it was printed, with
// something done to all of its lines, carried by another format, or after other
// text.
func openPrinted(br *bufio.Reader, prefix []byte, path string, c io.Closer, o Options) (trace.Source, error) {
	if !plain.IsText(prefix) {
		return nil, unknown(path, prefix)
	}
	inner, err := carried(prefix, br)
	if err != nil {
		return nil, unknown(path, prefix)
	}
	if inner != nil {
		if o.carriers++; o.carriers > maxCarriers {
			return nil, fmt.Errorf("%s: text within text within text: extract the trace", path)
		}
		return openStream(inner, path, c, o)
	}
	if format, r := textFormat(prefix, br); format != nil {
		src, err := format.open(r, path, o)
		return withCloser(src, c), err
	}
	window, skipped := search(br)
	if window == nil {
		return nil, unknown(path, prefix)
	}
	format, r := textFormat(window, br)
	o.mixed = true
	src, err := format.open(io.MultiReader(&emptyLines{skipped}, r), path, o)
	return withCloser(src, c), err
}

// maxCarriers bounds texts within texts.
const maxCarriers = 3

// textFormat finds the format of a text and the reader that returns it as it was
// printed; nil if it is none.
func textFormat(prefix []byte, r io.Reader) (*Format, io.Reader) {
	return washed(plain.Learn(prefix, findHeader), prefix, r)
}

// brokenFormat is textFormat for a text that was broken at a column and then quoted,
// nil for any other.
func brokenFormat(prefix []byte, r io.Reader) (*Format, io.Reader) {
	if !bytes.Contains(prefix, []byte("\n>")) || !plain.IsText(prefix) {
		return nil, nil
	}
	wash := plain.LearnBroken(prefix, findHeader)
	if wash == nil {
		return nil, nil
	}
	return washed(wash, prefix, r)
}

func washed(wash *plain.Wash, prefix []byte, r io.Reader) (*Format, io.Reader) {
	if wash != nil {
		r, prefix = wash.Reader(r), wash.Clean(prefix)
	}
	for _, format := range Formats() {
		if format.open != nil && format.openAt == nil && format.Sniff(prefix) {
			return &format, r
		}
	}
	return nil, nil
}

// isMangled reports whether an input is a trace that openPrinted would open, as far
// as its begin tells.
func isMangled(prefix []byte) bool {
	if !plain.IsText(prefix) {
		return false
	}
	inner, err := carried(prefix, bytes.NewReader(prefix))
	if inner != nil || err != nil {
		return err == nil
	}
	format, _ := textFormat(prefix, nil)
	return format != nil
}

// search looks for a trace after other text: the boot messages of a serial
// console, a long mail. It returns the window that holds its begin, at which the
// reader stands then, and the number of lines before it; nil if there is none.
func search(br *bufio.Reader) (window []byte, skipped int) {
	for {
		window, err := sniffText(br)
		if len(window) == 0 || !plain.IsText(window) {
			return nil, 0
		}
		if format, _ := textFormat(window, br); format != nil {
			return window, skipped
		}
		if err != nil {
			return nil, 0
		}
		end := bytes.LastIndexByte(window, '\n') + 1
		if end == 0 {
			end = len(window)
		}
		skipped += bytes.Count(window[:end], []byte("\n"))
		if _, err := br.Discard(end); err != nil {
			return nil, 0
		}
	}
}

// sniffText returns what decides whether a trace begins there: as much as a window
// holds, or less if a trace shows in it, as a pipe that is written to must not be
// waited for longer than that.
func sniffText(br *bufio.Reader) ([]byte, error) {
	for {
		window, _ := br.Peek(br.Buffered())
		if len(window) == sniffSize {
			return window, nil
		}
		if format, _ := textFormat(window, br); format != nil {
			return window, nil
		}
		if window, err := br.Peek(len(window) + 1); err != nil {
			return window, err
		}
	}
}

// emptyLines stand for lines that were passed over, so that those after them
// keep their numbers.
type emptyLines struct{ n int }

// Read implements io.Reader.
func (e *emptyLines) Read(p []byte) (int, error) {
	n := min(len(p), e.n)
	if e.n -= n; n == 0 {
		return 0, io.EOF
	}
	for i := range p[:n] {
		p[i] = '\n'
	}
	return n, nil
}
