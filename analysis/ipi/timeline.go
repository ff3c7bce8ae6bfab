package ipi

import (
	"slices"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/trace"
)

const (
	// maxCells is into how many stretches of time a trace is divided at most.
	// There are more than half as many unless it is very short, or there are so
	// many groups that their cells would take too much memory.
	maxCells = 256
	// maxShown is into how many cells a trace is divided at most that begins long
	// before its first send.
	maxShown = 16 * maxCells
	// maxMemory is how many cells all groups may have together.
	maxMemory = 1 << 24
)

// A ruler divides the time of a trace into cells of equal width, a power of two.
// How long a trace is shows only at its end, so cells double in width whenever
// there would be too many.
type ruler struct {
	begun bool
	start trace.Time
	shift uint8
	most  int // cells
}

// begin begins the first cell, unless it has begun.
func (r *ruler) begin(t trace.Time) {
	if !r.begun {
		*r = ruler{begun: true, start: t, most: maxCells}
	}
}

func (r *ruler) cell(t trace.Time) int {
	d := uint64(max(0, t-r.start)) // text need not be in order
	for d>>r.shift >= uint64(r.most) {
		r.shift++
	}
	return int(d >> r.shift)
}

// share lets groups have as many cells as there is memory for.
func (r *ruler) share(groups int) {
	for int64(groups)*int64(r.most) > maxMemory && r.most > 1 {
		r.most /= 2
	}
}

// A timeline counts hits by cell. It is as coarse as the ruler was when it was
// last added to.
type timeline struct {
	cells []uint32
	shift uint8
}

func (l *timeline) add(r *ruler, t trace.Time) { l.addCell(r, r.cell(t)) }

// addCell counts in a cell of the ruler as it is.
func (l *timeline) addCell(r *ruler, i int) {
	l.fold(r.shift)
	for len(l.cells) <= i {
		l.cells = append(l.cells, 0)
	}
	l.cells[i]++
}

// fold makes the timeline as coarse as shift says.
func (l *timeline) fold(shift uint8) {
	for ; l.shift < shift; l.shift++ {
		n := (len(l.cells) + 1) / 2
		for i := range n {
			sum := l.cells[2*i]
			if 2*i+1 < len(l.cells) {
				sum += l.cells[2*i+1]
			}
			l.cells[i] = sum
		}
		l.cells = l.cells[:n]
	}
}

// fixed returns the counts of the first n cells of a ruler that is used no
// more.
func (l *timeline) fixed(r *ruler, n int) []uint32 {
	l.fold(r.shift)
	cells := make([]uint32, n)
	copy(cells, l.cells)
	return cells
}

// An extent is the time that the cells of Counts cover, as seen from the first
// send of each trace, which the first cell begins with: of several traces the
// cells lie over one another. The zero extent, of no traces, is the identity of
// add.
type extent struct {
	width    int64 // of a cell
	lead, to int64 // the longest times before and behind the first send
	origin   int64 // start of the time that one trace covers, 0 of several
	traces   int
	ends     []int64 // time behind the first send of each trace
	// early are losses before the first send; To is not included, and it is
	// empty if there were none
	early result.Span
}

func (x *extent) add(o extent) {
	switch {
	case o.traces == 0:
		return
	case x.traces == 0:
		*x = o
		return
	}
	x.width = max(x.width, o.width)
	x.lead, x.to = max(x.lead, o.lead), max(x.to, o.to)
	x.origin = 0
	x.traces += o.traces
	x.ends = append(x.ends, o.ends...)
	x.early = hull(x.early, o.early)
}

// hull is the least span that has both.
func hull(a, b result.Span) result.Span {
	switch {
	case a == result.Span{}:
		return b
	case b == result.Span{}:
		return a
	}
	return result.Span{From: min(a.From, b.From), To: max(a.To, b.To)}
}

// cells is how many cells there are, the last one of which is not whole.
func (x *extent) cells() int {
	if x.width == 0 {
		return 0
	}
	return int(x.to/x.width) + 1
}

