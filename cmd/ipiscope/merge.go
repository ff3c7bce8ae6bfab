package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

type mergeFlags struct {
	form    states.Form
	as      string
	diff    diffFlags
	partial string
	// given are the flags of --as diff that were
	given   func() []string
	example bool
}

func newMerge(t *cli.Terminal) *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge [flags] STATE|FOLDER|LIST...",
		Short: "Add up states and print what report prints of their traces",
		Long: `Add up what state counted and print what report prints of the traces themselves,
the same bytes. A FOLDER stands for the states in it, in the order of their traces'
paths; a LIST is a text with the path of a state in each line. The same trace twice
counts once, which is said. States of other flags, another catalogue or another
version's counting are refused, and so are those that are cut or damaged: make them
anew from their traces.

--as prints what another command prints of the traces, of states that were made with
state --for: latency, quiet, or diff of two FOLDERs or STATEs, or of several groups as
NAME=FOLDER, each state being a run.

--partial writes the sum as a state again, for merging in steps.`,
		Example: `  ipiscope merge states
  ipiscope merge --as latency --format json pages
  ipiscope merge --as diff --margin 1.1 base patched
  ipiscope merge --format html -o fleet.html pages
  ipiscope merge --partial rack1.ipistate.json.zst rack1`,
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(t, &f, args) },
	}
	f.form.AddTo(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.partial, "partial", "", "write the sum to the state `FILE` and print nothing")
	fs.StringVar(&f.as, "as", "report", "print what `COMMAND` prints: "+strings.Join(commandsOfStates(), " "))
	fs.BoolVar(&f.example, "example", false, "")
	fs.Lookup("example").Hidden = true // to say why there is none
	of := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.diff.addLevels(of)
	f.diff.addConclusion(of)
	of.VisitAll(func(x *pflag.Flag) { x.Usage = "with --as diff: " + x.Usage })
	fs.AddFlagSet(of)
	f.given = func() (names []string) {
		of.VisitAll(func(x *pflag.Flag) {
			if x.Changed {
				names = append(names, x.Name)
			}
		})
		return names
	}
	complete(cmd, "as", commandsOfStates())
	complete(cmd, "sort", append(states.SortColumns(), ipi.KeyNames()...))
	return cmd
}

// commandsOfStates are those of which states hold what they print.
func commandsOfStates() []string { return []string{"report", "latency", "quiet", "diff"} }

func runMerge(t *cli.Terminal, f *mergeFlags, args []string) error {
	if f.example {
		return cli.Usage(errors.New("--example: a state holds sums and no events; report --example of the traces shows them"))
	}
	if !slices.Contains(commandsOfStates(), f.as) {
		return cli.Unknown("command", f.as, commandsOfStates())
	}
	if given := f.given(); f.as != "diff" && len(given) > 0 {
		return cli.Usage(fmt.Errorf("--%s goes with --as diff", given[0]))
	}
	if f.as != "report" {
		if f.partial != "" {
			return cli.Usage(errors.New("--partial keeps what states hold: it goes without --as"))
		}
		return mergeAs(t, f, args)
	}
	write, err := f.form.Writer(t)
	if err != nil {
		return err
	}
	partial := f.partial != ""
	m := states.Merger{Page: partial || f.form.IsPage(), All: partial}
	if err := addStates(&m, args); err != nil {
		return err
	}
	if partial {
		return writePartial(t, &m, f.partial)
	}
	return write(&m, m.Repeated)
}

