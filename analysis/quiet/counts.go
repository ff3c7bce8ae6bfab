package quiet

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// Counts are the interruptions of one or more traces with all ids resolved. A
// fresh Counts is the identity of Merge, which is associative and, but for the
// order of the inputs, commutative.
type Counts struct {
	cfg      Config
	unlike   bool // traces had different isolated sets; that of cfg is all of them
	cpus     map[int]*cpuTotal
	sources  map[[2]string]*tally
	causes   map[string]*entry // events that entered the kernel, by name
	odd      []anomaly
	culprits []culprit
	more     uint64
	points   uint64
	worst    worst
	offset   int64 // of the noise's clock, ns: the largest
	bad      uint64
	duration int64
	time     track.CPUTime // that the CPUs were watched
	unseen   []track.Unwatched
	away     []track.Unwatched
	seen     cpumask.Mask
	inputs   []result.Input
	has      map[string]bool // kinds of events that were recorded
	lacks    map[string]bool // events that end the quiet and may have been off
	noEntry  uint64          // hits without an interrupt where others have one
	offline  bool            // CPUs may have been taken down
}

type culprit struct {
	Culprit
	file string
	from trace.Time // the gap's
}

// cpuTotal is the sum over one CPU.
type cpuTotal struct {
	watched       int64 // ns
	interruptions uint64
	taken         int64
	quiet         stat.Dist
	longest       int64
	longestAt     trace.Time
	atOnce        int64
	atOnceAt      trace.Time
	kinds         kinds
	censored      uint64
	worst         second
	worstAt       trace.Time
	enters, exits uint64
	odd           [numOddities]uint64
	user, kernel  int64
	exit          stat.Dist // from user_exit to the next event
	observed      int64     // ns
	sampled       bool      // only noise tells of interrupts
	longestRun    int64     // ns
	unpaired      [track.NumBracketKinds]uint64
	doubt         doubt
}

// NewCounts returns the sum of no traces.
func NewCounts(cfg Config) *Counts {
	return &Counts{cfg: cfg, cpus: map[int]*cpuTotal{}, sources: map[[2]string]*tally{}, causes: map[string]*entry{}, has: map[string]bool{}, lacks: map[string]bool{}, worst: worst{}}
}

// Counts returns what s saw. in describes the trace it came from.
func (s *State) Counts(in result.Input) *Counts {
	c := NewCounts(s.cfg)
	c.duration, c.more = s.span.Duration(), s.gaps.more
	if !s.deliveries.HasEntries() {
		c.points = s.points
		for n := range s.cpus {
			c.points -= min(c.points, s.cpus[n].noise.arrived)
		}
	}
	c.offset, c.bad = s.offset(), s.deliveries.Noises().Broken
	c.inputs = []result.Input{in}
	c.seen.CopyFrom(&s.seen)
	if !s.any && in.Whole { // nothing happened, and that is known
		s.any, s.start = true, s.span.First
	}
	if n := max(s.table.Meta.CPUs, c.seen.Last()+1); n > 0 && s.any {
		c.seen.SetRange(0, n-1)
	}
	online := s.deliveries.Online()
	cpus, unseen := online.CPUs(s.cfg.Isolated, c.seen.Last()+1)
	if !unseen.IsEmpty() {
		c.unseen = []track.Unwatched{{Path: in.Path, Text: unseen.String()}}
		if s.cfg.Isolated == nil {
			c.seen.AndNot(&unseen)
		}
	}
	c.away = online.Unwatched(in.Path, s.cfg.Isolated, s.span.First, s.span.Last)
	for n := range s.cpus {
		s.cpus[n].settle(0)
	}
	open := s.doubt(&in)
	for n := range cpus.All() {
		if n >= len(s.cpus) { // nothing happened on it
			x := s.cpu(int32(n))
			x.end(s.span.Last)
		}
		c.cpus[n] = s.cpus[n].total(!s.deliveries.HasEntries())
		c.cpus[n].observe(&s.cpus[n], s.isSampled())
		c.cpus[n].unpaired = s.deliveries.Unpaired(int32(n))
		offline := s.mayBeOffline(n)
		c.offline = c.offline || offline
		c.cpus[n].doubt = doubt{shorter: open.shorter || c.cpus[n].withoutEnd() > 0 || offline, lossy: open.lossy}
		c.cpus[n].watched = max(0, c.duration-online.Offline(n, s.span.First, s.span.Last))
		c.time.Add(c.cpus[n].watched)
		c.cpus[n].exit.Merge(s.cpus[n].context.exit())
		for id, e := range s.cpus[n].context.causes {
			c.addEntry(s.table.Schema(id).Name, e)
		}
		for _, a := range s.cpus[n].context.list {
			a.cpu, a.file, a.comm = n, in.Path, s.table.NameOf(a.commID)
			if a.known {
				a.event = s.table.Schema(a.eventID).Name
			}
			c.odd = append(c.odd, a)
		}
	}
	for _, x := range s.worst.all() {
		x.file = in.Path
		c.worst.of(x.Kind, c.cfg.Worst).Add(&x)
	}
	for src, t := range s.sources {
		t.longest.file = in.Path
		c.addSource([2]string{src.kind, s.table.NameOf(src.name)}, t)
	}
	for _, f := range s.gaps.found {
		c.culprits = append(c.culprits, culprit{f, in.Path, s.cfg.Gaps[f.gap].Start})
	}
	for _, sc := range s.table.Schemas() {
		if int(sc.ID) < len(s.roles) && s.roles[sc.ID] != roleUnseen {
			c.note(sc.Name)
		}
	}
	for _, name := range s.untold(&in) {
		c.lacks[name] = true
	}
	c.noEntry = s.unarrived()
	return c
}

