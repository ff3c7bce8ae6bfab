package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/report/rows"
)

// stateRows are the kinds of rows that states have.
func stateRows() []string { return []string{"traces", "groups"} }

// exportStates writes a row for each trace of states, or for each group of each.
func (f *exportFlags) exportStates(t *cli.Terminal, args []string) error {
	formats := rows.Formats()
	i := slices.IndexFunc(formats, func(x rows.Format) bool { return x.Name == f.format })
	if i < 0 {
		return cli.Usage(fmt.Errorf("--rows %s: --format %s has no rows of traces; csv, jsonl and parquet have", f.rows, f.format))
	}
	if formats[i].Binary {
		if err := cli.RefuseTerminal(t, f.output, f.format); err != nil {
			return err
		}
	}
	return cli.WriteTo(t, f.output, func(o cli.Output) error {
		e := &stateExport{flags: f, out: o, format: formats[i]}
		repeated, err := eachHost(args, e.add)
		for _, in := range repeated {
			t.Warnf("warning", "%s", cli.TwinText(in))
		}
		if e.w == nil {
			return err
		}
		return errors.Join(err, e.w.Close(nil))
	})
}

// A stateExport writes the rows of states. Which columns there are shows with the
// first one.
type stateExport struct {
	flags  *exportFlags
	out    cli.Output
	format rows.Format
	w      rows.Writer
	groups []string // names of columns that manifests have
}

func (e *stateExport) add(s *hostState) error {
	if e.w == nil {
		if err := e.begin(s); err != nil {
			return err
		}
	}
	trace, err := e.trace(s)
	if err != nil {
		return err
	}
	if e.flags.rows == "traces" {
		return e.w.Write(trace)
	}
	for _, g := range s.sum.Groups() {
		row := slices.Clone(trace[:2])
		for _, k := range g.Key {
			row = append(row, result.Str(k))
		}
		if err := e.w.Write(append(row, groupValues(g)...)); err != nil {
			return err
		}
	}
	return nil
}

func (e *stateExport) begin(s *hostState) (err error) {
	e.groups = sortedNames(s.in.Groups)
	cols := traceCols()
	if e.flags.rows == "groups" {
		cols = cols[:2]
		for _, k := range s.Config.By {
			cols = append(cols, result.Col{Name: k, Kind: result.KindString})
		}
		cols = append(cols, groupCols()...)
	} else {
		for _, name := range e.groups {
			cols = append(cols, result.Col{Name: name, Help: "as the manifest says", Kind: result.KindString})
		}
	}
	e.w, err = e.format.New(e.out, e.flags.rows, cols)
	if c, ok := e.w.(interface{ RawCells() }); ok && e.flags.raw {
		c.RawCells()
	}
	return err
}

// traceCols are the columns of a trace, of which the first two are those of its groups
// too. Names are a contract: columns are added behind the last one.
func traceCols() []result.Col {
	text := func(name, help string) result.Col {
		return result.Col{Name: name, Help: help, Kind: result.KindString}
	}
	number := func(name, unit, help string) result.Col {
		return result.Col{Name: name, Unit: unit, Help: help, Kind: result.KindInt}
	}
	return []result.Col{
		text("host", "name of the machine, or the path of the trace"), text("path", "of the trace"),
		text("kernel", ""), text("arch", ""), text("date", "of the manifest, else of the file"), text("isolated", "list of CPUs, empty for all"),
		number("cpus", "", "of the machine"), number("cpu_time_ns", "ns", "how long the isolated CPUs were watched, added up: what rates are divided by; 0 if no rate can be had"),
		number("duration_ns", "ns", "of the trace"), number("first_ns", "ns", "time of the first event on the trace's clock"), number("last_ns", "ns", "time of the last one"),
		number("events", "", ""), number("sends", "", ""), number("hits", "", ""), number("lost", "", "events known to be lost"),
		number("at_least", "", "1: events are missing or sends were not recorded, counts are lower bounds"),
	}
}

func (e *stateExport) trace(s *hostState) ([]result.Value, error) {
	in, total := s.in, s.sum.Total()
	cpuTime, duration := s.sum.CPUTime().Int(), s.sum.Duration()
	if !in.HasRate() {
		cpuTime, duration = 0, 0
	}
	doubt := 0
	if in.MayLack() {
		doubt = 1
	}
	row := []result.Value{
		result.Str(s.property("host")), result.Str(in.Asked.Path), result.Str(in.Kernel), result.Str(in.Arch), result.Str(s.date()), result.Str(in.Isolated),
		result.Int(in.CPUs), result.Int(cpuTime), result.Int(duration), result.Int(in.First), result.Int(in.Last),
		result.Int(in.Events), result.Int(total.Sends), result.Int(total.Hits), result.Int(in.Lost), result.Int(doubt),
	}
	if e.flags.rows == "groups" {
		return row, nil
	}
	for _, name := range e.groups {
		row = append(row, result.Str(in.Groups[name]))
	}
	for name := range in.Groups {
		if !slices.Contains(e.groups, name) {
			return nil, cli.Usage(fmt.Errorf("%s: has the group %q, which the first state does not have: rows need the same columns", s.Path, name))
		}
	}
	return row, nil
}

func groupCols() []result.Col {
	var cols []result.Col
	for _, name := range []string{"sends", "requests", "hits", "self", "noise"} {
		cols = append(cols, result.Col{Name: name, Kind: result.KindInt})
	}
	return cols
}

func groupValues(g ipi.Group) []result.Value {
	return []result.Value{result.Int(g.Sends), result.Int(g.Requests), result.Int(g.Hits), result.Int(g.Self), result.Int(g.Noise)}
}
