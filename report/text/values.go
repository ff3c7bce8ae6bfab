package text

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Clean makes text from a trace fit for a terminal: a comm may hold escape
// sequences, line breaks or bytes that are no UTF-8.
func Clean(s string) string {
	ok := func(r rune) bool { return r != utf8.RuneError && unicode.IsPrint(r) }
	if !strings.ContainsFunc(s, func(r rune) bool { return !ok(r) }) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if ok(r) {
			b.WriteString(s[:n])
		} else {
			quoted := strconv.Quote(s[:n])
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		s = s[n:]
	}
	return b.String()
}

// Human is a value as a person reads it.
func Human(v result.Value, unit string) string {
	switch {
	case v.Void || v.Kind == result.KindNone:
		return ""
	case v.Kind == result.KindString:
		return v.Str
	case unit == "1":
		return Percent(v.Float)
	case unit == "ns":
		return result.Duration(v.Int)
	case unit == "ticks":
		return v.Text() + " ticks"
	case unit == "clock":
		return Clock(v.Int)
	case unit == "p":
		return Probability(v.Float)
	case unit == "ratio" && math.IsInf(v.Float, 1):
		return "∞"
	case unit == "ratio" && math.IsNaN(v.Float):
		return "–"
	case v.Kind == result.KindFloat:
		return Significant(v.Float)
	}
	return strconv.FormatInt(v.Int, 10)
}

// Percent prints a share; one that is not the whole is never rounded up to it,
// nor one that is not nothing down to it.
func Percent(share float64) string {
	p := 100 * share
	switch {
	case p > 99.9 && p < 100:
		return ">99.9 %"
	case p > 0 && p < 0.1:
		return "<0.1 %"
	}
	return strconv.FormatFloat(p, 'f', 1, 64) + " %"
}

// Probability prints the result of a test; less than a thousandth is all the
// same to a reader.
func Probability(p float64) string {
	if p < 0.001 {
		return "<0.001"
	}
	return strconv.FormatFloat(p, 'f', 3, 64)
}

// Clock prints a time in nanoseconds as traces do, in seconds and microseconds.
func Clock(ns int64) string {
	us := (ns + 500) / 1000
	return fmt.Sprintf("%d.%06d", us/1e6, us%1e6)
}

// Significant prints a number with three significant digits and no exponent.
func Significant(f float64) string {
	if f == 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(f))))
	return strconv.FormatFloat(f, 'f', max(0, digits), 64)
}
