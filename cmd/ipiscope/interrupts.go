package main

import (
	"errors"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/irqcount"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/procinterrupts"
)

// interruptsFlag is --interrupts.
type interruptsFlag struct{ arg string }

func (f *interruptsFlag) AddTo(fs *pflag.FlagSet) {
	fs.StringVar(&f.arg, "interrupts", "", "compare with two copies of /proc/interrupts, made before and after the recording: `BEFORE,AFTER`")
}

// deltas reads the copies; nil if there are none.
func (f *interruptsFlag) deltas() ([]irqcount.Delta, error) {
	if f.arg == "" {
		return nil, nil
	}
	before, after, ok := strings.Cut(f.arg, ",")
	if !ok || before == "" || after == "" {
		return nil, cli.Usage(errors.New("--interrupts " + f.arg + ": want two files, BEFORE,AFTER"))
	}
	var tables [2]*procinterrupts.Table
	for i, path := range []string{before, after} {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		tables[i], err = procinterrupts.Parse(file, path)
		file.Close()
		if err != nil {
			return nil, cli.Usage(err)
		}
	}
	deltas, err := procinterrupts.Deltas(tables[0], tables[1])
	if err != nil {
		return nil, cli.Usage(err)
	}
	list := make([]irqcount.Delta, len(deltas))
	for i, d := range deltas {
		list[i] = irqcount.Delta(d)
	}
	return list, nil
}
