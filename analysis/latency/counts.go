package latency

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// A Time is one of the times that an IPI costs.
type Time uint8

const (
	Delivery Time = iota // send to entry
	Handler              // entry to exit of what runs
	Bracket              // the interrupt's entry to its exit
	Wait                 // queue to the function's exit, where the caller waits
	NumTimes
)

// TimeNames are the names of the times.
func TimeNames() []string { return []string{"delivery", "handler", "bracket", "wait"} }

func (t Time) String() string { return TimeNames()[t] }

// measures lists what makes up each time, by kind.
func (s *State) measures() [NumTimes][]measure {
	switch s.cfg.Kind {
	case KindCSD:
		return [NumTimes][]measure{{csdDelivery}, {csdHandler}, nil, {csdWait}}
	case KindVector:
		return [NumTimes][]measure{{vectorDelivery}, nil, {vectorBracket}, nil}
	case KindIPI:
		return [NumTimes][]measure{{ipiDelivery}, {ipiHandler, callHandler}, {irqBracket}, nil}
	}
	m := [NumTimes][]measure{{vectorDelivery, ipiDelivery}, {csdHandler, ipiHandler}, {vectorBracket, irqBracket}, {csdWait}}
	if !s.anyIRQ {
		m[Delivery] = []measure{csdDelivery}
	}
	if !s.anyRun { // else the functions themselves are timed
		m[Handler] = []measure{ipiHandler, callHandler}
	}
	return m
}

// kinds are the entry events that Config.Kind looks at.
func (k Kind) kinds() []track.BracketKind {
	switch k {
	case KindCSD:
		return []track.BracketKind{track.BracketCall}
	case KindVector:
		return []track.BracketKind{track.BracketVector}
	case KindIPI:
		return []track.BracketKind{track.BracketIPI}
	}
	return []track.BracketKind{track.BracketVector, track.BracketIPI, track.BracketCall}
}

// Counts are the measurements of one or more traces with all ids resolved to
// text. A fresh Counts is the identity of Merge, which is associative and
// commutative but for the order of the inputs.
type Counts struct {
	cfg      Config
	unlike   bool // traces had different isolated sets; that of cfg is all of them
	groups   map[string]*namedGroup
	chain    [track.NumLines][numLegs]stat.Dist
	resched  [numFlags]stat.Dist
	arrivals [track.NumBracketKinds]track.Account
	runs     [track.NumBracketKinds]track.Account
	hits     track.Account
	requests track.Account
	negative uint64
	folded   bool // a trace had more groups than Config.MaxGroups
	switches bool
	duration int64
	seen     cpumask.Mask
	unseen   []track.Unwatched
	away     []track.Unwatched
	inputs   []result.Input
	skewed   []string // inputs whose clock does not compare across CPUs
	ticks    []string // inputs whose clock does not count nanoseconds
	// missing is how many values of each time may be longer than all that were
	// measured; lossy says that nobody knows how many are missing
	missing [NumTimes]uint64
	lossy   bool
	worst   [NumTimes]stat.Largest[told]
}

type namedGroup struct {
	key     []string
	times   [NumTimes]stat.Dist
	longest [NumTimes]longest
	outcome
}

// NewCounts returns the sum of no traces.
func NewCounts(cfg Config) *Counts {
	c := &Counts{cfg: cfg, groups: map[string]*namedGroup{}}
	for t := range c.worst {
		c.worst[t] = stat.NewLargest(cfg.Worst, compareTold)
	}
	return c
}

// newNamedGroup is a group without a time.
func newNamedGroup(key []string) *namedGroup {
	g := &namedGroup{key: key}
	for t := range g.longest {
		g.longest[t].ns = -1
	}
	return g
}

