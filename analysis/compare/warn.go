package compare

import (
	"fmt"
	"math"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/analysis/stat"
)

// warn says what makes a comparison doubtful.
func warn(set *result.Set, sides []Side, cs []comparison, cfg Config) {
	for i := range cs {
		c := &cs[i]
		c.warnMachines(set)
		c.warnRecordings(set)
		c.warnRuns(set, cfg)
		c.warnControl(set, cfg)
	}
	set.WarnSends()
	for _, s := range sides {
		for _, r := range s.Runs {
			if n := r.Input.Events; n > 0 && n < fewEvents && !cfg.PerWork {
				set.Warn("few-events", fmt.Sprintf("%s: has %d events, and its time is counted from the first to the last of them: it may have run for longer; --work or --counts take what you know", r.Input.Path, n))
			}
			if r.Input.LacksEvents() {
				set.Warn("lost-events", fmt.Sprintf("%s: events are missing: its counts are lower bounds", r.Input.Path))
			}
		}
	}
}

// names are the two sides as warnings call them.
func (c *comparison) names() (string, string) { return c.before.Name, c.after.Name }

func (c *comparison) warnMachines(set *result.Set) {
	a, b := c.names()
	differ := func(code, what string, of func(*Run) string, why string) {
		x, y := distinct(c.before, of), distinct(c.after, of)
		if x != y && x != "" && y != "" {
			set.Warn(code, fmt.Sprintf("%s differs: %s %s, %s %s: %s", what, a, x, b, y, why))
		}
	}
	differ("isolated-differ", "the isolated set", func(r *Run) string { return r.Isolated }, "rates are per isolated CPU, but other CPUs need not be hit alike")
	differ("clock-differ", "the clock", func(r *Run) string { return r.Input.Clock }, "durations are measured differently")
	warnDifferent(set, c.before, c.after)
	for _, s := range []*Side{c.before, c.after} {
		for _, r := range s.Runs {
			if hasTicks(r.Input.Clock) {
				set.Warn("clock-ticks", fmt.Sprintf("%s: its clock %s does not count ns: rates are per 3.6e12 of its ticks; --work gives rates that compare", r.Input.Path, r.Input.Clock))
			}
		}
	}
}

// hasTicks reports the trace clocks that do not count nanoseconds
// (kernel/trace/trace.c, trace_clocks: in_ns is 0).
func hasTicks(clock string) bool {
	switch clock {
	case "counter", "x86-tsc", "ppc-tb", "uptime":
		return true
	}
	return false
}

// distinct lists what the runs of a side are, without repetition.
func distinct(s *Side, of func(*Run) string) string {
	text := ""
	seen := map[string]bool{}
	for i := range s.Runs {
		v := of(&s.Runs[i])
		if v == "" || seen[v] {
			continue
		}
		seen[v] = true
		if text != "" {
			text += " and "
		}
		text += v
	}
	return text
}

const (
	// evidenceGap is by how much the share of hits without a function may differ.
	evidenceGap = 0.1
	// fewSends is up to how many sends that a filter was in place may be chance.
	fewSends = 20
	// fewEvents is up to how many events the time between the first and the last
	// may be much less than that of the recording.
	fewEvents = 20
)

func (c *comparison) warnRecordings(set *result.Set) {
	a, b := c.names()
	before, after := c.before.recorded(), c.after.recorded()
	if x, y := before.unattributed(), after.unattributed(); math.Abs(x-y) > evidenceGap {
		set.Warn("evidence-differ", fmt.Sprintf("%.0f %% of the hits have no function in %s, %.0f %% in %s: rows by function do not compare; record csd:csd_queue_cpu or stacks on both sides",
			100*x, a, 100*y, b))
	}
	if before.sends > fewSends && after.sends > fewSends && (before.missed == 0) != (after.missed == 0) {
		set.Warn("filters-differ", fmt.Sprintf("sends without an isolated target: %d of %d in %s, %d of %d in %s: one of them seems to be recorded with a filter on the targets; hits compare, sends do not",
			before.missed, before.sends, a, after.missed, after.sends, b))
	}
	if before.lossy != after.lossy {
		lossy, other := a, b
		if after.lossy {
			lossy, other = b, a
		}
		set.Warn("lost-one-side", fmt.Sprintf("events are missing in %s but not in %s: part of the difference may be events that were not recorded", lossy, other))
	}
}

type recorded struct {
	sends, missed, hits, unknown uint64
	lossy                        bool
}

func (r recorded) unattributed() float64 { return float64(r.unknown) / max(1, float64(r.hits)) }

func (s *Side) recorded() recorded {
	var x recorded
	for _, r := range s.Runs {
		x.sends += r.Total.Sends
		x.missed += r.Missed
		x.hits += r.Total.Hits
		x.unknown += r.Total.Unattributed
		x.lossy = x.lossy || r.Input.IsLossy()
	}
	return x
}

