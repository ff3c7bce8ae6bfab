package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/all"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
)

// A recordFlags is the command line of record.
type recordFlags struct {
	isolated                                cli.IsolatedFlag
	what, stack                             string
	events                                  []string
	output, format, compress                string
	duration, period                        time.Duration
	maxSize, minFree, buffer                string
	clock, housekeeping                     string
	nice, rt                                int
	ring, dryRun, traceCmd, perf            bool
	clean, strict                           bool
	stopOn, arm, use, disarm                string
	kernel, arch, tracefs                   string
	bufferGiven, formatGiven, compressGiven bool
	maxSizeBytes, minFreeBytes, bufferBytes int64
}

func newRecord(t *cli.Terminal) *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "record --isolated LIST [flags] [-- CMD [ARG...]]",
		Short: "Record the IPIs that hit the isolated CPUs, without disturbing them",
		Long: `Record the IPIs that hit the isolated CPUs into a trace.dat, until CMD ends, or
Ctrl-C. It sets tracefs up by itself, in an instance of its own, and needs no
other tool but root. While it records, it runs on the other CPUs only, and never
makes the kernel wake it: it sends the isolated CPUs no interrupt.

Which events are switched on follows from the questions that --for names:
report (who sent what, and why), latency (what each IPI cost) and quiet
(everything that interrupts). Events that this kernel does not have are left
out, and what that means is said.

Switching events on and off interrupts every CPU. That is done before the
recording begins and after it ended, so it is not in it; --arm does it well
before the critical phase, --use records then, and --disarm cleans up after it.`,
		Example: `  ipiscope record --isolated 2-3 -- sleep 60
  ipiscope record --isolated auto --for report,latency -o run.dat --duration 10m
  ipiscope record --isolated 2-3 --ring --stop-on 'csd_queue_cpu if func.function == do_sync_core'
  ipiscope record --isolated 2-3 --dry-run`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if is, err := becomeCommand(args); is {
				return err
			}
			changed := cmd.Flags().Changed
			f.bufferGiven, f.formatGiven, f.compressGiven = changed("buffer"), changed("format"), changed("compress")
			if err := f.check(args); err != nil {
				return err
			}
			return runRecord(cmd.Context(), t, &f, args)
		},
	}
	f.addTo(cmd)
	return cmd
}

// questions are the values of --for, with the analyzer that answers each.
func questions() [][2]string {
	return [][2]string{{"report", "ipi"}, {"latency", "latency"}, {"quiet", "quiet"}, {"noise", "noise"}}
}

func questionNames() []string {
	var names []string
	for _, q := range questions() {
		names = append(names, q[0])
	}
	return names
}

