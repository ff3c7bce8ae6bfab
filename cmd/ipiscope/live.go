package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/live"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/report"
	reportjson "github.com/ipiscope/ipiscope/report/json"
)

// A liveFlags is the command line of live.
type liveFlags struct {
	tracingFlags
	output  cli.OutputFlags
	catalog cli.CatalogFlag
	groups  cli.GroupsFlag
	by      string
	every   time.Duration
	forTime time.Duration
	plain   bool
	json    bool
	strict  bool
	stopOn  string
	save    string
	keep    time.Duration
	check   string
	metrics string
	remote  bool
	maxRate float64
}

// liveQuestions are what live answers: report, and with latency how long IPIs take
// to arrive.
func liveQuestions() []string { return []string{"report", "latency"} }

// liveMaxGroups is how many groups there are: all are looked at for each block.
const liveMaxGroups = 1 << 12

// liveFormats are those of the report at the end that need nothing but counts.
func liveFormats() []report.Format {
	return slices.DeleteFunc(report.Formats(), func(x report.Format) bool { return x.Aside || x.Name == "html" })
}

func newLive(t *cli.Terminal) *cobra.Command {
	f := liveFlags{output: cli.OutputFlags{Only: liveFormats()}}
	cmd := &cobra.Command{
		Use:   "live --isolated LIST [flags]",
		Short: "Watch the IPIs that hit the isolated CPUs, while they do",
		Long: `Watch the IPIs that hit the isolated CPUs of this machine while they do: who
interrupts them now, why, and what to do about it. It traces as record does, in
an instance of its own, on the other CPUs, and never makes the kernel wake it;
it needs root. Nothing is written to a disk.

Every second it shows what was counted until shortly before (two times --period),
with rates since the second before: on a screen with keys (? lists them), or as
blocks of text where there is no terminal. It ends by Ctrl-C, or after
--for-time, and prints what report would of the same time. Lost events and its own cost are
always shown; where events were lost every count is "at least".

With --for latency it also measures how long IPIs take to arrive. That records
what the isolated CPUs do, which costs them about a microsecond for each IPI.`,
		Example: `  ipiscope live --isolated 2-3
  ipiscope live --isolated auto --by function,cause,sender --for-time 60s
  ipiscope live --isolated 2-3 --json | jq .totals.hits_hz`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return cli.Usage(fmt.Errorf("live: %q: it reads this machine, not a trace: ipiscope report reads those", args[0]))
			}
			f.bufferGiven = cmd.Flags().Changed("buffer")
			if err := f.checkFlags(); err != nil {
				return err
			}
			return runLive(cmd.Context(), t, &f)
		},
	}
	f.addTo(cmd)
	return cmd
}

func (f *liveFlags) addTo(cmd *cobra.Command) {
	f.tracingFlags.addTo(cmd, liveQuestions())
	fs := cmd.Flags()
	cli.KeysVar(fs, &f.by, "by", states.DefaultBy, "group by `KEYS`, comma separated: "+strings.Join(ipi.KeyNames(), " "))
	completeList(cmd, "by", ipi.KeyNames())
	fs.DurationVar(&f.every, "every", time.Second, "show what was counted every `TIME`")
	fs.DurationVar(&f.forTime, "for-time", 0, "end after this `TIME`, such as 60s; 0 is at Ctrl-C")
	fs.BoolVar(&f.plain, "plain", false, "print a block of text each time, as it does where there is no terminal")
	fs.BoolVar(&f.json, "json", false, "print a JSON object on a line each time (schema "+live.Schema+"), and at the end the report as one")
	fs.BoolVar(&f.strict, "strict", false, "exit with status 3 if events were lost, or arrivals are not recorded any more")
	fs.Float64Var(&f.maxRate, "max-rate", 300_000, "record no arrivals any more when there are more than `N` events a second, or some are lost for two seconds on end; 0 is never")
	fs.StringVar(&f.check, "check", "", "end a second after a hit or a handler breaks the budget in `FILE`, with exit status 4: when a CPU has had more hits than an hour may have; quiet times, stolen time and deliveries are held against it at the end")
	fs.StringVar(&f.metrics, "metrics", "", "serve the figures to Prometheus at `ADDR`, such as localhost:9750, under /metrics")
	fs.BoolVar(&f.remote, "metrics-allow-remote", false, "let --metrics serve to other machines, too")
	fs.StringVar(&f.stopOn, "stop-on", "", "stop at the first event of `'EVENT if EXPR'`, to the event (EVENT alone: any)")
	fs.StringVar(&f.save, "save", "", "write the events of the last --keep before the end to `FILE`, a trace.dat")
	fs.DurationVar(&f.keep, "keep", 10*time.Second, "with --save: keep the events of this `TIME` in memory, up to 256 MiB")
	f.groups.AddTo(fs, liveMaxGroups)
	f.catalog.AddTo(fs)
	f.output.AddTo(cmd, 20)
}

