package main

import (
	"encoding/json"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/analysis/switches"
	"github.com/ipiscope/ipiscope/analysis/whatif"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A supplement is a further analysis that a report is asked for: it reads the
// traces together with the report and adds its tables to the result.
type supplement struct {
	// start makes the state for a trace, and what takes up what that state found.
	// Traces may be read at once: nothing of one is kept in the supplement.
	start func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input))
	addTo func(*result.Set)
	// stored is how the sums go into a state file and come from one, nil if they
	// cannot.
	stored *storedPart
}

// A storedPart is the sums of a supplement in a state file.
type storedPart struct {
	name    string
	version int
	state   func() (json.RawMessage, error)
	add     func(json.RawMessage, []result.Input) error
}

// deferral tells what would become of the hits if deferrable work were deferred.
func deferral(sends *cli.Sends, withoutTLB bool) supplement {
	total := whatif.NewCounts()
	return supplement{
		start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			s := whatif.New(src.Table(), whatif.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Counts: counts, WithoutTLB: withoutTLB})
			return s, func(result.Input) { total.Merge(s.Counts()) }
		},
		addTo: total.AddTo,
	}
}

// markTables tells of the spans and counts that lines of text make.
func markTables(sends *cli.Sends, all []marks.Mark) supplement {
	total := marks.NewCounts(all)
	return supplement{
		start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			text := cli.NewMarkText(src)
			s := marks.New(src.Table(), marks.Config{Marks: all, Isolated: sends.Isolated.Targets(), Counts: counts, Text: text.Text, Events: text.Events()})
			return s, func(result.Input) { total.Merge(s.Counts()) }
		},
		addTo: total.AddTo,
	}
}

// perSwitch tells how many IPIs a CPU sends for each of its context switches.
func perSwitch() supplement {
	total := switches.NewCounts()
	return supplement{
		start: func(trace.Source, func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			s := switches.New()
			return s, func(in result.Input) { total.Merge(s.Counts(in.Path)) }
		},
		addTo: total.AddTo,
		stored: &storedPart{"switches", switches.StateVersion, total.State, func(sums json.RawMessage, _ []result.Input) error {
			c, err := switches.Decode(sums)
			if err == nil {
				total.Merge(c)
			}
			return err
		}},
	}
}

// bars draws the hits of each CPU over time.
func bars(sends *cli.Sends) supplement {
	by := []key.Key{key.Target}
	total := ipi.NewCounts(sends.Isolated.Targets(), by)
	return supplement{
		start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			s := ipi.New(src.Table(), ipi.Config{Isolated: sends.Isolated.Targets(), By: by, Catalog: sends.Catalog, Counts: counts, Timeline: true})
			return s, func(in result.Input) { total.Merge(s.Counts(in)) }
		},
		addTo: func(set *result.Set) { ipi.AddBars(set, total) },
	}
}

// callTree has the stacks that sent, by class, for a flame graph. cat may be nil
// where they come from states.
func callTree(isolated *cpumask.Mask, cat *catalog.Catalog) supplement {
	config := stacks.Config{Isolated: isolated, Catalog: cat, Labels: []key.Key{key.Class}}
	total := stacks.NewCounts(config)
	return supplement{
		start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			own := config
			own.Counts = counts
			s := stacks.New(src.Table(), own)
			return s, func(in result.Input) { total.Merge(s.Counts(in)) }
		},
		addTo: func(set *result.Set) { set.Stacks = total.Result().Stacks },
		stored: &storedPart{"stacks", stacks.StateVersion, total.State, func(sums json.RawMessage, inputs []result.Input) error {
			c, err := stacks.Decode(sums, config, inputs)
			if err == nil {
				total.Merge(c)
			}
			return err
		}},
	}
}
