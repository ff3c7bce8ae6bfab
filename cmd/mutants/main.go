// Command mutants changes one place of the program at a time and runs the tests of
// the package that it stands in: a change that no test notices is a hole in them.
//
// It draws -n places of each package with a seed, so that a run can be had again.
// The tree is not touched: the compiler is given the changed file in place of the
// real one (go build -overlay). Changes that do not compile are drawn again.
//
// Survivors are printed with their places. One that cannot be noticed, because the
// program does the same, is listed with the reason in a file that -equivalent names.
// The exit status is 1 if fewer than -kill percent of the others were noticed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "mutants:", err)
		os.Exit(1)
	}
}

// A config is what the flags say.
type config struct {
	seed       uint64
	perPackage int
	kill       float64       // least share of mutants that must die, in percent
	patience   time.Duration // for the tests of one mutant
	within     time.Duration // no mutant begins later than this after the first, 0 for no end
	short      bool
	verbose    bool
	equivalent string
	packages   []string
}

func flags(args []string) (*config, error) {
	c := &config{}
	f := flag.NewFlagSet("mutants", flag.ExitOnError)
	f.Uint64Var(&c.seed, "seed", 1, "which places are drawn")
	f.IntVar(&c.perPackage, "n", 25, "mutants of each package")
	f.Float64Var(&c.kill, "kill", 95, "least `percent` of mutants that the tests must notice")
	f.DurationVar(&c.patience, "timeout", 2*time.Minute, "for the tests of one mutant; one that takes longer is noticed")
	f.DurationVar(&c.within, "within", 0, "begin no mutant after this time (0: none is left out)")
	f.BoolVar(&c.short, "short", false, "run the tests with -short")
	f.BoolVar(&c.verbose, "v", false, "print every mutant")
	f.StringVar(&c.equivalent, "equivalent", "", "`file` of mutants that do the same as the program: path, old line, new line, reason, by tabs")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if c.packages = f.Args(); len(c.packages) == 0 {
		return nil, errors.New("no package: give their folders, as analysis/latency")
	}
	return c, nil
}

func run(ctx context.Context, args []string, out io.Writer) error {
	c, err := flags(args)
	if err != nil {
		return err
	}
	same, err := readEquivalents(c.equivalent)
	if err != nil {
		return err
	}
	var total score
	start := time.Now()
	for i, dir := range c.packages {
		var deadline time.Time
		if c.within > 0 { // what is left is shared by the packages that are left
			deadline = time.Now().Add((c.within - time.Since(start)) / time.Duration(len(c.packages)-i))
		}
		s, err := c.tryPackage(ctx, dir, same, deadline, out)
		if err != nil {
			return fmt.Errorf("%s: %w", dir, err)
		}
		fmt.Fprintf(out, "%s: %s\n", dir, s)
		total.add(s)
	}
	fmt.Fprintf(out, "in all: %s, seed %d\n", total, c.seed)
	if total.killed+total.lived == 0 {
		return errors.New("no mutant was tried")
	}
	if total.percent() < c.kill {
		return fmt.Errorf("%.1f %% were noticed, want %.0f %%", total.percent(), c.kill)
	}
	return nil
}

// A score counts mutants.
type score struct{ killed, lived, equivalent int }

func (s *score) add(t score) {
	s.killed += t.killed
	s.lived += t.lived
	s.equivalent += t.equivalent
}

func (s score) percent() float64 { return 100 * float64(s.killed) / float64(max(s.killed+s.lived, 1)) }

func (s score) String() string {
	return fmt.Sprintf("%d of %d mutants noticed (%.1f %%), %d equivalent", s.killed, s.killed+s.lived, s.percent(), s.equivalent)
}

// tryPackage tries places of a package until there are enough or none are left.
func (c *config) tryPackage(ctx context.Context, dir string, same equivalents, deadline time.Time, out io.Writer) (score, error) {
	var s score
	places, err := placesOf(dir)
	if err != nil {
		return s, err
	}
	lab, err := newLab(dir, c)
	if err != nil {
		return s, err
	}
	defer lab.close()
	if err := lab.healthy(ctx); err != nil {
		return s, err
	}
	draw := rand.New(rand.NewPCG(c.seed, 0))
	draw.Shuffle(len(places), func(i, j int) { places[i], places[j] = places[j], places[i] })
	for _, m := range places {
		if s.killed+s.lived >= c.perPackage || !deadline.IsZero() && time.Now().After(deadline) {
			break
		}
		if same.has(m) {
			s.equivalent++
			continue
		}
		verdict, err := lab.try(ctx, m)
		if err != nil {
			return s, err
		}
		switch verdict {
		case killed:
			s.killed++
		case lived:
			s.lived++
		}
		if verdict == lived || c.verbose {
			fmt.Fprintf(out, "%s %s\n", verdict, m)
		}
	}
	return s, nil
}
