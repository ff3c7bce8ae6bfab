package budget

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ipiscope/ipiscope/analysis/names"
	"github.com/ipiscope/ipiscope/analysis/result"
)

// Schema is the name of this result's JSON form.
const Schema = "ipiscope/check/v1"

// Measured is what was found on the isolated CPUs.
type Measured struct {
	Inputs   []result.Input
	Isolated string
	Duration int64 // ns
	CPUs     []CPU // in order
	// HasSends says that the recordings have such events at all.
	HasSends bool
	// Lacks are the events that quantities other than hits need and that were
	// not recorded, or of which an input does not say so.
	Lacks Lacks
	// Evidence is what tells functions that the recordings have.
	Evidence Evidence
	// HasInterrupts says that copies of /proc/interrupts were given.
	HasInterrupts bool
	// Ticks says that a clock does not count nanoseconds: nothing that is a
	// time or a rate can be checked.
	Ticks bool
	// Skewed names an input whose clock does not compare across CPUs.
	Skewed string
	// Ended says why what isolated CPUs do was recorded for a part of the time only: what
	// was seen until then is neither the longest nor a sample of all. It is among Lacks.
	Ended string

	excess bool // more is missing than the budget allows
}

// Lacks are sentences by what is undecided for them.
type Lacks struct {
	Handler, Quiet []string
	Kinds          map[string][]string // of interruptions
}

// EndsEarly takes that what isolated CPUs do was recorded for a part of the time only.
func (m *Measured) EndsEarly(why string) {
	m.Ended = why
	m.Lacks = Lacks{Handler: []string{why}, Quiet: []string{why}, Kinds: m.Lacks.Kinds}
	for kind := range m.Lacks.Kinds {
		m.Lacks.Kinds[kind] = []string{why}
	}
}

// Evidence says what tells functions and classes that all recordings have.
type Evidence struct {
	CSD, Stacks bool
	// Expire says that timers tell whose they are, Timer that the timer's interrupt has
	// events of its own.
	Expire, Timer bool
	// Late says since when recordings have csd_queue_cpu, as far as they have hits
	// without a function.
	Late []string
}

// A CPU is what was found on one.
type CPU struct {
	CPU int
	// Watched is how long it was online and recorded, ns; 0 stands for all of
	// Measured.Duration.
	Watched int64
	Hits    []Hits
	// Handler is the longest run and Function what ran.
	Handler  int64 // ns, -1 if none was seen
	Function string
	Quiet    int64 // ns, longest
	// Unarrived are hits of which no interrupt was seen where others have one.
	Unarrived uint64
	// Lossy says that events were lost.
	Lossy bool
	// QuietBound says in which way Quiet may be wrong: "at most" or "about" so long.
	QuietBound string
	// Untraced are the interrupts that /proc/interrupts counted of kinds that
	// the trace shows none of, and UntracedKinds what they are.
	Untraced      uint64
	UntracedKinds []string
	// Sampled says that only noise events tell of interrupts. Observed is for how
	// long they did, LongestRun the longest stretch of it, ns.
	Sampled              bool
	Observed, LongestRun int64
	Noise                Noise
	Interruption         Interruption
	// Delivery is the 99th percentile of the times from send to entry, ns, of so many.
	Delivery   int64
	Deliveries uint64
	// Unpaired are the interrupts of which the entry or the exit was not recorded,
	// UnpairedCalls and UnpairedSoftirqs those of functions and softirqs.
	Unpaired, UnpairedCalls, UnpairedSoftirqs uint64
}

// Hits are those of one function and class, either of which may be a set a|b|c,
// of which one is meant, or unknown.
type Hits struct {
	Function, Class    string
	Hits, Interference uint64
}

// Outcomes of a check.
const (
	Pass      = "pass"
	Fail      = "fail"
	Undecided = names.Undecided // what is not known decides
)

// rule is one line of a budget, applied to one CPU.
type rule struct {
	name     string
	measured string
	limit    string
	value    float64 // what was measured, as a number
	most     float64 // of what may be more, what that comes to
	bar      float64 // the limit
	bound    string  // what can be said about what was not seen
	outcome  string
	reason   string
	least    bool // the limit is the least that is wanted
}

