package ipi

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

const (
	// maxRows is how many CPUs, or sets of neighbours, a figure has rows for;
	// maxLanes how many lanes of bars.
	maxRows  = 64
	maxLanes = 32
	// wide is how many times the least the most is where a scale should be
	// logarithmic.
	wide = 30
)

// Timeline shows the hits of each CPU over time by one key. It needs Config.By
// to be key.Target and that key, or key.Target alone, and Config.Timeline. The top
// values of the key have a series each.
func (c *Counts) Timeline(top int) *result.Figure {
	f := c.timeFigure("timeline", result.FormLanes, "Hits of each CPU over time", 1)
	cpus := newLanes(c.targets(), maxLanes)
	f.Y, f.Rows = cpus.axis("cpu", "CPU"), cpus.names
	for _, s := range topSeries(c.groupsBy(1), top) {
		f.Series = append(f.Series, result.Series{Name: s.name, Rest: s.rest, Points: c.lanePoints(s.groups, cpus)})
	}
	f.Value.Log = f.Spans(wide)
	return f
}

// Heatmap shows the hits of each CPU over time. It needs Config.By to begin with
// key.Target, and Config.Timeline.
func (c *Counts) Heatmap() *result.Figure {
	f := c.timeFigure("heatmap", result.FormHeat, "Hits of each CPU over time", len(c.by))
	cpus := newLanes(c.targets(), maxRows)
	f.Y, f.Rows = cpus.axis("cpu", "CPU"), cpus.names
	for _, s := range c.groupsBy(len(c.by)) {
		f.Series = append(f.Series, result.Series{Points: c.lanePoints(s.groups, cpus)})
	}
	f.Value.Log = f.Spans(wide)
	return f
}

// Rate shows the hits per second over time by one key. It needs Config.By to be
// that key or nothing, and Config.Timeline.
func (c *Counts) Rate(top int) *result.Figure {
	f := c.timeFigure("rate", result.FormSteps, "Rate of hits over time", 0)
	f.Value = result.Axis{Name: "rate_hz", Label: "hits per second, all isolated CPUs", Unit: "Hz"}
	if f.X.Unit == "ticks" {
		f.Value.Label = "hits per 1000000000 ticks, all isolated CPUs"
	}
	spans := c.stretches()
	for _, s := range topSeries(c.groupsBy(0), top) {
		sums := make([]uint64, len(spans))
		for _, g := range s.groups {
			addStretches(sums, g.cells)
		}
		series := result.Series{Name: s.name, Rest: s.rest}
		if c.extent.lead > 0 {
			series.Points = append(series.Points, result.Point{To: c.extent.lead})
		}
		for i, span := range spans {
			series.Points = append(series.Points, result.Point{From: span.From, To: span.To, Value: float64(sums[i]) * 1e9 / float64(span.To-span.From)})
		}
		f.Series = append(f.Series, series)
	}
	return f
}

// Matrix shows who interrupts whom. It needs Config.By to be key.Sender and
// key.Target.
func (c *Counts) Matrix() *result.Figure {
	f := &result.Figure{Name: "matrix", Form: result.FormHeat, Title: "Who interrupts whom: hits by sending and target CPU"}
	senders, targets := newLanes(c.senders(), maxRows), newLanes(c.targets(), maxRows)
	f.X, f.Cols = targets.axis("target", "target CPU"), targets.names
	f.Y, f.Rows = senders.axis("sender", "sending CPU"), senders.names
	f.Value = result.Axis{Name: "hits", Label: "hits"}
	sums := make([][]uint64, len(senders.names))
	for i := range sums {
		sums[i] = make([]uint64, len(targets.names))
	}
	for _, g := range c.groups {
		if row, col := senders.of(g.key[0]), targets.of(g.key[1]); row >= 0 && col >= 0 {
			sums[row][col] += g.hits
		}
	}
	var points []result.Point
	for row := range sums {
		for col, n := range sums[row] {
			if n > 0 {
				points = append(points, result.Point{Row: row, From: int64(col), To: int64(col) + 1, Value: float64(n)})
			}
		}
	}
	if points != nil {
		f.Series = []result.Series{{Points: points}}
	}
	f.Value.Log = f.Spans(wide)
	return f
}

