package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

// stateSuffix is the end of the names of states.
const stateSuffix = ".ipistate.json.zst"

type stateFlags struct {
	counting states.Flags
	as       string
	host     string
	group    []string
	manifest string
	shard    string
	jobs     int
	output   string
}

func newState(t *cli.Terminal) *cobra.Command {
	var f stateFlags
	cmd := &cobra.Command{
		Use:   "state [flags] -o OUT TRACE...",
		Short: "Count a trace into a small file that merge adds up",
		Long: `Count the IPIs of a trace as report does and write the sums as a state: some
kilobytes, to be made where the trace is and added up anywhere with merge, which
prints what report prints of the traces themselves. A state that exists and is of
the same trace, flags and catalogue is not made again.

One TRACE (- is standard input) goes to the file OUT; several, or those of a
--manifest, to files in the folder OUT that are named after them. A manifest is a
CSV file with a head: path, and isolated, host, date and any columns of your own.

A state holds what report prints. With --for it holds besides what other commands
print of the trace, for merge --as: latency and quiet, for each of which the trace is
read once more, diff, and html, the page of a report.

The exit status tells whether trying again may help: 0 a state was written, also of
a damaged trace, which it says; 1 none was, and it may help (no such file, no space);
2 none was, and it will not (no trace, wrong flags); 3 as everywhere with --strict.`,
		Example: `  ipiscope state --isolated 2-3 -o a.ipistate.json.zst trace.dat
  ipiscope state --isolated 2-3 --for html -o pages before.dat after.dat
  ipiscope state --isolated 2-3 --for latency,quiet -o states before.dat after.dat
  ipiscope state --manifest fleet.csv --shard 3/64 -o states`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runState(cmd.Context(), t, &f, cmd.Flags(), args)
		},
	}
	fs := cmd.Flags()
	f.counting.AddTo(fs)
	fs.StringVar(&f.as, "as", "", "the `NAME` that results give the trace in place of its path")
	fs.StringVar(&f.host, "host", "", "the `NAME` of the host, in place of the recording's")
	fs.StringArrayVar(&f.group, "group", nil, "a group that the host belongs to, `NAME=VALUE`; may be repeated")
	fs.StringVar(&f.manifest, "manifest", "", "count the traces that the CSV `FILE` names")
	fs.StringVar(&f.shard, "shard", "", "of several traces take the part `I/N`, I from 0 to N-1; which one a trace is in depends on its path alone")
	fs.IntVar(&f.jobs, "jobs", 0, "count `N` traces at once, each with one thread unless --threads says otherwise; 0 is one for each CPU")
	fs.StringVarP(&f.output, "output", "o", "", "write to the file or folder `OUT`")
	completeList(cmd, "by", ipi.KeyNames())
	completeList(cmd, "for", states.Keepable())
	complete(cmd, "kind", latency.Kinds())
	complete(cmd, "identity", []string{"content", "sends"})
	completeList(cmd, "redact", states.Redactable())
	return cmd
}

// A stateMaker makes states of traces, with one set of flags.
type stateMaker struct {
	f     *stateFlags
	maker *states.Maker
}

// stateJob is one state to make.
type stateJob struct {
	*states.Job
	out string
}

func runState(ctx context.Context, t *cli.Terminal, f *stateFlags, fs *pflag.FlagSet, paths []string) error {
	maker, err := f.counting.Load(t, fs, f.manifest != "")
	if err != nil {
		return err
	}
	m := &stateMaker{f, maker}
	jobs, err := m.jobs(t, paths)
	if err != nil {
		return err
	}
	n := f.jobs
	if err := cli.CheckJobs(n); err != nil {
		return err
	}
	if n == 0 {
		n = runtime.GOMAXPROCS(0)
	}
	statuses := make([]int, len(jobs))
	cli.AtOnce(t, n, len(jobs), func(i int, t *cli.Terminal, _ func()) error {
		if err := m.make(ctx, t, &jobs[i], n > 1 && len(jobs) > 1); err != nil {
			statuses[i] = m.said(t, &jobs[i], err)
		}
		return nil
	})
	if worst := states.Worst(statuses); worst != cli.ExitOK {
		return &cli.ExitError{Code: worst}
	}
	return nil
}

