package track

import (
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Coverage is what an analysis of sends saw of them.
type Coverage struct {
	Sends    uint64        // that count
	Excluded uint64        // that the filter does not take
	Isolated *cpumask.Mask // the set that was asked for, nil if none was
	Seen     *cpumask.Mask // CPUs of the traced machines
}

// Warn adds to set what is doubtful about its inputs and their sends.
func (c *Coverage) Warn(set *result.Set) {
	for _, in := range set.Inputs {
		if in.Lost > 0 || in.LostUnknown {
			set.Warn("lost-events", lostText(in))
		}
		if in.Ticks {
			set.Warn("clock-ticks", fmt.Sprintf("%s: its clock%s does not count nanoseconds: lengths are in its ticks, and rates are per 1000000000 ticks", in.Path, spaced(in.Clock)))
		}
		if in.SyntaxErrors > 0 {
			set.Warn("syntax-errors", fmt.Sprintf("%s: %d lines or parts were not understood and are not counted", in.Path, in.SyntaxErrors))
		}
		if in.Incomplete {
			set.Warn("incomplete", in.Path+": not read to its end: counts are lower bounds")
		}
	}
	set.WarnSends()
	switch {
	case c.Sends > 0:
		c.warnBeyond(set)
	case c.Excluded > 0:
		set.Warn("all-excluded", fmt.Sprintf("the filter lets none of the %d sends through", c.Excluded))
	case slices.ContainsFunc(set.Inputs, func(in result.Input) bool { return !in.TellsOfNone() }):
		set.Warn("no-sends", "no ipi_send_cpu, ipi_send_cpumask or ipi_raise event in the input: nothing can be said about IPIs (kernels before 6.4 do not have the first two; record with -e ipi)")
	}
}

func (c *Coverage) warnBeyond(set *result.Set) {
	if c.Isolated == nil {
		return
	}
	var missing cpumask.Mask
	missing.CopyFrom(c.Isolated)
	missing.AndNot(c.Seen)
	if !missing.IsEmpty() {
		are := "are"
		if missing.Count() == 1 {
			are = "is"
		}
		set.Warn("isolated-beyond", fmt.Sprintf("%s of the isolated set %s not in the trace (%s)", missing.Named(), are, c.Seen.String()))
	}
}

func lostText(in result.Input) string {
	switch {
	case in.Joined() != "":
		return in.Path + ": " + in.Joined() + ": counts are lower bounds"
	case in.Lost == 0:
		return in.Path + ": events were lost, the recording does not know how many: counts are lower bounds"
	case in.LostUnknown:
		return fmt.Sprintf("%s: at least %d events were lost: counts are lower bounds", in.Path, in.Lost)
	}
	return fmt.Sprintf("%s: %d events were lost: counts are lower bounds", in.Path, in.Lost)
}

// spaced puts a blank before a name that a text may not hold.
func spaced(name string) string {
	if name == "" {
		return ""
	}
	return " " + name
}
