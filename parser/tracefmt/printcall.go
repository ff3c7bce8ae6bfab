package tracefmt

import "strconv"

// call reads a function of the print fmt language, include/trace/stages/
// stage3_trace_output.h, behind its name.
func (p *printParser) call(name token) *node {
	p.expect("(")
	n := p.node(node{})
	switch name.text {
	case "__print_flags", "__print_flags_u64":
		n.op, n.a = opFlags, p.expr()
		p.expect(",")
		n.text = p.delimiter()
		n.names = p.flagNames(true)
	case "__print_symbolic", "__print_symbolic_u64":
		n.op, n.a = opSymbol, p.expr()
		n.names = p.flagNames(false)
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
		n.op, n.field = opDynArray, p.fieldName()
	case "__get_dynamic_array_len", "__get_rel_dynamic_array_len":
		n.op, n.field = opDynArrayLen, p.fieldName()
	case "__get_sockaddr", "__get_rel_sockaddr":
		n.op, n.field = opSockaddr, p.fieldName()
	case "__print_ns_to_secs":
		n.op, n.a = opSeconds, p.expr()
	case "__print_ns_without_secs":
		n.op, n.a = opSecondsRest, p.expr()
	case "__builtin_expect":
		n = p.expr()
		p.expect(",")
		p.expr()
	case "sizeof":
		n.op, n.value = opConst, p.sizeOf()
	default:
		p.helper(n, name)
	}
	p.expect(")")
	return n
}

// arrayArgs reads an array and its number of bytes or elements.
func (p *printParser) arrayArgs(n *node) {
	n.a = p.expr()
	p.expect(",")
	n.b = p.expr()
}

func (p *printParser) hexDump(n *node) {
	n.op, n.text = opHexDump, p.stringLit()
	for range 3 { // prefix type, row and group size: libtraceevent ignores them
		p.expect(",")
		p.expr()
	}
	p.expect(",")
	p.arrayArgs(n)
	p.expect(",")
	p.expr()
}

// delimiter is a string, or something else that stands for none.
func (p *printParser) delimiter() string {
	if p.tok.kind == tokString {
		return p.stringLit()
	}
	p.expr()
	return ""
}

// flagNames reads ", { value, "name" }" pairs up to the closing parenthesis.
func (p *printParser) flagNames(flags bool) []flagName {
	var names []flagName
	for p.accept(",") {
		if !p.accept("{") {
			break
		}
		if p.accept("}") {
			continue
		}
		at := p.tok.off
		value := p.flagValue(p.expr(), at, flags)
		p.expect(",")
		name := p.flagText()
		p.expect("}")
		names = append(names, flagName{value, name})
	}
	return names
}

// flagText is the text of a pair: a string, or what stands where there is none,
// ((void *)0) at the end of a list.
func (p *printParser) flagText() string {
	at := p.tok.off
	n := p.expr()
	if n.op == opText {
		for p.tok.kind == tokString {
			n.text += p.tok.text
			p.advance()
		}
		return n.text
	}
	v, ok := constant(n, 0)
	if !ok {
		p.fail(at, "a flag's text is no constant")
	}
	return strconv.FormatInt(v, 10)
}

// flagValue is the number of a pair. What is not a number, or negative, is -1
// as in libtraceevent (eval_flag).
func (p *printParser) flagValue(n *node, at int, flags bool) int64 {
	if n.op == opName {
		if v, ok := softirqName(n.text); ok {
			return v
		}
		return -1
	}
	v, ok := constant(n, 0)
	if !ok {
		p.fail(at, "a flag's value is no constant")
	}
	if v < 0 && n.op != opConst {
		return -1
	}
	return v
}

// sizeOf reads the operand of sizeof: a type or a field.
func (p *printParser) sizeOf() uint64 {
	if p.tok.kind == tokName && p.tok.text == "REC" {
		p.advance()
		p.expect("->")
		if f := p.fieldName(); f != nil {
			return uint64(f.Size)
		}
		return 0
	}
	var typ string
	for p.tok.kind == tokName || p.isOp("*") {
		typ += p.tok.text + " "
		p.advance()
	}
	switch typ {
	case "char ", "u8 ", "s8 ", "__u8 ", "unsigned char ", "bool ":
		return 1
	case "short ", "u16 ", "s16 ", "__u16 ", "unsigned short ":
		return 2
	case "int ", "u32 ", "s32 ", "__u32 ", "unsigned int ", "unsigned ":
		return 4
	case "u64 ", "s64 ", "__u64 ", "long long ", "unsigned long long ":
		return 8
	case "long ", "unsigned long ", "size_t ":
		return uint64(p.longSize)
	}
	if len(typ) > 2 && typ[len(typ)-2] == '*' {
		return uint64(p.longSize)
	}
	p.fail(p.tok.off, "sizeof of an unknown type %q", typ)
	return 0
}
