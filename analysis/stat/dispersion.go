package stat

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// Dispersion says whether counts over equal stretches of time scatter more than
// those of a Poisson process. index is their variance divided by their mean,
// about 1 for Poisson counts and about the size of a burst for hits that come
// in bursts; p is the probability of an index that large or larger by chance
// (R. A. Fisher's index of dispersion, chi-squared with one degree of freedom
// less than there are counts). Without two counts or any event, index is 1 and
// p is 1.
func Dispersion(counts []float64) (index, p float64) {
	mean, variance := moments(counts)
	if len(counts) < 2 || mean == 0 {
		return 1, 1
	}
	index = variance / mean
	free := float64(len(counts) - 1)
	return index, mathext.GammaIncRegComp(free/2, index*free/2)
}

// moments returns mean and sample variance.
func moments(xs []float64) (mean, variance float64) {
	if len(xs) == 0 {
		return 0, 0
	}
	for _, x := range xs {
		mean += x
	}
	mean /= float64(len(xs))
	if len(xs) < 2 {
		return mean, 0
	}
	for _, x := range xs {
		variance += (x - mean) * (x - mean)
	}
	return mean, variance / float64(len(xs)-1)
}

// Coarsen adds up each n neighbours. What is left over at the end goes.
func Coarsen(counts []float64, n int) []float64 {
	out := make([]float64, len(counts)/n)
	for i := range out {
		for _, c := range counts[i*n : (i+1)*n] {
			out[i] += c
		}
	}
	return out
}

// MinBlocks is how many blocks BlockTest wants of each side. Fewer make the
// estimate of their scatter too rough.
const MinBlocks = 16

// BlockLength is how many neighbours to add up so that the blocks are as long
// as they can be while the shorter of two series still has MinBlocks of them:
// long blocks keep hits together that depend on one another. It is 0 if a
// series is too short.
func BlockLength(a, b int) int { return min(a, b) / MinBlocks }

// IsBursty reports whether counts scatter more than Poisson counts, on the
// scale of blocks of n neighbours or on a finer one. Bursts shorter than a block
// show best where counts are small, slow changes where they are large. The level
// is generous: taking the bootstrap without need costs little, the Poisson
// test on bursts claims what is not there.
func IsBursty(counts []float64, n int) bool {
	for ; n >= 1; n /= 2 {
		if _, p := Dispersion(Coarsen(counts, n)); p < burstyLevel {
			return true
		}
	}
	return false
}

const burstyLevel = 0.1

// Overdispersion is the index of dispersion on the scale of blocks of n
// neighbours or the finer one where it is largest, at least 1.
func Overdispersion(counts []float64, n int) float64 {
	largest := 1.0
	for ; n >= 1; n /= 2 {
		index, _ := Dispersion(Coarsen(counts, n))
		largest = math.Max(largest, index)
	}
	return largest
}
