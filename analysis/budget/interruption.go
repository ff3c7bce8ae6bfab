package budget

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/analysis/result"
)

// Kinds of interruptions that can be limited. A tick is a timer interrupt.
const (
	anyKind     = "all"
	kindTick    = "tick"
	kindTimer   = "timer"
	kindIRQ     = "irq"
	kindSoftirq = "softirq"
	kindTask    = "task"
)

// Interruptions are the kinds that can be limited.
func Interruptions() []string {
	return []string{anyKind, kindTick, kindTimer, kindIRQ, kindSoftirq, kindTask}
}

// An Interruption is what quiet counts and times on one CPU.
type Interruption struct {
	All     uint64
	Kinds   map[string]uint64
	Taken   int64 // ns, of all; of those that overlap it counts once
	Longest int64 // ns for which the CPU was not left alone
}

// interruptionRules are the checks of one CPU.
func (b *Budget) interruptionRules(m *Measured, c *CPU) []rule {
	var list []rule
	for _, l := range b.Interruptions {
		list = append(list, m.interruptions(c, l))
	}
	if b.MaxInterruption != nil {
		list = append(list, m.longest(c, int64(*b.MaxInterruption)))
	}
	if b.MaxStolen != nil {
		list = append(list, m.stolen(c, *b.MaxStolen))
	}
	if b.MaxDelivery != nil {
		list = append(list, m.delivery(c, int64(*b.MaxDelivery)))
	}
	return list
}

// tallyOf counts the interruptions of a kind and those that may be of it. A timer
// interrupt is a tick if the tick's own timer expired in it, which only
// timer:hrtimer_expire_entry tells; where the timer's interrupt is one of the interrupt
// controller's (arm64), any of these may be it.
func (m *Measured) tallyOf(c *CPU, kind string) (is, may uint64, why string) {
	k := c.Interruption.Kinds
	switch kind {
	case anyKind:
		return c.Interruption.All, 0, ""
	case kindTick:
		if is = k[kindTick]; !m.Evidence.Expire {
			may, why = k[kindTimer], "timer interrupts may be ticks or not: record timer:hrtimer_expire_entry"
		}
		if !m.Evidence.Timer && k[kindIRQ] > 0 {
			may, why = may+k[kindIRQ], "no event tells the timer's interrupt from others here"
		}
		return is, may, why
	case kindTimer:
		if !m.Evidence.Timer {
			may, why = k[kindIRQ], "no event tells the timer's interrupt from others here"
		}
		return k[kindTimer] + k[kindTick], may, why
	}
	return k[kind], 0, ""
}

// interruptions checks how many there were of a kind.
func (m *Measured) interruptions(c *CPU, l Limit) rule {
	name := l.Name + " interruptions per CPU and hour"
	if l.Name == anyKind {
		name = "interruptions per CPU and hour"
	}
	r := rule{name: name, limit: number(l.Max), bar: l.Max, outcome: Undecided}
	hours := float64(m.watched(c)) / nsPerHour
	is, may, why := m.tallyOf(c, l.Name)
	switch {
	case m.Ticks:
		r.reason = noNanoseconds + ": there is no rate"
		return r
	case hours <= 0:
		r.reason = "the recording has no length"
		return r
	case m.excerpt() != "":
		r.measured, r.reason = fmt.Sprintf("%s%d", m.atLeast(), is), m.excerpt()
		return r
	}
	per, most := float64(is)/hours, float64(is+may)/hours
	r.value, r.measured = per, m.atLeast()+fmt.Sprintf("%s (%d)", number(per), is)
	if may > 0 {
		r.most = most
		r.measured = fmt.Sprintf("%s%s to %s (%d to %d)", m.atLeast(), number(per), number(most), is, is+may)
	}
	switch lost := m.lost(); {
	case per > l.Max:
		r.outcome, r.reason = Fail, fmt.Sprintf("%s is more than %s", number(per), number(l.Max))
	case most > l.Max:
		r.reason = fmt.Sprintf("%d %s", may, why)
	case len(m.Lacks.Kinds[l.Name]) > 0:
		r.reason = strings.Join(m.Lacks.Kinds[l.Name], "; ")
	case m.unobserved(c) != "":
		r.reason = m.unobserved(c)
	case m.unseen() != "":
		r.reason = m.unseen()
	case float64(is+may+lost)/hours > l.Max:
		r.reason = fmt.Sprintf("%d events were lost, each of which may have been an interruption", lost)
	case l.Name == anyKind && c.Unarrived > 0:
		r.reason = fmt.Sprintf("%d hits have no interrupt: interruptions do not show", c.Unarrived)
	case l.Name == kindTask && c.Lossy:
		r.reason = "events were lost: which task is the CPU's own is not known for sure"
	default:
		r.outcome = Pass
	}
	if is+may == 0 && !m.isLossy() && r.outcome == Pass {
		r.bound = fmt.Sprintf("below %s", number(3/hours)) // as for hits
	}
	return r
}