// isWorse orders rules of one check: the farther on the wrong side, the worse.
func (r *rule) isWorse(o *rule) bool {
	if r.least {
		return r.value < o.value
	}
	return max(r.value, r.most) > max(o.value, o.most)
}

// allCPUs stands where a check is not of one CPU.
const allCPUs = "all"

const nsPerHour = 3600 * 1e9

// Check holds what was measured against the budget. It returns the outcome: that
// of the worst check. A check fails by what was seen; what was not seen, or not
// told apart, makes it undecided.
func (b *Budget) Check(m *Measured) (*result.Set, string) {
	set := &result.Set{Schema: Schema, Inputs: m.Inputs, Isolated: m.Isolated}
	lost := b.lost(m)
	m.excess = lost.outcome == Fail
	v := newVerdicts()
	v.add(allCPUs, lost)
	for _, r := range b.absent(m) {
		v.add(allCPUs, r)
	}
	for i := range m.CPUs {
		for _, r := range b.of(m.CPUs[i].CPU).rules(m, &m.CPUs[i]) {
			v.add(strconv.Itoa(m.CPUs[i].CPU), r)
		}
	}
	if len(m.CPUs) == 0 {
		v.add(allCPUs, rule{name: "isolated CPUs", outcome: Undecided, reason: "no isolated CPU is in the recording"})
	}
	slices.SortStableFunc(v.table.Rows, func(a, b []result.Value) int { return cmp.Compare(rank(a[0].Str), rank(b[0].Str)) })
	set.Tables = []*result.Table{v.table, v.folded()}
	set.Totals = []result.Field{
		{Name: "checks", Value: result.Int(len(v.table.Rows))},
		{Name: "failed", Value: result.Int(v.counts[Fail])}, {Name: "failed_cpus", Value: result.Int(v.cpusOf(Fail))},
		{Name: "undecided", Value: result.Int(v.counts[Undecided])}, {Name: "undecided_cpus", Value: result.Int(v.cpusOf(Undecided))},
		{Name: "duration_ns", Value: result.Int(m.Duration)},
	}
	set.Verdict = v.sentence(m)
	for _, in := range m.Inputs {
		if in.LacksEvents() {
			set.Warn("lost-events", in.Path+": events are missing: counts are lower bounds, and what was not seen may have happened")
		}
		if len(in.Recorded) > 0 {
			set.Notes = append(set.Notes, fmt.Sprintf("%s: recorded, by --recorded: %s", in.Path, strings.Join(in.Recorded, ", ")))
		}
	}
	set.WarnSends()
	return set, v.worst()
}

// rank orders outcomes, the worst first.
func rank(outcome string) int { return slices.Index([]string{Fail, Undecided, Pass}, outcome) }

func newTable() *result.Table {
	return &result.Table{Name: "checks", Title: "Each CPU", Detail: true, Cols: []result.Col{
		{Name: "result", Head: "result", Help: "pass, fail, or undecided: what is not known decides"},
		{Name: "cpu", Head: "CPU"},
		{Name: "check", Head: "check"},
		{Name: "measured", Head: "measured"},
		{Name: "limit", Head: "limit"},
		{Name: "value", Head: "value", Help: "what was measured as a number: hits per CPU and hour, ns, events or interrupts; 0 if nothing was"},
		{Name: "limit_value", Head: "limit", Help: "the limit in the same unit"},
		{Name: "bound", Head: "bound", Help: "how much there may be of what was not seen at all, at 95 % confidence (rule of three)"},
		{Name: "reason", Head: "because"},
	}, Show: []string{"result", "cpu", "check", "measured", "limit", "bound", "reason"}}
}

// isLossy reports whether anything is missing from the recordings.
func (m *Measured) isLossy() bool { return slices.ContainsFunc(m.Inputs, result.Input.IsLossy) }

// atLeast is said in front of what would be more if nothing were missing.
func (m *Measured) atLeast() string {
	if m.isLossy() {
		return "at least "
	}
	return ""
}

// lost is how many events are known to be lost.
func (m *Measured) lost() (n uint64) {
	for _, in := range m.Inputs {
		n += in.Lost
	}
	return n
}