// extent is the time that the cells of the state cover.
func (s *State) extent() extent {
	s.ruler.begin(s.span.First)
	s.ruler.cell(s.span.Last)
	start := s.ruler.start
	// Pictures show the time before the first send in cells, too.
	for whole := uint64(max(0, start-s.span.First)) + uint64(max(0, s.span.Last-start)); whole>>s.ruler.shift >= maxShown; {
		s.ruler.shift++
	}
	x := extent{width: 1 << s.ruler.shift, lead: int64(max(0, start-s.span.First)), to: int64(max(0, s.span.Last-start)), origin: int64(s.span.First), traces: 1}
	x.ends = []int64{x.to}
	if s.losses.anyEarly {
		from := max(s.losses.early.First, s.span.First)
		x.early = result.Span{From: int64(from - start), To: int64(s.losses.early.Last-start) + 1}
	}
	return x
}

// widened returns cells that are n times as wide in a slice of its own.
func widened(cells []uint32, n int64) []uint32 {
	if cells == nil {
		return nil
	}
	out := make([]uint32, (int64(len(cells))+n-1)/n)
	for i, c := range cells {
		out[int64(i)/n] += c
	}
	return out
}

// addCells adds cells of the same width.
func addCells(into, cells []uint32) []uint32 {
	if n := len(cells) - len(into); n > 0 {
		into = append(into, make([]uint32, n)...)
	}
	for i, n := range cells {
		into[i] += n
	}
	return into
}

// addTimes makes c cover what o covers and returns how many of o's cells make
// one of c's.
func (c *Counts) addTimes(o *Counts) int64 {
	if o.extent.traces == 0 {
		return 1
	}
	before := c.extent.width
	c.extent.add(o.extent)
	if before > 0 && c.extent.width > before {
		n := c.extent.width / before
		c.cells, c.gaps = widened(c.cells, n), widened(c.gaps, n)
		for _, g := range c.groups {
			g.cells = widened(g.cells, n)
		}
	}
	n := c.extent.width / o.extent.width
	c.cells, c.gaps = addCells(c.cells, widened(o.cells, n)), addCells(c.gaps, widened(o.gaps, n))
	return n
}

// dropCells leaves out what there is over time.
func (c *Counts) dropCells() {
	c.extent, c.cells, c.gaps = extent{}, nil, nil
	for _, g := range c.groups {
		g.cells = nil
	}
}

// losses notes the stretches of a trace in which events were lost: any send may
// be missing there, whatever its target.
type losses struct {
	line timeline
	last []trace.Time // of the events of each CPU that were looked at
	// early is from the first to the last loss before the first send
	early    analysis.Span
	anyEarly bool
}

func (x *losses) event(e *trace.Event) {
	for int(e.CPU) >= len(x.last) {
		x.last = append(x.last, 0)
	}
	if e.CPU >= 0 {
		x.last[e.CPU] = e.Time
	}
}

// lost notes a gap: from the last event of the CPU to the first one behind it.
// Where the source does not tell which event was the last one, it is the last
// one that was looked at.
func (x *losses) lost(r *ruler, l *trace.Lost) {
	from := l.Since
	if from == 0 && l.CPU >= 0 && int(l.CPU) < len(x.last) {
		from = x.last[l.CPU]
	}
	if !r.begun {
		if !x.anyEarly {
			x.anyEarly, x.early.First = true, from
		}
		x.early.First, x.early.Last = min(x.early.First, from), max(x.early.Last, l.Time)
		return
	}
	to := r.cell(l.Time) // may widen the cells
	for i := r.cell(from); i <= to; i++ {
		x.line.addCell(r, i)
	}
}

// gapSpans are the stretches in which events were lost, counted as those of
// hits.
func (c *Counts) gapSpans() []result.Span {
	var spans []result.Span
	add := func(s result.Span) {
		s.From, s.To = max(0, s.From), min(s.To, c.extent.lead+c.extent.to)
		if k := len(spans); k > 0 && spans[k-1].To >= s.From {
			spans[k-1].To = max(spans[k-1].To, s.To)
		} else {
			spans = append(spans, s)
		}
	}
	if e := c.extent.early; e != (result.Span{}) {
		add(result.Span{From: c.extent.lead + e.From, To: c.extent.lead + e.To})
	}
	for i, n := range c.gaps {
		if n > 0 {
			from := c.extent.lead + int64(i)*c.extent.width
			add(result.Span{From: from, To: from + c.extent.width})
		}
	}
	return slices.Clip(spans)
}