func (f *recordFlags) addTo(cmd *cobra.Command) {
	fs := cmd.Flags()
	f.isolated.AddTo(fs)
	fs.StringVar(&f.what, "for", "report", "`QUESTIONS` to answer, separated by commas: "+strings.Join(questionNames(), " "))
	completeList(cmd, "for", questionNames())
	fs.StringVar(&f.stack, "stack", "sends", "`WHICH` events get their kernel stack: sends, all (also what the isolated CPUs do, which costs them time) or none")
	complete(cmd, "stack", []string{"sends", "all", "none"})
	fs.StringArrayVar(&f.events, "event", nil, "record the event `NAME[:FILTER]` too, for all CPUs unless FILTER says otherwise; repeatable")
	fs.StringVarP(&f.output, "output", "o", "ipiscope.dat", "write to `FILE`")
	fs.DurationVar(&f.duration, "duration", 0, "end after this `TIME`, such as 60s; 0 is when CMD ends, or Ctrl-C")
	fs.StringVar(&f.maxSize, "max-size", "2G", "end when this `SIZE` of trace data is written")
	fs.StringVar(&f.minFree, "min-free", "1G", "end when less than this `SIZE` would stay free on the disk; 0 to go on until it is full")
	fs.StringVar(&f.format, "format", "v7", "`VERSION` of the trace.dat: v7, or v6 for programs before trace-cmd 3.0")
	complete(cmd, "format", []string{"v7", "v6"})
	fs.StringVar(&f.compress, "compress", "zstd", "`HOW` trace data is compressed: zstd or none, which v6 has")
	complete(cmd, "compress", []string{"zstd", "none"})
	fs.StringVar(&f.buffer, "buffer", "8M", "`SIZE` of the buffer of each CPU that records, for what comes within a period")
	fs.DurationVar(&f.period, "period", 100*time.Millisecond, "look at the buffers every `TIME`")
	fs.StringVar(&f.clock, "clock", "mono", "the kernel's `CLOCK`: one that differs between CPUs is of no use for latency")
	fs.StringVar(&f.housekeeping, "housekeeping", "", "run on these CPUs, a `LIST` (default all others that are online)")
	fs.IntVar(&f.nice, "nice", -5, "add `N` to the nice value of all own threads")
	fs.IntVar(&f.rt, "rt", 0, "run all own threads with SCHED_FIFO at this `PRIORITY`")
	fs.BoolVar(&f.ring, "ring", false, "flight recorder: read nothing until Ctrl-C, SIGTERM, SIGUSR1 or --stop-on; the file has what the buffers hold then")
	fs.StringVar(&f.stopOn, "stop-on", "", "stop at the first event of `'EVENT if EXPR'`, to the event (EVENT alone: any)")
	fs.StringVar(&f.arm, "arm", "", "prepare everything under this `NAME` and end: nothing is recorded yet")
	fs.StringVar(&f.use, "use", "", "record with what --arm prepared under this `NAME`, or with the trace instance of that name, and leave it as it is")
	fs.StringVar(&f.disarm, "disarm", "", "take down what --arm prepared under this `NAME`")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print what would be written to tracefs, as shell, and write nothing")
	fs.BoolVar(&f.traceCmd, "trace-cmd", false, "print the trace-cmd command that records the same, and run nothing")
	fs.BoolVar(&f.perf, "perf", false, "print the perf record command for the same question, for machines where tracefs is closed, and run nothing")
	fs.BoolVar(&f.clean, "clean", false, "remove the trace instances of recorders that are gone")
	fs.BoolVar(&f.strict, "strict", false, "exit with status 3 if events were lost")
	fs.StringVar(&f.kernel, "kernel", "", "with --trace-cmd, --perf and --dry-run: for another machine with this `VERSION` of Linux, such as 6.5")
	fs.StringVar(&f.arch, "arch", "x86", "with --trace-cmd and --perf: `ARCH` of that machine: "+strings.Join(plan.Arches(), " "))
	complete(cmd, "arch", plan.Arches())
	fs.StringVar(&f.tracefs, "tracefs", "", "with --dry-run: the `FOLDER` where tracefs is mounted")
}

// check finds what is wrong with the command line before anything is done.
func (f *recordFlags) check(args []string) error {
	var err error
	if f.maxSizeBytes, err = sizeFlag("max-size", f.maxSize); err != nil {
		return err
	}
	if f.minFreeBytes, err = sizeFlag("min-free", f.minFree); err != nil {
		return err
	}
	if f.bufferBytes, err = sizeFlag("buffer", f.buffer); err != nil {
		return err
	}
	for _, v := range []struct {
		flag, value string
		valid       []string
	}{{"stack", f.stack, []string{"sends", "all", "none"}}, {"format", f.format, []string{"v7", "v6"}}, {"compress", f.compress, []string{"zstd", "none"}}, {"arch", f.arch, plan.Arches()}} {
		if !slices.Contains(v.valid, v.value) {
			return cli.Unknown("--"+v.flag, v.value, v.valid)
		}
	}
	for q := range strings.SplitSeq(f.what, ",") {
		if !slices.Contains(questionNames(), q) {
			return cli.Unknown("--for", q, questionNames())
		}
	}
	if f.format == "v6" {
		if f.compressGiven && f.compress == "zstd" {
			return cli.Usage(errors.New("--format v6 has no compression: leave --compress out"))
		}
		f.compress = "none"
	}
	modes := 0
	for _, on := range []bool{f.arm != "", f.use != "", f.disarm != "", f.clean, f.dryRun, f.traceCmd, f.perf} {
		if on {
			modes++
		}
	}
	switch {
	case modes > 1:
		return cli.Usage(errors.New("record: only one of --arm, --use, --disarm, --clean, --dry-run, --trace-cmd and --perf"))
	case f.output == "-":
		return cli.Usage(errors.New("-o -: a trace.dat is written in several places: name a file"))
	case f.output == "":
		return cli.Usage(errors.New("-o: name a file"))
	case f.period < time.Millisecond:
		return cli.Usage(fmt.Errorf("--period %v: want at least 1ms", f.period))
	case f.duration < 0:
		return cli.Usage(fmt.Errorf("--duration %v: want a time such as 60s", f.duration))
	case f.rt < 0 || f.rt > 99:
		return cli.Usage(fmt.Errorf("--rt %d: want a priority from 1 to 99", f.rt))
	case f.nice < -20 || f.nice > 19:
		return cli.Usage(fmt.Errorf("--nice %d: want -20 to 19", f.nice))
	case f.use != "" && (len(f.events) > 0 || f.stopOn != ""):
		return cli.Usage(errors.New("--use records what --arm was told: give --event and --stop-on there"))
	case len(args) > 0 && (f.arm != "" || f.disarm != "" || f.clean):
		return cli.Usage(fmt.Errorf("record: %q is not run by --arm, --disarm and --clean", args[0]))
	}
	return nil
}

