package main

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// defaultSeries is how many series a figure has of its own unless told
// otherwise: as many as there are colours.
const defaultSeries = 7

// A hitPlot is a figure of what report counts.
type hitPlot struct {
	name, short, example string
	// by is the default of --by; without one there is no such flag.
	by      string
	top     int
	topHelp string
	// keys are what is counted by, given the key of --by.
	keys     func(by []ipi.Key) []ipi.Key
	timeline bool
	figure   func(c *ipi.Counts, top int) *result.Figure
}

func hitPlots() []hitPlot {
	return []hitPlot{
		{
			name: "timeline", short: "Draw the hits of each CPU over time, coloured by function", example: "ipiscope plot timeline --isolated 2-3 trace.dat -o hits.png",
			by: states.DefaultBy, top: defaultSeries, topHelp: "give the first `N` a colour of their own, 0 all", timeline: true,
			keys:   func(by []ipi.Key) []ipi.Key { return append([]ipi.Key{key.Target}, by...) },
			figure: (*ipi.Counts).Timeline,
		},
		{
			name: "heatmap", short: "Draw when which CPU was hit, and how often", example: "ipiscope plot heatmap --isolated 2-31 trace.dat -o heat.png", timeline: true,
			keys:   func([]ipi.Key) []ipi.Key { return []ipi.Key{key.Target} },
			figure: func(c *ipi.Counts, _ int) *result.Figure { return c.Heatmap() },
		},
		{
			name: "matrix", short: "Draw who interrupts whom: sending CPU by target CPU", example: "ipiscope plot matrix --isolated 2-31 trace.dat -o matrix.png",
			keys:   func([]ipi.Key) []ipi.Key { return []ipi.Key{key.Sender, key.Target} },
			figure: func(c *ipi.Counts, _ int) *result.Figure { return c.Matrix() },
		},
		{
			name: "bars", short: "Draw the functions or causes with the most hits, and their class", example: "ipiscope plot bars --by cause --isolated 2-3 trace.dat -o causes.svg",
			by: states.DefaultBy, top: 20, topHelp: "show the first `N`, 0 for all",
			keys: func(by []ipi.Key) []ipi.Key {
				if slices.Equal(by, []ipi.Key{key.Class}) {
					return by
				}
				return append(by, key.Class)
			},
			figure: (*ipi.Counts).Bars,
		},
		{
			name: "rate", short: "Draw the rate of hits over time", example: "ipiscope plot rate --by cause --isolated 2-3 trace.dat -o rate.png",
			by: states.DefaultBy, top: defaultSeries, topHelp: "give the first `N` a line of their own, 0 all", timeline: true,
			keys:   func(by []ipi.Key) []ipi.Key { return by },
			figure: (*ipi.Counts).Rate,
		},
	}
}

type hitPlotFlags struct {
	sends   cli.SendFlags
	picture pictureFlags
	by      string
	top     int
}

func newHitPlot(t *cli.Terminal, k hitPlot) *cobra.Command {
	var f hitPlotFlags
	cmd := &cobra.Command{
		Use: k.name + " [flags] TRACE...", Short: k.short, Long: k.short + ".", Example: "  " + k.example,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runHitPlot(cmd.Context(), t, &f, &k, args) },
	}
	f.sends.AddTo(cmd.Flags(), "count only the sends")
	f.picture.addTo(cmd)
	f.by = noKey
	if k.by != "" {
		cmd.Flags().StringVar(&f.by, "by", k.by, "group by `KEY`: "+strings.Join(append(ipi.KeyNames(), noKey), " "))
		cmd.Flags().IntVar(&f.top, "top", k.top, k.topHelp)
		complete(cmd, "by", append(ipi.KeyNames(), noKey))
	}
	return cmd
}

func runHitPlot(ctx context.Context, t *cli.Terminal, f *hitPlotFlags, k *hitPlot, paths []string) error {
	by, err := plotKey(f.by)
	if err != nil {
		return err
	}
	write, err := f.picture.writer(t)
	if err != nil {
		return err
	}
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	keys, isolated := k.keys(by), sends.Isolated.Targets()
	total := ipi.NewCounts(isolated, keys)
	err = addUp(ctx, sends, total, func(t *trace.Table, counts func(*trace.Event) bool) *ipi.State {
		return ipi.New(t, ipi.Config{Isolated: isolated, By: keys, Catalog: sends.Catalog, Counts: counts, Timeline: k.timeline})
	})
	set := total.Result()
	sends.WarnRepeated(set)
	return show(err, set, func() *result.Figure { return k.figure(total, f.top) }, write)
}

// show writes the figure of what was read; err says what was not.
func show(err error, set *result.Set, figure func() *result.Figure, write func(*result.Set) error) error {
	return finish(err, set, func() {
		set.Schema = plotSchema
		set.Show(figure())
	}, write)
}
