package budget

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// verdicts are the outcomes so far.
type verdicts struct {
	table  *result.Table
	counts map[string]int
	cpus   map[string][]string // by outcome
	reason string              // of the first check that is undecided
	lines  []*line
}

func newVerdicts() *verdicts {
	return &verdicts{table: newTable(), counts: map[string]int{}, cpus: map[string][]string{}}
}

// A line is one check with one outcome, of all CPUs that have it.
type line struct {
	worst   rule
	on      string // the CPU with the worst
	cpus    cpumask.Mask
	all     bool     // not of single CPUs
	reasons []string // different ones, without their numbers
}

// withoutNumbers is what reasons of several CPUs have in common.
func withoutNumbers(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
}

// fold adds a rule to the line of its check and outcome.
func (v *verdicts) fold(cpu string, r *rule) {
	i := slices.IndexFunc(v.lines, func(l *line) bool {
		return l.worst.name == r.name && l.worst.limit == r.limit && l.worst.outcome == r.outcome
	})
	if i < 0 {
		i = len(v.lines)
		v.lines = append(v.lines, &line{worst: *r, on: cpu})
	}
	l := v.lines[i]
	if r.isWorse(&l.worst) {
		l.worst, l.on = *r, cpu
	}
	if n, err := strconv.Atoi(cpu); err == nil {
		l.cpus.Set(n)
	} else {
		l.all = true
	}
	if kind := withoutNumbers(r.reason); kind != "" && !slices.Contains(l.reasons, kind) {
		l.reasons = append(l.reasons, kind)
	}
}

// folded is the table of checks with a line for all CPUs of the same outcome.
func (v *verdicts) folded() *result.Table {
	t := &result.Table{Name: "verdicts", Title: "The checks", Wrap: "reason", Cols: []result.Col{
		{Name: "result", Head: "result", Help: "pass, fail, or undecided: what is not known decides"},
		{Name: "check", Head: "check", Key: true},
		{Name: "cpus", Head: "CPUs", Key: true},
		{Name: "measured", Head: "measured", Help: "on the CPU with the worst"},
		{Name: "on", Head: "on CPU", Help: "the CPU with the worst; empty where there is but one"},
		{Name: "limit", Head: "limit"},
		{Name: "bound", Head: "bound", Help: "how much there may be of what was not seen at all, at 95 % confidence (rule of three)"},
		{Name: "reason", Head: "because", Help: "on the CPU with the worst"},
	}, Show: []string{"result", "check", "cpus", "measured", "on", "limit", "bound", "reason"}}
	t.Spare, t.SpareFirst = []string{"bound", "reason", "on"}, true
	if slices.ContainsFunc(v.lines, func(l *line) bool { return l.worst.outcome == Undecided }) {
		t.Spare = []string{"bound", "on"} // why is all that is known then
	}
	lines := slices.Clone(v.lines)
	slices.SortStableFunc(lines, func(a, b *line) int { return cmp.Compare(rank(a.worst.outcome), rank(b.worst.outcome)) })
	for _, l := range lines {
		cpus, on := l.cpus.String(), l.on
		if l.all {
			cpus = allCPUs
		}
		if l.all || l.cpus.Count() == 1 {
			on = ""
		}
		reason := l.worst.reason
		if n := len(l.reasons) - 1; n > 0 && l.worst.outcome == Undecided {
			reason += fmt.Sprintf("; CPUs differ: %d more reasons (--all-rows)", n)
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(l.worst.outcome), result.Str(l.worst.name), result.Str(cpus), result.Str(l.worst.measured), result.Str(on),
			result.Str(l.worst.limit), result.Str(l.worst.bound), result.Str(reason),
		})
	}
	return t
}

// list is the CPUs with an outcome.
func (v *verdicts) list(outcome string) string {
	var m cpumask.Mask
	for _, cpu := range v.cpus[outcome] {
		if n, err := strconv.Atoi(cpu); err == nil {
			m.Set(n)
		}
	}
	return m.String()
}

func (v *verdicts) add(cpu string, r rule) {
	v.counts[r.outcome]++
	if !slices.Contains(v.cpus[r.outcome], cpu) {
		v.cpus[r.outcome] = append(v.cpus[r.outcome], cpu)
	}
	v.fold(cpu, &r)
	if r.outcome == Undecided && v.reason == "" {
		v.reason = r.reason
	}
	v.table.Rows = append(v.table.Rows, []result.Value{
		result.Str(r.outcome), result.Str(cpu), result.Str(r.name), result.Str(r.measured), result.Str(r.limit),
		result.Float(r.value), result.Float(r.bar), result.Str(r.bound), result.Str(r.reason),
	})
}

// cpusOf is the number of CPUs with an outcome.
func (v *verdicts) cpusOf(outcome string) int {
	return len(slices.DeleteFunc(slices.Clone(v.cpus[outcome]), func(cpu string) bool { return cpu == allCPUs }))
}

// worst is the outcome of all checks together.
func (v *verdicts) worst() string {
	for _, outcome := range []string{Fail, Undecided} {
		if v.counts[outcome] > 0 {
			return outcome
		}
	}
	return Pass
}

func (v *verdicts) sentence(m *Measured) string {
	outcome := v.worst()
	all := slices.Contains(v.cpus[outcome], allCPUs)
	switch {
	case outcome == Fail && all:
		return "fail: the recording cannot pass, or no CPU does"
	case outcome == Fail:
		return fmt.Sprintf("fail: %s of %s", cpumask.Named(v.list(Fail)), m.Isolated)
	case outcome == Undecided && all:
		return "undecided: " + v.reason
	case outcome == Undecided:
		return fmt.Sprintf("undecided: %s of %s: %s", cpumask.Named(v.list(Undecided)), m.Isolated, v.reason)
	}
	return fmt.Sprintf("pass: %d checks on %s in %s", len(v.table.Rows), cpumask.Named(m.Isolated), result.Duration(m.Duration))
}
