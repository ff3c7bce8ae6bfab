package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/compare"
	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A sideSpec is the traces of one side as they were named.
type sideSpec struct {
	name  string
	paths []string
}

// specs sorts the command line into sides.
func (f *diffFlags) specs(args []string) ([]sideSpec, error) {
	var specs []sideSpec
	add := func(name, path string) error {
		paths, err := glob(path)
		if err != nil {
			return err
		}
		for i := range specs {
			if specs[i].name == name {
				specs[i].paths = append(specs[i].paths, paths...)
				return nil
			}
		}
		specs = append(specs, sideSpec{name, paths})
		return nil
	}
	names := 0
	for _, arg := range args {
		if _, _, ok := groupArg(arg); ok {
			names++
		}
	}
	flags := len(f.before) + len(f.after)
	var err error
	switch {
	case flags > 0 && len(args) > 0:
		return nil, cli.Usage(fmt.Errorf("diff: %q beside -b and -a: give each trace its own -b or -a, or quote the pattern", args[0]))
	case flags > 0 && (len(f.before) == 0 || len(f.after) == 0):
		return nil, cli.Usage(errors.New("diff: -b and -a go together"))
	case flags > 0:
		for _, p := range f.before {
			err = errors.Join(err, add("before", p))
		}
		for _, p := range f.after {
			err = errors.Join(err, add("after", p))
		}
	case names > 0 && names == len(args):
		for _, arg := range args {
			name, path, _ := groupArg(arg)
			err = errors.Join(err, add(name, path))
		}
	case names == 0 && len(args) == 2:
		err = errors.Join(add("before", args[0]), add("after", args[1]))
	}
	if err != nil {
		return nil, err
	}
	if len(specs) < 2 {
		return nil, cli.Usage(errors.New("diff: name two traces or folders, traces with -b and -a, or two groups or more as NAME=TRACE"))
	}
	return specs, nil
}

