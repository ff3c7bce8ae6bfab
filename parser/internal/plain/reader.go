package plain

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxLine bounds a line; a longer one is passed on in pieces, as it is.
const maxLine = 1 << 20

// Reader returns what r holds, washed. Lines that are joined or dropped are made
// up for by empty ones before the next event, so that the numbers of lines stay
// those of r.
func (w *Wash) Reader(r io.Reader) io.Reader {
	if w.code != bytewise {
		r = &decoding{r: r, code: w.code}
	}
	return &reader{w: w, in: bufio.NewReaderSize(r, 64<<10)}
}

// A reader washes line by line.
type reader struct {
	w    *Wash
	in   *bufio.Reader
	out  []byte // washed and not yet read
	raw  []byte
	line []byte // the line, washed
	// held is a line that the next one may go on with, or blank lines that may
	// have stood before the line of a stack.
	held   []byte
	isHeld bool
	gone   int  // lines that were joined or dropped since the last event
	blank  int  // blank lines that are held back
	stack  bool // the last line was an event or a line of its stack
	perf   bool
	err    error
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		r.next()
	}
	n := copy(p, r.out)
	r.out = r.out[:copy(r.out, r.out[n:])]
	return n, nil
}

// next washes lines until the buffer is full or the input makes one wait.
func (r *reader) next() {
	for len(r.out) < 32<<10 {
		r.one()
		if r.err != nil || len(r.out) > 0 && r.in.Buffered() == 0 {
			return
		}
	}
}

// one washes one line.
func (r *reader) one() {
	r.raw = r.raw[:0]
	for {
		part, err := r.in.ReadSlice('\n')
		r.raw = append(r.raw, part...)
		if errors.Is(err, bufio.ErrBufferFull) && len(r.raw) < maxLine {
			continue
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			r.err = err
		}
		break
	}
	if len(r.raw) > 0 {
		line, whole := bytes.CutSuffix(r.raw, []byte("\n"))
		if len(line) >= maxLine {
			r.flush()
			r.out = append(r.out, r.raw...)
			return
		}
		r.take(r.wash(line, whole), whole)
	}
	if r.err != nil {
		r.flush()
	}
}

// wash undoes what was done to a line by itself. Blanks without an end stay, though
// they may be what stands before each line: they show that the text is cut. A number of
// grep -n and the like is that of an empty line.
func (r *reader) wash(line []byte, whole bool) []byte {
	w := r.w
	line = bytes.TrimSuffix(line, []byte("\r"))
	if w.scrubs() {
		r.line = w.scrub(r.line[:0], line)
		line = r.line
	}
	if w.prefix != nil {
		if rest, _ := w.prefix.strip(line); whole || len(rest) > 0 || !isEmpty(line) {
			return rest
		}
	}
	return line
}

// take appends a line to what was washed, or holds it back until the next one is
// known.
func (r *reader) take(line []byte, whole bool) {
	w := r.w
	if isEmpty(line) {
		if r.flush(); w.blanks && r.stack && whole {
			r.blank++
			return
		}
		r.put(line, whole)
		return
	}
	if r.isHeld && len(r.held) > 0 && goesOn(line, w.find) {
		r.gone++
		full := len(line) >= w.wrap
		r.held = append(r.held, line...)
		if !full || !whole || len(r.held) > maxLine {
			r.flushLine(whole)
		}
		return
	}
	r.flushLine(true)
	place, event := w.find(line)
	frame := !event && startsFrame(line)
	if r.blank > 0 {
		if frame {
			r.gone += r.blank
		} else {
			r.newlines(r.blank)
		}
		r.blank = 0
	}
	switch {
	case event:
		r.perf = place.Words
		r.newlines(r.gone)
		r.gone = 0
		if w.wrap > 0 && len(line) == w.wrap && whole {
			r.held, r.isHeld = append(r.held[:0], line...), true
			r.stack = true
			return
		}
	case frame && w.indent:
		r.indent(line, whole)
		return
	}
	r.stack = event || frame
	r.put(line, whole)
}

// indent appends the line of a stack with the blanks that its printer puts there.
func (r *reader) indent(line []byte, whole bool) {
	line = bytes.TrimLeft(line, " \t")
	c := byte(' ')
	if !bytes.HasPrefix(line, []byte("=>")) {
		c = '\t'
	}
	r.out = append(r.out, c)
	r.stack = true
	r.put(line, whole)
}

func (r *reader) put(line []byte, whole bool) {
	r.out = append(r.out, line...)
	if whole {
		r.out = append(r.out, '\n')
	}
}

func (r *reader) newlines(n int) {
	for range n {
		r.out = append(r.out, '\n')
	}
}

// flushLine appends the line that is held back.
func (r *reader) flushLine(whole bool) {
	if r.isHeld {
		r.isHeld = false
		r.put(r.held, whole)
	}
}

// flush appends all that is held back.
func (r *reader) flush() {
	r.flushLine(true)
	r.newlines(r.blank)
	r.blank = 0
}
