package recorder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/ring"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/spool"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Config says what is recorded, how, and when it ends.
type Config struct {
	Request plan.Request
	Machine *Machine
	Version string // of this program
	Clock   string
	// BufferKB is the size of the buffer of each CPU that records; 0 leaves the
	// kernel's. BufferGiven says that a person asked for it: then it is not made
	// smaller on a machine with little memory.
	BufferKB    int
	BufferGiven bool

	Output   string
	Format   int  // version of the trace.dat
	Compress bool // zstd
	Duration time.Duration
	MaxSize  int64 // of the trace data; 0: any
	MinFree  int64 // that stays free on the disk
	Period   time.Duration
	Ring     bool

	// Use is an instance that was prepared, empty to make one.
	Use     string
	Command []string
	Streams [3]*os.File // of the command

	// Say tells a person something while it goes on; Progress a line that
	// replaces the one before, nil if nobody looks.
	Say      func(kind, format string, args ...any)
	Progress func(line string)
}

// A Summary is what was recorded.
type Summary struct {
	File   string
	Events uint64
	// Lost are the events that a CPU lost; Overwritten those that a ring let go.
	Lost, Overwritten map[int]uint64
	Bytes             int64
	CPUTime           time.Duration // of this program while it recorded
	Window            time.Duration
	// Own are the hits on isolated CPUs by this program within the recording, -1
	// if they could not be counted. Around are the IPIs that arrived on them while
	// events were switched on and off, whoever sent them.
	Own    int64
	Around uint64
	Why    string // it ended, if nobody asked for it
	// CommandSaid is how the command ended, if it was not well.
	CommandSaid string
}

// AllLost adds up what all CPUs lost.
func (s *Summary) AllLost() uint64 {
	n := uint64(0)
	for _, lost := range s.Lost {
		n += lost
	}
	return n
}

// A tracing is an instance that records, and what is read of it beside the pages.
type tracing struct {
	*Config
	fs       tracefs.Folder
	instance *tracefs.Instance
	plan     *plan.Plan
	cpus     []int // that have a buffer
	reader   *ring.Reader
	names    names
	start    map[int]stats // when the recording began
	pageSize int
	window   window
	around   uint64 // IPIs that arrived while events were switched on and off
}

// A recording is one run.
type recording struct {
	tracing
	spool   *spool.Spool
	child   *command
	sum     Summary
	covered *trace.Covered // nil: nobody can vouch for all of it
	keep    bool           // the spool holds what could not become a file
}

// Record records and returns what it did. Whatever happens it leaves nothing of
// its own in tracefs, and of its files either the trace.dat or, if that could not
// be made, the folder Output.partial.
func Record(ctx context.Context, fs tracefs.Folder, c *Config) (sum *Summary, err error) {
	runtime.LockOSThread()
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1)
	defer signal.Stop(signals)
	r := &recording{tracing: tracing{Config: c, fs: fs, names: names{}}}
	defer func() {
		// a panic comes by here, too
		err = errors.Join(err, r.down())
	}()
	if err := r.up(); err != nil {
		return nil, err
	}
	if err := r.run(ctx, signals); err != nil {
		return nil, err
	}
	if err := r.finish(); err != nil {
		return nil, err
	}
	return &r.sum, nil
}

// down takes down what is still up, the last first.
func (r *recording) down() error {
	r.child.stop()
	err := r.reader.Close()
	if r.Use == "" {
		err = errors.Join(err, r.instance.Remove())
	} else if r.instance != nil {
		_ = r.instance.Write("tracing_on", "0")
		r.instance.Release()
	}
	if r.keep {
		return errors.Join(err, r.spool.Close())
	}
	return errors.Join(err, r.spool.Remove())
}

// up sets everything up but for tracing_on.
func (r *recording) up() error {
	if err := r.checkDisk(); err != nil {
		return err
	}
	if err := r.openInstance(); err != nil {
		return err
	}
	var err error
	if r.cpus, err = bufferCPUs(r.fs, r.instance); err != nil {
		return err
	}
	if r.spool, err = spool.Create(r.Output, r.Compress); err != nil {
		return err
	}
	if err := r.describe(); err != nil {
		return r.diskError(err)
	}
	if r.reader, err = ring.Open(r.fs.Path(tracefs.Dir(r.instance.Name)), r.cpus, r.pageSize, r.turn()); err != nil {
		return err
	}
	if len(r.Command) > 0 {
		if r.child, err = prepare(r.Command, r.Streams); err != nil {
			return err
		}
	}
	return nil
}

// turn is what is taken of one CPU before the next one has its turn.
func (r *tracing) turn() int { return max(r.BufferKB<<10/2, 1<<20) }

