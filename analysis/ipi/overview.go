package ipi

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// The views of an overview, in this order behind the one that was asked for.
const (
	byFunction = iota + 1
	byCause
	bySender
	byTarget
	byTargetFunction
	bySenderTarget
	byFunctionClass
)

// OverviewKeys is Config.Also for Overview, which needs Config.Timeline too.
func OverviewKeys() [][]Key {
	return [][]Key{
		{key.Function}, {key.Cause}, {key.Sender}, {key.Target}, {key.Target, key.Function}, {key.Sender, key.Target}, {key.Function, key.Class},
	}
}

// An Overview is the views that all of a result is told by: the tables of the
// keys that people ask for first, what each CPU suffers, and figures.
type Overview struct{ views []*Counts }

// NewOverview returns that of no traces.
func NewOverview(cfg Config) *Overview {
	o := &Overview{}
	for _, by := range append([][]Key{cfg.By}, cfg.Also...) {
		o.views = append(o.views, NewCounts(cfg.Isolated, by))
	}
	return o
}

// Inputs are the traces that were added.
func (o *Overview) Inputs() []result.Input { return o.views[0].inputs }

// Main are the sums by Config.By, nil of the zero Overview.
func (o *Overview) Main() *Counts {
	if len(o.views) == 0 {
		return nil
	}
	return o.views[0]
}

// Narrow leaves out all but the sums by Config.By.
func (o *Overview) Narrow() {
	o.views = o.views[:1]
	o.views[0].dropCells()
}

// Rename replaces the values of a key of Config.By; groups that are the same then
// become one.
func (o *Overview) Rename(k Key, name func(string) string) {
	c := o.views[0]
	i := slices.Index(c.by, k)
	if i < 0 {
		return
	}
	old := c.groups
	c.groups = map[string]*namedGroup{}
	for _, id := range slices.Sorted(maps.Keys(old)) {
		g := old[id]
		g.key = slices.Clone(g.key)
		g.key[i] = name(g.key[i])
		c.addGroup(g, 0, 1)
	}
}

// MaxFiles lets tables have a column of hits for each input only where there are no
// more than n inputs; 0 is no limit. Of many traces of many groups they would be the
// most of a result.
func (o *Overview) MaxFiles(n int) {
	for _, c := range o.views {
		c.maxFiles = n
	}
}

// Add adds the views of a trace.
func (o *Overview) Add(views []*Counts) {
	for i, c := range views {
		o.views[i].Merge(c)
	}
}

// Result is that of Config.By. With the views of OverviewKeys there are more
// tables, hits over time, and figures.
func (o *Overview) Result() *result.Set {
	main := o.views[0]
	set := main.Result()
	if len(o.views) == 1 {
		return set
	}
	groups := set.Table("groups")
	groups.Title = "hits by " + strings.Join(set.By, ", ")
	main.addOver(groups)
	if cpus := set.Table("cpus"); cpus != nil {
		o.describeCPUs(cpus)
	}
	for _, c := range o.views[byFunction : bySender+1] {
		if slices.Equal(c.by, main.by) {
			continue
		}
		by := c.by[0].String()
		t := c.groupTable()
		t.Name, t.Title = "by_"+by, "hits by "+by
		c.addOver(t)
		set.Tables = append(set.Tables, t)
	}
	if main.totals.hits > 0 {
		set.Time = main.time()
		set.Figures = o.figures()
	}
	return set
}

// overTime is the head of the hits over time.
func overTime() result.Col {
	return result.Col{Name: "over_time", Head: "over time", Help: "hits in stretches of time of equal length"}
}

// addOver adds to a table of groups the hits over time of each.
func (c *Counts) addOver(t *result.Table) {
	t.Cols = append(t.Cols, overTime())
	for r, row := range t.Rows {
		words := make([]string, len(c.by))
		for i := range words {
			words[i] = row[i].Str
		}
		t.Rows[r] = append(row, c.over(c.groups[strings.Join(words, "\x00")].cells))
	}
}

// over is cells as a value.
func (c *Counts) over(cells []uint32) result.Value {
	bars := &result.Bars{Start: c.extent.origin + c.extent.lead, Width: c.extent.width, Counts: make([]int64, c.extent.cells())}
	for i, n := range cells {
		bars.Counts[i] = int64(n)
	}
	return result.Over(bars)
}

