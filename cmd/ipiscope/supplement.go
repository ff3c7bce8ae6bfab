package main

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/analysis/switches"
	"github.com/ipiscope/ipiscope/analysis/whatif"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A supplement is a further analysis that a report is asked for: it reads the
// traces together with the report and adds its tables to the result.
type supplement struct {
	// state makes the state for the next trace.
	state func(src trace.Source, counts func(*trace.Event) bool) analysis.State
	// merge takes up what that state found.
	merge func(result.Input)
	addTo func(*result.Set)
}

// deferral tells what would become of the hits if deferrable work were deferred.
func deferral(sends *cli.Sends, withoutTLB bool) supplement {
	total := whatif.NewCounts()
	var s *whatif.State
	return supplement{
		state: func(src trace.Source, counts func(*trace.Event) bool) analysis.State {
			s = whatif.New(src.Table(), whatif.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Counts: counts, WithoutTLB: withoutTLB})
			return s
		},
		merge: func(result.Input) { total.Merge(s.Counts()) },
		addTo: total.AddTo,
	}
}

// markTables tells of the spans and counts that lines of text make.
func markTables(sends *cli.Sends, all []marks.Mark) supplement {
	total := marks.NewCounts(all)
	var s *marks.State
	return supplement{
		state: func(src trace.Source, counts func(*trace.Event) bool) analysis.State {
			text := cli.NewMarkText(src)
			s = marks.New(src.Table(), marks.Config{Marks: all, Isolated: sends.Isolated.Targets(), Counts: counts, Text: text.Text, Events: text.Events()})
			return s
		},
		merge: func(result.Input) { total.Merge(s.Counts()) },
		addTo: total.AddTo,
	}
}

// perSwitch tells how many IPIs a CPU sends for each of its context switches.
func perSwitch() supplement {
	total := switches.NewCounts()
	var s *switches.State
	return supplement{
		state: func(trace.Source, func(*trace.Event) bool) analysis.State {
			s = switches.New()
			return s
		},
		merge: func(in result.Input) { total.Merge(s.Counts(in.Path)) },
		addTo: total.AddTo,
	}
}

// bars draws the hits of each CPU over time.
func bars(sends *cli.Sends) supplement {
	by := []key.Key{key.Target}
	total := ipi.NewCounts(sends.Isolated.Targets(), by)
	var s *ipi.State
	return supplement{
		state: func(src trace.Source, counts func(*trace.Event) bool) analysis.State {
			s = ipi.New(src.Table(), ipi.Config{Isolated: sends.Isolated.Targets(), By: by, Catalog: sends.Catalog, Counts: counts, Timeline: true})
			return s
		},
		merge: func(in result.Input) { total.Merge(s.Counts(in)) },
		addTo: func(set *result.Set) { ipi.AddBars(set, total) },
	}
}

// callTree has the stacks that sent, by class, for a flame graph.
func callTree(sends *cli.Sends) supplement {
	config := stacks.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Labels: []key.Key{key.Class}}
	total := stacks.NewCounts(config)
	var s *stacks.State
	return supplement{
		state: func(src trace.Source, counts func(*trace.Event) bool) analysis.State {
			config.Counts = counts
			s = stacks.New(src.Table(), config)
			return s
		},
		merge: func(in result.Input) { total.Merge(s.Counts(in)) },
		addTo: func(set *result.Set) { set.Stacks = total.Result().Stacks },
	}
}
