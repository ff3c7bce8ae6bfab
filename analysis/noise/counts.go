package noise

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/key"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Counts are the noise of one or more traces with all ids resolved. A fresh Counts
// is the identity of Merge, which is associative and, but for the order of the
// inputs, commutative.
type Counts struct {
	cfg      Config
	cpus     map[int]*cpuSum
	groups   map[string]*groupSum
	totals   totals
	samples  []sampleRow
	activs   []activationRow
	more     [2]bool // samples, activations
	hwlat    []latencyRow
	moreHW   uint64
	ticks    map[int]map[string]*tickRow
	stops    bool // tick_stop was recorded
	expires  bool // hrtimer_expire_entry was
	folded   bool
	duration int64
	time     track.CPUTime
	seen     cpumask.Mask
	inputs   []result.Input
}

type cpuSum struct {
	tracer                           string
	runs, samples, hardware, partial uint64
	counts                           [track.NumNoiseKinds]uint64
	bad, activations                 uint64
	observed, watched, length        int64
	longest, explained, rest         int64
	longestRest, latency             int64
	runtime, runNoise                int64 // µs
	offset                           int64
	parts                            [numParts]stat.Dist
}

type groupSum struct {
	key     []string
	hits    uint64
	times   stat.Dist
	total   int64
	cpus    cpumask.Mask
	classes map[string]uint64
	causes  map[string]uint64
}

// A partRow is a part of a sample or activation.
type partRow struct {
	kind, name            string
	at, took              int64
	function, comm, cause string
	class, keptBy         string
	expired, work         string
	sender                int
}

type sampleRow struct {
	file         string
	cpu          int
	start        int64
	length       int64
	interference uint64
	explained    int64
	incomplete   bool
	parts        []partRow
}

type activationRow struct {
	file              string
	cpu               int
	seq               uint64
	due               int64
	irq, thread, user int64
	late, explained   int64
	length            int64
	incomplete        bool
	stack             string
	parts             []partRow
}

// NewCounts returns the sum of no traces.
func NewCounts(cfg Config) *Counts {
	if len(cfg.By) == 0 {
		cfg.By = []key.Key{key.Kind, key.Name}
	}
	c := &Counts{cfg: cfg, cpus: map[int]*cpuSum{}, groups: map[string]*groupSum{}, ticks: map[int]map[string]*tickRow{}}
	c.totals.shortest, c.totals.parts = -1, map[[2]string]partSum{}
	return c
}

// Counts returns what s saw. in describes the trace it came from.
func (s *State) Counts(in result.Input) *Counts {
	c := NewCounts(s.cfg)
	c.inputs, c.duration = []result.Input{in}, s.span.Duration()
	c.seen.CopyFrom(&s.seen)
	c.totals.add(&s.totals)
	c.folded = s.groups.Folded()
	c.stops, c.expires = s.ticks.recorded, s.ticks.expires
	c.hwlat, c.moreHW = slices.Clone(s.hwlat), s.moreHwlat
	c.more = [2]bool{s.samples.more, s.activs.more}
	online := s.deliveries.Online()
	watched, _ := online.CPUs(s.cfg.Isolated, max(s.table.Meta.CPUs, c.seen.Last()+1))
	for n := range watched.All() {
		x := &cpuSum{watched: max(0, c.duration-online.Offline(n, s.span.First, s.span.Last))}
		x.tracer, _ = s.deliveries.Noises().Measures(int32(n))
		c.cpus[n] = x
		c.time.Add(x.watched)
		if n >= len(s.cpus) {
			continue
		}
		p := &s.cpus[n]
		if x.tracer == "" && p.counts != [track.NumNoiseKinds]uint64{} {
			x.tracer = "no workload"
		}
		x.runs, x.samples, x.hardware, x.partial = p.runs, p.samples, p.hardware, p.incomplete
		x.counts, x.bad, x.activations, x.observed = p.counts, p.bad, p.activations, p.observed
		x.length, x.longest, x.explained, x.rest = p.length, p.longest, p.explained, p.rest
		x.latency = p.latency
		for i := range x.parts {
			x.parts[i].Merge(&p.parts[i])
		}
		x.longestRest, x.runtime, x.runNoise, x.offset = p.longestRest, p.runtime, p.runNoise, p.offset
	}
	for ids, g := range s.groups.All() {
		k := make([]string, len(s.cfg.By))
		for i := range k {
			k[i] = s.cfg.By[i].Text(ids[i], s.table, s.attr)
		}
		c.addGroup(&groupSum{key: k, hits: g.hits, times: g.times, total: g.total, cpus: g.cpus, classes: g.classes, causes: g.causes})
	}
	for _, x := range s.samples.list {
		c.samples = append(c.samples, s.sampleRow(x, in.Path))
	}
	for _, x := range s.activs.list {
		c.activs = append(c.activs, s.activationRow(x, in.Path))
	}
	for n := range s.ticks.cpus {
		for by, r := range s.ticks.cpus[n].rows {
			c.tick(n, by).add(r)
		}
	}
	return c
}

