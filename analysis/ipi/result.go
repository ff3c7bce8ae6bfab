package ipi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/report/v1"

const nsPerHour = 3600 * 1e9

// Result makes the tables.
func (c *Counts) Result() *result.Set {
	isolated := c.isolated
	if isolated == nil {
		isolated = &c.seen
	}
	set := &result.Set{Schema: Schema, Inputs: c.inputs, Isolated: isolated.String()}
	for _, k := range c.by {
		set.By = append(set.By, k.String())
	}
	var events, untargeted uint64
	for _, in := range c.inputs {
		events += in.Events
		untargeted += in.Sent.Untargeted
	}
	set.Totals = []result.Field{
		{Name: "events", Value: result.Int(events)},
		{Name: "sends", Value: result.Int(c.totals.sends)},
		{Name: "requests", Value: result.Int(c.totals.requests)},
		{Name: "hits", Value: result.Int(c.totals.hits)},
		{Name: "self", Value: result.Int(c.totals.self)},
		{Name: "noise", Value: result.Int(c.totals.noise)},
		{Name: "unattributed", Value: result.Int(c.totals.unattributed)},
		{Name: "sends_without_target", Value: result.Int(untargeted)},
	}
	set.Totals = append(set.Totals, c.durations()...)
	set.Tables = []*result.Table{c.groupTable(), c.adviceTable()}
	if !c.unlike { // else a number stands for CPUs that are isolated and for others
		set.Tables = append(set.Tables, c.cpuTable())
	}
	set.Notes = c.notes(set)
	set.Verdict = c.verdict(set, isolated)
	c.warn(set)
	return set
}

func (c *Counts) groupTable() *result.Table {
	t := &result.Table{Name: "groups"}
	for _, k := range c.by {
		t.Cols = append(t.Cols, result.Col{Name: k.String(), Head: k.String(), Help: k.Doc(), Key: true})
	}
	first := len(t.Cols)
	t.Cols = append(t.Cols,
		result.Col{Name: "sends", Head: "sends", Help: "send events with a target in the group"},
		result.Col{Name: "requests", Head: "requests", Help: "queued calls (csd_queue_cpu) to isolated CPUs"},
		result.Col{Name: "hits", Head: "hits", Help: "interruptions of isolated CPUs: one for each target of each send"},
		result.Col{Name: "self", Head: "self", Help: "hits that a CPU sent to itself"},
		result.Col{Name: "noise", Head: "noise", Help: "hits caused by the recorder"},
		result.Col{Name: "cpus", Head: "CPUs", Help: "isolated CPUs that were hit"},
		result.Col{Name: "rate_hz", Head: "per second", Unit: "Hz", Help: "hits per second over all isolated CPUs"},
		result.Col{Name: "per_cpu_hour", Head: "/CPU/hour", Unit: "1/h", Help: "hits per isolated CPU and hour that it was watched"},
		result.Col{Name: "share", Head: "share", Unit: "1", Help: "part of all hits"},
	)
	described := c.describedColumns()
	for _, d := range described {
		t.Cols = append(t.Cols, d.col)
	}
	files := c.fileColumns(t)
	bounds := c.hasBounds()
	if bounds {
		t.Cols = append(t.Cols, result.Col{Name: "bound", Head: "bound", Help: "at least: a trace with more groups than --max-groups has further hits of this group among all others"})
	}
	w := &c.watched[c.unit()]
	for _, g := range c.groups {
		row := make([]result.Value, 0, len(t.Cols))
		for _, k := range g.key {
			row = append(row, result.Str(k))
		}
		rated := c.rated(g)
		row = append(row, result.Int(g.sends), result.Int(g.requests), result.Int(g.hits), result.Int(g.self), result.Int(g.noise),
			result.Str(g.cpus.String()), result.Float(per(rated, w.duration, 1e9)),
			result.Float(ratio(float64(rated)*nsPerHour, w.cpus.Float())), result.Float(ratio(float64(g.hits), float64(c.totals.hits))))
		for _, d := range described {
			row = append(row, result.Str(d.value(g)))
		}
		for i := range files {
			row = append(row, result.Int(g.in(i)))
		}
		if bounds {
			row = append(row, result.Str(c.boundOf(g)))
		}
		t.Rows = append(t.Rows, row)
	}
	t.Show = c.show(files)
	if bounds {
		t.Show = slices.Insert(t.Show, 1, "bound")
	}
	t.Spare = []string{"evidence"}
	if !slices.ContainsFunc(c.inputs, func(in result.Input) bool { return in.Sent.Untargeted > 0 }) {
		t.Idle = []string{"hits", "bound"} // else those without a hit may have had some
	}
	t.SortDown(first+2, first, first+1) // hits; where nothing was hit, sends
	return t
}

// A description is what the keys leave open about the hits of a group.
type description struct {
	key   Key // says the same as a key
	col   result.Col
	value func(*namedGroup) string
}

// describedColumns are the descriptions that are not keys already.
func (c *Counts) describedColumns() []description {
	all := []description{
		{key.Evidence, result.Col{Name: "evidence", Head: "evidence", Help: "how the function of the hits is known, the most frequent first"},
			func(g *namedGroup) string { return g.evidence.join() }},
		{key.Class, result.Col{Name: "class", Head: "class", Help: "what can be done about the hits, the most frequent first"},
			func(g *namedGroup) string { return g.classes.join() }},
		{key.Cause, result.Col{Name: "top_cause", Head: "top cause", Help: "the cause of most of the hits"},
			func(g *namedGroup) string { cause, _ := g.causes.top(); return cause }},
	}
	return slices.DeleteFunc(all, func(d description) bool { return slices.Contains(c.by, d.key) })
}