func (b *Budget) lost(m *Measured) rule {
	r := rule{name: "lost events", limit: strconv.FormatUint(b.MaxLost, 10), outcome: Pass}
	n, unknown := m.lost(), false
	for _, in := range m.Inputs {
		unknown = unknown || in.LostUnknown
		if in.Incomplete {
			r.outcome, r.reason = Fail, in.Path+" was not read to its end"
		}
	}
	r.measured, r.value, r.bar = strconv.FormatUint(n, 10), float64(n), float64(b.MaxLost)
	switch {
	case unknown:
		r.measured = "at least " + r.measured
		r.outcome, r.reason = Fail, "events were lost, and the recording does not know how many"
	case n > b.MaxLost:
		r.outcome, r.reason = Fail, "more events were lost than allowed: what was not seen may have happened"
	case r.outcome == Pass && m.excerpt() != "":
		r.outcome, r.reason = Undecided, m.excerpt()
	}
	return r
}

// rules are the checks of one CPU.
func (b *Budget) rules(m *Measured, c *CPU) []rule {
	var list []rule
	if b.MaxHits != nil {
		all := b.count(c, func(*Hits) names.Answer { return names.Is })
		list = append(list, m.rate(c, "hits per CPU and hour", all, *b.MaxHits))
	}
	for _, l := range b.Classes {
		t := b.count(c, func(h *Hits) names.Answer { return names.Match(h.Class, l.Name) })
		t.what = "class"
		list = append(list, m.rate(c, l.Name+" hits per CPU and hour", t, l.Max))
	}
	for _, l := range b.Functions {
		t := b.count(c, func(h *Hits) names.Answer { return names.Match(h.Function, l.Name) })
		t.what = "function"
		list = append(list, m.rate(c, l.Name+" per CPU and hour", t, l.Max))
	}
	if b.MaxHandler != nil {
		list = append(list, m.handler(c, int64(*b.MaxHandler)))
	}
	if b.MinQuiet != nil {
		list = append(list, m.quiet(c, int64(*b.MinQuiet)))
	}
	list = append(list, b.interruptionRules(m, c)...)
	list = append(list, b.noiseRules(m, c)...)
	if b.MaxUntraced != nil {
		list = append(list, m.untraced(c, *b.MaxUntraced))
	}
	return list
}

// A tally is the hits of one CPU that are of a name, and those that may be.
type tally struct {
	what string // "function" or "class"
	is   uint64
	// unknown may be any, and one of a set may be another of it: sets names the
	// first such set.
	unknown, inSets uint64
	sets            string
	all             uint64 // hits of the CPU that count
}

func (b *Budget) count(c *CPU, match func(*Hits) names.Answer) tally {
	var t tally
	for i := range c.Hits {
		h := &c.Hits[i]
		n := h.Interference
		if b.All {
			n = h.Hits
		}
		t.all += n
		switch match(h) {
		case names.Is:
			t.is += n
		case names.May:
			if value := h.Function; names.IsSet(value) && !names.IsUnknown(value) {
				if t.inSets += n; t.sets == "" && n > 0 {
					t.sets = value
				}
			} else {
				t.unknown += n
			}
		}
	}
	return t
}

// reason says which hits leave a check undecided, and what to record.
func (t *tally) reason(e Evidence) string {
	var parts []string
	if t.unknown > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d hits have no known %s", t.unknown, t.all, t.what))
	}
	if t.inSets > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d hits run one of %s", t.inSets, t.all, t.sets))
	}
	return strings.Join(parts, ", ") + ": " + e.advice(t.what)
}

// advice is what would tell functions, or classes, that are not known.
func (e Evidence) advice(what string) string {
	switch {
	case what == "class" && !e.Stacks:
		return "record stacks, which tell what sent"
	case what == "function" && e.CSD && len(e.Late) > 0:
		return strings.Join(e.Late, "; ")
	case !e.CSD && !e.Stacks:
		return "record csd:csd_queue_cpu, or stacks"
	case !e.CSD:
		return "record csd:csd_queue_cpu"
	case !e.Stacks:
		return "record stacks as well"
	}
	return "neither csd:csd_queue_cpu nor the stacks tell"
}

