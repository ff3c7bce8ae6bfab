package stat

// leastBlocks is how many blocks the longest run keeps when the cells of its
// hits are made wider: fewer make the estimate of their scatter too rough.
const leastBlocks = 16

// Burst returns the burst factor of a row: by how much its hits scatter over
// time more than hits that come one by one, at least 1. It is about the size of
// a burst, 2 for a mask of two CPUs. Counts divided by it are effective hits.
//
// cells are the hits of each run over time, in cells of one width for all runs;
// runs without a hit say nothing. The factor is the index of dispersion of R. A.
// Fisher (Statistical Methods for Research Workers, 1925), pooled over the runs:
// E k^2 / E k for hits that come in groups of k.
//
// With several runs on both sides slow phases within a run are no noise: they
// repeat, and where they do not the runs show it. With one run on a side they
// must not pass for many independent hits, so that the factor is the largest
// over all widths of cells that leave 16 blocks or more.
func Burst(cells [][]float64, several bool) float64 {
	index := dispersion(cells, 1)
	if several {
		return max(1, index)
	}
	longest := 0
	for _, c := range cells {
		longest = max(longest, len(c))
	}
	for width := 2; longest/width >= leastBlocks; width *= 2 {
		index = max(index, dispersion(cells, width))
	}
	return max(1, index)
}

// dispersion is the index of dispersion of the runs' counts in blocks of width
// cells: their squared distances from the mean of their run, in units of it. A
// rest at the end of a run is left out, and so are runs of one block. It is 1 if
// there is nothing to look at.
func dispersion(cells [][]float64, width int) float64 {
	scatter, free := 0.0, 0
	for _, run := range cells {
		blocks := Coarsen(run, width)
		total := sum(blocks)
		if len(blocks) < 2 || total == 0 {
			continue
		}
		mean := total / float64(len(blocks))
		for _, n := range blocks {
			scatter += (n - mean) * (n - mean) / mean
		}
		free += len(blocks) - 1
	}
	if free == 0 {
		return 1
	}
	return scatter / float64(free)
}

// Coarsen adds up each n neighbours. What is left over at the end goes.
func Coarsen(counts []float64, n int) []float64 {
	if n == 1 {
		return counts
	}
	out := make([]float64, len(counts)/n)
	for i := range out {
		out[i] = sum(counts[i*n : (i+1)*n])
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
