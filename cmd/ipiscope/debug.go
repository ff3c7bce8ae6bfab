package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/contexts"
	"github.com/ipiscope/ipiscope/analysis/evidence"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func newDebug(t *cli.Terminal) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:     "debug",
		Short:   "Look behind the figures",
		Example: "  ipiscope debug evidence --isolated 2-3 trace.dat\n  ipiscope debug contexts trace.dat",
	})
	cmd.AddCommand(newDebugEvidence(t), newDebugContexts(t))
	return cmd
}

func newDebugEvidence(t *cli.Terminal) *cobra.Command {
	var d debugFlags
	var isolated cli.IsolatedFlag
	var set *cli.Isolated
	cmd := d.command(t, "evidence", "Tell how the functions of hits were found, and how far the evidence agrees", debugAnalysis{
		prepare: func() (err error) {
			set, err = isolated.Set(t)
			return err
		},
		state: func(src trace.Source, c *catalog.Catalog) (debugState, error) {
			table := src.Table()
			if err := set.Check(&table.Meta); err != nil {
				return nil, err
			}
			return evidence.New(table, evidence.Config{Isolated: set.Targets(), Catalog: c}), nil
		},
	})
	isolated.AddTo(cmd.Flags())
	return cmd
}

func newDebugContexts(t *cli.Terminal) *cobra.Command {
	var d debugFlags
	var isolated cli.IsolatedFlag
	var filter cli.FilterFlags
	var set *cli.Isolated
	var filters *cli.Filters
	var example bool
	cmd := d.command(t, "contexts", "Tell how deep interrupts nest in the recorded stacks, and what they interrupted", debugAnalysis{
		prepare: func() (err error) {
			if set, err = isolated.SetQuietly(); err == nil {
				filters, err = filter.Load(set)
			}
			return err
		},
		state: func(src trace.Source, c *catalog.Catalog) (debugState, error) {
			bound, err := filters.Bind(t, src)
			if err != nil {
				return nil, err
			}
			s := contexts.New(src.Table(), contexts.Config{Catalog: c, Isolated: set.Targets(), Counts: bound.Counts()})
			return contextsState{s, example, bound}, nil
		},
	})
	isolated.AddTo(cmd.Flags())
	filter.AddTo(cmd.Flags(), "look only at the stacks of events")
	cmd.Flags().BoolVar(&example, "example", false, "show the first stack of each row")
	cmd.Example += "\n  ipiscope debug contexts --isolated 2-3 --filter 'ipi_send_cpu: cpu == 2' --example --top 3 trace.dat"
	return cmd
}

// contextsState is an analysis of contexts of the stacks that pass a filter.
type contextsState struct {
	*contexts.State
	example bool
	bound   *cli.Bound
}

// Result implements debugState.
func (s contextsState) Result(in result.Input) *result.Set {
	set := s.State.Result(in)
	if s.example {
		contexts.AddExamples(set)
	}
	return set
}

// Done says what the filter could not do.
func (s contextsState) Done() error { return s.bound.End() }

// A debugState is an analysis of one trace with a result of its own.
type debugState interface {
	analysis.State
	Result(result.Input) *result.Set
}

// A debugAnalysis makes such states; prepare checks its flags first.
type debugAnalysis struct {
	prepare func() error
	state   func(trace.Source, *catalog.Catalog) (debugState, error)
}

type debugFlags struct {
	input   cli.InputFlags
	output  cli.OutputFlags
	catalog cli.CatalogFlag
}

// command makes a subcommand that runs an analysis on each trace by itself.
func (d *debugFlags) command(t *cli.Terminal, name, short string, a debugAnalysis) *cobra.Command {
	cmd := &cobra.Command{
		Use:     name + " [flags] TRACE...",
		Short:   short,
		Example: "  ipiscope debug " + name + " trace.dat",
		Args:    atLeastOneTrace,
		RunE:    func(cmd *cobra.Command, args []string) error { return d.run(cmd.Context(), t, a, args) },
	}
	d.output.AddTo(cmd, 0)
	d.catalog.AddTo(cmd.Flags())
	d.input.AddTo(cmd.Flags())
	return cmd
}

func (d *debugFlags) run(ctx context.Context, t *cli.Terminal, a debugAnalysis, paths []string) error {
	write, err := d.output.Writer(t)
	if err != nil {
		return err
	}
	if err := a.prepare(); err != nil {
		return err
	}
	cat, err := d.catalog.Load()
	if err != nil {
		return err
	}
	in, err := d.input.Inputs(t, paths)
	if err != nil {
		return err
	}
	return in.Each(ctx, func(src trace.Source, run cli.Run) error {
		state, err := a.state(src, cat)
		if err != nil {
			return err
		}
		input, err := run(state)
		if cli.Status(err) == cli.ExitUsage {
			return err
		}
		if done, ok := state.(interface{ Done() error }); ok {
			err = errors.Join(err, done.Done())
		}
		return errors.Join(write(state.Result(input)), err)
	})
}