// groupArg splits NAME=TRACE. A file whose own name has a "=" is no group.
func groupArg(arg string) (name, path string, ok bool) {
	name, path, ok = strings.Cut(arg, "=")
	if !ok || name == "" || path == "" || strings.ContainsAny(name, `/\`) {
		return "", "", false
	}
	if _, err := os.Stat(arg); err == nil {
		return "", "", false
	}
	return name, path, true
}

// glob expands a pattern that the shell has left alone.
func glob(path string) ([]string, error) {
	if _, err := os.Stat(path); err == nil || !strings.ContainsAny(path, "*?[") {
		return []string{path}, nil
	}
	paths, err := filepath.Glob(path)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%s: %w", path, err))
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: no file matches", path)
	}
	return paths, nil
}

func (f *diffFlags) readTraces(ctx context.Context, t *cli.Terminal, specs []sideSpec, by []ipi.Key) ([]compare.Side, error) {
	sets, err := f.isolatedSets(t, len(specs))
	if err != nil {
		return nil, err
	}
	cat, err := f.catalog.Load()
	if err != nil {
		return nil, err
	}
	readers, twins := make([]sideReader, len(specs)), &cli.Twins{}
	for i, s := range specs {
		r := sideReader{isolated: sets[i], duplicates: f.duplicates, config: ipi.Config{Isolated: sets[i].Targets(), By: by, Catalog: cat, Timeline: true}}
		if r.filters, err = f.filter.Load(sets[i]); err != nil {
			return nil, err
		}
		if r.in, err = f.input.Inputs(t, s.paths); err != nil {
			return nil, err
		}
		r.in.ShareTwins(twins)
		readers[i] = r
	}
	var sides []compare.Side
	var errs error
	for i, s := range specs {
		side, err := readers[i].read(ctx, s.name)
		if cli.Status(err) == cli.ExitUsage {
			return nil, err
		}
		if errs == nil {
			errs = err
		}
		if len(side.Runs) == 0 {
			return nil, errors.Join(errs, fmt.Errorf("%s: nothing could be read, so that there is nothing to compare", s.name))
		}
		sides = append(sides, side)
	}
	return sides, errs
}

// isolatedSets are the isolated sets of n sides.
func (f *diffFlags) isolatedSets(t *cli.Terminal, n int) ([]*cli.Isolated, error) {
	sets := make([]*cli.Isolated, n)
	for i := range sets {
		arg, name := f.isolatedAfter, "--isolated-after"
		if i == 0 {
			arg, name = f.isolatedBefore, "--isolated-before"
		}
		if arg == "" {
			continue
		}
		iso, err := cli.ParseIsolated(arg)
		if err != nil {
			return nil, cli.Usage(fmt.Errorf("%s: %w", name, err))
		}
		sets[i] = iso
	}
	if !slices.Contains(sets, nil) {
		return sets, nil
	}
	common, err := f.isolated.Set(t)
	if err != nil {
		return nil, err
	}
	for i := range sets {
		if sets[i] == nil {
			sets[i] = common
		}
	}
	return sets, nil
}

// A sideReader reads the traces of one side.
type sideReader struct {
	in       *cli.Inputs
	isolated *cli.Isolated
	filters  *cli.Filters
	config   ipi.Config
	// duplicates are taken as if they were recordings of their own
	duplicates bool
}

func (r *sideReader) read(ctx context.Context, name string) (compare.Side, error) {
	side := compare.Side{Name: name}
	err := r.in.EachOf(ctx, r.isolated, func(t *cli.Terminal, src trace.Source, run cli.Run) error {
		if err := r.isolated.Check(&src.Table().Meta); err != nil {
			return err
		}
		bound, err := r.filters.BindSends(t, src)
		if err != nil {
			return err
		}
		config := r.config
		config.Counts = bound.Counts()
		state := ipi.New(src.Table(), config)
		input, err := run(state)
		if twin := refuseTwin(input); twin != nil && !r.duplicates {
			return twin
		}
		side.Runs = append(side.Runs, newRun(state.Counts(input)))
		return errors.Join(err, bound.End())
	})
	return side, err
}

// refuseTwin is the error for a recording that was read before.
func refuseTwin(in result.Input) error {
	if in.Twin == "" {
		return nil
	}
	return cli.Usage(fmt.Errorf("%s: holds the same sends as %s: a recording that is compared twice tells nothing; --allow-duplicates takes it all the same", in.Path, in.Twin))
}

// newRun takes what a comparison needs from the counts of one trace.
func newRun(c *ipi.Counts) compare.Run {
	isolated := c.Isolated()
	r := compare.Run{
		Input: c.Inputs()[0], Isolated: isolated.String(), CPUs: isolated.Count(), Duration: c.Duration(), CPUTime: c.CPUTime().Float(),
		CellWidth: c.CellWidth(), Regime: regimeName(c.Regime()), Missed: c.Missed(), Total: newGroup(c.Total()),
	}
	for _, g := range c.Groups() {
		r.Groups = append(r.Groups, newGroup(g))
	}
	return r
}

// regimeName is empty for a trace that says nothing about its kernel's ways.
func regimeName(r ipi.Regime) string {
	if r == ipi.RegimeNone {
		return ""
	}
	return r.String()
}

func newGroup(g ipi.Group) compare.Group {
	return compare.Group{Key: g.Key, Sends: g.Sends, Hits: g.Hits, Unattributed: g.Unattributed, Cells: g.Cells}
}

// readCounts reads the file of --counts.
func (f *diffFlags) readCounts(t *cli.Terminal, args []string, cfg *compare.Config) ([]compare.Side, error) {
	if len(args)+len(f.before)+len(f.after) > 0 {
		return nil, cli.Usage(errors.New("diff: --counts takes the place of traces"))
	}
	var text []byte
	var err error
	if f.counts == "-" {
		text, err = cli.ReadAll(t.In, "standard input", 0)
	} else {
		text, err = cli.ReadFile(f.counts, 0)
	}
	if err != nil {
		return nil, err
	}
	sides, key, err := compare.ParseCounts(f.counts, string(text))
	if err != nil {
		return nil, err
	}
	if f.byGiven() && f.by != key {
		return nil, cli.Usage(fmt.Errorf("--by %s: the counts in %s are by %s", f.by, f.counts, key))
	}
	cfg.By = []string{key}
	return sides, nil
}