// show is the order of columns for people: hits, then what they are, then the
// rest.
func (c *Counts) show(files []string) []string {
	show := append(append([]string{"hits"}, files...), "share", "per_cpu_hour")
	for _, k := range c.by {
		show = append(show, k.String())
	}
	for _, d := range c.describedColumns() {
		show = append(show, d.col.Name)
	}
	return append(show, "sends", "requests", "self", "noise", "cpus")
}

// sorted returns the names with the most hits first.
func (t tallies) sorted() []string {
	names := make([]string, 0, len(t))
	for name := range t {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(t[b], t[a]), cmp.Compare(a, b)) })
	return names
}

// top is the name with the most hits.
func (t tallies) top() (string, uint64) {
	names := t.sorted()
	if len(names) == 0 {
		return "", 0
	}
	return names[0], t[names[0]]
}

// join lists all names.
func (t tallies) join() string { return strings.Join(t.sorted(), "+") }

// splits reports whether there is a column of hits for each input.
func (c *Counts) splits() bool { return len(c.inputs) > 1 && !slices.Contains(c.by, key.File) }

// isTooMany reports whether there are too many inputs for a column of each.
func (c *Counts) isTooMany() bool { return c.maxFiles > 0 && len(c.inputs) > c.maxFiles }

// fileColumns adds a column of hits for each input, if there are several and
// the rows do not tell them apart, and returns the columns' names.
func (c *Counts) fileColumns(t *result.Table) []string {
	if !c.splits() || c.isTooMany() {
		return nil
	}
	var names []string
	heads := result.ShortPaths(c.inputs)
	for i, in := range c.inputs {
		name := "by_file." + in.Path
		names = append(names, name)
		t.Cols = append(t.Cols, result.Col{Name: name, Head: heads[i], Help: "hits in this file"})
	}
	return names
}

func per(n uint64, duration int64, unit float64) float64 {
	return ratio(float64(n)*unit, float64(duration))
}

func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

func (c *Counts) cpuTable() *result.Table {
	t := &result.Table{Name: "cpus", Fold: "cpu", Rank: "hits", Brief: 20, Cols: []result.Col{
		{Name: "cpu", Head: "CPU"},
		{Name: "hits", Head: "hits"},
		{Name: "rate_hz", Head: "per second", Unit: "Hz"},
		{Name: "longest_quiet_ns", Head: "longest quiet", Unit: "ns", Help: "longest time without a hit, the edges of the trace included", Whole: true},
	}}
	cpus := make([]int, 0, len(c.cpus))
	for cpu := range c.cpus {
		cpus = append(cpus, cpu)
	}
	slices.Sort(cpus)
	u := c.unit()
	for _, cpu := range cpus {
		s := c.cpus[cpu]
		t.Rows = append(t.Rows, []result.Value{result.Int(cpu), result.Int(s.hits()), result.Float(per(s[u].hits, s[u].time, 1e9)), result.Int(s[u].quiet)})
	}
	return t
}

func (c *Counts) warn(set *result.Set) {
	seen := track.Coverage{Sends: c.totals.sends, Excluded: c.excluded, Isolated: c.isolated, Seen: &c.seen}
	seen.Warn(set)
	if slices.Contains(c.folded, true) {
		key.WarnFolded(set)
	}
	if c.unlike {
		set.Warn("isolated-differ", "the machines have different isolated CPUs: rates are by the time of those of each, and there is no table of CPUs")
	}
	c.warnWatched(set)
	if c.named > 0 {
		set.Warn("maybe-no-ipi", fmt.Sprintf("%d hits are of sends that name the function of another CPU, and none of an IPI that carries a call was seen with its call: on Linux 6.4, which traces both, some of them may have sent no IPI", c.named))
	}
	if c.cut > 0 {
		set.Warn("cut-lines", fmt.Sprintf("the lines of %d sends end within the name of the carrier %s: they were cut; what came after is not known", c.cut, track.Generic))
	}
	slices.Sort(c.dups)
	for _, d := range c.dups {
		set.Warn("duplicate-buffers", d)
	}
	if n := c.totals.unattributed; n > 0 {
		set.Warn("unattributed", c.unattributedText(n))
	}
}

// Late says of each input that recorded csd_queue_cpu and has hits without a function
// since when it did, and how many of them came before.
func (c *Counts) Late() []string {
	slices.SortFunc(c.late, func(a, b lateCalls) int { return cmp.Compare(a.path, b.path) })
	var list []string
	for _, l := range c.late {
		list = append(list, fmt.Sprintf("%s: csd_queue_cpu was recorded from %s on, %d of its %d such hits came before that", l.path, l.first, l.before, l.hits))
	}
	return list
}

// unattributedText says how many hits have no known function, and why: what to
// record is said of the inputs that do not have it.
func (c *Counts) unattributedText(n uint64) string {
	text := fmt.Sprintf("%d of %d hits have function %q: their send event names only the carrier %s", n, c.totals.hits, track.Unknown, track.Generic)
	told := uint64(0)
	for _, l := range c.Late() {
		text += "; " + l
	}
	for _, l := range c.late {
		told += l.hits
	}
	if n > told {
		text += "; record csd:csd_queue_cpu as well, or stacks"
	}
	return text
}
