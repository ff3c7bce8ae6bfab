package printfmt

import (
	"strconv"

	"github.com/ipiscope/ipiscope/parser/trace"
)

// call reads a function of the print fmt language, include/trace/stages/
// stage3_trace_output.h, after its name.
func (p *parser) call(name token) *node {
	p.expect("(")
	n := p.node(node{})
	switch name.text {
	case "__print_flags", "__print_flags_u64":
		n.op, n.a = opFlags, p.expr()
		p.expect(",")
		n.text = p.delimiter()
		n.names = p.flagNames()
	case "__print_symbolic", "__print_symbolic_u64":
		n.op, n.a = opSymbol, p.expr()
		n.names = p.flagNames()
	case "__print_hex":
		n.op = opHex
		p.arrayArgs(n)
	case "__print_hex_str":
		n.op = opHexStr
		p.arrayArgs(n)
	case "__print_array":
		n.op = opArray
		p.arrayArgs(n)
		p.expect(",")
		n.c = p.expr()
	case "__print_dynamic_array":
		n.op, n.field = opDynPrint, p.fieldName()
		p.expect(",")
		n.b = p.expr()
	case "__print_hex_dump":
		p.hexDump(n)
	case "__get_str", "__get_rel_str":
		n.op, n.field = opString, p.fieldName()
	case "__get_bitmask", "__get_rel_bitmask":
		n.op, n.field = opBitmask, p.fieldName()
	case "__get_cpumask", "__get_rel_cpumask":
		n.op, n.field = opCPUMask, p.fieldName()
	case "__get_dynamic_array", "__get_rel_dynamic_array":
		n.op, n.field = opDynArray, p.knownField()
	case "__get_dynamic_array_len", "__get_rel_dynamic_array_len":
		n.op, n.field = opDynArrayLen, p.knownField()
	case "__get_sockaddr", "__get_rel_sockaddr":
		n.op, n.field = opSockaddr, p.knownField()
	case "__print_ns_to_secs":
		n.op, n.a = opSeconds, p.expr()
	case "__print_ns_without_secs":
		n.op, n.a = opSecondsRest, p.expr()
	case "__builtin_expect":
		n = p.item() // no operation, as libtraceevent reads it
		p.expect(",")
		p.item()
	case "sizeof":
		n.op, n.value = opConst, p.sizeOf()
		n.text = strconv.FormatUint(n.value, 10)
	default:
		p.helper(n, name)
	}
	p.expect(")")
	return n
}

// knownField reads the name of a field that must be there.
func (p *parser) knownField() *trace.Field {
	at := p.tok
	f := p.fieldName()
	if f == nil && p.err == nil {
		p.fail(at.off, "the event has no field %q", at.text)
	}
	return f
}

// arrayArgs reads an array and its number of bytes or elements.
func (p *parser) arrayArgs(n *node) {
	n.a = p.expr()
	p.expect(",")
	n.b = p.expr()
}

// delimiter is a string, or a word, which stands for itself.
func (p *parser) delimiter() string {
	text := p.tok.text
	if p.tok.kind == tokOp || p.tok.kind == tokEnd {
		p.fail(p.tok.off, "want a string, found %q", text)
		return ""
	}
	p.advance()
	return text
}

// flagNames reads ", { value, "name" }" pairs up to the closing parenthesis.
func (p *parser) flagNames() []flagName {
	var names []flagName
	p.expect(",")
	for p.accept("{") {
		at := p.tok.off
		value := flagValue(p.flagWord(at))
		p.expect(",")
		at = p.tok.off
		text := p.flagWord(at)
		p.expect("}")
		names = append(names, flagName{value, text})
		if !p.accept(",") {
			break
		}
	}
	return names
}

// flagWord is one side of a pair as a word: libtraceevent computes both
// (src/event-parse.c, arg_eval).
func (p *parser) flagWord(at int) string {
	n := p.expr()
	for n.op == opCast {
		n = n.a
	}
	switch n.op {
	case opConst, opName, opText:
		return n.text
	}
	v, ok := constant(n, 0)
	if !ok {
		p.fail(at, "a pair of a list holds no constant")
	}
	return strconv.FormatInt(v, 10)
}

// flagValue is the number of a pair's first word, -1 if it is none (eval_flag).
func flagValue(word string) int64 {
	if word != "" && isDigit(word[0]) {
		return int64(number(word))
	}
	if v, ok := softirqName(word); ok {
		return v
	}
	return -1
}

// sizeOf reads the operand of sizeof: a field that is no array, or one of the
// types that libtraceevent knows (src/event-parse.c, process_sizeof).
func (p *parser) sizeOf() uint64 {
	at := p.tok
	if at.text == "REC" {
		p.advance()
		p.expect("->")
		if f := p.fieldName(); f != nil && !isArray(f) {
			return uint64(f.Size)
		}
		p.fail(at.off, "sizeof of a field that is not there or an array")
		return 0
	}
	p.advance()
	switch at.text {
	case "unsigned":
		if p.tok.kind == tokOp {
			return 4
		}
		return p.sizeOf()
	case "int", "u32", "s32", "__u32", "__s32":
		return 4
	case "long":
		if p.tok.text == "long" {
			p.advance()
			return 8
		}
		return uint64(p.longSize)
	case "u64", "s64", "__u64", "__s64":
		return 8
	case "u16", "s16", "__u16", "__s16":
		return 2
	case "u8", "s8", "__u8":
		return 1
	}
	p.fail(at.off, "sizeof of an unknown type %q", at.text)
	return 0
}
