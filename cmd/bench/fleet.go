package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/ipiscope/ipiscope/analysis/state"
)

// fleetTraces are the recordings that a fleet is made of: of several kernels, with
// many and with few sends.
func fleetTraces() []string {
	return []string{
		"fixtures/k612s4-02-zlib-mono/trace.dat", "fixtures/k612s4-06-multi/trace.dat", "fixtures/k612s4-12b-all-stack/trace.dat",
		"fixtures/k72s4-01-zstd-local/trace.dat", "fixtures/karm64s4-21-ipi-all/trace.dat",
	}
}

// fleetCopies is how many copies of each recording --jobs is measured on.
const fleetCopies = 400

// fleet measures what a trace costs that becomes a state, and a state that is added up.
func (c *config) fleet(ctx context.Context, out, errw io.Writer) error {
	dir, err := os.MkdirTemp("", "ipiscope-fleet")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "ipiscope")
	if err := build(ctx, program); err != nil {
		return err
	}
	b := &bench{ctx: ctx, runs: c.runs, progress: errw}
	doc := &document{}
	if err := doc.machine(ctx); err != nil {
		return err
	}
	for _, by := range []string{"function", "function,cause,entry"} {
		if err := b.states(doc, program, filepath.Join(dir, by), by, c.isolated, c.hosts); err != nil {
			return err
		}
	}
	if err := b.jobs(doc, program, filepath.Join(dir, "traces"), c.isolated); err != nil {
		return err
	}
	_, err = io.WriteString(out, doc.String())
	return err
}

// states makes states of a few recordings, copies of them for many hosts, and adds
// those up.
func (b *bench) states(doc *document, program, dir, by, isolated string, hosts int) error {
	fmt.Fprintf(b.progress, "%d states by %s\n", hosts, by)
	few, many := filepath.Join(dir, "few"), filepath.Join(dir, "many")
	start := time.Now()
	made, err := b.once(command{shell: fmt.Sprintf("%s state --jobs 1 --isolated %s --by %s -o %s %s", program, isolated, by, few, join(fleetTraces()))})
	if err != nil {
		return err
	}
	each := time.Since(start) / time.Duration(len(fleetTraces()))
	size, err := multiply(few, many, hosts)
	if err != nil {
		return err
	}
	merged := filepath.Join(dir, "merged.json")
	var merges, reports []sample
	for range b.runs {
		s, err := b.once(command{shell: fmt.Sprintf("%s merge --format json -o %s %s", program, merged, many)})
		if err != nil {
			return err
		}
		r, err := b.once(command{shell: fmt.Sprintf("%s fleet report --format json %s", program, many)})
		if err != nil {
			return err
		}
		merges, reports = append(merges, s), append(reports, r)
	}
	st, err := os.Stat(merged)
	if err != nil {
		return err
	}
	m, r := medians(merges), medians(reports)
	fmt.Fprintf(doc, "\n### %d states by %s\n\n", hosts, by)
	doc.WriteString("| | |\n|---|---|\n")
	fmt.Fprintf(doc, "| a trace of %.1f MB becomes a state of %.1f KB | %.1f ms, CPU %.1f ms |\n", float64(sizeOf(fleetTraces()))/float64(len(fleetTraces()))/1e6, float64(size)/float64(hosts)/1e3, float64(each.Microseconds())/1e3, float64(made.cpu.Microseconds())/1e3/float64(len(fleetTraces())))
	fmt.Fprintf(doc, "| `merge --format json` of all | %.2f s, CPU %.2f s, %.0f MiB, %.1f MB of JSON |\n", m.wall.Seconds(), m.cpu.Seconds(), mebibytes(m.memory), float64(st.Size())/1e6)
	fmt.Fprintf(doc, "| a state | CPU %.0f µs |\n", float64(m.cpu.Microseconds())/float64(hosts))
	fmt.Fprintf(doc, "| `fleet report --format json` of all | %.2f s, CPU %.2f s, %.0f MiB |\n", r.wall.Seconds(), r.cpu.Seconds(), mebibytes(r.memory))
	fmt.Fprintf(doc, "| extrapolated to 10^5 hosts a day | %.0f core-minutes to count, %.0f s of one core to add up |\n", 1e5*made.cpu.Minutes()/float64(len(fleetTraces())), 1e5*m.cpu.Seconds()/float64(hosts))
	return nil
}