// openInstance makes and sets up an instance, or takes one that was.
func (r *recording) openInstance() error {
	if r.Use != "" {
		return r.useInstance()
	}
	return r.prepare()
}

// prepare makes an instance of this process's own and sets it up.
func (r *tracing) prepare() error {
	self, err := tracefs.Self()
	if err != nil {
		return err
	}
	before, known := arrivals(&r.Request.Isolated)
	if r.instance, r.plan, err = Prepare(r.fs, self.Name(), r.Config); err != nil {
		return err
	}
	if after, ok := arrivals(&r.Request.Isolated); ok && known {
		r.around = after - before
	}
	return nil
}

// Prepare makes an instance and sets it up for a request.
func Prepare(fs tracefs.FS, name string, c *Config) (*tracefs.Instance, *plan.Plan, error) {
	k := plan.Probe(fs, c.Machine.Release, strconv.IntSize/8)
	// the plan is made before anything is touched, so that a wrong word in it
	// changes nothing, and again when it is known what filters take
	p, err := plan.Make(&c.Request, k)
	if err != nil {
		return nil, nil, err
	}
	if err := c.fitBuffers(p); err != nil {
		return nil, nil, err
	}
	i, err := tracefs.Create(fs, name)
	if err != nil {
		return nil, nil, notAllowed(err)
	}
	var names []string
	for _, e := range p.Events {
		names = append(names, e.FullName())
	}
	k.CPUSets = takesCPUSets(i, names, &c.Request.Isolated)
	k.StackTriggers = hasStackTrigger(i, names)
	if p, err = plan.Make(&c.Request, k); err == nil {
		err = Setup(i, p, Settings{Clock: c.Clock, BufferKB: c.BufferKB, Online: c.Machine.Online})
	}
	if err != nil {
		return nil, nil, errors.Join(notAllowed(err), i.Remove())
	}
	for _, note := range p.Notes {
		c.Say("note", "%s", note)
	}
	return i, p, nil
}

func notAllowed(err error) error {
	if errors.Is(err, os.ErrPermission) {
		return tracefs.NotAllowed(err)
	}
	return err
}

// fitBuffers keeps the buffers within the memory that is free.
func (c *Config) fitBuffers(p *plan.Plan) error {
	n := int64(c.Machine.Online.Count())
	if !p.Receives() {
		n -= int64(c.Request.Isolated.Count())
	}
	have := available()
	want := n * int64(c.BufferKB) << 10
	if have == 0 || want <= have/4 {
		return nil
	}
	const least = 1408 // what the kernel gives each CPU anyway
	if fit := int(have / 4 / n >> 10); !c.BufferGiven && fit > least {
		c.Say("note", "buffers of %d KiB for each of %d CPUs instead of %d KiB: %d MiB of memory are available", fit, n, c.BufferKB, have>>20)
		c.BufferKB = fit
		return nil
	}
	return fmt.Errorf("buffers of %d KiB on %d CPUs take %d MiB, and %d MiB of memory are available: choose a smaller --buffer", c.BufferKB, n, want>>20, have>>20)
}

func hasStackTrigger(i *tracefs.Instance, events []string) bool {
	for _, name := range events {
		system, event, _ := strings.Cut(name, ":")
		if text, err := i.Read(eventFile(system, event, "trigger")); err == nil {
			return strings.Contains(text, "stacktrace")
		}
	}
	return false
}

// bufferCPUs lists the CPUs that have a buffer.
func bufferCPUs(fs tracefs.FS, i *tracefs.Instance) ([]int, error) {
	entries, err := fs.Names(i.Path("per_cpu"))
	if err != nil {
		return nil, err
	}
	var cpus []int
	for _, e := range entries {
		if n, err := strconv.Atoi(strings.TrimPrefix(e, "cpu")); err == nil {
			cpus = append(cpus, n)
		}
	}
	slices.Sort(cpus)
	return cpus, nil
}

// run is the recording itself.
func (r *recording) run(ctx context.Context, signals <-chan os.Signal) error {
	var err error
	if r.start, err = r.stats(); err != nil {
		return err
	}
	cpu := cpuTime()
	if err := r.instance.Write("tracing_on", "1"); err != nil {
		return err
	}
	began := time.Now()
	r.window.begin(r.instance)
	var done <-chan error
	if r.child != nil {
		done = r.child.done
		if err := r.child.start(); err != nil {
			return err
		}
	}
	stop := r.loop(ctx, signals, done, began)
	// nothing is more urgent than the end of the window, then the names
	r.window.end(r.instance)
	err = r.instance.Write("tracing_on", "0")
	r.sum.Window, r.sum.CPUTime = time.Since(began), cpuTime()-cpu
	r.readNames()
	if err = errors.Join(stop, err); err != nil {
		return r.rescue(err)
	}
	if err := r.drain(); err != nil {
		return r.rescue(err)
	}
	return nil
}

