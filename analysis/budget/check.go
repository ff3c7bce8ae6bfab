package budget

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

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
	// HasSends and HasHandlers say that the recordings have such events at all;
	// a quantity that was not recorded does not pass.
	HasSends, HasHandlers bool
	// HasInterrupts says that copies of /proc/interrupts were given.
	HasInterrupts bool
	// Ticks says that a clock does not count nanoseconds: nothing that is a
	// time or a rate can be checked.
	Ticks bool
}

// A CPU is what was found on one.
type CPU struct {
	CPU  int
	Hits []Hits
	// Handler is the longest run and Function what ran.
	Handler  int64 // ns, -1 if none was seen
	Function string
	Quiet    int64 // ns, longest
	// Untraced are the interrupts that /proc/interrupts counted of kinds that
	// the trace shows none of, and UntracedKinds what they are.
	Untraced      uint64
	UntracedKinds []string
}

// Hits are those of one function and class.
type Hits struct {
	Function, Class    string
	Hits, Interference uint64
}

// rule is one line of a budget, applied to one CPU.
type rule struct {
	name     string
	measured string
	limit    string
	value    float64 // what was measured, as a number
	bar      float64 // the limit
	bound    string  // what can be said about what was not seen
	pass     bool
	reason   string
}

// allCPUs stands where a check is not of one CPU.
const allCPUs = "all"

const nsPerHour = 3600 * 1e9

