package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/explain"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stacks"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

type explainFlags struct {
	sends  cli.SendFlags
	output cli.OutputFlags
	list   bool
	class  string
}

func newExplain(t *cli.Terminal) *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [flags] NAME [TRACE...] | --list [--class CLASS]",
		Short: "Tell what an IPI does, who sends it, and what can be done about it",
		Long: `Tell what the catalogue knows of a name: what an IPI's callback does, who sends
it, its class, what to do about it, and where its source is. NAME may be a
callback (do_sync_core), a function in a stack (static_key_enable, text_poke*), an
x86 vector (251, 0xfb, call_function_single), the reason of an arm64 IPI
("Function call interrupts", IPI1), a line of /proc/interrupts (CAL, TLB), a
program that records or a class (noise).

With traces it also tells how often the name was met in them: the hits that it ran
in or that were sent through it, their causes and their senders. A function that
only the traces know is told of so, too.`,
		Example: `  ipiscope explain do_sync_core
  ipiscope explain nohz_full_kick_func --isolated 2-3 trace.dat
  ipiscope explain 251
  ipiscope explain --list --class avoidable`,
		RunE: func(cmd *cobra.Command, args []string) error { return runExplain(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	fs.BoolVar(&f.list, "list", false, "list all callbacks")
	fs.StringVar(&f.class, "class", "", "list those of a `CLASS`: "+strings.Join(catalog.ClassNames(), " "))
	f.output.AddTo(cmd, 0)
	f.sends.AddTo(fs, "look only at the sends")
	complete(cmd, "class", catalog.ClassNames())
	cmd.ValidArgsFunction = func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		known, err := f.sends.Catalog()
		if len(args) > 0 || err != nil {
			return nil, cobra.ShellCompDirectiveDefault // traces
		}
		return plainNames(known), cobra.ShellCompDirectiveNoFileComp
	}
	return cmd
}

// plainNames are the names that can be explained, without the prefixes of names.
func plainNames(c *catalog.Catalog) []string {
	return slices.DeleteFunc(c.Names(), func(n string) bool { return strings.HasSuffix(n, "*") })
}

func runExplain(ctx context.Context, t *cli.Terminal, f *explainFlags, args []string) error {
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	switch {
	case f.class != "" && !f.list:
		return cli.Usage(errors.New("--class goes with --list"))
	case f.class != "" && !catalog.IsClass(f.class):
		return cli.Unknown("class", f.class, catalog.ClassNames())
	case f.list && len(args) > 0:
		return cli.Usage(fmt.Errorf("--list takes no names: leave %s out, or --list", strings.Join(args, " ")))
	case !f.list && len(args) == 0:
		return cli.Usage(errors.New("explain: name what to explain, or --list"))
	}
	known, err := f.sends.Catalog()
	if err != nil {
		return err
	}
	if f.list {
		return write(explain.List(known, f.class))
	}
	x, ok := known.Explain(args[0])
	switch {
	case ok:
	case catalog.IsClass(args[0]):
		return write(explain.List(known, args[0]))
	case strings.Contains(args[0], "|"):
		return cli.Usage(fmt.Errorf("%s: one of these functions ran, no frame tells which: explain them one by one", args[0]))
	case len(args) == 1:
		return cli.UnknownBriefly("name", args[0], plainNames(known))
	}
	if len(args) == 1 {
		return write(explain.Result(x))
	}
	sends, err := f.sends.Load(t, args[1:])
	if err != nil {
		return err
	}
	set, met, readErr := explainMet(ctx, sends, args[0], x)
	if cli.Status(readErr) == cli.ExitUsage {
		return readErr
	}
	if !ok && !met && readErr == nil {
		return cli.Unheard("name", args[0], "neither the catalogue nor the traces know it", plainNames(known))
	}
	if werr := write(set); werr != nil {
		return werr // readErr was said already
	}
	return readErr
}

// explainFor is what holds for the kernels of the traces: of several kernels the rows that hold for one
// of them, and say for which.
func explainFor(x *catalog.Explanation, name string, views map[*catalog.Catalog]bool) *catalog.Explanation {
	type at struct{ function, root, kernels, arch string }
	key := func(r catalog.ClassRow) at { return at{r.Function, r.Root, r.Kernels, r.Arch} }
	held := map[at]bool{}
	for view := range views {
		of, _ := view.Explain(name)
		if len(views) == 1 {
			return of
		}
		for _, r := range append(slices.Clone(of.ByCaller), of.ClassFrom...) {
			held[key(r)] = true
		}
	}
	if len(views) > 0 {
		isNot := func(r catalog.ClassRow) bool { return !held[key(r)] }
		x.ByCaller, x.ClassFrom = slices.DeleteFunc(x.ByCaller, isNot), slices.DeleteFunc(x.ClassFrom, isNot)
	}
	return x
}

// explainMet reads the traces for how often the name is met in them. What is said of the name is what
// holds for their kernel, if they are of one. known says that a trace has the name, be it in no hit.
func explainMet(ctx context.Context, sends *cli.Sends, name string, x *catalog.Explanation) (set *result.Set, known bool, err error) {
	config := stacks.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Labels: explain.Labels()}
	met := stacks.NewCounts(config)
	all, views := int64(0), map[*catalog.Catalog]bool{}
	err = sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
		meta := &src.Table().Meta
		views[sends.Catalog.For(meta.Kernel, meta.Arch, meta.Uname)] = true
		c := config
		c.Counts, c.Takes = counts, explain.NewMet(x, src.Table()).Has
		state := stacks.New(src.Table(), c)
		input, err := run(state)
		if input.Twin == "" {
			met.Merge(state.Counts(input))
			all += state.Seen()
			known = known || src.Table().HasName(x.Name)
		}
		return err
	})
	x = explainFor(x, name, views)
	set = explain.Result(x)
	if r := met.Result(); len(r.Inputs) > 0 {
		explain.AddHits(set, x, r, all)
	}
	sends.WarnRepeated(set)
	return set, known, err
}
