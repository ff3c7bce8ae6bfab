package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

type catFlags struct {
	input    cli.InputFlags
	isolated cli.IsolatedFlag
	filter   cli.FilterFlags
	output   string
}

func newCat(t *cli.Terminal) *cobra.Command {
	var f catFlags
	cmd := &cobra.Command{
		Use:   "cat [flags] TRACE...",
		Short: "Print the events of a trace",
		Long: `Print the events of a trace that pass the filters. Lines of text inputs are
printed unchanged, stack lines with the event they belong to.`,
		Example: `  ipiscope cat --filter 'cpu & CPUS{2-3}' trace.txt`,
		Args:    atLeastOneTrace,
		RunE:    func(cmd *cobra.Command, args []string) error { return runCat(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.filter.AddTo(fs, "print only the events")
	f.isolated.AddTo(fs)
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
	var readErr error
	err = cli.WriteTo(t, f.output, func(o cli.Output) error {
		w := bufio.NewWriterSize(o, 1<<20)
		in.Noise = func(line []byte) { _, _ = w.Write(line) } // errors stick to w
		readErr = in.Each(ctx, func(src trace.Source, run cli.Run) error {
			bound, err := filters.Bind(t, src)
			if err != nil {
				return err
			}
			p, err := newPrinter(src, w, bound)
			if err != nil {
				return err
			}
			_, err = run(p)
			return errors.Join(err, bound.End(), p.Err())
		})
		return w.Flush()
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
func newPrinter(src trace.Source, w *bufio.Writer, bound *cli.Bound) (printer, error) {
	if lines, ok := trace.As[rawLines](src); ok {
		return &linePrinter{src: lines, w: w, match: bound.Counts()}, nil
	}
	return nil, fmt.Errorf("%s: cat prints text inputs only", src.Table().Meta.Path)
}

// rawLines is a Source of text, which still has the lines of its records.
type rawLines interface {
	Raw() []byte
}

// A linePrinter prints the lines of a text.
type linePrinter struct {
	src    rawLines
	w      *bufio.Writer
	match  func(*trace.Event) bool // nil: every event
	owners track.Owners
	err    error
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
func (p *linePrinter) Err() error {
	if errors.Is(p.err, syscall.EPIPE) {
		return nil // said once, where the writer is flushed
	}
	return p.err
}

func (p *linePrinter) write() {
	if p.err == nil {
		_, p.err = p.w.Write(p.src.Raw())
	}
}
