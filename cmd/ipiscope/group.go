package main

import (
	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// group makes a command that does nothing but hold others: without arguments it
// prints its help, and what is none of its commands is an error.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		var names []string
		for _, c := range cmd.Commands() {
			names = append(names, c.Name())
		}
		return cli.Unknown("command", args[0], names)
	}
	return cmd
}
