package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A bound is an end of the time window as it was typed.
type bound struct {
	from  anchor
	value trace.Time // distance from the anchor in ns, or raw ticks
	ticks trace.Time // the same number where the clock does not count ns; -1 if it has a fraction
	slack trace.Time // what a time may differ by that is printed as this number
	line  *markLine  // anchorMark
}

type anchor uint8

const (
	anchorZero anchor = iota
	anchorStart
	anchorEnd
	anchorMark
)

// parseBound reads seconds as a trace prints them ("12.345678"), seconds after
// the start ("+5") or before the end ("-5"), or "mark:TEXT".
func parseBound(flag, s string, named []marks.Mark) (bound, error) {
	if text, ok := strings.CutPrefix(s, "mark:"); ok {
		line, err := parseMarkLine(text, flag == "to", named)
		if err != nil {
			err = fmt.Errorf("--%s %w", flag, err)
		}
		return bound{from: anchorMark, line: line}, err
	}
	var b bound
	digits := s
	switch {
	case strings.HasPrefix(s, "+"):
		b.from, digits = anchorStart, s[1:]
	case strings.HasPrefix(s, "-"):
		b.from, digits = anchorEnd, s[1:]
	}
	var err error
	if b.value, b.ticks, err = parseSeconds(digits); err != nil {
		return b, fmt.Errorf("--%s %q: %w; want seconds such as 12.345678, +5 after the start, -5 before the end, or mark:TEXT", flag, s, err)
	}
	if _, frac, _ := strings.Cut(digits, "."); b.from == anchorZero && len(frac) == 6 {
		// Traces are printed in microseconds, rounded (kernel/trace/trace.c,
		// ns2usecs): "5.100838" stands for every time that is printed so.
		b.slack = 500
	}
	return b, nil
}

// parseSeconds reads decimal seconds as nanoseconds, never through a float.
func parseSeconds(s string) (ns, ticks trace.Time, err error) {
	whole, frac, dot := strings.Cut(s, ".")
	digits := strings.TrimLeft(whole, "0123456789") == ""
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || !digits || len(frac) > 9 || dot && frac == "" {
		return 0, 0, fmt.Errorf("not a time")
	}
	ticks = -1
	if !dot {
		ticks = trace.Time(sec)
	}
	if sec > math.MaxInt64/1_000_000_000-1 {
		if ticks < 0 {
			return 0, 0, fmt.Errorf("too large a time")
		}
		return trace.Time(math.MaxInt64), ticks, nil
	}
	unit := int64(1e9)
	n := sec * unit
	for _, c := range []byte(frac) {
		if c < '0' || c > '9' {
			return 0, 0, fmt.Errorf("not a time")
		}
		unit /= 10
		n += int64(c-'0') * unit
	}
	return trace.Time(n), ticks, nil
}

// A windowSpec is the --from, --to and --trim of a command line.
type windowSpec struct {
	from, to *bound
	trim     *bound // what to cut from both ends, as a distance
	auto     bool   // --trim auto: take the steady part
}

func parseWindow(from, to, trim string, named []marks.Mark) (*windowSpec, error) {
	if from == "" && to == "" && trim == "" {
		return nil, nil
	}
	var w windowSpec
	for _, p := range []struct {
		flag, text string
		dst        **bound
	}{{"from", from, &w.from}, {"to", to, &w.to}} {
		if p.text == "" {
			continue
		}
		b, err := parseBound(p.flag, p.text, named)
		if err != nil {
			return nil, err
		}
		*p.dst = &b
	}
	if trim != "" {
		if w.from != nil || w.to != nil {
			return nil, fmt.Errorf("--trim goes without --from and --to")
		}
		if trim == "auto" {
			w.auto = true
			return &w, nil
		}
		var err error
		if w.trim, err = parseTrim(trim); err != nil {
			return nil, err
		}
	}
	return &w, nil
}