func sizeFlag(name, value string) (int64, error) {
	if value == "0" {
		return 0, nil
	}
	n, err := cli.ParseSize(value)
	if err != nil {
		return 0, cli.Usage(fmt.Errorf("--%s %w", name, err))
	}
	return n, nil
}

// request is what the flags want recorded: the events that the analyzers of the
// questions want.
func (f *recordFlags) request() (plan.Request, error) {
	r := plan.Request{Stacks: track.Wants().Stacks, Extra: f.events, StopOn: f.stopOn, AllStacks: f.stack == "all", NoStacks: f.stack == "none"}
	for _, q := range questions() {
		if !slices.Contains(strings.Split(f.what, ","), q[0]) {
			continue
		}
		if q[0] == "noise" {
			r.Tracer = "osnoise"
		}
		for _, a := range all.Analyzers() {
			if a.Name == q[1] {
				r.Events = append(r.Events, a.Needs.Record()...)
			}
		}
	}
	iso, err := f.isolated.SetQuietly()
	if err != nil {
		return r, err
	}
	if iso.All {
		return r, cli.Usage(errors.New("record: --isolated is needed: the CPUs to watch, such as 2-3, or auto for those that this machine isolates"))
	}
	r.Isolated = iso.Mask
	return r, nil
}

// planError gives an error of plan its exit status and a guess at what was meant.
func planError(err error) error {
	var unknown *plan.UnknownEvent
	var usage *plan.UsageError
	switch {
	case errors.As(err, &unknown):
		var names []string
		for _, n := range unknown.Valid {
			names = append(names, n, n[strings.IndexByte(n, ':')+1:])
		}
		return cli.Usage(fmt.Errorf("this kernel does not have it: %w", cli.UnknownBriefly("event", unknown.Name, names)))
	case errors.As(err, &usage):
		return cli.Usage(err)
	}
	return err
}

// isCommand reports whether a command for another program is asked for.
func (f *recordFlags) isCommand() bool { return f.traceCmd || f.perf }

// printCommand prints the command for a kernel of a version.
func (f *recordFlags) printCommand(t *cli.Terminal, output string, args []string) error {
	r, err := f.request()
	if err != nil {
		return err
	}
	k, err := plan.Known(f.kernel, f.arch)
	if err != nil {
		return cli.Usage(fmt.Errorf("--kernel: %w", err))
	}
	p, err := plan.Make(&r, k)
	if err != nil {
		return planError(err)
	}
	line := plan.Line{Output: output, Clock: f.clock, BufferKB: int(f.bufferBytes >> 10), Command: args}
	words := p.TraceCmd(line)
	if f.perf {
		if words, err = p.Perf(line); err != nil {
			return planError(err)
		}
	}
	for _, note := range p.Notes {
		t.Warnf("note", "%s", note)
	}
	_, err = fmt.Fprintln(t.Out, shellWords(words))
	return err
}
