package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/listing"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/timeline"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/report/origin"
	"github.com/ipiscope/ipiscope/report/rows"
	timelines "github.com/ipiscope/ipiscope/report/timeline"
)

type exportFlags struct {
	raw    bool
	origin bool
	sends  cli.SendFlags
	format string
	rows   string
	output string
	// partition are columns, of rows of states
	partition string
}

func newExport(t *cli.Terminal) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [flags] TRACE...",
		Short: "Write every hit, send or request for other programs",
		Long: `Write one row for each hit of an isolated CPU, or for each send or request
(--rows), in the order of the trace, with all keys that report groups by. The
formats perfetto and chrome draw all three on the timeline of each CPU, with
arrows from sends to what they made their targets run.

Of states (state) in place of traces, --rows traces has a row for each trace, with
what rates are divided by, and --rows groups one for each group of each trace:
what SQL needs for questions about many machines (docs/sql.md). They are in the
order of hosts.`,
		Example: `  ipiscope export --isolated 2-3 trace.dat > hits.csv
  ipiscope export --isolated 2-3 --format parquet --rows requests -o requests.parquet trace.dat
  ipiscope export --rows traces --format parquet -o traces.parquet states
  ipiscope export --rows groups --partition date,kernel --format parquet -o groups states
  ipiscope export --isolated 2-3 --format perfetto -o trace.perfetto-trace trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd.Context(), t, &f, cmd.Flags().Changed("rows"), args)
		},
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "list only the hits of sends")
	fs.StringVar(&f.format, "format", "csv", "`FORMAT`: "+strings.Join(exportNames(), " "))
	fs.StringVar(&f.rows, "rows", "hits", "what there is a row for, one `KIND` of "+strings.Join(listing.RowsNames(), " ")+"; of states: "+strings.Join(stateRows(), " "))
	fs.StringVarP(&f.output, "output", "o", "", "write to `FILE`")
	fs.StringVar(&f.partition, "partition", "", "with --rows traces or groups: write a file for each value of these `COLUMNS`, such as date,kernel, into folders date=VALUE/kernel=VALUE below -o, as Hive names them")
	fs.BoolVar(&f.raw, "raw-cells", false, cli.RawCells)
	fs.BoolVar(&f.origin, "origin", false, "say in csv and jsonl, as the last line, where the rows come from: command line, version, inputs with size and identity; parquet and chrome always do")
	complete(cmd, "format", exportNames())
	complete(cmd, "rows", append(listing.RowsNames(), stateRows()...))
	return cmd
}

// An exportFormat is one form that export writes.
type exportFormat struct {
	name   string
	binary bool // not for a terminal
	rows   bool // takes --rows
	make   func(listing.Rows) exporter
}

func exportFormats() (all []exportFormat) {
	for _, f := range rows.Formats() {
		all = append(all, exportFormat{f.Name, f.Binary, true, func(kind listing.Rows) exporter { return &rowExporter{kind: kind, format: f} }})
	}
	for _, f := range timelines.Formats() {
		all = append(all, exportFormat{f.Name, f.Binary, false, func(listing.Rows) exporter { return &timelineExporter{format: f} }})
	}
	return all
}

func exportNames() (names []string) {
	for _, f := range exportFormats() {
		names = append(names, f.name)
	}
	return names
}

func runExport(ctx context.Context, t *cli.Terminal, f *exportFlags, rowsGiven bool, paths []string) error {
	if slices.Contains(stateRows(), f.rows) {
		return f.exportStates(t, paths)
	}
	if f.partition != "" {
		return cli.Usage(errors.New("--partition goes with --rows traces or groups"))
	}
	if f.origin && f.format == "perfetto" {
		return cli.Usage(errors.New("--origin: --format perfetto has no place for it"))
	}
	e, err := newExporter(t, f, rowsGiven)
	if err != nil {
		return err
	}
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	var readErr error // what was written before it stays
	err = cli.WriteTo(t, f.output, func(o cli.Output) error {
		if err := e.begin(o, sends); err != nil {
			return err
		}
		var inputs []result.Input
		readErr = sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
			state, err := e.state(src.Table(), counts)
			if err != nil {
				return err
			}
			input, err := run(state)
			for _, n := range input.Notes {
				t.Warnf("warning", "%s: %s", input.Path, n)
			}
			if joined := input.Joined(); joined != "" {
				t.Warnf("warning", "%s: %s, and hits may be missing", input.Path, joined)
			} else if input.LacksEvents() {
				t.Warnf("warning", "%s: events are missing: so are hits", input.Path)
			}
			if text := input.Untargeted(); text != "" {
				t.Warnf("warning", "%s: %s", input.Path, text)
			}
			if input.Twin != "" {
				t.Warnf("warning", "%s: holds the same sends as %s: its rows are written all the same, so that each is there twice", input.Path, input.Twin)
			}
			inputs = append(inputs, input)
			return errors.Join(err, state.Err())
		})
		sayOrigin(e.writer(), origin.Text(t.Command, t.Version, inputs), f.origin)
		return e.end(inputs)
	})
	return errors.Join(err, readErr)
}

// sayOrigin tells a writer where what it writes comes from: one that has a place for
// it, and if it is asked for one that writes lines.
func sayOrigin(w any, line string, asked bool) {
	switch w := w.(type) {
	case interface{ From(string) }:
		w.From(line)
	case interface{ Say(string) }:
		if asked {
			w.Say(line)
		}
	}
}

// An exporter writes one export in one format.
type exporter interface {
	begin(cli.Output, *cli.Sends) error
	// state is what reads the next trace.
	state(*trace.Table, func(*trace.Event) bool) (exportState, error)
	// writer is what the rows go to.
	writer() any
	end([]result.Input) error
}

type exportState interface {
	analysis.State
	Err() error
}

// newExporter checks the flags.
func newExporter(t *cli.Terminal, f *exportFlags, rowsGiven bool) (exporter, error) {
	kind, err := listing.ParseRows(f.rows)
	if err != nil {
		return nil, cli.Unknown("rows", f.rows, append(listing.RowsNames(), stateRows()...))
	}
	formats := exportFormats()
	i := slices.IndexFunc(formats, func(x exportFormat) bool { return x.name == f.format })
	if i < 0 {
		return nil, cli.Unknown("format", f.format, exportNames())
	}
	format := formats[i]
	if rowsGiven && !format.rows {
		return nil, cli.Usage(fmt.Errorf("--rows: --format %s shows hits, sends and requests together", f.format))
	}
	if format.binary {
		if err := cli.RefuseTerminal(t, f.output, f.format); err != nil {
			return nil, err
		}
	}
	e := format.make(kind)
	if r, ok := e.(*rowExporter); ok {
		r.raw = f.raw
	}
	return e, nil
}

type rowExporter struct {
	kind   listing.Rows
	format rows.Format
	sends  *cli.Sends
	w      rows.Writer
	raw    bool
}

func (e *rowExporter) begin(o cli.Output, sends *cli.Sends) (err error) {
	e.sends = sends
	e.w, err = e.format.New(o, e.kind.String(), e.kind.Columns())
	if c, ok := e.w.(interface{ RawCells() }); ok && e.raw {
		c.RawCells()
	}
	return err
}

func (e *rowExporter) state(t *trace.Table, counts func(*trace.Event) bool) (exportState, error) {
	return listing.New(t, listing.Config{
		Isolated: e.sends.Isolated.Targets(), Catalog: e.sends.Catalog, Counts: counts, Rows: e.kind, Row: e.w.Write,
	}), nil
}

func (e *rowExporter) writer() any { return e.w }

func (e *rowExporter) end(from []result.Input) error { return e.w.Close(from) }

type timelineExporter struct {
	format timelines.Format
	sends  *cli.Sends
	w      timelines.Writer
}

func (e *timelineExporter) begin(o cli.Output, sends *cli.Sends) error {
	e.sends, e.w = sends, e.format.New(o)
	return nil
}

func (e *timelineExporter) state(t *trace.Table, counts func(*trace.Event) bool) (exportState, error) {
	isolated, m := e.sends.Isolated.Targets(), &t.Meta
	list := ""
	if isolated != nil {
		list = isolated.String()
	}
	err := e.w.Begin(result.Timeline{Path: m.Path, Kernel: m.Kernel, Clock: m.Clock, Ticks: m.ClockUnit == "ticks", Isolated: list})
	return timeline.New(t, timeline.Config{Isolated: isolated, Catalog: e.sends.Catalog, Counts: counts, Mark: e.w.Mark}), err
}

func (e *timelineExporter) writer() any { return e.w }

func (e *timelineExporter) end(from []result.Input) error { return e.w.Close(from) }
