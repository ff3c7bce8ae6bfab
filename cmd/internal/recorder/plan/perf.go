package plan

import "strconv"

// Perf returns the words of a perf record command line that records the plan, for
// machines where tracefs is closed to whoever records and perf is not. The clock
// is one of clock_gettime(2).
func (p *Plan) Perf(l Line) ([]string, error) {
	if p.StopOn != nil {
		return nil, usagef("--stop-on: perf record does not stop at an event")
	}
	words := []string{"perf", "record"}
	if l.Output != "" {
		words = append(words, "-o", l.Output)
	}
	words = append(words, "-a") // every CPU: any may send
	if l.BufferKB > 0 {
		words = append(words, "-m", strconv.Itoa(l.BufferKB)+"K")
	}
	clock, err := perfClock(l.Clock)
	if err != nil {
		return nil, err
	}
	words = append(words, clock...)
	stacks := false
	for _, e := range p.Events {
		name := e.FullName()
		if name == "irq_vectors:irq_work_exit" {
			// perf's own irq_work would sample itself without end
			// (arch/x86/include/asm/trace/irq_vectors.h, TRACE_EVENT_PERF_PERM).
			p.notef("the kernel does not let perf sample %s: how long such interrupts last is not recorded", name)
			continue
		}
		if e.Stack || p.AllStacks {
			name += "/call-graph=fp/"
			stacks = true
		}
		words = append(words, "-e", name)
		if e.Filter != "" {
			words = append(words, "--filter", e.Filter)
		}
	}
	if stacks {
		words = append(words, "--kernel-callchains") // those of programs are not looked at
	}
	if len(l.Command) > 0 {
		words = append(append(words, "--"), l.Command...)
	}
	return words, nil
}

// perfClock chooses a clock of ftrace as perf knows it.
func perfClock(name string) ([]string, error) {
	switch name {
	case "", "local", "global", "perf":
		return nil, nil // perf's own
	case "mono":
		return []string{"-k", "CLOCK_MONOTONIC"}, nil
	case "mono_raw":
		return []string{"-k", "CLOCK_MONOTONIC_RAW"}, nil
	case "boot":
		return []string{"-k", "CLOCK_BOOTTIME"}, nil
	case "tai":
		return []string{"-k", "CLOCK_TAI"}, nil
	}
	return nil, usagef("--clock %s: perf record does not have it: want mono, mono_raw, boot, tai or perf", name)
}
