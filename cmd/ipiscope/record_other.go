//go:build !linux

package main

import (
	"context"
	"errors"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

func becomeCommand([]string) (bool, error) { return false, nil }

// runRecord can record nothing here, but say how it is done elsewhere.
func runRecord(_ context.Context, t *cli.Terminal, f *recordFlags, args []string) error {
	if f.isCommand() {
		return f.printCommand(t, f.output, args)
	}
	return errors.New("record: only Linux can record IPIs; --trace-cmd and --perf print a command for a machine that runs it")
}
