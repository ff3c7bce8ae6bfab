package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
)

// A recordFlags is the command line of record.
type recordFlags struct {
	tracingFlags
	output, format, compress     string
	duration                     time.Duration
	maxSize, minFree             string
	ring, dryRun, traceCmd, perf bool
	clean, strict                bool
	stopOn, arm, use, disarm     string
	kernel, arch, tracefs        string
	formatGiven, compressGiven   bool
	maxSizeBytes, minFreeBytes   int64
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

func (f *recordFlags) addTo(cmd *cobra.Command) {
	f.tracingFlags.addTo(cmd, questionNames())
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", "ipiscope.dat", "write to `FILE`")
	fs.DurationVar(&f.duration, "duration", 0, "end after this `TIME`, such as 60s; 0 is when CMD ends, or Ctrl-C")
	fs.StringVar(&f.maxSize, "max-size", "2G", "end when this `SIZE` of trace data is written")
	fs.StringVar(&f.minFree, "min-free", "1G", "end when less than this `SIZE` would stay free on the disk; 0 to go on until it is full")
	fs.StringVar(&f.format, "format", "v7", "`VERSION` of the trace.dat: v7, or v6 for programs before trace-cmd 3.0")
	complete(cmd, "format", []string{"v7", "v6"})
	fs.StringVar(&f.compress, "compress", "zstd", "`HOW` trace data is compressed: zstd or none, which v6 has")
	complete(cmd, "compress", []string{"zstd", "none"})
	fs.BoolVar(&f.ring, "ring", false, "flight recorder: read nothing until Ctrl-C, SIGTERM, SIGUSR1 or --stop-on; the file has what the buffers hold then")
	fs.StringVar(&f.stopOn, "stop-on", "", "stop at the first event of `'EVENT if EXPR'`, to the event (EVENT alone: any)")
	fs.StringVar(&f.arm, "arm", "", "prepare everything under this `NAME` and end: nothing is recorded yet")
	fs.StringVar(&f.use, "use", "", "record with what --arm prepared under this `NAME`, or with the trace instance of that name, and leave it as it is")
	fs.StringVar(&f.disarm, "disarm", "", "take down what --arm prepared under this `NAME`")
	fs.BoolVar(&f.dryRun, "dry-run", false, "print what would be written to tracefs, as shell, and write nothing")
	fs.BoolVar(&f.traceCmd, "trace-cmd", false, "print the trace-cmd command that records the same, and run nothing")
	fs.BoolVar(&f.perf, "perf", false, "print the perf record command for the same question, for hosts where tracefs is closed, and run nothing")
	fs.BoolVar(&f.clean, "clean", false, "remove the trace instances of recorders that are gone")
	fs.BoolVar(&f.strict, "strict", false, "exit with status 3 if events were lost")
	fs.StringVar(&f.kernel, "kernel", "", "with --trace-cmd, --perf and --dry-run: for another host with this `VERSION` of Linux, such as 6.5")
	fs.StringVar(&f.arch, "arch", "x86", "with --trace-cmd and --perf: `ARCH` of that host: "+strings.Join(plan.Arches(), " "))
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
	if err := f.tracingFlags.check(questionNames()); err != nil {
		return err
	}
	for _, v := range []struct {
		flag, value string
		valid       []string
	}{{"format", f.format, []string{"v7", "v6"}}, {"compress", f.compress, []string{"zstd", "none"}}, {"arch", f.arch, plan.Arches()}} {
		if !slices.Contains(v.valid, v.value) {
			return cli.Unknown("--"+v.flag, v.value, v.valid)
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
	case f.duration < 0:
		return cli.Usage(fmt.Errorf("--duration %v: want a time such as 60s", f.duration))
	case f.use != "" && (len(f.events) > 0 || f.stopOn != ""):
		return cli.Usage(errors.New("--use records what --arm was told: give --event and --stop-on there"))
	case len(args) > 0 && (f.arm != "" || f.disarm != "" || f.clean):
		return cli.Usage(fmt.Errorf("record: %q is not run by --arm, --disarm and --clean", args[0]))
	}
	return nil
}

// request is what the flags want recorded.
func (f *recordFlags) request() (plan.Request, error) {
	r, err := f.tracingFlags.request("record")
	r.StopOn = f.stopOn
	return r, err
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
