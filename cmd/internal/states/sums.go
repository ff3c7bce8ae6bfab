// Package states makes states of traces and adds them up: what the commands report,
// state, merge and fleet share, and the Beam pipeline in a module of its own.
package states

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

// Sums are what a report says of traces: their hits by groups, and what belongs to
// that. They come from traces or from states of them.
type Sums struct {
	Config ipi.Config
	Total  *ipi.Overview
	// Name changes how results call a trace; nil leaves it.
	Name func(*trace.Meta)
	more []Supplement
}

// NewSums returns the sums of no traces; page adds what a page shows beside the
// groups. cat may be nil where they come from states.
func NewSums(isolated *cpumask.Mask, by []ipi.Key, cat *catalog.Catalog, page bool) *Sums {
	s := &Sums{Config: ipi.Config{Isolated: isolated, By: by, Catalog: cat}}
	if page {
		s.Config.Also, s.Config.Timeline = ipi.OverviewKeys(), true
	}
	if slices.Contains(by, key.Sender) {
		s.more = append(s.more, perSwitch())
	}
	if page {
		s.more = append(s.more, callTree(isolated, cat))
	}
	s.Total = ipi.NewOverview(s.Config)
	return s
}

// Add adds further analyses.
func (s *Sums) Add(more ...Supplement) { s.more = append(s.more, more...) }

// AddTo completes a result.
func (s *Sums) AddTo(set *result.Set) {
	for _, m := range s.more {
		m.AddTo(set)
	}
}

// Read adds traces. soFar is shown what was counted up to now where --follow asks
// for it.
func (s *Sums) Read(ctx context.Context, sends *cli.Sends, soFar func(*result.Set) error) error {
	return sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
		if s.Name != nil {
			s.Name(&src.Table().Meta)
		}
		config := s.Config
		config.Counts = counts
		state := ipi.New(src.Table(), config)
		states := []analysis.State{state}
		var take []func(result.Input)
		for _, m := range s.more {
			st, f := m.Start(src, counts)
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
		s.Total.Add(state.Views(input))
		for _, f := range take {
			f(input)
		}
		return err
	})
}
