package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/spool"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

func becomeCommand(args []string) (bool, error) {
	is, err := recorder.BecomeCommand(args)
	if is {
		err = &cli.ExitError{Code: 127, Err: err} // as a shell says of what it cannot run
	}
	return is, err
}

func runRecord(ctx context.Context, t *cli.Terminal, f *recordFlags, args []string) error {
	switch {
	case f.isCommand():
		return f.printCommand(t, f.givenOutput(), args)
	case f.clean:
		return clean(t)
	case f.disarm != "":
		fs, err := findTracefs(t)
		if err != nil {
			return err
		}
		return recorder.Disarm(fs, f.disarm)
	}
	c, err := f.config(t, args)
	if err != nil {
		return err
	}
	if f.dryRun {
		return f.printDryRun(t, c)
	}
	if err := c.Machine.CheckIsolated(&c.Request.Isolated); err != nil {
		return cli.Usage(err)
	}
	fs, err := findTracefs(t)
	if err != nil {
		return err
	}
	if err := f.settle(t, c); err != nil {
		return err
	}
	removeStale(t, fs)
	if others := tracefs.Others(fs); len(others) > 0 {
		t.Warnf("note", "events are on in other trace instances, too: %s", strings.Join(others, " "))
	}
	if f.arm != "" {
		return refusedIsUsage(recorder.Arm(fs, f.arm, c))
	}
	sum, err := recorder.Record(ctx, fs, c)
	if t.Progress {
		fmt.Fprint(t.Err, "\r\x1b[K")
	}
	if err != nil {
		return refusedIsUsage(err)
	}
	return f.tell(t, c, sum)
}

// givenOutput is what trace-cmd is told to write to: nothing unless -o was given.
func (f *recordFlags) givenOutput() string {
	if f.output == "ipiscope.dat" {
		return ""
	}
	return f.output
}

func refusedIsUsage(err error) error {
	var refused *recorder.RefusedError
	if errors.As(err, &refused) {
		return cli.Usage(err)
	}
	return planError(err)
}

func findTracefs(t *cli.Terminal) (tracefs.Folder, error) {
	fs, note, err := tracefs.Find()
	if note != "" {
		t.Warnf("note", "%s", note)
	}
	return fs, err
}

// config makes a configuration of the flags.
func (f *recordFlags) config(t *cli.Terminal, args []string) (*recorder.Config, error) {
	r, err := f.request()
	if err != nil {
		return nil, err
	}
	m, err := recorder.ThisMachine()
	if err != nil {
		return nil, err
	}
	r.NrCPUs = m.CPUs
	c := &recorder.Config{
		Request: r, Machine: m, Version: version(), Clock: f.clock, BufferKB: int(f.bufferBytes >> 10), BufferGiven: f.bufferGiven,
		Output: f.output, Format: 7, Compress: f.compress == "zstd", Duration: f.duration, MaxSize: f.maxSizeBytes, MinFree: f.minFreeBytes,
		Period: f.period, Ring: f.ring, Use: f.use, Command: args, Say: t.Warnf,
	}
	if f.format == "v6" {
		c.Format = 6
	}
	in, _ := t.In.(*os.File) // nil is /dev/null
	out, _ := t.Out.(*os.File)
	errw, _ := t.Err.(*os.File)
	c.Streams = [3]*os.File{in, out, errw}
	if t.Progress {
		c.Progress = func(line string) { fmt.Fprintf(t.Err, "\r\x1b[K%s", line) }
	}
	return c, nil
}

// settle lets the whole program run where it disturbs nobody.
func (f *tracingFlags) settle(t *cli.Terminal, c *recorder.Config) error {
	m := recorder.Manners{Nice: f.nice, RT: f.rt}
	var err error
	if f.housekeeping == "" {
		m.CPUs, err = c.Machine.Housekeeping(&c.Request.Isolated)
	} else if m.CPUs, err = cpumask.ParseList([]byte(f.housekeeping)); err == nil && m.CPUs.IsEmpty() {
		err = errors.New("no CPU")
	}
	if err != nil {
		return cli.Usage(fmt.Errorf("--housekeeping %s: %w", f.housekeeping, err))
	}
	if m.CPUs.Intersects(&c.Request.Isolated) {
		t.Warnf("warning", "--housekeeping %s: the recorder runs on isolated CPUs and disturbs them", f.housekeeping)
	}
	note, err := recorder.Settle(m)
	if note == "" {
		note = recorder.Settled()
	}
	if note != "" {
		t.Warnf("note", "%s", note)
	}
	return err
}

// removeStale removes what recorders that were killed left. That one cannot be
// removed keeps nobody from recording.
func removeStale(t *cli.Terminal, fs tracefs.FS) {
	stale, err := tracefs.FindStale(fs, tracefs.Started)
	if err != nil {
		t.Warnf("note", "looking for what other recorders left: %v", err)
	}
	for _, s := range stale {
		if err := s.Clean(fs, 0); err != nil {
			t.Warnf("note", "%v", err)
			continue
		}
		t.Warnf("note", "removed the trace instance %s: its recorder is gone", s.Name)
	}
}

