package track

import (
	"strings"

	"github.com/ipiscope/ipiscope/analysis/catalog"
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
	kindStart
	kindEnd
	kindHotplug
	kindFunction    // a call that function or function_graph shows
	kindFunctionEnd // the end of one, of function_graph
)

// A role is what an event means here, with the fields it is read by.
type role struct {
	kind                              kind
	cpu, mask                         trace.FieldRef
	callsite, callback, function, csd trace.FieldRef
	lines                             lineSet // of a call interrupt of x86
	dispatch                          dispatch
	called                            trace.FieldRef // the function of a dispatch
}

// kinds names the events that are joined. Their fields are those of
// include/trace/events/ipi.h and csd.h.
func kinds() map[string]kind {
	return map[string]kind{
		"ipi_send_cpu":         kindSendCPU,
		"ipi_send_cpumask":     kindSendMask,
		"ipi_raise":            kindRaise,
		"csd_queue_cpu":        kindQueue,
		"kernel_stack":         kindKernelStack,
		"user_stack":           kindUserStack,
		"sys_enter_membarrier": kindNarrow, // the catalogue's narrow table
		"csd_function_entry":   kindRun,
		"cpuhp_enter":          kindHotplug,
		"cpuhp_multi_enter":    kindHotplug,
		"cpuhp_exit":           kindHotplug,
		"function":             kindFunction,
		"funcgraph_entry":      kindFunction,
		"funcgraph_exit":       kindFunctionEnd,

		"call_function_entry":        kindBracketEntry,
		"call_function_single_entry": kindBracketEntry,
		"ipi_entry":                  kindBracketEntry,
		ofWork.start():               kindStart,
		ofTimer.start():              kindStart,
		ofHrtimer.start():            kindStart,
		ofWork.end():                 kindEnd,
		ofTimer.end():                kindEnd,
		ofHrtimer.end():              kindEnd,

		"call_function_exit":        kindBracketExit,
		"call_function_single_exit": kindBracketExit,
		"ipi_exit":                  kindBracketExit,
	}
}

// Wants are the events that a Sends looks at, and those of them whose stacks it
// looks at. An event that is neither changes nothing, except that the first one of
// a CPU behind a send that does not interrupt it (trace.Context) ends the wait for
// the send's stack.
func Wants() trace.Want {
	w := trace.Want{Names: true}
	for name, kind := range kinds() {
		switch kind {
		case kindKernelStack, kindUserStack: // they come with the events of Stacks
		case kindFunction, kindFunctionEnd: // only those of a few functions, see below
		case kindSendCPU, kindSendMask, kindRaise:
			w.Stacks = append(w.Stacks, name)
			fallthrough
		default:
			w.Events = append(w.Events, name)
		}
	}
	for _, f := range catalog.Senders() {
		w.Functions = append(w.Functions, f.Function)
	}
	return w
}

// SendEvents are those by which a send shows, ReasonEvents those that tell what it
// is for and are worth recording for that: what an IPI made its target run
// csd_queue_cpu tells without events on the CPUs that are watched, and of the work and
// timers that a sender was in there are far more than IPIs.
func SendEvents() []string { return []string{"ipi_send_cpu", "ipi_send_cpumask", "ipi_raise"} }

// ReasonEvents are described at SendEvents.
func ReasonEvents() []string { return []string{"csd_queue_cpu", "kernel_stack"} }

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

// either is the field of one of two names, of which format files have one or the other.
func either(s *trace.Schema, a, b string) trace.FieldRef {
	if r := s.Ref(a); r != trace.NoField {
		return r
	}
	return s.Ref(b)
}

func classify(s *trace.Schema) role {
	r := role{kind: kindOther}
	if k, ok := kinds()[s.Name]; ok {
		r.kind = k
	}
	r.cpu, r.callsite, r.callback = s.Ref("cpu"), s.Ref("callsite"), s.Ref("callback")
	r.function, r.csd = s.Ref("func"), s.Ref("csd")
	switch r.kind {
	case kindFunction, kindFunctionEnd:
		r.function, r.callsite, r.csd = s.Ref("ip"), s.Ref("parent_ip"), trace.NoField
		if s.Name != "function" { // struct ftrace_graph_ent, include/linux/ftrace.h
			r.function, r.csd = either(s, "func", "graph_ent.func"), either(s, "depth", "graph_ent.depth")
		}
		if r.kind == kindFunctionEnd {
			r.csd = either(s, "depth", "ret.depth")
		}
	case kindSendMask:
		r.mask = s.Ref("cpumask")
	case kindRaise:
		r.mask, r.callback = s.Ref("target_cpus"), s.Ref("reason")
	case kindStart, kindEnd:
		r.called = s.Ref("function")
		for d := range dispatches {
			if s.Name == d.start() || s.Name == d.end() {
				r.dispatch = d
			}
		}
	case kindBracketEntry, kindBracketExit:
		r.callback = s.Ref("reason")
		r.lines = lineOfVector(strings.TrimSuffix(strings.TrimSuffix(s.Name, "_entry"), "_exit"))
	}
	return r
}