// checkFlags finds what is wrong with the command line before anything is done.
func (f *liveFlags) checkFlags() error {
	if err := f.tracingFlags.check(liveQuestions()); err != nil {
		return err
	}
	switch {
	case f.plain && f.json:
		return cli.Usage(errors.New("live: only one of --plain and --json"))
	case f.every < f.period:
		return cli.Usage(fmt.Errorf("--every %v: want at least --period, %v", f.every, f.period))
	case f.keep <= 0:
		return cli.Usage(fmt.Errorf("--keep %v: want a time such as 10s", f.keep))
	case f.save == "-":
		return cli.Usage(errors.New("--save -: a trace.dat is written in several places: name a file"))
	case f.metrics == "" && f.remote:
		return cli.Usage(errors.New("--metrics-allow-remote: --metrics ADDR says where"))
	case !(f.maxRate >= 0):
		return cli.Usage(fmt.Errorf("--max-rate %v: want a number of events a second, or 0", f.maxRate))
	case f.forTime < 0:
		return cli.Usage(fmt.Errorf("--for-time %v: want a time such as 60s", f.forTime))
	}
	if f.metrics != "" {
		if err := live.CheckAddress(f.metrics, f.remote); err != nil {
			return cli.Usage(fmt.Errorf("--metrics %w", err))
		}
	}
	return nil
}

// A counting is what live counts, and how it shows it.
type counting struct {
	ipi     ipi.Config
	latency *latency.Config // nil: not measured
	show    shower
	keys    chan live.Action        // what keys ask for
	budget  *budget.Budget          // nil: nothing is checked
	write   func(*result.Set) error // the report at the end
}

// isolate sets whose hits are counted.
func (c *counting) isolate(m *cpumask.Mask) {
	c.ipi.Isolated = m
	if c.latency != nil {
		c.latency.Isolated = m
	}
}

// isJSON reports whether views are for programs.
func (c *counting) isJSON() bool {
	_, is := c.show.(lines)
	return is
}

// A shower shows views.
type shower interface {
	Show(*live.View) error
	// Say tells what became of a key.
	Say(what string)
	// Close ends showing: what is printed behind it stays.
	Close() error
}

// counting compiles the flags before anything is traced. end ends the tracing.
func (f *liveFlags) counting(t *cli.Terminal, end func()) (*counting, error) {
	by, err := states.ParseKeys(f.by)
	if err != nil {
		return nil, err
	}
	c := &counting{ipi: ipi.Config{By: by, MaxAlso: liveMaxGroups}}
	if c.ipi.MaxGroups, err = f.groups.Max(); err != nil {
		return nil, err
	}
	if c.ipi.Catalog, err = f.catalog.Load(); err != nil {
		return nil, err
	}
	if c.budget, err = f.limits(c.ipi.Catalog); err != nil {
		return nil, err
	}
	if c.budget != nil {
		for _, question := range needs(c.budget) {
			if !f.asks(question) {
				f.what += "," + question
			}
		}
	}
	if f.asks("latency") {
		target, err := latency.ParseKeys(key.Target.String())
		if err != nil {
			return nil, err
		}
		c.latency = &latency.Config{By: target, Catalog: c.ipi.Catalog, Window: latency.DefaultWindow, MaxGroups: latency.DefaultMaxGroups}
	}
	if c.write, err = f.output.Writer(t); err != nil {
		return nil, err
	}
	if in, ok := t.In.(*os.File); ok && !f.plain && !f.json && t.IsTerminal() && term.IsTerminal(int(in.Fd())) && os.Getenv("TERM") != "dumb" {
		c.keys = make(chan live.Action, 8)
		c.show = newScreen(t, c.keys, end)
	}
	if c.keys != nil || f.metrics != "" {
		c.ipi.Also = slices.DeleteFunc(live.Groupings(), func(also []ipi.Key) bool { return slices.Equal(also, by) })
	}
	if c.keys != nil {
		return c, nil
	}
	c.show = &blocks{t: t, top: f.output.Top()}
	if f.json {
		c.show = lines{t.Out}
		if !f.output.ToFile() {
			c.write = func(set *result.Set) error {
				set.WarnNotes()
				return writeLine(t.Out, set)
			}
		}
	}
	return c, nil
}

