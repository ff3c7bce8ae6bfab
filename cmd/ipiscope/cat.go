package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/perftext"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

type catFlags struct {
	input    cli.InputFlags
	isolated cli.IsolatedFlag
	filter   cli.FilterFlags
	rows     catRows
	form     tracecmd.Options
	first    int
	last     int
	output   string
}

func newCat(t *cli.Terminal) *cobra.Command {
	var f catFlags
	cmd := &cobra.Command{
		Use:   "cat [flags] TRACE...",
		Short: "Print the events of a trace",
		Long: `Print the events of a trace that pass the filters. Binary traces are printed
as trace-cmd report prints them, a perf.data as perf script does, without the
frames of user space and with its losses. Several of them are merged by time, with the
file's name in front of each line. Lines of text inputs are printed unchanged,
one file after the other, stack lines with the event they belong to.

--function, --cause and --class print the sends behind a row of report, with their
stacks: as many as report says with the same --isolated, --filter and --catalog.`,
		Example: `  ipiscope cat trace.dat
  ipiscope cat -t --cpu 2-3 --events ipi_send_cpu,kernel_stack trace.dat
  ipiscope cat --filter 'cpu & CPUS{2-3}' trace.txt
  ipiscope cat --isolated 2-3 --function do_sync_core --first 3 trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runCat(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.filter.AddTo(fs, "print only the events")
	f.isolated.AddTo(fs)
	f.rows.AddTo(fs)
	fs.BoolVarP(&f.form.Nanoseconds, "nanoseconds", "t", false, "binary traces: print times to the nanosecond")
	fs.BoolVarP(&f.form.Latency, "latency", "l", false, "binary traces: print the columns of the latency format")
	fs.BoolVarP(&f.form.Raw, "raw", "R", false, "binary traces: print the fields as they are")
	fs.IntVar(&f.first, "first", 0, "print the first `N` records only")
	fs.IntVar(&f.last, "last", 0, "print the last `N` records only")
	fs.StringVarP(&f.output, "output", "o", "", "write to `FILE`")
	f.input.AddTo(fs)
	completeList(cmd, "class", catalog.ClassNames())
	return cmd
}

func runCat(ctx context.Context, t *cli.Terminal, f *catFlags, paths []string) error {
	isolated, err := f.isolated.SetQuietly()
	if err != nil {
		return err
	}
	filters, err := f.filter.Load(isolated)
	if err != nil {
		return err
	}
	rows, err := f.rows.load()
	if err != nil {
		return err
	}
	in, err := f.input.Inputs(t, paths)
	if err != nil {
		return err
	}
	if f.first < 0 || f.last < 0 {
		return cli.Usage(errors.New("--first and --last want a number of records"))
	}
	var readErr error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err = cli.WriteTo(t, f.output, func(o cli.Output) error {
		out := newCatOutput(o, f.first, f.last, stop)
		in.Noise = out.head
		if rows != nil {
			in.Noise = out.comment
		}
		c := &cat{t: t, filters: filters, isolated: isolated, rows: rows, form: f.form, out: out, events: newEventPrinter(out)}
		readErr = c.print(ctx, in.Traces())
		if rows != nil && !out.stopped() && cli.Status(readErr) != cli.ExitUsage {
			readErr = cli.Worst([]error{readErr, rows.say(t)})
		}
		return out.flush()
	})
	return errors.Join(err, readErr)
}

// A cat prints traces.
type cat struct {
	t        *cli.Terminal
	filters  *cli.Filters
	isolated *cli.Isolated
	rows     *chosenRows // nil: all events are printed
	form     tracecmd.Options
	out      *catOutput
	events   *eventPrinter
	report   *tracecmd.Report
	several  bool // traces are printed together
}

// print prints one trace, or several together.
func (c *cat) print(ctx context.Context, traces []cli.Trace) error {
	defer c.events.close()
	if c.several = len(traces) > 1; c.several {
		return c.together(ctx, traces)
	}
	c.report = tracecmd.NewReport()
	var all []error
	for _, tr := range traces {
		if c.rows != nil {
			all = append(all, c.readRows(ctx, tr, c.printText))
			continue
		}
		all = append(all, c.read(ctx, tr, func(src *eventSource) analysis.State { return printedEvents{c.events, src} }))
	}
	return cli.Worst(all)
}

// read reads a trace. A text is printed; the events of a binary trace go to the
// State that begin makes, behind the trace's head.
func (c *cat) read(ctx context.Context, tr cli.Trace, begin func(*eventSource) analysis.State) error {
	if c.out.stopped() {
		return nil // what is left was not asked for
	}
	return tr.Read(ctx, func(src trace.Source, run cli.Run) error {
		bound, err := c.filters.Bind(c.t, src)
		if err != nil {
			return err
		}
		var state analysis.State
		var tail string
		if lines, ok := trace.As[trace.Texter](src); ok {
			if framed, ok := trace.As[trace.Framer](src); ok {
				var head string
				head, tail = framed.Frame()
				c.out.head([]byte(head))
			}
			state = &linePrinter{src: lines, out: c.out, match: bound.Counts()}
		} else if events, ok := trace.As[tracecmd.Source](src); ok {
			events.ExpectNames()
			state = begin(c.source(tr, src, events, bound))
		} else {
			return fmt.Errorf("%s: %s cannot be printed", src.Table().Meta.Path, src.Table().Meta.Format)
		}
		_, err = run(state)
		if c.out.stopped() {
			err = nil
		} else {
			c.out.head([]byte(tail))
		}
		return errors.Join(err, bound.End())
	})
}

// source prepares the printing of a binary trace.
func (c *cat) source(tr cli.Trace, src trace.Source, events tracecmd.Source, bound *cli.Bound) *eventSource {
	name := filepath.Base(tr.Path)
	s := &eventSource{printer: c.report.Printer(name, events.Table(), events, c.form), match: bound.Counts()}
	perf, ok := trace.As[perftext.Source](src)
	c.events.direct = c.events.direct || ok
	if ok && !c.form.Latency && !c.form.Raw {
		if !c.several {
			name = ""
		}
		s.perf = perftext.New(perf, s.printer, name, c.form.Nanoseconds)
		return s
	}
	c.out.head(s.printer.AppendHead(nil))
	return s
}

// A linePrinter prints the lines of a text.
type linePrinter struct {
	src    trace.Texter
	out    *catOutput
	match  func(*trace.Event) bool // nil: every event
	owners track.Owners
}

// Event implements analysis.State.
func (p *linePrinter) Event(e *trace.Event) {
	print := true
	if p.match != nil {
		if e.Schema().IsStack {
			print = p.owners.Stack(e)
		} else {
			print = p.match(e)
			p.owners.Event(e, print)
		}
	}
	if print {
		p.write()
	}
}

// Lost implements analysis.State. What was lost matters to whoever reads on.
func (p *linePrinter) Lost(l *trace.Lost) {
	p.owners.Lost(l)
	p.write()
}

// End implements analysis.State.
func (p *linePrinter) End(analysis.Span) {}

func (p *linePrinter) write() { p.out.record(p.src.Raw()) }
