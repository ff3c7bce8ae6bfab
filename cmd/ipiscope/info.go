package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/inventory"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func newInfo(t *cli.Terminal) *cobra.Command {
	var input cli.InputFlags
	var output cli.OutputFlags
	cmd := &cobra.Command{
		Use:   "info [flags] TRACE...",
		Short: "Tell what a trace holds and what can be found out from it",
		Long: `Tell what a trace holds: format, recorder, kernel, clock, CPUs, events by name
and CPU, and losses, both those in the data and those that the kernel counted;
and which questions the recorded events can answer.`,
		Example: `  ipiscope info trace.dat
  ipiscope info --format json trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, err := output.Writer(t)
			if err != nil {
				return err
			}
			in, err := input.Inputs(t, args)
			if err != nil {
				return err
			}
			return in.Each(cmd.Context(), func(src trace.Source, run cli.Run) error {
				state := inventory.New(src.Table())
				got, err := run(state)
				if cli.Status(err) == cli.ExitUsage {
					return err
				}
				return errors.Join(write(state.Result(got)), err)
			})
		},
	}
	output.AddTo(cmd, 0)
	input.AddTo(cmd.Flags())
	return cmd
}
