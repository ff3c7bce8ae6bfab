package states

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
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/latency"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// partIPI is the part of a state that holds the groups of a report.
const partIPI = "ipi"

// Flags decide what is counted of a trace and what its state holds.
type Flags struct {
	sends    cli.SendFlags
	by       string
	groups   cli.GroupsFlag
	keep     string
	kind     string
	window   time.Duration
	identity string
	redact   string
	secret   string
}

// AddTo defines the flags.
func (f *Flags) AddTo(fs *pflag.FlagSet) {
	f.sends.AddTo(fs, "count only the sends")
	cli.KeysVar(fs, &f.by, "by", DefaultBy, "group by `KEYS`, comma separated: "+strings.Join(ipi.KeyNames(), " "))
	f.groups.AddTo(fs, key.DefaultMaxGroups)
	fs.StringVar(&f.keep, "for", "", "keep besides what `FORM` or what other commands print of the trace, comma separated: "+strings.Join(Keepable(), " "))
	fs.StringVar(&f.kind, "kind", "all", "with --for latency: `KIND` of events to pair: "+strings.Join(latency.Kinds(), " "))
	fs.DurationVar(&f.window, "window", time.Duration(latency.DefaultWindow), "with --for latency: `TIME` after an interrupt within which a context switch is put down to it")
	fs.StringVar(&f.identity, "identity", "content", "know copies of a trace by `WHAT`: content is the SHA-256 of the file, which is read for it once more; sends is the times of what it holds alone")
	fs.StringVar(&f.redact, "redact", "", "replace names by stable hashes, comma separated `WHAT`: "+strings.Join(Redactable(), " "))
	fs.StringVar(&f.secret, "redact-key", "", "with --redact: hash with the contents of `FILE`, so that nobody without it can try names; states to be merged need the same")
}

// Load checks the flags and reads what they name. The isolated CPUs may be in a
// manifest.
func (f *Flags) Load(t *cli.Terminal, fs *pflag.FlagSet, manifest bool) (*Maker, error) {
	m := &Maker{content: f.identity == "content", named: fs.Changed("isolated")}
	var err error
	if m.by, err = ParseKeys(f.by); err != nil {
		return nil, err
	}
	if m.max, err = f.groups.Max(); err != nil {
		return nil, err
	}
	page, also, err := f.kept(fs)
	if err != nil {
		return nil, err
	}
	if f.identity != "content" && f.identity != "sends" {
		return nil, cli.Unknown("identity", f.identity, []string{"content", "sends"})
	}
	if m.redact, err = parseRedaction(f.redact, f.secret, page); err != nil {
		return nil, err
	}
	if manifest {
		f.sends.IsolatedElsewhere()
	}
	if m.sends, err = f.sends.Load(t, nil); err != nil {
		return nil, err
	}
	m.config = state.Config{By: keyNames(m.by), Flags: givenFlags(fs, m.redact), Page: page, Also: also}
	if m.further, err = furtherOf(m.config); err != nil {
		return nil, err
	}
	if m.more = latency.DefaultMaxGroups; fs.Changed("max-groups") {
		m.more = m.max
	}
	return m, nil
}

// kept reads --for.
func (f *Flags) kept(fs *pflag.FlagSet) (page bool, also []string, err error) {
	if f.keep == "" {
		f.keep = "report"
	}
	for name := range strings.SplitSeq(f.keep, ",") {
		switch {
		case name == "html":
			page = true
		case name == "report": // is there in any case
		case !slices.Contains(Keepable(), name):
			return false, nil, cli.Unknown("form", name, Keepable())
		case !slices.Contains(also, name):
			also = append(also, name)
		}
	}
	slices.Sort(also)
	for _, flag := range []string{"kind", "window"} {
		if fs.Changed(flag) && !slices.Contains(also, "latency") {
			return false, nil, cli.Usage(fmt.Errorf("--%s goes with --for latency", flag))
		}
	}
	if fs.Changed("filter") && slices.Contains(also, "quiet") {
		return false, nil, cli.Usage(errors.New("--filter: --for quiet takes interruptions of every kind"))
	}
	return page, also, nil
}

// A Maker makes states of traces, with one set of flags.
type Maker struct {
	sends   *cli.Sends
	by      []ipi.Key
	max     int
	config  state.Config
	redact  *redaction
	further []*further // what they are, with no sums
	more    int        // like max, of these
	content bool       // a trace is known by its bytes
	named   bool       // --isolated was given
}

// A Job is one state to make.
type Job struct {
	Path     string // of the trace, - for standard input
	Asked    state.Asked
	isolated *cli.Isolated
	exists   bool // the file of the trace does
}

