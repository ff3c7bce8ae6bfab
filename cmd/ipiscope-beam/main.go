// ipiscope-beam counts the traces of a fleet as an Apache Beam pipeline and writes what
// ipiscope report prints of them.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/io/filesystem"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/log"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

func main() {
	registerAll()
	if isWorker(os.Args[1:]) {
		flag.Parse()
		beam.Init() // works, and exits
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// isWorker reports whether a runner starts the program as a worker.
func isWorker(args []string) bool {
	return slices.ContainsFunc(args, func(a string) bool {
		name, value, _ := strings.Cut(strings.TrimLeft(a, "-"), "=")
		return name == "worker" && value != "false"
	})
}

// run carries out a command line and returns the exit status.
func run(ctx context.Context, args []string, out, errw io.Writer) int {
	t := cli.NewTerminal(strings.NewReader(""), out, errw)
	t.Command = strings.Join(append([]string{"ipiscope-beam"}, args...), " ")
	t.Context, t.Args = ctx, args
	cmd := newCommand(t)
	cmd.SetArgs(args)
	cmd.SetOut(out)
	cmd.SetErr(errw)
	err := cmd.ExecuteContext(ctx)
	var exit *cli.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.Err != nil) {
		fmt.Fprintf(errw, "ipiscope-beam: %s\n", t.Message(err.Error()))
	}
	return cli.Status(err)
}

// runFlags are those that decide where the pipeline runs and what it reads.
type runFlags struct {
	flags
	manifest string
	verbose  bool
}

func newCommand(t *cli.Terminal) *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "ipiscope-beam [flags] TRACE|GLOB...",
		Short: "Count the traces of a fleet as an Apache Beam pipeline",
		Long: `Count the IPIs of traces as ipiscope state does, add up the states as ipiscope merge
does, and write the same bytes as ipiscope report, in an Apache Beam pipeline: within
this program (prism, the default), or where --runner and --endpoint say.

A GLOB is expanded by the workers, in any file system that is linked (local, gs, s3).
Traces that cannot be read end nothing: OUT.status.json lists them, with the exit
status that ipiscope state would have, which is that of this program too.`,
		Example: `  ipiscope-beam --isolated 2-3 --format json -o report.json 'traces/*.dat'
  ipiscope-beam --manifest fleet.csv --format html -o report.html
  ipiscope-beam --runner universal --endpoint localhost:8073 --environment_type loopback --isolated 2-3 -o /shared/report.txt '/shared/*.dat'
  ipiscope-beam --runner dataflow --project P --region R --staging_location gs://b/staging --isolated 2-3 -o gs://b/report.txt 'gs://b/traces/*.dat'`,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, args []string) error { return f.run(cmd.Context(), t, cmd.Flags(), args) },
	}
	f.addTo(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.manifest, "manifest", "", "count the traces that the CSV `FILE` names, as ipiscope state does")
	fs.BoolVar(&f.verbose, "verbose", false, "print what Beam logs")
	addBeamFlags(fs)
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return cli.FlagError(cmd.Flags(), err) })
	return cmd
}

// shownBeamFlags are the flags of Beam that help shows; all work.
func shownBeamFlags() []string {
	return []string{"runner", "endpoint", "environment_type", "environment_config", "worker_binary", "parallelism", "job_name", "async", "project", "region", "staging_location"}
}

// addBeamFlags adds the flags of Beam and its runners, which are in package flag.
func addBeamFlags(fs *pflag.FlagSet) {
	flag.VisitAll(func(g *flag.Flag) {
		if fs.Lookup(g.Name) != nil || strings.HasPrefix(g.Name, "test.") {
			return
		}
		p := pflag.PFlagFromGoFlag(g)
		p.Shorthand = ""
		p.Hidden = !slices.Contains(shownBeamFlags(), g.Name)
		fs.AddFlag(p)
	})
}

