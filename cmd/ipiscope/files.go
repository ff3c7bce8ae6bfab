package main

import (
	"fmt"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// filesFlag is --by-file-max.
type filesFlag struct{ max int }

// AddTo defines the flag.
func (f *filesFlag) AddTo(fs *pflag.FlagSet) {
	fs.IntVar(&f.max, "by-file-max", 20, "show the hits in each trace where there are at most `N` traces, 0 for no limit")
}

// Max checks the flag.
func (f *filesFlag) Max() (int, error) {
	if f.max < 0 {
		return 0, cli.Usage(fmt.Errorf("--by-file-max %d: want 1 or more, or 0 for no limit", f.max))
	}
	return f.max, nil
}