// warnRuns says what the numbers of runs leave to an assumption.
func (c *comparison) warnRuns(set *result.Set, cfg Config) {
	n, m := len(c.before.Runs), len(c.after.Runs)
	cv := fmt.Sprintf("%.0f %%", 100*cfg.RunCV)
	switch {
	case n == 1 && m == 1:
		set.Warn("single-run", "one run a side: how much runs of one set-up differ is assumed ("+cv+"), not measured; only gone, new and changes of about x5 or more can show; three runs of each measure it")
	case n == 1 || m == 1:
		one, several := c.names()
		if m == 1 {
			one, several = several, one
		}
		set.Warn("single-run", fmt.Sprintf("one run of %s: its scatter is taken from %s, and what that leaves open is assumed (%s)", one, several, cv))
	case n+m-2 < stat.FullDF:
		set.Warn("assumed-scatter", "half of what is known of run-to-run scatter is assumed ("+cv+"); three runs of each measure it")
	}
	if (n == 1 || m == 1) && commonWidth(c.before, c.after) == 0 && givenBurst(c.before, c.after) == 0 {
		set.Warn("bursts-unknown", "counts without times: hits that come in bursts pass for independent ones, so that differences look more certain than they are")
	}
	if c.isTooShort(cfg) {
		set.Warn("too-short", fmt.Sprintf("%d and %d hits are too few to tell even hits that are gone from chance: record longer", c.total.before.hits, c.total.after.hits))
	}
	if x, y := c.before.sums(), c.after.sums(); x.seconds > 10*y.seconds || y.seconds > 10*x.seconds {
		set.Warn("duration-differ", fmt.Sprintf("%.3g s of %s and %.3g s of %s: what happens seldom, or at the start and the end, has another share", x.seconds, c.before.Name, y.seconds, c.after.Name))
	}
	c.warnWork(set, cfg)
}

// noticeable is from which variation of rates on that their being per hour may
// be wrong.
const noticeable = 0.1

// warnWork tells of runs whose hits hardly depend on how long they took: work of
// a fixed amount.
func (c *comparison) warnWork(set *result.Set, cfg Config) {
	if cfg.PerWork || len(c.rows) == 0 {
		return
	}
	top := &c.rows[0]
	for i := range c.rows {
		if r := &c.rows[i]; r.before.hits+r.after.hits > top.before.hits+top.after.hits {
			top = r
		}
	}
	counts, rates := top.variation()
	if rates > noticeable && counts < rates/2 {
		set.Warn("fixed-work", fmt.Sprintf("hits of a run hardly depend on how long it took (%s varies by %.2g %% between runs, its rate by %.2g %%): if all runs did the same work, --work run compares per run",
			result.KeyText(cfg.By, top.key), 100*counts, 100*rates))
	}
}

// variation is the coefficient of variation between the runs of one side, of
// counts and of rates.
func (r *row) variation() (counts, rates float64) {
	free := 0.0
	for _, a := range []*amount{&r.before, &r.after} {
		n := float64(len(a.runs.Hits))
		if a.hits == 0 || n < 2 {
			continue
		}
		perHour := make([]float64, len(a.runs.Hits))
		for j, h := range a.runs.Hits {
			perHour[j] = h / a.runs.Exposure[j]
		}
		counts += (n - 1) * squaredCV(a.runs.Hits)
		rates += (n - 1) * squaredCV(perHour)
		free += n - 1
	}
	if free == 0 {
		return 0, 0
	}
	return math.Sqrt(counts / free), math.Sqrt(rates / free)
}

func squaredCV(xs []float64) float64 {
	mean, squares := sum(xs)/float64(len(xs)), 0.0
	for _, x := range xs {
		squares += (x - mean) * (x - mean)
	}
	return squares / float64(len(xs)-1) / (mean * mean)
}

func (c *comparison) warnControl(set *result.Set, cfg Config) {
	if cfg.Control == nil {
		return
	}
	found := false
	for _, r := range c.rows {
		found = found || r.control
		if r.control && r.q < cfg.Alpha {
			set.Warn("control-differ", fmt.Sprintf("%s is %s (ratio %.3g) though nothing should have changed it: that is the noise from run to run", result.KeyText(cfg.By, r.key), r.verdict, r.ratio))
		}
	}
	switch {
	case !found:
		set.Warn("control-empty", "no row matches --control")
	case math.IsInf(c.noise, 1):
		set.Warn("control-noise", "the control rows together differ without bounds: every other row is called unclear")
	case c.noise > 1:
		set.Warn("control-noise", fmt.Sprintf("the control rows together differ by a factor of %.3g: other rows are held against a difference of that size instead of none", c.noise))
	}
}

// notes say why rows are unclear.
func notes(set *result.Set, cs []comparison) {
	const few = "too few hits to differ"
	words := []struct{ reason, text string }{
		{reasonFewHits, few},
		{reasonOneRun, "all hits in one run only"},
		{reasonScatter, "more than counting explains, but runs vary as much"},
		{reasonNotShown, "neither a difference nor its absence is shown"},
		{reasonAdjusted, "not certain enough among so many rows"},
		{reasonControl, "the control rows differ as much"},
		{reasonUnknown, "hits of unknown names may be the row's"},
		{reasonLost, "lost events may be the row's"},
		{reasonExcerpt, "an excerpt has no rates"},
	}
	var parts []string
	for _, w := range words {
		n := 0
		for _, c := range cs {
			for _, r := range c.rows {
				if r.reason == w.reason {
					n++
				}
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s (%s)", n, w.text, w.reason))
		}
	}
	if parts != nil {
		set.Notes = append(set.Notes, "unclear (~): "+strings.Join(parts, ", "))
	}
}
