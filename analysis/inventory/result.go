package inventory

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/info/v1"

// Result makes the tables of one trace.
func (s *State) Result(in result.Input) *result.Set {
	set := &result.Set{Schema: Schema, Inputs: []result.Input{in}}
	set.Totals = []result.Field{
		{Name: "events", Value: result.Int(in.Events)},
		{Name: "lost", Value: result.Int(in.Lost)},
		{Name: "duration_ns", Value: result.Int(s.span.Duration())},
	}
	set.Tables = []*result.Table{s.properties(in), s.abilities(in), s.eventTable(), s.cpuTable()}
	set.WarnSends()
	return set
}

func (s *State) properties(in result.Input) *result.Table {
	t := &result.Table{Name: "properties", Wrap: "value", Cols: []result.Col{{Name: "name", Head: "property"}, {Name: "value", Head: "value"}}}
	row := func(name, value string) { t.Rows = append(t.Rows, []result.Value{result.Str(name), result.Str(value)}) }
	add := func(name, value string) { // what the input says
		if value != "" && value != "0" {
			row(name, value)
		}
	}
	m := &s.table.Meta
	add("file", in.Path)
	add("format", in.Format)
	add("compression", m.Compression)
	add("recorder", m.Tool)
	add("kernel", m.Kernel)
	add("uname", m.Uname)
	add("host", m.Host)
	add("architecture", m.Arch)
	add("build-id", m.BuildID)
	add("clock", m.Clock)
	add("clock unit", m.ClockUnit)
	if m.WallOffset != 0 && in.Events > 0 {
		row("wall clock", "first event at "+time.Unix(0, m.WallOffset+int64(s.span.First)).UTC().Format("2006-01-02 15:04:05.000000000 UTC"))
	}
	add("command", m.Command)
	add("page size", strconv.Itoa(m.PageSize))
	add("long size", strconv.Itoa(m.LongSize))
	if m.LongSize > 0 {
		add("byte order", map[bool]string{false: "little-endian", true: "big-endian"}[m.BigEndian])
	}
	add("CPUs", strconv.Itoa(m.CPUs))
	add("instances", s.instances())
	add("first event", s.stamp(int64(s.span.First)))
	add("last event", s.stamp(int64(s.span.Last)))
	if m.ClockUnit == "ticks" {
		add("length", fmt.Sprintf("%d ticks", s.span.Duration()))
	} else {
		add("length", result.Duration(s.span.Duration()))
	}
	row("events", strconv.FormatUint(in.Events, 10))
	row("lost events", lossText(in))
	add("unreadable parts", strconv.FormatUint(in.SyntaxErrors, 10))
	add("missing columns", strings.Join(m.DroppedColumns, ", "))
	add("options", s.options())
	s.opened(row)
	if r := m.Recorded; r != nil {
		row("filtered to", "CPUs "+r.Targets.String()+": what is not here did not hit them; of others nothing is known")
		for _, e := range r.Events {
			row("recorded", recordedText(e))
		}
		if c := r.Covered; c != nil {
			row("recorded from", s.stamp(int64(c.From)))
			row("recorded to", s.stamp(int64(c.To))+": all of it, and nothing was lost")
		}
		if r.Ring {
			row("ring", "each CPU's newest events only")
		}
	}
	for _, st := range m.CPUStats {
		switch {
		case st.Lost() > 0 && st.CPU < 0:
			row("kernel lost", fmt.Sprintf("overrun %d", st.Overrun))
		case st.Absent > 0:
			row("kernel lost", fmt.Sprintf("CPU %d%s: all of %d, which are not in the file", st.CPU, inInstance(st.Instance), st.Absent))
		case st.Lost() > 0:
			row("kernel lost", fmt.Sprintf("CPU %d%s: overrun %d, commit overrun %d, dropped %d", st.CPU, inInstance(st.Instance), st.Overrun, st.CommitOverrun, st.DroppedEvents))
		}
	}
	return t
}

