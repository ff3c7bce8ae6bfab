package main

import (
	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/marks"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/whatif"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// deferral tells what would become of the hits if deferrable work were deferred.
func deferral(sends *cli.Sends, withoutTLB bool) states.Supplement {
	total := whatif.NewCounts()
	return states.Supplement{
		Start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			s := whatif.New(src.Table(), whatif.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Counts: counts, WithoutTLB: withoutTLB})
			return s, func(result.Input) { total.Merge(s.Counts()) }
		},
		AddTo: total.AddTo,
	}
}

// markTables tells of the spans and counts that lines of text make.
func markTables(sends *cli.Sends, all []marks.Mark) states.Supplement {
	total := marks.NewCounts(all)
	return states.Supplement{
		Start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			text := cli.NewMarkText(src)
			s := marks.New(src.Table(), marks.Config{Marks: all, Isolated: sends.Isolated.Targets(), Counts: counts, Text: text.Text, Events: text.Events()})
			return s, func(result.Input) { total.Merge(s.Counts()) }
		},
		AddTo: total.AddTo,
	}
}

// bars draws the hits of each CPU over time.
func bars(sends *cli.Sends) states.Supplement {
	by := []key.Key{key.Target}
	total := ipi.NewCounts(sends.Isolated.Targets(), by)
	return states.Supplement{
		Start: func(src trace.Source, counts func(*trace.Event) bool) (analysis.State, func(result.Input)) {
			s := ipi.New(src.Table(), ipi.Config{Isolated: sends.Isolated.Targets(), By: by, Catalog: sends.Catalog, Counts: counts, Timeline: true})
			return s, func(in result.Input) { total.Merge(s.Counts(in)) }
		},
		AddTo: func(set *result.Set) { ipi.AddBars(set, total) },
	}
}
