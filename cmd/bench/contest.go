package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A contest is one job, done by ipiscope and by other programs.
type contest struct {
	title string
	file  string  // what is read, for the rates
	ours  command // what the others are compared with
	them  []command
}

// A command is run by the shell, which people's pipelines need.
type command struct {
	name  string // for people, with FILE for the file's name
	shell string
	needs []string // programs
}

func (c *command) missing() string {
	for _, p := range c.needs {
		if _, err := exec.LookPath(p); err != nil {
			return p
		}
	}
	return ""
}

// contests lists what is compared.
func contests(f files, isolated string) []contest {
	report := func(by, file string) command {
		args := "report --isolated " + isolated + " --by " + by + " "
		return command{name: "ipiscope " + args + "FILE", shell: f.program + " " + args + quoted(file)}
	}
	shell := func(text, file string, needs ...string) command {
		return command{name: text, shell: strings.ReplaceAll(text, "FILE", quoted(file)), needs: needs}
	}
	pipeline := "grep callback | awk '{print $NF}' | sort | uniq -c"
	list := []contest{
		{"The callbacks of an uncompressed trace.dat", f.plain, report("callback", f.plain), []command{
			shell("wc -l FILE", f.plain, "wc"),
			shell("cat FILE | wc -c", f.plain, "cat", "wc"),
			shell("trace-cmd report FILE | "+pipeline, f.plain, "trace-cmd", "awk"),
		}},
		{"Causes, for which stacks are read", f.plain, report("cause", f.plain), []command{
			shell("wc -l FILE", f.plain, "wc"),
			shell("trace-cmd report FILE", f.plain, "trace-cmd"),
		}},
		{"Every event of it, printed", f.plain, command{name: "ipiscope cat FILE", shell: f.program + " cat " + quoted(f.plain)}, []command{
			shell("trace-cmd report FILE", f.plain, "trace-cmd"),
		}},
		{"The callbacks of a trace.dat compressed with zstd", f.packed, report("callback", f.packed), []command{
			shell("trace-cmd report FILE | "+pipeline, f.packed, "trace-cmd", "awk"),
		}},
		{"The callbacks in the text that trace-cmd report prints", f.text, report("callback", f.text), []command{
			shell("grep -c callback FILE | cat", f.text, "grep"),
			shell("cat FILE | "+pipeline, f.text, "awk"),
		}},
		{"The callbacks of a small trace.dat", f.small, report("callback", f.small), []command{
			shell("trace-cmd report FILE | "+pipeline, f.small, "trace-cmd", "awk"),
		}},
		{"Causes in that text", f.text, report("cause", f.text), []command{
			shell("grep -c callback FILE | cat", f.text, "grep"),
		}},
	}
	if f.whole != "" {
		list[3].them = slices.Insert(list[3].them, 0, command{name: "zstd -dc of the same bytes in one file", shell: "zstd -dc " + quoted(f.whole), needs: []string{"zstd"}})
	}
	return list
}

// quoted makes one word of a path for the shell.
func quoted(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// A sample is what one run took.
type sample struct {
	wall, cpu time.Duration
	memory    int64 // bytes: the peak of its largest process
}

// A row is what a command took: medians, and of the ratios of ours to it.
type row struct {
	command command
	missing string // the program that is not installed
	sample
	ratioWall, ratioCPU float64
}

// A bench runs commands.
type bench struct {
	ctx      context.Context
	runs     int
	progress io.Writer
}

// contest runs ours and each of the others in turns, so that what the machine
// does meanwhile meets both.
func (b *bench) contest(g contest) ([]row, error) {
	fmt.Fprintln(b.progress, g.title)
	var ours []sample
	var rows []row
	for _, other := range g.them {
		r := row{command: other, missing: other.missing()}
		if r.missing == "" {
			mine, theirs, err := b.turns(g.ours, other)
			if err != nil {
				return nil, err
			}
			ours = append(ours, mine...)
			r.sample = medians(theirs)
			r.ratioWall = medianOf(mine, theirs, func(s sample) float64 { return s.wall.Seconds() })
			r.ratioCPU = medianOf(mine, theirs, func(s sample) float64 { return s.cpu.Seconds() })
		}
		rows = append(rows, r)
	}
	for len(ours) < b.runs { // nothing to compare with is installed
		s, err := b.once(g.ours)
		if err != nil {
			return nil, err
		}
		ours = append(ours, s)
	}
	return append([]row{{command: g.ours, sample: medians(ours)}}, rows...), nil
}

func (b *bench) turns(x, y command) (xs, ys []sample, err error) {
	for i := -1; i < b.runs; i++ { // the first turn brings the file into memory
		sx, err := b.once(x)
		if err != nil {
			return nil, nil, err
		}
		sy, err := b.once(y)
		if err != nil {
			return nil, nil, err
		}
		if i >= 0 {
			xs, ys = append(xs, sx), append(ys, sy)
		}
	}
	return xs, ys, nil
}

// once runs a command. What wait(2) says of a shell includes the processes that
// the shell waited for.
func (b *bench) once(c command) (sample, error) {
	cmd := exec.CommandContext(b.ctx, "sh", "-c", c.shell)
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return sample{}, err
	}
	defer null.Close()
	cmd.Stdout = null
	start := time.Now()
	err = cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w", c.shell, err)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return sample{wall, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), int64(usage.Maxrss) << 10}, nil
}

func median[T int64 | float64 | time.Duration](v []T) T {
	slices.Sort(v)
	return v[len(v)/2]
}

func medians(s []sample) sample {
	var wall, cpu []time.Duration
	var memory []int64
	for _, x := range s {
		wall, cpu, memory = append(wall, x.wall), append(cpu, x.cpu), append(memory, x.memory)
	}
	return sample{median(wall), median(cpu), median(memory)}
}

// medianOf is the median of the ratios of paired runs.
func medianOf(x, y []sample, of func(sample) float64) float64 {
	var ratios []float64
	for i := range x {
		ratios = append(ratios, of(x[i])/of(y[i]))
	}
	return median(ratios)
}

// A point is the time for a file of one size.
type point struct {
	size int64
	sample
}

// scale measures the same report on files from 16 MiB on, each four times as
// large, and on the smallest that there is.
func (b *bench) scale(m *maker, program, isolated string, most int64) ([]point, error) {
	var points []point
	for size := int64(1 << 20); size <= most; size *= 4 {
		path, err := m.enlarged(size, "none")
		if err != nil {
			return nil, err
		}
		st, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		var s []sample
		for i := -1; i < b.runs; i++ {
			one, err := b.once(command{shell: program + " report --isolated " + isolated + " --by callback " + quoted(path)})
			if err != nil {
				return nil, err
			}
			if i >= 0 {
				s = append(s, one)
			}
		}
		points = append(points, point{st.Size(), medians(s)})
	}
	return points, nil
}
