package ipi

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Counts are the sums of one or more traces with all ids resolved to text. A
// fresh Counts is the identity of Merge, which is associative and commutative.
type Counts struct {
	by       []Key
	isolated *cpumask.Mask
	unlike   bool // traces had different isolated sets; isolated is all of them
	groups   map[string]*namedGroup
	totals   counts
	cpus     map[int]cpuTotal
	function tallies // hits by function, for the verdict
	advice   map[string]*adviceTotal
	patching patching
	seen     cpumask.Mask // CPUs of the traced machines, for when no set is given
	watched  [numUnits]watched
	unseen   []track.Unwatched // CPUs that show no sign of being online
	away     []track.Unwatched // CPUs that were offline for a while
	inputs   []result.Input
	maxFiles int // columns by input; 0 is no limit
	dups     []string
	missed   uint64
	excluded uint64 // sends that the filter does not take
	named    uint64 // hits that may be calls of Linux 6.4 without an IPI
	cut      uint64 // sends whose line ends within the carrier's name
	late     []lateCalls
	folded   []bool // of each input: it had more groups than Config.MaxGroups
	regime   Regime
	// over time, with Config.Timeline: hits, and gaps in the events
	extent      extent
	cells, gaps []uint32
	seconds     int64 // whole ones, summed over the traces
}

type namedGroup struct {
	key []string
	counts
	cpus cpumask.Mask
	// byFile holds the hits in each input that has any, in the order of Counts.inputs
	byFile []fileHits
	// hits by what the keys leave open
	causes, classes, evidence tallies
	cells                     []uint32
	spread                    *Spread // nil without Config.Spread
}

// fileHits are the hits in one input, by its place in Counts.inputs.
type fileHits struct {
	input int
	hits  uint64
}

// in returns the hits in an input.
func (g *namedGroup) in(input int) uint64 {
	i, ok := slices.BinarySearchFunc(g.byFile, input, func(f fileHits, input int) int { return cmp.Compare(f.input, input) })
	if !ok {
		return 0
	}
	return g.byFile[i].hits
}

// tallies are hits by name.
type tallies map[string]uint64

func (t tallies) add(o tallies) {
	for name, n := range o {
		t[name] += n
	}
}

// lateCalls says of an input that recorded csd_queue_cpu how many of its hits
// without a function came before the first one.
type lateCalls struct {
	path, first  string
	before, hits uint64
}

// clockText is a time as traces print it.
func (s *State) clockText(at trace.Time) string {
	if s.table.Meta.ClockUnit == "ticks" {
		return strconv.FormatInt(int64(at), 10)
	}
	return fmt.Sprintf("%.6f", float64(at)/1e9)
}

// NewCounts returns the sum of no traces.
func NewCounts(isolated *cpumask.Mask, by []Key) *Counts {
	return &Counts{by: by, isolated: isolated, groups: map[string]*namedGroup{}, cpus: map[int]cpuTotal{}, function: tallies{}, advice: map[string]*adviceTotal{}}
}

// Counts returns what s counted. in describes the trace it came from.
func (s *State) Counts(in result.Input) *Counts { return s.Views(in)[0] }

// Views returns what s counted, grouped by Config.By and by each of Config.Also.
func (s *State) Views(in result.Input) []*Counts {
	t := &s.direct
	if !s.isDirect && s.raised.sends+s.raised.excluded > 0 {
		s.takeRequests(&s.raised, &s.direct)
		t = &s.raised
	}
	var views []*Counts
	for v := range s.by {
		views = append(views, s.view(t, v, in))
	}
	return views
}

func (s *State) view(t *tally, view int, in result.Input) *Counts {
	by := s.by[view]
	c := NewCounts(s.cfg.Isolated, by)
	c.totals, c.missed, c.excluded, c.regime = t.totals, t.missed, t.excluded, s.regime(t)
	c.folded = []bool{t.views[view].Folded()}
	c.cut = s.sends.Cut()
	if at, ok := s.sends.FirstCall(); ok && t.totals.unattributed > 0 {
		c.late = []lateCalls{{in.Path, s.clockText(at), t.early, t.totals.unattributed}}
	}
	if !s.sends.HasCalls() {
		c.named = t.named
	}
	cells := 0
	if s.cfg.Timeline {
		c.extent = s.extent()
		cells = c.extent.cells()
		c.cells, c.gaps = t.line.fixed(&s.ruler, cells), s.losses.line.fixed(&s.ruler, cells)
	}
	for ids, g := range t.views[view].All() {
		ng := &namedGroup{counts: g.counts, cpus: g.cpus}
		if g.hits > 0 {
			ng.byFile = []fileHits{{0, g.hits}}
		}
		for i, k := range by {
			if k == key.Target && g.hits == 0 && g.requests == 0 {
				ng.key = append(ng.key, "")
				continue
			}
			ng.key = append(ng.key, k.Text(ids[i], s.table, s.attr))
		}
		ng.describe(s, g)
		if cells > 0 {
			ng.cells = g.line.fixed(&s.ruler, cells)
		}
		if g.spread != nil {
			ng.spread = &g.spread.Spread
		}
		c.addGroup(ng, 0, 1)
	}
	for a, hits := range t.advice {
		c.addAdvice(newAdvice(a.class, s.table.NameOf(a.function), hits))
	}
	c.patching = t.patching
	for id, hits := range t.functions {
		c.function[s.table.NameOf(id)] += hits
	}
	s.watch(c, t, in)
	c.inputs = []result.Input{in}
	for pair, n := range s.dups.found {
		c.dups = append(c.dups, fmt.Sprintf("%s: %d sends are in the buffers %s and %s both and count twice: choose one with --instance",
			in.Path, n, bufferName(s.table, pair[0]), bufferName(s.table, pair[1])))
	}
	return c
}