// Bars shows the hits by one key, and what can be done about them. It needs
// Config.By to be the key and key.Class, or key.Class alone.
func (c *Counts) Bars(top int) *result.Figure {
	by := c.by[0].String()
	f := &result.Figure{Name: "bars", Form: result.FormBars, By: "class", Title: "Hits by " + by}
	if by != "class" {
		f.Title += " and class"
	}
	f.Y = result.Axis{Name: by, Label: by}
	f.Value = result.Axis{Name: "hits", Label: "hits"}
	classes := topSeries(c.groupsBy(len(c.by)-1), 0)
	for _, s := range classes {
		f.Series = append(f.Series, result.Series{Name: s.name})
	}
	for row, s := range topSeries(c.groupsBy(0), top) {
		f.Rows = append(f.Rows, s.name)
		sums := map[string]uint64{}
		for _, g := range s.groups {
			sums[g.key[len(g.key)-1]] += g.hits
		}
		for i := range f.Series {
			if n := sums[f.Series[i].Name]; n > 0 {
				f.Series[i].Points = append(f.Series[i].Points, result.Point{Row: row, Value: float64(n)})
			}
		}
	}
	return f
}

// Spreads returns one distribution of each group, named by its key. It needs
// Config.By to be one key or nothing, and Config.Spread.
func (c *Counts) Spreads(of func(*Spread) *stat.Dist) []stat.Sample {
	var samples []stat.Sample
	isTarget := slices.Equal(c.by, []Key{key.Target})
	missing := map[string]bool{}
	if isTarget {
		for cpu := range c.cpus {
			missing[strconv.Itoa(cpu)] = true
		}
	}
	add := func(name string, x Spread) {
		cpus := len(c.cpus)
		if isTarget {
			cpus = 1
		}
		x.quietSeconds(cpus, c.seconds)
		samples = append(samples, stat.Sample{Name: name, Dist: of(&x)})
	}
	for _, g := range c.groups {
		if g.spread == nil {
			continue
		}
		name := strings.Join(g.key, ",")
		delete(missing, name)
		var x Spread
		x.add(g.spread)
		add(name, x)
	}
	for name := range missing {
		add(name, Spread{})
	}
	return samples
}

// timeFigure is a figure of hits over time, with series by the key at index by
// if there is one.
func (c *Counts) timeFigure(name string, form result.Form, title string, by int) *result.Figure {
	series := ""
	if by < len(c.by) {
		series = c.by[by].String()
		title += ", by " + series
	}
	if c.extent.traces > 1 {
		title += fmt.Sprintf(" (%d traces over one another)", c.extent.traces)
	}
	f := &result.Figure{Name: name, Form: form, Title: title, By: series, Gaps: c.gapSpans()}
	f.X = result.Axis{Name: "time", Label: "time since the start", Unit: c.timeUnit(), Max: c.extent.lead + c.extent.to, Origin: c.extent.origin}
	f.Value = result.Axis{Name: "hits", Label: "hits"}
	return f
}

func (c *Counts) timeUnit() string {
	if slices.ContainsFunc(c.inputs, func(in result.Input) bool { return in.Ticks }) {
		return "ticks"
	}
	return "ns"
}

// senders are the CPUs that hits came from; if there are none, all that were seen. Which
// of the others sent nothing is all the same to whom looks at who interrupts whom.
func (c *Counts) senders() *cpumask.Mask {
	var m cpumask.Mask
	for _, g := range c.groups {
		if n, err := strconv.Atoi(g.key[0]); err == nil && g.hits > 0 {
			m.Set(n)
		}
	}
	if m.IsEmpty() {
		return &c.seen
	}
	return &m
}

// targets are the CPUs that hits are counted on.
func (c *Counts) targets() *cpumask.Mask {
	var m cpumask.Mask
	for cpu := range c.cpus {
		m.Set(cpu)
	}
	return &m
}

