package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/ipi"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/state"
	"github.com/ipiscope/ipiscope/cmd/internal/cli"
	"github.com/ipiscope/ipiscope/cmd/internal/states"
	"github.com/ipiscope/ipiscope/report/origin"
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
	if f.partition != "" && (f.output == "" || f.output == "-") {
		return cli.Usage(errors.New("--partition: name a folder with -o"))
	}
	if formats[i].Binary && f.partition == "" {
		if err := cli.RefuseTerminal(t, f.output, f.format); err != nil {
			return err
		}
	}
	e := &stateExport{flags: f, format: formats[i]}
	repeated, err := eachHost(args, e.find)
	if err == nil {
		err = e.checkPartition(f.partition)
	}
	if err != nil {
		return err
	}
	for _, in := range repeated {
		t.Warnf("warning", "%s", cli.TwinText(in))
	}
	slices.SortStableFunc(e.found, func(a, b foundState) int {
		return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.host, b.host), cmp.Compare(a.trace, b.trace))
	})
	if f.partition != "" {
		return e.writeFolders(t, f.output)
	}
	return cli.WriteTo(t, f.output, func(o cli.Output) error { return e.write(t, o, e.found) })
}

// A stateExport writes the rows of states in the order of hosts.
type stateExport struct {
	flags  *exportFlags
	format rows.Format
	found  []foundState
	by     []string // keys of the states
	groups []string // names of columns that manifests have
}

// A foundState is where a state is and where its rows belong.
type foundState struct{ folder, host, trace, path string }

// find takes note of a state.
func (e *stateExport) find(s *hostState) error {
	e.by = s.Config.By
	e.found = append(e.found, foundState{s.folder(e.flags.partition), s.property("host"), s.in.Asked.Path, s.Path})
	for name := range s.in.Groups {
		if i, ok := slices.BinarySearch(e.groups, name); !ok {
			e.groups = slices.Insert(e.groups, i, name)
		}
	}
	return nil
}

// checkPartition refuses columns that nothing tells, and hosts.
func (e *stateExport) checkPartition(columns string) error {
	valid := append([]string{"date", "kernel", "arch"}, e.groups...)
	for name := range strings.SplitSeq(columns, ",") {
		switch {
		case name == "host":
			return cli.Usage(errors.New("--partition host: a file for each machine takes several times the space; rows are in the order of hosts"))
		case columns != "" && !slices.Contains(valid, name):
			return cli.Unknown("partition", name, valid)
		}
	}
	return nil
}

// folder is where the rows of the recording belong in a layout as Hive's: a folder
// for each value of each column.
func (s *hostState) folder(columns string) string {
	if columns == "" {
		return ""
	}
	var path []string
	for name := range strings.SplitSeq(columns, ",") {
		value := s.property(name)
		if name == "date" {
			value = s.date()
		}
		if value == "" {
			value = "__HIVE_DEFAULT_PARTITION__" // which readers take for no value
		} else {
			value = escapeHive(value)
		}
		path = append(path, escapeHive(name)+"="+value)
	}
	return filepath.Join(path...)
}

// escapeHive writes what may not be in the name of a folder as Hive does (%2F).
func escapeHive(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("-_.", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// writeFolders writes a file for each partition. The folder has its name when all is
// written: rows of an older export beside those of a new one would count twice.
func (e *stateExport) writeFolders(t *cli.Terminal, output string) error {
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(output)), 0o777); err != nil {
		return err
	}
	if st, err := os.Lstat(output); err == nil && !st.IsDir() {
		return cli.Usage(fmt.Errorf("-o %s: is no folder", output))
	}
	if err := os.Remove(output); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return cli.Usage(fmt.Errorf("-o %s: want a folder that does not exist or is empty, so that no rows of another export stay in it: %w", output, err))
	}
	making, err := os.MkdirTemp(filepath.Dir(filepath.Clean(output)), ".ipiscope-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(making)
	if err := os.Chmod(making, 0o755); err != nil {
		return err
	}
	for left := e.found; len(left) > 0; {
		n := slices.IndexFunc(left, func(f foundState) bool { return f.folder != left[0].folder })
		if n < 0 {
			n = len(left)
		}
		folder := filepath.Join(making, left[0].folder)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		part := left[:n]
		if err := cli.WriteTo(t, filepath.Join(folder, "part."+e.format.Name), func(o cli.Output) error { return e.write(t, o, part) }); err != nil {
			return err
		}
		left = left[n:]
	}
	return os.Rename(making, output)
}

