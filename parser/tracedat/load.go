package tracedat

import "fmt"

// A scratch is the memory of one worker.
type scratch struct {
	unpack *decompressor
	src    []byte // compressed
	block  []byte
}

// prepare reads a batch's block and takes what is wanted out of it.
func (s *Source) prepare(b *batch, worker int) {
	b.reset(s.plan)
	s.fill(b, s.newWalker(b), &s.scratch[worker])
}

// fill lets w walk the pages of a batch's block.
func (s *Source) fill(b *batch, w *walker, sc *scratch) {
	if b.block.chunks == nil {
		s.preparePages(b, w, sc)
	} else {
		s.prepareChunks(b, w, sc)
	}
	if err := b.block.err; err != nil {
		w.fault(b.block.errOff, err.Error())
	}
}

// preparePages reads pages that are stored as they are.
func (s *Source) preparePages(b *batch, w *walker, sc *scratch) {
	buf := &sc.block
	if s.plan.all {
		buf = &b.data
	}
	*buf = sized(*buf, int(b.block.size))
	data := *buf
	n, err := s.f.r.ReadAt(data, b.block.off)
	if n < len(data) {
		w.hole(b.block.off, fmt.Sprintf("reading trace data: %v", err))
		b.broken = true
	}
	w.pages(data[:n], b.stream.cut.pageSize, b.block.off, 0)
}

// prepareChunks unpacks a block's chunks. One that is damaged is passed over.
func (s *Source) prepareChunks(b *batch, w *walker, sc *scratch) {
	if sc.unpack == nil {
		var err error
		if sc.unpack, err = newDecompressor(s.f.unpack.name); err != nil { // it could be made before
			w.fault(b.block.off, err.Error())
			b.broken = true
			return
		}
	}
	buf := &sc.block
	if s.plan.all {
		buf = &b.data
	}
	chunks := b.block.chunks
	start, end := chunks[0].off, chunks[len(chunks)-1].end()
	sc.src = sized(sc.src, int(end-start))
	n, readErr := s.f.r.ReadAt(sc.src, start)
	if len(chunks) > 1 { // a single one may be larger than what is taken on its word
		*buf = sized(*buf, int(b.block.size))
	}
	at := 0
	for _, c := range chunks {
		if c.end()-start > int64(n) {
			w.hole(c.off, fmt.Sprintf("reading a chunk: %v", readErr))
			continue
		}
		out := (*buf)[at:]
		if len(chunks) > 1 {
			out = out[:0:c.size]
		}
		out, err := sc.unpack.unpack(out, sc.src[c.off-start+chunkHeader:c.end()-start], int(c.size))
		if err != nil {
			w.hole(c.off, err.Error())
			continue
		}
		if len(chunks) == 1 {
			*buf = out
		}
		w.pages(out, b.stream.cut.pageSize, c.off, at)
		at += len(out)
	}
}

// sized returns b with length n, reusing its memory if it is large enough.
func sized[T any](b []T, n int) []T {
	if cap(b) < n {
		return make([]T, n)
	}
	return b[:n]
}