// jobs lists what is to be made.
func (m *stateMaker) jobs(t *cli.Terminal, paths []string) ([]stateJob, error) {
	f := m.f
	groups, err := parseGroups(f.group)
	if err != nil {
		return nil, err
	}
	var shard cli.Shard
	if f.shard != "" {
		if shard, err = cli.ParseShard(f.shard); err != nil {
			return nil, err
		}
	}
	var lines []cli.ManifestLine
	if f.manifest != "" {
		if lines, err = cli.ReadManifest(f.manifest); err != nil {
			return nil, err
		}
	}
	for _, path := range paths {
		lines = append(lines, cli.ManifestLine{Path: path})
	}
	if len(lines) == 0 {
		return nil, cli.Usage(errors.New("state: name a trace (- reads standard input) or a --manifest"))
	}
	single := f.manifest == "" && len(paths) == 1 && !isFolder(f.output)
	switch {
	case f.output == "":
		return nil, cli.Usage(errors.New("state: say with -o where to write; -o - is standard output"))
	case !single && f.output == "-":
		return nil, cli.Usage(errors.New("-o -: several states do not go into one file: give a folder"))
	case f.as != "" && len(lines) > 1:
		return nil, cli.Usage(errors.New("--as names one trace"))
	}
	if !single {
		if err := os.MkdirAll(f.output, 0o777); err != nil {
			return nil, err
		}
	}
	return m.jobsOf(t, lines, groups, shard, single)
}

func (m *stateMaker) jobsOf(t *cli.Terminal, lines []cli.ManifestLine, groups map[string]string, shard cli.Shard, single bool) ([]stateJob, error) {
	var jobs []stateJob
	names := map[string]string{}
	for _, l := range lines {
		if !shard.Has(l.Path) {
			continue
		}
		if m.f.host != "" {
			l.Host = m.f.host
		}
		for name, value := range groups {
			if l.Groups == nil {
				l.Groups = map[string]string{}
			}
			l.Groups[name] = value
		}
		one, err := m.maker.Job(l, m.f.as, m.f.manifest)
		if err != nil {
			return nil, err
		}
		j := stateJob{one, m.f.output}
		if !single {
			j.out = filepath.Join(m.f.output, stateName(j.Asked.Path))
			if other, ok := names[j.out]; ok {
				t.Warnf("warning", "%s is named twice (%s): one state is made", j.Asked.Path, other)
				continue
			}
			names[j.out] = j.Asked.Path
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// stateName is the name of the state of a trace: the end of its path, for people, and
// a hash of all of it.
func stateName(path string) string {
	sum := sha256.Sum256([]byte(path))
	base := strings.TrimLeft(filepath.Base(path), "-.")
	return fmt.Sprintf("%.60s-%s%s", base, hex.EncodeToString(sum[:6]), stateSuffix)
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return strings.HasSuffix(path, "/") || err == nil && st.IsDir()
}

func parseGroups(list []string) (map[string]string, error) {
	groups := map[string]string{}
	for _, g := range list {
		name, value, ok := strings.Cut(g, "=")
		if !ok || name == "" {
			return nil, cli.Usage(fmt.Errorf("--group %q: want NAME=VALUE", g))
		}
		groups[name] = value
	}
	return groups, nil
}

// make makes one state unless it is there.
func (m *stateMaker) make(ctx context.Context, t *cli.Terminal, j *stateJob, beside bool) error {
	if m.maker.IsMade(j.Job, j.out) {
		return nil
	}
	if err := cli.RefuseTerminal(t, j.out, "a state"); err != nil {
		return err
	}
	s, lacking := m.maker.Make(ctx, t, j.Job, beside)
	if s == nil {
		return lacking
	}
	if err := cli.WriteTo(t, j.out, func(o cli.Output) error { return s.Write(o) }); err != nil {
		return err
	}
	return lacking
}

// said says why a state was not made, unless that was said, and returns the exit
// status that tells whether to try again.
func (m *stateMaker) said(t *cli.Terminal, j *stateJob, err error) int {
	var exit *cli.ExitError
	if !errors.As(err, &exit) || exit.Said == nil && exit.Err != nil {
		t.Warnf("error", "%s: %v", j.Path, err)
	}
	status, _ := states.Status(err)
	return status
}