// write writes the rows of these states. They are read once more, since rows of all of
// them may be more than there is memory for.
func (e *stateExport) write(t *cli.Terminal, o cli.Output, from []foundState) error {
	cols, hidden := e.cols()
	w, err := e.format.New(o, e.flags.rows, cols)
	if err != nil {
		return err
	}
	if c, ok := w.(interface{ RawCells() }); ok && e.flags.raw {
		c.RawCells()
	}
	r := state.NewReader()
	for _, f := range from {
		file := stateFile{path: f.path}
		s, err := file.read(r)
		if err != nil {
			return err
		}
		h, err := hostOf(states.Stored{Path: f.path, State: s})
		if err != nil {
			return err
		}
		for row := range e.rows(h) {
			if err := w.Write(leaveOut(row, hidden)); err != nil {
				return err
			}
		}
	}
	sayOrigin(w, origin.Text(t.Command, t.Version, nil), e.flags.origin) // the rows name the traces
	return w.Close(nil)
}

// rows are the rows of a state.
func (e *stateExport) rows(s *hostState) iter.Seq[[]result.Value] {
	return func(yield func([]result.Value) bool) {
		trace := e.trace(s)
		if e.flags.rows == "traces" {
			yield(trace)
			return
		}
		for _, g := range s.sum.Groups() {
			row := slices.Clone(trace[:2])
			for _, k := range g.Key {
				row = append(row, result.Str(k))
			}
			if !yield(append(row, groupValues(g)...)) {
				return
			}
		}
	}
}

// cols are the columns, and the places of those that are not written since the
// folders tell them.
func (e *stateExport) cols() (cols []result.Col, hidden []int) {
	all := traceCols()
	if e.flags.rows == "groups" {
		all = all[:2]
		for _, k := range e.by {
			all = append(all, result.Col{Name: k, Kind: result.KindString})
		}
		all = append(all, groupCols()...)
	} else {
		for _, name := range e.groups {
			all = append(all, result.Col{Name: name, Help: "as the manifest says", Kind: result.KindString})
		}
	}
	for i, c := range all {
		if e.flags.partition != "" && slices.Contains(strings.Split(e.flags.partition, ","), c.Name) {
			hidden = append(hidden, i)
		} else {
			cols = append(cols, c)
		}
	}
	return cols, hidden
}

// leaveOut is a row without the values at these places.
func leaveOut(row []result.Value, places []int) []result.Value {
	for i, place := range places { // which are in order
		row = slices.Delete(row, place-i, place-i+1)
	}
	return row
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
		text("host", "name of the host, or the path of the trace"), text("path", "of the trace"),
		text("kernel", ""), text("arch", ""), text("date", "of the manifest, else of the file"), text("isolated", "list of CPUs, empty for all"),
		number("cpus", "", "of the host"), number("cpu_time_ns", "ns", "how long the isolated CPUs were watched, added up: what rates are divided by; 0 if no rate can be had"),
		number("duration_ns", "ns", "of the trace"), number("first_ns", "ns", "time of the first event on the trace's clock"), number("last_ns", "ns", "time of the last one"),
		number("events", "", ""), number("sends", "", ""), number("hits", "", ""), number("lost", "", "events known to be lost"),
		number("at_least", "", "1: events are missing or sends were not recorded, counts are lower bounds"),
	}
}

func (e *stateExport) trace(s *hostState) []result.Value {
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
		return row
	}
	for _, name := range e.groups {
		row = append(row, result.Str(in.Groups[name]))
	}
	return row
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
