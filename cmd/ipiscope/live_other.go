//go:build !linux

package main

import (
	"context"
	"errors"

	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

func runLive(context.Context, *cli.Terminal, *liveFlags) error {
	return errors.New("live: only Linux can trace IPIs")
}
