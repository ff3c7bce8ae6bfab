package main

import (
	"context"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A counter is a state whose sums can be added up over traces.
type counter[C any] interface {
	analysis.State
	Counts(result.Input) C
}

// addUp reads each trace into a state of its own and adds what they counted to
// total. start makes the state; counts says which sends count, nil all. more are read
// with it.
func addUp[S counter[C], C interface{ Merge(C) }](ctx context.Context, sends *cli.Sends, total C, start func(t *trace.Table, counts func(*trace.Event) bool) S, more ...states.Supplement) error {
	return sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
		state := start(src.Table(), counts)
		all := []analysis.State{state}
		var take []func(result.Input)
		for _, m := range more {
			st, f := m.Start(src, counts)
			all, take = append(all, st), append(take, f)
		}
		input, err := run(all...)
		if input.Twin == "" {
			total.Merge(state.Counts(input))
			for _, f := range take {
				f(input)
			}
		}
		return err
	})
}
