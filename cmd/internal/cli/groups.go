package cli

import (
	"fmt"

	"github.com/spf13/pflag"
)

// GroupsFlag bounds how many groups a result has.
type GroupsFlag struct{ max int }

// AddTo defines the flag.
func (f *GroupsFlag) AddTo(fs *pflag.FlagSet, max int) {
	fs.IntVar(&f.max, "max-groups", max, "keep at most `N` groups of each trace and put the rest together, 0 for no limit: bounds the rows, not the memory that names and stacks take")
}

// Max checks the flag.
func (f *GroupsFlag) Max() (int, error) {
	if f.max < 0 {
		return 0, Usage(fmt.Errorf("--max-groups %d: want 1 or more, or 0 for no limit", f.max))
	}
	return f.max, nil
}
