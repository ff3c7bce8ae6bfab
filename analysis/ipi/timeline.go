package ipi

import "github.com/ipiscope/ipiscope/parser/trace"

// maxCells is into how many stretches of time a trace is divided at most.
// There are more than half as many unless it is very short.
const maxCells = 256

// A ruler divides the time of a trace into cells of equal width, a power of two.
// How long a trace is shows only at its end, so cells double in width whenever
// there would be too many.
type ruler struct {
	start trace.Time
	shift uint8
}

func (r *ruler) cell(t trace.Time) int {
	d := uint64(max(0, t-r.start)) // text need not be in order
	for d>>r.shift >= maxCells {
		r.shift++
	}
	return int(d >> r.shift)
}

// A timeline counts hits by cell. It is as coarse as the ruler was when it was
// last added to.
type timeline struct {
	cells []uint32
	shift uint8
}

func (l *timeline) add(r *ruler, t trace.Time) {
	i := r.cell(t)
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

// addCells adds the hits over time of another group of the same trace.
func (g *namedGroup) addCells(cells []uint32) {
	if g.cells == nil {
		g.cells = cells
		return
	}
	for i, n := range cells {
		g.cells[i] += n
	}
}
