package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

type diffPlotFlags struct {
	diff    diffFlags
	picture pictureFlags
	top     int
	// topGiven reports whether --top was given
	topGiven func() bool
}

func newDiffPlot(t *cli.Terminal) *cobra.Command {
	var f diffPlotFlags
	cmd := &cobra.Command{
		Use:   "diff [flags] BEFORE AFTER | -b TRACE... -a TRACE... | NAME=TRACE...",
		Short: "Draw rates before and after a change, with their intervals",
		Long: `Draw what the diff command compares: the rate of each side for each isolated CPU
and hour with its 95 % interval, and the verdict. With --of it draws which share
of the durations does not exceed a time, before and after.`,
		Example: `  ipiscope plot diff --isolated 2-3 before.dat after.dat -o diff.png
  ipiscope plot diff --isolated 2-3 -b b1.dat -b b2.dat -a a1.dat -a a2.dat
  ipiscope plot diff --of bracket --isolated 2-3 before/ after/ -o bracket.svg`,
		RunE: func(cmd *cobra.Command, args []string) error { return runDiffPlot(cmd.Context(), t, &f, args) },
	}
	f.diff.addSides(cmd)
	cmd.Flags().IntVar(&f.top, "top", 10, "show the first `N` rows, 0 for all; with --of the first one unless given")
	f.topGiven = func() bool { return cmd.Flags().Changed("top") }
	f.picture.addTo(cmd)
	return cmd
}

func runDiffPlot(ctx context.Context, t *cli.Terminal, f *diffPlotFlags, args []string) error {
	if f.diff.times.given() {
		return runTimesPlot(ctx, t, f, args)
	}
	write, err := f.picture.writer(t)
	if err != nil {
		return err
	}
	if err := f.diff.checkLevels(); err != nil {
		return err
	}
	specs, err := f.diff.specs(args)
	if err != nil {
		return err
	}
	by, err := states.ParseKeys(f.diff.by)
	if err != nil {
		return err
	}
	cfg := f.diff.levels()
	for _, k := range by {
		cfg.By = append(cfg.By, k.String())
	}
	sides, readErr := f.diff.readTraces(ctx, t, specs, by)
	if sides == nil {
		return readErr
	}
	if err := checkExposure(sides, cfg); err != nil {
		return err
	}
	set := compare.Compare(sides, cfg)
	set.Schema = plotSchema
	set.Show(compare.Figure(set, f.top))
	if err := write(set); err != nil {
		return err
	}
	return readErr
}
