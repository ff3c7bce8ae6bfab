package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/noise"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
)

// tracingFlags are those of commands that trace this machine: what they trace, and
// how they behave meanwhile.
type tracingFlags struct {
	isolated            cli.IsolatedFlag
	what, stack         string
	events              []string
	period              time.Duration
	buffer              string
	clock, housekeeping string
	nice, rt            int
	bufferGiven         bool
	bufferBytes         int64
}

// questions are the values of --for, with the events that what answers each needs.
func questions() []question {
	return []question{{"report", ipi.Needs}, {"latency", latency.Needs}, {"quiet", quiet.Needs}, {"noise", noise.Needs}}
}

type question struct {
	name  string
	needs func() []string
}

func questionNames() []string {
	var names []string
	for _, q := range questions() {
		names = append(names, q.name)
	}
	return names
}

// addTo defines the flags; questions are what --for takes.
func (f *tracingFlags) addTo(cmd *cobra.Command, questions []string) {
	fs := cmd.Flags()
	f.isolated.AddTo(fs)
	fs.StringVar(&f.what, "for", "report", "`QUESTIONS` to answer, separated by commas: "+strings.Join(questions, " "))
	completeList(cmd, "for", questions)
	fs.StringVar(&f.stack, "stack", "sends", "`WHICH` events get their kernel stack: sends, all (also what the isolated CPUs do, which costs them time) or none")
	complete(cmd, "stack", stackValues())
	fs.StringArrayVar(&f.events, "event", nil, "record the event `NAME[:FILTER]` too, for all CPUs unless FILTER says otherwise; repeatable")
	fs.StringVar(&f.buffer, "buffer", "8M", "`SIZE` of the buffer of each CPU that records, for what comes within a period")
	fs.DurationVar(&f.period, "period", 100*time.Millisecond, "look at the buffers every `TIME`")
	fs.StringVar(&f.clock, "clock", "mono", "the kernel's `CLOCK`: one that differs between CPUs is of no use for latency")
	fs.StringVar(&f.housekeeping, "housekeeping", "", "run on these CPUs, a `LIST` (default all others that are online)")
	fs.IntVar(&f.nice, "nice", -5, "add `N` to the nice value of all own threads")
	fs.IntVar(&f.rt, "rt", 0, "run all own threads with SCHED_FIFO at this `PRIORITY`")
}

func stackValues() []string { return []string{"sends", "all", "none"} }

// check finds what is wrong with the flags before anything is done.
func (f *tracingFlags) check(questions []string) error {
	var err error
	if f.bufferBytes, err = sizeFlag("buffer", f.buffer); err != nil {
		return err
	}
	if !slices.Contains(stackValues(), f.stack) {
		return cli.Unknown("--stack", f.stack, stackValues())
	}
	for q := range strings.SplitSeq(f.what, ",") {
		if !slices.Contains(questions, q) {
			return cli.Unknown("--for", q, questions)
		}
	}
	switch {
	case f.period < time.Millisecond:
		return cli.Usage(fmt.Errorf("--period %v: want at least 1ms", f.period))
	case f.rt < 0 || f.rt > 99:
		return cli.Usage(fmt.Errorf("--rt %d: want a priority from 1 to 99", f.rt))
	case f.nice < -20 || f.nice > 19:
		return cli.Usage(fmt.Errorf("--nice %d: want -20 to 19", f.nice))
	}
	return nil
}

// asks reports whether --for holds a question.
func (f *tracingFlags) asks(question string) bool {
	return slices.Contains(strings.Split(f.what, ","), question)
}

// request is what the flags want recorded for command: the events that the analyzers
// of the questions want.
func (f *tracingFlags) request(command string) (plan.Request, error) {
	r := plan.Request{Stacks: track.Wants().Stacks, Extra: f.events, AllStacks: f.stack == "all", NoStacks: f.stack == "none"}
	for _, q := range questions() {
		if !f.asks(q.name) {
			continue
		}
		if q.name == "noise" {
			r.Tracer = "osnoise"
		}
		r.Events = append(r.Events, q.needs()...)
	}
	iso, err := f.isolated.SetQuietly()
	if err != nil {
		return r, err
	}
	if iso.All {
		return r, cli.Usage(errors.New(command + ": --isolated is needed: the CPUs to watch, such as 2-3, or auto for those that this machine isolates"))
	}
	r.Isolated = iso.Mask
	return r, nil
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
