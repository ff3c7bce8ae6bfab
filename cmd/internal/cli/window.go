package cli

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A bound is an end of the time window as it was typed.
type bound struct {
	from  anchor
	value trace.Time // distance from the anchor in ns, or raw ticks
	ticks trace.Time // the same number where the clock does not count ns; -1 if it has a fraction
	slack trace.Time // half of the last digit's unit: what rounds to this number
	mark  string     // anchorMark: text of a trace_marker line
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
func parseBound(flag, s string) (bound, error) {
	if text, ok := strings.CutPrefix(s, "mark:"); ok {
		if text == "" {
			return bound{}, fmt.Errorf("--%s mark: wants the text of a marker behind the colon", flag)
		}
		return bound{from: anchorMark, mark: text}, nil
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
	if b.value, b.ticks, b.slack, err = parseSeconds(digits); err != nil {
		return b, fmt.Errorf("--%s %q: %w; want seconds such as 12.345678, +5 after the start, -5 before the end, or mark:TEXT", flag, s, err)
	}
	return b, nil
}

// parseSeconds reads decimal seconds as nanoseconds, never through a float.
func parseSeconds(s string) (ns, ticks, slack trace.Time, err error) {
	whole, frac, dot := strings.Cut(s, ".")
	sec, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || sec < 0 || len(frac) > 9 || dot && frac == "" {
		return 0, 0, 0, fmt.Errorf("not a time")
	}
	ticks = -1
	if !dot {
		ticks = trace.Time(sec)
	}
	if sec > math.MaxInt64/1_000_000_000-1 {
		if ticks < 0 {
			return 0, 0, 0, fmt.Errorf("too large a time")
		}
		return trace.Time(math.MaxInt64), ticks, 0, nil
	}
	unit := int64(1e9)
	n := sec * unit
	for _, c := range []byte(frac) {
		if c < '0' || c > '9' {
			return 0, 0, 0, fmt.Errorf("not a time")
		}
		unit /= 10
		n += int64(c-'0') * unit
	}
	if frac != "" {
		// "5.100838" stands for every time that is printed so
		slack = trace.Time(unit / 2)
	}
	return trace.Time(n), ticks, slack, nil
}

// A windowSpec is the --from, --to and --trim of a command line.
type windowSpec struct {
	from, to *bound
	trim     trace.Time // ns to cut from both ends
	auto     bool       // --trim auto: take the steady part
}

func parseWindow(from, to, trim string) (*windowSpec, error) {
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
		b, err := parseBound(p.flag, p.text)
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
		ns, err := parseTrim(trim)
		if err != nil {
			return nil, err
		}
		w.trim = ns
	}
	return &w, nil
}

// parseTrim reads seconds, or a number with the unit us, ms, s or m.
func parseTrim(s string) (trace.Time, error) {
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
	ns, _, _, err := parseSeconds(number)
	if err != nil || ns > math.MaxInt64/60 {
		return 0, fmt.Errorf("--trim %q: want seconds such as 0.5, 500ms, or auto", s)
	}
	return ns * num / den, nil
}

// needsScan reports whether the window depends on more than what comes first in
// a trace: its end, or a marker.
func (w *windowSpec) needsScan() bool {
	relative := func(b *bound) bool { return b != nil && b.from != anchorZero }
	return w.trim > 0 || w.auto || relative(w.from) || relative(w.to)
}

// resolve turns the bounds into times of a trace that covers extent and has
// the markers that marks finds.
func (w *windowSpec) resolve(m *trace.Meta, extent analysis.Span, marks map[string]trace.Time) (analysis.Window, error) {
	win := analysis.All()
	if w.trim > 0 {
		win = analysis.Window{From: extent.First + w.trim, To: extent.Last - w.trim}
		if win.From > win.To {
			return win, fmt.Errorf("%s: --trim cuts all of the trace, which is %.6f s long", m.Path, float64(extent.Duration())/1e9)
		}
		return win, nil
	}
	for _, p := range []struct {
		b    *bound
		dst  *trace.Time
		sign trace.Time
	}{{w.from, &win.From, -1}, {w.to, &win.To, 1}} {
		if p.b == nil {
			continue
		}
		at, err := p.b.resolve(m, extent, marks)
		if err != nil {
			return win, err
		}
		*p.dst = at + p.sign*p.b.slack
	}
	if win.From > win.To {
		return win, fmt.Errorf("%s: --from lies behind --to", m.Path)
	}
	return win, nil
}

func (b *bound) resolve(m *trace.Meta, extent analysis.Span, marks map[string]trace.Time) (trace.Time, error) {
	value := b.value
	if m.ClockUnit == "ticks" {
		if b.ticks < 0 {
			return 0, fmt.Errorf("%s: its clock %s does not count seconds: give whole ticks", m.Path, m.Clock)
		}
		value = b.ticks
	}
	switch b.from {
	case anchorStart:
		return extent.First + value, nil
	case anchorEnd:
		return extent.Last - value, nil
	case anchorMark:
		at, ok := marks[b.mark]
		if !ok {
			return 0, fmt.Errorf("%s: no trace_marker line holds %q", m.Path, b.mark)
		}
		return at, nil
	}
	return value, nil
}