// unseen says what an input lacks so that there may be more hits than were seen.
func (m *Measured) unseen() string {
	if m.excess {
		return "more events were lost than allowed: what was not seen may have happened"
	}
	if excerpt := m.excerpt(); excerpt != "" {
		return excerpt
	}
	for _, in := range m.Inputs {
		untargeted := in.Untargeted()
		switch {
		case len(in.Unrecorded) > 0:
			return in.Path + ": " + strings.Join(in.Unrecorded, "; ")
		case untargeted != "":
			return in.Path + ": " + untargeted
		case len(in.Unsaid) > 0:
			return in.Path + ": " + strings.Join(in.Unsaid, "; ")
		}
	}
	return ""
}

// excerpt says that an input is an excerpt of a recording: only what is in it is known,
// and no rate.
func (m *Measured) excerpt() string {
	return (&result.Set{Inputs: m.Inputs}).Excerpt()
}

// watched is how long a CPU was watched, ns.
func (m *Measured) watched(c *CPU) int64 {
	if c.Watched > 0 {
		return c.Watched
	}
	return m.Duration
}

// noNanoseconds is why nothing that is a time or a rate can be checked.
const noNanoseconds = "the clock does not count nanoseconds"

// rate checks a number of hits.
func (m *Measured) rate(c *CPU, name string, t tally, limit float64) rule {
	r := rule{name: name, limit: number(limit), bar: limit, outcome: Undecided}
	hours := float64(m.watched(c)) / nsPerHour
	switch {
	case m.Ticks:
		r.reason = noNanoseconds + ": there is no rate"
		return r
	case !m.HasSends:
		r.reason = "no ipi_send_cpu, ipi_send_cpumask or ipi_raise events were recorded"
		return r
	case hours <= 0:
		r.reason = "the recording has no length"
		return r
	case m.excerpt() != "":
		r.reason = m.excerpt()
		r.measured = fmt.Sprintf("%s%d hits", m.atLeast(), t.is)
		return r
	}
	per := float64(t.is) / hours
	may := t.unknown + t.inSets
	r.measured, r.value = m.atLeast()+fmt.Sprintf("%s (%d hits)", number(per), t.is), per
	if may > 0 {
		r.most = float64(t.is+may) / hours
		r.measured = fmt.Sprintf("%s%s to %s (%d to %d hits)", m.atLeast(), number(per), number(float64(t.is+may)/hours), t.is, t.is+may)
	}
	unseen, lost := m.unseen(), m.lost()
	switch {
	case per > limit:
		r.outcome, r.reason = Fail, fmt.Sprintf("%s is more than %s", number(per), number(limit))
	case float64(t.is+may)/hours > limit:
		r.reason = t.reason(m.Evidence)
	case unseen != "":
		r.reason = unseen
	case float64(t.is+may+lost)/hours > limit:
		r.reason = fmt.Sprintf("%d events were lost, each of which may have been a hit", lost)
	default:
		r.outcome = Pass
	}
	if t.is+may == 0 {
		// P(0 | λ) = e^-λ is 5 % at λ = 3 (J. A. Hanley, A. Lippman-Hand, JAMA 249, 1983)
		r.bound = fmt.Sprintf("below %s", number(3/hours))
		switch {
		case m.isLossy():
			r.measured, r.bound = "none recorded", "none: events were lost"
		case unseen != "":
			r.measured, r.bound = "none recorded", ""
		}
	}
	return r
}

// beside is a time that was measured as it stands beside a limit: in full where the
// two would read alike.
func beside(ns, limit int64) string {
	if text := result.Duration(ns); ns == limit || text != result.Duration(limit) {
		return text
	}
	return time.Duration(ns).String()
}

func exceeds(ns, limit int64) string {
	return beside(ns, limit) + " is more than " + result.Duration(limit)
}

