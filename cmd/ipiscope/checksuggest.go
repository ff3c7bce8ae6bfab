package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis/budget"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
)

// suggestFlags make a budget instead of reading one.
type suggestFlags struct {
	is     bool
	margin float64
}

func (f *suggestFlags) AddTo(fs *pflag.FlagSet) {
	fs.BoolVar(&f.is, "suggest", false, "write a budget that these recordings pass, with where its limits come from")
	fs.Float64Var(&f.margin, "suggest-margin", 2, "with --suggest: allow times `N` times as long as the longest")
}

// refuse finds what does not go with --suggest.
func (f *suggestFlags) refuse(b *budget.Budget) error {
	switch {
	case !b.IsEmpty():
		return cli.Usage(errors.New("--suggest writes a budget: give no limits with it"))
	case !(f.margin >= 1 && f.margin <= 1000):
		return cli.Usage(fmt.Errorf("--suggest-margin %v: want 1 to 1000", f.margin))
	}
	return nil
}

func runSuggest(ctx context.Context, t *cli.Terminal, f *gateFlags, limits *budget.Budget, paths []string) error {
	if f.given("format") {
		return cli.Usage(errors.New("--suggest writes a budget file: it has no other --format"))
	}
	sends, err := f.sends.Load(t, paths)
	if err != nil {
		return err
	}
	s := budget.Suggestion{Margin: f.suggest.margin, CountAll: limits.All, Command: t.Command, Version: t.Version}
	all, err := newGauges(sends.Isolated.Targets(), sends.Catalog, true).measure(ctx, sends, func(c *checked) { s.Runs = append(s.Runs, &c.Measured) })
	if err != nil {
		return err // and no budget of what could not be read
	}
	s.All = &all.Measured
	text, err := s.Write()
	if err != nil {
		return fmt.Errorf("--suggest: %w", err)
	}
	for _, in := range all.Inputs {
		if in.LacksEvents() {
			t.Warnf("warning", "%s: %d events were lost: the budget allows as many, and its rates are higher by them: record again for one that is worth more", in.Path, in.Lost)
		}
	}
	return cli.WriteTo(t, f.output.Path(), func(o cli.Output) error {
		_, err := io.WriteString(o, text)
		return err
	})
}
