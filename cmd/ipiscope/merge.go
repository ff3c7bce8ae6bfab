package main

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

type mergeFlags struct {
	output  cli.OutputFlags
	sort    string
	files   filesFlag
	partial string
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

--partial writes the sum as a state again, for merging in steps.`,
		Example: `  ipiscope merge states
  ipiscope merge --format html -o fleet.html pages
  ipiscope merge --partial rack1.ipistate.json.zst rack1`,
		RunE: func(cmd *cobra.Command, args []string) error { return runMerge(t, &f, args) },
	}
	cmd.Flags().StringVar(&f.sort, "sort", "hits", "sort the groups by this `COLUMN`, largest first; names alphabetically")
	f.files.AddTo(cmd.Flags())
	cmd.Flags().StringVar(&f.partial, "partial", "", "write the sum to the state `FILE` and print nothing")
	f.output.AddTo(cmd, 20)
	complete(cmd, "sort", append(sortColumns(), ipi.KeyNames()...))
	return cmd
}

func runMerge(t *cli.Terminal, f *mergeFlags, args []string) error {
	write, err := f.output.Writer(t)
	if err != nil {
		return err
	}
	maxFiles, err := f.files.Max()
	if err != nil {
		return err
	}
	m := merger{page: f.partial != "" || f.output.Format() == "html"}
	for s, err := range states(args) {
		if err == nil {
			err = m.add(s)
		}
		if err != nil {
			return err
		}
	}
	if f.partial != "" {
		return m.writePartial(t, f.partial)
	}
	if err := checkSort(f.sort, m.sums.config.By); err != nil {
		return err
	}
	if f.output.Format() == "html" && !m.head.Config.Page {
		return cli.Usage(errors.New("--format html: the states lack what a page shows: make them with state --for html"))
	}
	m.sums.total.MaxFiles(maxFiles)
	set := m.sums.total.Result()
	warnTwins(set, m.repeated)
	sortGroups(set, f.sort)
	m.sums.addTo(set)
	return write(set)
}

// A storedState is a state with the file that it comes from.
type storedState struct {
	path string
	*state.State
}

// states reads all that the arguments name, one after the other.
func states(args []string) iter.Seq2[storedState, error] {
	return func(yield func(storedState, error) bool) {
		if len(args) == 0 {
			yield(storedState{}, cli.Usage(errors.New("name at least one state, a folder of them, or a text with their paths")))
			return
		}
		r := state.NewReader()
		for _, arg := range args {
			paths, err := statePaths(r, arg)
			if err != nil {
				yield(storedState{}, err)
				return
			}
			for _, path := range paths {
				s, err := readState(r, path)
				if !yield(storedState{path, s}, err) || err != nil {
					return
				}
			}
		}
	}
}

// groups are the sums by group of a state of these inputs.
func (s *storedState) groups(inputs []result.Input) (*ipi.Overview, error) {
	part := s.Parts[partIPI]
	if part.Version != ipi.StateVersion {
		return nil, fmt.Errorf("part %s of version %d, this program has %d", partIPI, part.Version, ipi.StateVersion)
	}
	return ipi.DecodeOverview(part.Sums, inputs)
}

func readState(r *state.Reader, path string) (*state.State, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s, err := r.Read(data)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s: %w", path, err))
	}
	return s, nil
}

// statePaths are the states that an argument stands for.
func statePaths(r *state.Reader, arg string) ([]string, error) {
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
		return []string{arg}, nil
	}
	var paths []string
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if line := strings.TrimSpace(lines.Text()); line != "" && !strings.HasPrefix(line, "#") {
			paths = append(paths, line)
		}
	}
	if err := lines.Err(); err != nil || bytes.ContainsRune([]byte(strings.Join(paths, "")), 0) {
		return nil, cli.Usage(fmt.Errorf("%s: neither a state nor a text with the paths of states", arg))
	}
	if len(paths) == 0 {
		return nil, cli.Usage(fmt.Errorf("%s: names no state", arg))
	}
	return paths, nil
}

// statesIn are the states in a folder and those below it, in the order of the paths of
// their traces.
func statesIn(r *state.Reader, folder string) ([]string, error) {
	type found struct{ trace, path string }
	var all []found
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
		all = append(all, found{trace, path})
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, cli.Usage(fmt.Errorf("%s: no state (*%s) in this folder", folder, stateSuffix))
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.trace, b.trace), cmp.Compare(a.path, b.path)) })
	var paths []string
	for _, x := range all {
		paths = append(paths, x.path)
	}
	return paths, nil
}

// A merger adds up states.
type merger struct {
	page  bool   // keep what a page shows
	first string // path of the first state
	head  *state.State
	sums  *reportSums
	twins cli.Twins
	ids   map[string]string // of traces -> path
	// inputs are what was added, repeated what was left out
	inputs   []state.Input
	repeated []result.Input
}

// add adds a state, unless its trace was there before.
func (m *merger) add(s storedState) error {
	if err := m.fits(s); err != nil {
		return err
	}
	inputs := make([]result.Input, len(s.Inputs))
	again := 0
	for i := range s.Inputs {
		in := &s.Inputs[i]
		if in.Twin = m.twin(in); in.Twin != "" {
			m.repeated = append(m.repeated, in.Input)
			again++
		}
		inputs[i] = in.Input
	}
	switch {
	case again > 0 && len(inputs) > 1:
		return cli.Usage(fmt.Errorf("%s: %d of the %d traces that are added up in it were there before, such as %s: a sum cannot be taken apart; merge the states that it was made of", s.path, again, len(inputs), m.repeated[len(m.repeated)-1].Twin))
	case again > 0:
		return nil
	}
	if err := m.addSums(s, inputs); err != nil {
		return cli.Usage(fmt.Errorf("%s: the state does not hold what it should: %w", s.path, err))
	}
	m.inputs = append(m.inputs, s.Inputs...)
	return nil
}

// fits refuses a state that differs from the first one in what was counted.
func (m *merger) fits(s storedState) error {
	if m.head == nil {
		return nil
	}
	if why := m.head.Differs(s.State); why != "" {
		return cli.Usage(fmt.Errorf("%s and %s do not add up: %s", m.first, s.path, why))
	}
	return nil
}

// addSums adds what was counted of these inputs.
func (m *merger) addSums(s storedState, inputs []result.Input) error {
	groups, err := s.groups(inputs)
	if err != nil {
		return err
	}
	page := m.page && s.Config.Page
	if !page {
		groups.Narrow()
	}
	if m.head == nil {
		by, err := ipi.ParseKeys(strings.Join(s.Config.By, ","))
		if err != nil {
			return err
		}
		m.first, m.head, m.sums = s.path, s.State, newReportSums(nil, by, nil, page)
		m.sums.total = groups
	} else if err := m.sums.total.Merge(groups); err != nil {
		return err
	}
	for _, more := range m.sums.more {
		p, ok := s.Parts[more.stored.name]
		if !ok || p.Version != more.stored.version {
			return fmt.Errorf("part %s of version %d, this program has %d", more.stored.name, p.Version, more.stored.version)
		}
		if err := more.stored.add(p.Sums, inputs); err != nil {
			return fmt.Errorf("part %s: %w", more.stored.name, err)
		}
	}
	return nil
}

// twin is the path of the trace that in repeats, "" if there is none.
func (m *merger) twin(in *state.Input) string {
	twin := m.twins.Find(in.Input)
	if in.ID == "" {
		return twin
	}
	if twin == "" {
		twin = m.ids[in.ID]
	}
	if m.ids == nil {
		m.ids = map[string]string{}
	}
	if m.ids[in.ID] == "" {
		m.ids[in.ID] = in.Asked.Path
	}
	return twin
}

// writePartial writes the sum as a state.
func (m *merger) writePartial(t *cli.Terminal, path string) error {
	head := &state.State{Catalog: m.head.Catalog, Config: m.head.Config, Inputs: m.inputs}
	s, err := m.sums.state(head, m.sums.total.Inputs())
	if err != nil {
		return err
	}
	if err := cli.RefuseTerminal(t, path, "a state"); err != nil {
		return err
	}
	return cli.WriteTo(t, path, func(o cli.Output) error { return s.Write(o) })
}
