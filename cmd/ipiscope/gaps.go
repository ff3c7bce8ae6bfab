package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/quiet"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/gaps"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// markersWord stands for a file: the gaps are in the traces themselves.
const markersWord = "markers"

// gapsFlags are --gaps and what goes with it.
type gapsFlags struct {
	file string
	cpus string
	over time.Duration
}

func (f *gapsFlags) AddTo(fs *pflag.FlagSet) {
	fs.StringVar(&f.file, "gaps", "", "explain the gaps in `FILE`: lines of a CPU, a start and an end in seconds, the output of cyclictest --spike or samples of jitterdebugger; "+
		markersWord+": those that cyclictest, jitterdebugger or oslat marked in the trace")
	fs.StringVar(&f.cpus, "gaps-cpus", "", "with --gaps: `LIST` of the CPUs that the measuring threads ran on, thread 0 first (what -a was given); else thread N ran on CPU N")
	fs.DurationVar(&f.over, "gaps-over", 0, "with --gaps: leave out gaps that are not longer than `TIME`")
}

// addTo reads the file.
func (f *gapsFlags) addTo(c *quiet.Config) error {
	if f.over < 0 {
		return cli.Usage(fmt.Errorf("--gaps-over %v: want a time such as 20us", f.over))
	}
	if f.file == "" {
		if f.cpus != "" || f.over > 0 {
			return cli.Usage(errors.New("--gaps-cpus and --gaps-over go with --gaps"))
		}
		return nil
	}
	o := gaps.Options{Over: trace.Time(f.over)}
	if f.cpus != "" {
		m, err := cpumask.ParseList([]byte(f.cpus))
		if err != nil {
			return cli.Usage(fmt.Errorf("--gaps-cpus: %w", err))
		}
		for cpu := range m.All() {
			o.CPUs = append(o.CPUs, int32(cpu))
		}
	}
	if f.file == markersWord && f.cpus != "" {
		return cli.Usage(errors.New("--gaps-cpus does not go with --gaps " + markersWord + ": marks tell their CPU"))
	}
	if f.file == markersWord {
		return nil // the traces have to be read for them
	}
	file, err := os.Open(f.file)
	if err != nil {
		return fmt.Errorf("--gaps: %w", err)
	}
	defer file.Close()
	list, err := gaps.Parse(file, f.file, o)
	if err != nil {
		return cli.Usage(fmt.Errorf("--gaps: %w", err))
	}
	if len(list.Gaps) == 0 {
		return cli.Usage(fmt.Errorf("--gaps: %s holds no gaps", f.file))
	}
	c.Monotonic = list.Monotonic
	for _, g := range list.Gaps {
		c.Gaps = append(c.Gaps, quiet.Gap{CPU: g.CPU, Start: g.Start, End: g.End})
	}
	return nil
}

// addMarked finds the gaps that the traces mark.
func (f *gapsFlags) addMarked(ctx context.Context, t *cli.Terminal, in *cli.Inputs, c *quiet.Config) error {
	if f.file != markersWord {
		return nil
	}
	var found []*quiet.Markers
	err := in.Ahead(ctx, "--gaps "+markersWord, func(t *trace.Table) analysis.State {
		m := quiet.NewMarkers(t)
		found = append(found, m)
		return m
	})
	if err != nil {
		return err
	}
	before := len(c.Gaps)
	for _, m := range found {
		for _, g := range m.Gaps {
			if g.End-g.Start > trace.Time(f.over) && !slices.Contains(c.Gaps, g) { // an input may be there twice
				c.Gaps = append(c.Gaps, g)
			}
		}
	}
	if len(c.Gaps) == before {
		t.Warnf("warning", "--gaps %s: no mark of cyclictest (-b N --tracemark), jitterdebugger (-b N) or oslat (-T N) in the traces", markersWord)
	}
	return nil
}
