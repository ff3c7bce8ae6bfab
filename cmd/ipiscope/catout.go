package main

import (
	"bufio"
	"bytes"
	"io"
	"sync/atomic"
)

// A catOutput is what cat writes to: all records, the first, or the last ones.
type catOutput struct {
	w     *bufio.Writer
	first int // records still to be written, -1 for all
	last  [][]byte
	next  int // slot of last that is written next
	full  bool
	err   error
	over  atomic.Bool // the records asked for are written, or cannot be
	// stop is called when nothing more can be written.
	stop func()
}

// outputBuffer holds many lines and still fits a processor's cache.
const outputBuffer = 128 << 10

// newCatOutput writes to w; first and last are 0 for all records.
func newCatOutput(w io.Writer, first, last int, stop func()) *catOutput {
	o := &catOutput{w: bufio.NewWriterSize(w, outputBuffer), first: -1, last: make([][]byte, last), stop: stop}
	if first > 0 {
		o.first = first
	}
	return o
}

// takesAll reports whether records need not be told apart.
func (o *catOutput) takesAll() bool { return o.first < 0 && len(o.last) == 0 }

// head writes text that is no record.
func (o *catOutput) head(text []byte) { o.write(text) }

// comment writes text that is no record if it is what a trace says of itself.
func (o *catOutput) comment(text []byte) {
	if bytes.HasPrefix(text, []byte("#")) {
		o.write(text)
	}
}

// record writes the text of a record, or keeps a copy of it for the end.
func (o *catOutput) record(text []byte) {
	if o.first == 0 {
		return
	}
	if o.first > 0 {
		if o.first--; o.first == 0 {
			defer o.end()
		}
	}
	if len(o.last) == 0 {
		o.write(text)
		return
	}
	o.last[o.next] = append(o.last[o.next][:0], text...)
	if o.next++; o.next == len(o.last) {
		o.next, o.full = 0, true
	}
}

func (o *catOutput) write(text []byte) {
	if o.err != nil {
		return
	}
	if _, o.err = o.w.Write(text); o.err != nil {
		o.end()
	}
}

func (o *catOutput) end() {
	o.over.Store(true)
	o.stop()
}

// flush writes what is kept and buffered.
func (o *catOutput) flush() error {
	if o.full {
		for _, text := range o.last[o.next:] {
			o.write(text)
		}
	}
	for _, text := range o.last[:o.next] {
		o.write(text)
	}
	if o.err == nil {
		o.err = o.w.Flush()
	}
	return o.err
}

// stopped reports whether the records asked for are written, or cannot be.
func (o *catOutput) stopped() bool { return o.over.Load() }