// note remembers which sides of interruptions the trace has.
func (c *Counts) note(event string) {
	switch {
	case event == "user_exit" || event == "user_enter":
		c.has["user_enter and user_exit"] = true
	case event == "sched_switch":
		c.has[event] = true
	case event == "thread_noise":
		c.has["sched_switch"] = true
	case event == "irq_noise", strings.HasPrefix(event, "local_timer_"), strings.HasPrefix(event, "irq_handler_"), event == "ipi_entry",
		strings.HasPrefix(event, "call_function_"), strings.HasPrefix(event, "reschedule_"):
		c.has[anyInterrupt] = true
	case event == "softirq_entry":
		c.has[event] = true
	}
}

// total sums up a CPU; hits says whether those that only sends tell of count.
func (c *cpu) total(hits bool) *cpuTotal {
	f, x := &c.flow, &c.context
	if hits && c.hits != nil && !(c.noise.any && !c.noise.hasEntries) {
		f = c.hits
	}
	t := &cpuTotal{
		interruptions: f.interruptions, taken: f.taken, longest: f.longest, longestAt: f.longestAt, censored: f.censored,
		atOnce: f.atOnce, atOnceAt: f.atOnceAt, kinds: c.kinds,
		worst: f.worst, worstAt: f.start + trace.Time(max(f.worst.index, 0))*nsPerSecond,
		enters: x.enters, exits: x.exits, odd: x.odd, user: x.user, kernel: x.kernel,
	}
	t.quiet.Merge(&f.quiet)
	return t
}

func (c *Counts) addSource(key [2]string, t *tally) {
	old := c.sources[key]
	if old == nil {
		old = &tally{longest: peak{ns: -1}}
		c.sources[key] = old
	}
	old.count += t.count
	old.byNoise += t.byNoise
	old.total = analysis.AddTimes(old.total, t.total)
	old.taken.Merge(&t.taken)
	old.cpus.Or(&t.cpus)
	old.longest.take(t.longest)
}

func (c *Counts) addEntry(name string, e *entry) {
	old := c.causes[name]
	if old == nil {
		old = &entry{}
		c.causes[name] = old
	}
	old.count += e.count
	old.after.Merge(&e.after)
}

// Inputs describes the traces.
func (c *Counts) Inputs() []result.Input { return c.inputs }

// Merge adds o to c. Both must have the same Config but for the isolated CPUs, which
// are those of a machine; o is not changed.
func (c *Counts) Merge(o *Counts) {
	var same bool
	c.cfg.Isolated, same = cpumask.Union(c.cfg.Isolated, o.cfg.Isolated)
	c.unlike = c.unlike || o.unlike || !same
	for n, t := range o.cpus {
		old := c.cpus[n]
		if old == nil {
			first := *t
			first.quiet = stat.Dist{}
			first.quiet.Merge(&t.quiet)
			first.exit = stat.Dist{}
			first.exit.Merge(&t.exit)
			first.kinds = slices.Clone(t.kinds)
			c.cpus[n] = &first
			continue
		}
		old.add(t)
	}
	for key, t := range o.sources {
		c.addSource(key, t)
	}
	for kind, l := range o.worst {
		c.worst.of(kind, c.cfg.Worst).Merge(l)
	}
	for name, e := range o.causes {
		c.addEntry(name, e)
	}
	c.odd = append(c.odd, o.odd...)
	for name := range o.has {
		c.has[name] = true
	}
	for name := range o.lacks {
		c.lacks[name] = true
	}
	c.noEntry += o.noEntry
	c.offline = c.offline || o.offline
	c.culprits = append(c.culprits, o.culprits...)
	c.more += o.more
	c.points += o.points
	c.offset, c.bad = larger(c.offset, o.offset), c.bad+o.bad
	c.duration += o.duration
	c.time.AddAll(o.time)
	c.unseen, c.away = append(c.unseen, o.unseen...), append(c.away, o.away...)
	c.seen.Or(&o.seen)
	c.inputs = append(c.inputs, o.inputs...)
}

