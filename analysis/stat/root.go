package stat

import "math"

// root finds where f, which falls or rises from lo to hi and has another sign at
// each, is 0: the regula falsi of the Illinois type (M. Dowell and P. Jarratt,
// BIT 11, 1971), with halving where that is slow.
func root(f func(float64) float64, lo, hi float64) float64 {
	a, b := f(lo), f(hi)
	for i := range 200 {
		if a == 0 {
			return lo
		}
		if b == 0 || math.Abs(hi-lo) <= 1e-13*math.Abs(lo+hi) {
			return hi
		}
		mid := (lo*b - hi*a) / (b - a)
		if i%4 == 3 || !(mid > min(lo, hi) && mid < max(lo, hi)) {
			mid = (lo + hi) / 2
		}
		m := f(mid)
		if math.Signbit(m) == math.Signbit(b) {
			// the same end was kept: weigh it less
			a /= 2
		} else {
			lo, a = hi, b
		}
		hi, b = mid, m
	}
	return hi
}

// farthest bounds logarithms of ratios: what lies beyond is 0 or infinite.
const farthest = 300

// crossing finds where f, which rises in the direction of away (1 or -1), is 0.
// It steps from start until it has it between two points. It is infinite in
// that direction if f stays below 0.
func crossing(f func(float64) float64, start, away float64) float64 {
	inside, outside := start, start
	if f(start) <= 0 {
		for step := 0.25; f(outside) <= 0; step *= 2 {
			inside, outside = outside, outside+away*step
			if math.Abs(outside-start) > farthest {
				return math.Inf(int(away))
			}
		}
	} else {
		for step := 0.25; f(inside) > 0; step *= 2 {
			inside, outside = inside-away*step, inside
			if math.Abs(inside-start) > farthest {
				return math.Inf(-int(away))
			}
		}
	}
	return root(f, inside, outside)
}