// limits reads the budget of --check, nil without. A function that nothing knows
// would never break it.
func (f *liveFlags) limits(c *catalog.Catalog) (*budget.Budget, error) {
	if f.check == "" {
		return nil, nil
	}
	b, err := readBudget("--check", f.check)
	if err != nil {
		return nil, err
	}
	if err := live.CheckBudget(b); err != nil {
		return nil, cli.Usage(fmt.Errorf("--check %s: %w", f.check, err))
	}
	var valid []string
	for _, cb := range c.Callbacks() {
		valid = append(valid, cb.Name)
	}
	for _, l := range b.Functions {
		for name := range names.Members(l.Name) {
			if _, known := c.Callback(name); !known {
				return nil, cli.Usage(fmt.Errorf("--check %s: %w", f.check, cli.Unheard("function", name, "the catalogue does not know it (--catalog FILE adds to it)", valid)))
			}
		}
	}
	return b, checkClasses(b)
}

// budgetIsOf refuses a budget that is one of other CPUs.
func (c *counting) budgetIsOf(m *cpumask.Mask) error {
	if c.budget == nil || c.budget.Isolated == "" {
		return nil
	}
	of, err := cli.ParseIsolated(c.budget.Isolated)
	if err != nil {
		return cli.Usage(fmt.Errorf("--check: isolated: %w", err))
	}
	if !of.Mask.Equal(m) {
		return cli.Usage(fmt.Errorf("--check: the budget is of CPUs %s, --isolated says %s", of.Mask.String(), m.String()))
	}
	return nil
}

// blocks are blocks of text, one below the other.
type blocks struct {
	t     *cli.Terminal
	top   int
	shown bool
}

func (b *blocks) Show(v *live.View) error {
	return cli.WriteTo(b.t, "", func(o cli.Output) error {
		w := io.Writer(o)
		if o.Width > 0 {
			w = b.t.Out // the view is clean, and may be coloured
		}
		if b.shown {
			fmt.Fprintln(w)
		}
		b.shown = true
		return v.Write(w, o.Width, b.top, o.Colour)
	})
}

// Say implements shower. There are no keys.
func (b *blocks) Say(string) {}

// Close parts the blocks from what follows.
func (b *blocks) Close() error {
	if !b.shown {
		return nil
	}
	_, err := fmt.Fprintln(b.t.Out)
	return err
}

// lines are JSON objects, one on a line.
type lines struct{ w io.Writer }

func (l lines) Show(v *live.View) error { return writeLine(l.w, v.Set) }

func (l lines) Say(string) {}

func (l lines) Close() error { return nil }

func writeLine(w io.Writer, set *result.Set) error {
	var long, short bytes.Buffer
	if err := reportjson.Write(&long, set); err != nil {
		return err
	}
	if err := json.Compact(&short, long.Bytes()); err != nil {
		return err
	}
	short.WriteByte('\n')
	_, err := w.Write(short.Bytes())
	return err
}

// A screen is a live.Screen on the terminal, which runs beside the counting.
type screen struct {
	program *tea.Program
	done    chan error // nil until it runs
	end     func()
}

// framesPerSecond bounds how often a screen is drawn: each time costs wake-ups.
const framesPerSecond = 5

func newScreen(t *cli.Terminal, keys chan<- live.Action, end func()) *screen {
	s := &screen{end: end}
	model := live.NewScreen(t.Colour, func(a live.Action) string {
		if a == live.Quit {
			end()
			return ""
		}
		select {
		case keys <- a:
		default: // it has enough to do
		}
		return ""
	})
	s.program = tea.NewProgram(model, tea.WithInput(t.In), tea.WithOutput(t.Out), tea.WithoutSignalHandler(), tea.WithFPS(framesPerSecond))
	return s
}

// Start takes the terminal.
func (s *screen) Start() {
	s.done = make(chan error, 1)
	go func() {
		_, err := s.program.Run()
		s.end() // without a screen nobody sees what is counted
		s.done <- err
	}()
}

func (s *screen) Show(v *live.View) error {
	s.program.Send(v)
	return nil
}

func (s *screen) Say(what string) { s.program.Send(live.Said(what)) }

// Close gives the terminal back.
func (s *screen) Close() error {
	if s.done == nil {
		return nil
	}
	s.program.Quit()
	return <-s.done
}
