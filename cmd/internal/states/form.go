package states

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/report"
	"github.com/ipiscope/ipiscope/report/mail"
)

// A Form is how a sum of states is shown.
type Form struct {
	output cli.OutputFlags
	sort   string
	files  FilesFlag
	// ofReport are the flags that were given and choose what a report shows
	ofReport func() string
}

// AddTo defines the flags.
func (f *Form) AddTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.sort, "sort", "hits", "sort the groups by this `COLUMN`, largest first; names alphabetically")
	f.files.AddTo(cmd.Flags())
	f.output.Extra = []report.Format{{Name: "mail", Doc: "plain text for a mailing list, 72 columns", Write: writeMail}}
	f.output.AddTo(cmd, 20)
	f.ofReport = func() string {
		for _, name := range []string{"sort", "by-file-max"} {
			if cmd.Flags().Changed(name) {
				return name
			}
		}
		return ""
	}
}

// writeMail writes what report, or diff, writes for a mailing list.
func writeMail(w io.Writer, s *result.Set, o report.Options) error {
	if s.Table("rows") != nil {
		return mail.Write(w, s, o.Top)
	}
	return mail.WriteReport(w, s, o.Top, o.AllRows)
}

// OtherWriter checks the flags and returns what writes what another command than report
// prints.
func (f *Form) OtherWriter(t *cli.Terminal, as string) (func(*result.Set) error, error) {
	if name := f.ofReport(); name != "" {
		return nil, cli.Usage(fmt.Errorf("--%s is of a report, and not of --as %s", name, as))
	}
	switch as {
	case "latency", "quiet":
		if f.output.Format() == "mail" {
			return nil, cli.Usage(fmt.Errorf("--format mail: %s has no such format", as))
		}
		f.output.Every = true
	}
	if as == "quiet" {
		f.output.UsualTop(0)
	}
	return f.output.Writer(t)
}

// IsPage reports whether the sum is shown as a page, for which states hold more.
func (f *Form) IsPage() bool { return f.output.Format() == "html" }

// Writer checks the flags and returns what writes a sum, which says that these inputs
// were left out of it.
func (f *Form) Writer(t *cli.Terminal) (func(m *Merger, repeated []result.Input) error, error) {
	write, err := f.output.Writer(t)
	if err != nil {
		return nil, err
	}
	maxFiles, err := f.files.Max()
	if err != nil {
		return nil, err
	}
	return func(m *Merger, repeated []result.Input) error {
		if err := CheckSort(f.sort, m.Sums.Config.By); err != nil {
			return err
		}
		if f.IsPage() && !m.Head.Config.Page {
			return cli.Usage(errors.New("--format html: the states lack what a page shows: make them with state --for html"))
		}
		m.Sums.Total.MaxFiles(maxFiles)
		set := m.Sums.Total.Result()
		WarnTwins(set, repeated)
		SortGroups(set, f.sort)
		m.Sums.AddTo(set)
		return write(set)
	}, nil
}

// WarnTwins says in a result which recordings were left out.
func WarnTwins(set *result.Set, repeated []result.Input) {
	for _, in := range repeated {
		cli.WarnTwin(set, in)
	}
}

// FilesFlag is --by-file-max.
type FilesFlag struct{ max int }

// AddTo defines the flag.
func (f *FilesFlag) AddTo(fs *pflag.FlagSet) {
	fs.IntVar(&f.max, "by-file-max", 20, "show the hits in each trace where there are at most `N` traces, 0 for no limit")
}

// Max checks the flag.
func (f *FilesFlag) Max() (int, error) {
	if f.max < 0 {
		return 0, cli.Usage(fmt.Errorf("--by-file-max %d: want 1 or more, or 0 for no limit", f.max))
	}
	return f.max, nil
}

// SortColumns are the columns that --sort takes besides the keys of --by.
func SortColumns() []string { return []string{"hits", "sends", "requests", "self", "noise"} }

// CheckSort refuses a column that --sort does not take with these keys.
func CheckSort(column string, by []ipi.Key) error {
	valid := SortColumns()
	for _, k := range by {
		valid = append(valid, k.String())
	}
	if !slices.Contains(valid, column) {
		return cli.Unknown("sort column", column, valid)
	}
	return nil
}

// SortGroups sorts the groups of a result by a column.
func SortGroups(set *result.Set, column string) {
	t := set.Table("groups")
	switch i := t.Index(column); {
	case column == "hits": // the order they have
	case t.Cols[i].Key:
		t.SortUp(i)
	default:
		t.SortDown(i)
	}
}