func (t *cpuTotal) add(o *cpuTotal) {
	t.watched = analysis.AddTimes(t.watched, o.watched)
	t.interruptions += o.interruptions
	t.taken = analysis.AddTimes(t.taken, o.taken)
	t.quiet.Merge(&o.quiet)
	// of equals the one of the earlier time, whichever input it is in
	if o.longest > t.longest || o.longest == t.longest && o.longestAt < t.longestAt {
		t.longest, t.longestAt = o.longest, o.longestAt
	}
	if o.atOnce > t.atOnce || o.atOnce == t.atOnce && o.atOnceAt < t.atOnceAt {
		t.atOnce, t.atOnceAt = o.atOnce, o.atOnceAt
	}
	t.kinds.merge(o.kinds)
	t.censored += o.censored
	t.doubt.add(o.doubt)
	if cmp.Or(cmp.Compare(o.worst.taken, t.worst.taken), cmp.Compare(o.worst.count, t.worst.count), cmp.Compare(t.worstAt, o.worstAt)) > 0 {
		t.worst, t.worstAt = o.worst, o.worstAt
	}
	t.enters += o.enters
	t.exits += o.exits
	for i, n := range o.odd {
		t.odd[i] += n
	}
	t.observed += o.observed
	t.sampled = t.sampled || o.sampled
	t.longestRun = max(t.longestRun, o.longestRun)
	for k, n := range o.unpaired {
		t.unpaired[k] += n
	}
	t.user += o.user
	t.kernel += o.kernel
	t.exit.Merge(&o.exit)
}

// A CPU is the sums of one CPU, for programs that go on computing.
type CPU struct {
	CPU            int
	Interruptions  uint64
	Taken, Longest int64 // ns
	AtOnce         int64 // ns: longest time for which it was not left alone
	Kinds          []KindCount
	Watched        int64  // ns that it was online and recorded
	Bound          string // what Longest is: "at most" or "about" so long
	Censored       uint64
	Unarrived      uint64    // hits without an interrupt, on all CPUs, where others have one
	Lossy          bool      // events of the recording were lost
	Quiet          stat.Dist // lengths of the quiet stretches, ns
	// Sampled says that only noise events tell of interrupts: Observed is for how
	// long they did, LongestRun the longest stretch of it, ns.
	Sampled              bool
	Observed, LongestRun int64
	// Unpaired are the interrupts of which the entry or the exit was not recorded,
	// though nothing says that events were lost: how long they took, and what
	// came while they seemed to go on, is not known. UnpairedCalls are those of
	// the functions that interrupts ran, UnpairedSoftirqs those of softirqs.
	Unpaired, UnpairedCalls, UnpairedSoftirqs uint64
}

// CPUs returns the isolated CPUs in order.
func (c *Counts) CPUs() []CPU {
	list := make([]CPU, 0, len(c.cpus))
	for n, t := range c.cpus {
		x := CPU{CPU: n, Interruptions: t.interruptions, Taken: t.taken, AtOnce: t.atOnce, Kinds: t.kinds, Watched: t.watched, Longest: t.longest, Bound: t.doubt.String(), Lossy: t.doubt.lossy, Unarrived: c.noEntry, Censored: t.censored, Sampled: t.sampled, Observed: t.observed, LongestRun: t.longestRun}
		x.Quiet.Merge(&t.quiet)
		x.Unpaired = t.unpaired[track.BracketVector] + t.unpaired[track.BracketIRQ] + t.unpaired[track.BracketIPI]
		x.UnpairedCalls, x.UnpairedSoftirqs = t.unpaired[track.BracketCall], t.unpaired[track.BracketSoftirq]
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b CPU) int { return cmp.Compare(a.CPU, b.CPU) })
	return list
}