// Check holds what was measured against the budget. It returns whether all CPUs
// passed.
func (b *Budget) Check(m *Measured) (*result.Set, bool) {
	set := &result.Set{Schema: Schema, Inputs: m.Inputs, Isolated: m.Isolated}
	t := &result.Table{Name: "checks", Cols: []result.Col{
		{Name: "result", Head: "result"},
		{Name: "cpu", Head: "CPU"},
		{Name: "check", Head: "check"},
		{Name: "measured", Head: "measured"},
		{Name: "limit", Head: "limit"},
		{Name: "value", Head: "value", Help: "what was measured as a number: hits per CPU and hour, ns, events or interrupts; 0 if nothing was"},
		{Name: "limit_value", Head: "limit", Help: "the limit in the same unit"},
		{Name: "bound", Head: "bound", Help: "how much there may be of what was not seen at all, at 95 % confidence (rule of three)"},
		{Name: "reason", Head: "because"},
	}, Show: []string{"result", "cpu", "check", "measured", "limit", "bound", "reason"}}
	var failed []string
	checks, failures := 0, 0
	add := func(cpu string, r rule) {
		word := "pass"
		if checks++; !r.pass {
			word = "fail"
			failures++
			if !slices.Contains(failed, cpu) {
				failed = append(failed, cpu)
			}
		}
		t.Rows = append(t.Rows, []result.Value{
			result.Str(word), result.Str(cpu), result.Str(r.name), result.Str(r.measured), result.Str(r.limit),
			result.Float(r.value), result.Float(r.bar), result.Str(r.bound), result.Str(r.reason),
		})
	}
	add(allCPUs, b.lost(m))
	for i := range m.CPUs {
		for _, r := range b.rules(m, &m.CPUs[i]) {
			add(strconv.Itoa(m.CPUs[i].CPU), r)
		}
	}
	if len(m.CPUs) == 0 {
		add(allCPUs, rule{name: "isolated CPUs", reason: "no isolated CPU is in the recording"})
	}
	// what failed first
	slices.SortStableFunc(t.Rows, func(a, b []result.Value) int { return cmp.Compare(a[0].Str, b[0].Str) })
	set.Tables = []*result.Table{t}
	cpus := len(slices.DeleteFunc(slices.Clone(failed), func(cpu string) bool { return cpu == allCPUs }))
	set.Totals = []result.Field{
		{Name: "checks", Value: result.Int(checks)}, {Name: "failed", Value: result.Int(failures)}, {Name: "failed_cpus", Value: result.Int(cpus)},
		{Name: "duration_ns", Value: result.Int(m.Duration)},
	}
	set.Verdict = fmt.Sprintf("pass: %d checks on CPUs %s in %v", checks, m.Isolated, time.Duration(m.Duration).Round(time.Millisecond))
	if len(failed) > 0 {
		set.Verdict = fmt.Sprintf("fail: CPUs %s of %s", strings.Join(failed, ","), m.Isolated)
		if slices.Contains(failed, allCPUs) {
			set.Verdict = "fail: the recording cannot pass, or no CPU does"
		}
	}
	for _, in := range m.Inputs {
		if in.IsLossy() {
			set.Warn("lost-events", in.Path+": events are missing: counts are lower bounds, and what was not seen may have happened")
		}
	}
	return set, len(failed) == 0
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

func (b *Budget) lost(m *Measured) rule {
	r := rule{name: "lost events", limit: strconv.FormatUint(b.MaxLost, 10), pass: true}
	var n uint64
	unknown := false
	for _, in := range m.Inputs {
		n += in.Lost
		unknown = unknown || in.LostUnknown
		if in.Incomplete {
			r.pass, r.reason = false, in.Path+" was not read to its end"
		}
	}
	r.measured, r.value, r.bar = strconv.FormatUint(n, 10), float64(n), float64(b.MaxLost)
	switch {
	case unknown:
		r.measured = "at least " + r.measured
		r.pass, r.reason = false, "events were lost, and the recording does not know how many"
	case n > b.MaxLost:
		r.pass, r.reason = false, "more events were lost than allowed: what was not seen may have happened"
	}
	return r
}

// rules are the checks of one CPU.
func (b *Budget) rules(m *Measured, c *CPU) []rule {
	var list []rule
	count := func(what func(*Hits) bool) (n uint64) {
		for i := range c.Hits {
			if h := &c.Hits[i]; what(h) {
				if b.All {
					n += h.Hits
				} else {
					n += h.Interference
				}
			}
		}
		return n
	}
	if b.MaxHits != nil {
		list = append(list, m.rate("hits per CPU and hour", count(func(*Hits) bool { return true }), *b.MaxHits))
	}
	for _, l := range b.Classes {
		list = append(list, m.rate(l.Name+" hits per CPU and hour", count(func(h *Hits) bool { return h.Class == l.Name }), l.Max))
	}
	for _, l := range b.Functions {
		list = append(list, m.rate(l.Name+" per CPU and hour", count(func(h *Hits) bool { return holds(h.Function, l.Name) }), l.Max))
	}
	if b.MaxHandler != nil {
		list = append(list, m.handler(c, int64(*b.MaxHandler)))
	}
	if b.MinQuiet != nil {
		list = append(list, m.quiet(c, int64(*b.MinQuiet)))
	}
	if b.MaxUntraced != nil {
		list = append(list, m.untraced(c, *b.MaxUntraced))
	}
	return list
}

// holds reports whether a function, or one of a set a|b|c, is name. A set of
// which only one is limited counts: it may be that one.
func holds(set, name string) bool { return slices.Contains(strings.Split(set, "|"), name) }

// rate checks a number of hits.
func (m *Measured) rate(name string, hits uint64, limit float64) rule {
	r := rule{name: name, limit: number(limit), bar: limit}
	hours := float64(m.Duration) / nsPerHour
	switch {
	case m.Ticks:
		r.reason = "the clock does not count nanoseconds: there is no rate"
		return r
	case !m.HasSends:
		r.reason = "no ipi_send_cpu, ipi_send_cpumask or ipi_raise events were recorded"
		return r
	case hours <= 0:
		r.reason = "the recording has no length"
		return r
	}
	per := float64(hits) / hours
	r.measured, r.value = m.atLeast()+fmt.Sprintf("%s (%d hits)", number(per), hits), per
	r.pass = per <= limit
	if !r.pass {
		r.reason = fmt.Sprintf("%s is more than %s", number(per), number(limit))
	}
	if hits == 0 {
		// P(0 | λ) = e^-λ is 5 % at λ = 3 (J. A. Hanley, A. Lippman-Hand, JAMA 249, 1983)
		r.bound = fmt.Sprintf("below %s", number(3/hours))
		if m.isLossy() {
			r.measured, r.bound = "none recorded", "none: events were lost"
		}
	}
	return r
}

func (m *Measured) handler(c *CPU, limit int64) rule {
	r := rule{name: "longest handler", limit: time.Duration(limit).String(), bar: float64(limit)}
	switch {
	case m.Ticks:
		r.reason = "the clock does not count nanoseconds"
		return r
	case !m.HasHandlers:
		r.reason = "no csd_function_entry and csd_function_exit, irq_vectors, or ipi_entry and ipi_exit were recorded"
		return r
	}
	r.pass, r.measured = true, "none seen"
	if c.Handler >= 0 {
		r.measured, r.value = m.atLeast()+time.Duration(c.Handler).String(), float64(c.Handler)
		r.pass = c.Handler <= limit
	}
	if !r.pass {
		r.reason = fmt.Sprintf("%s took %v", c.Function, time.Duration(c.Handler))
	}
	return r
}

func (m *Measured) quiet(c *CPU, limit int64) rule {
	r := rule{
		name: "longest quiet time", measured: time.Duration(c.Quiet).String(), limit: "at least " + time.Duration(limit).String(),
		value: float64(c.Quiet), bar: float64(limit),
	}
	switch r.pass = !m.Ticks && c.Quiet >= limit; {
	case m.Ticks:
		r.reason = "the clock does not count nanoseconds"
	case !r.pass && m.Duration < limit:
		r.reason = fmt.Sprintf("the recording itself is %v long", time.Duration(m.Duration))
	case !r.pass:
		r.reason = "it was interrupted more often"
	}
	return r
}

// untraced checks what no event tells of.
func (m *Measured) untraced(c *CPU, limit uint64) rule {
	r := rule{name: "interrupts not traced", limit: strconv.FormatUint(limit, 10), bar: float64(limit)}
	if !m.HasInterrupts {
		r.reason = "no copies of /proc/interrupts were given (--interrupts)"
		return r
	}
	r.measured, r.value, r.pass = strconv.FormatUint(c.Untraced, 10), float64(c.Untraced), c.Untraced <= limit
	if !r.pass {
		r.reason = "/proc/interrupts counted " + strings.Join(c.UntracedKinds, ", ") + ", of which the trace shows none"
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