func (c *Counts) tick(cpu int, by string) *tickRow {
	if c.ticks[cpu] == nil {
		c.ticks[cpu] = map[string]*tickRow{}
	}
	r := c.ticks[cpu][by]
	if r == nil {
		r = &tickRow{}
		c.ticks[cpu][by] = r
	}
	return r
}

func (s *State) partRow(p part, name [2]string) partRow {
	r := partRow{
		kind: name[0], name: name[1], at: int64(p.begin), took: p.took, class: p.class, keptBy: p.keptBy,
		expired: s.table.NameOf(p.expired), work: s.table.NameOf(p.work), sender: -1,
	}
	if p.kind == "ipi" {
		r.function = s.table.NameOf(p.function)
		if r.function == "" {
			r.function = track.Unknown
		}
		r.name = r.function
	}
	if p.hasSend {
		r.sender, r.comm, r.cause = int(p.sender), s.table.NameOf(p.comm), s.table.NameOf(p.cause)
	}
	return r
}

func (s *State) sampleRow(x *sample, file string) sampleRow {
	r := sampleRow{file: file, cpu: int(x.cpu), start: int64(x.begin), length: x.length, interference: x.interference, explained: x.explained, incomplete: x.incomplete}
	for _, p := range x.parts {
		r.parts = append(r.parts, s.partRow(p, [2]string{p.kind, s.table.NameOf(p.name)}))
	}
	return r
}

func (s *State) activationRow(x *activation, file string) activationRow {
	r := activationRow{
		file: file, cpu: int(x.cpu), seq: x.seq, due: int64(x.due), irq: x.irq, thread: x.thread, user: x.user, late: x.late,
		explained: x.explained, length: x.length(), incomplete: x.incomplete,
	}
	if x.stack != 0 {
		r.stack = s.attr.Folded(x.stack)
	}
	for _, p := range x.parts {
		r.parts = append(r.parts, s.partRow(p, s.partName(p.piece, x)))
	}
	return r
}

func (t *totals) add(o *totals) {
	t.noises += o.noises
	t.noise += o.noise
	t.samples += o.samples
	t.incomplete += o.incomplete
	t.explained += o.explained
	t.rest += o.rest
	t.hardware += o.hardware
	t.activations += o.activations
	t.latency += o.latency
	t.aExplained += o.aExplained
	t.aRest += o.aRest
	t.aLate += o.aLate
	if o.shortest >= 0 && (t.shortest < 0 || o.shortest < t.shortest) {
		t.shortest = o.shortest
	}
	for k, v := range o.parts {
		old := t.parts[k]
		t.parts[k] = partSum{old.count + v.count, old.ns + v.ns}
	}
}

func (c *Counts) addGroup(g *groupSum) {
	id := strings.Join(g.key, "\x00")
	old := c.groups[id]
	if old == nil {
		old = &groupSum{key: slices.Clone(g.key), classes: map[string]uint64{}, causes: map[string]uint64{}}
		c.groups[id] = old
	}
	old.hits += g.hits
	old.times.Merge(&g.times)
	old.total += g.total
	old.cpus.Or(&g.cpus)
	for k, n := range g.classes {
		old.classes[k] += n
	}
	for k, n := range g.causes {
		old.causes[k] += n
	}
}

