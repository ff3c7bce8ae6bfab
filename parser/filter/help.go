package filter

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ipiscope/ipiscope/parser/cpumask"
	"github.com/ipiscope/ipiscope/parser/trace"
)

// This file holds the line of help after each of the kernel's messages.

func quoteRest(s string) string {
	if s == "" {
		return "the end"
	}
	if len(s) > 12 {
		s = s[:12] + "..."
	}
	return strconv.Quote(s)
}

func helpAfterTerm(rest string) string {
	word := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r == ' ' || r == '(' }); i >= 0 {
		word = rest[:i]
	}
	switch {
	case rest[0] == '&':
		return "did you mean &&?"
	case rest[0] == '|':
		return "did you mean ||?"
	case rest[0] == '.':
		return "numbers are whole, and a field is written without its record"
	case rest[0] == '#':
		return "a filter has no comments"
	case word == "and" || word == "AND":
		return "did you mean &&?"
	case word == "or" || word == "OR":
		return "did you mean ||?"
	}
	return "after a comparison only &&, || and ) may follow"
}

func helpOperator(name, rest string) string {
	list, _, isList := strings.Cut(rest, "}")
	switch {
	case strings.HasPrefix(rest, "{") && isList && isSetOfAnotherName(name+rest):
		return "the field comes first: did you mean FIELD & CPUS" + list + "}?"
	case strings.HasPrefix(rest, "."):
		return "a field can carry .function (address within a function) or .ustring (text in user memory), nothing else"
	case strings.HasPrefix(rest, "="):
		return "did you mean ==?"
	case rest == "" || rest[0] == ')' || strings.HasPrefix(rest, "&&") || strings.HasPrefix(rest, "||"):
		return "a field alone is no condition: did you mean " + name + " != 0?"
	}
	return "the operators are == != < <= > >= & and, for texts, ~"
}

// helpField names the field that was meant.
func helpField(s *trace.Schema, name, rest string) string {
	has := func(n string) bool { return s.Ref(n) != trace.NoField }
	switch {
	case (name == "CPUS" || name == "MASK") && strings.HasPrefix(rest, "{"):
		if i := strings.IndexByte(rest, '}'); i >= 0 {
			return "the field comes first: did you mean " + cpuField(s) + " & CPUS" + rest[:i+1] + "?"
		}
	case name == "cpumask" && has("cpu"):
		return s.Name + " has one target, `cpu`: did you mean cpu & CPUS{2-3}? (the sender is CPU)"
	case name == "cpu_mask" && has("cpumask"), name == "cpus" && has("cpumask"):
		return "did you mean cpumask?"
	}
	var names []string
	best, bestDist := "", 3
	for i := range s.Fields {
		f := &s.Fields[i]
		if !f.Common {
			names = append(names, f.Name)
		}
		if d := distance(name, f.Name); d < bestDist {
			best, bestDist = f.Name, d
		}
	}
	for _, n := range []string{"CPU", "COMM", "comm", "common_cpu", "common_pid", "common_flags", "common_preempt_count"} {
		if d := distance(name, n); d < bestDist {
			best, bestDist = n, d
		}
	}
	if best != "" {
		return "did you mean " + best + "?"
	}
	return fmt.Sprintf("%s has %s; every event has CPU, comm, common_pid, common_flags, common_preempt_count and common_type", s.Name, strings.Join(names, ", "))
}

// cpuField is the field that holds the CPUs an event is about.
func cpuField(s *trace.Schema) string {
	if s != nil && s.Ref("cpumask") != trace.NoField {
		return "cpumask"
	}
	return "cpu"
}

// distance is the number of edits between two names, as far as it is below 3.
func distance(a, b string) int {
	if d := len(a) - len(b); d > 2 || d < -2 {
		return 3
	}
	if len(a) < 3 {
		return 3 // everything is near to a short name
	}
	prev, cur := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := range len(a) {
		cur[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i]|0x20 == b[j]|0x20 {
				cost = 0
			}
			cur[j+1] = min(prev[j]+cost, prev[j+1]+1, cur[j]+1)
		}
		prev, cur = cur, prev
	}
	return prev[len(b)]
}