// cleanPatience is how long --clean waits for others that clean or begin to record.
const cleanPatience = 2 * time.Second

// clean is --clean.
func clean(t *cli.Terminal) error {
	fs, err := findTracefs(t)
	if err != nil {
		return err
	}
	stale, err := tracefs.FindStale(fs, tracefs.Started)
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range stale {
		err := s.Clean(fs, cleanPatience)
		if err == nil {
			_, err = fmt.Fprintln(t.Out, "removed", s.Name)
		}
		errs = append(errs, err)
	}
	if len(stale) == 0 {
		_, err = fmt.Fprintln(t.Out, "nothing to remove")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// printDryRun prints what would be written, to the first read and from the last.
func (f *recordFlags) printDryRun(t *cli.Terminal, c *recorder.Config) error {
	top := f.tracefs
	if top == "" {
		found, err := findTracefs(t)
		if err != nil {
			return err
		}
		top = string(found)
	}
	dry := &tracefs.Dry{FS: tracefs.Folder(top), Top: "/sys/kernel/tracing", Out: t.Out}
	release := c.Machine.Release
	if f.kernel != "" {
		release = f.kernel
	}
	k := plan.Probe(dry, release, strconv.IntSize/8)
	p, err := plan.Make(&c.Request, k)
	if err != nil {
		return planError(err)
	}
	for _, note := range p.Notes {
		t.Warnf("note", "%s", note)
	}
	i, err := tracefs.Create(dry, "ipiscope-PID-START")
	if err != nil {
		return err
	}
	if err := recorder.Setup(i, p, recorder.Settings{Clock: c.Clock, BufferKB: c.BufferKB, Online: c.Machine.Online}); err != nil {
		return err
	}
	for _, step := range []func() error{
		func() error { return i.Write("tracing_on", "1") },
		func() error {
			return sayf(t.Out, "# %s is read every %v into %s%s", tracefs.Dir(i.Name)+"/per_cpu/cpu*/trace_pipe_raw", c.Period, c.Output, spool.Suffix)
		},
		func() error { return i.Write("tracing_on", "0") },
		i.Off,
		i.Remove,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return dry.Err
}

func sayf(w io.Writer, format string, args ...any) error {
	_, err := fmt.Fprintf(w, format+"\n", args...)
	return err
}

// tell says on standard error what was recorded and what to do now.
func (f *recordFlags) tell(t *cli.Terminal, c *recorder.Config, s *recorder.Summary) error {
	if s.Why != "" {
		t.Warnf("note", "the recording ended: %s", s.Why)
	}
	if s.CommandSaid != "" {
		t.Warnf("note", "%s: %s", c.Command[0], s.CommandSaid)
	}
	list := c.Request.Isolated.String()
	lost := perCPU(s.AllLost(), "lost", s.Lost)
	if s.AllLost() > 0 {
		lost += ": counts are at least; a larger --buffer or a shorter --period loses less"
	}
	sent := fmt.Sprintf("%d", s.Own)
	if s.Own < 0 {
		sent = "an unknown number of"
	}
	fmt.Fprintf(t.Err, "%s: %d events in %s, %s, %d bytes\n", s.File, s.Events, result.Duration(int64(s.Window)), lost, s.Bytes)
	if c.Ring {
		over := uint64(0)
		for _, n := range s.Overwritten {
			over += n
		}
		fmt.Fprintf(t.Err, "the ring holds the newest events of each CPU; %s\n", perCPU(over, "older ones were overwritten", s.Overwritten))
	}
	fmt.Fprintf(t.Err, "recorder: %s of CPU time (%.2f %%); %s IPIs of its own to CPUs %s within the recording; %d IPIs of anybody arrived there while events were switched on and off\n",
		result.Duration(int64(s.CPUTime)), 100*s.CPUTime.Seconds()/max(s.Window.Seconds(), 1e-9), sent, list, s.Around)
	next := []string{"ipiscope", strings.Split(f.what, ",")[0], "--isolated", list, s.File}
	fmt.Fprintf(t.Err, "next: %s\n", shellWords(next))
	if f.strict && s.AllLost() > 0 {
		return &cli.ExitError{Code: cli.ExitPartial}
	}
	return nil
}

// perCPU is a number, and of which CPUs.
func perCPU(n uint64, what string, of map[int]uint64) string {
	text := fmt.Sprintf("%d %s", n, what)
	if n == 0 {
		return text
	}
	var parts []string
	for _, cpu := range slices.Sorted(maps.Keys(of)) {
		if of[cpu] > 0 {
			parts = append(parts, fmt.Sprintf("CPU %d: %d", cpu, of[cpu]))
		}
	}
	return text + " (" + strings.Join(parts, ", ") + ")"
}
