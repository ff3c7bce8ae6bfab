package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"

	"github.com/klauspost/compress/zstd"

	"github.com/ipiscope/ipiscope/parser/datfile"
	"github.com/ipiscope/ipiscope/parser/ringbuf"
	"github.com/ipiscope/ipiscope/parser/tracedat"
)

const (
	// chunkPages is how many pages trace-cmd puts into a compressed chunk.
	chunkPages = 10
	// roundGap is the time between two rounds, in units of the trace's clock.
	roundGap = 1_000_000
)

// enlarge writes a version 7 trace.dat with the events of another one over and
// over: its pages as they are, each round's times after those of the round
// before, until all pages together have at least size bytes. So a file of any
// size holds what a real recording holds.
func enlarge(path, from string, size int64, compression string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	st, err := src.Stat()
	if err != nil {
		return err
	}
	e := &enlarger{first: math.MaxUint64}
	if e.Parts, err = tracedat.TakeApart(src, st.Size(), from); err != nil {
		return err
	}
	switch e.Header.Compression = compression; compression {
	case "none":
	case "zstd":
		if e.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("compression %q: want none or zstd", compression)
	}
	if err := e.look(); err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	e.rounds = int((size + e.bytes - 1) / e.bytes)
	dst, err := os.Create(path)
	if err != nil {
		return err
	}
	return closed(dst, e.write(dst))
}

// An enlarger writes one file.
type enlarger struct {
	*tracedat.Parts
	zstd   *zstd.Encoder // nil: not compressed
	rounds int
	bytes  int64 // of all pages
	// first and last are the times of the first page and of the last event
	first, last uint64
	buf         []byte
}

// look takes the times of all pages, which must be whole.
func (e *enlarger) look() error {
	var page ringbuf.Page
	for _, b := range e.Buffers {
		for _, c := range b.CPUs {
			for buf := range slices.Chunk(c.Pages, b.PageSize) {
				page.Reset(&e.Layout, buf)
				e.first = min(e.first, page.Time())
				for page.Next() {
					e.last = max(e.last, page.Time())
				}
				if page.Err() != nil {
					return fmt.Errorf("CPU %d: %w", c.CPU, page.Err())
				}
			}
			e.bytes += int64(len(c.Pages))
		}
	}
	if e.bytes == 0 {
		return errors.New("no events to repeat")
	}
	return nil
}

func (e *enlarger) write(dst datfile.File) error {
	w := datfile.New(dst, e.Header)
	for _, o := range e.Options {
		w.Add(o)
	}
	for _, b := range e.Buffers {
		b.Packed = e.zstd != nil
		w.BeginBuffer(b.Buffer)
		for _, c := range b.CPUs {
			w.BeginCPU(c.CPU)
			if len(c.Pages) > 0 {
				e.writePages(w, c.Pages, b.PageSize)
			}
			w.EndCPU()
		}
		w.EndBuffer()
	}
	return w.Close()
}

// writePages writes the pages of a CPU once for each round, with later times in
// each.
func (e *enlarger) writePages(w *datfile.Writer, pages []byte, pageSize int) {
	if e.zstd != nil {
		n := chunkPages * pageSize
		w.Chunks(e.rounds * ((len(pages) + n - 1) / n))
	}
	for round := range e.rounds {
		for chunk := range slices.Chunk(pages, chunkPages*pageSize) {
			e.buf = append(e.buf[:0], chunk...)
			for page := range slices.Chunk(e.buf, pageSize) {
				e.Layout.Shift(page, uint64(round)*(e.last-e.first+roundGap))
			}
			if e.zstd == nil {
				_, _ = w.Write(e.buf) // Close says what went wrong
				continue
			}
			w.Chunk(e.zstd.EncodeAll(e.buf, nil), len(e.buf))
		}
	}
}
