package main

import (
	"fmt"

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
		kind := "command"
		if cmd.Name() == "plot" {
			kind = "kind of plot"
		}
		if other := otherWords(args[0]); other != "" && !cmd.HasParent() {
			return cli.Usage(fmt.Errorf("unknown command %q: ipiscope %s does that", args[0], other))
		}
		return cli.Unknown(kind, args[0], names)
	}
	return cmd
}

// otherWords is the command for what other programs call by this name.
func otherWords(name string) string {
	return map[string]string{
		"compare": "diff", "benchstat": "diff",
		"hist": "plot hist", "histogram": "plot hist", "timeline": "plot timeline", "heatmap": "plot heatmap",
		"flame": "stacks --format folded", "flamegraph": "stacks --format folded",
		"top": "live", "watch": "live", "stream": "live",
		"start": "record", "trace": "record", "dump": "cat", "script": "cat", "osnoise": "noise", "timerlat": "noise", "rtla": "noise",
	}[name]
}
