package catalog

import (
	"iter"
	"strings"
)

// A rule is a row of [rules].
type rule struct {
	via      string // group of the sending frame; "" any
	frame    string // as the table has it
	function string // name or set a|b|c
}

// noSender is the via of a stack that has no ipi frame: resched_curr talks to the
// interrupt controller itself.
const noSender = "none"

// ResolveFunction finds what the hit makes the target run from the stack of the send: the
// innermost frame that has a rule decides, up to the first boundary. function is a name or
// a set a|b|c; rule is the frame of the rule, as evidence. !ok if no rule fits.
func (c *Catalog) ResolveFunction(frames []string) (function, rule string, ok bool) {
	frames = frames[:c.firstContext(frames)]
	via, leading := noSender, true
	for i := range frames {
		l := c.look(frames[i])
		if leading && (l.level == IPI || l.level == Probe || l.symbol == "") {
			if l.level == IPI && l.via != "" {
				via = l.via
			}
			continue
		}
		leading = false
		list, _, _ := c.rules.find(l.symbol)
		if r := choose(list, via); r != nil {
			return r.function, r.frame, true
		}
	}
	return "", "", false
}

// ResolveCallsite finds what the hit makes the target run from the function that sent,
// where no stack tells what came before it. Of a frame whose rules depend on the sender
// that it called it says nothing, nor of functions that only pass a call on: they have no
// rule.
func (c *Catalog) ResolveCallsite(callsite string) (function string, ok bool) {
	l := c.look(callsite)
	if l.symbol == "" || l.level == IPI || l.level == Probe || l.level == Entry {
		return "", false
	}
	list, _, _ := c.rules.find(l.symbol)
	if len(list) != 1 || list[0].via != "" {
		return "", false
	}
	return list[0].function, true
}

// choose returns the rule for via, else the one for any sender.
func choose(list []rule, via string) *rule {
	var other *rule
	for i := range list {
		switch list[i].via {
		case via:
			return &list[i]
		case "":
			other = &list[i]
		}
	}
	return other
}

// Members returns the names of a function or set, in order.
func Members(set string) iter.Seq[string] { return strings.SplitSeq(set, "|") }

// Holds reports that set is function or has it as a member.
func Holds(set, function string) bool {
	for set != "" {
		var m string
		m, set, _ = strings.Cut(set, "|")
		if m == function {
			return true
		}
	}
	return false
}

type narrowKey struct {
	event, field string
	value        uint64
}

// Narrow returns the function that a field of another event of the same task tells, such
// as the cmd of sys_enter_membarrier. It counts only if the set of the hit holds it.
func (c *Catalog) Narrow(event, field string, value uint64) (function string, ok bool) {
	function, ok = c.narrows[narrowKey{event, field, value}]
	return function, ok
}