func join(paths []string) string {
	text := ""
	for _, p := range paths {
		text += " " + quoted(p)
	}
	return text
}

func sizeOf(paths []string) (sum int64) {
	for _, p := range paths {
		if st, err := os.Stat(p); err == nil {
			sum += st.Size()
		}
	}
	return sum
}

// multiply writes n states, each as that of one of those in from, of a host, a path
// and sends of its own. It returns how many bytes they have.
func multiply(from, to string, n int) (size int64, err error) {
	paths, err := filepath.Glob(filepath.Join(from, "*"))
	if err != nil || len(paths) == 0 {
		return 0, fmt.Errorf("%s: no states: %w", from, err)
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		return 0, err
	}
	r := state.NewReader()
	for i := range n {
		data, err := os.ReadFile(paths[i%len(paths)])
		if err != nil {
			return 0, err
		}
		s, err := r.Read(data)
		if err != nil {
			return 0, err
		}
		in := &s.Inputs[0]
		in.Asked.Host, in.Asked.Path = fmt.Sprintf("host%05d", i), fmt.Sprintf("/traces/host%05d/trace.dat", i)
		in.ID = fmt.Sprintf("%064x", i)
		in.Identity.Rounded, in.Identity.Cut, in.Identity.RoundedTimes, in.Identity.CutTimes = uint64(i), uint64(i), uint64(i), uint64(i)
		var b bytes.Buffer
		if err := s.Write(&b); err != nil {
			return 0, err
		}
		size += int64(b.Len())
		if err := os.WriteFile(filepath.Join(to, in.Asked.Host+".ipistate.json.zst"), b.Bytes(), 0o666); err != nil {
			return 0, err
		}
	}
	return size, nil
}

// jobs measures report --jobs on many small traces. They hold the same sends, so that
// all but a few are left out of the result; they are read all the same.
func (b *bench) jobs(doc *document, program, dir, isolated string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	n := 0
	for i, path := range fleetTraces() {
		abs, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		for j := range fleetCopies {
			if err := os.Symlink(abs, filepath.Join(dir, fmt.Sprintf("%d-%03d.dat", i, j))); err != nil {
				return err
			}
			n++
		}
	}
	fmt.Fprintf(b.progress, "report --jobs on %d traces\n", n)
	with := func(jobs int) command {
		return command{shell: fmt.Sprintf("%s report --isolated %s --jobs %d --format json %s/*.dat 2>/dev/null", program, isolated, jobs, dir)}
	}
	one, two, err := b.turns(with(1), with(2))
	if err != nil {
		return err
	}
	fmt.Fprintf(doc, "\n### `report` of %d traces of %.1f MB\n\n| | elapsed | CPU | peak memory |\n|---|---|---|---|\n", n, float64(sizeOf(fleetTraces()))/float64(len(fleetTraces()))/1e6)
	for _, x := range []struct {
		jobs int
		s    sample
	}{{1, medians(one)}, {2, medians(two)}} {
		fmt.Fprintf(doc, "| `--jobs %d` | %.2f s | %.2f s | %.0f MiB |\n", x.jobs, x.s.wall.Seconds(), x.s.cpu.Seconds(), mebibytes(x.s.memory))
	}
	fmt.Fprintf(doc, "\n`--jobs 1` takes %.2f times as long as `--jobs 2`.\n", medianOf(one, two, func(s sample) float64 { return s.wall.Seconds() }))
	return nil
}
