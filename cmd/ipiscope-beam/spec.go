package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
)

// flags are those that decide what is counted and how the sum is shown: those of state
// and of merge.
type flags struct {
	counting states.Flags
	form     states.Form
}

// addTo defines the flags. A page needs states that hold more, so --format html stands
// for --for html.
func (f *flags) addTo(cmd *cobra.Command) {
	f.counting.AddTo(cmd.Flags())
	f.form.AddTo(cmd)
}

// A Spec is the command line as it travels to the workers, which have neither the files
// nor the environment of whoever starts the pipeline.
type Spec struct {
	Args     []string // flags with their values
	Files    []File   // what flags name
	Manifest string   // path of the manifest, for messages
	Command  string   // the command line, for pages
}

// A File is a file that the flag names.
type File struct {
	Flag, Base string
	Data       []byte
}

// newSpec packs the flags that were given and the files that they name.
func newSpec(fs *pflag.FlagSet, manifest, command string) (*Spec, error) {
	s := &Spec{Manifest: manifest, Command: command}
	var own flags
	counting := &cobra.Command{}
	own.addTo(counting)
	var err error
	fs.Visit(func(f *pflag.Flag) {
		if counting.Flags().Lookup(f.Name) == nil || f.Name == "output" {
			return
		}
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			if e := s.add(f.Name, v); e != nil {
				err = errors.Join(err, e)
			}
		}
	})
	if env := os.Getenv(cli.IsolatedVariable); env != "" && !fs.Changed("isolated") {
		err = errors.Join(err, s.add("isolated", env))
	}
	if kept := fs.Lookup("for").Value.String(); kept != "" && kept != "html" {
		err = errors.Join(err, cli.Usage(fmt.Errorf("--for %s: the pipeline prints what report prints, for which states keep nothing but html", kept)))
	}
	if fs.Lookup("format").Value.String() == "html" && !fs.Changed("for") {
		s.Args = append(s.Args, "--for=html")
	}
	return s, err
}

// add adds a flag, with the file that it names.
func (s *Spec) add(name, value string) error {
	switch {
	case name == "isolated" && value == "auto":
		return cli.Usage(errors.New("--isolated auto is for traces of this machine: give the CPUs as a list, or a manifest with a column isolated"))
	case name == "isolated":
		if st, err := os.Stat(value); err != nil || st.IsDir() {
			break // a list
		}
		fallthrough
	case name == "catalog", name == "redact-key":
		data, err := cli.ReadFile(value, 0)
		if err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
		s.Files = append(s.Files, File{name, filepath.Base(value), data})
		return nil
	}
	s.Args = append(s.Args, "--"+name+"="+value)
	return nil
}

// load parses the flags where they have come to. What needs saying was said where the
// pipeline began.
func (s *Spec) load(t *cli.Terminal) (*flags, *states.Maker, error) {
	dir, err := os.MkdirTemp("", "ipiscope-beam-")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	args := s.Args
	isolated := false
	for i, f := range s.Files {
		path := filepath.Join(dir, fmt.Sprintf("%d-%s", i, f.Base))
		if err := os.WriteFile(path, f.Data, 0o600); err != nil {
			return nil, nil, err
		}
		args = append(args[:len(args):len(args)], "--"+f.Flag+"="+path)
	}
	for _, a := range args {
		isolated = isolated || strings.HasPrefix(a, "--isolated=")
	}
	if !isolated { // what a worker's environment says is of no trace
		if err := os.Unsetenv(cli.IsolatedVariable); err != nil {
			return nil, nil, err
		}
	}
	cmd := &cobra.Command{}
	var f flags
	f.addTo(cmd)
	if err := cmd.Flags().Parse(args); err != nil {
		return nil, nil, err
	}
	m, err := f.counting.Load(t, cmd.Flags(), s.Manifest != "")
	return &f, m, err
}
