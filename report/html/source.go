package html

import (
	"fmt"
	"strconv"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// source is the foot of the page: what the numbers were made of.
type source struct {
	Command, Version, Isolated string
	Totals                     []fact
	Inputs                     []input
	Left                       int // inputs that are not shown
}

// An input is one file with what is known about it.
type input struct {
	Path  string
	Facts []fact
}

func newSource(s *result.Set, o Options, l limits) source {
	src := source{Command: l.shown(o.Command), Version: o.Version, Isolated: l.shown(s.Isolated)}
	for _, f := range s.Totals {
		src.Totals = append(src.Totals, fact{l.shown(f.Name), l.shown(f.Value.Text())})
	}
	add := func(in result.Input, side string) {
		if len(src.Inputs) < l.inputs {
			src.Inputs = append(src.Inputs, newInput(in, side, l))
		} else {
			src.Left++
		}
	}
	for _, in := range s.Inputs {
		add(in, "")
	}
	for _, side := range s.Sides {
		for _, in := range side.Inputs {
			add(in, side.Name)
		}
	}
	return src
}

func newInput(in result.Input, side string, l limits) input {
	x := input{Path: l.shown(in.Path)}
	add := func(name, value string) {
		if value != "" {
			x.Facts = append(x.Facts, fact{name, l.shown(value)})
		}
	}
	add("Side", side)
	add("Format", in.Format)
	add("Recorded by", in.Tool)
	add("Kernel", in.Kernel)
	add("Host", in.Host)
	add("Clock", in.Clock)
	if in.CPUs > 0 {
		add("CPUs", strconv.Itoa(in.CPUs))
	}
	add("Events", strconv.FormatUint(in.Events, 10))
	add("Events lost", losses(in))
	if in.SyntaxErrors > 0 {
		add("Not understood", fmt.Sprintf("%d lines or parts", in.SyntaxErrors))
	}
	if in.Bytes > 0 {
		add("Size", fmt.Sprintf("%d bytes", in.Bytes))
	}
	add("Identity", in.Identity.Text())
	if in.Last > in.First {
		add("Time", span(in))
	}
	if in.Incomplete {
		add("Incomplete", "not read to its end: counts are lower bounds")
	}
	return x
}

func losses(in result.Input) string {
	switch {
	case in.LostUnknown && in.Lost > 0:
		return fmt.Sprintf("at least %d", in.Lost)
	case in.LostUnknown:
		return "an unknown number"
	case in.Lost > 0:
		return strconv.FormatUint(in.Lost, 10)
	}
	return "none"
}

func span(in result.Input) string {
	if in.Ticks {
		return fmt.Sprintf("%d to %d ticks", in.First, in.Last)
	}
	return fmt.Sprintf("%.6f to %.6f s (%s)", float64(in.First)/1e9, float64(in.Last)/1e9, result.Duration(in.Last-in.First))
}
