package stat

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// exactRuns is up to how many values of a side the Mann-Whitney test is exact.
// R's wilcox.test changes to the normal distribution at the same size.
const exactRuns = 49

// MannWhitney returns the two-sided probability that two samples from one
// distribution are ranked as far apart as these: the U test of H. B. Mann and
// D. R. Whitney (Annals of Mathematical Statistics 18, 1947). It is exact, with
// ties too, up to 49 values a side, and by the normal distribution with
// correction for ties and continuity beyond. Without values it is 1.
func MannWhitney(a, b []float64) float64 {
	if len(a) == 0 || len(b) == 0 {
		return 1
	}
	ranks, ties := doubleRanks(a, b)
	sum := 0
	for _, r := range ranks[:len(a)] {
		sum += r
	}
	if len(a) <= exactRuns && len(b) <= exactRuns {
		return exactRankSum(ranks, len(a), sum)
	}
	n, m := float64(len(a)), float64(len(b))
	z := float64(sum)/2 - n*(n+m+1)/2
	sigma := math.Sqrt(n * m / 12 * (n + m + 1 - ties/((n+m)*(n+m-1))))
	if sigma == 0 {
		return 1
	}
	return 2 * distuv.UnitNormal.Survival(max(0, math.Abs(z)-0.5)/sigma)
}

// doubleRanks returns twice the rank of each value of a, then of b, in all of
// them together: equal values share the mean of their ranks, and twice that is
// whole. ties is the sum of t³-t over groups of t equal values.
func doubleRanks(a, b []float64) (ranks []int, ties float64) {
	all := slices.Concat(a, b)
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		switch {
		case all[i] < all[j]:
			return -1
		case all[i] > all[j]:
			return 1
		}
		return 0
	})
	ranks = make([]int, len(all))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && all[order[j]] == all[order[i]] {
			j++
		}
		for _, k := range order[i:j] {
			ranks[k] = i + 1 + j // (i+1 + j) / 2, doubled
		}
		t := float64(j - i)
		ties += t*t*t - t
		i = j
	}
	return ranks, ties
}

// exactRankSum counts in how many of the ways to choose n of the ranks their
// sum is as far from its mean as sum, or farther.
func exactRankSum(ranks []int, n, sum int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	// ways[k][s] is the number of ways to choose k ranks with sum s
	ways := make([][]float64, n+1)
	for k := range ways {
		ways[k] = make([]float64, total+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := n; k >= 1; k-- {
			for s := total; s >= r; s-- {
				ways[k][s] += ways[k-1][s-r]
			}
		}
	}
	// the mean of the sum is n*total/len(ranks); compared without division
	distance := func(s int) int { return abs(s*len(ranks) - n*total) }
	far, all := 0.0, 0.0
	for s, w := range ways[n] {
		all += w
		if distance(s) >= distance(sum) {
			far += w
		}
	}
	return min(1, far/all)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// LeastMannWhitney is the smallest probability that MannWhitney can return for
// samples of these sizes.
func LeastMannWhitney(n, m int) float64 {
	if n == 0 || m == 0 {
		return 1
	}
	return min(1, 2/choose(n+m, n))
}

func choose(n, k int) float64 {
	c := 1.0
	for i := 1; i <= k; i++ {
		c = c * float64(n-k+i) / float64(i)
	}
	return c
}

// Median is the middle of the values, or the mean of the middle two. The median
// of none is 0.
func Median(values []float64) float64 {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return 0
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// MedianInterval is the confidence interval of the median between two of the
// values, which holds for every distribution: the narrowest pair, counted from
// both ends, that the binomial distribution allows (H. A. David and H. N.
// Nagaraja, Order Statistics, 2003, section 7.1). Fewer than six values do not
// reach 95 %: then it is from the smallest to the largest, and actual, the
// confidence that the interval has, is less than was asked for.
func MedianInterval(values []float64, confidence float64) (lo, hi, actual float64) {
	s := slices.Sorted(slices.Values(values))
	if len(s) == 0 {
		return 0, math.Inf(1), 1
	}
	d := distuv.Binomial{N: float64(len(s)), P: 0.5}
	from := 1 // the interval is from the from'th smallest to the from'th largest
	for 2*from < len(s) && d.CDF(float64(from)) <= (1-confidence)/2 {
		from++
	}
	return s[from-1], s[len(s)-from], 1 - 2*d.CDF(float64(from-1))
}

// ShiftInterval is the confidence interval of the ratio of b to a, if both are
// samples of one distribution but for a factor: that of J. L. Hodges and E. L.
// Lehmann (Annals of Mathematical Statistics 34, 1963) for the difference of
// logarithms, which inverts the Mann-Whitney test. Its ends are two of the
// ratios of a value of b to one of a. With too few values for the confidence it
// reaches from 0 to infinity.
func ShiftInterval(a, b []float64, confidence float64) (lo, hi float64) {
	var ratios []float64
	for _, x := range a {
		for _, y := range b {
			switch {
			case x == 0 && y == 0:
				ratios = append(ratios, 1)
			default:
				ratios = append(ratios, y/x)
			}
		}
	}
	slices.Sort(ratios)
	k := mannWhitneyQuantile(len(a), len(b), (1-confidence)/2)
	if k == 0 {
		return 0, math.Inf(1)
	}
	return ratios[k-1], ratios[len(ratios)-k]
}

// mannWhitneyQuantile is the smallest number u of pairs with P(U <= u) >= p for
// samples of n and m values without ties, 0 if not even u = 0 is as rare as p.
func mannWhitneyQuantile(n, m int, p float64) int {
	if n == 0 || m == 0 {
		return 0
	}
	if n > exactRuns || m > exactRuns {
		fn, fm := float64(n), float64(m)
		sigma := math.Sqrt(fn * fm * (fn + fm + 1) / 12)
		return max(0, int(math.Floor(fn*fm/2+sigma*distuv.UnitNormal.Quantile(p))))
	}
	// ways[k][u]: arrangements of k values of one side among those of the
	// other so far, with u pairs in order (Mann and Whitney's recurrence)
	ranks := make([]int, n+m)
	for i := range ranks {
		ranks[i] = i + 1
	}
	ways := make([][]float64, n+1)
	top := n * m
	for k := range ways {
		ways[k] = make([]float64, top+1)
	}
	ways[0][0] = 1
	for _, r := range ranks {
		for k := min(n, r); k >= 1; k-- {
			// as k'th smallest of its side, rank r is above r-k of the other
			for u := top; u >= r-k; u-- {
				ways[k][u] += ways[k-1][u-(r-k)]
			}
		}
	}
	all, sum := choose(n+m, n), 0.0
	for u, w := range ways[n] {
		if sum += w; sum/all >= p {
			return u
		}
	}
	return top
}
