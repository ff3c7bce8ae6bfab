package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// A gate holds what a job costs against what another program takes for the same
// bytes in the same minute. It is in CPU time: what else the machine does changes
// that least.
type gate struct {
	name  string
	ours  command
	other command
	most  float64 // of ours by the other's CPU time
}

// gateSize is the trace data of the files, gateRuns how many pairs are measured.
const (
	gateSize = 128 << 20
	gateRuns = 5
	// gateTries is how often a gate may fail before it has: a machine that is busy
	// with something else for a while is no loss.
	gateTries = 3
)

// gates lists what is held. The medians that were measured on a machine that did other
// work beside it are 6.4, 2.7, 18 and 4.3; processors differ by a quarter in what wc and
// grep take, and a busy machine by as much again, so that the limits are some six tenths
// above. Where something gets faster its limit is to come down with it.
func gates(f files, isolated string) []gate {
	report := func(file string) command {
		return command{shell: f.program + " report --isolated " + isolated + " --by callback " + quoted(file)}
	}
	other := func(text, file string, needs ...string) command {
		return command{name: text, shell: strings.ReplaceAll(text, "FILE", quoted(file)), needs: needs}
	}
	small := report(f.small)
	small.shell = "for i in 1 2 3 4 5; do " + small.shell + "; done"
	all := []gate{
		{"callbacks of a dense trace.dat", report(f.plain), other("wc -l FILE", f.plain, "wc"), 10},
		{"callbacks of a dense text", report(f.text), other("grep -c callback FILE | cat", f.text, "grep"), 4.5},
		{"five times those of a small trace.dat", small, other("wc -l FILE", f.plain, "wc"), 30},
	}
	if f.whole != "" {
		all = append(all, gate{"callbacks of a trace.dat in zstd", report(f.packed), other("zstd -dc FILE", f.whole, "zstd"), 7})
	}
	return all
}

// errGate says that something takes too long.
var errGate = errors.New("slower than it may be")

// gate measures what gates lists, and fails if one is above its limit each time.
func (c *config) gate(ctx context.Context, out, errw io.Writer) error {
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	m := &maker{ctx: ctx, dir: dir, from: c.from, progress: errw}
	files, err := m.all(gateSize)
	if err != nil {
		return err
	}
	b := &bench{ctx: ctx, runs: gateRuns, progress: errw}
	failed := false
	for _, g := range gates(files, c.isolated) {
		ok, err := b.hold(g, out)
		if err != nil {
			return err
		}
		failed = failed || !ok
	}
	if failed {
		return errGate
	}
	return nil
}

// hold measures one gate and says how it went.
func (b *bench) hold(g gate, out io.Writer) (ok bool, err error) {
	if p := g.other.missing(); p != "" {
		fmt.Fprintf(out, "skip %s: %s is not installed\n", g.name, p)
		return true, nil
	}
	for range gateTries {
		mine, theirs, err := b.turns(g.ours, g.other)
		if err != nil {
			return false, err
		}
		ratio := medianOf(mine, theirs, func(s sample) float64 { return s.cpu.Seconds() })
		verdict := "ok  "
		if ok = ratio <= g.most; !ok {
			verdict = "slow"
		}
		cpu := medians(mine).cpu.Round(time.Millisecond)
		fmt.Fprintf(out, "%s %s: CPU %v, %.2f times that of %s, at most %.2f\n", verdict, g.name, cpu, ratio, g.other.name, g.most)
		if ok {
			return true, nil
		}
	}
	return false, nil
}

// folder is where large files lie, and what removes it.
func (c *config) folder() (dir string, remove func(), err error) {
	if c.dir != "" {
		return c.dir, func() {}, nil
	}
	dir, err = os.MkdirTemp("", "ipiscope-bench")
	return dir, func() { os.RemoveAll(dir) }, err
}