// parseTrim reads seconds, or a number with the unit us, ms, s or m.
func parseTrim(s string) (*bound, error) {
	number, num, den := s, trace.Time(1), trace.Time(1)
	for _, u := range []struct {
		suffix   string
		num, den trace.Time
	}{{"us", 1, 1e6}, {"ms", 1, 1e3}, {"s", 1, 1}, {"m", 60, 1}} {
		if rest, ok := strings.CutSuffix(s, u.suffix); ok {
			number, num, den = rest, u.num, u.den
			break
		}
	}
	ns, ticks, err := parseSeconds(number)
	if err != nil || ns > math.MaxInt64/num {
		return nil, fmt.Errorf("--trim %q: want seconds such as 0.5, 500ms, or auto", s)
	}
	if number != s {
		ticks = -1 // a unit of time
	}
	return &bound{value: ns * num / den, ticks: ticks}, nil
}

// needsScan reports whether the window depends on more than what comes first in
// a trace: its end, or a marker.
func (w *windowSpec) needsScan() bool {
	relative := func(b *bound) bool { return b != nil && b.from != anchorZero }
	return w.trim != nil || w.auto || relative(w.from) || relative(w.to)
}

// resolve turns the bounds into times of a trace that covers extent. find finds
// the lines that are bounds.
func (w *windowSpec) resolve(m *trace.Meta, extent analysis.Span, find func(*markLine) (trace.Time, bool)) (trace.Window, error) {
	win := trace.Always()
	if w.trim != nil {
		return w.trim.cut(m, extent)
	}
	for _, p := range []struct {
		b    *bound
		dst  *trace.Time
		sign trace.Time
	}{{w.from, &win.From, -1}, {w.to, &win.To, 1}} {
		if p.b == nil {
			continue
		}
		at, err := p.b.resolve(m, extent, find)
		if err != nil {
			return win, err
		}
		*p.dst = at + p.sign*p.b.slack
	}
	if win.From > win.To {
		return win, fmt.Errorf("%s: --from lies after --to", m.Path)
	}
	return win, nil
}

// cut is the window that is left when b is cut off both ends.
func (b *bound) cut(m *trace.Meta, extent analysis.Span) (trace.Window, error) {
	d, err := b.distance(m)
	if err != nil {
		return trace.Always(), err
	}
	w := trace.Window{From: later(extent.First, d), To: extent.Last - d}
	if w.From > w.To && m.ClockUnit == "ticks" {
		return w, fmt.Errorf("%s: --trim cuts all of the trace, which is %d ticks long", m.Path, extent.Duration())
	}
	if w.From > w.To {
		return w, fmt.Errorf("%s: --trim cuts all of the trace, which is %.6f s long", m.Path, float64(extent.Duration())/1e9)
	}
	return w, nil
}

// distance is the number that was typed in the unit of the trace's clock.
func (b *bound) distance(m *trace.Meta) (trace.Time, error) {
	if m.ClockUnit != "ticks" {
		return b.value, nil
	}
	if b.ticks < 0 {
		clock := strings.TrimSuffix("its clock "+m.Clock, " ") // text does not name it
		return 0, fmt.Errorf("%s: %s does not count seconds: give whole ticks", m.Path, clock)
	}
	return b.ticks, nil
}

// later is t + d, or the end of time. d is not negative.
func later(t, d trace.Time) trace.Time {
	if t > math.MaxInt64-d {
		return math.MaxInt64
	}
	return t + d
}

func (b *bound) resolve(m *trace.Meta, extent analysis.Span, find func(*markLine) (trace.Time, bool)) (trace.Time, error) {
	if b.from == anchorMark {
		at, ok := find(b.line)
		if !ok {
			return 0, fmt.Errorf("%s: no trace_marker line %s", m.Path, b.line.says)
		}
		return at, nil
	}
	value, err := b.distance(m)
	if err != nil {
		return 0, err
	}
	switch b.from {
	case anchorStart:
		return later(extent.First, value), nil
	case anchorEnd:
		return extent.Last - value, nil
	}
	return value, nil
}