func helpValue(v *test, rest string) string {
	name, op := v.term.Field, v.term.Op
	word := rest
	if i := strings.IndexAny(rest, " )&|"); i >= 0 {
		word = rest[:i]
	}
	switch {
	case rest == "":
		return "there is no value after " + op.String()
	case strings.HasPrefix(rest, "MASK{"):
		if i := strings.IndexByte(rest, '}'); i >= 0 {
			return "MASK{} was never in a released kernel: did you mean CPUS" + rest[4:i+1] + "?"
		}
		return "MASK{} was never in a released kernel: the CPU set is written CPUS{2-3}"
	case rest[0] == '=' || rest[0] == '>' || rest[0] == '<':
		return "the operators are == != < <= > >= & ~"
	case rest[0] == '&' || rest[0] == '|':
		return "there is no value after " + op.String()
	case rest[0] == '{':
		return "did you mean CPUS" + word + "?"
	case isSetOfAnotherName(rest):
		_, list, _ := strings.Cut(rest, "{")
		list, _, _ = strings.Cut(list, "}")
		return "did you mean CPUS{" + strings.TrimSpace(list) + "}?"
	case rest[0] == '(':
		return "a value takes no parentheses"
	case rest[0] == '+':
		return "a number takes no plus sign"
	case v.field.class.text() && v.field.class != classAny:
		return "did you mean " + name + " " + op.String() + ` "` + word + `"?`
	case v.field.size == 8 && (op == OpEQ || op == OpNE) && !strings.ContainsAny(word, "'\""):
		return "did you mean " + name + ".function " + op.String() + " " + word + "?"
	case isHexWord(word):
		return "did you mean 0x" + word + "?"
	}
	return "a value is a number, a text in quotes, or CPUS{list}; fields cannot be compared with each other"
}

// isSetOfAnotherName reports a list of CPUs after a name that is nearly CPUS:
// CPU{6}, cpus{2-3}, CPUMASK{2}.
func isSetOfAnotherName(rest string) bool {
	name, list, ok := strings.Cut(rest, "{")
	if !ok || !strings.Contains(list, "}") {
		return false
	}
	name = strings.TrimSpace(name)
	return len(name) >= len("CPU") && strings.EqualFold(name[:len("CPU")], "CPU") && strings.Trim(strings.ToUpper(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}

func isHexWord(s string) bool {
	for i := 0; i < len(s); i++ {
		if digit(s[i]) >= 16 {
			return false
		}
	}
	return s != ""
}

func helpFunction(name string) string {
	bare := strings.Trim(name, "'\"")
	switch {
	case name == "":
		return "the name of a function is missing"
	case bare != name:
		return "the name takes no quotes: did you mean " + bare + "?"
	case strings.ContainsAny(name, ")"):
		return "the name runs to the next blank: put a blank before the )"
	case strings.ContainsAny(name, "&|"):
		return "the name runs to the next blank: put a blank before && and ||"
	case strings.ContainsAny(name, "*?"):
		return ".function takes a whole name, no pattern"
	}
	return "the kernel's symbols have no " + name
}

func helpCPUList(list string, nr int, err error) string {
	msg := err.Error()
	if i := strings.LastIndex(msg, ": "); i >= 0 {
		msg = msg[i+2:]
	}
	switch {
	case strings.Contains(list, "@isolated"):
		return "@isolated is for --filter; the kernel wants CPU numbers"
	case nr > 0:
		if _, err := cpumask.ParseBitmapList([]byte(list), maxCPUs); err == nil {
			return fmt.Sprintf("the machine has %d CPUs, 0-%d", nr, nr-1)
		}
	}
	return msg + ": a list is written 2-3, 0,4-7 or 0-31:2/8"
}

func helpNumeric(v *test, rest string) string {
	inner := strings.Trim(rest, "'\"")
	if i := strings.IndexByte(rest[1:], rest[0]); i >= 0 {
		inner = rest[1 : i+1]
	}
	name := v.term.Field
	switch {
	case v.field.class == classCPUMask || v.field.class == classCPU:
		return "`" + name + "` holds CPUs: did you mean " + name + " & CPUS{" + inner + "}?"
	case v.term.Op == OpGlob:
		return "~ is for texts, and `" + name + "` is a number: did you mean " + name + " == " + inner + "?"
	case v.field.size == 8 && inner != "" && !isDigit(inner[0]):
		return "did you mean " + name + ".function " + v.term.Op.String() + " " + inner + "?"
	}
	return "`" + name + "` is a number: write it without quotes"
}

func helpInteger(v *test, s *trace.Schema) string {
	if strings.HasPrefix(v.term.Value.Text, "-") && !v.field.signed {
		if v.term.Field == "cpu" && v.field.own && s != nil && s.System == "ipi" {
			return "`cpu` is the target here and never negative; the sender is CPU"
		}
		return "`" + v.term.Field + "` is unsigned and never negative"
	}
	return "a number is written 15, 0xf or 017, and fits in 64 bits"
}
