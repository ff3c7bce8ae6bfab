package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/parser/tracecmd"
)

type catFlags struct {
	input    cli.InputFlags
	isolated cli.IsolatedFlag
	filter   cli.FilterFlags
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
as trace-cmd report prints them. Lines of text inputs are printed unchanged,
stack lines with the event they belong to.`,
		Example: `  ipiscope cat trace.dat
  ipiscope cat -t --cpu 2-3 --events ipi_send_cpu,kernel_stack trace.dat
  ipiscope cat --filter 'cpu & CPUS{2-3}' trace.txt`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runCat(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.filter.AddTo(fs, "print only the events")
	f.isolated.AddTo(fs)
	fs.BoolVarP(&f.form.Nanoseconds, "nanoseconds", "t", false, "binary traces: print times to the nanosecond")
	fs.BoolVarP(&f.form.Latency, "latency", "l", false, "binary traces: print the columns of the latency format")
	fs.BoolVarP(&f.form.Raw, "raw", "R", false, "binary traces: print the fields as they are")
	fs.IntVar(&f.first, "first", 0, "print the first `N` records only")
	fs.IntVar(&f.last, "last", 0, "print the last `N` records only")
	fs.StringVarP(&f.output, "output", "o", "", "write to `FILE`")
	f.input.AddTo(fs)
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
	in, err := f.input.Inputs(t, paths)
	if err != nil {
		return err
	}
	if f.first < 0 || f.last < 0 {
		return cli.Usage(errors.New("--first and --last want a number of records"))
	}
	// A reader that goes away is no error of cat: the write then fails with
	// EPIPE instead of ending the program.
	signal.Ignore(syscall.SIGPIPE)
	var readErr error
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	err = cli.WriteTo(t, f.output, func(o cli.Output) error {
		out := newCatOutput(o, f.first, f.last, stop)
		in.Noise = out.head
		readErr = in.Each(ctx, func(src trace.Source, run cli.Run) error {
			bound, err := filters.Bind(t, src)
			if err != nil {
				return err
			}
			p, err := newPrinter(src, out, f.form, bound)
			if err != nil {
				return err
			}
			_, err = run(p)
			if out.stopped() {
				err = nil // what is left was not asked for
			}
			return errors.Join(err, bound.End(), p.Err())
		})
		if out.stopped() && cli.Status(readErr) == cli.ExitFailed {
			readErr = nil
		}
		return out.flush()
	})
	if errors.Is(err, syscall.EPIPE) {
		return nil // whoever reads has seen enough
	}
	return errors.Join(err, readErr)
}

// A printer prints the records of one trace.
type printer interface {
	analysis.State
	Err() error
}

// newPrinter chooses how a trace is printed.
func newPrinter(src trace.Source, out *catOutput, form tracecmd.Options, bound *cli.Bound) (printer, error) {
	if lines, ok := trace.As[rawLines](src); ok {
		return &linePrinter{src: lines, out: out, match: bound.Counts()}, nil
	}
	if events, ok := trace.As[binaryTrace](src); ok {
		return newEventPrinter(events, out, form, bound.Counts()), nil
	}
	return nil, fmt.Errorf("%s: %s cannot be printed", src.Table().Meta.Path, src.Table().Meta.Format)
}

// rawLines is a Source of text, which still has the lines of its records.
type rawLines interface {
	Raw() []byte
}

// A linePrinter prints the lines of a text.
type linePrinter struct {
	src    rawLines
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

// Err is the first error of writing.
func (p *linePrinter) Err() error { return p.out.failure() }

func (p *linePrinter) write() { p.out.record(p.src.Raw()) }
