package budget

import (
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/analysis"
	"github.com/ipiscope/ipiscope/analysis/track"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Presence is an analysis.State that notes which events a trace has. What is
// measured by the absence of events passes only where they were recorded.
type Presence struct {
	table *trace.Table
	seen  []bool // by EventID
}

// NewPresence returns one for a trace with this table.
func NewPresence(t *trace.Table) *Presence { return &Presence{table: t} }

var _ analysis.State = (*Presence)(nil)

// Event implements analysis.State.
func (p *Presence) Event(e *trace.Event) {
	for int(e.ID) >= len(p.seen) {
		p.seen = append(p.seen, false)
	}
	p.seen[e.ID] = true
}

// Lost implements analysis.State.
func (p *Presence) Lost(*trace.Lost) {}

// End implements analysis.State.
func (p *Presence) End(analysis.Span) {}

// Hold implements trace.Holder: it keeps no ids that may be forgotten.
func (p *Presence) Hold(*trace.Held) {}

// Has reports whether the trace has one of these events.
func (p *Presence) Has(events ...string) bool {
	for _, name := range events {
		for _, schema := range p.table.Lookup(name) {
			if int(schema.ID) < len(p.seen) && p.seen[schema.ID] {
				return true
			}
		}
	}
	return false
}

// events are some of one system.
type events struct {
	system string
	names  []string
}

// ofX86 reports that the trace is one of x86, whose IPIs have vectors of their
// own, as far as its events tell.
func (p *Presence) ofX86() bool {
	for _, name := range []string{"local_timer_entry", "reschedule_entry", "call_function_entry", "call_function_single_entry"} {
		if len(p.table.Lookup(name)) > 0 {
			return true
		}
	}
	return !p.ofARM()
}

func (p *Presence) ofARM() bool {
	return len(p.table.Lookup("ipi_entry"))+len(p.table.Lookup("ipi_raise")) > 0 || strings.HasPrefix(p.table.Meta.Arch, "a") // arm, aarch64
}

// vectors are the interrupts that bring IPIs: from entry to exit they hold all
// that an IPI makes a CPU run (arch/x86/include/asm/trace/irq_vectors.h,
// drivers/irqchip, arch/arm64/kernel/smp.c).
func (p *Presence) vectors() events {
	if !p.ofX86() {
		return events{"ipi", []string{"ipi_entry", "ipi_exit"}}
	}
	e := events{system: "irq_vectors"}
	for _, line := range []string{"reschedule", "call_function", "call_function_single", "irq_work"} {
		e.names = append(e.names, line+"_entry", line+"_exit")
	}
	return e
}

// Lacks says which events the quantities of a budget lack in this trace.
func (p *Presence) Lacks(r *track.Recording) Lacks {
	vectors := p.vectors()
	handler := []events{vectors}
	quiet := []events{{"sched", []string{"sched_switch"}}, {"irq", []string{"irq_handler_entry", "softirq_entry"}}, vectors}
	if p.ofX86() {
		quiet = append(quiet, events{"irq_vectors", []string{"local_timer_entry"}})
	} else {
		handler = append(handler, events{"irq", []string{"irq_handler_entry", "irq_handler_exit"}})
	}
	if p.Has("irq_noise") { // it tells of all interrupts
		told := func(e events) bool {
			return e.system == vectors.system || e.system == "irq" && len(e.names) > 0 && e.names[0] == "irq_handler_entry"
		}
		handler = slices.DeleteFunc(handler, told)
		quiet = slices.DeleteFunc(quiet, func(e events) bool { return told(e) || e.system == "sched" && p.Has("thread_noise") })
		if !p.Has("softirq_noise") { // it may be a kernel with PREEMPT_RT, which has no such events
			quiet = append(quiet, events{"irq", []string{"softirq_entry"}})
		}
	}
	lacks := Lacks{Handler: p.missing(r, handler), Quiet: p.missing(r, quiet), Kinds: map[string][]string{}}
	for _, kind := range Interruptions() {
		if kind == anyKind {
			lacks.Kinds[kind] = lacks.Quiet
			continue
		}
		lacks.Kinds[kind] = p.missing(r, p.tellOf(kind))
	}
	return lacks
}

// tellOf are the events that tell of a kind of interruptions.
func (p *Presence) tellOf(kind string) []events {
	irq := events{"irq", []string{"irq_handler_entry"}}
	switch noisy := p.Has("irq_noise"); {
	case noisy && kind != kindSoftirq && kind != kindTask:
		return nil // which tells of all interrupts
	case kind == kindSoftirq && p.Has("softirq_noise"), kind == kindTask && p.Has("thread_noise"):
		return nil
	case kind == kindSoftirq:
		return []events{{"irq", []string{"softirq_entry"}}}
	case kind == kindTask:
		return []events{{"sched", []string{"sched_switch"}}}
	case kind != kindIRQ && p.ofX86():
		return []events{{"irq_vectors", []string{"local_timer_entry"}}}
	}
	return []events{irq}
}

// TellsTicks reports whether it was recorded whose timers expire.
func (p *Presence) TellsTicks(r *track.Recording) bool {
	state, _ := r.Was("timer", "hrtimer_expire_entry", p.Has("hrtimer_expire_entry"))
	return state == track.On
}

// TellsTimers reports whether the timer's interrupt has events of its own.
func (p *Presence) TellsTimers() bool { return p.ofX86() }

// missing says which events were off, or may have been, by the same reason
// together.
func (p *Presence) missing(r *track.Recording, needed []events) []string {
	var reasons []string
	byReason := map[string][]string{}
	for _, e := range needed {
		for _, name := range e.names {
			state, why := r.Was(e.system, name, p.Has(name))
			if state == track.On {
				continue
			}
			if byReason[why] == nil {
				reasons = append(reasons, why)
			}
			byReason[why] = append(byReason[why], e.system+":"+name)
		}
	}
	var out []string
	for _, why := range reasons {
		out = append(out, strings.Join(byReason[why], ", ")+" "+why)
	}
	return out
}
