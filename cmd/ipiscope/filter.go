package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/parser"
	"github.com/ipiscope/ipiscope/parser/events"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/ksym"
	"github.com/ipiscope/ipiscope/parser/trace"
)

func newFilter(t *cli.Terminal) *cobra.Command {
	cmd := group(&cobra.Command{
		Use:   "filter",
		Short: "Check filter expressions and make recording commands",
		Example: `  ipiscope filter check --event ipi_send_cpumask 'cpumask & CPUS{2-3}'
  ipiscope filter record --isolated 2-3`,
	})
	cmd.AddCommand(newFilterCheck(t), newFilterRecord(t))
	return cmd
}

type checkFlags struct {
	events []string
	kernel cli.KernelFlags
}

func newFilterCheck(t *cli.Terminal) *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [flags] EXPR [TRACE]",
		Short: "Say what the kernel would say about a filter expression",
		Long: `Say whether the kernel accepts an expression as the filter of an event, with its
own words and the place it points at, what the expression means, and which
kernels know it. Exit status 0 if an event accepts it, 2 if none does.

The events' fields come from TRACE or --event-formats, else from the catalogue
of Linux 6.12.`,
		Example: `  ipiscope filter check --event ipi_send_cpu 'cpu & CPUS{2-3}'
  ipiscope filter check 'callback.function == do_sync_core' trace.dat`,
		Args: func(cmd *cobra.Command, args []string) error { return cli.Usage(cobra.RangeArgs(1, 2)(cmd, args)) },
		RunE: func(_ *cobra.Command, args []string) error { return runFilterCheck(t, &f, args) },
	}
	cmd.Flags().StringArrayVar(&f.events, "event", nil, "check as the filter of the event `NAME` or system:NAME (default ipi_send_cpu, ipi_send_cpumask and csd_queue_cpu)")
	f.kernel.AddTo(cmd.Flags())
	return cmd
}

func runFilterCheck(t *cli.Terminal, f *checkFlags, args []string) error {
	kernel, err := f.kernel.Load()
	if err != nil {
		return err
	}
	env := filter.Env{NrCPUs: kernel.NrCPUs}
	table := trace.NewTable()
	for _, s := range kernel.Formats {
		table.AddSchema(s)
	}
	if len(args) == 2 {
		src, err := parser.Open(args[1], parser.Options{Stdin: t.In})
		if err != nil {
			return err
		}
		defer src.Close()
		table = src.Table()
		kernel.Describe(src)
		traceEnv(&env, src)
	}
	if kernel.Symbols != nil && env.Symbols == nil {
		symbols, err := kernel.Symbols.For(table.Meta.BuildID)
		if err != nil {
			return err
		}
		env.Symbols = filter.KernelSymbols(symbols)
	}
	names := f.events
	if len(names) == 0 {
		names = []string{"ipi_send_cpu", "ipi_send_cpumask", "csd_queue_cpu"}
	}
	accepted := false
	for i, name := range names {
		schema, err := schemaOf(table, name)
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Fprintln(t.Out)
		}
		ok, err := checkOne(t, schema, args[0], env)
		if err != nil {
			return err
		}
		accepted = accepted || ok
	}
	if !accepted {
		return &cli.ExitError{Code: cli.ExitUsage}
	}
	return nil
}

// traceEnv takes what a trace says about its kernel.
func traceEnv(env *filter.Env, src trace.Source) {
	m := &src.Table().Meta
	env.LongSize = m.LongSize
	if env.NrCPUs == 0 {
		env.NrCPUs = m.CPUs
	}
	if s, ok := trace.As[ksym.Holder](src); ok && env.Symbols == nil && s.Symbols() != nil {
		env.Symbols = filter.KernelSymbols(s.Symbols())
	}
}

// schemaOf finds an event in a trace, or else in the catalogue, which has no
// common fields.
func schemaOf(t *trace.Table, name string) (*trace.Schema, error) {
	if found := t.Lookup(name); len(found) > 0 {
		return found[0], nil
	}
	s, ok := events.New(name)
	if !ok {
		var valid []string
		for e := range events.All() {
			valid = append(valid, e.Name)
		}
		for _, s := range t.Schemas() {
			valid = append(valid, s.Name)
		}
		return nil, cli.UnknownBriefly("event", name, valid)
	}
	for _, f := range []trace.Field{ // kernel/trace/trace_events.c, trace_define_common_fields
		{Name: "common_type", Type: "unsigned short", Size: 2},
		{Name: "common_flags", Type: "unsigned char", Off: 2, Size: 1},
		{Name: "common_preempt_count", Type: "unsigned char", Off: 3, Size: 1},
		{Name: "common_pid", Type: "int", Off: 4, Size: 4, Signed: true},
	} {
		f.Kind, f.Common = trace.KindInt, true
		s.AddField(f)
	}
	return s, nil
}

// checkOne prints the verdict for one event.
func checkOne(t *cli.Terminal, s *trace.Schema, expr string, env filter.Env) (accepted bool, err error) {
	x, warnings, err := filter.Check(expr, s, env)
	var refused *filter.Error
	if errors.As(err, &refused) {
		_, err = fmt.Fprintf(t.Out, "%s: rejected (%s)\n%s\n", s.FullName(), refused.Errno, indent(refused.Error()))
		return false, err
	}
	if err != nil {
		return false, err
	}
	fmt.Fprintf(t.Out, "%s: accepted\n%s\n", s.FullName(), indent(strings.TrimRight(filter.Explain(x, s), "\n")))
	for _, w := range warnings {
		fmt.Fprintf(t.Out, "  warning: %s\n", w.Text)
	}
	return true, nil
}

func indent(s string) string { return "  " + strings.ReplaceAll(s, "\n", "\n  ") }

// newFilterRecord is what record --trace-cmd was called before there was a
// recorder.
func newFilterRecord(t *cli.Terminal) *cobra.Command {
	var f recordFlags
	var csd, stack, latency bool
	cmd := &cobra.Command{
		Use:   "record --isolated LIST [flags] -- CMD [ARG...]",
		Short: "Print the trace-cmd command that records IPIs to the isolated CPUs",
		Long: `Print the trace-cmd command that records IPIs to the isolated CPUs. This is the
older name of ipiscope record --trace-cmd; ipiscope record itself records without
trace-cmd, and without disturbing the isolated CPUs.`,
		Example: `  ipiscope filter record --isolated 2-79 --stack -- sleep 60`,
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.what, f.stack, f.clock, f.bufferBytes = "report", "none", "mono", 8<<20
			if latency {
				f.what = "report,latency"
			}
			if stack {
				f.stack = "sends"
			}
			if !slices.Contains(plan.Arches(), f.arch) {
				return cli.Unknown("architecture", f.arch, plan.Arches())
			}
			return f.printCommand(t, f.output, args)
		},
	}
	fs := cmd.Flags()
	f.isolated.AddTo(fs)
	fs.BoolVar(&csd, "csd", false, "does nothing: the queued calls, which name the function of each IPI, are always recorded (Linux 6.5 and later)")
	fs.BoolVar(&stack, "stack", false, "record the kernel stack of each send, which tells who sent")
	fs.BoolVar(&latency, "latency", false, "record what arrives on the isolated CPUs too")
	fs.StringVar(&f.arch, "arch", "x86", "`ARCH` of the host: "+strings.Join(plan.Arches(), " "))
	complete(cmd, "arch", plan.Arches())
	fs.StringVar(&f.kernel, "kernel", "", "its `VERSION` of Linux, such as 6.5 (default the newest)")
	fs.StringVarP(&f.output, "output", "o", "", "let trace-cmd write to `FILE`")
	return cmd
}
