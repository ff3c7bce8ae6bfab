package ipi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// verdict answers the question in one line: "CPUs 2-3: 1223 hits in 5.1 s, 96 %
// do_sync_core".
func (c *Counts) verdict(set *result.Set, isolated *cpumask.Mask) string {
	var b strings.Builder
	b.WriteString(isolated.Named())
	if c.unlike {
		b.WriteString(result.Unlike)
	}
	b.WriteString(": ")
	bound := ""
	if set.IsLossy() || slices.ContainsFunc(c.inputs, func(in result.Input) bool { return len(in.Unrecorded) > 0 }) {
		bound = "at least "
	}
	switch c.totals.hits {
	case 0:
		if c.totals.sends+c.excluded == 0 && slices.ContainsFunc(c.inputs, func(in result.Input) bool { return !in.TellsOfNone() }) {
			b.WriteString("no IPI sends recorded")
			if set.IsLossy() {
				b.WriteString(", but events are missing,")
			}
		} else {
			b.WriteString(bound + "0 hits")
		}
	case 1:
		b.WriteString(bound + "1 hit")
	default:
		fmt.Fprintf(&b, "%s%d hits", bound, c.totals.hits)
	}
	in := " in "
	if set.Excerpt() != "" {
		in = " in an excerpt of "
	}
	b.WriteString(in + c.span())
	if c.totals.hits == 0 {
		return b.String()
	}
	name, hits := c.topFunction()
	share := 100 * float64(hits) / float64(c.totals.hits)
	fmt.Fprintf(&b, ", %s %% %s", percent(share), name)
	if c.totals.self > 0 {
		fmt.Fprintf(&b, " (%d self-IPIs)", c.totals.self)
	}
	return b.String()
}

// span is the summed length of the traces.
func (c *Counts) span() string {
	t, ns := &c.watched[ticks], &c.watched[nanoseconds]
	inTicks := fmt.Sprintf("%d ticks", t.duration)
	for _, in := range c.inputs {
		if in.Ticks && in.Clock != "" {
			inTicks += " of clock " + in.Clock
			break
		}
	}
	switch {
	case t.traces == 0:
		return result.Duration(ns.duration)
	case ns.traces == 0:
		return inTicks
	}
	return result.Duration(ns.duration) + " and " + inTicks
}

// topFunction is the function with the most hits, the first by name of equals.
func (c *Counts) topFunction() (name string, hits uint64) {
	for n, h := range c.function {
		if h > hits || h == hits && n < name {
			name, hits = n, h
		}
	}
	if name == track.Unknown {
		name = "of unknown function"
	}
	return name, hits
}

// percent never rounds a part up to the whole.
func percent(p float64) string {
	if p > 99 && p < 100 {
		return ">99"
	}
	return fmt.Sprintf("%.0f", p)
}