// watch adds how long each CPU was watched, and how quiet it was.
func (s *State) watch(c *Counts, t *tally, in result.Input) {
	n := max(s.table.Meta.CPUs, int(s.maxCPU)+1)
	if s.events == 0 {
		n = 0
	}
	whole := wholeSeconds(s.span)
	c.seconds = whole.to - whole.from
	online := s.sends.Online()
	cpus, unseen := online.CPUs(c.isolated, n)
	if n > 0 {
		c.seen.SetRange(0, n-1)
	}
	if !unseen.IsEmpty() {
		c.unseen = []track.Unwatched{{Path: in.Path, Text: unseen.String()}}
		if c.isolated == nil {
			c.seen.AndNot(&unseen)
		}
	}
	c.away = online.Unwatched(in.Path, c.isolated, s.span.First, s.span.Last)
	u := unitOf(in)
	w := &c.watched[u]
	w.traces, w.duration, w.hits = 1, s.span.Duration(), t.totals.hits
	for cpu := range cpus.All() {
		var total cpuTotal
		x := &total[u]
		x.time = max(0, w.duration-online.Offline(cpu, s.span.First, s.span.Last))
		x.quiet = w.duration
		if cpu < len(t.cpus) && t.cpus[cpu].any {
			st := t.cpus[cpu]
			x.hits, x.quiet = st.hits, min(w.duration, st.quiet)
			// between recordings that stand one behind the other nobody watched, and
			// the edges of the span are those of different ones
			if s.span.Gap == 0 {
				x.quiet = max(st.quiet, int64(st.first-s.span.First), int64(s.span.Last-st.last))
			}
		}
		w.cpus.Add(x.time)
		c.cpus[cpu] = total
	}
}

// describe resolves what the keys of a group leave open.
func (ng *namedGroup) describe(s *State, g *group) {
	ng.causes, ng.classes, ng.evidence = tallies{}, tallies{}, tallies{}
	for id, n := range g.causes {
		ng.causes[s.table.NameOf(id)] += n
	}
	for class, n := range g.classes {
		if n > 0 {
			ng.classes[catalog.Class(class).String()] = n
		}
	}
	for e, n := range g.evidence {
		if n > 0 {
			ng.evidence[track.Evidence(e).String()] = n
		}
	}
}

func bufferName(t *trace.Table, id trace.NameID) string {
	if id == 0 {
		return "(top)"
	}
	return strconv.Quote(t.NameOf(id))
}

// addGroup adds a group of inputs that come behind before others; two that
// differ by id only, as symbols of the same name at two addresses, become one.
// Each n of its cells make one of c's.
func (c *Counts) addGroup(g *namedGroup, before int, n int64) {
	key := strings.Join(g.key, "\x00")
	old := c.groups[key]
	if old == nil {
		old = &namedGroup{key: g.key, causes: tallies{}, classes: tallies{}, evidence: tallies{}}
		c.groups[key] = old
	}
	old.add(g.counts)
	old.cpus.Or(&g.cpus)
	old.causes.add(g.causes)
	old.classes.add(g.classes)
	old.evidence.add(g.evidence)
	old.cells = addCells(old.cells, widened(g.cells, n))
	if g.spread != nil {
		if old.spread == nil {
			old.spread = &Spread{}
		}
		old.spread.add(g.spread)
	}
	for _, f := range g.byFile {
		// the last one is of the same input where groups become one
		if n := len(old.byFile); n > 0 && old.byFile[n-1].input == before+f.input {
			old.byFile[n-1].hits += f.hits
		} else {
			old.byFile = append(old.byFile, fileHits{before + f.input, f.hits})
		}
	}
}

// Merge adds o to c. Both must have the same keys; o is not changed. Machines may
// have different isolated sets: rates are by the CPU-time of all.
func (c *Counts) Merge(o *Counts) {
	var same bool
	c.isolated, same = cpumask.Union(c.isolated, o.isolated)
	c.unlike = c.unlike || o.unlike || !same
	n := c.addTimes(o)
	for _, g := range o.groups {
		c.addGroup(g, len(c.inputs), n)
	}
	c.totals.add(o.totals)
	c.missed += o.missed
	c.excluded += o.excluded
	c.named += o.named
	c.cut += o.cut
	c.late = append(c.late, o.late...)
	c.folded = append(c.folded, o.folded...)
	for cpu, t := range o.cpus {
		c.cpus[cpu] = t.merged(c.cpus[cpu])
	}
	for u := range c.watched {
		c.watched[u].add(o.watched[u])
	}
	c.unseen, c.away = append(c.unseen, o.unseen...), append(c.away, o.away...)
	c.function.add(o.function)
	for _, a := range o.advice {
		c.addAdvice(*a)
	}
	c.patching.add(o.patching)
	c.seen.Or(&o.seen)
	c.seconds += o.seconds
	c.inputs = append(c.inputs, o.inputs...)
	c.dups = append(c.dups, o.dups...)
}
