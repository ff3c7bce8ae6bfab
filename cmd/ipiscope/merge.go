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

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

type mergeFlags struct {
	form    states.Form
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
	f.form.AddTo(cmd)
	cmd.Flags().StringVar(&f.partial, "partial", "", "write the sum to the state `FILE` and print nothing")
	complete(cmd, "sort", append(states.SortColumns(), ipi.KeyNames()...))
	return cmd
}

func runMerge(t *cli.Terminal, f *mergeFlags, args []string) error {
	write, err := f.form.Writer(t)
	if err != nil {
		return err
	}
	m := states.Merger{Page: f.partial != "" || f.form.IsPage()}
	for s, err := range eachState(args) {
		if err == nil {
			err = m.Add(s)
		}
		if err != nil {
			return err
		}
	}
	if f.partial != "" {
		return writePartial(t, &m, f.partial)
	}
	return write(&m, m.Repeated)
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
