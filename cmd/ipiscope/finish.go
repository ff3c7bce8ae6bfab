package main

import (
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// finish writes the result of what was read. err says what was not, which people
// were told, and is the exit status; where nothing could be read there is no
// result. complete adds to the result what it lacks.
func finish(err error, set *result.Set, complete func(), write func(*result.Set) error) error {
	if cli.Status(err) == cli.ExitUsage || len(set.Inputs) == 0 {
		return err
	}
	complete()
	if werr := write(set); werr != nil {
		return werr
	}
	return err
}