func (m *Measured) handler(c *CPU, limit int64) rule {
	r := rule{name: "longest handler", limit: result.Duration(limit), bar: float64(limit), outcome: Undecided}
	if m.Ticks {
		r.reason = noNanoseconds
		return r
	}
	r.measured = "none seen"
	if c.Handler >= 0 {
		r.measured, r.value = m.atLeast()+beside(c.Handler, limit), float64(c.Handler)
	}
	switch {
	case c.Handler > limit:
		r.outcome, r.reason = Fail, fmt.Sprintf("%s took %s", c.Function, beside(c.Handler, limit))
	case m.unobserved(c) != "":
		r.reason = m.unobserved(c)
	case len(m.Lacks.Handler) > 0:
		r.reason = strings.Join(m.Lacks.Handler, "; ")
	case m.excess || m.excerpt() != "":
		r.reason = m.unseen()
	case c.Lossy:
		r.reason = "events were lost: one of them may have ended a longer run"
	case c.Unarrived > 0:
		r.reason = fmt.Sprintf("%d hits have no interrupt: how long they took is not known", c.Unarrived)
	case c.Unpaired+c.UnpairedCalls > 0:
		r.reason = unpaired(c.Unpaired+c.UnpairedCalls, "interrupts and functions")
	default:
		r.outcome = Pass
	}
	return r
}

func (m *Measured) quiet(c *CPU, limit int64) rule {
	r := rule{
		name: "longest quiet time", measured: strings.TrimSpace(c.QuietBound + " " + beside(c.Quiet, limit)), limit: "at least " + result.Duration(limit),
		value: float64(c.Quiet), bar: float64(limit), outcome: Undecided, least: true,
	}
	half := m.unobserved(c)
	switch {
	case m.Ticks:
		r.reason = noNanoseconds
	case m.excerpt() != "":
		r.measured, r.value, r.reason = "not known", 0, m.excerpt()
	case half != "":
		r.reason = half
	case c.Sampled && c.Quiet < limit && c.LongestRun < limit && m.Duration >= limit:
		r.reason = fmt.Sprintf("not recorded: the longest time of measuring is %s", result.Duration(c.LongestRun))
	case c.Quiet < limit && m.Duration >= limit && c.QuietBound == "about":
		r.reason = "events were lost: stretches in which some were do not count, and may have been quiet for longer"
	case c.Quiet < limit && m.Ended != "":
		r.reason = m.Ended
	case c.Quiet < limit && m.Duration < limit:
		r.outcome, r.reason = Fail, fmt.Sprintf("the recording itself is %s long", result.Duration(m.Duration))
	case c.Quiet < limit:
		r.outcome, r.reason = Fail, "it was interrupted more often"
	case len(m.Lacks.Quiet) > 0:
		r.reason = strings.Join(m.Lacks.Quiet, "; ")
	case c.Unpaired+c.UnpairedSoftirqs > 0:
		r.reason = unpaired(c.Unpaired+c.UnpairedSoftirqs, "interrupts and softirqs")
	case m.unseen() != "":
		r.reason = m.unseen()
	case c.QuietBound == "about":
		r.reason = "events were lost: one of them may have interrupted it"
	case c.QuietBound != "":
		r.reason = "interruptions may not show: the longest quiet is no more than a bound"
	default:
		r.outcome = Pass
	}
	return r
}

// unpaired says that something of unknown length was there.
func unpaired(n uint64, of string) string {
	return fmt.Sprintf("%d %s have an entry without an exit, or an exit without an entry: how long they took is not known", n, of)
}

// unobserved says that less than half of a CPU's time was observed: what was not
// seen may have been there.
func (m *Measured) unobserved(c *CPU) string {
	if w := m.watched(c); c.Sampled && c.Observed < w-w/2 {
		return fmt.Sprintf("not recorded: only noise events tell of interrupts, and they were watched for %s of %s", result.Duration(c.Observed), result.Duration(w))
	}
	return ""
}

// untraced checks what no event tells of.
func (m *Measured) untraced(c *CPU, limit uint64) rule {
	r := rule{name: "interrupts not traced", limit: strconv.FormatUint(limit, 10), bar: float64(limit), outcome: Undecided}
	if !m.HasInterrupts {
		r.reason = "no copies of /proc/interrupts were given (--interrupts)"
		return r
	}
	r.measured, r.value, r.outcome = strconv.FormatUint(c.Untraced, 10), float64(c.Untraced), Pass
	if c.Untraced > limit {
		r.outcome, r.reason = Fail, "/proc/interrupts counted "+strings.Join(c.UntracedKinds, ", ")+", of which the trace shows none"
	}
	return r
}

// number prints a rate with the digits that matter.
func number(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}