// time is the axis of the cells.
func (c *Counts) time() *result.Time {
	x := &c.extent
	return &result.Time{Width: x.width, Cells: x.cells(), Lead: x.lead, End: x.lead + x.to, Gaps: c.gapSpans(), Ends: x.ends, Origin: x.origin}
}

// describeCPUs adds to the table of CPUs what hits each of them, and a verdict.
func (o *Overview) describeCPUs(t *result.Table) {
	t.Title = "isolated CPUs"
	t.Cols = append(t.Cols,
		result.Col{Name: "self", Head: "self", Help: "hits that the CPU sent to itself"},
		result.Col{Name: "noise", Head: "noise", Help: "hits caused by the recorder"},
		result.Col{Name: "verdict", Head: "verdict", Help: "what hits the CPU most, and what can be done about its hits"},
		overTime(),
	)
	functions := map[string]tallies{}
	for _, g := range o.views[byTargetFunction].groups {
		cpu := g.key[0]
		if functions[cpu] == nil {
			functions[cpu] = tallies{}
		}
		functions[cpu][g.key[1]] += g.hits
	}
	lossy := slices.ContainsFunc(o.views[0].inputs, result.Input.IsLossy)
	for i, row := range t.Rows {
		cpu := row[0].Text()
		g := o.views[byTarget].groups[cpu]
		if g == nil {
			g = &namedGroup{}
		}
		t.Rows[i] = append(row, result.Int(g.self), result.Int(g.noise), result.Str(cpuVerdict(g, functions[cpu], lossy)), o.views[byTarget].over(g.cells))
	}
	t.Show = []string{"cpu", "hits", "rate_hz", "verdict", "longest_quiet_ns", "self", "noise"}
}

// cpuVerdict says what hits one CPU most, and which classes its hits are of, but
// for those that would be rounded to nothing.
func cpuVerdict(g *namedGroup, functions tallies, lossy bool) string {
	switch {
	case g.hits == 0 && lossy:
		return "no hit recorded, but events were lost"
	case g.hits == 0:
		return "not hit"
	}
	share := func(n uint64) float64 { return 100 * float64(n) / float64(g.hits) }
	name, hits := functions.top()
	var classes []string
	for _, class := range g.classes.sorted() {
		if p := share(g.classes[class]); p >= 0.5 {
			classes = append(classes, fmt.Sprintf("%s %% %s", percent(p), class))
		}
	}
	verdict := fmt.Sprintf("%s %% %s; %s", percent(share(hits)), name, strings.Join(classes, ", "))
	if lossy {
		verdict += "; events were lost"
	}
	return verdict
}

// overviewSeries is how many series the figures have of their own, and how many
// bars.
const overviewSeries = 7

const (
	// maxMarks is about how many marks a figure has: it stands side by side with
	// others.
	maxMarks = 2500
	// maxStacked is how many CPUs have lanes of bars by function; where there are
	// more the hits of each have one colour.
	maxStacked = 8
)

func (o *Overview) figures() []*result.Figure {
	lanes := o.views[byTargetFunction]
	cpus := max(1, len(lanes.cpus))
	over := lanes.coarse(maxMarks / min(cpus, maxRows)).Heatmap
	if cpus <= maxStacked {
		over = func() *result.Figure { return lanes.coarse(maxMarks / (4 * cpus)).Timeline(overviewSeries) }
	}
	figures := []*result.Figure{o.views[byFunctionClass].Bars(overviewSeries), over(), o.views[byFunction].coarse(maxMarks / 16).Rate(overviewSeries), o.views[bySenderTarget].Matrix()}
	return slices.DeleteFunc(figures, (*result.Figure).IsEmpty)
}

// coarse returns c with no more than n cells.
func (c *Counts) coarse(n int) *Counts {
	by := int64(1)
	for int64(c.extent.cells())/by > int64(max(n, 16)) {
		by *= 2
	}
	wide := *c
	wide.extent.width *= by
	wide.cells, wide.gaps = widened(c.cells, by), widened(c.gaps, by)
	wide.groups = map[string]*namedGroup{}
	for name, g := range c.groups {
		w := *g
		w.cells = widened(g.cells, by)
		wide.groups[name] = &w
	}
	return &wide
}