// Job is the job of a trace; as, unless empty, is the name that results give it, and
// manifest the file that the line is of, if any.
func (m *Maker) Job(l cli.ManifestLine, as, manifest string) (*Job, error) {
	j := &Job{Path: l.Path, isolated: l.Isolated}
	j.Asked = state.Asked{Path: l.Path, Isolated: l.Set, Host: l.Host, Date: l.Date, Groups: l.Groups}
	if as != "" {
		j.Asked.Path = as
	}
	if j.isolated == nil {
		if manifest != "" && m.sends.Isolated.All && !m.named {
			return nil, cli.Usage(fmt.Errorf("--manifest %s: %s has no isolated CPUs: a rate of all CPUs is that of none of them; add a column isolated, or give --isolated for all lines without one", manifest, l.Path))
		}
		own := *m.sends.Isolated
		j.isolated = &own
		if !own.All {
			j.Asked.Isolated = own.Mask.String()
		}
	}
	if l.Path == "-" && slices.ContainsFunc(m.further, func(f *further) bool { return f.read != nil }) {
		return nil, cli.Usage(fmt.Errorf("standard input is read once: --for %s needs a file", strings.Join(m.config.Also, ",")))
	}
	if st, err := os.Stat(l.Path); err == nil && st.Mode().IsRegular() {
		j.Asked.Size, j.Asked.Modified, j.exists = st.Size(), st.ModTime().UnixNano(), true
	}
	m.redact.asked(&j.Asked)
	return j, nil
}

func keyNames(by []ipi.Key) (names []string) {
	for _, k := range by {
		names = append(names, k.String())
	}
	return names
}

// countFlags are the flags besides --by that decide what is counted.
func countFlags() []string {
	return []string{"filter", "nr-cpus", "events", "recorded", "cpu", "instance", "from", "to", "trim", "max-groups", "kind", "window"}
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

// head is what is known of a state before its trace is read.
func (m *Maker) head(j *Job) *state.State {
	return &state.State{Catalog: m.sends.Catalog.ID(), Config: m.config, Inputs: []state.Input{{Asked: j.Asked}}}
}

// Make makes the state of a trace. It is nil if there is none; an error beside one
// says that it lacks something and --strict was given. beside says that others are
// made at the same time.
func (m *Maker) Make(ctx context.Context, t *cli.Terminal, j *Job, beside bool) (*state.State, error) {
	var whole hash.Hash
	if j.Path == "-" && m.content {
		whole = sha256.New()
		t.In = io.TeeReader(t.In, whole)
	}
	sends := m.sends.Of(t, j.Path, j.isolated)
	if beside {
		sends.OneThread()
	}
	sums := NewSums(j.isolated.Targets(), m.by, sends.Catalog, m.config.Page)
	sums.Config.MaxGroups, sums.Name = m.max, func(meta *trace.Meta) { m.name(meta, j) }
	sums.Config.Timeline = sums.Config.Timeline || slices.Contains(m.config.Also, "diff")
	readErr := sums.Read(ctx, sends, nil)
	in := sums.Total.Inputs()
	if len(in) == 0 {
		return nil, readErr
	}
	if status := cli.Status(readErr); status != cli.ExitOK && status != cli.ExitFailed && status != cli.ExitPartial || ctx.Err() != nil {
		return nil, readErr
	}
	m.redact.groups(sums.Total.Rename)
	s, err := sums.State(m.head(j), in)
	if err != nil {
		return nil, err
	}
	if err := m.readAgain(ctx, t, j, beside, s); err != nil {
		return nil, err
	}
	if s.Inputs[0].ID, err = m.identify(t, j, whole); err != nil {
		return nil, err
	}
	if cli.Status(readErr) != cli.ExitPartial {
		readErr = nil // damage is in the state
	}
	return s, readErr
}

// name gives a trace the names that results call it by.
func (m *Maker) name(meta *trace.Meta, j *Job) {
	meta.Path, meta.Host = j.Asked.Path, m.redact.name("host", meta.Host)
}

// State is the sums as a state with this head, of these inputs.
func (s *Sums) State(head *state.State, inputs []result.Input) (*state.State, error) {
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
	groups, err := s.Total.State()
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

// IsMade reports whether a file is the state that would be made.
func (m *Maker) IsMade(j *Job, path string) bool {
	if !j.exists {
		return false
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	old, err := state.NewReader().Read(data)
	return err == nil && old.IsOf(m.head(j))
}

// identify is the SHA-256 of a trace, "" if it was not asked for or the trace is a
// folder. whole has what was read of standard input so far.
func (m *Maker) identify(t *cli.Terminal, j *Job, whole hash.Hash) (string, error) {
	switch {
	case !m.content:
		return "", nil
	case whole != nil:
		if _, err := io.Copy(io.Discard, t.In); err != nil {
			return "", err
		}
		return hex.EncodeToString(whole.Sum(nil)), nil
	case !j.exists:
		return "", nil
	}
	file, err := os.Open(j.Path)
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

// Status is the exit status of making a state, which tells whether trying again may
// help, and the cause of it.
func Status(err error) (status int, cause error) {
	var exit *cli.ExitError
	cause = err
	if errors.As(err, &exit) && exit.Said != nil {
		cause = exit.Said
	}
	status = cli.Status(err)
	var system *fs.PathError
	if status == cli.ExitFailed && !errors.As(cause, &system) && !errors.Is(cause, context.Canceled) {
		status = cli.ExitUsage // what is no trace does not become one
	}
	return status, cause
}

// Worst is the exit status of several states: that trying again may help some of them
// comes before that others are lost.
func Worst(all []int) int {
	worst := 0
	order := []int{cli.ExitOK, cli.ExitPartial, cli.ExitUsage, cli.ExitFailed}
	for _, status := range all {
		worst = max(worst, slices.Index(order, status))
	}
	return order[worst]
}