// untimed says why the time that interruptions take may not be known; "" if it is.
func (m *Measured) untimed(c *CPU) string {
	switch {
	case m.unobserved(c) != "":
		return m.unobserved(c)
	case len(m.Lacks.Quiet) > 0:
		return strings.Join(m.Lacks.Quiet, "; ")
	case c.Unpaired+c.UnpairedSoftirqs > 0:
		return unpaired(c.Unpaired+c.UnpairedSoftirqs, "interrupts and softirqs")
	case m.unseen() != "":
		return m.unseen()
	case c.Lossy || c.QuietBound == "about":
		return "events were lost: interruptions may be missing, or their end"
	case c.QuietBound != "":
		return "interruptions may not show"
	}
	return ""
}

// longest checks for how long a CPU was not left alone.
func (m *Measured) longest(c *CPU, limit int64) rule {
	r := rule{name: "longest interruption", limit: result.Duration(limit), bar: float64(limit), outcome: Undecided}
	if m.Ticks {
		r.reason = noNanoseconds
		return r
	}
	d := c.Interruption.Longest
	if r.measured = "none seen"; c.Interruption.All > 0 {
		r.measured, r.value = m.atLeast()+beside(d, limit), float64(d)
	}
	switch why := m.untimed(c); {
	case d > limit:
		r.outcome, r.reason = Fail, exceeds(d, limit)
	case why != "":
		r.reason = why
	default:
		r.outcome = Pass
	}
	return r
}

// stolen checks the share of the time that interruptions took. Where only noise tells
// of them it is that of the time in which it would have shown.
func (m *Measured) stolen(c *CPU, limit float64) rule {
	r := rule{name: "time stolen", limit: percent(limit), bar: limit, outcome: Undecided}
	watched := m.watched(c)
	if c.Sampled {
		watched = c.Observed
	}
	switch {
	case m.Ticks:
		r.reason = noNanoseconds
		return r
	case m.excerpt() != "":
		r.reason = m.excerpt()
		return r
	case watched <= 0:
		r.reason = "the recording has no length"
		return r
	}
	share := 100 * float64(c.Interruption.Taken) / float64(watched)
	r.measured, r.value = m.atLeast()+percent(share), share
	switch why := m.untimed(c); {
	case share > limit:
		r.outcome, r.reason = Fail, percent(share)+" is more than "+percent(limit)
	case why != "":
		r.reason = why
	default:
		r.outcome = Pass
	}
	return r
}

func percent(v float64) string { return number(v) + " %" }

// delivery checks how long it took from sends to interrupts. Clocks that differ between
// CPUs give times that are neither too long nor short enough.
func (m *Measured) delivery(c *CPU, limit int64) rule {
	r := rule{name: "delivery p99", limit: result.Duration(limit), bar: float64(limit), outcome: Undecided, measured: "none seen"}
	d := c.Delivery
	if c.Deliveries > 0 {
		r.measured, r.value = fmt.Sprintf("%s of %d", beside(d, limit), c.Deliveries), float64(d)
	}
	switch {
	case m.Ticks:
		r.measured, r.value, r.reason = "", 0, noNanoseconds
	case m.Skewed != "":
		r.reason = m.Skewed + ": this clock is not synchronised between CPUs: record with -C mono"
	case m.excerpt() != "":
		r.reason = m.excerpt()
	case c.Deliveries > 0 && d > limit && !m.isLossy() && c.Unarrived == 0 && m.Ended == "":
		r.outcome, r.reason = Fail, exceeds(d, limit)
	case !m.HasSends:
		r.reason = "no ipi_send_cpu, ipi_send_cpumask or ipi_raise events were recorded"
	case m.unobserved(c) != "":
		r.reason = m.unobserved(c)
	case len(m.Lacks.Handler) > 0:
		r.reason = strings.Join(m.Lacks.Handler, "; ")
	case m.unseen() != "":
		r.reason = m.unseen()
	case m.isLossy():
		r.reason = "events were lost: how long deliveries in them took is not known"
	case c.Unarrived > 0:
		r.reason = fmt.Sprintf("%d hits have no interrupt: when it came is not known", c.Unarrived)
	default:
		r.outcome = Pass
	}
	return r
}
