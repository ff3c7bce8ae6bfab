package compare

import "github.com/ipiscope/ipiscope/analysis/stat"

// commonWidth is the width of the widest cells of all runs, 0 if one of them
// does not have its hits over time.
func commonWidth(sides ...*Side) int64 {
	width := int64(0)
	for _, s := range sides {
		for _, r := range s.Runs {
			if r.CellWidth <= 0 || len(r.Total.Cells) == 0 {
				return 0
			}
			width = max(width, r.CellWidth)
		}
	}
	return width
}

// givenBurst is the largest size of bursts that runs without cells were given, 0
// if one of them was given none.
func givenBurst(sides ...*Side) float64 {
	burst, all := 0.0, true
	for _, s := range sides {
		for _, r := range s.Runs {
			burst = max(burst, r.Burst)
			all = all && r.Burst > 0
		}
	}
	if !all {
		return 0
	}
	return burst
}

// cellsOf are the hits of a group over time, in cells of a width that is the
// run's or that times a power of two.
func cellsOf(run *Run, g *Group, width int64) []float64 {
	counts := make([]float64, len(run.Total.Cells))
	for i, n := range g.Cells {
		counts[i] = float64(n)
	}
	return stat.Coarsen(counts, int(width/run.CellWidth))
}
