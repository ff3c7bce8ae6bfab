// Package recorder records IPIs through tracefs: it sets an instance of its own
// up, reads its buffers without disturbing the CPUs that are watched, and writes a
// trace.dat. docs/recording.md says what it does to a machine.
package recorder

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"github.com/ipiscope/ipiscope/cmd/internal/recorder/plan"
	"github.com/ipiscope/ipiscope/cmd/internal/recorder/tracefs"
	"github.com/ipiscope/ipiscope/parser/cpumask"
)

// Settings are those of the buffers.
type Settings struct {
	Clock    string
	BufferKB int // of each CPU that records
	// Online are the CPUs that may record.
	Online cpumask.Mask
}

// A RefusedError is a filter or trigger that the kernel does not take.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return e.Err.Error() }
func (e *RefusedError) Unwrap() error { return e.Err }

// Setup prepares an instance: clock, buffers, filters, stack triggers, and last of
// all the events, of which each interrupts every CPU to patch its text. Nothing
// is recorded before tracing_on is set, so none of that is in the recording.
func Setup(i *tracefs.Instance, p *plan.Plan, s Settings) error {
	steps := []func() error{
		func() error { return setClock(i, s.Clock) },
		func() error { return i.Write("options/overwrite", "1") },
		func() error { return i.Write("options/stacktrace", digit(p.AllStacks)) },
		func() error { return setBuffers(i, p, s) },
		func() error { return setFilters(i, p) },
		func() error { return setTriggers(i, p) },
		func() error { return enable(i, p) },
		func() error { return setTracer(i, p) },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func digit(on bool) string {
	if on {
		return "1"
	}
	return "0"
}

func setClock(i *tracefs.Instance, clock string) error {
	err := i.Write("trace_clock", clock)
	if errors.Is(err, syscall.EINVAL) {
		valid, _ := i.Read("trace_clock")
		return &RefusedError{fmt.Errorf("--clock %s: this kernel has no such clock, it has: %s", clock, strings.NewReplacer("[", "", "]", "").Replace(valid))}
	}
	return err
}

// setBuffers sizes the buffers of the CPUs that record. buffer_size_kb of all
// CPUs would run a kworker on every one of them.
func setBuffers(i *tracefs.Instance, p *plan.Plan, s Settings) error {
	if s.BufferKB == 0 {
		return nil
	}
	for cpu := range s.Online.All() {
		if p.Isolated.Has(cpu) && !p.Receives() {
			continue
		}
		err := i.Write(fmt.Sprintf("per_cpu/cpu%d/buffer_size_kb", cpu), fmt.Sprint(s.BufferKB))
		if errors.Is(err, syscall.ENOMEM) {
			return fmt.Errorf("the kernel has no memory for a buffer of %d KiB on CPU %d: try a smaller --buffer: %w", s.BufferKB, cpu, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func setFilters(i *tracefs.Instance, p *plan.Plan) error {
	for _, e := range p.Events {
		if e.Filter == "" {
			continue
		}
		if err := i.Write(eventFile(e.System, e.Name, "filter"), e.Filter); err != nil {
			return refused(i, err, "filter", e.FullName(), e.Filter)
		}
	}
	return nil
}

// setTriggers adds the triggers. One fires for what the event's filter drops, too,
// so it has the same condition.
func setTriggers(i *tracefs.Instance, p *plan.Plan) error {
	for _, e := range p.Events {
		if !e.Stack {
			continue
		}
		if err := addTrigger(i, e.System, e.Name, "stacktrace", e.Filter); err != nil {
			return err
		}
	}
	if t := p.StopOn; t != nil {
		return addTrigger(i, t.System, t.Name, "traceoff", t.Filter)
	}
	return nil
}

func addTrigger(i *tracefs.Instance, system, name, action, condition string) error {
	text := action
	if condition != "" {
		text += " if " + condition
	}
	if err := i.Switch(eventFile(system, name, "trigger"), text, "!"+text); err != nil {
		return refused(i, err, "trigger", system+":"+name, text)
	}
	return nil
}

func enable(i *tracefs.Instance, p *plan.Plan) error {
	for _, e := range p.Events {
		if err := i.Switch(eventFile(e.System, e.Name, "enable"), "1", "0"); err != nil {
			return err
		}
	}
	return nil
}

// setTracer starts the tracer that measures, last of all: its threads run from then
// on, and measure when tracing_on is set.
func setTracer(i *tracefs.Instance, p *plan.Plan) error {
	if p.Tracer == "" {
		return nil
	}
	err := i.Switch("current_tracer", p.Tracer, "nop")
	if errors.Is(err, syscall.EINVAL) {
		return &RefusedError{fmt.Errorf("the kernel refuses the tracer %s in an instance: %w", p.Tracer, err)}
	}
	return err
}

func eventFile(system, name, file string) string { return "events/" + system + "/" + name + "/" + file }

// refused adds the kernel's words, which stand in the instance's error_log with a
// caret under the place.
func refused(i *tracefs.Instance, err error, what, event, text string) error {
	if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOENT) {
		return err
	}
	words := text
	if log, rerr := i.Read("error_log"); rerr == nil {
		if said := lastError(log); said != "" {
			words = said
		}
	}
	return &RefusedError{fmt.Errorf("the kernel refuses this %s of %s (%w):\n%s", what, event, err, words)}
}

// lastError is the newest entry of an error_log: a line "[ TIME] WHERE: error:
// WHAT", the command and a caret.
func lastError(log string) string {
	at := strings.LastIndex(log, ": error: ")
	if at < 0 {
		return ""
	}
	if nl := strings.LastIndexByte(log[:at], '\n'); nl >= 0 {
		log, at = log[nl+1:], at-nl-1
	}
	return strings.TrimRight(log[at+len(": error: "):], "\n")
}

// takesCPUSets asks the kernel whether filters take CPUS{}.
func takesCPUSets(i *tracefs.Instance, events []string, isolated *cpumask.Mask) bool {
	for _, name := range events {
		system, event, _ := strings.Cut(name, ":")
		err := i.Write(eventFile(system, event, "filter"), "CPU & CPUS{"+isolated.String()+"}")
		if err == nil || errors.Is(err, syscall.EINVAL) {
			return err == nil
		}
	}
	return false
}
