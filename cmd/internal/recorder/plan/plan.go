// Package plan says what is recorded: which events, with which filters and stacks,
// for a set of isolated CPUs and the questions to be answered. It is worked out
// from what the analyzers want and what the kernel has, and writes nothing.
package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/filter"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// A Request is what somebody wants recorded.
type Request struct {
	Isolated cpumask.Mask
	// Events are the names of the events that analyzers want; those that the
	// kernel does not have are left out.
	Events []string
	// Stacks are those of them whose kernel stacks are wanted.
	Stacks []string
	// Extra are further events as NAME or NAME:FILTER, which must be there.
	Extra []string
	// StopOn is "EVENT if EXPR", the event that ends the recording, or empty.
	StopOn string
	// AllStacks wants the stack of every event; NoStacks of none.
	AllStacks, NoStacks bool
	// Tracer is the tracer that is to run meanwhile ("osnoise"), empty for none.
	Tracer string
	// NrCPUs is nr_cpu_ids, for filters; 0 if it is not known.
	NrCPUs int
}

// An Event is recorded.
type Event struct {
	System, Name string
	Filter       string // empty: all of them
	Stack        bool   // by a trigger
	// Receives says that the isolated CPUs record it, not those that send.
	Receives bool
	// Extra says that a person asked for it by name.
	Extra bool
}

// IsArrival reports whether it tells of what arrives on the isolated CPUs, and nobody
// asked for it by name.
func (e *Event) IsArrival() bool { return e.Receives && !e.Extra }

// FullName is "system:name".
func (e *Event) FullName() string { return e.System + ":" + e.Name }

// A Trigger ends the recording.
type Trigger struct {
	System, Name string
	Filter       string // empty: at the first one
}

// A Plan is what to set up.
type Plan struct {
	Isolated  cpumask.Mask
	Events    []Event
	StopOn    *Trigger
	AllStacks bool
	Tracer    string
	// Notes say what of the request this kernel cannot do, and what costs.
	Notes []string
}

// Receives reports whether the isolated CPUs record anything.
func (p *Plan) Receives() bool {
	return p.AllStacks || slices.ContainsFunc(p.Events, func(e Event) bool { return e.Receives })
}

// A UsageError is a request that no kernel could follow.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }
func (e *UsageError) Unwrap() error { return e.Err }

func usagef(format string, args ...any) error { return &UsageError{fmt.Errorf(format, args...)} }

// isSend reports whether an event tells of the sending of an IPI.
func isSend(name string) bool { return name == "ipi_send_cpu" || name == "ipi_send_cpumask" }

// Make works out the plan.
func Make(r *Request, k *Kernel) (*Plan, error) {
	p := &Plan{Isolated: r.Isolated, AllStacks: r.AllStacks}
	if err := p.tracer(r, k); err != nil {
		return nil, err
	}
	sends, raises := false, (*trace.Schema)(nil)
	for i, name := range r.Events {
		if slices.Contains(r.Events[:i], name) {
			continue
		}
		s, err := k.event(name)
		switch {
		case err != nil:
			return nil, err
		case s == nil || s.IsStack || s.System == "ftrace":
			continue
		case s.Name == "ipi_raise":
			raises = s
			continue
		}
		sends = sends || isSend(s.Name)
		p.add(s, r, k)
	}
	if raises != nil && !sends { // it names a reason only; docs/definitions.md
		sends = true
		p.add(raises, r, k)
		p.notef("Linux %s has no ipi_send_cpu: ipi_raise tells the kind of each IPI, not its function", k.Release)
	}
	if err := p.check(r, k, sends); err != nil {
		return nil, err
	}
	for _, arg := range r.Extra {
		if err := p.extra(arg, r, k); err != nil {
			return nil, err
		}
	}
	return p, p.stopOn(r, k)
}

// tracer sees to the tracer: it comes with its events.
func (p *Plan) tracer(r *Request, k *Kernel) error {
	if r.Tracer == "" {
		return nil
	}
	if s, err := k.event("irq_noise"); err != nil {
		return err
	} else if s == nil {
		return fmt.Errorf("no tracer %[2]s in Linux %[1]s (it is built with CONFIG_OSNOISE_TRACER, 5.14 and newer; Debian has it in -rt kernels only): noise cannot be recorded", k.Release, r.Tracer)
	}
	p.Tracer = r.Tracer
	p.notef("%s measures on the CPUs of the file osnoise/cpus, all unless it says otherwise: echo %s > /sys/kernel/tracing/osnoise/cpus; to measure your own task instead of its thread: echo NO_OSNOISE_WORKLOAD > /sys/kernel/tracing/osnoise/options",
		r.Tracer, r.Isolated.String())
	return nil
}

// check says what a kernel without the usual events can still do.
func (p *Plan) check(r *Request, k *Kernel, sends bool) error {
	wantsSends := slices.ContainsFunc(r.Events, isSend)
	has := func(name string) bool {
		return slices.ContainsFunc(p.Events, func(e Event) bool { return e.Name == name })
	}
	switch {
	case wantsSends && !sends && !p.Receives():
		return fmt.Errorf("no event for the sending of an IPI in Linux %s (ipi_send_cpu came with 6.4): only what arrives can be recorded: --for quiet", k.Release)
	case wantsSends && !sends:
		p.notef("Linux %s has no event for the sending of an IPI (ipi_send_cpu came with 6.4): only what arrives is recorded, not who sent it", k.Release)
	case slices.Contains(r.Events, "csd_queue_cpu") && !has("csd_queue_cpu"):
		p.notef("Linux %s has no csd_queue_cpu (it came with 6.5): functions are known by stacks only", k.Release)
	}
	if !k.CPUSets && has("ipi_send_cpumask") {
		p.notef("Linux %s has no CPUS{} for filters (it came with 6.6): all ipi_send_cpumask events are recorded, whatever their targets", k.Release)
	}
	if !k.StackTriggers && len(r.Stacks) > 0 && !r.NoStacks && !r.AllStacks {
		p.notef("Linux %s has no trigger stacktrace: stacks are not recorded, and with them no causes (--stack all records them, at a price)", k.Release)
	}
	if r.AllStacks {
		p.notef("--stack all walks the stack of every event, on the isolated CPUs too")
	}
	return nil
}

