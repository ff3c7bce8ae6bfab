package result

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Duration is a time in nanoseconds as people read it, in the unit that leaves one to
// three digits before the point: two digits after it where one is before it, else one,
// so that 3.47 ms, 70.9 µs and 556.6 ms have three digits at least.
func Duration(ns int64) string {
	size := math.Abs(float64(ns))
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}, {time.Microsecond, "µs"}} {
		// what would round up to 1000.0 of the next smaller unit is one of this
		if size >= float64(u.unit-u.unit/20000) {
			return decimals(float64(ns)/float64(u.unit)) + " " + u.name
		}
	}
	return strconv.FormatInt(ns, 10) + " ns"
}

// Moment is a trace time as trace-cmd prints it: in seconds, or as it is where the clock
// counts ticks of its own.
func Moment(t int64, ticks bool) string {
	if ticks {
		return strconv.FormatInt(t, 10)
	}
	const nsPerSecond = int64(time.Second)
	sign, seconds, rest := "", t/nsPerSecond, t%nsPerSecond
	if t < 0 {
		sign, seconds, rest = "-", -seconds, -rest
	}
	return fmt.Sprintf("%s%d.%09d", sign, seconds, rest)
}

// decimals has two digits after the point of what would not round up to ten, else one.
func decimals(v float64) string {
	if math.Abs(v) < 9.995 {
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}