// Counts returns what s measured. in describes the trace it came from.
func (s *State) Counts(in result.Input) *Counts {
	c := NewCounts(s.cfg)
	from := s.measures()
	c.folded = s.groups.Folded()
	for ids, g := range s.groups.All() {
		ng := newNamedGroup(nil)
		ng.outcome = g.outcome
		for i, k := range s.cfg.By {
			ng.key = append(ng.key, k.Text(ids[i], s.table, s.attr))
		}
		for t, measures := range from {
			for _, m := range measures {
				if g.dists[m] != nil {
					ng.times[t].Merge(g.dists[m])
					ng.longest[t].take(longest{g.longest[m].ns, g.longest[m].at, in.Path})
				}
			}
		}
		if s.cfg.Kind == KindCSD {
			ng.outcome = outcome{}
		}
		if !ng.isEmpty() {
			c.addGroup(ng)
		}
	}
	for _, k := range s.cfg.Kind.kinds() {
		c.arrivals[k] = s.deliveries.Arrivals[k]
		c.runs[k] = s.deliveries.Runs()[k]
	}
	if s.cfg.Kind != KindCSD {
		c.hits = s.deliveries.Hits
		c.chain = s.chain
	}
	if s.cfg.Kind == KindAll || s.cfg.Kind == KindCSD {
		c.requests = s.deliveries.Requests
	}
	r := &s.resched
	c.resched = [numFlags]stat.Dist{r.needed, r.lazy, r.upgrade}
	c.switches = r.switches
	for t := range c.missing {
		c.missing[t] = s.unmeasured(Time(t))
	}
	c.lossy = in.IsLossy()
	s.tell(c, &from, in.Path)
	c.negative, c.duration = s.negative, s.span.Duration()
	c.seen.CopyFrom(&s.seen)
	n := max(s.table.Meta.CPUs, c.seen.Last()+1)
	watched, unseen := s.deliveries.Online().CPUs(s.cfg.Isolated, n)
	if c.seen.Or(&watched); s.cfg.Isolated != nil && n > 0 {
		c.seen.SetRange(0, n-1)
	}
	if !unseen.IsEmpty() {
		c.unseen = []track.Unwatched{{Path: in.Path, Text: unseen.String()}}
	}
	c.away = s.deliveries.Online().Unwatched(in.Path, s.cfg.Isolated, s.span.First, s.span.Last)
	c.inputs = []result.Input{in}
	if m := &s.table.Meta; !m.ClockComparable() {
		clock := m.Clock
		if clock == "" {
			clock = "not named by the input"
		}
		c.skewed = []string{in.Path + " (" + clock + ")"}
	}
	if m := &s.table.Meta; m.ClockUnit == "ticks" {
		c.ticks = []string{in.Path + " (" + m.Clock + ")"}
	}
	return c
}

func (g *namedGroup) isEmpty() bool {
	for i := range g.times {
		if g.times[i].Count()+g.times[i].Negative() > 0 {
			return false
		}
	}
	return g.arrived == 0
}

func (c *Counts) addGroup(g *namedGroup) {
	key := strings.Join(g.key, "\x00")
	old := c.groups[key]
	if old == nil {
		old = newNamedGroup(g.key)
		c.groups[key] = old
	}
	for t := range g.times {
		old.times[t].Merge(&g.times[t])
		old.longest[t].take(g.longest[t])
	}
	old.outcome.add(&g.outcome)
}

// Inputs describes the traces.
func (c *Counts) Inputs() []result.Input { return c.inputs }

// Merge adds o to c. Both must have the same Config but for the isolated CPUs, which
// are those of a machine; o is not changed.
func (c *Counts) Merge(o *Counts) {
	var same bool
	c.cfg.Isolated, same = cpumask.Union(c.cfg.Isolated, o.cfg.Isolated)
	c.unlike = c.unlike || o.unlike || !same
	for _, g := range o.groups {
		c.addGroup(g)
	}
	for l := range o.chain {
		for i := range o.chain[l] {
			c.chain[l][i].Merge(&o.chain[l][i])
		}
	}
	for i := range o.resched {
		c.resched[i].Merge(&o.resched[i])
	}
	for k := range o.arrivals {
		c.arrivals[k].Add(&o.arrivals[k])
		c.runs[k].Add(&o.runs[k])
	}
	c.hits.Add(&o.hits)
	c.requests.Add(&o.requests)
	for t, n := range o.missing {
		c.missing[t] += n
	}
	c.lossy = c.lossy || o.lossy
	for t := range o.worst {
		c.worst[t].Merge(&o.worst[t])
	}
	c.folded = c.folded || o.folded
	c.negative += o.negative
	c.switches = c.switches || o.switches
	c.duration += o.duration
	c.unseen, c.away = append(c.unseen, o.unseen...), append(c.away, o.away...)
	c.seen.Or(&o.seen)
	c.inputs = append(c.inputs, o.inputs...)
	c.skewed = append(c.skewed, o.skewed...)
	c.ticks = append(c.ticks, o.ticks...)
}

// Of returns one time over all groups, for plots.
func (c *Counts) Of(t Time) *stat.Dist {
	d := &stat.Dist{}
	for _, g := range c.groups {
		d.Merge(&g.times[t])
	}
	return d
}

// A Group is the times of one group, for programs that go on computing.
type Group struct {
	Key   []string
	Times [NumTimes]stat.Dist
}

// Groups returns the groups in the order of their keys.
func (c *Counts) Groups() []Group {
	groups := make([]Group, 0, len(c.groups))
	for _, g := range c.groups {
		groups = append(groups, Group{g.key, g.times})
	}
	slices.SortFunc(groups, func(a, b Group) int { return slices.Compare(a.Key, b.Key) })
	return groups
}
