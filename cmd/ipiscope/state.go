package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// stateSuffix is the end of the names of states.
const stateSuffix = ".ipistate.json.zst"

// partIPI is the part of a state that holds the groups of a report.
const partIPI = "ipi"

type stateFlags struct {
	sends    cli.SendFlags
	by       string
	groups   cli.GroupsFlag
	page     string
	as       string
	host     string
	group    []string
	identity string
	manifest string
	shard    string
	jobs     int
	output   string
	redact   string
	secret   string
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

The exit status tells whether trying again may help: 0 a state was written, also of
a damaged trace, which it says; 1 none was, and it may help (no such file, no space);
2 none was, and it will not (no trace, wrong flags); 3 as everywhere with --strict.`,
		Example: `  ipiscope state --isolated 2-3 -o a.ipistate.json.zst trace.dat
  ipiscope state --isolated 2-3 --for html -o pages before.dat after.dat
  ipiscope state --manifest fleet.csv --shard 3/64 -o states`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runState(cmd.Context(), t, &f, cmd.Flags(), args)
		},
	}
	fs := cmd.Flags()
	f.sends.AddTo(fs, "count only the sends")
	cli.KeysVar(fs, &f.by, "by", defaultBy, "group by `KEYS`, comma separated: "+strings.Join(ipi.KeyNames(), " "))
	f.groups.AddTo(fs, key.DefaultMaxGroups)
	fs.StringVar(&f.page, "for", "", "keep what `FORM` needs besides: html")
	fs.StringVar(&f.as, "as", "", "the `NAME` that results give the trace in place of its path")
	fs.StringVar(&f.host, "host", "", "the `NAME` of the traced machine, in place of the recording's")
	fs.StringArrayVar(&f.group, "group", nil, "a group that the machine belongs to, `NAME=VALUE`; may be repeated")
	fs.StringVar(&f.identity, "identity", "content", "know copies of a trace by `WHAT`: content is the SHA-256 of the file, which is read for it once more; sends is the times of what it holds alone")
	fs.StringVar(&f.manifest, "manifest", "", "count the traces that the CSV `FILE` names")
	fs.StringVar(&f.shard, "shard", "", "of several traces take the part `I/N`, I from 0 to N-1; which one a trace is in depends on its path alone")
	fs.IntVar(&f.jobs, "jobs", 0, "count `N` traces at once, each with one thread unless --threads says otherwise; 0 is one for each CPU")
	fs.StringVarP(&f.output, "output", "o", "", "write to the file or folder `OUT`")
	fs.StringVar(&f.redact, "redact", "", "replace names by stable hashes, comma separated `WHAT`: "+strings.Join(redactable(), " "))
	fs.StringVar(&f.secret, "redact-key", "", "with --redact: hash with the contents of `FILE`, so that nobody without it can try names; states to be merged need the same")
	completeList(cmd, "by", ipi.KeyNames())
	complete(cmd, "for", []string{"html"})
	complete(cmd, "identity", []string{"content", "sends"})
	completeList(cmd, "redact", redactable())
	return cmd
}

// A stateMaker makes states of traces, with one set of flags.
type stateMaker struct {
	f      *stateFlags
	sends  *cli.Sends
	by     []ipi.Key
	max    int
	config state.Config
	redact *redaction
}

// stateJob is one state to make.
type stateJob struct {
	path   string // of the trace, - for standard input
	out    string
	asked  state.Asked
	iso    *cli.Isolated
	exists bool // the file of the trace does
}

func runState(ctx context.Context, t *cli.Terminal, f *stateFlags, fs *pflag.FlagSet, paths []string) error {
	m := &stateMaker{f: f}
	var err error
	if m.by, err = parseKeys(f.by); err != nil {
		return err
	}
	if m.max, err = f.groups.Max(); err != nil {
		return err
	}
	if f.page != "" && f.page != "html" {
		return cli.Unknown("form", f.page, []string{"html"})
	}
	if f.identity != "content" && f.identity != "sends" {
		return cli.Unknown("identity", f.identity, []string{"content", "sends"})
	}
	if m.redact, err = parseRedaction(f.redact, f.secret, f.page != ""); err != nil {
		return err
	}
	if f.manifest != "" {
		f.sends.IsolatedElsewhere()
	}
	if m.sends, err = f.sends.Load(t, nil); err != nil {
		return err
	}
	m.config = state.Config{By: keyNames(m.by), Flags: givenFlags(fs, m.redact), Page: f.page != ""}
	jobs, err := m.jobs(t, fs, paths)
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
	return worstState(cli.AtOnce(t, n, len(jobs), func(i int, t *cli.Terminal, _ func()) error {
		err := m.make(ctx, t, &jobs[i], n > 1 && len(jobs) > 1)
		if err == nil {
			return nil
		}
		return m.said(t, &jobs[i], err)
	}))
}

func keyNames(by []ipi.Key) (names []string) {
	for _, k := range by {
		names = append(names, k.String())
	}
	return names
}

// countFlags are the flags besides --by that decide what is counted.
func countFlags() []string {
	return []string{"filter", "nr-cpus", "events", "recorded", "cpu", "instance", "from", "to", "trim", "max-groups"}
}

// givenFlags are those of countFlags that are not as usual.
func givenFlags(fs *pflag.FlagSet, r *redaction) map[string]string {
	var given map[string]string
	set := func(name, value string) {
		if given == nil {
			given = map[string]string{}
		}
		given[name] = value
	}
	for _, name := range countFlags() {
		if flag := fs.Lookup(name); flag != nil && flag.Value.String() != flag.DefValue {
			set(name, flag.Value.String())
		}
	}
	if text := r.String(); text != "" {
		set("redact", text)
	}
	return given
}

// jobs lists what is to be made.
func (m *stateMaker) jobs(t *cli.Terminal, fs *pflag.FlagSet, paths []string) ([]stateJob, error) {
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
	return m.jobsOf(t, fs, lines, groups, shard, single)
}

func (m *stateMaker) jobsOf(t *cli.Terminal, fs *pflag.FlagSet, lines []cli.ManifestLine, groups map[string]string, shard cli.Shard, single bool) ([]stateJob, error) {
	var jobs []stateJob
	names := map[string]string{}
	for _, l := range lines {
		if !shard.Has(l.Path) {
			continue
		}
		j := stateJob{path: l.Path, iso: l.Isolated, out: m.f.output}
		j.asked = state.Asked{Path: l.Path, Isolated: l.Set, Host: l.Host, Date: l.Date, Groups: l.Groups}
		if m.f.as != "" {
			j.asked.Path = m.f.as
		}
		if m.f.host != "" {
			j.asked.Host = m.f.host
		}
		for name, value := range groups {
			if j.asked.Groups == nil {
				j.asked.Groups = map[string]string{}
			}
			j.asked.Groups[name] = value
		}
		if j.iso == nil {
			if m.f.manifest != "" && m.sends.Isolated.All && !fs.Changed("isolated") {
				return nil, cli.Usage(fmt.Errorf("--manifest %s: %s has no isolated CPUs: a rate of all CPUs is that of none of them; add a column isolated, or give --isolated for all lines without one", m.f.manifest, l.Path))
			}
			own := *m.sends.Isolated
			j.iso = &own
			if !own.All {
				j.asked.Isolated = own.Mask.String()
			}
		}
		if st, err := os.Stat(l.Path); err == nil && st.Mode().IsRegular() {
			j.asked.Size, j.asked.Modified, j.exists = st.Size(), st.ModTime().UnixNano(), true
		}
		m.redact.asked(&j.asked)
		if !single {
			j.out = filepath.Join(m.f.output, stateName(j.asked.Path))
			if other, ok := names[j.out]; ok {
				t.Warnf("warning", "%s is named twice (%s): one state is made", j.asked.Path, other)
				continue
			}
			names[j.out] = j.asked.Path
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
	head := &state.State{Catalog: m.sends.Catalog.ID(), Config: m.config, Inputs: []state.Input{{Asked: j.asked}}}
	if j.exists && isMade(j.out, head) {
		return nil
	}
	if err := cli.RefuseTerminal(t, j.out, "a state"); err != nil {
		return err
	}
	var whole hash.Hash
	if j.path == "-" && m.f.identity == "content" {
		whole = sha256.New()
		t.In = io.TeeReader(t.In, whole)
	}
	sends := m.sends.Of(t, j.path, j.iso)
	if beside {
		sends.OneThread()
	}
	sums := newReportSums(j.iso.Targets(), m.by, sends.Catalog, m.f.page != "")
	sums.config.MaxGroups, sums.name = m.max, func(meta *trace.Meta) {
		meta.Path, meta.Host = j.asked.Path, m.redact.name("host", meta.Host)
	}
	readErr := sums.read(ctx, sends, nil)
	in := sums.total.Inputs()
	if len(in) == 0 {
		return readErr
	}
	if status := cli.Status(readErr); status != cli.ExitOK && status != cli.ExitFailed && status != cli.ExitPartial || ctx.Err() != nil {
		return readErr
	}
	m.redact.groups(sums.total)
	s, err := sums.state(head, in)
	if err != nil {
		return err
	}
	if s.Inputs[0].ID, err = m.identify(t, j, whole); err != nil {
		return err
	}
	if err := cli.WriteTo(t, j.out, func(o cli.Output) error { return s.Write(o) }); err != nil {
		return err
	}
	if cli.Status(readErr) == cli.ExitPartial {
		return readErr
	}
	return nil
}

// state is the sums as a state with this head, of these inputs.
func (s *reportSums) state(head *state.State, inputs []result.Input) (*state.State, error) {
	x := *head
	x.Inputs = nil
	for i, in := range inputs {
		one := state.Input{Input: in}
		if i < len(head.Inputs) {
			one.Asked, one.ID = head.Inputs[i].Asked, head.Inputs[i].ID
		}
		x.Inputs = append(x.Inputs, one)
	}
	x.Parts = map[string]state.Part{}
	groups, err := s.total.State()
	if err != nil {
		return nil, err
	}
	x.Parts[partIPI] = state.Part{Version: ipi.StateVersion, Sums: groups}
	for _, m := range s.more {
		if m.stored == nil {
			continue
		}
		var sums json.RawMessage
		if sums, err = m.stored.state(); err != nil {
			return nil, err
		}
		x.Parts[m.stored.name] = state.Part{Version: m.stored.version, Sums: sums}
	}
	return &x, nil
}

// isMade reports whether a file is the state that would be made.
func isMade(path string, head *state.State) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	old, err := state.NewReader().Read(data)
	return err == nil && old.IsOf(head)
}

// identify is the SHA-256 of a trace, "" if it was not asked for or the trace is a
// folder. whole has what was read of standard input so far.
func (m *stateMaker) identify(t *cli.Terminal, j *stateJob, whole hash.Hash) (string, error) {
	switch {
	case m.f.identity != "content":
		return "", nil
	case whole != nil:
		if _, err := io.Copy(io.Discard, t.In); err != nil {
			return "", err
		}
		return hex.EncodeToString(whole.Sum(nil)), nil
	case !j.exists:
		return "", nil
	}
	file, err := os.Open(j.path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// said says why a state was not made, unless that was said, and returns the exit
// status that tells whether to try again.
func (m *stateMaker) said(t *cli.Terminal, j *stateJob, err error) error {
	var exit *cli.ExitError
	cause := err
	if errors.As(err, &exit) && exit.Said != nil {
		cause = exit.Said
	} else if exit == nil || exit.Err != nil {
		t.Warnf("error", "%s: %v", j.path, err)
	}
	status := cli.Status(err)
	var system *fs.PathError
	if status == cli.ExitFailed && !errors.As(cause, &system) && !errors.Is(cause, context.Canceled) {
		status = cli.ExitUsage // what is no trace does not become one
	}
	return &stateError{status}
}

// A stateError is the exit status of one state. It does not end the making of others.
type stateError struct{ status int }

func (e *stateError) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// worstState is the exit status of several: that trying again may help some of them
// comes before that others are lost.
func worstState(all []error) error {
	order := []int{cli.ExitPartial, cli.ExitUsage, cli.ExitFailed}
	worst := -1
	for _, err := range all {
		var one *stateError
		if errors.As(err, &one) {
			for i, status := range order {
				if one.status == status {
					worst = max(worst, i)
				}
			}
		}
	}
	if worst < 0 {
		return nil
	}
	return &cli.ExitError{Code: order[worst]}
}
