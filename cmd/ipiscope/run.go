package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// run is the whole program: it carries out a command line and returns the exit
// status.
func run(ctx context.Context, args []string, in io.Reader, out, errw io.Writer) int {
	t := cli.NewTerminal(in, out, errw)
	t.Command, t.Version = shellWords(append([]string{"ipiscope"}, args...)), version()
	t.Context, t.Args = ctx, args
	root := newRoot(t)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit *cli.ExitError
	status := cli.Status(err)
	said := errors.As(err, &exit) && exit.Err == nil
	// A reader that has seen enough and goes away is no news.
	if err != nil && !said && status != cli.ExitPipe {
		fmt.Fprintf(errw, "ipiscope: %s\n", t.Message(err.Error()))
	}
	return status
}

func newRoot(t *cli.Terminal) *cobra.Command {
	root := group(&cobra.Command{
		Use:   "ipiscope",
		Short: "Which IPIs hit my isolated CPUs, who sent them, and why",
		Long: `ipiscope reads recorded kernel traces and tells which inter-processor
interrupts hit the isolated (NOHZ_FULL) CPUs, what they made them run, and who
sent them.`,
		Example: `  ipiscope info trace.dat
  ipiscope report --isolated 2-3 trace.dat
  ipiscope diff --isolated 2-3 before.dat after.dat`,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		SilenceErrors:     true,
		SilenceUsage:      true,
	})
	root.SetIn(t.In)
	root.SetOut(t.Out)
	root.SetErr(t.Err)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return cli.FlagError(cmd.Flags(), err) })
	root.Version = version()
	root.SetVersionTemplate(versionLine())
	root.SetUsageTemplate(wrapped(root.UsageTemplate(), t.Width))
	root.AddCommand(newReport(t), newState(t), newMerge(t), newFleet(t), newRecord(t), newLive(t), newStacks(t), newExplain(t), newDiff(t), newExport(t), newCat(t), newFilter(t), newDebug(t), newInfo(t), newLatency(t), newQuiet(t), newNoise(t), newCheck(t), newPlot(t), newCompletion(t), newVersion(t))
	return root
}

// wrapped makes a template of cobra's for help show flags in so many columns, 80
// where there is no terminal.
func wrapped(template string, columns int) string {
	if columns == 0 {
		columns = 80
	}
	return strings.ReplaceAll(template, ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", columns))
}

// atLeastOneTrace is the argument check of commands that read traces.
func atLeastOneTrace(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cli.Usage(fmt.Errorf("%s: name at least one trace (- reads standard input)", cmd.Name()))
	}
	return nil
}
