//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

func (c *config) recording(context.Context, io.Writer, io.Writer) error {
	return errors.New("recorders are measured on Linux")
}

func runLoad() bool { return false }
