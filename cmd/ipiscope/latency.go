package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/trace"
)

type latencyFlags struct {
	sends  cli.SendFlags
	output cli.OutputFlags
	by     string
	kind   string
	window time.Duration
	groups cli.GroupsFlag
	worst  int
}

func newLatency(t *cli.Terminal) *cobra.Command {
	var f latencyFlags
	cmd := &cobra.Command{
		Use:   "latency [flags] TRACE...",
		Short: "Measure what IPIs cost: delivery, handler, interrupt and wait times",
		Long: `Measure what IPIs cost the isolated CPUs: delivery (send to entry), handler
(entry to exit of what runs), bracket (the interrupt's entry to its exit) and
wait (queue to the function's exit, where the caller waits), and tell what the
hits found and what they led to. It takes receive-side events: irq_vectors and
csd on x86, ipi_entry and ipi_exit on arm64.`,
		Example: `  ipiscope latency --isolated 2-3 trace.dat
  ipiscope latency --isolated 2-3 --worst 5 trace.dat
  ipiscope latency --isolated 2-3 --by pair --kind csd trace.dat
  ipiscope latency --isolated 2-3 --by function,context --format json trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runLatency(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "measure only the sends")
	f.sends.AddJobs(fs)
	cli.KeysVar(fs, &f.by, "by", "function", "group by `KEYS`, comma separated: "+strings.Join(latency.KeyNames(), " "))
	fs.StringVar(&f.kind, "kind", "all", "`KIND` of events to pair: "+strings.Join(latency.Kinds(), " "))
	f.groups.AddTo(fs, latency.DefaultMaxGroups)
	fs.DurationVar(&f.window, "window", time.Duration(latency.DefaultWindow), "`TIME` after an interrupt within which a context switch is put down to it")
	fs.IntVar(&f.worst, "worst", 0, "list the `N` worst of each time too: when, where, who sent, why, and the parts of their way")
	f.output.Every = true
	f.output.AddTo(cmd, 20)
	completeList(cmd, "by", latency.KeyNames())
	complete(cmd, "kind", latency.Kinds())
	return cmd
}

func (f *latencyFlags) config() (latency.Config, error) {
	var c latency.Config
	var err error
	if c.By, err = latency.ParseKeys(f.by); err != nil {
		return c, states.KeyError(err)
	}
	if c.Kind, err = latency.ParseKind(f.kind); err != nil {
		return c, cli.Unknown("kind", f.kind, latency.Kinds())
	}
	if f.window < 0 {
		return c, cli.Usage(fmt.Errorf("--window %v: want a time such as 50us", f.window))
	}
	if c.Worst = f.worst; c.Worst < 0 {
		return c, cli.Usage(fmt.Errorf("--worst %d: want a number", f.worst))
	}
	c.Window = trace.Time(f.window)
	c.MaxGroups, err = f.groups.Max()
	return c, err
}

func runLatency(ctx context.Context, t *cli.Terminal, f *latencyFlags, paths []string) error {
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
	total := latency.NewCounts(config)
	err = addUp(ctx, sends, total, func(t *trace.Table, counts func(*trace.Event) bool) *latency.State {
		c := config
		c.Counts = counts
		return latency.New(t, c)
	})
	set := total.Result()
	sends.WarnRepeated(set)
	return finish(err, set, func() {}, write)
}
