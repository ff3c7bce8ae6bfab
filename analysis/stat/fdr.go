package stat

import (
	"math"
	"slices"
)

// Adjust adjusts probabilities for their number: taking every row with a result
// below alpha as different is wrong, on average, for no more than the part alpha
// of the rows taken (Y. Benjamini and Y. Hochberg, Journal of the Royal
// Statistical Society B 57, 1995).
//
// least are the smallest probabilities that the rows could have, with all their
// hits on one side. Rows that cannot be below alpha take no part: they can never
// be significant and must not cost the others (R. Tarone, Biometrics 46, 1990;
// P. Gilbert, Applied Statistics 54, 2005). Theirs is 1. Since least depends on
// a row's total only, leaving them out does not choose by the outcome.
//
// The results are in the order of ps.
func Adjust(ps, least []float64, alpha float64) []float64 {
	qs := make([]float64, len(ps))
	var order []int
	for i := range ps {
		qs[i] = 1
		if least[i] < alpha {
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
	smallest := 1.0
	for rank := len(order); rank >= 1; rank-- {
		i := order[rank-1]
		// n/rank is 1 or more, whatever rounding makes of it
		smallest = math.Min(smallest, max(ps[i], ps[i]*float64(len(order))/float64(rank)))
		qs[i] = smallest
	}
	return qs
}
