package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/hits"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
	"github.com/ipiscope/ipiscope/report/rows"
)

type exportFlags struct {
	sends  cli.SendFlags
	format string
	output string
}

func newExport(t *cli.Terminal) *cobra.Command {
	var f exportFlags
	cmd := &cobra.Command{
		Use:   "export [flags] TRACE...",
		Short: "Write one row for each hit",
		Long: `Write one row for each hit of an isolated CPU, in the order of the trace, with
all keys that report groups by.`,
		Example: `  ipiscope export --isolated 2-3 trace.dat > hits.csv
  ipiscope export --isolated 2-3 --format jsonl trace.dat`,
		Args: atLeastOneTrace,
		RunE: func(cmd *cobra.Command, args []string) error { return runExport(cmd.Context(), t, &f, args) },
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "list only the hits of sends")
	fs.StringVar(&f.format, "format", "csv", "`FORMAT` of the rows: "+strings.Join(rows.Names(), " "))
	fs.StringVarP(&f.output, "output", "o", "", "write to `FILE`")
	complete(cmd, "format", rows.Names())
	return cmd
}

func runExport(ctx context.Context, t *cli.Terminal, f *exportFlags, paths []string) error {
	format, ok := rows.Lookup(f.format)
	if !ok {
		return cli.Unknown("format", f.format, rows.Names())
	}
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	var readErr error // what was written before it stays
	err = cli.WriteTo(t, f.output, func(o cli.Output) error {
		w, err := format.New(o, hits.Columns())
		if err != nil {
			return err
		}
		readErr = sends.Each(ctx, func(src trace.Source, counts func(*trace.Event) bool, run cli.Run) error {
			state := hits.New(src.Table(), hits.Config{Isolated: sends.Isolated.Targets(), Catalog: sends.Catalog, Counts: counts, Row: w.Write})
			input, err := run(state)
			if input.IsLossy() {
				t.Warnf("warning", "%s: events are missing: so are hits", input.Path)
			}
			return errors.Join(err, state.Err())
		})
		return w.Close()
	})
	return errors.Join(err, readErr)
}
