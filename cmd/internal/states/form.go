package states

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// A Form is how a sum of states is shown.
type Form struct {
	output cli.OutputFlags
	sort   string
	files  FilesFlag
}

// AddTo defines the flags.
func (f *Form) AddTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.sort, "sort", "hits", "sort the groups by this `COLUMN`, largest first; names alphabetically")
	f.files.AddTo(cmd.Flags())
	f.output.AddTo(cmd, 20)
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