// opened lists what a recorder says of the events that it opened: which did not
// happen, how many were lost, and what is not in the recording.
func (s *State) opened(row func(name, value string)) {
	m := &s.table.Meta
	var none []string
	for _, name := range m.Opened {
		if !slices.Contains(none, name) && !s.happened(name) {
			none = append(none, name)
		}
	}
	if len(none) > 0 {
		row("recorded, none seen", strings.Join(none, ", "))
	}
	for _, name := range slices.Sorted(maps.Keys(m.LostByEvent)) {
		row("lost", fmt.Sprintf("%d %s", m.LostByEvent[name], name))
	}
	for _, what := range m.Partial {
		row("in part", what)
	}
}

// happened reports whether an event of that name was seen.
func (s *State) happened(name string) bool {
	return slices.ContainsFunc(s.table.Lookup(name), func(x *trace.Schema) bool { return int(x.ID) < len(s.events) && s.events[x.ID] > 0 })
}

// recordedText is an event that was switched on, as the recorder noted it.
func recordedText(e trace.RecordedEvent) string {
	text := e.Name
	if e.Filter != "" {
		text += " if " + e.Filter
	}
	if e.Stack {
		text += ", with stacks"
	}
	return text
}

// inInstance names the buffer if it is not the top one.
func inInstance(name string) string {
	if name == "" {
		return ""
	}
	return " of " + name
}

// stamp is a time as a trace prints it.
func (s *State) stamp(t int64) string {
	if s.table.Meta.ClockUnit == "ticks" {
		return result.Moment(t, true)
	}
	return result.Moment(t, false) + " s"
}

func lossText(in result.Input) string {
	switch {
	case in.LostUnknown && in.Lost > 0:
		return fmt.Sprintf("at least %d", in.Lost)
	case in.LostUnknown:
		return "some, number unknown"
	}
	return strconv.FormatUint(in.Lost, 10)
}

func (s *State) instances() string {
	names := slices.Clone(s.table.Meta.Instances)
	for id := range s.names {
		if n := s.table.NameOf(id); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// options lists the container's options, each once.
func (s *State) options() string {
	var names []string
	for _, o := range s.table.Meta.Options {
		if !slices.Contains(names, o.Name) {
			names = append(names, o.Name)
		}
	}
	return strings.Join(names, " ")
}

func (s *State) eventTable() *result.Table {
	t := &result.Table{Name: "events", Cols: []result.Col{
		{Name: "event", Head: "event", Key: true}, {Name: "count", Head: "count"}, {Name: "cpus", Head: "on CPUs"}, {Name: "per_cpu", Head: "by CPU"},
	}, Show: []string{"count", "event", "cpus", "per_cpu"}}
	for id, n := range s.events {
		if n == 0 {
			continue
		}
		var cpus cpumask.Mask
		var per []string
		for cpu, n := range s.byCPU[id] {
			if n > 0 {
				cpus.Set(cpu)
				per = append(per, fmt.Sprintf("%d:%d", cpu, n))
			}
		}
		t.Rows = append(t.Rows, []result.Value{result.Str(s.table.Schemas()[id].FullName()), result.Int(n), result.Str(cpus.String()), result.Str(strings.Join(per, " "))})
	}
	t.SortDown(1)
	return t
}

// cpuTable sets what the data says about losses beside what the recorder saw in
// the kernel's own counters.
func (s *State) cpuTable() *result.Table {
	t := &result.Table{Name: "cpus", Cols: []result.Col{
		{Name: "cpu", Head: "CPU"}, {Name: "events", Head: "events"},
		{Name: "lost", Head: "lost", Help: "events that the trace says are missing"},
		{Name: "gaps_unknown", Head: "gaps of unknown size"},
		{Name: "kernel_lost", Head: "lost by the kernel's counters", Help: "overrun, commit overrun and dropped events in per_cpu/cpuN/stats"},
	}}
	kernel := map[int]uint64{}
	n := max(len(s.cpus), s.table.Meta.CPUs)
	for _, st := range s.table.Meta.CPUStats {
		if st.CPU < 0 {
			continue
		}
		kernel[st.CPU] += st.Lost()
		n = max(n, st.CPU+1)
	}
	for cpu := range min(n, cpumask.MaxCPUs) {
		var c cpuCounts
		if cpu < len(s.cpus) {
			c = s.cpus[cpu]
		}
		t.Rows = append(t.Rows, []result.Value{result.Int(cpu), result.Int(c.events), result.Int(c.lost), result.Int(c.lostUnknown), result.Int(kernel[cpu])})
	}
	return t
}
