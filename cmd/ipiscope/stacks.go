package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/calltree"
	"github.com/ipiscope/ipiscope/report/flame"
	"github.com/ipiscope/ipiscope/report/html"
	"github.com/ipiscope/ipiscope/report/json"
)

type stacksFlags struct {
	sends   cli.SendFlags
	output  cli.OutputFlags
	by      string
	callers bool
	whole   bool
	depth   int
	min     float64
	example bool
}

func newStacks(t *cli.Terminal) *cobra.Command {
	var f stacksFlags
	cmd := &cobra.Command{
		Use:   "stacks [flags] TRACE...",
		Short: "Show the call stacks that sent the IPIs, as a tree, flame graph or profile",
		Long: `Merge the stacks of the sends that hit the isolated CPUs into a call tree. The
number at a function is that of the hits that were sent from it or from below it.
Functions that make one call only stand in one line. Hits without a stack are a
branch of their own, (no stack), so that the sum is that of report. Stacks end
where an interrupt, a system call or a thread began: what an interrupt hit has
nothing to do with the IPIs it sends (--whole keeps it).

Formats: tree for the terminal; html, a page with a flame graph to search and to
zoom; svg, the flame graph as a picture; folded for flamegraph.pl and speedscope;
pprof for go tool pprof, with the sample types hits and sends and the labels cpu
(the CPU that was hit), sender, comm, function, class and cause; json.`,
		Example: `  ipiscope stacks --isolated 2-3 trace.dat
  ipiscope stacks --isolated 2-3 --callers --min-share 5 trace.dat
  ipiscope stacks --isolated 2-3 --by function,target trace.dat
  ipiscope stacks --isolated 2-3 --format html -o stacks.html trace.dat
  ipiscope stacks --isolated 2-3 --by class --format svg -o flame.svg trace.dat
  ipiscope stacks --isolated 2-3 --format folded trace.dat | flamegraph.pl > ipis.svg
  ipiscope stacks --isolated 2-3 --format pprof -o after.pb.gz after.dat
  ipiscope stacks --isolated 2-3 --by cause --example trace.dat
  go tool pprof -top -diff_base before.pb.gz after.pb.gz`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runStacks(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "count only the sends")
	cli.KeysVar(fs, &f.by, "by", "", "a tree for each group by `KEYS`, comma separated: "+strings.Join(key.OfHits().Names(), " "))
	fs.BoolVar(&f.callers, "callers", false, "begin at the function that sent, callers below it")
	fs.BoolVar(&f.whole, "whole", false, "keep what was interrupted by the interrupt that sent")
	fs.IntVar(&f.depth, "depth", 0, "in the tree: show `N` levels, 0 for all")
	fs.Float64Var(&f.min, "min-share", 1, "in the tree: show calls with at least `P` percent of their group's hits")
	fs.BoolVar(&f.example, "example", false, "show one event of each group as it was recorded, with its stack; without --by one of each function")
	f.output.Only = append([]report.Format{
		{Name: "tree", Doc: "a call tree for the terminal", Colours: true, Origin: report.OriginLine, Write: f.writeTree},
		{Name: "html", Doc: "a page with a flame graph to search and to zoom", Aside: true, Origin: report.OriginAlways, Write: f.writePage},
		{Name: "svg", Doc: "a flame graph as a picture", Origin: report.OriginAlways, Write: f.writeSVG},
	}, flameFormats()...)
	f.output.Only = append(f.output.Only, report.Format{Name: "json", Doc: "one JSON object with stable names", Origin: report.OriginAsked,
		Write: func(w io.Writer, s *result.Set, o report.Options) error { return json.WriteFrom(w, s, o.Origin) }})
	f.output.AddTo(cmd, 20)
	fs.Lookup("top").Usage = "show the trees of the first `N` groups, 0 for all"
	completeList(cmd, "by", key.OfHits().Names())
	return cmd
}

// flameFormats are the forms of stacks that other programs draw.
func flameFormats() []report.Format {
	return []report.Format{
		{Name: "folded", Doc: "a line for each stack, for flamegraph.pl and speedscope", Origin: report.OriginLine,
			Write: func(w io.Writer, s *result.Set, _ report.Options) error { return flame.WriteFolded(w, s) }},
		{Name: "pprof", Doc: "a profile for go tool pprof", Aside: true, Origin: report.OriginAlways,
			Write: func(w io.Writer, s *result.Set, o report.Options) error { return flame.WritePprof(w, s, o.Origin) }},
	}
}

func (f *stacksFlags) writeTree(w io.Writer, s *result.Set, o report.Options) error {
	return calltree.Write(w, s, calltree.Options{
		Width: o.Width, Colour: o.Colour, Top: o.Top, Callers: f.callers, Depth: f.depth, MinShare: f.min / 100,
	})
}

func (f *stacksFlags) writePage(w io.Writer, s *result.Set, o report.Options) error {
	return html.Write(w, s, html.Options{Command: o.Command, Version: o.Version, Callers: f.callers})
}

func (f *stacksFlags) writeSVG(w io.Writer, s *result.Set, o report.Options) error {
	return flame.WriteSVG(w, s, flame.SVGOptions{Callers: f.callers, Origin: o.Origin})
}

// pprofLabels are the labels of the samples of a profile.
func pprofLabels() []key.Key {
	return []key.Key{key.Target, key.Sender, key.Comm, key.Function, key.Class, key.Cause}
}

func (f *stacksFlags) config() (stacks.Config, error) {
	c := stacks.Config{Whole: f.whole, Labels: []key.Key{key.Class}}
	var err error
	if f.by != "" {
		if c.By, err = states.ParseKeys(f.by); err != nil {
			return c, err
		}
	}
	if f.depth < 0 {
		return c, cli.Usage(fmt.Errorf("--depth %d: want a number of levels, 0 for all", f.depth))
	}
	if !(f.min >= 0 && f.min <= 100) {
		return c, cli.Usage(fmt.Errorf("--min-share %g: want a percentage, 0 to 100", f.min))
	}
	if name := f.output.Format(); f.example && name != "tree" && name != "json" {
		return c, cli.Usage(fmt.Errorf("--example: the form %s has no place for events; tree and json have", name))
	}
	if f.output.Format() == "pprof" {
		c.Labels = pprofLabels()
	}
	c.Labels = slices.DeleteFunc(c.Labels, func(k key.Key) bool { return slices.Contains(c.By, k) })
	return c, nil
}

// examples are the further analysis that --example asks for.
func (f *stacksFlags) examples(sends *cli.Sends, by []key.Key) []states.Supplement {
	if !f.example {
		return nil
	}
	if len(by) == 0 {
		by = []key.Key{key.Function}
	}
	x := newExamples(sends, by, 0)
	return []states.Supplement{x.reading(x.addTable)}
}

func runStacks(ctx context.Context, t *cli.Terminal, f *stacksFlags, paths []string) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	config.Isolated, config.Catalog = sends.Isolated.Targets(), sends.Catalog
	total := stacks.NewCounts(config)
	more := f.examples(sends, config.By)
	err = addUp(ctx, sends, total, func(t *trace.Table, counts func(*trace.Event) bool) *stacks.State {
		c := config
		c.Counts = counts
		return stacks.New(t, c)
	}, more...)
	set := total.Result()
	sends.WarnRepeated(set)
	return finish(err, set, func() {
		for _, m := range more {
			m.AddTo(set)
		}
	}, write)
}