func (p *Plan) notef(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}

// add adds an event for the isolated CPUs: one that names its target by that,
// any other by the CPU that records it.
func (p *Plan) add(s *trace.Schema, r *Request, k *Kernel) {
	e := Event{System: s.System, Name: s.Name}
	e.Filter, e.Receives = filterOf(s, &r.Isolated, k.CPUSets)
	e.Stack = slices.Contains(r.Stacks, s.Name) && k.StackTriggers && !r.NoStacks && !r.AllStacks
	p.Events = append(p.Events, e)
}

// filterOf is the filter that lets the events of isolated CPUs pass.
func filterOf(s *trace.Schema, isolated *cpumask.Mask, sets bool) (expr string, receives bool) {
	field := "CPU" // the CPU that records, of every event
	if ref := s.Ref("cpumask"); ref != trace.NoField && s.Fields[ref].Kind == trace.KindMask {
		field = "cpumask"
	} else if ref := s.Ref("cpu"); ref != trace.NoField {
		field = "cpu"
	} else if s.Ref("target_cpus") != trace.NoField {
		return "", false // unsigned long[], which no filter compares
	}
	if sets {
		return field + " & CPUS{" + isolated.String() + "}", field == "CPU"
	}
	if field == "cpumask" {
		return "", false
	}
	return numbers(field, isolated), field == "CPU"
}

// numbers is membership in a set without CPUS{}: a filter of ranges.
func numbers(field string, m *cpumask.Mask) string {
	var terms []string
	for part := range strings.SplitSeq(m.String(), ",") {
		first, last, isRange := strings.Cut(part, "-")
		if isRange {
			terms = append(terms, fmt.Sprintf("(%s >= %s && %s <= %s)", field, first, field, last))
		} else {
			terms = append(terms, field+" == "+first)
		}
	}
	return strings.Join(terms, " || ")
}

// extra adds an event of the user's. The filter is checked before anything is
// touched.
func (p *Plan) extra(arg string, r *Request, k *Kernel) error {
	s, expr, err := k.named(arg)
	if err != nil {
		return fmt.Errorf("--event %s: %w", arg, err)
	}
	e := Event{System: s.System, Name: s.Name, Filter: expr, Receives: true, Extra: true}
	if slices.ContainsFunc(p.Events, func(have Event) bool { return have.FullName() == e.FullName() }) {
		return usagef("--event %s: it is recorded already, as the isolated CPUs need it", arg)
	}
	if err := checkFilter(s, expr, r.NrCPUs); err != nil {
		return fmt.Errorf("--event %s: %w", arg, err)
	}
	p.Events = append(p.Events, e)
	return nil
}

// named splits NAME or NAME:FILTER, where NAME may be system:name.
func (k *Kernel) named(arg string) (s *trace.Schema, expr string, err error) {
	first, rest, _ := strings.Cut(arg, ":")
	second, more, _ := strings.Cut(rest, ":")
	if second != "" && !strings.ContainsAny(second, " \t") {
		if s, err = k.event(first + ":" + second); s != nil || err != nil {
			return s, strings.TrimSpace(more), err
		}
	}
	if s, err = k.event(first); s != nil || err != nil {
		return s, strings.TrimSpace(rest), err
	}
	return nil, "", &UnknownEvent{Name: arg, Release: k.Release, Valid: k.Names()}
}

// An UnknownEvent is the name of no event of this kernel.
type UnknownEvent struct {
	Name, Release string
	Valid         []string // system:name
}

func (e *UnknownEvent) Error() string {
	return fmt.Sprintf("Linux %s has no event %s", e.Release, e.Name)
}

func checkFilter(s *trace.Schema, expr string, nrCPUs int) error {
	if expr == "" {
		return nil
	}
	_, _, err := filter.Check(expr, s, filter.Env{NrCPUs: nrCPUs})
	var refused *filter.Error
	if errors.As(err, &refused) {
		return &UsageError{fmt.Errorf("the kernel does not take this filter:\n%w", refused)}
	}
	return err
}

// stopOn reads "EVENT if EXPR".
func (p *Plan) stopOn(r *Request, k *Kernel) error {
	if r.StopOn == "" {
		return nil
	}
	name, expr, ok := strings.Cut(r.StopOn, " if ")
	name, expr = strings.TrimSpace(name), strings.TrimSpace(expr)
	if ok && expr == "" || strings.ContainsAny(name, " \t") {
		return usagef("--stop-on %q: want EVENT or 'EVENT if EXPR'", r.StopOn)
	}
	s, err := k.event(name)
	switch {
	case err != nil:
		return err
	case s == nil:
		return fmt.Errorf("--stop-on: %w", &UnknownEvent{Name: name, Release: k.Release, Valid: k.Names()})
	}
	if err := checkFilter(s, expr, r.NrCPUs); err != nil {
		return fmt.Errorf("--stop-on %s: %w", r.StopOn, err)
	}
	p.StopOn = &Trigger{s.System, s.Name, expr}
	return nil
}
