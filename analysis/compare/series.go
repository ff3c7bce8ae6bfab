package compare

import "github.com/ipiscope/ipiscope/analysis/stat"

// A series is the hits of a row over time, in cells of width ns.
type series struct {
	counts []float64
	width  int64
}

// newSeries puts the runs of a side behind one another. It is empty if one of
// them does not have its hits over time.
func newSeries(s *Side, find func(*Run) *Group) series {
	var out series
	for i := range s.Runs {
		run := &s.Runs[i]
		g := find(run)
		if run.CellWidth <= 0 || len(run.Total.Cells) == 0 {
			return series{}
		}
		one := series{make([]float64, len(run.Total.Cells)), run.CellWidth}
		for j, n := range g.Cells {
			one.counts[j] = float64(n)
		}
		if i == 0 {
			out = one
			continue
		}
		width := max(out.width, one.width)
		out, one = out.coarse(width), one.coarse(width)
		out.counts = append(out.counts, one.counts...)
	}
	return out
}

// coarse returns the series with wider cells. Widths are powers of two.
func (s series) coarse(width int64) series {
	if width == s.width {
		return s
	}
	return series{stat.Coarsen(s.counts, int(width/s.width)), width}
}

// align returns two series with cells of the same width, nothing if there is
// none of one.
func align(a, b series) (x, y []float64) {
	if a.counts == nil || b.counts == nil {
		return nil, nil
	}
	width := max(a.width, b.width)
	return a.coarse(width).counts, b.coarse(width).counts
}

func (s series) bursty() bool {
	n := stat.BlockLength(len(s.counts), len(s.counts))
	return n > 0 && stat.IsBursty(s.counts, n)
}

// dispersion is 1 for a series that is not known.
func (s series) dispersion() float64 {
	return stat.Overdispersion(s.counts, stat.BlockLength(len(s.counts), len(s.counts)))
}

// blocks adds up each n cells and turns them into rates of the exposure that
// the whole series has.
func blocks(cells []float64, n int, a amount) []float64 {
	out := stat.Coarsen(cells, n)
	for i := range out {
		out[i] *= float64(len(cells)) / float64(n) / a.exposure
	}
	return out
}

func sum(xs []float64) float64 {
	total := 0.0
	for _, x := range xs {
		total += x
	}
	return total
}
