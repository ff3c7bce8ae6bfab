package filter

import (
	"fmt"
	"strings"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// Explain says in words what an expression means for an event, one line for
// each comparison, and since which kernel its constructs exist. With a nil
// schema it says what can be said without knowing the event.
func Explain(x *Expr, s *trace.Schema) string {
	var b strings.Builder
	if x.Root == nil {
		return "clears the filter: every event passes\n"
	}
	explain(&b, x.Root, s, 0)
	for _, n := range Needs(x) {
		fmt.Fprintf(&b, "%s: Linux %s and newer\n", n.Construct, n.Since)
	}
	return b.String()
}

// A Need is a construct that not every kernel has.
type Need struct {
	Construct string
	Since     string // "6.6"
}

// Needs lists the constructs of an expression that came with a kernel after
// 4.17, which brought the present parser, oldest first.
func Needs(x *Expr) []Need {
	var ustring, function, cpus bool
	for _, t := range x.terms {
		ustring = ustring || t.Ustring
		function = function || t.Function
		cpus = cpus || t.Value.Kind == CPUs
	}
	var out []Need
	if ustring {
		out = append(out, Need{".ustring", "5.17"})
	}
	if function {
		out = append(out, Need{".function", "6.3"})
	}
	if cpus {
		out = append(out, Need{"CPUS{}", "6.6"})
	}
	return out
}

func explain(b *strings.Builder, n Node, s *trace.Schema, depth int) {
	pad := strings.Repeat("  ", depth)
	list := func(head string, nodes []Node) {
		fmt.Fprintf(b, "%s%s:\n", pad, head)
		for _, m := range nodes {
			explain(b, m, s, depth+1)
		}
	}
	switch n := n.(type) {
	case *And:
		list("all of", chain[*And](n))
	case *Or:
		list("any of", chain[*Or](n))
	case *Not:
		list("not", []Node{n.X})
	case *Term:
		fmt.Fprintf(b, "%s%s\n", pad, phrase(n, s))
	}
}

// chain flattens a && b && c, which leans to the left.
func chain[T *And | *Or](n Node) []Node {
	if _, same := n.(T); !same {
		return []Node{n}
	}
	var x, y Node
	switch n := n.(type) {
	case *And:
		x, y = n.X, n.Y
	case *Or:
		x, y = n.X, n.Y
	}
	return append(chain[T](x), y)
}

func phrase(t *Term, s *trace.Schema) string {
	f, ok := lookup(s, t.Field, Env{})
	if !ok {
		return t.Field + " is no field of " + s.Name
	}
	subject := subject(t, f, s)
	v := &t.Value
	switch {
	case t.Function:
		in := "within the function " + v.Text
		if v.Kind == Number {
			in = "within the function that holds " + v.Text
		}
		if t.Op == OpNE {
			in = "not " + in
		}
		return subject + " lies " + in
	case v.Kind == CPUs:
		return subject + " " + cpusPhrase(t, f)
	case v.Kind == Quoted:
		return subject + " " + textPhrase(t, f)
	case v.Kind == Bare:
		return subject + " is one of the functions " + v.Text
	case f.class == classCPU && t.Op == OpBand || f.class == classStack:
		return subject + " compared with " + v.Text + " this way: never true"
	case f.class == classCPUMask:
		return "the word that locates " + t.Field + " in the record, not its CPUs, " + numberPhrase(t)
	}
	return subject + " " + numberPhrase(t)
}

func subject(t *Term, f field, s *trace.Schema) string {
	switch {
	case f.class == classCPU:
		return "the recording CPU (" + t.Field + ")"
	case f.class == classComm:
		return "the name of the running task"
	case f.class == classStack:
		return t.Field
	case f.origin == fromPID:
		return "the pid of the running task"
	case f.own && s != nil && s.System == "ipi" && (t.Field == "cpu" || t.Field == "cpumask"):
		if t.Field == "cpumask" {
			return "the set of target CPUs (cpumask)"
		}
		return "the target CPU (cpu; the sender is CPU)"
	case t.Ustring:
		return "the text in user memory at " + t.Field
	}
	return "the field " + t.Field
}

func cpusPhrase(t *Term, f field) string {
	set := t.Value.Text
	mask := f.class == classCPUMask
	// Whether the list is one CPU needs the number of CPUs; a plain number is.
	_, single := parseUnsigned(trim(set))
	switch {
	case mask && t.Op == OpBand:
		return "has a CPU of " + set + " in it"
	case mask && t.Op == OpEQ:
		return "is exactly " + set
	case mask:
		return "is not exactly " + set
	case t.Op == OpBand:
		return "is one of " + set
	case single && t.Op == OpEQ:
		return "is " + set
	case single:
		return "is not " + set
	case t.Op == OpEQ:
		return "equals the set " + set + " (never true, unless it is one CPU)"
	}
	return "does not equal the set " + set + " (always true, unless it is one CPU)"
}

func textPhrase(t *Term, f field) string {
	p := newPattern(t.Value.Text, t.Op)
	verb := map[matchKind][2]string{
		matchFull:   {"is", "is not"},
		matchFront:  {"begins with", "does not begin with"},
		matchMiddle: {"contains", "does not contain"},
		matchEnd:    {"ends in", "does not end in"},
		matchGlob:   {"matches", "does not match"},
	}[p.kind]
	words := verb[0]
	if p.not {
		words = verb[1]
	}
	out := fmt.Sprintf("%s %q", words, p.text)
	if p.kind == matchEnd {
		switch f.class {
		case classComm:
			out += fmt.Sprintf(" (at the end of the %d-byte array)", commLen)
		case classStatic:
			out += fmt.Sprintf(" (at the end of the %d-byte array)", f.size)
		}
	}
	return out
}

func numberPhrase(t *Term) string {
	words := map[Op]string{
		OpNE: "is not", OpEQ: "is", OpLE: "is at most", OpLT: "is below",
		OpGE: "is at least", OpGT: "is above", OpBand: "has one of the bits of",
	}[t.Op]
	return words + " " + t.Value.Text
}
