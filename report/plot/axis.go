package plot

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/report/text"
)

// A ruler turns the values of an axis into coordinates and says where its marks
// are.
type ruler struct {
	min, max float64 // values
	log      bool
	unit     string
	div      float64 // what labels divide values by
}

// A timeUnit is one that labels are given in.
type timeUnit struct {
	ns   float64
	name string
}

func timeUnits() []timeUnit {
	return []timeUnit{{3600e9, "h"}, {60e9, "min"}, {1e9, "s"}, {1e6, "ms"}, {1e3, "µs"}, {1, "ns"}}
}

// newRuler is a ruler from min to max. On one that is not logarithmic all times
// are in one unit.
func newRuler(a *result.Axis, lo, hi float64) *ruler {
	r := &ruler{min: lo, max: hi, log: a.Log, unit: a.Unit, div: 1}
	if a.Log {
		r.min = max(lo, 0.5) // 0 is left of 1
	}
	if r.max <= r.min {
		r.max = r.min + 1
	}
	if a.Unit == "ns" && !a.Log {
		for _, u := range timeUnits() {
			if r.div, r.unit = u.ns, u.name; max(hi, -lo) >= 2*u.ns {
				break
			}
		}
	}
	return r
}

// at is the coordinate of a value.
func (r *ruler) at(v float64) float64 {
	if r.log {
		return math.Log10(max(v, r.min))
	}
	return v
}

// title is the axis' label with the unit of its marks.
func (r *ruler) title(a *result.Axis) string {
	switch {
	case a.Unit == "ns" && !r.log, a.Unit == "ticks":
		return a.Label + " [" + r.unit + "]"
	case a.Unit == "1":
		return a.Label + " [%]"
	}
	return a.Label
}

// setUp gives an axis of a plot its range and marks, at most about n of them.
func (r *ruler) setUp(a *plot.Axis, n int) {
	a.Min, a.Max = r.at(r.min), r.at(r.max)
	a.Tick.Marker = plot.ConstantTicks(r.ticks(n))
}

func (r *ruler) ticks(n int) []plot.Tick {
	if r.log {
		return r.logTicks(n)
	}
	lo, hi := r.min/r.div, r.max/r.div
	step := roundStep((hi - lo) / float64(max(n, 1)))
	if r.unit == "" {
		step = max(step, 1) // there are no halves
	}
	var ticks []plot.Tick
	for i := math.Ceil(lo/step - 1e-9); i*step <= hi*(1+1e-12)+1e-12; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step * r.div, Label: r.label(i * step)})
	}
	return ticks
}

// roundStep is the smallest 1, 2 or 5 with any number of zeros that is no
// smaller than f.
func roundStep(f float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(f)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= f*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// logTicks marks the powers of ten, and 2 and 5 where there is room.
func (r *ruler) logTicks(n int) []plot.Tick {
	var ticks []plot.Tick
	lo, hi := math.Floor(math.Log10(r.min)), math.Ceil(math.Log10(r.max))
	every := math.Ceil((hi - lo) / float64(max(n, 1)))
	between := 3*(hi-lo) <= float64(n)
	if r.min == 0.5 {
		ticks = append(ticks, plot.Tick{Value: r.at(0.5), Label: "0"})
	}
	for k := lo; k <= hi; k++ {
		for m := 1.0; m < 10; m++ {
			v := m * math.Pow(10, k)
			if v < r.min*(1-1e-9) || v > r.max*(1+1e-9) || v < 1 {
				continue
			}
			t := plot.Tick{Value: math.Log10(v)}
			if m == 1 && math.Mod(k, every) == 0 || between && (m == 2 || m == 5) {
				t.Label = r.label(v)
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// label is a value as it stands at a mark.
func (r *ruler) label(v float64) string {
	switch {
	case r.unit == "ns" && r.log:
		for _, u := range timeUnits()[2:] {
			if v >= u.ns*(1-1e-9) {
				return number(v/u.ns) + " " + u.name
			}
		}
	case r.unit == "1":
		return number(100 * v)
	}
	return number(v)
}

// number is a round number as short as it can be.
func number(v float64) string {
	if math.Abs(v) < 1e-9 {
		return "0" // not -0
	}
	for _, s := range []struct {
		of     float64
		suffix string
	}{{1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e4, "k"}} {
		if math.Abs(v) >= s.of {
			div := s.of
			if s.suffix == "k" {
				div = 1e3
			}
			return strconv.FormatFloat(math.Round(v/div*1e4)/1e4, 'f', -1, 64) + s.suffix
		}
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

// amount is a value of an axis as a person reads it.
func amount(a *result.Axis, v float64) string {
	if a.Unit == "" {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	if a.Unit == "ns" {
		return result.Duration(int64(v))
	}
	return text.Human(result.Float(v), a.Unit)
}