// stretches are the cells' times. A last cell that is less than half as long as
// the others is part of the one before it.
func (c *Counts) stretches() []result.Span {
	x := &c.extent
	var spans []result.Span
	for i := range x.cells() {
		from := x.lead + int64(i)*x.width
		to := min(from+x.width, x.lead+x.to)
		if i > 0 && to-from < x.width/2 {
			spans[i-1].To = to
			break
		}
		spans = append(spans, result.Span{From: from, To: max(to, from+1)})
	}
	return spans
}

// addStretches adds cells to the sums of stretches.
func addStretches(sums []uint64, cells []uint32) {
	for i, n := range cells {
		sums[min(i, len(sums)-1)] += uint64(n)
	}
}

// lanePoints are the hits of groups in each lane and stretch of time. Their
// first key is the CPU.
func (c *Counts) lanePoints(groups []*namedGroup, l *lanes) []result.Point {
	spans := c.stretches()
	sums := make([][]uint64, len(l.names))
	for _, g := range groups {
		row := l.of(g.key[0])
		if row < 0 || g.hits == 0 {
			continue
		}
		if sums[row] == nil {
			sums[row] = make([]uint64, len(spans))
		}
		addStretches(sums[row], g.cells)
	}
	var points []result.Point
	for row := range sums {
		for i, n := range sums[row] {
			if n > 0 {
				points = append(points, result.Point{Row: row, From: spans[i].From, To: spans[i].To, Value: float64(n)})
			}
		}
	}
	return points
}

// named is the groups that share the value of a key.
type named struct {
	name   string
	hits   uint64
	rest   bool
	groups []*namedGroup
}

// groupsBy sorts the groups by the value of the key at index i; without such a
// key they are all one.
func (c *Counts) groupsBy(i int) []named {
	index := map[string]int{}
	var all []named
	for _, g := range c.groups {
		if g.hits == 0 {
			continue
		}
		name := ""
		if i < len(g.key) {
			name = g.key[i]
		}
		at, ok := index[name]
		if !ok {
			at = len(all)
			index[name] = at
			all = append(all, named{name: name})
		}
		all[at].hits += g.hits
		all[at].groups = append(all[at].groups, g)
	}
	return all
}

// topSeries orders by hits and puts those behind the first ones together; 0
// keeps all.
func topSeries(all []named, top int) []named {
	slices.SortFunc(all, func(a, b named) int { return cmp.Or(cmp.Compare(b.hits, a.hits), cmp.Compare(a.name, b.name)) })
	if top <= 0 || len(all) <= top+1 {
		return all // one more instead of a rest of one
	}
	rest := named{name: stat.RestName(len(all) - top), rest: true}
	for _, s := range all[top:] {
		rest.hits += s.hits
		rest.groups = append(rest.groups, s.groups...)
	}
	return append(all[:top], rest)
}

// lanes are rows for CPUs. Where there are too many CPUs, neighbours share one.
type lanes struct {
	size  int // CPUs a lane, a power of two
	index map[int]int
	names []string
}

func newLanes(cpus *cpumask.Mask, most int) *lanes {
	l := &lanes{size: 1}
	for ; ; l.size *= 2 {
		l.index = map[int]int{}
		for cpu := range cpus.All() {
			if _, ok := l.index[cpu/l.size]; !ok {
				l.index[cpu/l.size] = len(l.index)
			}
		}
		if len(l.index) <= most {
			break
		}
	}
	members := make([]cpumask.Mask, len(l.index))
	for cpu := range cpus.All() {
		members[l.index[cpu/l.size]].Set(cpu)
	}
	for i := range members {
		l.names = append(l.names, members[i].String())
	}
	return l
}

// of returns the lane of a CPU, -1 if it has none.
func (l *lanes) of(cpu string) int {
	n, err := strconv.Atoi(cpu)
	if err != nil {
		return -1
	}
	if i, ok := l.index[n/l.size]; ok {
		return i
	}
	return -1
}

func (l *lanes) axis(name, label string) result.Axis {
	if l.size > 1 {
		label += fmt.Sprintf("s, %d a row", l.size)
	}
	return result.Axis{Name: name, Label: label}
}
