package stat

import (
	"math"
	"slices"
)

// BenjaminiHochberg adjusts probabilities for their number: taking every row
// with a result below alpha as different is wrong, on average, for no more than
// the part alpha of the rows taken (Y. Benjamini and Y. Hochberg, Journal of the
// Royal Statistical Society B 57, 1995). The results are in the order of ps. NaN
// stays NaN and does not count.
func BenjaminiHochberg(ps []float64) []float64 {
	qs := slices.Clone(ps)
	var order []int
	for i, p := range ps {
		if !math.IsNaN(p) {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case ps[i] < ps[j]:
			return -1
		case ps[i] > ps[j]:
			return 1
		}
		return 0
	})
	least := 1.0
	for rank := len(order); rank >= 1; rank-- {
		i := order[rank-1]
		// n/rank is 1 or more, whatever rounding makes of it
		least = min(least, max(ps[i], ps[i]*float64(len(order))/float64(rank)))
		qs[i] = least
	}
	return qs
}
