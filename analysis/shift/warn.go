package shift

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// warn says what makes a comparison doubtful.
func warn(set *result.Set, sides []Side, cs []comparison, cfg Config) {
	for i := range cs {
		cs[i].warnMachines(set)
		cs[i].warnEvents(set)
		cs[i].warnRuns(set, cfg)
	}
	for _, s := range sides {
		for _, r := range s.Runs {
			warnRun(set, &r)
		}
	}
}

func warnRun(set *result.Set, r *Run) {
	if r.Input.IsLossy() {
		set.Warn("lost-events", r.Input.Path+": events are missing: durations that they hide may be any, and verdicts hold whatever those were")
	}
	if r.Folded {
		set.Warn("groups-folded", r.Input.Path+": it has more groups than are told apart: what came later is counted as (other)")
	}
	thinned := uint64(0)
	for i := range r.Groups {
		if g := &r.Groups[i]; g.Values.IsThinned() {
			thinned = max(thinned, g.Values.Count())
		}
	}
	if thinned > 0 {
		set.Warn("thinned", fmt.Sprintf("%s: a row has %d durations: quantiles and intervals are those of a part of them, spread over the recording", r.Input.Path, thinned))
	}
}

func (c *comparison) warnMachines(set *result.Set) {
	differ := func(code, what string, of func(*Run) string, why string) {
		a, b := c.before.common(of), c.after.common(of)
		if a != b && a != "" && b != "" {
			set.Warn(code, fmt.Sprintf("%s differs: %s %s, %s %s: %s", what, c.before.Name, a, c.after.Name, b, why))
		}
	}
	differ("isolated-differ", "the isolated set", func(r *Run) string { return r.Isolated }, "other CPUs need not be hit alike")
	differ("clock-differ", "the clock", func(r *Run) string { return r.Input.Clock }, "durations are measured differently")
	differ("machine-differ", "the machine", func(r *Run) string { return r.Input.Host }, "the difference may be that of the machines")
	differ("cpus-differ", "the number of CPUs", func(r *Run) string {
		if r.Input.CPUs == 0 {
			return ""
		}
		return fmt.Sprint(r.Input.CPUs)
	}, "the difference may be that of the machines")
}

// warnEvents says which events only one side has: recording takes time itself.
func (c *comparison) warnEvents(set *result.Set) {
	all := func(s *Side) (events []string) {
		for _, r := range s.Runs {
			events = append(events, r.Events...)
		}
		slices.Sort(events)
		return slices.Compact(events)
	}
	before, after := all(c.before), all(c.after)
	only := func(a, b []string) []string {
		return slices.DeleteFunc(slices.Clone(a), func(e string) bool { return slices.Contains(b, e) })
	}
	var parts []string
	if x := only(before, after); len(x) > 0 {
		parts = append(parts, c.before.Name+" alone has "+strings.Join(x, ", "))
	}
	if x := only(after, before); len(x) > 0 {
		parts = append(parts, c.after.Name+" alone has "+strings.Join(x, ", "))
	}
	if len(parts) > 0 {
		set.Warn("events-differ", strings.Join(parts, "; ")+": if these were not recorded on the other side, part of the difference may be the time that recording them takes")
	}
}

// warnRuns says what is not known of the variation from run to run.
func (c *comparison) warnRuns(set *result.Set, cfg Config) {
	if !slices.ContainsFunc(c.rows, func(r row) bool { return !r.reason.isEvidence() }) {
		return
	}
	n, m := len(c.before.Runs), len(c.after.Runs)
	cv := fmt.Sprintf("%g %%", 100*cfg.RunCV)
	switch own := n + m - 2; {
	case own == 0:
		set.Warn("single-run", "one run a side: run-to-run variation is not known. Chance within the runs is taken from moving blocks of what came together, and that runs of one set-up differ by "+cv+" is assumed: only medians that change by about x 3 can show. Three runs of each measure it")
	case own < leastFreedom:
		set.Warn("few-runs", fmt.Sprintf("%d of %d degrees of freedom of the variation from run to run are assumed (%s): record three runs of each to measure it", leastFreedom-own, leastFreedom, cv))
	case n == 1 || m == 1:
		name := c.before.Name
		if m == 1 {
			name = c.after.Name
		}
		set.Warn("single-run", "one run of "+name+": how much its runs differ is taken from the other side")
	}
}
