package stat

import (
	"math"
	"math/rand/v2"
	"slices"
)

// draws is how many times the bootstrap resamples: its smallest probability is
// 1 in draws+1.
const draws = 9999

// random returns the generator of the bootstrap. Its seed is fixed, so that a
// comparison gives the same figures each time.
func random() *rand.Rand { return rand.New(rand.NewPCG(0x697069, 0x73636f7065)) }

// BlockTest returns the probability that two series of rates over blocks of
// time differ in their mean by as much as these, if both come from one process.
// It makes no assumption on how hits are spread within a block: the rates of
// both are put together and drawn from with replacement (B. Efron and R.
// Tibshirani, An Introduction to the Bootstrap, 1993, algorithm 16.1, with the
// statistic of Welch's t test; blocks of time as the unit after H. Künsch,
// Annals of Statistics 17, 1989).
//
// Both series have blocks of the same length of time, MinBlocks or more.
func BlockTest(a, b []float64) float64 {
	seen := math.Abs(welch(a, b))
	pool := slices.Concat(a, b)
	x, y := make([]float64, len(a)), make([]float64, len(b))
	rng := random()
	asFar := 0
	for range draws {
		draw(rng, x, pool)
		draw(rng, y, pool)
		if math.Abs(welch(x, y)) >= seen*(1-1e-12) {
			asFar++
		}
	}
	return float64(asFar+1) / (draws + 1)
}

// welch is the difference of the means in units of its standard error.
func welch(a, b []float64) float64 {
	ma, va := moments(a)
	mb, vb := moments(b)
	d := mb - ma
	if d == 0 {
		return 0
	}
	return d / math.Sqrt(va/float64(len(a))+vb/float64(len(b)))
}

func draw(rng *rand.Rand, dst, from []float64) {
	for i := range dst {
		dst[i] = from[rng.IntN(len(from))]
	}
}

// BlockInterval is the confidence interval of the ratio of the means of b and
// a, two series as for BlockTest that both have hits: the bootstrap-t of the
// ratio's logarithm, each series drawn from on its own (Efron and Tibshirani
// 1993, section 12.5). There is an interval [lo, hi] for each confidence. lo may
// be 0 and hi infinite if the hits are in few blocks.
func BlockInterval(a, b []float64, confidence ...float64) [][2]float64 {
	log, se := logRatio(a, b)
	ts := make([]float64, 0, draws)
	x, y := make([]float64, len(a)), make([]float64, len(b))
	rng := random()
	for range draws {
		draw(rng, x, a)
		draw(rng, y, b)
		l, s := logRatio(x, y)
		switch {
		case math.IsNaN(l) || l == log:
			ts = append(ts, 0)
		default:
			ts = append(ts, (l-log)/s)
		}
	}
	slices.Sort(ts)
	at := func(p float64) float64 { return ts[min(draws-1, max(0, int(math.Ceil(p*(draws+1)))-1))] }
	var out [][2]float64
	for _, c := range confidence {
		tail := (1 - c) / 2
		out = append(out, [2]float64{math.Exp(log - at(1-tail)*se), math.Exp(log - at(tail)*se)})
	}
	return out
}

// logRatio is the logarithm of the ratio of the means of b and a, with its
// standard error by the delta method.
func logRatio(a, b []float64) (log, se float64) {
	ma, va := moments(a)
	mb, vb := moments(b)
	if ma == 0 || mb == 0 {
		return math.Log(mb / ma), 1 // infinite or no number; its sign is enough
	}
	return math.Log(mb / ma), math.Sqrt(va/(float64(len(a))*ma*ma) + vb/(float64(len(b))*mb*mb))
}
