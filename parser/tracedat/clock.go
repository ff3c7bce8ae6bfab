package tracedat

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// clockAdjust turns raw time stamps into those that trace-cmd prints
// (lib/trace-cmd/trace-input.c, timestamp_calc).
type clockAdjust struct {
	mult, shift uint32 // TSC2NSEC, mult 0 if absent
	offset      int64  // DATE or OFFSET, nanoseconds
	guest       guestClock
}

func (a *clockAdjust) time(raw uint64) trace.Time {
	if a.mult != 0 {
		raw = mulShift(raw, a.mult, a.shift)
	}
	return trace.Time(int64(raw) + a.offset)
}

// mulShift is (v * mult) >> shift in 128 bits.
func mulShift(v uint64, mult, shift uint32) uint64 {
	hi, lo := bits.Mul64(v, uint64(mult))
	if shift >= 64 {
		return hi >> (shift - 64)
	}
	return hi<<(64-shift) | lo>>shift
}

// A guestClock is what a TIME_SHIFT option says about the clock of a guest: for
// each CPU how far it is off the host's clock, at the times when that was
// measured.
type guestClock struct {
	interpolate bool
	cpus        [][]clockSample
}

// A clockSample is one measurement. Host time is (guest time * scaling) >>
// fraction, plus offset.
type clockSample struct {
	time, offset      int64
	scaling, fraction int64
}

// flagInterpolate is TRACECMD_TSYNC_FLAG_INTERPOLATE.
const flagInterpolate = 1

// readTimeShift reads a TIME_SHIFT option. After what trace-cmd.dat.v7(5)
// describes stand the fractions, CPU by CPU, in files of newer programs.
func (f *file) readTimeShift(c *cursor) {
	c.u64("id of the peer")
	g := guestClock{interpolate: c.u32("flags")&flagInterpolate != 0}
	for n := c.count(maxCPUs, "number of CPUs"); n > 0 && c.err == nil; n-- {
		count := c.u32("number of samples")
		if int64(count) > c.left()/24 {
			c.fail("%d samples in %d bytes", count, c.left())
			return
		}
		samples := make([]clockSample, count)
		for i := range samples {
			samples[i].time = int64(c.u64("time"))
		}
		for i := range samples {
			samples[i].offset = int64(c.u64("offset"))
		}
		for i := range samples {
			samples[i].scaling = int64(c.u64("scaling"))
		}
		g.cpus = append(g.cpus, samples)
	}
	for _, samples := range g.cpus {
		for i := range samples {
			if c.left() > 0 {
				samples[i].fraction = int64(c.u64("fraction"))
			}
		}
	}
	if c.err != nil {
		return
	}
	for i, samples := range g.cpus {
		slices.SortStableFunc(samples, func(a, b clockSample) int { return cmp.Compare(a.time, b.time) })
		g.cpus[i] = slices.CompactFunc(samples, func(a, b clockSample) bool { return a.time == b.time })
	}
	f.adjust.guest = g
}

// A cpuClock gives the times of one CPU of one buffer.
type cpuClock struct {
	adjust      *clockAdjust
	samples     []clockSample // by time
	interpolate bool
}

// clockOf returns the clock of a CPU. trace-cmd synchronizes the top buffer
// only (tracecmd_buffer_instance_handle).
func (f *file) clockOf(b *buffer, cpu int) cpuClock {
	c := cpuClock{adjust: &f.adjust, interpolate: f.adjust.guest.interpolate}
	if b.name == "" && cpu < len(f.adjust.guest.cpus) {
		c.samples = f.adjust.guest.cpus[cpu]
	}
	return c
}

func (c *cpuClock) time(raw uint64) trace.Time {
	if len(c.samples) > 0 {
		raw = c.host(raw)
	}
	return c.adjust.time(raw)
}

// host turns a guest's time into the host's.
func (c *cpuClock) host(ts uint64) uint64 {
	s := c.samples
	if len(s) == 1 {
		return ts + uint64(s[0].offset)
	}
	// the sample at or before ts, and not the last one
	i, found := slices.BinarySearchFunc(s, ts, func(s clockSample, ts uint64) int {
		return cmp.Compare(uint64(s.time), ts)
	})
	if !found {
		i--
	}
	i = max(0, min(i, len(s)-2))
	offset := s[i].offset
	if c.interpolate {
		delta := s[i+1].time - s[i].time
		offset += ((int64(ts)-s[i].time)*(s[i+1].offset-s[i].offset) + delta/2) / delta
	}
	return uint64(int64(ts)*s[i].scaling)>>uint(min(uint64(s[i].fraction), 64)) + uint64(offset)
}
