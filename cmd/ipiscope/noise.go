package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
)

type noiseFlags struct {
	input    cli.InputFlags
	isolated cli.IsolatedFlag
	output   cli.OutputFlags
	catalog  cli.CatalogFlag
	kernel   cli.KernelFlags
	groups   cli.GroupsFlag
	by       string
	over     time.Duration
	keep     int
}

func newNoise(t *cli.Terminal) *cobra.Command {
	var f noiseFlags
	cmd := &cobra.Command{
		Use:   "noise [flags] TRACE...",
		Short: "Tell what the noise consists of that osnoise and timerlat measure",
		Long: `Tell of each sample of osnoise and each activation of timerlat what it consists
of: the IPIs in it with their functions and senders, timers, interrupts,
softirqs, tasks, and what no event explains (the kernel's entry and exit code,
or hardware and hypervisor). Sum the noise up by kind, name, function and cause,
list the latencies of hwlat, and tell why ticks were kept, where timer:tick_stop
was recorded.`,
		Example: `  ipiscope noise --isolated 2-3 trace.dat
  ipiscope noise --isolated 2-3 --by kind,name,cause,comm --over 50us osnoise_trace.txt`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runNoise(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.isolated.AddTo(fs)
	cli.KeysVar(fs, &f.by, "by", "kind,name", "group by `KEYS`, comma separated: "+strings.Join(noise.KeyNames(), " "))
	fs.DurationVar(&f.over, "over", 0, "list only samples and activations of `TIME` and longer")
	fs.IntVar(&f.keep, "longest", 100, "keep the `N` longest samples and activations for the list")
	f.groups.AddTo(fs, 1<<14)
	f.output.AddTo(cmd, 20)
	f.catalog.AddTo(fs)
	f.kernel.AddTo(fs)
	f.input.AddTo(fs)
	completeList(cmd, "by", noise.KeyNames())
	return cmd
}

func (f *noiseFlags) config() (noise.Config, error) {
	var c noise.Config
	var err error
	if c.By, err = noise.ParseKeys(f.by); err != nil {
		return c, states.KeyError(err)
	}
	if f.over < 0 {
		return c, cli.Usage(fmt.Errorf("--over %v: want a time such as 50us", f.over))
	}
	if f.keep < 1 || f.keep > 1<<16 {
		return c, cli.Usage(fmt.Errorf("--longest %d: want a number from 1 to %d", f.keep, 1<<16))
	}
	c.Over, c.Top = int64(f.over), f.keep
	c.MaxGroups, err = f.groups.Max()
	return c, err
}

func runNoise(ctx context.Context, t *cli.Terminal, f *noiseFlags, paths []string) error {
	config, err := f.config()
	if err != nil {
		return err
	}
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	isolated, err := f.isolated.Set(t)
	if err != nil {
		return err
	}
	config.Isolated = isolated.Targets()
	if config.Catalog, err = f.catalog.Load(); err != nil {
		return err
	}
	kernel, err := f.kernel.Load()
	if err != nil {
		return err
	}
	in, err := f.input.Inputs(t, paths)
	if err != nil {
		return err
	}
	total := noise.NewCounts(config)
	err = in.Each(ctx, func(src trace.Source, run cli.Run) error {
		if err := isolated.Check(&src.Table().Meta); err != nil {
			return err
		}
		kernel.Describe(src)
		state := noise.New(src.Table(), config)
		input, err := run(state)
		if input.Twin != "" {
			return err
		}
		total.Merge(state.Counts(input))
		return err
	})
	set := total.Result()
	in.WarnRepeated(set)
	if f.output.Format() == "html" {
		set.Figures = total.Figures()
	}
	return finish(err, set, func() {}, write)
}