// flushEvery bounds what a recorder that is killed had read and not written.
const flushEvery = time.Second

// namesEvery is how often the names of tasks are read: the kernel keeps few.
const namesEvery = 10 * time.Second

// loop reads until something ends it.
func (r *recording) loop(ctx context.Context, signals <-chan os.Signal, done <-chan error, began time.Time) error {
	tick := time.NewTicker(r.Period)
	defer tick.Stop()
	var end <-chan time.Time
	if r.Duration > 0 {
		end = time.After(r.Duration)
	}
	flushed, named := began, began
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			return nil
		case <-end:
			return nil
		case err := <-done:
			r.sum.CommandSaid = said(err)
			r.child = nil
			return nil
		case <-tick.C:
		}
		if !r.Ring {
			if err := r.turns(1); err != nil {
				return err
			}
		}
		if now := time.Now(); now.Sub(flushed) >= flushEvery {
			if err := r.spool.Flush(); err != nil {
				return err
			}
			r.progress(now.Sub(began))
			flushed = now
			if now.Sub(named) >= namesEvery {
				r.readNames()
				if err := r.spool.Put("saved_cmdlines", r.names.text()); err != nil {
					return err
				}
				named = now
			}
		}
		if why := r.full(); why != "" {
			r.sum.Why = why
			return nil
		}
	}
}

// full says why the recording ends by itself, if it does.
func (r *recording) full() string {
	if on, err := r.instance.Read("tracing_on"); err == nil && on == "0" {
		if r.plan.StopOn != nil {
			return "stopped by " + r.plan.StopOn.System + ":" + r.plan.StopOn.Name
		}
		return "somebody or a trigger switched the instance's tracing_on off"
	}
	if r.MaxSize > 0 && r.spool.Written() >= r.MaxSize {
		return fmt.Sprintf("--max-size %d MiB reached", r.MaxSize>>20)
	}
	if r.MinFree > 0 {
		// the trace.dat is made beside the spool
		if left, err := free(r.spool.Dir()); err == nil && left < r.MinFree+r.spool.Written() {
			return fmt.Sprintf("only %d MiB are free on the disk, of which %d are for making the file (--min-free)", left>>20, r.spool.Written()>>20)
		}
	}
	return ""
}

func said(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &exit):
		return exit.String()
	}
	return err.Error()
}

// turns reads until no CPU has more than a turn, at most n times.
func (r *recording) turns(n int) error {
	for more := true; more && n > 0; n-- {
		full, err := r.reader.Turn(r.spool.Page)
		if err != nil {
			return err
		}
		more = len(full) > 0
	}
	return nil
}

// drain reads the rest of the buffers, to which nothing is added any more.
func (r *recording) drain() error {
	if err := r.turns(1 << 30); err != nil {
		return err
	}
	return r.spool.Flush()
}

// rescue keeps what was written when the recording cannot go on.
func (r *recording) rescue(err error) error {
	if r.spool.Empty() {
		return r.diskError(err)
	}
	r.keep = true
	if r.instance != nil { // else they are there
		_ = r.putStats() // the disk may be full; the spool is partial without
	}
	return fmt.Errorf("%w\nwhat was recorded until then is in %s: ipiscope report --isolated %s %s reads it", r.diskError(err), r.spool.Dir(), r.Request.Isolated.String(), r.spool.Dir())
}

// diskError says what to do about a full disk.
func (r *recording) diskError(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("the disk is full: %w: name a file on another one with -o", err)
	}
	return err
}

func (r *recording) checkDisk() error {
	dir := filepath.Dir(r.Output)
	left, err := free(dir)
	if err != nil {
		return err
	}
	if left < r.MinFree {
		return fmt.Errorf("%s: %d MiB are free, want at least %d: name a file on another disk with -o, or a smaller --min-free", dir, left>>20, r.MinFree>>20)
	}
	if st, err := os.Stat(r.Output); err == nil && !st.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", r.Output)
	}
	return nil
}

// progress shows how it goes.
func (r *recording) progress(since time.Duration) {
	if r.Progress == nil {
		return
	}
	now, err := r.stats()
	if err != nil {
		return
	}
	var events, lost uint64
	for cpu, s := range now {
		was := r.start[cpu]
		events += s.read - was.read
		lost += s.lost(&was)
	}
	rate := float64(events) / max(since.Seconds(), 1e-9)
	r.Progress(fmt.Sprintf("%s: %d events, %.0f a second, %d lost, %.1f MB", since.Round(time.Second), events, rate, lost, float64(r.spool.Written())/1e6))
}
