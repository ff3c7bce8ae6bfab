package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/gaps"
	"github.com/ipiscope/ipiscope/parser/trace"
)

type quietFlags struct {
	input    cli.InputFlags
	isolated cli.IsolatedFlag
	output   cli.OutputFlags
	catalog  cli.CatalogFlag
	kernel   cli.KernelFlags
	at       []string
	victim   int
	within   time.Duration
	gaps     gapsFlags
	counted  interruptsFlag
	worst    int
}

func newQuiet(t *cli.Terminal) *cobra.Command {
	var f quietFlags
	cmd := &cobra.Command{
		Use:   "quiet [flags] TRACE...",
		Short: "Tell how quiet the isolated CPUs are, and what hit them when",
		Long: `List the interruptions of the isolated CPUs of every kind that the trace holds
(IPIs by function, the local timer, interrupts, softirqs, other tasks), the time
they take, and the quiet between them. --at and --gaps tell what hit a CPU just
before a time, or in the gaps that cyclictest, jitterdebugger or oslat saw.`,
		Example: `  ipiscope quiet --isolated 2-3 trace.dat
  ipiscope quiet --isolated 2-3 --worst 5 trace.dat
  ipiscope quiet --isolated 2-3 --at 1234.567890 --victim 3 --within 50us trace.dat
  ipiscope quiet --isolated 2-3 --gaps cyclictest.txt --gaps-cpus 2-3 trace.dat
  ipiscope quiet --isolated 2-3 --gaps markers trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runQuiet(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.isolated.AddTo(fs)
	fs.StringArrayVar(&f.at, "at", nil, "tell what hit the CPUs just before time `T`, in seconds of the trace's clock")
	fs.IntVar(&f.victim, "victim", -1, "with --at: only what hit CPU `N`")
	fs.DurationVar(&f.within, "within", 50*time.Microsecond, "how long before a time or a gap still counts, `TIME`")
	f.gaps.AddTo(fs)
	f.counted.AddTo(fs)
	fs.IntVar(&f.worst, "worst", 0, "list the `N` longest interruptions of each kind too: what, when, where, who sent, and why")
	f.output.Every = true
	f.output.AddTo(cmd, 0)
	f.catalog.AddTo(fs)
	f.kernel.AddTo(fs)
	f.input.AddTo(fs)
	return cmd
}

// times reads the times that are asked for.
func (f *quietFlags) times() ([]quiet.Gap, error) {
	if f.victim >= cpumask.MaxCPUs {
		return nil, cli.Usage(fmt.Errorf("--victim %d: want a CPU number below %d", f.victim, cpumask.MaxCPUs))
	}
	if f.victim >= 0 && len(f.at) == 0 {
		return nil, cli.Usage(errors.New("--victim " + strconv.Itoa(f.victim) + " goes with --at T"))
	}
	if f.within < 0 {
		return nil, cli.Usage(fmt.Errorf("--within %v: want a time such as 50us", f.within))
	}
	var list []quiet.Gap
	for _, at := range f.at {
		t, err := gaps.ParseSeconds(at)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("--at: %w", err))
		}
		list = append(list, quiet.Gap{CPU: int32(max(f.victim, -1)), Start: t, End: t})
	}
	return list, nil
}

func runQuiet(ctx context.Context, t *cli.Terminal, f *quietFlags, paths []string) error {
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	isolated, err := f.isolated.Set(t)
	if err != nil {
		return err
	}
	if f.worst < 0 {
		return cli.Usage(fmt.Errorf("--worst %d: want a number", f.worst))
	}
	config := quiet.Config{Isolated: isolated.Targets(), Within: trace.Time(f.within), Worst: f.worst}
	if config.Gaps, err = f.times(); err != nil {
		return err
	}
	if f.victim >= 0 && config.Isolated != nil && !config.Isolated.Has(f.victim) {
		return cli.Usage(fmt.Errorf("--victim %d: is not among the isolated CPUs %s", f.victim, config.Isolated))
	}
	if err := f.gaps.addTo(&config); err != nil {
		return err
	}
	deltas, err := f.counted.deltas()
	if err != nil {
		return err
	}
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
	if err := f.gaps.addMarked(ctx, t, in, &config); err != nil {
		return err
	}
	total, seen := quiet.NewCounts(config), irqcount.NewCounts()
	err = in.Each(ctx, func(src trace.Source, run cli.Run) error {
		if err := isolated.Check(&src.Table().Meta); err != nil {
			return err
		}
		kernel.Describe(src)
		state := quiet.New(src.Table(), config)
		states, irqs := []analysis.State{state}, irqcount.New(src.Table())
		if deltas != nil {
			states = append(states, irqs)
		}
		input, err := run(states...)
		if input.Twin != "" {
			return err
		}
		total.Merge(state.Counts(input))
		seen.Merge(irqs.Counts())
		return err
	})
	set := total.Result()
	in.WarnRepeated(set)
	return finish(err, set, func() {
		if deltas != nil {
			seen.AddTo(set, deltas, isolated.Targets())
		}
	}, write)
}
