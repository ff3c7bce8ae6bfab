package track

import (
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

type kind uint8

const (
	kindUnseen kind = iota
	kindOther
	kindSendCPU
	kindSendMask
	kindRaise
	kindQueue
	kindKernelStack
	kindUserStack
	kindNarrow
	kindBracketEntry
	kindBracketExit
	kindRun
)

// A role is what an event means here, with the fields it is read by.
type role struct {
	kind                              kind
	cpu, mask                         trace.FieldRef
	callsite, callback, function, csd trace.FieldRef
	lines                             lineSet // of a call interrupt of x86
}

// kindOf names the events that are joined. Their fields are those of
// include/trace/events/ipi.h and csd.h.
func kindOf(event string) kind {
	switch event {
	case "ipi_send_cpu":
		return kindSendCPU
	case "ipi_send_cpumask":
		return kindSendMask
	case "ipi_raise":
		return kindRaise
	case "csd_queue_cpu":
		return kindQueue
	case "kernel_stack":
		return kindKernelStack
	case "user_stack":
		return kindUserStack
	case "sys_enter_membarrier": // the catalogue's narrow table
		return kindNarrow
	case "call_function_entry", "call_function_single_entry", "ipi_entry":
		return kindBracketEntry
	case "call_function_exit", "call_function_single_exit", "ipi_exit":
		return kindBracketExit
	case "csd_function_entry":
		return kindRun
	}
	return kindOther
}

// Needs are the events that Sends reads, for analyzers to declare.
func Needs() (anyOf, optional []string) {
	return []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"}, []string{"csd_queue_cpu", "csd_function_entry", "kernel_stack", "call_function_entry", "call_function_single_entry", "ipi_entry"}
}

// roleOf looks an event's role up by its id; each id is classified once.
func (s *Sends) roleOf(e *trace.Event) *role {
	if int(e.ID) >= len(s.roles) {
		s.roles = append(s.roles, make([]role, int(e.ID)+1-len(s.roles))...)
	}
	r := &s.roles[e.ID]
	if r.kind == kindUnseen {
		*r = classify(e.Schema())
	}
	return r
}

func classify(s *trace.Schema) role {
	r := role{kind: kindOf(s.Name)}
	r.cpu, r.callsite, r.callback = s.Ref("cpu"), s.Ref("callsite"), s.Ref("callback")
	r.function, r.csd = s.Ref("func"), s.Ref("csd")
	switch r.kind {
	case kindSendMask:
		r.mask = s.Ref("cpumask")
	case kindRaise:
		r.mask, r.callback = s.Ref("target_cpus"), s.Ref("reason")
	case kindBracketEntry, kindBracketExit:
		r.callback = s.Ref("reason")
		r.lines = lineOfVector(strings.TrimSuffix(strings.TrimSuffix(s.Name, "_entry"), "_exit"))
	}
	return r
}