func addStates(m *states.Merger, args []string) error {
	for s, err := range eachState(args) {
		if err == nil {
			err = m.Add(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeAs prints what another command than report prints.
func mergeAs(t *cli.Terminal, f *mergeFlags, args []string) error {
	write, err := f.form.OtherWriter(t, f.as)
	if err != nil {
		return err
	}
	m := states.Merger{As: f.as}
	if f.as == "diff" {
		return mergeDiff(t, f, &m, args, write)
	}
	if err := addStates(&m, args); err != nil {
		return err
	}
	set := m.Result()
	states.WarnTwins(set, m.Repeated)
	return write(set)
}

// mergeDiff compares states as diff does their traces.
func mergeDiff(t *cli.Terminal, f *mergeFlags, m *states.Merger, args []string, write func(*result.Set) error) error {
	if err := f.diff.checkLevels(); err != nil {
		return err
	}
	specs, err := f.diff.specs(args)
	if err != nil {
		return cli.Usage(errors.New("merge --as diff: name two states or folders of them, or two groups or more as NAME=STATE"))
	}
	cfg := f.diff.levels()
	var sides []compare.Side
	for _, spec := range specs {
		side := compare.Side{Name: spec.name}
		for s, err := range eachState(spec.paths) {
			if err != nil {
				return err
			}
			run, err := f.runOf(m, s)
			if err != nil {
				return err
			}
			side.Runs = append(side.Runs, run)
		}
		sides = append(sides, side)
	}
	cfg.By = m.Head.Config.By
	conditions, err := f.diff.conditions(&cfg)
	if err != nil {
		return err
	}
	set, err := f.diff.compare(sides, &cfg, f.form.IsPage(), write)
	if err == nil {
		err = f.diff.warnUnheard(t, conditions, set)
	}
	if err != nil {
		return err
	}
	return conclude(conditions, set)
}

// runOf is the run that a state is of.
func (f *mergeFlags) runOf(m *states.Merger, s states.Stored) (compare.Run, error) {
	if err := m.Fits(s); err != nil {
		return compare.Run{}, err
	}
	if len(s.Inputs) != 1 {
		return compare.Run{}, cli.Usage(fmt.Errorf("%s: the sum of %d recordings: runs cannot be told apart in it; name the states that it was made of", s.Path, len(s.Inputs)))
	}
	s.Inputs[0].Twin = m.Twin(&s.Inputs[0])
	if twin := refuseTwin(s.Inputs[0].Input); twin != nil && !f.diff.duplicates {
		return compare.Run{}, twin
	}
	h, err := hostOf(s)
	if err != nil {
		return compare.Run{}, err
	}
	if h.sum.IsFolded() {
		return compare.Run{}, cli.Usage(fmt.Errorf("%s: some of its groups share one, and a comparison takes each: make it anew with state --max-groups 0", s.Path))
	}
	return newRun(h.sum), nil
}

// eachState reads all that the arguments name, one after the other.
func eachState(args []string) iter.Seq2[states.Stored, error] {
	return func(yield func(states.Stored, error) bool) {
		if len(args) == 0 {
			yield(states.Stored{}, cli.Usage(errors.New("name at least one state, a folder of them, or a text with their paths")))
			return
		}
		r := state.NewReader()
		for _, arg := range args {
			files, err := stateFiles(r, arg)
			if err != nil {
				yield(states.Stored{}, err)
				return
			}
			for i := range files {
				s, err := files[i].read(r)
				if !yield(states.Stored{Path: files[i].path, State: s}, err) || err != nil {
					return
				}
			}
		}
	}
}

// A stateFile is the file of a state, with its bytes if they were kept.
type stateFile struct {
	path string
	data []byte
}

// maxKept bounds how many bytes of states are kept that were read to put them in
// order: those of some 10,000 states.
const maxKept = 64 << 20

// read decodes the state. Its bytes are not kept any longer.
func (f *stateFile) read(r *state.Reader) (*state.State, error) {
	data := f.data
	f.data = nil
	if data == nil {
		var err error
		if data, err = os.ReadFile(f.path); err != nil {
			return nil, err
		}
	}
	s, err := r.Read(data)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s: %w", f.path, err))
	}
	return s, nil
}

// stateFiles are the states that an argument stands for.
func stateFiles(r *state.Reader, arg string) ([]stateFile, error) {
	if st, err := os.Stat(arg); err != nil {
		return nil, err
	} else if st.IsDir() {
		return statesIn(r, arg)
	}
	file, err := os.Open(arg)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text := bufio.NewReader(file)
	if head, _ := text.Peek(len(state.Magic)); string(head) == state.Magic || strings.HasSuffix(arg, stateSuffix) {
		return []stateFile{{path: arg}}, nil
	}
	var files []stateFile
	binary := false
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			binary = binary || strings.ContainsRune(line, 0)
			files = append(files, stateFile{path: line})
		}
	}
	if err := lines.Err(); err != nil || binary {
		return nil, cli.Usage(fmt.Errorf("%s: neither a state nor a text with the paths of states", arg))
	}
	if len(files) == 0 {
		return nil, cli.Usage(fmt.Errorf("%s: names no state", arg))
	}
	return files, nil
}

// statesIn are the states in a folder and those below it, in the order of the paths of
// their traces.
func statesIn(r *state.Reader, folder string) ([]stateFile, error) {
	type found struct {
		trace string
		stateFile
	}
	var all []found
	kept := 0
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, stateSuffix) {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		trace, err := r.Path(data)
		if err != nil {
			return cli.Usage(fmt.Errorf("%s: %w", path, err))
		}
		if kept += len(data); kept > maxKept {
			data = nil
		}
		all = append(all, found{trace, stateFile{path, data}})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, cli.Usage(fmt.Errorf("%s: no state (*%s) in this folder", folder, stateSuffix))
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.trace, b.trace), cmp.Compare(a.path, b.path)) })
	files := make([]stateFile, len(all))
	for i, x := range all {
		files[i] = x.stateFile
	}
	return files, nil
}

// writePartial writes the sum as a state.
func writePartial(t *cli.Terminal, m *states.Merger, path string) error {
	s, err := m.State()
	if err != nil {
		return err
	}
	if err := cli.RefuseTerminal(t, path, "a state"); err != nil {
		return err
	}
	return cli.WriteTo(t, path, func(o cli.Output) error { return s.Write(o) })
}
