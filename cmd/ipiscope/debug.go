package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/contexts"
	"github.com/ipiscope/ipiscope/analysis/evidence"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func newDebug(t *cli.Terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "debug",
		Short: "Look behind the figures",
	}
	var ef, cf debugFlags
	cmd.AddCommand(
		ef.command(t, "evidence", "Tell how the functions of hits were found, and how far the evidence agrees",
			func(d *debugFlags, table *trace.Table, iso *cli.Isolated) (debugState, error) {
				cat, err := d.catalog.Load()
				return evidence.New(table, evidence.Config{Isolated: iso.Targets(), Catalog: cat}), err
			}),
		cf.command(t, "contexts", "Tell how deep interrupts nest in the recorded stacks, and what they interrupted",
			func(d *debugFlags, table *trace.Table, _ *cli.Isolated) (debugState, error) {
				cat, err := d.catalog.Load()
				return contexts.New(table, cat), err
			}),
	)
	return cmd
}

// A debugState is an analysis of one trace with a result of its own.
type debugState interface {
	analysis.State
	Result(result.Input) *result.Set
}

type debugFlags struct {
	input    cli.InputFlags
	isolated cli.IsolatedFlag
	output   cli.OutputFlags
	catalog  cli.CatalogFlag
}

func (d *debugFlags) command(t *cli.Terminal, name, short string, newState func(*debugFlags, *trace.Table, *cli.Isolated) (debugState, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:   name + " [flags] TRACE...",
		Short: short,
		Args:  atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := d.output.Writer(t)
			if err != nil {
				return err
			}
			isolated, err := d.isolated.Set(t)
			if err != nil {
				return err
			}
			in, err := d.input.Inputs(t, args)
			if err != nil {
				return err
			}
			return in.Each(cmd.Context(), func(src trace.Source, run cli.Run) error {
				state, err := newState(d, src.Table(), isolated)
				if err != nil {
					return err
				}
				input, err := run(state)
				return errors.Join(write(state.Result(input)), err)
			})
		},
	}
	d.isolated.AddTo(cmd.Flags())
	d.output.AddTo(cmd, 0)
	d.catalog.AddTo(cmd.Flags())
	d.input.AddTo(cmd.Flags())
	return cmd
}