func (x *cpuSum) add(o *cpuSum) {
	x.tracer = mergedName(x.tracer, o.tracer)
	x.offset = farther(x.offset, o.offset)
	x.runs += o.runs
	x.samples += o.samples
	x.hardware += o.hardware
	x.partial += o.partial
	for i, n := range o.counts {
		x.counts[i] += n
	}
	x.bad += o.bad
	x.activations += o.activations
	x.observed += o.observed
	x.watched += o.watched
	x.length += o.length
	x.longest = max(x.longest, o.longest)
	x.longestRest = max(x.longestRest, o.longestRest)
	x.latency = max(x.latency, o.latency)
	x.explained += o.explained
	x.rest += o.rest
	x.runtime += o.runtime
	x.runNoise += o.runNoise
	for i := range x.parts {
		x.parts[i].Merge(&o.parts[i])
	}
}

// farther is the one of two offsets that is farther from 0.
func farther(a, b int64) int64 {
	if far := max(a, -a); max(b, -b) > far || max(b, -b) == far && b > a {
		return b
	}
	return a
}

// mergedName joins the names of tracers that different inputs had.
func mergedName(a, b string) string {
	set := map[string]bool{}
	for _, list := range []string{a, b} {
		for name := range strings.SplitSeq(list, ", ") {
			if name != "" {
				set[name] = true
			}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(set)), ", ")
}

// Merge adds o to c. Both must have the same Config; o is not changed.
func (c *Counts) Merge(o *Counts) {
	for n, x := range o.cpus {
		if c.cpus[n] == nil {
			c.cpus[n] = &cpuSum{}
		}
		c.cpus[n].add(x)
	}
	for _, g := range o.groups {
		c.addGroup(g)
	}
	c.totals.add(&o.totals)
	c.samples = longest(append(c.samples[:len(c.samples):len(c.samples)], o.samples...), c.cfg.Top, &c.more[0], sampleRow.compare)
	c.activs = longest(append(c.activs[:len(c.activs):len(c.activs)], o.activs...), c.cfg.Top, &c.more[1], activationRow.compare)
	for i := range c.more {
		c.more[i] = c.more[i] || o.more[i]
	}
	c.hwlat, c.moreHW = append(c.hwlat[:len(c.hwlat):len(c.hwlat)], o.hwlat...), c.moreHW+o.moreHW
	for cpu, rows := range o.ticks {
		for by, r := range rows {
			c.tick(cpu, by).add(r)
		}
	}
	c.stops, c.expires, c.folded = c.stops || o.stops, c.expires || o.expires, c.folded || o.folded
	c.duration += o.duration
	c.time.AddAll(o.time)
	c.seen.Or(&o.seen)
	c.inputs = append(c.inputs, o.inputs...)
}

func longest[T any](list []T, n int, more *bool, compare func(a, b T) int) []T {
	slices.SortStableFunc(list, compare)
	if n = max(n, 1); len(list) > n {
		list, *more = list[:n], true
	}
	return list
}

func (a sampleRow) compare(b sampleRow) int {
	return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.start, b.start), cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.file, b.file))
}

func (a activationRow) compare(b activationRow) int {
	return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.due, b.due), cmp.Compare(a.cpu, b.cpu), cmp.Compare(a.file, b.file))
}

// A CPU is the sums of one CPU, for programs that go on computing.
type CPU struct {
	CPU                           int
	Samples, Incomplete           uint64
	Longest, LongestRest, Latency int64
	Activations, Noises           uint64
	Available                     float64 // percent, -1 if it is not known
}

// CPUs returns the isolated CPUs in order.
func (c *Counts) CPUs() []CPU {
	var list []CPU
	for _, n := range c.sortedCPUs() {
		x := c.cpus[n]
		y := CPU{CPU: n, Samples: x.samples, Incomplete: x.partial, Longest: x.longest, LongestRest: x.longestRest, Latency: x.latency, Activations: x.activations, Available: x.available()}
		for _, k := range x.counts {
			y.Noises += k
		}
		list = append(list, y)
	}
	return list
}

// Shortest is the length of the shortest sample, 0 if there is none.
func (c *Counts) Shortest() int64 { return max(0, c.totals.shortest) }

// A Group is the noise of one combination of keys.
type Group struct {
	Key     []string
	Longest int64
}

// Groups returns all groups, in the order of their keys.
func (c *Counts) Groups() []Group {
	var list []Group
	for _, id := range slices.Sorted(maps.Keys(c.groups)) {
		g := c.groups[id]
		list = append(list, Group{g.key, g.times.Max()})
	}
	return list
}

func itoa(n int32) string { return strconv.Itoa(int(n)) }
