package main

import (
	"context"
	"slices"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// reportSums are what a report says of traces: their hits by groups, and what belongs to
// that. They come from traces or from states of them.
type reportSums struct {
	config ipi.Config
	total  *ipi.Overview
	more   []supplement
	// name changes how results call a trace; nil leaves it
	name func(*trace.Meta)
}

// newReportSums returns the sums of no traces; page adds what a page shows beside the
// groups. cat may be nil where they come from states.
func newReportSums(isolated *cpumask.Mask, by []ipi.Key, cat *catalog.Catalog, page bool) *reportSums {
	s := &reportSums{config: ipi.Config{Isolated: isolated, By: by, Catalog: cat}}
	if page {
		s.config.Also, s.config.Timeline = ipi.OverviewKeys(), true
	}
	if slices.Contains(by, key.Sender) {
		s.more = append(s.more, perSwitch())
	}
	if page {
		s.more = append(s.more, callTree(isolated, cat))
	}
	s.total = ipi.NewOverview(s.config)
	return s
}

// add adds further analyses.
func (s *reportSums) add(more ...supplement) { s.more = append(s.more, more...) }

// addTo completes a result.
func (s *reportSums) addTo(set *result.Set) {
	for _, m := range s.more {
		m.addTo(set)
	}
}

// read adds traces. soFar is shown what was counted up to now where --follow asks
// for it.
func (s *reportSums) read(ctx context.Context, sends *cli.Sends, soFar func(*result.Set) error) error {
	return sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
		if s.name != nil {
			s.name(&src.Table().Meta)
		}
		config := s.config
		config.Counts = counts
		state := ipi.New(src.Table(), config)
		states := []analysis.State{state}
		var take []func(result.Input)
		for _, m := range s.more {
			st, f := m.start(src, counts)
			states, take = append(states, st), append(take, f)
		}
		sends.Follow(func(input result.Input, span analysis.Span) error {
			state.Until(span)
			now := ipi.NewOverview(config)
			now.Add(state.Views(input))
			return soFar(now.Result())
		})
		input, err := run(states...)
		if input.Twin != "" {
			return err
		}
		s.total.Add(state.Views(input))
		for _, f := range take {
			f(input)
		}
		return err
	})
}