func (f *runFlags) run(ctx context.Context, t *cli.Terminal, fs *pflag.FlagSet, args []string) error {
	if _, err := f.form.Writer(t); err != nil {
		return err
	}
	by, err := states.ParseKeys(fs.Lookup("by").Value.String())
	if err != nil {
		return err
	}
	if err := states.CheckSort(fs.Lookup("sort").Value.String(), by); err != nil {
		return err
	}
	spec, err := newSpec(fs, f.manifest, t.Command)
	if err != nil {
		return err
	}
	if _, _, err := spec.load(t); err != nil { // says what is wrong before anything runs
		return err
	}
	lines, err := f.lines(args)
	if err != nil {
		return err
	}
	output := fs.Lookup("output").Value.String()
	toOut := output == "" || output == "-"
	if toOut {
		dir, err := os.MkdirTemp("", "ipiscope-beam-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		output = filepath.Join(dir, "result")
	} else if !isRemote(output) {
		if output, err = filepath.Abs(output); err != nil {
			return err
		}
	}
	p, err := build(lines, spec, fs.Lookup("format").Value.String() == "html", output)
	if err != nil {
		return err
	}
	if err := useSelf(fs); err != nil {
		return err
	}
	if err := f.execute(ctx, p); err != nil {
		return fmt.Errorf("the pipeline failed: %w", err)
	}
	if isSet(fs, "async") {
		return nil
	}
	return f.tell(ctx, t, output, toOut)
}

// useSelf makes this program what workers run, unless another one is named: Beam would
// compile one from the source, which need not be there. Workers run Linux.
func useSelf(fs *pflag.FlagSet) error {
	worker := fs.Lookup("worker_binary")
	if worker.Value.String() != "" || runtime.GOOS != "linux" {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return worker.Value.Set(self)
}

func isSet(fs *pflag.FlagSet, name string) bool {
	g := fs.Lookup(name)
	return g != nil && g.Value.String() == "true"
}

// lines lists what was asked for. Local paths are made absolute only where a manifest
// is: results name traces as they were given.
func (f *runFlags) lines(args []string) ([]Line, error) {
	var lines []Line
	if f.manifest != "" {
		all, err := cli.ReadManifest(f.manifest)
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			lines = append(lines, Line{Arg: len(lines), Manifest: l, Literal: true})
		}
	}
	for _, a := range args {
		if a == "-" {
			return nil, cli.Usage(errors.New("standard input cannot be read by workers: name a file"))
		}
		lines = append(lines, Line{Arg: len(lines), Manifest: cli.ManifestLine{Path: a}})
	}
	if len(lines) == 0 {
		return nil, cli.Usage(errors.New("name a trace, a glob or a --manifest"))
	}
	return lines, nil
}

// execute runs the pipeline where the flags of Beam say.
func (f *runFlags) execute(ctx context.Context, p *beam.Pipeline) error {
	log.LogKind = "text"
	if !f.verbose { // Beam logs every step that it takes
		log.LogLevel = "error"
		log.SetLogger(&log.Standard{Level: log.SevWarn})
	}
	if err := flag.CommandLine.Parse(nil); err != nil { // they have their values
		return err
	}
	beam.Init()
	return beamx.Run(ctx, p)
}

// tell says what became of the traces, and is the exit status.
func (f *runFlags) tell(ctx context.Context, t *cli.Terminal, output string, toOut bool) error {
	text, err := read(ctx, output+statusSuffix)
	if err != nil {
		return fmt.Errorf("the pipeline ran, but its workers wrote nothing that can be seen here (%w): give -o a place that they and this machine share", err)
	}
	var o Outcome
	if err := json.Unmarshal(text, &o); err != nil {
		return fmt.Errorf("%s%s: %w", output, statusSuffix, err)
	}
	if _, err := io.WriteString(t.Err, o.Said); err != nil {
		return err
	}
	if toOut && o.Counted > 0 {
		result, err := read(ctx, output)
		if err != nil {
			return err
		}
		if _, err := t.Out.Write(result); err != nil {
			return err
		}
	}
	if o.Status != cli.ExitOK {
		return &cli.ExitError{Code: o.Status}
	}
	return nil
}

// read reads a file of any file system.
func read(ctx context.Context, name string) ([]byte, error) {
	fs, err := filesystem.New(ctx, name)
	if err != nil {
		return nil, err
	}
	defer fs.Close()
	r, err := fs.OpenRead(ctx, name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
