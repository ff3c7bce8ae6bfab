package plan

import "strconv"

// A Line says how trace-cmd is to record a plan.
type Line struct {
	Output   string // empty: its default
	Clock    string
	BufferKB int // of each CPU, 0: its default
	Command  []string
}

// TraceCmd returns the words of a trace-cmd command line that records the plan, in
// a buffer of its own.
func (p *Plan) TraceCmd(l Line) []string {
	words := []string{"trace-cmd", "record"}
	if l.Output != "" {
		words = append(words, "-o", l.Output)
	}
	words = append(words, "-B", "ipiscope")
	if l.BufferKB > 0 {
		words = append(words, "-b", strconv.Itoa(l.BufferKB))
	}
	words = append(words, "-C", l.Clock)
	if p.Tracer != "" {
		words = append(words, "-p", p.Tracer)
	}
	for _, e := range p.Events {
		words = append(words, "-e", e.FullName())
		if e.Filter != "" {
			words = append(words, "-f", e.Filter)
		}
		if e.Stack {
			words = append(words, "-R", condition("stacktrace", e.Filter))
		}
	}
	if t := p.StopOn; t != nil {
		words = append(words, "-e", t.System+":"+t.Name, "-R", condition("traceoff", t.Filter))
	}
	if p.AllStacks {
		words = append(words, "-T")
	}
	return append(words, l.Command...)
}

// condition makes the text of a trigger.
func condition(action, filter string) string {
	if filter == "" {
		return action
	}
	return action + " if " + filter
}
